//! R3 on PostgreSQL: many threads of many processes on one hot and many cold sessions; nobody is told to try again, no number is missing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "../../../core/tests/postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use convostore::{MessageQuery, NewSession, SessionQuery, Store, StoreOptions};
use reliability::{Effort, Verdict, Worker};

const WORKER: &str = env!("CARGO_BIN_EXE_postgres_worker");
const PATIENCE: Duration = Duration::from_secs(600);
const PROCESSES: u64 = 8;
const THREADS: u64 = 8;
const COMMITS: u64 = 30;
const ROUND: u64 = PROCESSES * THREADS * COMMITS;

#[test]
fn nobody_is_busy_under_load() {
    let Some(url) = server::url() else { return };
    let effort = Effort::new(1, 10_000_000 / ROUND);
    let (mut rounds, mut violations) = (0, 0);
    while effort.goes_on(rounds) {
        let found = round(&url);
        for violation in &found {
            println!("R3 postgres, round {rounds}: {violation}");
        }
        violations += found.len() as u64;
        rounds += 1;
    }
    Verdict {
        guarantee: "R3 postgres",
        runs: rounds * ROUND,
        violations,
        control_violations: Some(refused_when_naive(&url)),
    }
    .record();
}

fn round(url: &str) -> Vec<String> {
    let schema = server::schema();
    let options = server::options(&schema);
    let store = StoreOptions::new().postgres(options).connect(url).unwrap();
    let cold = (0..64).map(|n| format!("cold-{n}"));
    for id in cold.chain(["hot".to_owned()]) {
        store.create_session(NewSession::new().id(id)).unwrap();
    }
    let (threads, commits) = (THREADS.to_string(), COMMITS.to_string());
    let mut workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| {
            let process = process.to_string();
            let args: [&dyn AsRef<std::ffi::OsStr>; 6] =
                [&url, &schema, &"load", &process, &threads, &commits];
            Worker::start(WORKER, &args)
        })
        .collect();
    for worker in &workers {
        assert_eq!(worker.hear(PATIENCE).unwrap(), "ready");
    }
    for worker in &mut workers {
        worker.tell("go");
    }
    let mut codes = BTreeMap::<String, u64>::new();
    for worker in workers {
        while let Ok(line) = worker.hear(PATIENCE) {
            let (code, times) = line.split_once(' ').unwrap();
            *codes.entry(code.to_owned()).or_default() += times.parse::<u64>().unwrap();
        }
    }
    let mut found = wrong(&store);
    if codes != BTreeMap::from([("ok".to_owned(), ROUND)]) {
        found.push(format!("{codes:?} instead of {ROUND} times ok"));
    }
    found
}

/// Gaps, doubles, orders that no thread has written, and counters that do not fit.
fn wrong(store: &Store) -> Vec<String> {
    let mut found = store.check().unwrap().problems;
    let mut seen = BTreeSet::new();
    let page = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap();
    for session in page.items {
        let mut latest = BTreeMap::new();
        let messages = store
            .get_messages(&session.id, MessageQuery::new())
            .unwrap();
        for (expected, message) in (1..).zip(&messages) {
            let text = message.content.body();
            let (thread, number) = text.rsplit_once('.').unwrap();
            let number: u64 = number.parse().unwrap();
            let is_later = latest.insert(thread.to_owned(), number) < Some(number);
            if message.seq != expected || !is_later || !seen.insert(text.to_owned()) {
                found.push(format!("{}: {text} at {}", session.id, message.seq));
            }
        }
    }
    if seen.len() as u64 != ROUND {
        found.push(format!("{} of {ROUND} messages are there", seen.len()));
    }
    found
}

/// The control: a program that reads, then writes, in serializable transactions, and does not try again.
fn refused_when_naive(url: &str) -> u64 {
    let schema = server::schema();
    let options = server::options(&schema);
    let store = StoreOptions::new().postgres(options).connect(url).unwrap();
    store.create_session(NewSession::new().id("hot")).unwrap();
    thread::scope(|scope| {
        let naive = |_| {
            scope.spawn(|| {
                let sql = server::Sql::connect(url);
                sql.run("SET convostore.tenant = '=default'").unwrap();
                let mut refused = 0;
                for _ in 0..20 {
                    let steps = [
                        "BEGIN ISOLATION LEVEL SERIALIZABLE".to_owned(),
                        format!("SELECT last_seq FROM {schema}.sessions WHERE id = 'hot'"),
                        format!(
                            "UPDATE {schema}.sessions SET last_seq = last_seq + 1 WHERE id = 'hot'"
                        ),
                        "COMMIT".to_owned(),
                    ];
                    let failed = steps.iter().find_map(|step| sql.run(step).err());
                    if let Some(state) = failed {
                        assert_eq!(state, "40001");
                        sql.run("ROLLBACK").unwrap();
                        refused += 1;
                    }
                }
                refused
            })
        };
        let all: Vec<_> = (0..THREADS).map(naive).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    })
}
