//! R11: what is retried under its dedup key happens once: across deaths, time-outs and two processes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use convostore::{ErrorCode, MessageQuery, NewMessage, NewSession, Role, Store};
use reliability::{Chance, Effort, Verdict, Worker, seed};
use rusqlite::Connection;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PATIENCE: Duration = Duration::from_secs(120);
/// Keys of a file.
const KEYS: u64 = 500;

#[test]
fn what_is_retried_happens_once() {
    let seed = seed();
    let effort = Effort::new(10_000 / KEYS, 1_000_000 / KEYS);
    let mut sum = Episode::default();
    let mut episodes = 0;
    while effort.goes_on(episodes) {
        sum.add(episode(seed + episodes, "keyed"));
        episodes += 1;
    }
    println!(
        "R11: {} tries, {} deaths, answers {:?}",
        sum.tries, sum.deaths, sum.answers
    );
    let busy = sum.answers.get("busy").copied().unwrap_or(0);
    assert!(sum.deaths > 0 && busy > 0, "nothing came in between");
    let control = episode(seed, "plain");
    Verdict {
        guarantee: "R11",
        runs: episodes * KEYS,
        violations: sum.violations,
        control_violations: Some(control.violations),
    }
    .record();
}

#[derive(Default)]
struct Episode {
    tries: u64,
    deaths: u64,
    violations: u64,
    answers: BTreeMap<String, u64>,
}

impl Episode {
    fn add(&mut self, other: Self) {
        self.tries += other.tries;
        self.deaths += other.deaths;
        self.violations += other.violations;
        for (answer, times) in other.answers {
            *self.answers.entry(answer).or_default() += times;
        }
    }
}

fn episode(seed: u64, how: &'static str) -> Episode {
    let mut chance = Chance::new(seed);
    let folder = conformance::world::temporary_folder();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("one")).unwrap();
    store.close().unwrap();
    let plans = [plan(&mut chance, 1), plan(&mut chance, 0)];
    let tried: BTreeSet<String> = plans.iter().flatten().cloned().collect();
    let mut sum = Episode::default();
    let mut seqs: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    thread::scope(|scope| {
        let lanes = plans.map(|plan| {
            let (path, seed) = (&path, chance.number());
            scope.spawn(move || lane(path, plan, Chance::new(seed), how))
        });
        // Now and then somebody holds the file for longer than they wait.
        while !lanes.iter().all(|it| it.is_finished()) {
            hold(&path, Duration::from_millis(30));
            thread::sleep(Duration::from_millis(chance.below(120)));
        }
        for lane in lanes {
            let (done, found) = lane.join().unwrap();
            sum.add(done);
            for (key, found) in found {
                seqs.entry(key).or_default().extend(found);
            }
        }
    });
    for violation in wrong(&path, &tried, &seqs, how) {
        if how == "keyed" {
            println!("R11, seed {seed}: {violation}");
        }
        sum.violations += 1;
    }
    sum
}

/// Each key `least` to 5 times, so 1 to 10 times in two lanes together, and now and then once more; near each other, as retries are.
fn plan(chance: &mut Chance, least: u64) -> VecDeque<String> {
    let mut plan = VecDeque::new();
    for key in 0..KEYS {
        for _ in 0..least + chance.below(6 - least) {
            plan.push_back(format!("key-{key}"));
        }
        if chance.percent(10) {
            plan.push_back(format!("key-{}", chance.below(key + 1)));
        }
    }
    plan
}

fn hold(path: &Path, time: Duration) {
    let conn = Connection::open(path).unwrap();
    if conn.execute_batch("BEGIN IMMEDIATE").is_ok() {
        thread::sleep(time);
        conn.execute_batch("ROLLBACK").unwrap();
    }
}

type Seqs = BTreeMap<String, BTreeSet<u64>>;

/// Has a process try what is planned, kills it now and then, and has the next one go on: what was not answered is tried again.
fn lane(path: &Path, mut plan: VecDeque<String>, mut chance: Chance, how: &str) -> (Episode, Seqs) {
    let (mut sum, mut seqs) = (Episode::default(), Seqs::new());
    while !plan.is_empty() {
        let mut worker = Worker::start(WORKER, &[&"retry", &path, &how]);
        assert_eq!(worker.hear(PATIENCE).unwrap(), "ready");
        let death = Instant::now() + Duration::from_millis(chance.below(80));
        let mut answers = Vec::new();
        // A few are on their way at any time, so that a death finds it at work.
        let mut sent = 0;
        while answers.len() < plan.len() && Instant::now() < death {
            while sent < plan.len().min(answers.len() + 3) {
                worker.tell(&plan[sent]);
                sent += 1;
            }
            answers.push(worker.hear(PATIENCE).unwrap());
        }
        if answers.len() < plan.len() {
            sum.deaths += 1;
        }
        answers.extend(worker.kill());
        for answer in answers {
            let (key, outcome) = answer.split_once(' ').unwrap();
            let tried = plan.pop_front();
            assert_eq!(tried.as_deref(), Some(key));
            sum.tries += 1;
            let kind = match outcome.parse() {
                Ok(seq) => {
                    seqs.entry(key.to_owned()).or_default().insert(seq);
                    "ok"
                }
                Err(_) => {
                    // As a caller does that was told to try again.
                    plan.push_back(key.to_owned());
                    outcome
                }
            };
            *sum.answers.entry(kind.to_owned()).or_default() += 1;
        }
    }
    (sum, seqs)
}

fn wrong(path: &Path, tried: &BTreeSet<String>, seqs: &Seqs, how: &str) -> Vec<String> {
    let store = Store::open(path).unwrap();
    let mut found = store.check().unwrap().problems;
    let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in store.get_messages("one", MessageQuery::new()).unwrap() {
        let text = message.content.body();
        let key = text.strip_prefix("the message of ").unwrap().to_owned();
        rows.entry(key).or_default().push(message.seq);
    }
    for key in tried {
        let there = rows.remove(key).unwrap_or_default();
        let told: Vec<u64> = seqs.get(key).into_iter().flatten().copied().collect();
        if there.len() != 1 || told != there {
            found.push(format!(
                "{key} is there as {there:?}, its writers were told {told:?}"
            ));
        }
        if how == "keyed" {
            found.extend(lax_about_others(&store, key));
        }
    }
    found.extend(rows.keys().map(|key| format!("nobody tried {key}")));
    found
}

/// Another body, or another role, under the key.
fn lax_about_others(store: &Store, key: &str) -> Vec<String> {
    let others = [
        NewMessage::new(Role::USER, "another message"),
        NewMessage::new(Role::ASSISTANT, format!("the message of {key}")),
    ];
    others
        .into_iter()
        .map(|other| store.save_message("one", other.dedup_key(key)))
        .filter(|saved| !matches!(saved, Err(error) if error.code() == ErrorCode::Conflict))
        .map(|saved| format!("{key} with another message: {saved:?}"))
        .collect()
}
