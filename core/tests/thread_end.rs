//! A store that belongs to a thread, as servers have them: it ends with the thread, when what the thread has of its own is gone in part.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::thread;

use convostore::{NewMessage, NewSession, Role, Store};

/// Says farewell as it ends.
struct Last {
    store: Store,
}

impl Drop for Last {
    fn drop(&mut self) {
        let message = NewMessage::new(Role::USER, "farewell");
        self.store.save_message("one", message).unwrap();
    }
}

thread_local! {
    static STORE: RefCell<Option<Store>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn open(path: Option<PathBuf>) -> Store {
    match path {
        Some(path) => Store::open(path).unwrap(),
        None => Store::in_memory().unwrap(),
    }
}

/// Has a thread use a store and end; what would go wrong there ends the whole process.
fn of_a_thread(path: Option<&Path>) -> Store {
    let path = path.map(Path::to_owned);
    let ours = open(path.clone());
    ours.create_session(NewSession::new().id("one")).unwrap();
    let theirs = ours.clone();
    thread::spawn(move || {
        // First touched, last dropped: after what the store has of this thread.
        LAST.with_borrow_mut(|last| *last = None);
        STORE.with_borrow_mut(|store| *store = None);
        STORE.set(Some(open(path)));
        LAST.set(Some(Last { store: theirs }));
    })
    .join()
    .unwrap();
    ours
}

#[test]
fn a_store_ends_with_its_thread_and_may_be_used_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    for store in [of_a_thread(Some(&file)), of_a_thread(None)] {
        assert_eq!(store.count_messages("one").unwrap(), 1);
    }
}
