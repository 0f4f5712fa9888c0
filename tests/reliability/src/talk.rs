//! What is said in a store that is to forget some of it, and where it is found.

use std::fs;
use std::path::{Path, PathBuf};

use convostore::{JsonObject, NewMessage, NewSession, Role, SaveOptions, Store};

use crate::Chance;

/// Every file and folder below, the WAL and its index included.
pub fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_below(&path));
        }
        found.push(path);
    }
    found
}

/// Two characters of private use, eight bytes, that are in no file by chance. Short, so that a part of a text is found too.
pub fn marker(chance: &mut Chance) -> String {
    let mut character = || {
        let number = u32::try_from(chance.below(0xfffe)).unwrap();
        char::from_u32(0xf_0000 + number).unwrap()
    };
    String::from_iter([character(), character()])
}

/// Whether the bytes are somewhere in the others.
pub fn holds(file: &[u8], bytes: &[u8]) -> bool {
    // Most bytes are not the first: a whole comparison at each would be most of the test's time.
    let mut rest = file;
    while let Some(at) = rest.iter().position(|byte| *byte == bytes[0]) {
        rest = &rest[at..];
        if rest.starts_with(bytes) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The files that hold the bytes.
pub fn holders(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = all_below(folder);
    found.retain(|it| it.is_file() && holds(&fs::read(it).unwrap(), bytes));
    found
}

/// A session whose marker is in all that a session has: contents, short and over many pages, metadata, its key, a dedup key, a
/// preview, and so in the indexes.
pub fn say(store: &Store, marker: &str, chance: &mut Chance) -> String {
    let id = begin(store, marker);
    for number in 0..=chance.below(6) {
        let times = usize::try_from(1 + chance.below(1_600)).unwrap();
        say_one(store, &id, marker, times, &number.to_string());
    }
    id
}

/// The session without messages.
pub fn begin(store: &Store, marker: &str) -> String {
    let metadata = JsonObject::parse(format!(r#"{{"note":"{marker}"}}"#)).unwrap();
    let new = NewSession::new()
        .scope(format!("scope {marker}"))
        .key(format!("key {marker}"))
        .owner(format!("owner {marker}"))
        .metadata(metadata);
    store.create_session(new).unwrap().id
}

/// One message, the marker so many times.
pub fn say_one(store: &Store, id: &str, marker: &str, times: usize, key: &str) {
    let message = NewMessage::new(Role::USER, marker.repeat(times));
    let message = message.dedup_key(format!("{marker} {key}"));
    store
        .save_messages(id, vec![message], SaveOptions::new())
        .unwrap();
}
