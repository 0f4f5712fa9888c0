//! Writes one message after the other until nothing more is said.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use convostore::backend::sqlite::Durability;
use convostore::{ErrorCode, NewMessage, Role, StoreOptions};

use super::{hear, say};

/// `path session`: says `ready`, then the text of each message that is acknowledged, or `error` and what it was, until the input ends. Last it says `done`.
pub(super) fn run(args: &[&str]) {
    let [path, session] = args else {
        panic!("{args:?}")
    };
    let store = StoreOptions::new().durability(Durability::Normal);
    let store = store.open(path).unwrap();
    say("ready");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while hear().is_some() {}
            is_over.store(true, Ordering::SeqCst);
        });
        for number in 0.. {
            if is_over.load(Ordering::SeqCst) {
                return;
            }
            let text = format!("theirs {number}");
            match store.save_message(session, NewMessage::new(Role::USER, &*text)) {
                Ok(_) => say(&text),
                Err(error) if error.code() == ErrorCode::UnknownOutcome => {}
                Err(error) => say(&format!("error {error}")),
            }
        }
    });
    say("done");
}
