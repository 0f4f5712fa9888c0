//! R3: nobody sees `busy` under load, and every waiter is served; who waits for one that is stopped is told so, not before the limit.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{Backend as _, Lookup};
use convostore::{
    ErrorCode, MessageQuery, NewMessage, NewSession, Role, SessionQuery, Store, StoreOptions,
};
use reliability::worker::COLD;
use reliability::{Effort, Verdict, Worker};
use serde_json::Value;
use tempfile::TempDir;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PROCESSES: u64 = 8;
const THREADS: u64 = 8;
/// Of each thread in a round.
const COMMITS: u64 = 200;
const ROUND: u64 = PROCESSES * THREADS * COMMITS;
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn nobody_is_busy_under_load() {
    let effort = Effort::new(1, 10_000_000 / ROUND);
    let (mut rounds, mut violations, mut waits) = (0, 0, Vec::new());
    while effort.goes_on(rounds) {
        // Every other round of the long mode waits for a disk, so that commits are slow and many go together.
        let on_disk = rounds % 2 == 1;
        let (found, micros) = round(on_disk);
        for violation in &found {
            println!("R3, round {rounds}: {violation}");
        }
        violations += found.len() as u64;
        waits.extend(micros);
        rounds += 1;
    }
    waits.sort_unstable();
    let at = |part: usize| Duration::from_micros(waits[(waits.len() - 1) * part / 100]);
    Verdict {
        guarantee: "R3 busy under load",
        runs: rounds * ROUND,
        violations,
        control_violations: Some(busy_when_deferred()),
    }
    // Of a read and an append, from the call to the acknowledgement.
    .record_with_waits(&[("p50", at(50)), ("p99", at(99)), ("max", at(100))]);
}

struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file(on_disk: bool) -> File {
    let folder = if on_disk {
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
    } else {
        conformance::world::temporary_folder()
    };
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    for id in (0..COLD)
        .map(|it| format!("cold-{it}"))
        .chain(["hot".to_owned()])
    {
        store.create_session(NewSession::new().id(id)).unwrap();
    }
    store.close().unwrap();
    File {
        _folder: folder,
        path,
    }
}

/// What went wrong, and how long each call took.
fn round(on_disk: bool) -> (Vec<String>, Vec<u64>) {
    let file = file(on_disk);
    let stop = AtomicBool::new(false);
    let (codes, micros) = thread::scope(|scope| {
        let reader = scope.spawn(|| read_slowly(&file.path, &stop));
        let outcome = load(&file.path, COMMITS, "store");
        stop.store(true, Ordering::SeqCst);
        reader.join().unwrap();
        outcome
    });
    let mut found: Vec<String> = codes
        .into_iter()
        .filter(|(code, _)| code != "ok")
        .map(|(code, times)| format!("{code}, {times} times"))
        .collect();
    if micros.len() as u64 != ROUND {
        found.push(format!("{} of {ROUND} calls succeeded", micros.len()));
    }
    let store = Store::open(&file.path).unwrap();
    found.extend(wrong_numbers(&store));
    found.extend(store.check().unwrap().problems);
    (found, micros)
}

/// Lets all processes loose at once. How often which code came back, and how long each success took.
fn load(path: &Path, commits: u64, how: &str) -> (BTreeMap<String, u64>, Vec<u64>) {
    let (threads, commits) = (THREADS.to_string(), commits.to_string());
    let mut workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| {
            let process = process.to_string();
            Worker::start(
                WORKER,
                &[&"load", &path, &process, &threads, &commits, &how],
            )
        })
        .collect();
    for worker in &workers {
        assert_eq!(worker.hear(PATIENCE).unwrap(), "ready");
    }
    for worker in &mut workers {
        worker.tell("go");
    }
    let (mut codes, mut micros) = (BTreeMap::new(), Vec::new());
    for worker in workers {
        let outcome: Value = serde_json::from_str(&worker.hear(PATIENCE).unwrap()).unwrap();
        for (code, times) in outcome["codes"].as_object().unwrap() {
            *codes.entry(code.clone()).or_default() += times.as_u64().unwrap();
        }
        let taken = outcome["micros"].as_array().unwrap();
        micros.extend(taken.iter().map(|it| it.as_u64().unwrap()));
        worker.finish();
    }
    (codes, micros)
}

/// Holds one view for long, again and again, and sees nothing change in it.
fn read_slowly(path: &Path, stop: &AtomicBool) {
    let backend = SqliteBackend::open(path, SqliteOptions::new()).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let read = backend.read("default", &mut |view| {
            let before = view.session(Lookup::Id("hot"))?;
            thread::sleep(Duration::from_millis(300));
            assert_eq!(before, view.session(Lookup::Id("hot"))?);
            Ok(())
        });
        read.unwrap();
    }
}

/// Gaps, doubles, and orders that no thread has written.
fn wrong_numbers(store: &Store) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let page = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap();
    for session in page.items {
        let messages = store
            .get_messages(&session.id, MessageQuery::new())
            .unwrap();
        let mut latest = BTreeMap::new();
        for (expected, message) in (1..).zip(&messages) {
            if message.seq != expected {
                found.push(format!(
                    "{}: {} after {}",
                    session.id,
                    message.seq,
                    expected - 1
                ));
            }
            let text = message.content.body();
            let (thread, number) = text.rsplit_once('.').unwrap();
            let number: u64 = number.parse().unwrap();
            if latest.insert(thread.to_owned(), number) > Some(number) {
                found.push(format!("{}: {text} is out of order", session.id));
            }
            if !seen.insert(text.to_owned()) {
                found.push(format!("{text} is there twice"));
            }
        }
    }
    if seen.len() as u64 != ROUND {
        found.push(format!("{} of {ROUND} messages are there", seen.len()));
    }
    found
}

/// The control: transactions that begin with a read.
fn busy_when_deferred() -> u64 {
    let file = file(false);
    let (codes, _) = load(&file.path, 5, "deferred");
    codes.get("busy").copied().unwrap_or(0)
}

#[test]
fn who_waits_for_a_stopped_process_is_told_busy_and_not_before_the_limit() {
    const LIMIT: Duration = Duration::from_millis(300);
    let effort = Effort::new(5, 1_000);
    let (mut rounds, mut violations) = (0, 0);
    while effort.goes_on(rounds) {
        let file = file(false);
        let holder = Worker::start(WORKER, &[&"hold", &file.path, &"write"]);
        assert_eq!(holder.hear(PATIENCE).unwrap(), "holding");
        holder.stop();
        let options = StoreOptions::new().wait_limit(LIMIT);
        let store = Arc::new(options.open(&file.path).unwrap());
        let asked = Instant::now();
        let refused = append(&store).unwrap_err();
        let waited = asked.elapsed();
        if refused.code() != ErrorCode::Busy || waited < LIMIT {
            println!("R3: after {waited:?}: {refused}");
            violations += 1;
        }
        // Reading goes on, and so does writing once the holder is gone.
        assert_eq!(store.count_messages("hot").unwrap(), 0);
        holder.go_on();
        holder.kill();
        append(&store).unwrap();
        rounds += 1;
    }
    Verdict {
        guarantee: "R3 stopped lock holder",
        runs: rounds,
        violations,
        control_violations: None,
    }
    .record();
}

fn append(store: &Store) -> convostore::Result<()> {
    let message = NewMessage::new(Role::USER, "text");
    store.save_message("hot", message).map(drop)
}
