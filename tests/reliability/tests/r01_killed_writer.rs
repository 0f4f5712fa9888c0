//! R1: an acknowledged append survives the death of its process, a batch is whole or absent, opening never rewrites history.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use convostore::{MessageQuery, SessionQuery, Store};
use reliability::{Chance, Effort, NoAnswer, Token, Verdict, Worker, files, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
/// After so many deaths a new file is begun: each looks at all that came before it.
const DEATHS_OF_A_FILE: u64 = 20;

#[test]
fn an_acknowledged_append_survives_the_death_of_its_process() {
    let seed = seed();
    let (short, long) = (1_000, 100_000);
    let lanes: Vec<Tally> = thread::scope(|scope| {
        let lane = |number| move || run(Effort::new(short / 2, long / 2), seed + number, COMMIT);
        let lanes = [0, 1].map(|number| scope.spawn(lane(number)));
        lanes.map(|lane| lane.join().unwrap()).into()
    });
    let control = run(Effort::new(20, 20), seed, "acknowledge-first");
    let sum = |of: fn(&Tally) -> u64| lanes.iter().map(of).sum();
    let acknowledged: u64 = sum(|it| it.acknowledged);
    println!("R1: {acknowledged} acknowledged calls");
    assert!(acknowledged > 1_000, "the writers hardly wrote");
    Verdict {
        guarantee: "R1 rust",
        runs: sum(|it| it.deaths),
        violations: sum(|it| it.violations),
        control_violations: Some(control.violations),
    }
    .record();
}

const COMMIT: &str = "commit-first";

#[derive(Default)]
struct Tally {
    deaths: u64,
    acknowledged: u64,
    violations: u64,
}

fn run(effort: Effort, seed: u64, order: &str) -> Tally {
    let mut tally = Tally::default();
    let mut chance = Chance::new(seed);
    let mut history = History::new();
    while effort.goes_on(tally.deaths) {
        if tally.deaths % DEATHS_OF_A_FILE == 0 {
            history = History::new();
        }
        let acknowledged = let_write_and_kill(&history.path, tally.deaths, order, &mut chance);
        tally.acknowledged += acknowledged.len() as u64;
        history.acknowledged.extend(acknowledged);
        for violation in history.violations() {
            if order == COMMIT {
                println!("R1, seed {seed}, death {}: {violation}", tally.deaths);
            }
            tally.violations += 1;
        }
        tally.deaths += 1;
    }
    tally
}

/// One writer, or two on the same file, until each is killed. What was acknowledged.
fn let_write_and_kill(
    path: &Path,
    run: u64,
    order: &str,
    chance: &mut Chance,
) -> Vec<(String, String)> {
    let count = if chance.percent(25) { 2 } else { 1 };
    let workers: Vec<Worker> = (0..count)
        .map(|number| {
            let (run, seed) = (format!("{run}-{number}"), chance.number().to_string());
            Worker::start(WORKER, &[&"append", &path, &run, &seed, &order])
        })
        .collect();
    let mut lines = Vec::new();
    for worker in workers {
        // One in ten dies while it opens.
        if !chance.percent(10) {
            match worker.hear(Duration::from_secs(60)) {
                Ok(ready) => assert_eq!(ready, "ready"),
                Err(NoAnswer::TooLong) => panic!("a writer did not open within a minute"),
                Err(NoAnswer::Died) => panic!("a writer died by itself"),
            }
        }
        thread::sleep(Duration::from_micros(chance.below(9_000)));
        lines.extend(worker.kill());
    }
    lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(session, call)| (session.to_owned(), call.to_owned()))
        .collect()
}

/// A file, and all that was acknowledged in it.
struct History {
    _folder: tempfile::TempDir,
    path: PathBuf,
    acknowledged: HashSet<(String, String)>,
}

impl History {
    fn new() -> Self {
        // A death of the process leaves what the system has been told, so no disk is needed.
        let folder = conformance::world::temporary_folder();
        Self {
            path: folder.path().join("store.db"),
            _folder: folder,
            acknowledged: HashSet::new(),
        }
    }

    /// Opens the file after a death and looks at everything.
    fn violations(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let before = self.path.exists().then(|| files::fingerprint(&self.path));
        let store = match Store::open(&self.path) {
            Ok(store) => store,
            Err(error) => return vec![format!("it does not open: {error}")],
        };
        found.extend(store.check().unwrap().problems);
        let sessions = sessions(&store);
        store.close().unwrap();
        // A death while a file was made may leave one without tables, which opening may bring.
        if !sessions.is_empty() && before != Some(files::fingerprint(&self.path)) {
            found.push("opening changed what the file holds".to_owned());
        }
        found.extend(files::integrity(&self.path));
        // What is lost is told once.
        self.acknowledged.retain(|(session, call)| {
            let calls = sessions.get(session).map(|it| &it.calls);
            let there = calls.is_some_and(|calls| calls.contains_key(call));
            if !there {
                found.push(format!("{call} in {session} was acknowledged and is lost"));
            }
            there
        });
        for (id, session) in &sessions {
            found.extend(
                session
                    .problems
                    .iter()
                    .map(|problem| format!("{id}: {problem}")),
            );
        }
        found
    }
}

/// What a session holds.
#[derive(Default)]
struct Held {
    calls: BTreeMap<String, usize>,
    problems: Vec<String>,
}

fn sessions(store: &Store) -> BTreeMap<String, Held> {
    let page = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap();
    page.items
        .into_iter()
        .filter(|session| !session.id.starts_with("changing"))
        .map(|session| {
            let messages = store
                .get_messages(&session.id, MessageQuery::new())
                .unwrap();
            let tokens: Vec<Token> = messages
                .iter()
                .map(|message| Token::of(message.content.body()).unwrap())
                .collect();
            let mut held = Held::default();
            let gap = (1..)
                .zip(&messages)
                .find(|(seq, message)| *seq != message.seq);
            if let Some((seq, _)) = gap {
                held.problems.push(format!("message {seq} is not there"));
            }
            whole_batches(&tokens, &mut held);
            let update = tokens.iter().rev().find(|token| token.with_update);
            let expected =
                update.map_or("{}".to_owned(), |it| format!(r#"{{"call":"{}"}}"#, it.call));
            if session.metadata.as_str() != expected {
                held.problems
                    .push("the last update and its messages are apart".to_owned());
            }
            (session.id, held)
        })
        .collect()
}

fn whole_batches(tokens: &[Token], held: &mut Held) {
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        let batch = &tokens[at..tokens.len().min(at + first.of)];
        let whole = batch.len() == first.of
            && batch
                .iter()
                .enumerate()
                .all(|(index, it)| it.call == first.call && it.index == index);
        if !whole {
            held.problems.push(format!("{} is not whole", first.call));
        }
        if held.calls.insert(first.call.clone(), at).is_some() {
            held.problems.push(format!("{} is there twice", first.call));
        }
        at += first.of;
    }
}
