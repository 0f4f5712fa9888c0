//! Writers on different connections, as on different machines.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use convostore::backend::{Appended, Backend, Continue, Lookup, SavedRow, Started};

use super::rows::{T, at, insert, row, said, say, say_keyed, start, texts, to_append};
use super::server;

const WRITERS: usize = 8;

/// Runs `work` at once in many threads, each on a backend of its own.
fn at_once<T: Send>(
    url: &str,
    schema: &str,
    work: impl Fn(usize, &dyn Backend) -> T + Sync,
) -> Vec<T> {
    let backends: Vec<_> = (0..WRITERS).map(|_| server::connect(url, schema)).collect();
    let barrier = Barrier::new(WRITERS);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (n, backend) in backends.iter().enumerate() {
            let (barrier, work) = (&barrier, &work);
            threads.push(scope.spawn(move || {
                barrier.wait();
                work(n, backend)
            }));
        }
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

#[test]
fn of_many_with_one_dedup_key_one_writes() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let backend = server::connect(&url, &schema);
    insert(&backend, "one");
    for round in 0..20 {
        let key = format!("k{round}");
        let outcomes = at_once_keyed(&url, &schema, &key);
        assert_eq!(outcomes.iter().filter(|is_new| **is_new).count(), 1);
    }
    assert_eq!(texts(&backend, "one").len(), 20);
}

fn at_once_keyed(url: &str, schema: &str, key: &str) -> Vec<bool> {
    at_once(url, schema, |_, backend| {
        match say_keyed(backend, "one", key, key).unwrap() {
            Appended::Saved(rows) => matches!(rows[..], [SavedRow::New { .. }]),
            other => panic!("{other:?}"),
        }
    })
}

/// The second begins while the first holds the session: its snapshot shows neither the message nor its key.
#[test]
fn an_append_that_waited_sees_the_keys_of_whom_it_waited_for() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let (first, second) = (
        server::connect(&url, &schema),
        server::connect(&url, &schema),
    );
    insert(&first, "one");
    thread::scope(|scope| {
        let mut waiting = None;
        let written = first.write_alone(T, &mut |tx| {
            tx.append(&to_append(
                "one",
                vec![said("same", Some("k")), said("other", Some("l"))],
            ))?;
            waiting = Some(scope.spawn(|| {
                let rows = vec![
                    said("new", Some("n")),
                    said("same", Some("k")),
                    said("changed", Some("m")),
                ];
                second.append(T, to_append("one", rows))
            }));
            thread::sleep(Duration::from_millis(200));
            Ok(())
        });
        written.unwrap();
        let appended = waiting.unwrap().join().unwrap().unwrap();
        let Appended::Saved(saved) = appended else {
            panic!("{appended:?}")
        };
        assert!(matches!(&saved[1], SavedRow::Existing(message) if message.seq == 1));
        assert!(matches!(
            (&saved[0], &saved[2]),
            (SavedRow::New { seq: 3, .. }, SavedRow::New { seq: 4, .. })
        ));
    });
    assert_eq!(texts(&first, "one"), ["same", "other", "new", "changed"]);
}

#[test]
fn an_append_that_waited_for_the_sessions_deletion_finds_none() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let (first, second) = (
        server::connect(&url, &schema),
        server::connect(&url, &schema),
    );
    for key in [None, Some("k")] {
        insert(&first, "one");
        thread::scope(|scope| {
            let mut waiting = None;
            let deleted = first.write_alone(T, &mut |tx| {
                assert!(tx.delete_session("one")?);
                waiting = Some(
                    scope.spawn(|| second.append(T, to_append("one", vec![said("late", key)]))),
                );
                thread::sleep(Duration::from_millis(150));
                Ok(())
            });
            deleted.unwrap();
            assert_eq!(
                waiting.unwrap().join().unwrap().unwrap(),
                Appended::NoSession
            );
        });
    }
    // Nothing of the late append is left behind for the next session of that id.
    insert(&first, "one");
    assert_eq!(texts(&first, "one"), Vec::<String>::new());
}

