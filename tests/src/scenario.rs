//! A scenario file, read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One behaviour: see `scenarios/README.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The behaviour, one sentence.
    pub title: String,
    /// How the store is opened.
    #[serde(default)]
    pub store: StoreOptions,
    /// Further stores on the same backend.
    #[serde(default)]
    pub stores: BTreeMap<String, OtherStore>,
    /// What the clock shows at first.
    #[serde(default = "new_year")]
    pub now: i64,
    /// What is done, and what must come of it.
    pub steps: Vec<Step>,
}

/// 2026-01-01T00:00:00Z
fn new_year() -> i64 {
    1_767_225_600_000
}

/// How the main store is opened.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreOptions {
    /// Whose data it is.
    pub tenant: Option<String>,
    /// How ids are made.
    pub ids: Option<String>,
    /// Roles besides the built-in ones.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The rule for previews.
    pub preview: Option<String>,
}

/// A further store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherStore {
    /// Whose data it is.
    pub tenant: String,
}

/// A call with what must come of it, or a movement of the clock.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Moves the clock. Stands alone.
    pub clock: Option<ClockMove>,
    /// The operation.
    #[serde(default)]
    pub call: String,
    /// The store to call it on.
    pub on: Option<String>,
    /// The arguments.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// The name to keep the result under.
    #[serde(rename = "as")]
    pub keep: Option<String>,
    /// A subset of the result; `null` differs from absent.
    #[serde(default, deserialize_with = "given")]
    pub expect: Option<Value>,
    /// The code of the error that must come.
    pub error: Option<String>,
    /// A subset of its details.
    pub details: Option<Value>,
    /// How often.
    pub times: Option<u64>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A movement of the manual clock, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMove {
    /// To this moment.
    Set(i64),
    /// By so much, back if negative.
    Advance(i64),
}

/// The folder of all scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All scenario files by their path below [`folder`], without `.json`, in order.
pub fn files() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    collect(&folder(), "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), found);
        } else if let Some(stem) = name.strip_suffix(".json") {
            found.insert(format!("{prefix}{stem}"), path);
        }
    }
}

/// Reads one file.
pub fn read(path: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|e| format!("{} is no scenario: {e}", path.display()))
}
