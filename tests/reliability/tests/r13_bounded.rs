//! R13: what a store takes is bounded: descriptors, the WAL, and what an append writes, however long the history.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use convostore::backend::sqlite::Durability;
use convostore::{MessageQuery, NewMessage, NewSession, Role, SaveOptions, Store, StoreOptions};
use reliability::vfs::recording::scratch;
use reliability::vfs::{Counter, Watch, watch};
use reliability::{Effort, Verdict};

const MIB: u64 = 1024 * 1024;

/// The connections of a store: a writer, and at most so many readers.
const MOST_CONNECTIONS: usize = 11;

/// Besides the database and the WAL of each connection: the WAL's index, which they share, and the lock guard's three, on the database, on that
/// index and on the folder.
const SHARED: usize = 4;

/// What the descriptors of this process in the folder are of, files without a name any more included.
fn open_files(folder: &Path) -> Vec<PathBuf> {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|path| path.starts_with(folder)).collect()
}

fn descriptors(folder: &Path) -> usize {
    open_files(folder).len()
}

#[test]
fn ten_thousand_openings_leak_no_descriptor() {
    let folder = scratch();
    let path = folder.path().join("store.db");
    let effort = Effort::new(10_000, 1_000_000);
    let mut runs = 0;
    let mut violations = 0;
    while effort.goes_on(runs) {
        let store = Store::open(&path).unwrap();
        let id = format!("s{}", runs % 50);
        let new = NewSession::new().id(&id);
        store.get_or_create_session(new).unwrap();
        // One that is not closed but dropped, and an opening that fails, now and then.
        if runs % 3 == 0 {
            store.close().unwrap();
        }
        drop(store);
        if runs % 100 == 0 {
            assert!(Store::open(folder.path()).is_err());
            violations += u64::from(descriptors(folder.path()) > 0);
        }
        runs += 1;
    }
    violations += u64::from(descriptors(folder.path()) > 0);
    // That the count sees what is there.
    let open = fs::File::open(&path).unwrap();
    let control = descriptors(folder.path()) as u64;
    drop(open);
    Verdict {
        guarantee: "R13 openings",
        runs,
        violations,
        control_violations: Some(control),
    }
    .record();
}

#[test]
fn a_store_has_two_descriptors_a_connection_and_four() {
    let folder = scratch();
    let store = Store::open(folder.path().join("store.db")).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    let message = |n| NewMessage::new(Role::USER, format!("message {n}"));
    store
        .save_messages("s", (0..2_000).map(message).collect(), SaveOptions::new())
        .unwrap();
    let most = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let rounds = AtomicUsize::new(0);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..24)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        store.get_messages("s", MessageQuery::new()).unwrap();
                        store.save_message("s", message(0)).unwrap();
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            loop {
                most.fetch_max(descriptors(folder.path()), Ordering::Relaxed);
                if done.load(Ordering::Relaxed) {
                    break;
                }
                thread::yield_now();
            }
        });
        for reader in readers {
            reader.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let most = most.into_inner();
    println!("{most} descriptors at most");
    // The idle ones are still there, each with its WAL.
    let open = open_files(folder.path());
    let is_wal = |path: &&PathBuf| path.to_string_lossy().ends_with("-wal");
    let connections = open.iter().filter(is_wal).count();
    let excess = open.len() > 2 * connections + SHARED;
    let too_many = most > 2 * MOST_CONNECTIONS + SHARED;
    store.close().unwrap();
    let leaked = descriptors(folder.path());
    Verdict {
        guarantee: "R13 descriptors",
        runs: rounds.into_inner() as u64,
        violations: u64::from(most == 0 || excess || too_many) + leaked as u64,
        control_violations: None,
    }
    .record();
}

#[test]
fn the_wal_shrinks_once_readers_leave() {
    let folder = scratch();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    let wal = || fs::metadata(folder.path().join("store.db-wal")).map_or(0, |it| it.len());
    let append = || {
        let message = NewMessage::new(Role::USER, "x".repeat(100_000));
        store.save_message("s", message).unwrap();
    };
    append();
    // Another program that reads for long: nothing it may need is taken away.
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = "SELECT count(*) FROM messages";
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    assert_eq!(reader.query_row(count, [], read).unwrap(), 1);
    let mut runs = 1;
    while wal() < 100 * MIB {
        append();
        runs += 1;
    }
    let control = wal();
    assert_eq!(reader.query_row(count, [], read).unwrap(), 1);
    drop(reader);
    // The next writes find that nobody needs it any more.
    for _ in 0..10 {
        append();
        runs += 1;
    }
    let after = wal();
    println!("WAL: {control} bytes while a reader is there, {after} afterwards");
    Verdict {
        guarantee: "R13 WAL",
        runs,
        violations: u64::from(after > 64 * MIB),
        control_violations: Some(u64::from(control > 64 * MIB)),
    }
    .record();
}

/// Bytes and writes per append, to a session with so many messages in a store of as many.
#[test]
fn what_an_append_writes_is_independent_of_the_history() {
    let folder = scratch();
    let counter = Arc::new(Counter::default());
    let watching = watch(folder.path(), Arc::clone(&counter) as Arc<dyn Watch>);
    let options = StoreOptions::new().durability(Durability::Normal);
    let store = options.open(folder.path().join("store.db")).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    let message = || NewMessage::new(Role::USER, "about a hundred bytes ".repeat(5));
    let mut count: u64 = 0;
    let mut measured = Vec::new();
    for history in [1_000, 100_000, 1_000_000] {
        while count < history {
            let batch = (0..1_000).map(|_| message()).collect();
            store.save_messages("s", batch, SaveOptions::new()).unwrap();
            count += 1_000;
        }
        counter.take();
        let appends = 2_000;
        for _ in 0..appends {
            store.save_message("s", message()).unwrap();
        }
        count += appends;
        let counts = counter.take();
        let per_append = counts.bytes / appends;
        println!(
            "with {history} messages an append writes {per_append} bytes, in {} writes for {appends}",
            counts.writes
        );
        measured.push(per_append);
    }
    assert_eq!(store.count_messages("s").unwrap(), count);
    store.close().unwrap();
    drop(watching);
    // A level more of the tree may be a page more; nothing may grow with the number.
    let grown = measured.iter().any(|it| *it > measured[0] + 2 * 4_200);
    Verdict {
        guarantee: "R13 bytes per append",
        runs: count,
        violations: u64::from(grown),
        control_violations: None,
    }
    .record();
}
