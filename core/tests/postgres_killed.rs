//! The server killed under its writers: nothing acknowledged is lost, and nothing is there twice. Of its own, since it stops the server that the
//! other tests use.
#![cfg(all(feature = "postgres", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "postgres/cluster.rs"]
mod cluster;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cluster::Cluster;
use convostore::{ErrorCode, MessageQuery, NewMessage, NewSession, Role, Store};

const WRITERS: usize = 4;
const KILLS: usize = 4;

/// Writes under keys until told to stop, and tries again whatever the outcome is unknown of. Gives the keys acknowledged.
fn write(store: &Store, session: &str, writer: usize, stop: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        let key = format!("{writer}-{n}");
        let message = NewMessage::new(Role::USER, key.as_str()).dedup_key(key.as_str());
        match store.save_message(session, message) {
            Ok(_) => {
                acknowledged.push(key);
                n += 1;
            }
            Err(error) => {
                let code = error.code();
                assert!(
                    matches!(
                        code,
                        ErrorCode::UnknownOutcome | ErrorCode::Busy | ErrorCode::Storage
                    ),
                    "{error:?}"
                );
            }
        }
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_twice() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let store = Store::connect(&cluster.url()).unwrap();
    let session = store.create_session(NewSession::new()).unwrap().id;
    let stop = AtomicBool::new(false);
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (store, session, stop) = (store.clone(), session.as_str(), &stop);
                scope.spawn(move || write(&store, session, n, stop))
            })
            .collect();
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(700));
            cluster.kill_and_start();
        }
        thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::SeqCst);
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let messages = store.get_messages(&session, MessageQuery::new()).unwrap();
    for message in &messages {
        *found.entry(message.dedup_key.clone().unwrap()).or_default() += 1;
    }
    assert!(found.values().all(|times| *times == 1));
    assert!(acknowledged.iter().all(|key| found.contains_key(key)));
    assert!(acknowledged.len() > WRITERS * 10, "{}", acknowledged.len());
    let seqs: Vec<u64> = messages.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=messages.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        store.count_messages(&session).unwrap(),
        messages.len() as u64
    );
}
