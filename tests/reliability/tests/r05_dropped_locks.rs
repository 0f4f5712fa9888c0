//! R5: whoever opens and closes the files in this process drops our locks; nothing acknowledged is lost, nothing is there twice.
//!
//! Closing a plain descriptor does to POSIX locks what closing another SQLite's connection does; the real one is the Python package's test.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{Append, AppendRow, Backend};
use convostore::{
    Content, ErrorCode, MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions, Timestamp,
};
use reliability::control::{control_of, is_control, say_seen};
use reliability::files::{Disturbance, open_and_close};
use reliability::{Chance, Effort, Verdict, Worker, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PATIENCE: Duration = Duration::from_secs(120);
const ROUNDS_OF_A_FILE: u64 = 25;

#[test]
fn nothing_is_lost_when_locks_are_dropped() {
    let seed = seed();
    if is_control() {
        let (_, lost) = run(Effort::new(50, 50), seed, false);
        return say_seen(lost);
    }
    let (rounds, violations) = run(Effort::new(500, 100_000), seed, true);
    // In a process of its own: who opens the database anew cuts the `-shm` file when all locks on it are gone, and the kernel kills the process that
    // has it mapped.
    let lost = control_of("nothing_is_lost_when_locks_are_dropped", seed);
    Verdict {
        guarantee: "R5 rust",
        runs: rounds,
        violations,
        control_violations: Some(lost),
    }
    .record();
}

fn run(effort: Effort, seed: u64, guarded: bool) -> (u64, u64) {
    let mut chance = Chance::new(seed);
    let mut scene = Scene::new(guarded);
    let (mut rounds, mut violations) = (0, 0);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    while effort.goes_on(rounds) {
        scene.round(rounds, &mut chance);
        rounds += 1;
        if rounds % ROUNDS_OF_A_FILE == 0 || !effort.goes_on(rounds) {
            for violation in scene.violations() {
                if guarded {
                    println!("R5, seed {seed}, until round {rounds}: {violation}");
                }
                violations += 1;
            }
            for (outcome, times) in &scene.outcomes {
                *outcomes.entry(outcome.clone()).or_default() += times;
            }
            scene = Scene::new(guarded);
        }
    }
    println!("R5, guard {guarded}: {outcomes:?}");
    (rounds, violations)
}

/// What the writer of a message was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Acknowledged,
    Refused,
    /// That nobody knows; or it is another program's, which may say anything.
    Open,
}

/// A file, our store on it, and another process that writes into it.
struct Scene {
    _folder: tempfile::TempDir,
    path: PathBuf,
    backend: Arc<SqliteBackend>,
    store: Store,
    other: Arc<Mutex<Worker>>,
    /// What each message's writer was told.
    told: BTreeMap<String, Told>,
    outcomes: BTreeMap<String, u64>,
}

