//! Waits of an SQLite store that nobody wants any longer.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use convostore::{ErrorCode, MessageQuery, NewMessage, NewSession, Role, Store, while_wanted};
use rusqlite::Connection;

fn said(text: &str) -> NewMessage {
    NewMessage::new(Role::USER, text)
}

/// Holds SQLite's write lock, as another process would. Given up when dropped.
fn hold(path: &Path) -> Connection {
    let holder = Connection::open(path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    holder
}

fn soon() {
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn a_wait_ends_when_it_is_no_longer_wanted_and_nothing_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let id = store.create_session(NewSession::new()).unwrap().id;
    let holder = hold(&path);
    let begun = Instant::now();
    let asked = Rc::new(move || begun.elapsed() < Duration::from_millis(700));
    let error = while_wanted(asked, || store.save_message(&id, said("never"))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy);
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_millis(700) && waited < Duration::from_secs(5),
        "{waited:?}"
    );
    drop(holder);
    assert_eq!(store.count_messages(&id).unwrap(), 0);
    store.save_message(&id, said("later")).unwrap();
}

#[test]
fn who_gives_up_does_not_give_up_for_those_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let id = store.create_session(NewSession::new()).unwrap().id;
    let holder = hold(&path);
    let is_wanted = Arc::new(AtomicBool::new(true));
    thread::scope(|scope| {
        let (store, id) = (&store, id.as_str());
        // The first has the turn; the second, who will give up, takes the third along when the first gives up.
        let gives_up = |text: &'static str| {
            let is_wanted = Arc::clone(&is_wanted);
            move || {
                let asked = Rc::new(move || is_wanted.load(Ordering::Relaxed));
                while_wanted(asked, || store.save_message(id, said(text)))
            }
        };
        let first = scope.spawn(gives_up("first"));
        soon();
        let second = scope.spawn(gives_up("second"));
        soon();
        let third = scope.spawn(|| store.save_message(id, said("third")));
        soon();
        is_wanted.store(false, Ordering::Relaxed);
        assert!(first.join().unwrap().is_err());
        assert!(second.join().unwrap().is_err());
        soon();
        drop(holder);
        third.join().unwrap().unwrap();
    });
    let kept = store.get_messages(&id, MessageQuery::new()).unwrap();
    let texts: Vec<_> = kept.iter().filter_map(|it| it.content.as_text()).collect();
    assert_eq!(texts, ["third"]);
}
