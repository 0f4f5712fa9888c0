//! A store whose reads go to a backend that is behind, as a replica may be.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::{Store, StoreOptions};
use crate::backend::Backend;
use crate::backend::memory::MemoryBackend;
use crate::model::{MessageQuery, NewMessage, NewSession, Role, SaveOptions};

/// A store, and one by which its reader is written.
fn store_and_reader() -> (Store, Store) {
    let backend = || -> Arc<dyn Backend> { Arc::new(MemoryBackend::new()) };
    let (primary, reader) = (backend(), backend());
    (
        StoreOptions::new()
            .with_reader(primary, Arc::clone(&reader))
            .unwrap(),
        StoreOptions::new().with_backend(reader).unwrap(),
    )
}

fn make(store: &Store, messages: usize) {
    store.create_session(NewSession::new().id("one")).unwrap();
    for batch in (0..messages).collect::<Vec<_>>().chunks(100) {
        let batch = batch
            .iter()
            .map(|n| NewMessage::new(Role::USER, n.to_string()));
        store
            .save_messages("one", batch.collect::<Vec<_>>(), SaveOptions::new())
            .unwrap();
    }
}

fn count(store: &Store) -> u64 {
    store.count_messages("one").unwrap()
}

#[test]
fn reads_ask_the_reader_and_the_primary_on_demand() {
    let (store, reader) = store_and_reader();
    make(&store, 3);
    make(&reader, 1);
    assert_eq!(count(&store), 1);
    assert_eq!(count(&store.for_tenant("default").unwrap()), 1);
    assert_eq!(count(&store.on_primary()), 3);
    assert_eq!(count(&store.on_primary().for_tenant("default").unwrap()), 3);
    let stream = store.stream_messages("one", MessageQuery::new()).unwrap();
    assert_eq!(stream.count(), 1);
}

#[test]
fn a_stream_goes_on_at_the_primary_where_the_reader_has_fallen_behind() {
    for messages_left in [Some(0), None] {
        let (store, reader) = store_and_reader();
        make(&store, 600);
        make(&reader, 600);
        let mut stream = store.stream_messages("one", MessageQuery::new()).unwrap();
        assert_eq!(stream.next().unwrap().unwrap().seq, 1);
        reader.delete_session("one", false).unwrap();
        if let Some(messages) = messages_left {
            make(&reader, messages);
        }
        let rest: Vec<_> = stream.map(|message| message.unwrap().seq).collect();
        assert_eq!(rest, (2..=600).collect::<Vec<_>>());
    }
}

#[test]
fn a_stream_ends_behind_the_last_message_without_asking_once_more() {
    let store = Store::in_memory().unwrap();
    make(&store, 3);
    let mut stream = store.stream_messages("one", MessageQuery::new()).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().seq, 1);
    store.delete_session("one", false).unwrap();
    let rest: Vec<_> = stream.map(|message| message.unwrap().seq).collect();
    assert_eq!(rest, [2, 3]);
}