impl Scene {
    fn new(guarded: bool) -> Self {
        let folder = conformance::world::temporary_folder();
        let path = folder.path().join("store.db");
        let mut options = SqliteOptions::new();
        if !guarded {
            options = options.without_lock_guard();
        }
        let backend = Arc::new(SqliteBackend::open(&path, options).unwrap());
        let shared = Arc::clone(&backend) as Arc<dyn Backend>;
        let store = StoreOptions::new().with_backend(shared).unwrap();
        store.create_session(NewSession::new().id("one")).unwrap();
        let other = Worker::start(WORKER, &[&"disturb", &path]);
        Self {
            _folder: folder,
            path,
            backend,
            store,
            other: Arc::new(Mutex::new(other)),
            told: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// One way for our locks to go, and for another to write meanwhile.
    fn round(&mut self, number: u64, chance: &mut Chance) {
        let files = chance.pick(&[&["", "-shm"][..], &[""], &["-shm"]]);
        let other = chance.pick(&["crate", "program", "hold", "nobody"]);
        let moment = chance.pick(&["before", "within", "throughout"]);
        match moment {
            "before" => {
                open_and_close(&self.path, files);
                self.let_other_write(other, &format!("theirs-{number}"));
                self.write(&format!("ours-{number}"));
            }
            "within" => self.write_and_be_disturbed(number, files, other),
            // A program without turns that writes just while a commit runs is the window that is stated.
            _ => self.write_while_disturbed(number),
        }
    }

    fn let_other_write(&mut self, how: &str, text: &str) {
        if how != "nobody" {
            let answer = ask(&self.other, how, text);
            self.note(text, &answer);
        }
    }

    fn note(&mut self, text: &str, answer: &str) {
        let whose = text.split('-').next().unwrap_or_default();
        *self
            .outcomes
            .entry(format!("{whose} {answer}"))
            .or_default() += 1;
        let told = match answer {
            "ok" => Told::Acknowledged,
            "busy" | "lock_lost" if whose == "ours" => Told::Refused,
            _ => Told::Open,
        };
        let before = self.told.insert(text.to_owned(), told);
        assert_eq!(before, None, "{text} was written twice by the test");
    }

    fn write(&mut self, text: &str) {
        let saved = self
            .store
            .save_message("one", NewMessage::new(Role::USER, text));
        self.note(text, answer(saved.map(drop)));
    }

    /// The locks go in the middle of our transaction; it may run again.
    fn write_and_be_disturbed(
        &mut self,
        number: u64,
        files: &'static [&'static str],
        how: &'static str,
    ) {
        let (ours, theirs) = (format!("ours-{number}"), format!("theirs-{number}"));
        let answers = Arc::new(Mutex::new(None));
        let (path, other, told) = (
            self.path.clone(),
            Arc::clone(&self.other),
            Arc::clone(&answers),
        );
        let (row, text) = (append(&ours), theirs.clone());
        let written = self.backend.write(
            "default",
            Box::new(move |transaction| {
                transaction.append(&row)?;
                let mut told = told.lock().unwrap();
                if told.is_none() {
                    open_and_close(&path, files);
                    let answer = if how == "nobody" {
                        String::new()
                    } else {
                        ask(&other, how, &text)
                    };
                    *told = Some(answer);
                }
                Ok(())
            }),
        );
        self.note(&ours, answer(written));
        let theirs_told = answers.lock().unwrap().take();
        if let Some(answer) = theirs_told.filter(|it| !it.is_empty()) {
            self.note(&theirs, &answer);
        }
    }

    /// The locks go all the time, at any moment.
    fn write_while_disturbed(&mut self, number: u64) {
        let disturbance = Disturbance::of(&self.path, Duration::from_micros(150));
        let other = Arc::clone(&self.other);
        let writing = thread::spawn(move || {
            let texts = (0..3).map(|it| format!("theirs-{number}.{it}"));
            texts
                .map(|text| (ask(&other, "crate", &text), text))
                .collect::<Vec<_>>()
        });
        for it in 0..5 {
            self.write(&format!("ours-{number}.{it}"));
        }
        for (answer, text) in writing.join().unwrap() {
            self.note(&text, &answer);
        }
        drop(disturbance);
    }

    /// Acknowledged and not there once, or refused and there after all.
    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let _ = self.store.close();
        let store = Store::open(&self.path).unwrap();
        found.extend(store.check().unwrap().problems);
        found.extend(reliability::files::integrity(&self.path));
        let mut times: BTreeMap<String, u64> = BTreeMap::new();
        for message in store.get_messages("one", MessageQuery::new()).unwrap() {
            *times.entry(message.content.body().to_owned()).or_default() += 1;
        }
        for (text, told) in &self.told {
            let times = times.remove(text).unwrap_or(0);
            let fits = match told {
                Told::Acknowledged => times == 1,
                Told::Refused => times == 0,
                Told::Open => times <= 1,
            };
            if !fits {
                found.push(format!("{text}: {told:?}, there {times} times"));
            }
        }
        found.extend(times.keys().map(|text| format!("{text}: nobody wrote it")));
        found
    }
}

fn ask(other: &Mutex<Worker>, how: &str, text: &str) -> String {
    let mut other = other.lock().unwrap();
    other.ask(&format!("{how} {text}"), PATIENCE).unwrap()
}

fn answer(written: convostore::Result<()>) -> &'static str {
    match written {
        Ok(()) => "ok",
        Err(error) => {
            let code = error.code();
            let expected = [
                ErrorCode::LockLost,
                ErrorCode::UnknownOutcome,
                ErrorCode::Busy,
            ];
            assert!(expected.contains(&code), "{error}");
            code.as_str()
        }
    }
}

fn append(text: &str) -> Append {
    Append {
        session_id: "one".to_owned(),
        rows: vec![AppendRow {
            role: Role::USER,
            content: Content::text(text),
            token_count: None,
            is_summary: false,
            dedup_key: None,
            created_at: None,
            active_at: Timestamp::MIN,
        }],
        now: Timestamp::MIN,
        expected_revision: None,
        preview: None,
    }
}
