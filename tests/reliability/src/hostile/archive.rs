//! Archives: any bytes, and any lines under a digest that is right.

use std::fmt::Write as _;

use convostore::{ContextQuery, ExportOptions, ImportOptions, MessageQuery, SessionQuery, Store};
use sha2::{Digest as _, Sha256};

use super::pair;

const HEADER: &str = "{\"format\":\"convostore-archive\",\"version\":1}\n";

/// Imports the bytes.
pub(super) fn as_it_is(bytes: &[u8]) {
    let store = pair::memory();
    match store.import_archive(bytes, ImportOptions::new()) {
        Ok(_) => {
            read_everything(&store);
            assert!(exported(&store) == bytes, "two ways to write the same rows");
            let other = pair::sqlite();
            let imported = other.import_archive(bytes, ImportOptions::new());
            imported.expect("what one storage takes, the other takes");
            assert!(exported(&other) == bytes, "SQLite gives other rows back");
            pair::empty(&other);
        }
        Err(_) => {
            let stats = store.stats().unwrap();
            assert_eq!(
                stats.sessions + stats.contexts,
                0,
                "a refused archive left something"
            );
            assert!(
                store.list_lifecycles().unwrap().len() == 2,
                "it left a lifecycle"
            );
        }
    }
    let dry = ImportOptions::new().dry_run(true);
    let _ = pair::memory().import_archive(bytes, dry);
}

/// Imports the lines between a header and an end that belongs to them, so that what they say is looked at and not the digest alone.
pub(super) fn repaired(lines: &[u8]) {
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend_from_slice(lines);
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    let end = end_of(&bytes);
    bytes.extend_from_slice(end.as_bytes());
    as_it_is(&bytes);
}

fn end_of(bytes: &[u8]) -> String {
    let count = |kind: &str| {
        let begin = format!("{{\"{kind}\"");
        let lines = bytes.split(|byte| *byte == b'\n');
        lines
            .filter(|line| line.starts_with(begin.as_bytes()))
            .count()
    };
    let mut digest = String::new();
    for byte in Sha256::digest(bytes) {
        write!(digest, "{byte:02x}").unwrap();
    }
    let (lifecycles, contexts) = (count("lifecycle"), count("context"));
    let (sessions, messages) = (count("session"), count("message"));
    format!(
        "{{\"end\":{{\"counts\":{{\"lifecycles\":{lifecycles},\"contexts\":{contexts},\"sessions\":{sessions},\"messages\":{messages}}},\"sha256\":\"{digest}\"}}}}\n"
    )
}

fn exported(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store
        .export_archive(&mut bytes, ExportOptions::new())
        .unwrap();
    bytes
}

fn read_everything(store: &Store) {
    let sessions = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap();
    for session in sessions.items {
        let messages = store
            .get_messages(&session.id, MessageQuery::new())
            .unwrap();
        assert_eq!(session.message_count, messages.len() as u64);
        if let Some(key) = &session.key {
            let by_key = store.get_session_by_key(&session.scope, key).unwrap();
            assert_eq!(by_key.as_ref(), Some(&session));
        }
        let streamed = store
            .stream_messages(&session.id, MessageQuery::new())
            .unwrap();
        assert_eq!(streamed.map(Result::unwrap).count(), messages.len());
    }
    store.list_contexts(ContextQuery::new()).unwrap();
    store.check().unwrap();
}
