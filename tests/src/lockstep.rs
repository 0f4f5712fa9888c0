//! Drives the model and all backends through the same steps, and finds the fewest that show a difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use convostore::testing::ManualClock;
use convostore::{Clock as _, ExportOptions, ImportOptions, Store, StoreOptions, Timestamp};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::model::Model;
use crate::operations::{self, Archives, Stop};
use crate::scenario::{ClockMove, Step};
use crate::world::{Kind, World, postgres_url};

/// The handles that steps name: a tenant, and which of two handles on its data.
pub const HANDLES: [&str; 4] = ["a", "a2", "b", "b2"];
/// The tenants.
pub const TENANTS: [&str; 2] = ["a", "b"];
/// What the clock shows at first: 2026-01-01T00:00:00Z.
pub const NEW_YEAR: i64 = 1_767_225_600_000;

/// A step that opens every storage again that lasts.
pub const REOPEN: &str = "reopen";
/// A step that ends every process that has a lasting storage open, and opens the storage again.
pub const CRASH: &str = "crash";
/// A step that archives every storage, compares the archives, and replaces those that travel by what their archive makes of a fresh one.
pub const ARCHIVE: &str = "archive";

/// Where a backend and the model differ.
#[derive(Debug)]
pub struct Difference {
    /// The index of the step.
    pub step: usize,
    /// What the model gave, where the step is a call.
    pub expected: Option<Result<Answer, String>>,
    /// Which backend, and how.
    pub problem: String,
}

/// The model and all backends, side by side.
pub struct Lockstep {
    /// The model.
    pub model: Model,
    clock: Arc<ManualClock>,
    fresh_id: Arc<Mutex<String>>,
    results: BTreeMap<String, Answer>,
    subjects: Vec<Subject>,
    steps: usize,
    /// How often each operation ended in what: `ok` or an error's code.
    pub tally: Tally,
}

/// How often each operation ended in what.
pub type Tally = BTreeMap<String, BTreeMap<String, u64>>;

/// A storage that is held against the model.
struct Subject {
    name: &'static str,
    world: World,
    reopens: bool,
    travels: bool,
    stores: BTreeMap<&'static str, Store>,
    results: BTreeMap<String, Answer>,
}

impl Subject {
    fn reopen(&mut self) -> convostore::Result<()> {
        self.stores.clear();
        self.world.reopen()
    }

    /// The handles that were open stay so until what they left is open again.
    fn crash(&mut self) -> convostore::Result<()> {
        let crashed = self.world.crash();
        self.stores.clear();
        crashed
    }
}

impl Lockstep {
    /// Empty storages; PostgreSQL, which takes most of the time, where it is asked for and can be had.
    pub fn new(with_postgres: bool) -> Self {
        let mut lockstep = Self {
            model: Model::default(),
            clock: Arc::new(ManualClock::at(Timestamp::from_millis_clamped(NEW_YEAR))),
            fresh_id: Arc::default(),
            results: BTreeMap::new(),
            subjects: Vec::new(),
            steps: 0,
            tally: Tally::new(),
        };
        for (name, kind, reopens, travels) in [
            ("memory", Kind::Memory, false, false),
            ("sqlite", Kind::Sqlite, false, false),
            ("memory, kept and rebuilt", Kind::Kept, true, false),
            ("sqlite, opened again", Kind::Sqlite, true, false),
            ("archived and imported", Kind::Memory, false, true),
            ("postgres", Kind::Postgres, false, false),
        ] {
            if kind == Kind::Postgres && !(with_postgres && postgres_url().is_some()) {
                continue;
            }
            let world = World::new(kind).unwrap();
            let stores = lockstep.open(&world);
            lockstep.subjects.push(Subject {
                name,
                world,
                reopens,
                travels,
                stores,
                results: BTreeMap::new(),
            });
        }
        lockstep
    }

