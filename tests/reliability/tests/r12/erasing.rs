//! That an erasing deletion erases.

use std::sync::Arc;

use convostore::{Erasure, Store};
use reliability::talk::{begin, holders, marker, say, say_one};
use reliability::vfs::recording::scratch;
use reliability::vfs::{Watch, watch};
use reliability::{Chance, Effort, Verdict, seed};

/// How a session is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    /// Erased, as the product does it.
    Erasing,
    /// Not erased, then the store is closed, which empties the WAL: the protection off, but for the overwriting of rows where they are.
    Plain,
    /// … and that off too, by the product's own pragma.
    Insecure,
}

/// Has secure deletion off, as the product's own pragma would have it.
#[derive(Debug)]
struct Insecure;

impl Watch for Insecure {
    fn pragma(&self, name: &str) -> Option<&'static str> {
        (name == "secure_delete").then_some("0")
    }
}

/// Some sessions, of which one is deleted, and with it others that were deleted before without being erased: how many files hold one of them after the answer that
/// none does.
///
/// To read the files drops the locks of the store in this process, so that this is the last that happens to it.
fn delete_one(chance: &mut Chance, deletion: Deletion) -> usize {
    let folder = scratch();
    let watching =
        (deletion == Deletion::Insecure).then(|| watch(folder.path(), Arc::new(Insecure)));
    let store = Store::open(folder.path().join("store.db")).unwrap();
    let mut kept = say_some(&store, chance);
    let mut gone = vec![marker(chance)];
    let id = say(&store, &gone[0], chance);
    kept.extend(say_some(&store, chance));
    if chance.percent(50) {
        talk_at_once(&store, chance, &mut kept, &mut gone);
    }
    if chance.percent(30) {
        store.pop_message(&id).unwrap();
    }
    if chance.percent(30) {
        store.clear_messages(&id).unwrap();
    }
    let answer = store
        .delete_session(&id, deletion == Deletion::Erasing)
        .unwrap();
    if deletion == Deletion::Erasing {
        assert_eq!(answer.erasure, Some(Erasure::Complete));
    } else {
        store.close().unwrap();
    }
    let held = |marker: &String| holders(folder.path(), marker.as_bytes()).len();
    for marker in kept {
        assert!(held(&marker) > 0, "the scan sees what is there");
    }
    let found = gone.iter().map(held).sum();
    drop(store);
    drop(watching);
    found
}

fn say_some(store: &Store, chance: &mut Chance) -> Vec<String> {
    let markers: Vec<String> = (0..chance.below(4)).map(|_| marker(chance)).collect();
    for marker in &markers {
        say(store, marker, chance);
    }
    markers
}

/// Many sessions that grow at the same time, so that rows move from page to page, again and again, and copies of them stay where they were; in the end each
/// second one is deleted.
fn talk_at_once(
    store: &Store,
    chance: &mut Chance,
    kept: &mut Vec<String>,
    gone: &mut Vec<String>,
) {
    let count = 6 + chance.below(20);
    let talks: Vec<(String, String)> = (0..count)
        .map(|_| marker(chance))
        .map(|marker| (begin(store, &marker), marker))
        .collect();
    for number in 0..100 + chance.below(200) {
        let (id, marker) = &talks[usize::try_from(chance.below(count)).unwrap()];
        let times = usize::try_from(1 + chance.below(120)).unwrap();
        say_one(store, id, marker, times, &format!("at once {number}"));
    }
    for (number, (id, marker)) in talks.into_iter().enumerate() {
        if number % 2 == 0 {
            store.delete_session(&id, false).unwrap();
            gone.push(marker);
        } else {
            kept.push(marker);
        }
    }
}

#[test]
fn an_erased_message_is_in_no_file() {
    let chance = &mut Chance::new(seed());
    let effort = Effort::new(100, 10_000_000);
    let mut runs = 0;
    let mut violations = 0;
    while effort.goes_on(runs) {
        violations += u64::from(delete_one(chance, Deletion::Erasing) > 0);
        runs += 1;
    }
    // Until it was seen often enough.
    let control = |chance: &mut Chance, deletion| {
        let found = (0..2_000).filter(|_| delete_one(chance, deletion) > 0);
        found.take(5).count() as u64
    };
    let insecure = control(chance, Deletion::Insecure);
    Verdict {
        guarantee: "R12 erasing",
        runs,
        violations,
        control_violations: Some(insecure),
    }
    .record();
    // The database not written anew: what SQLite overwrites by itself is not all.
    let plain = control(chance, Deletion::Plain);
    Verdict {
        guarantee: "R12 erasing, rows that moved",
        runs,
        violations,
        control_violations: Some(plain),
    }
    .record();
}

/// More than is written anew in memory.
const LARGE: usize = 70 << 20;

#[test]
fn a_large_store_is_erased_too() {
    let chance = &mut Chance::new(seed());
    let folder = scratch();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let (kept, gone) = (marker(chance), marker(chance));
    let ids = [&kept, &gone].map(|marker| begin(&store, marker));
    let times = (1 << 20) / kept.len();
    for number in 0..LARGE >> 20 {
        say_one(&store, &ids[0], &kept, times, &number.to_string());
    }
    say_one(&store, &ids[1], &gone, times, "gone");
    assert!(store.stats().unwrap().bytes.unwrap() > LARGE as u64);
    let answer = store.delete_session(&ids[1], true).unwrap();
    assert_eq!(answer.erasure, Some(Erasure::Complete));
    assert!(store.check().unwrap().is_sound());
    let count = store.count_messages(&ids[0]).unwrap();
    Verdict {
        guarantee: "R12 erasing in a large store",
        runs: 1,
        violations: holders(folder.path(), gone.as_bytes()).len() as u64
            + u64::from(count != (LARGE >> 20) as u64),
        control_violations: Some(holders(folder.path(), kept.as_bytes()).len() as u64),
    }
    .record();
}
