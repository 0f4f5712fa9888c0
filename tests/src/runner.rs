//! Runs a scenario on a backend.

use std::collections::BTreeMap;
use std::sync::Arc;

use convostore::testing::{CountingIds, ManualClock};
use convostore::{
    Clock as _, IdScheme, IdSource as _, PreviewRule, Store, StoreOptions, Timestamp,
};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, details};
use crate::expect::mismatch;
use crate::operations::{self, Archives, Stop};
use crate::scenario::{ClockMove, Scenario, Step};
use crate::world::{Kind, World};

/// Runs a scenario on a fresh backend. Says which step failed and how.
pub fn run(scenario: &Scenario, kind: Kind) -> Result<(), String> {
    let mut run = Run::new(scenario, kind).map_err(|e| format!("opening: {e}"))?;
    for (index, step) in scenario.steps.iter().enumerate() {
        let times = step.times.unwrap_or(1);
        for i in 1..=times {
            run.step(step, step.times.map(|_| i)).map_err(|problem| {
                let what = if step.call.is_empty() {
                    "clock"
                } else {
                    &step.call
                };
                let of = if times > 1 {
                    format!(" ({i} of {times})")
                } else {
                    String::new()
                };
                format!(
                    "step {}{of}, {what}: {problem}\n  title: {}",
                    index + 1,
                    scenario.title
                )
            })?;
        }
    }
    Ok(())
}

/// The name of the main store; no scenario calls another one so.
const MAIN: &str = "";

