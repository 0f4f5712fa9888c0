//! R1 on PostgreSQL: whatever a client was told is there when it was killed, and of what it was about nothing is there by half.
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

use convostore::{MessageQuery, SessionQuery, Store, StoreOptions};
use reliability::{Chance, Effort, Verdict, Worker, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_postgres_worker");
const PATIENCE: Duration = Duration::from_secs(120);
/// Kills between two looks: each look reads all that there is.
const KILLS: u64 = 10;

#[test]
fn what_a_killed_client_was_told_is_there() {
    let Some(url) = server::url() else { return };
    let seed = seed();
    let effort = Effort::new(60 / KILLS, 10_000 / KILLS);
    let (mut rounds, mut violations, mut told) = (0, 0, 0);
    while effort.goes_on(rounds) {
        let round = round(&url, seed + rounds, "commit-first");
        for violation in &round.found {
            println!("R1 postgres, seed {}: {violation}", seed + rounds);
        }
        violations += round.found.len() as u64;
        told += round.told;
        rounds += 1;
    }
    println!("R1 postgres: {told} calls were acknowledged");
    assert!(told > rounds * KILLS, "the clients did nothing");
    let control = round(&url, seed, "acknowledge-first");
    Verdict {
        guarantee: "R1 postgres",
        runs: rounds * KILLS,
        violations,
        control_violations: Some(control.found.len() as u64),
    }
    .record();
}

struct Round {
    found: Vec<String>,
    told: u64,
}

/// Some clients, one after the other and two at a time, each killed; then a look at all that they left.
fn round(url: &str, seed: u64, order: &str) -> Round {
    let mut chance = Chance::new(seed);
    let schema = server::schema();
    let options = server::options(&schema);
    let store = StoreOptions::new().postgres(options).connect(url).unwrap();
    let mut told = Vec::new();
    for kill in (0..KILLS).step_by(2) {
        let seeds = [chance.number(), chance.number()].map(|seed| seed.to_string());
        let runs = [kill, kill + 1].map(|run| run.to_string());
        let workers = [0, 1].map(|n| {
            Worker::start(
                WORKER,
                &[&url, &schema, &"write", &runs[n], &seeds[n], &order],
            )
        });
        for worker in workers {
            assert_eq!(worker.hear(PATIENCE).unwrap(), "ready");
            // Most are at work by then, however slow the machine is.
            if chance.below(4) > 0 {
                told.push(worker.hear(PATIENCE).unwrap());
            }
            thread::sleep(Duration::from_millis(5 + chance.below(60)));
            told.extend(worker.kill());
        }
    }
    Round {
        found: wrong(&store, &told),
        told: told.len() as u64,
    }
}

/// Acknowledged and not there, there by half, out of order, or not counted.
fn wrong(store: &Store, told: &[String]) -> Vec<String> {
    let mut found = store.check().unwrap().problems;
    let mut whole = BTreeSet::new();
    let page = store.list_sessions(SessionQuery::new().limit(100)).unwrap();
    for session in page.items {
        let messages = store
            .get_messages(&session.id, MessageQuery::new())
            .unwrap();
        let mut calls: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        for (expected, message) in (1..).zip(&messages) {
            if message.seq != expected {
                found.push(format!(
                    "{}: {} instead of {expected}",
                    session.id, message.seq
                ));
            }
            let words: Vec<&str> = message.content.body().split(' ').collect();
            let [call, index, of] = words[..] else {
                panic!("{words:?}")
            };
            let place = (index.parse().unwrap(), of.parse().unwrap());
            calls.entry(call.to_owned()).or_default().push(place);
        }
        for (call, places) in calls {
            let of = places[0].1;
            if places == (0..of).map(|index| (index, of)).collect::<Vec<_>>() {
                whole.insert(format!("{} {call}", session.id));
            } else {
                found.push(format!("of {call} in {} there is {places:?}", session.id));
            }
        }
    }
    let lost = told.iter().filter(|call| !whole.contains(*call));
    found.extend(lost.map(|call| format!("{call} was acknowledged and is not there")));
    found
}
