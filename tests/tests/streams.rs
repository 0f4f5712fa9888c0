//! What a stream is while others write, which a scenario cannot say: it reads on and on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use conformance::world::{Kind, World};
use convostore::{
    ErrorCode, Message, MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions,
};

/// More than a page of a stream has.
const MANY: u64 = 600;

/// A store of each kind with a session of many messages.
fn stores() -> Vec<(World, Store)> {
    let made = Kind::here().into_iter().map(|kind| {
        let world = World::new(kind).unwrap();
        let store = StoreOptions::new().with_backend(world.backend()).unwrap();
        store.create_session(NewSession::new().id("a")).unwrap();
        let messages = (0..MANY)
            .map(|n| NewMessage::new(Role::USER, n.to_string()))
            .collect();
        store
            .save_messages("a", messages, convostore::SaveOptions::new())
            .unwrap();
        (world, store)
    });
    made.collect()
}

fn seqs(messages: impl Iterator<Item = convostore::Result<Message>>) -> Vec<u64> {
    messages.map(|message| message.unwrap().seq).collect()
}

#[test]
fn a_stream_ends_at_the_last_message_that_was_there_at_its_start() {
    for (_world, store) in stores() {
        let mut stream = store.stream_messages("a", MessageQuery::new()).unwrap();
        assert_eq!(stream.next().unwrap().unwrap().seq, 1);
        store
            .save_message("a", NewMessage::new(Role::USER, "late"))
            .unwrap();
        assert_eq!(seqs(stream), (2..=MANY).collect::<Vec<_>>());
    }
}

#[test]
fn a_stream_holds_nothing_up_between_its_messages() {
    for (_world, store) in stores() {
        let stream = store.stream_messages("a", MessageQuery::new()).unwrap();
        let mut read = 0;
        // Write, read, change and begin another stream between any two messages.
        for message in stream {
            message.unwrap();
            read += 1;
            if read % 100 == 0 {
                store.touch_session("a").unwrap();
                assert_eq!(store.count_messages("a").unwrap(), MANY);
                assert_eq!(
                    seqs(
                        store
                            .stream_messages("a", MessageQuery::new().limit(2))
                            .unwrap()
                    ),
                    [1, 2]
                );
            }
        }
        assert_eq!(read, MANY);
    }
}

#[test]
fn messages_that_are_deleted_meanwhile_leave_a_gap() {
    for (_world, store) in stores() {
        let mut stream = store.stream_messages("a", MessageQuery::new()).unwrap();
        assert_eq!(stream.next().unwrap().unwrap().seq, 1);
        store.delete_messages_before("a", MANY - 1).unwrap();
        let rest = seqs(stream);
        assert!(
            rest.is_sorted() && rest.ends_with(&[MANY - 1, MANY]),
            "{rest:?}"
        );
    }
}

#[test]
fn a_stream_of_a_session_that_is_deleted_ends_with_not_found() {
    for (_world, store) in stores() {
        let mut stream = store.stream_messages("a", MessageQuery::new()).unwrap();
        assert_eq!(stream.next().unwrap().unwrap().seq, 1);
        store.delete_session("a", false).unwrap();
        let error = stream.find_map(Result::err).unwrap();
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(stream.next().is_none(), "after an error it has ended");
    }
}

#[test]
fn a_stream_of_a_closed_store_ends_with_closed() {
    for (_world, store) in stores() {
        let mut stream = store.stream_messages("a", MessageQuery::new()).unwrap();
        assert_eq!(stream.next().unwrap().unwrap().seq, 1);
        store.close().unwrap();
        let error = stream.find_map(Result::err).unwrap();
        assert_eq!(error.code(), ErrorCode::Closed);
    }
}
