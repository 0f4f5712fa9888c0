//! That an erasing deletion erases while other processes write, read and erase in the same file; and where somebody is in its way, that the answer
//! says who.

use std::path::Path;
use std::thread;
use std::time::Duration;

use convostore::backend::Backend as _;
use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::{Erasure, Store};
use reliability::talk::{begin, holders, marker, say, say_one};
use reliability::vfs::recording::scratch;
use reliability::{Chance, Effort, Verdict, Worker, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PATIENCE: Duration = Duration::from_secs(600);
const PROCESSES: u64 = 3;
/// Erasures of a process before it is killed.
const ERASURES: u64 = 5;

/// What a process was told of the sessions that it deleted.
#[derive(Default)]
struct Told {
    gone: Vec<String>,
    complete: u64,
    violations: u64,
}

/// Has a process erase one session after the other, and looks into all files when it says that one is erased: the others go on meanwhile.
fn erase(worker: &mut Worker, folder: &Path, chance: &mut Chance) -> Told {
    let mut told = Told::default();
    for _ in 0..ERASURES {
        let gone = marker(chance);
        let answer = worker.ask(&gone, PATIENCE).unwrap();
        match answer.split_once(' ') {
            None => {
                assert_eq!(answer, "complete");
                told.complete += 1;
                told.violations += u64::from(!holders(folder, gone.as_bytes()).is_empty());
            }
            Some((word, reason)) => assert!(word == "pending" && !reason.is_empty(), "{answer}"),
        }
        told.gone.push(gone);
    }
    told
}

/// Processes that write, read and erase until they are killed; then nothing is in the way of the next erasure, which takes along whatever they left.
fn beside_each_other(chance: &mut Chance, how: &str) -> Told {
    let folder = scratch();
    let path = folder.path().join("store.db");
    let kept = marker(chance);
    let store = Store::open(&path).unwrap();
    let id = begin(&store, &kept);
    say_one(&store, &id, &kept, 10, "kept");
    store.close().unwrap();
    let lanes: Vec<Told> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..PROCESSES)
            .map(|_| (chance.number().to_string(), Chance::new(chance.number())))
            .map(|(seed, mut chance)| {
                let (folder, path) = (folder.path(), &path);
                scope.spawn(move || {
                    let mut worker = Worker::start(WORKER, &[&"erase", path, &seed, &how]);
                    assert_eq!(worker.hear(PATIENCE).unwrap(), "ready");
                    let told = erase(&mut worker, folder, &mut chance);
                    worker.kill();
                    told
                })
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let mut sum = Told::default();
    for lane in lanes {
        sum.gone.extend(lane.gone);
        sum.complete += lane.complete;
        sum.violations += lane.violations;
    }
    if how == "erasing" {
        let store = Store::open(&path).unwrap();
        let answer = store.delete_session("nobody", true).unwrap();
        assert_eq!(answer.erasure, Some(Erasure::Complete));
        assert!(store.check().unwrap().is_sound());
        store.close().unwrap();
        let held = |gone: &&String| !holders(folder.path(), gone.as_bytes()).is_empty();
        sum.violations += sum.gone.iter().filter(held).count() as u64;
    }
    let found = holders(folder.path(), kept.as_bytes());
    assert!(!found.is_empty(), "the scan sees what is there");
    sum
}

#[test]
fn erasing_erases_while_other_processes_write() {
    let chance = &mut Chance::new(seed());
    let effort = Effort::new(3, 100_000);
    let mut sum = Told::default();
    let mut episodes = 0;
    while effort.goes_on(episodes) {
        let told = beside_each_other(chance, "erasing");
        sum.gone.extend(told.gone);
        sum.complete += told.complete;
        sum.violations += told.violations;
        episodes += 1;
    }
    let control = beside_each_other(chance, "plain");
    println!(
        "R12: {} of {} erasures were complete at once",
        sum.complete,
        sum.gone.len()
    );
    Verdict {
        guarantee: "R12 erasing beside other processes",
        runs: sum.gone.len() as u64,
        violations: sum.violations,
        control_violations: Some(control.violations),
    }
    .record();
}

/// Erases while somebody holds the file, and once nobody does: what is wrong.
fn wrong_while(held_by: &str, word: &str, chance: &mut Chance) -> Vec<String> {
    let folder = scratch();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let gone = marker(chance);
    let id = say(&store, &gone, chance);
    store.delete_session(&id, false).unwrap();
    let holder = Worker::start(WORKER, &[&"hold", &path, &held_by]);
    assert_eq!(holder.hear(PATIENCE).unwrap(), "holding");
    let mut wrong = Vec::new();
    // Who waits for a writer waits to its limit; for a reader erasing has a limit of its own.
    let options = match held_by {
        "write" => SqliteOptions::new().wait_limit(Duration::from_millis(200)),
        _ => SqliteOptions::new(),
    };
    match SqliteBackend::open(&path, options).unwrap().erase() {
        Ok(Erasure::Pending { reason }) if reason.contains(word) => {}
        answer => wrong.push(format!("while another process has a {held_by}: {answer:?}")),
    }
    holder.kill();
    let answer = store.delete_session("nobody", true).unwrap();
    if answer.erasure != Some(Erasure::Complete) {
        wrong.push(format!("after the {held_by}: {answer:?}"));
    }
    let found = holders(folder.path(), gone.as_bytes());
    if !found.is_empty() {
        wrong.push(format!("it is in {found:?}"));
    }
    wrong
}

#[test]
fn where_another_one_is_in_its_way_the_answer_says_so() {
    let chance = &mut Chance::new(seed());
    let cases = [
        ("read", "a reader or another process"),
        ("write", "others wrote"),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|(held_by, word)| wrong_while(held_by, word, chance))
        .collect();
    println!("{wrong:#?}");
    Verdict {
        guarantee: "R12 erasing while another process holds the file",
        runs: cases.len() as u64,
        violations: wrong.len() as u64,
        control_violations: None,
    }
    .record();
}
