//! A store with something of everything, whose contents are known.

use std::fs;
use std::path::Path;

use convostore::backend::sqlite::Durability;
use convostore::{
    Content, ExportOptions, JsonObject, Lifecycle, NewMessage, NewSession, Role, SaveOptions,
    Store, StoreOptions,
};

use crate::files::beside;

/// The session that only the WAL has messages of.
pub const LATE: &str = "late";
const LATE_MESSAGES: u64 = 12;
const SESSIONS: usize = 30;

/// The files of one store, at one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The database.
    pub database: Vec<u8>,
    /// What was not yet moved into it: `LATE_MESSAGES` appends to the session [`LATE`].
    pub wal: Vec<u8>,
    /// How long the WAL was when each of those appends was acknowledged.
    pub ends: Vec<usize>,
    /// The whole store, as an archive.
    pub archive: Vec<u8>,
}

impl Sample {
    /// Makes one. Another `word` gives a store of the same shape with other contents.
    pub fn new(word: &str) -> Self {
        let folder = conformance::world::temporary_folder();
        let path = folder.path().join("store.db");
        let open = || {
            let options = StoreOptions::new().durability(Durability::Normal);
            options.open(&path).unwrap()
        };
        let store = open();
        fill(&store, word);
        store.close().unwrap();
        let store = open();
        let ends = (0..LATE_MESSAGES)
            .map(|number| {
                let message = NewMessage::new(Role::USER, late_text(word, number));
                store.save_message(LATE, message).unwrap();
                let wal = fs::metadata(beside(&path, "-wal")).unwrap();
                usize::try_from(wal.len()).unwrap()
            })
            .collect();
        let mut archive = Vec::new();
        store
            .export_archive(&mut archive, ExportOptions::new())
            .unwrap();
        // This drops the store's locks, but nobody else is there, and nothing more is written.
        let (database, wal) = read(&path);
        Self {
            database,
            wal,
            ends,
            archive,
        }
    }

    /// How many late messages were acknowledged when the WAL had so many bytes.
    pub fn late_within(&self, bytes: usize) -> usize {
        self.ends.iter().filter(|end| **end <= bytes).count()
    }
}

fn read(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let wal = fs::read(beside(path, "-wal")).unwrap();
    (fs::read(path).unwrap(), wal)
}

/// What a late message says. Some are longer than a page.
pub fn late_text(word: &str, number: u64) -> String {
    let filling = if number.is_multiple_of(4) { 6000 } else { 30 };
    format!("{word} {number} {}", "l".repeat(filling))
}

fn fill(store: &Store, word: &str) {
    let review = Lifecycle::new("review", "open").allow("open", "merged");
    store
        .define_lifecycle(review.final_status("merged"))
        .unwrap();
    for number in 0..4 {
        let data = JsonObject::parse(format!(r#"{{"word":"{word}","n":[{number},1.50]}}"#));
        let scope = format!("scope-{number}");
        store.set_context(&scope, data.unwrap(), None).unwrap();
    }
    store.create_session(NewSession::new().id(LATE)).unwrap();
    for number in 0..SESSIONS {
        let session = NewSession::new().id(format!("session-{number}"));
        let session = session
            .scope(format!("scope-{}", number % 4))
            .key(format!("{word}-{number}"));
        let metadata = JsonObject::parse(format!(r#"{{"m":{number}}}"#)).unwrap();
        let session = session.owner("ada").lifecycle("review").metadata(metadata);
        let id = store.create_session(session).unwrap().id;
        let messages = (0..number % 11).map(|it| message(word, it)).collect();
        store
            .save_messages(&id, messages, SaveOptions::new())
            .unwrap();
    }
}

fn message(word: &str, number: usize) -> NewMessage {
    let content = match number % 3 {
        0 => Content::json(format!(r#"{{"text": "{word} {number}","n":1e2}}"#)).unwrap(),
        // One is longer than a page, so that it has pages of its own.
        1 => Content::text(format!("{word} {number} {}", "y".repeat(number * 900))),
        _ => Content::text(format!("{word} {number}")),
    };
    let message = NewMessage::new(Role::ASSISTANT, content);
    if number.is_multiple_of(2) {
        message.dedup_key(format!("key-{number}")).token_count(4)
    } else {
        message.summary(number == 3)
    }
}
