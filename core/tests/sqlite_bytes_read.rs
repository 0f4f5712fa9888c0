//! What is not returned is not read: lists and the last messages cost no bytes of long contents beside them.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;

use convostore::{MessageQuery, NewMessage, NewSession, Role, SaveOptions, SessionQuery, Store};

const LONG: usize = 1 << 20;
const SESSIONS: usize = 10;

/// How many bytes this process has read so far, from the disk or the system's cache.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.unwrap().parse().unwrap()
}

#[test]
fn contents_that_are_not_returned_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = Store::open(&path).unwrap();
    let mut ids = Vec::new();
    for number in 0..SESSIONS {
        let new = NewSession::new().scope("s").key(number.to_string());
        let id = store.create_session(new).unwrap().id;
        let long = NewMessage::new(Role::TOOL, "x".repeat(LONG));
        let short = (0..20).map(|_| NewMessage::new(Role::USER, "short"));
        let messages = [long].into_iter().chain(short).collect();
        store
            .save_messages(&id, messages, SaveOptions::new())
            .unwrap();
        ids.push(id);
    }
    store.close().unwrap();

    // Each on a store of its own, whose cache is empty.
    let cost = |work: &dyn Fn(&Store)| {
        let store = Store::open(&path).unwrap();
        store.get_session("absent").unwrap();
        let before = bytes_read();
        work(&store);
        bytes_read() - before
    };
    let few = 64 << 10;
    let listed = cost(&|store| {
        let page = store.list_sessions(SessionQuery::new()).unwrap();
        assert_eq!(page.items.len(), SESSIONS);
    });
    assert!(listed < few, "a list read {listed} bytes");
    let newest = cost(&|store| {
        let query = MessageQuery::new().last(20);
        assert_eq!(store.get_messages(&ids[3], query).unwrap().len(), 20);
    });
    assert!(newest < few, "the last 20 read {newest} bytes");
    let filtered = cost(&|store| {
        let users = MessageQuery::new().roles([Role::USER]);
        assert_eq!(store.get_messages(&ids[3], users).unwrap().len(), 20);
    });
    assert!(filtered < few, "those of one role read {filtered} bytes");
    let counted = cost(&|store| assert_eq!(store.count_messages(&ids[3]).unwrap(), 21));
    assert!(counted < few, "a count read {counted} bytes");
    // What is returned is: the measure measures.
    let all = cost(&|store| {
        let all = store.get_messages(&ids[3], MessageQuery::new());
        assert_eq!(all.unwrap().len(), 21);
    });
    assert!(all >= LONG as u64, "{all} bytes");
}
