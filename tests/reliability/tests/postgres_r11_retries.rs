//! R11 on PostgreSQL: what is retried under its dedup key happens once, across connections cut in the middle and a killed server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "../../../core/tests/postgres/cluster.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod cluster;
#[path = "../../../core/tests/postgres/proxy.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod proxy;
#[path = "../../../core/tests/postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use cluster::Cluster;
use convostore::{ErrorCode, MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions};
use proxy::Proxy;
use reliability::{Chance, Effort, Verdict, seed};

const LANES: usize = 4;
/// Keys of an episode. Two lanes try each.
const KEYS: usize = 250;

#[test]
fn what_is_retried_happens_once() {
    server::url();
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let seed = seed();
    let effort = Effort::new(4, 1_000_000 / KEYS as u64);
    let mut sum = Episode::default();
    let mut episodes = 0;
    while effort.goes_on(episodes) {
        // The server is killed in every other one.
        let one = episode(&cluster, seed + episodes, true, episodes % 2 == 1);
        for violation in &one.violations {
            println!("R11 postgres, seed {}: {violation}", seed + episodes);
        }
        sum.violations.extend(one.violations);
        for (code, times) in one.answers {
            *sum.answers.entry(code).or_default() += times;
        }
        episodes += 1;
    }
    println!("R11 postgres: answers {:?}", sum.answers);
    assert!(
        sum.answers.contains_key("existing"),
        "nothing was tried twice"
    );
    let control = episode(&cluster, seed, false, false);
    Verdict {
        guarantee: "R11 postgres",
        runs: episodes * KEYS as u64,
        violations: sum.violations.len() as u64,
        control_violations: Some(control.violations.len() as u64),
    }
    .record();
}

#[derive(Default)]
struct Episode {
    violations: Vec<String>,
    answers: BTreeMap<String, u64>,
}

/// What the lanes were told: of each key the numbers, of each answer how often it came.
#[derive(Default)]
struct Told {
    seqs: BTreeMap<String, BTreeSet<u64>>,
    answers: BTreeMap<String, u64>,
    /// How often the answer was that it is there.
    saved: usize,
}

fn episode(cluster: &Cluster, seed: u64, keyed: bool, kills: bool) -> Episode {
    let mut chance = Chance::new(seed);
    let schema = server::schema();
    let connect = |url: &str| {
        let options = server::options(&schema).wait_limit(Duration::from_secs(60));
        StoreOptions::new().postgres(options).connect(url).unwrap()
    };
    let direct = connect(&cluster.url());
    direct.create_session(NewSession::new().id("one")).unwrap();
    let proxy = Proxy::before(cluster.socket());
    let through = server::through(&cluster.url(), &proxy.folder());
    let stores = [connect(&through), connect(&through)];
    let told = Mutex::new(Told::default());
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let (store, told) = (&stores[lane % 2], &told);
                scope.spawn(move || try_all(store, lane, keyed, told))
            })
            .collect();
        let count = || told.lock().unwrap().saved;
        disturb(cluster, &proxy, &mut chance, kills, count);
        for lane in lanes {
            lane.join().unwrap();
        }
    });
    let told = told.into_inner().unwrap();
    Episode {
        violations: wrong(&direct, &told.seqs),
        answers: told.answers,
    }
}

/// Each time that some more were told: cuts connections between requests, before a request is handed on, or before the answer of a commit is. (Not as
/// time goes by: who connects anew each time would then be cut each time.)
fn disturb(
    cluster: &Cluster,
    proxy: &Proxy,
    chance: &mut Chance,
    kills: bool,
    told: impl Fn() -> usize,
) {
    let all = KEYS * LANES / 2;
    let mut next = 0;
    let mut cuts = 0;
    while told() < all {
        if told() < next {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        match chance.below(10) {
            0 => proxy.cut_all(),
            1..7 => proxy.cut_at_commit(),
            _ => proxy.cut_at_request(),
        }
        cuts += 1;
        if kills && cuts % 25 == 10 {
            cluster.kill_and_start();
        }
        next = told() + 1 + usize::try_from(chance.below(8)).unwrap();
    }
}

/// Tries each of its keys until it is told that it is there. Each key is of two lanes.
fn try_all(store: &Store, lane: usize, keyed: bool, told: &Mutex<Told>) {
    for n in (0..KEYS).filter(|n| n % 2 == lane % 2) {
        // The control has a key for each lane: its doubles are of retries, and of nothing else.
        let key = if keyed {
            format!("key-{n}")
        } else {
            format!("key-{n}-{lane}")
        };
        loop {
            let mut message = NewMessage::new(Role::USER, key.as_str());
            if keyed {
                message = message.dedup_key(key.as_str());
            }
            let answer = match store.save_message("one", message) {
                Ok(message) => {
                    let mut told = told.lock().unwrap();
                    told.saved += 1;
                    let seqs = told.seqs.entry(key.clone()).or_default();
                    let kind = if seqs.insert(message.seq) {
                        "new"
                    } else {
                        "existing"
                    };
                    *told.answers.entry(kind.to_owned()).or_default() += 1;
                    break;
                }
                Err(error) => error.code(),
            };
            let may_be = [
                ErrorCode::UnknownOutcome,
                ErrorCode::Busy,
                ErrorCode::Storage,
            ];
            assert!(may_be.contains(&answer), "{answer:?}");
            let mut told = told.lock().unwrap();
            *told.answers.entry(answer.as_str().to_owned()).or_default() += 1;
        }
    }
}

/// Keys that are not there exactly once, at the number that everybody was told.
fn wrong(store: &Store, told: &BTreeMap<String, BTreeSet<u64>>) -> Vec<String> {
    let mut found = store.check().unwrap().problems;
    let mut rows: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let messages = store.get_messages("one", MessageQuery::new()).unwrap();
    for (expected, message) in (1..).zip(&messages) {
        if message.seq != expected {
            found.push(format!("{} instead of {expected}", message.seq));
        }
        let key = message.content.body().to_owned();
        rows.entry(key).or_default().insert(message.seq);
    }
    for (key, seqs) in told {
        let there = rows.remove(key).unwrap_or_default();
        if there.len() != 1 || *seqs != there {
            found.push(format!(
                "{key} is there as {there:?}, its writers were told {seqs:?}"
            ));
        }
    }
    found.extend(rows.keys().map(|key| format!("nobody was told of {key}")));
    found
}
