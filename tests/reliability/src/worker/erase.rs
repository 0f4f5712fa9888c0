//! Erases sessions while it writes into others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use convostore::{Erasure, MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions};

use super::{hear, say};
use crate::{Chance, talk};

/// So long that nobody is `busy`, however slow the machine.
const WAIT: Duration = Duration::from_secs(3600);
const WRITERS: u64 = 2;
/// A session that others grow beside has so many messages.
const KEPT: u64 = 30;

/// `path seed erasing|plain`, and then for each line a marker: says it in a session, deletes that, and says `complete`, or `pending` and why.
pub(super) fn run(args: &[&str]) {
    let [path, seed, how] = args else {
        panic!("{args:?}")
    };
    let seed: u64 = seed.parse().unwrap();
    let store = StoreOptions::new().wait_limit(WAIT).open(path).unwrap();
    let mut chance = Chance::new(seed);
    let done = AtomicBool::new(false);
    say("ready");
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let (store, done) = (&store, &done);
            let chance = Chance::new(!seed.rotate_left(u32::try_from(number).unwrap()));
            scope.spawn(move || talk_until(store, done, &format!("{seed}-{number}"), chance));
        }
        while let Some(marker) = hear() {
            let id = talk::say(&store, &marker, &mut chance);
            let answer = store.delete_session(&id, *how == "erasing").unwrap();
            say(&match answer.erasure {
                Some(Erasure::Pending { reason }) => format!("pending {reason}"),
                _ => "complete".to_owned(),
            });
        }
        done.store(true, Ordering::SeqCst);
    });
}

/// A conversation that goes on, is read, and forgets its beginning.
fn talk_until(store: &Store, done: &AtomicBool, id: &str, mut chance: Chance) {
    store.create_session(NewSession::new().id(id)).unwrap();
    while !done.load(Ordering::SeqCst) {
        let len = usize::try_from(chance.below(2_000)).unwrap();
        let message = NewMessage::new(Role::USER, "x".repeat(len));
        let saved = store.save_message(id, message).unwrap();
        store.get_messages(id, MessageQuery::new().last(5)).unwrap();
        if saved.seq.is_multiple_of(KEPT) {
            store.delete_messages_before(id, saved.seq).unwrap();
        }
    }
}