struct Run<'a> {
    scenario: &'a Scenario,
    world: World,
    clock: Arc<ManualClock>,
    ids: Arc<CountingIds>,
    stores: BTreeMap<&'a str, Store>,
    is_closed: bool,
    results: BTreeMap<String, Answer>,
    archives: Archives,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, kind: Kind) -> Result<Self, String> {
        let now = Timestamp::from_millis(scenario.now).map_err(|e| e.to_string())?;
        let mut run = Self {
            scenario,
            world: World::new(kind).map_err(|e| e.to_string())?,
            clock: Arc::new(ManualClock::at(now)),
            ids: Arc::new(CountingIds::new()),
            stores: BTreeMap::new(),
            is_closed: false,
            results: BTreeMap::new(),
            archives: Archives::new(),
        };
        run.open()?;
        Ok(run)
    }

    /// Opens the stores on the open backend. The clock and the counting ids go on.
    fn open(&mut self) -> Result<(), String> {
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        let given = &self.scenario.store;
        let mut options = StoreOptions::new()
            .clock(move || clock.now())
            .roles(given.roles.iter().map(String::as_str));
        if let Some(tenant) = &given.tenant {
            options = options.tenant(tenant);
        }
        if let Some(rule) = &given.preview {
            let rule = PreviewRule::from_name(rule);
            options = options.preview(rule.ok_or("there is no such preview rule")?);
        }
        options = match given.ids.as_deref() {
            None => options,
            Some("counting") => options.ids(move |now| ids.new_id(now)),
            Some(name) => {
                options.id_scheme(IdScheme::from_name(name).ok_or("there is no such id scheme")?)
            }
        };
        let main = options
            .with_backend(self.world.backend())
            .map_err(|e| e.to_string())?;
        for (name, other) in &self.scenario.stores {
            let store = main.for_tenant(&other.tenant).map_err(|e| e.to_string())?;
            self.stores.insert(name, store);
        }
        self.stores.insert(MAIN, main);
        self.is_closed = false;
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.stores.clear();
        self.world
            .reopen()
            .map_err(|e| format!("opening again: {e}"))?;
        self.open()
    }

    fn step(&mut self, step: &Step, repetition: Option<u64>) -> Result<(), String> {
        if let Some(movement) = step.clock {
            let now = match movement {
                ClockMove::Set(millis) => millis,
                ClockMove::Advance(millis) => self.clock.now().as_millis() + millis,
            };
            self.clock
                .set(Timestamp::from_millis(now).map_err(|e| e.to_string())?);
            return Ok(());
        }
        if step.call == "reopen" {
            return self.reopen();
        }
        if self.world.kind() == Kind::SqliteReopened && !self.is_closed {
            self.reopen()?;
        }
        self.is_closed |= step.call == "close";
        self.call(step, repetition)
    }

    fn call(&mut self, step: &Step, repetition: Option<u64>) -> Result<(), String> {
        let mut args = Map::new();
        for (name, value) in &step.args {
            let value = match name.as_str() {
                "archive" => value.clone(), // a reference to bytes
                _ => self.resolve(value, repetition)?,
            };
            args.insert(name.clone(), value);
        }
        let name = step.on.as_deref().unwrap_or(MAIN);
        let store = self
            .stores
            .get(name)
            .ok_or_else(|| format!("there is no store {name:?}"))?;
        match (
            operations::call(store, &step.call, args, &self.archives),
            &step.error,
        ) {
            (Err(Stop::Scenario(problem)), _) => Err(problem),
            (Err(Stop::Error(e)), None) => Err(format!("expected a result, got the error {e}")),
            (Err(Stop::Error(e)), Some(code)) if e.code().as_str() != code => {
                Err(format!("expected the error {code}, got {e}"))
            }
            (Err(Stop::Error(e)), Some(_)) => match &step.details {
                None => Ok(()),
                Some(expected) => {
                    let expected = self.resolve(expected, repetition)?;
                    mismatch(&details(&e), &expected).map_or(Ok(()), |problem| {
                        Err(problem.replacen("result", "details", 1))
                    })
                }
            },
            (Ok(done), Some(code)) => Err(format!(
                "expected the error {code}, got {}",
                done.answer.brief()
            )),
            (Ok(done), None) => {
                if let Some(name) = &step.keep {
                    self.results.insert(name.clone(), done.answer.clone());
                    if let Some(bytes) = done.archive {
                        self.archives.insert(name.clone(), bytes);
                    }
                }
                let Some(expected) = &step.expect else {
                    return Ok(());
                };
                let expected = self.resolve(expected, repetition)?;
                mismatch(&done.answer, &expected).map_or(Ok(()), Err)
            }
        }
    }

    /// Puts in what references, repetitions and nestings stand for.
    fn resolve(&self, value: &Value, repetition: Option<u64>) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => {
                let text = match repetition {
                    Some(i) => text.replace("$i", &i.to_string()),
                    None => text.clone(),
                };
                match text.strip_prefix('$') {
                    Some(reference) => self.reference(reference)?,
                    None => json!(text),
                }
            }
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolve(item, repetition))
                .collect::<Result<_, _>>()?,
            Value::Object(members) => {
                if let Some(text) = repeated(value) {
                    json!(text)
                } else if let Some(depth) = value.get("$nested").and_then(Value::as_u64) {
                    let depth = usize::try_from(depth).map_err(|e| e.to_string())?;
                    json!({ "$json": format!("{}{}", "[".repeat(depth), "]".repeat(depth)) })
                } else if value.get("$json").is_some() {
                    value.clone()
                } else {
                    let mut out = Map::new();
                    for (name, value) in members {
                        out.insert(name.clone(), self.resolve(value, repetition)?);
                    }
                    out.into()
                }
            }
            other => other.clone(),
        })
    }

    fn reference(&self, reference: &str) -> Result<Value, String> {
        let (name, path) = match reference.split_once('.') {
            Some((name, path)) => (name, Some(path)),
            None => (reference, None),
        };
        let kept = self
            .results
            .get(name)
            .ok_or_else(|| format!("nothing was kept under the name {name:?}"))?;
        let part = match path {
            Some(path) => kept.at(path),
            None => Some(kept.clone()),
        };
        part.map(|part| part.to_value())
            .ok_or_else(|| format!("{reference:?} leads nowhere in {}", kept.brief()))
    }
}

/// The text of `{ "$repeat": [text, n] }`.
fn repeated(value: &Value) -> Option<String> {
    let [text, n] = value.get("$repeat")?.as_array()?.as_slice() else {
        return None;
    };
    Some(text.as_str()?.repeat(usize::try_from(n.as_u64()?).ok()?))
}