#[test]
fn a_deletion_that_waited_for_an_append_takes_its_messages_along() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let (first, second) = (
        server::connect(&url, &schema),
        server::connect(&url, &schema),
    );
    insert(&first, "one");
    thread::scope(|scope| {
        let mut waiting = None;
        let written = first.write_alone(T, &mut |tx| {
            tx.append(&to_append("one", vec![said("orphan", None)]))?;
            waiting = Some(
                scope.spawn(|| second.write_alone(T, &mut |tx| tx.delete_session("one").map(drop))),
            );
            thread::sleep(Duration::from_millis(150));
            Ok(())
        });
        written.unwrap();
        waiting.unwrap().join().unwrap().unwrap();
    });
    insert(&first, "one");
    assert_eq!(texts(&first, "one"), Vec::<String>::new());
}

#[test]
fn of_many_that_resume_one_idle_scope_one_creates() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    for round in 0..10 {
        let find = Continue::Latest {
            active_after: at(0),
        };
        let outcomes = at_once(&url, &schema, |n, backend| {
            let mut new = row(&format!("{round}-{n}"), None);
            new.session.scope = format!("scope {round}");
            start(backend, find, new).unwrap()
        });
        let created = outcomes
            .iter()
            .filter(|started| **started == Started::Created)
            .count();
        assert_eq!(created, 1, "{outcomes:?}");
    }
}

#[test]
fn of_many_that_write_a_context_first_one_does_and_the_others_see_it() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let stores = at_once(&url, &schema, |n, _| {
        let store = convostore::StoreOptions::new()
            .postgres(server::options(&schema))
            .connect(&url)
            .unwrap();
        let patch = convostore::JsonObject::parse(format!("{{\"{n}\":{n}}}")).unwrap();
        store.merge_context("scope", patch, None).unwrap();
        store
    });
    let context = stores[0].get_context("scope").unwrap().unwrap();
    assert_eq!(context.revision, WRITERS as u64);
    let members: std::collections::BTreeMap<String, usize> = context.data.decode().unwrap();
    assert_eq!(members.len(), WRITERS);
}

#[test]
fn no_merge_of_metadata_is_lost() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let connect = || {
        convostore::StoreOptions::new()
            .postgres(server::options(&schema))
            .connect(&url)
            .unwrap()
    };
    let store = connect();
    let session = store.create_session(convostore::NewSession::new()).unwrap();
    at_once(&url, &schema, |n, _| {
        let store = connect();
        for round in 0..5 {
            let patch = convostore::JsonObject::parse(format!("{{\"{n}-{round}\":0}}")).unwrap();
            store
                .update_session(
                    &session.id,
                    convostore::SessionUpdate::new().merge_metadata(patch),
                )
                .unwrap();
            store
                .save_message(
                    &session.id,
                    convostore::NewMessage::new(convostore::Role::USER, "x"),
                )
                .unwrap();
        }
    });
    let session = store.get_session(&session.id).unwrap().unwrap();
    let members: std::collections::BTreeMap<String, usize> = session.metadata.decode().unwrap();
    assert_eq!(members.len(), 5 * WRITERS);
    assert_eq!(session.message_count, 5 * WRITERS as u64);
    assert_eq!(session.revision, 1 + 2 * 5 * WRITERS as u64);
}

#[test]
fn two_that_lock_crosswise_both_get_through() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let backend = server::connect(&url, &schema);
    insert(&backend, "a");
    insert(&backend, "b");
    at_once(&url, &schema, |n, backend| {
        // Two of them: a deadlock is looked for after a second only, and of more the others would be next in line.
        let (one, two) = match n {
            0 => ("a", "b"),
            1 => ("b", "a"),
            _ => return,
        };
        let written = backend.write(
            T,
            Box::new(move |tx| {
                tx.append(&to_append(one, vec![said("x", None)]))?;
                thread::sleep(Duration::from_millis(20));
                tx.append(&to_append(two, vec![said("x", None)])).map(drop)
            }),
        );
        written.unwrap();
    });
    assert_eq!(texts(&backend, "a").len(), 2);
    assert_eq!(texts(&backend, "b").len(), 2);
    say(&backend, "a", "y").unwrap();
    assert!(backend.session(T, Lookup::Id("a")).unwrap().is_some());
}