    /// What the clock shows.
    pub fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    fn open(&self, world: &World) -> BTreeMap<&'static str, Store> {
        let second = world.second_handle().unwrap();
        HANDLES
            .into_iter()
            .map(|handle| {
                let backend = if handle.ends_with('2') {
                    Arc::clone(&second)
                } else {
                    world.backend()
                };
                let (clock, id) = (Arc::clone(&self.clock), Arc::clone(&self.fresh_id));
                let store = StoreOptions::new()
                    .tenant(&handle[..1])
                    .clock(move || clock.now())
                    .ids(move |_| id.lock().unwrap().clone())
                    .roles(["critic"])
                    .with_backend(backend);
                (handle, store.unwrap())
            })
            .collect()
    }

    /// Takes one step.
    pub fn step(&mut self, step: &Step) -> Result<(), Difference> {
        self.steps += 1;
        if let Some(ClockMove::Set(millis)) = step.clock {
            self.clock.set(Timestamp::from_millis_clamped(millis));
            return Ok(());
        }
        match step.call.as_str() {
            REOPEN => self.open_again(Subject::reopen),
            CRASH => self.open_again(Subject::crash),
            ARCHIVE => self.archive(),
            _ => self.call(step),
        }
    }

    fn difference(&self, expected: Option<Result<Answer, String>>, problem: String) -> Difference {
        Difference {
            step: self.steps - 1,
            expected,
            problem,
        }
    }

    fn call(&mut self, step: &Step) -> Result<(), Difference> {
        let fresh_id = format!("drawn-{}", self.steps);
        self.fresh_id.lock().unwrap().clone_from(&fresh_id);
        let on = step.on.as_deref().unwrap_or("a");
        let now = self.now();
        let Some(args) = resolve(&step.args, &self.results) else {
            return Ok(()); // what it refers to was left out when steps were left out
        };
        let expected = self
            .model
            .tenant(&on[..1])
            .call(&step.call, &args, now, &fresh_id)
            .map_err(str::to_owned);
        let outcome = expected
            .as_ref()
            .err()
            .map_or("ok", String::as_str)
            .to_owned();
        *self
            .tally
            .entry(step.call.clone())
            .or_default()
            .entry(outcome)
            .or_default() += 1;
        let mut problem = None;
        for subject in &mut self.subjects {
            let Some(args) = resolve(&step.args, &subject.results) else {
                continue; // a difference that was told when it came up
            };
            let actual =
                match operations::call(&subject.stores[on], &step.call, args, &Archives::new()) {
                    Ok(done) => Ok(done.answer),
                    Err(Stop::Error(e)) => Err(e.code().as_str().to_owned()),
                    Err(Stop::Scenario(wrong)) => {
                        panic!("the generator made a wrong step: {wrong}")
                    }
                };
            if let (Some(name), Ok(answer)) = (&step.keep, &actual) {
                subject.results.insert(name.clone(), answer.clone());
            }
            if problem.is_none() {
                problem =
                    difference(&expected, &actual).map(|how| format!("{}: {how}", subject.name));
            }
        }
        if let (Some(name), Ok(answer)) = (&step.keep, &expected) {
            self.results.insert(name.clone(), answer.clone());
        }
        match problem {
            Some(problem) => Err(self.difference(Some(expected), problem)),
            None => Ok(()),
        }
    }

    fn open_again(
        &mut self,
        again: fn(&mut Subject) -> convostore::Result<()>,
    ) -> Result<(), Difference> {
        for index in 0..self.subjects.len() {
            let subject = &mut self.subjects[index];
            if subject.reopens {
                if let Err(e) = again(subject) {
                    let problem = format!("{}: opening again: {e}", subject.name);
                    return Err(self.difference(None, problem));
                }
                self.subjects[index].stores = self.open(&self.subjects[index].world);
            }
        }
        Ok(())
    }

    fn archive(&mut self) -> Result<(), Difference> {
        let mut archives: Option<Vec<Vec<u8>>> = None;
        for subject in &self.subjects {
            let own = match export(&subject.stores) {
                Ok(own) => own,
                Err(e) => {
                    return Err(self.difference(None, format!("{}: exporting: {e}", subject.name)));
                }
            };
            match &archives {
                None => archives = Some(own),
                Some(first) if *first != own => {
                    let problem = format!(
                        "{}: its archive is not that of {}",
                        subject.name, self.subjects[0].name
                    );
                    return Err(self.difference(None, problem));
                }
                Some(_) => {}
            }
        }
        let archives = archives.unwrap_or_default();
        for index in 0..self.subjects.len() {
            if !self.subjects[index].travels {
                continue;
            }
            // Back and forth between the two backends.
            let kind = match self.subjects[index].world.kind() {
                Kind::Memory => Kind::Sqlite,
                _ => Kind::Memory,
            };
            let world = World::new(kind).unwrap();
            let stores = self.open(&world);
            for (tenant, archive) in TENANTS.iter().zip(&archives) {
                if let Err(e) =
                    stores[tenant].import_archive(archive.as_slice(), ImportOptions::new())
                {
                    return Err(self.difference(None, format!("importing into {kind}: {e}")));
                }
            }
            let again = export(&stores);
            if again.as_ref().ok() != Some(&archives) {
                let problem = format!(
                    "an import into {kind} is exported differently ({:?})",
                    again.err()
                );
                return Err(self.difference(None, problem));
            }
            self.subjects[index].world = world;
            self.subjects[index].stores = stores;
        }
        Ok(())
    }
}

/// Runs steps from the beginning until something differs.
pub fn replay(steps: &[Step], with_postgres: bool) -> Option<Difference> {
    let mut lockstep = Lockstep::new(with_postgres);
    steps.iter().find_map(|step| lockstep.step(step).err())
}

/// As few of the steps as still differ somewhere, and how.
pub fn shrink(
    mut steps: Vec<Step>,
    mut difference: Difference,
    with_postgres: bool,
) -> (Vec<Step>, Difference) {
    steps.truncate(difference.step + 1);
    let mut replays = 400;
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < steps.len() && replays > 0 {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + chunk).min(steps.len()));
            replays -= 1;
            match replay(&fewer, with_postgres) {
                Some(found) => {
                    fewer.truncate(found.step + 1);
                    (steps, difference) = (fewer, found);
                }
                None => start += chunk,
            }
        }
        chunk /= 2;
    }
    (steps, difference)
}

