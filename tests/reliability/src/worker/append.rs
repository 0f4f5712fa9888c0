//! Appends until it is killed, and says what was acknowledged.

use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::Durability;
use convostore::{
    ErrorCode, JsonObject, NewMessage, NewSession, Role, SaveOptions, SessionUpdate, Store,
    StoreOptions,
};

use super::say;
use crate::{Chance, Token};

const THREADS: u32 = 4;

/// `path run seed commit-first|acknowledge-first`: says `ready` and then a line `session call` for each call that returned.
pub(super) fn run(args: &[&str]) {
    let [path, run, seed, order] = args else {
        panic!("{args:?}")
    };
    let seed: u64 = seed.parse().unwrap();
    // The system keeps what a dead process has told it, whatever the disk confirmed.
    let durability = if seed.is_multiple_of(2) {
        Durability::Full
    } else {
        Durability::Normal
    };
    let store = StoreOptions::new().durability(durability);
    let store = store.open(path).unwrap();
    say("ready");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let writer = Writer {
                store: store.clone(),
                name: format!("{run}.{number}"),
                own: format!("own-{number}"),
                early: *order == "acknowledge-first",
            };
            let chance = Chance::new(seed.rotate_left(number));
            scope.spawn(move || writer.write_for_ever(chance));
        }
        scope.spawn(|| change_for_ever(&store, Chance::new(!seed)));
    });
}

struct Writer {
    store: Store,
    name: String,
    own: String,
    /// Whether it says that it is done before it is.
    early: bool,
}

impl Writer {
    fn write_for_ever(&self, mut chance: Chance) {
        for number in 0.. {
            let session = chance.pick(&["shared", &self.own]);
            let batch = chance.percent(40);
            let call = format!("{}.{number}", self.name);
            let messages = batch_of(&call, batch, &mut chance);
            let done = format!("{session} {call}");
            if self.early {
                say(&done);
            }
            self.save(session, messages, &call);
            if !self.early {
                say(&done);
            }
        }
    }

    fn save(&self, session: &str, mut messages: Vec<Token>, call: &str) {
        let new = NewSession::new().id(session);
        self.store.get_or_create_session(new).unwrap();
        let with_update = messages[0].with_update;
        let mut options = SaveOptions::new();
        if with_update {
            let metadata = JsonObject::parse(format!(r#"{{"call":"{call}"}}"#)).unwrap();
            options = options.update(SessionUpdate::new().metadata(metadata));
        }
        // Some fill pages, so that checkpoints happen.
        let filling = if call.ends_with('7') { 9000 } else { 20 };
        let messages: Vec<_> = messages
            .drain(..)
            .map(|token| NewMessage::new(Role::USER, token.text(filling)))
            .collect();
        self.store
            .save_messages(session, messages, options)
            .unwrap();
    }
}

fn batch_of(call: &str, batch: bool, chance: &mut Chance) -> Vec<Token> {
    let of = if batch { chance.pick(&[2, 3, 40]) } else { 1 };
    let with_update = batch && chance.percent(50);
    (0..of)
        .map(|index| Token {
            call: call.to_owned(),
            index,
            of,
            with_update,
        })
        .collect()
}

/// All that else changes a store, so that a death falls into it as well.
fn change_for_ever(store: &Store, mut chance: Chance) {
    loop {
        match change(store, &mut chance) {
            // Another process deleted it.
            Err(error) if error.code() == ErrorCode::NotFound => {}
            changed => changed.unwrap(),
        }
        thread::sleep(Duration::from_micros(500));
    }
}

fn change(store: &Store, chance: &mut Chance) -> convostore::Result<()> {
    let id = chance.pick(&["changing-1", "changing-2"]);
    let new = NewSession::new().id(id).scope("changing").key(id);
    store.get_or_create_session(new)?;
    for text in ["one", "two", "three"] {
        store.save_message(id, NewMessage::new(Role::USER, text))?;
    }
    match chance.below(5) {
        0 => store.pop_message(id).map(drop),
        1 => store.delete_messages_before(id, chance.below(40)).map(drop),
        2 => store.clear_messages(id).map(drop),
        3 => store.delete_session(id, chance.percent(20)).map(drop),
        _ => {
            let patch = JsonObject::parse(r#"{"a":{"b":1}}"#)?;
            store.merge_context("changing", patch, None).map(drop)
        }
    }
}
