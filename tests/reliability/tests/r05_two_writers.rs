//! R5: two processes write as fast as they can while somebody opens and closes the files in one of them; nothing acknowledged is lost or damaged.
//!
//! What two writers do to each other at the moment in which one loses its locks is no matter of scenes: it takes many moments.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::{ErrorCode, NewMessage, NewSession, Role, SaveOptions, Store, StoreOptions};
use reliability::control::{control_of, is_control, say_seen};
use reliability::files::open_and_close;
use reliability::judge::{file_by_file, lost};
use reliability::{Chance, Effort, Verdict, Worker, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the files are opened and closed while two write into one.
const TIMES: u64 = 500;

#[test]
fn two_writers_and_one_that_comes_and_goes() {
    let seed = seed();
    if is_control() {
        let (_, lost) = run(Effort::new(5, 5), seed, false);
        return say_seen(lost);
    }
    let (files, violations) = run(Effort::new(20, 10_000), seed, true);
    Verdict {
        guarantee: "R5 two writers",
        runs: files * TIMES,
        violations,
        control_violations: Some(control_of("two_writers_and_one_that_comes_and_goes", seed)),
    }
    .record();
}

fn run(effort: Effort, seed: u64, guarded: bool) -> (u64, u64) {
    let mut chance = Chance::new(seed);
    let what = format!("R5, seed {seed}, guard {guarded}");
    file_by_file(effort, &what, || one_file(&mut chance, guarded))
}

/// What was wrong in the end.
fn one_file(chance: &mut Chance, guarded: bool) -> Vec<String> {
    let folder = conformance::world::temporary_folder();
    let path = folder.path().join("store.db");
    let store = open(&path, guarded);
    for id in ["ours", "theirs"] {
        store.create_session(NewSession::new().id(id)).unwrap();
    }
    let other = Worker::start(WORKER, &[&"write", &path, &"theirs"]);
    if other.hear(PATIENCE).as_deref() != Ok("ready") {
        return vec!["the other process could not open the file".to_owned()];
    }
    let pause = Duration::from_micros(chance.pick(&[200, 200, 700]));
    let size = chance.pick(&[1, 100, 100]);
    let is_over = AtomicBool::new(false);
    let (ours, mut found) = thread::scope(|scope| {
        let ours = scope.spawn(|| write(&store, size, &is_over));
        for _ in 0..TIMES {
            open_and_close(&path, &["", "-shm"]);
            thread::sleep(pause);
        }
        is_over.store(true, Ordering::SeqCst);
        ours.join().unwrap()
    });
    let (theirs, mut said): (Vec<_>, Vec<_>) = other
        .finish()
        .into_iter()
        .partition(|it| it.starts_with("theirs "));
    if said.pop().as_deref() != Some("done") {
        found.push("the other process died".to_owned());
    }
    found.extend(said);
    let _ = store.close();
    drop(store);
    let lost = lost(&path, &[("ours", ours), ("theirs", theirs)]);
    found.extend(lost.unwrap_or_else(|error| vec![error.to_string()]));
    found
}

fn open(path: &Path, guarded: bool) -> Store {
    let mut options = SqliteOptions::new().durability(Durability::Normal);
    if !guarded {
        options = options.without_lock_guard();
    }
    let backend = SqliteBackend::open(path, options).unwrap();
    StoreOptions::new()
        .with_backend(std::sync::Arc::new(backend))
        .unwrap()
}

/// Writes batches of that size until it is over: what was acknowledged, and errors that are none of those to be expected.
fn write(store: &Store, size: usize, is_over: &AtomicBool) -> (Vec<String>, Vec<String>) {
    let (mut acknowledged, mut errors) = (Vec::new(), Vec::new());
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        number += 1;
        let texts = (0..size).map(|part| format!("ours {number}/{part}"));
        let batch = texts.clone().map(|text| NewMessage::new(Role::USER, text));
        match store.save_messages("ours", batch.collect(), SaveOptions::new()) {
            Ok(_) => acknowledged.extend(texts),
            Err(error) => match error.code() {
                ErrorCode::LockLost | ErrorCode::UnknownOutcome => {}
                _ => errors.push(error.to_string()),
            },
        }
    }
    (acknowledged, errors)
}