/// The steps as a scenario that can be kept, but for the steps `reopen`, `crash` and `archive`, which are the model test's own.
pub fn as_scenario(steps: &[Step], difference: &Difference) -> String {
    let mut out = String::from(
        "{\n  \"title\": \"…\",\n  \"stores\": { \"a\": { \"tenant\": \"a\" }, \"a2\": { \"tenant\": \"a\" }, \"b\": { \"tenant\": \"b\" }, \"b2\": { \"tenant\": \"b\" } },\n  \"steps\": [",
    );
    for (index, step) in steps.iter().enumerate() {
        let mut shown = Map::new();
        if let Some(ClockMove::Set(millis)) = step.clock {
            shown.insert("clock".to_owned(), json!({ "set": millis }));
        } else {
            shown.insert("call".to_owned(), json!(step.call));
            if let Some(on) = &step.on {
                shown.insert("on".to_owned(), json!(on));
            }
            if !step.args.is_empty() {
                shown.insert("args".to_owned(), json!(step.args));
            }
            if let Some(name) = &step.keep {
                shown.insert("as".to_owned(), json!(name));
            }
        }
        if index == difference.step {
            match &difference.expected {
                Some(Ok(answer)) => drop(shown.insert("expect".to_owned(), answer.to_value())),
                Some(Err(code)) => drop(shown.insert("error".to_owned(), json!(code))),
                None => {}
            }
        }
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\n    {}", Value::Object(shown)).unwrap();
    }
    out.push_str("\n  ]\n}");
    out
}

/// The archives of all tenants.
fn export(stores: &BTreeMap<&'static str, Store>) -> convostore::Result<Vec<Vec<u8>>> {
    TENANTS
        .iter()
        .map(|tenant| {
            let mut bytes = Vec::new();
            stores[tenant].export_archive(&mut bytes, ExportOptions::new())?;
            Ok(bytes)
        })
        .collect()
}

/// Puts in what `"$name.path"` stands for; nothing where there is no such thing.
fn resolve(
    args: &Map<String, Value>,
    results: &BTreeMap<String, Answer>,
) -> Option<Map<String, Value>> {
    args.iter()
        .map(|(name, value)| {
            let value = match value.as_str().and_then(|text| text.strip_prefix('$')) {
                Some(reference) => {
                    let (kept, path) = reference.split_once('.')?;
                    results.get(kept)?.at(path)?.to_value()
                }
                None => value.clone(),
            };
            Some((name.clone(), value))
        })
        .collect()
}

fn difference(
    expected: &Result<Answer, String>,
    actual: &Result<Answer, String>,
) -> Option<String> {
    match (expected, actual) {
        (Ok(expected), Ok(actual)) => compare("result", "", expected, actual),
        (Err(expected), Err(actual)) if expected == actual => None,
        (expected, actual) => {
            let show = |outcome: &Result<Answer, String>| match outcome {
                Ok(answer) => answer.brief(),
                Err(code) => format!("the error {code}"),
            };
            Some(format!("expected {}, got {}", show(expected), show(actual)))
        }
    }
}

/// The first place that differs. `expected` may leave members out.
fn compare(path: &str, name: &str, expected: &Answer, actual: &Answer) -> Option<String> {
    let same = match (expected, actual) {
        (Answer::Object(expected), Answer::Object(actual)) => {
            return expected.iter().find_map(|(name, expected)| {
                let nothing = Answer::Nothing;
                compare(
                    &format!("{path}.{name}"),
                    name,
                    expected,
                    actual.get(name).unwrap_or(&nothing),
                )
            });
        }
        (Answer::List(expected), Answer::List(actual)) if expected.len() == actual.len() => {
            if matches!(name, "statuses" | "moves" | "final_statuses") {
                let sorted = |items: &[Answer]| {
                    let mut texts: Vec<String> = items.iter().map(Answer::brief).collect();
                    texts.sort();
                    texts
                };
                sorted(expected) == sorted(actual)
            } else {
                let mut pairs = expected.iter().zip(actual).enumerate();
                return pairs.find_map(|(index, (expected, actual))| {
                    compare(&format!("{path}.{index}"), "", expected, actual)
                });
            }
        }
        // Each has cursors of its own; whether bytes can be erased is the storage's matter.
        (Answer::Text(_), Answer::Text(_)) if matches!(name, "next_cursor" | "erasure") => true,
        // The model merges values, not texts.
        (Answer::Json(expected), Answer::Json(actual)) if matches!(name, "metadata" | "data") => {
            let value = |text: &str| serde_json::from_str::<Value>(text).ok();
            expected == actual || value(expected) == value(actual)
        }
        (expected, actual) => expected == actual,
    };
    (!same).then(|| {
        format!(
            "{path}: expected {}, got {}",
            expected.brief(),
            actual.brief()
        )
    })
}
