//! R12: what is on disk is its owner's alone, and after an erasing deletion no byte of a message is left in any file of the store, or the answer
//! says what still holds it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "r12/beside.rs"]
mod beside;
#[path = "r12/erasing.rs"]
mod erasing;
#[path = "r12/power_cut.rs"]
mod power_cut;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use convostore::{Erasure, ExportOptions, MessageQuery, NewMessage, NewSession, Role, Store};
use reliability::talk::{all_below, holders, marker, say};
use reliability::vfs::recording::scratch;
use reliability::{Chance, Verdict, seed};

#[test]
fn files_and_folders_are_their_owners_alone() {
    let folder = scratch();
    // What most machines have; nothing of it may be relied on.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let path = folder.path().join("made/by the store/store.db");
    let store = Store::open(&path).unwrap();
    let session = store.create_session(NewSession::new()).unwrap();
    let message = NewMessage::new(Role::USER, "x".repeat(100_000));
    store.save_message(&session.id, message).unwrap();
    let beside = |name: &str| path.parent().unwrap().join(name);
    store.backup(beside("copy.db")).unwrap();
    store
        .export_archive_to(beside("store.convostore"), ExportOptions::new())
        .unwrap();
    // A copy that is used has files of its own.
    let copy = Store::open(beside("copy.db")).unwrap();
    copy.create_session(NewSession::new()).unwrap();
    let found = all_below(folder.path());
    for name in ["store.db", "store.db-wal", "store.db-shm", "copy.db-wal"] {
        assert!(found.contains(&beside(name)), "{name} is not there");
    }
    let mut open = 0;
    for path in &found {
        let mode = fs::metadata(path).unwrap().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        if mode != expected {
            println!("{} has mode {mode:o}", path.display());
            open += 1;
        }
    }
    // SQLite gives its files the mode of the database: where somebody opened that up, theirs is seen to be other.
    let control = scratch();
    fs::write(control.path().join("store.db"), b"").unwrap();
    let store = Store::open(control.path().join("store.db")).unwrap();
    store.create_session(NewSession::new()).unwrap();
    let seen = all_below(control.path());
    let seen = seen.iter().map(|it| fs::metadata(it).unwrap().mode());
    Verdict {
        guarantee: "R12 modes",
        runs: found.len() as u64,
        violations: open,
        control_violations: Some(seen.filter(|mode| mode & 0o077 != 0).count() as u64),
    }
    .record();
}

#[test]
fn where_something_holds_it_the_answer_says_so() {
    let chance = &mut Chance::new(seed());
    let folder = scratch();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let (first, second) = (marker(chance), marker(chance));
    let ids = [&first, &second].map(|marker| say(&store, marker, chance));
    // Another program that reads for long.
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = "SELECT count(*) FROM messages";
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    assert!(reader.query_row(count, [], read).unwrap() > 1);
    let answer = store.delete_session(&ids[0], true).unwrap();
    let Some(Erasure::Pending { reason }) = answer.erasure else {
        panic!("{answer:?}, while a reader needs what was there");
    };
    assert!(!reason.is_empty());
    assert!(answer.deleted && store.get_session(&ids[0]).unwrap().is_none());
    drop(reader);
    let answer = store.delete_session(&ids[1], true).unwrap();
    assert_eq!(answer.erasure, Some(Erasure::Complete));
    assert!(store.get_messages(&ids[1], MessageQuery::new()).is_err());
    let found = [first, second].map(|marker| holders(folder.path(), marker.as_bytes()).len());
    Verdict {
        guarantee: "R12 erasing beside a reader",
        runs: 2,
        violations: found.iter().filter(|count| **count > 0).count() as u64,
        control_violations: None,
    }
    .record();
}
