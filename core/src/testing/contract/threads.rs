//! Many threads: writes one after the other, reads of one state.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::rows::{
    T, all_messages, append, assert_sound, get, insert, row, said, say, seqs, start, to_append,
};
use super::{Case, Fixture};
use crate::backend::{Append, Appended, Continue, Lookup, MessageFilter, SavedRow, Started};

pub(super) const CASES: &[Case] = &[
    (
        "writers in many threads get numbers without gap, each once",
        gapless,
    ),
    (
        "of many writers at one revision, one gets through",
        one_wins,
    ),
    (
        "of many that start the session of one key, one creates it",
        one_creates_the_key,
    ),
    (
        "of many that resume one idle scope, one creates a session and the others continue it",
        one_creates_the_latest,
    ),
    (
        "a read transaction sees one state, whatever is committed meanwhile",
        one_state,
    ),
    ("no reader ever sees a part of a write", no_part),
    ("an append has let go of its rows when it returns", lets_go),
];

const WRITERS: u64 = 8;
const WRITES: u64 = 25;

fn gapless(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let mut given: Vec<u64> = thread::scope(|scope| {
        let writer = |n: u64| {
            let backend = &*backend;
            scope.spawn(move || -> Vec<u64> {
                let write = |round| {
                    let rows = vec![said(&format!("{n}.{round}"), 2), said("second", 2)];
                    let Appended::Saved(saved) = append(backend, to_append("one", 2, rows)) else {
                        panic!("a plain append was refused");
                    };
                    saved.into_iter().map(|row| match row {
                        SavedRow::New { seq, .. } => seq,
                        _ => 0,
                    })
                };
                (0..WRITES).flat_map(write).collect()
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    // The two rows of a batch follow each other.
    assert!(given.chunks(2).all(|pair| pair[1] == pair[0] + 1));
    given.sort_unstable();
    let expected: Vec<u64> = (1..=WRITERS * WRITES * 2).collect();
    assert_eq!(given, expected);
    assert_eq!(seqs(&all_messages(&*backend, "one")), expected);
    let session = get(&*backend, "one").unwrap();
    assert_eq!(session.session.revision, 1 + WRITERS * WRITES);
    assert_eq!(session.session.message_count, WRITERS * WRITES * 2);
    assert_sound(&*backend);
}

fn one_wins(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let saved = thread::scope(|scope| {
        let writer = |_| {
            scope.spawn(|| {
                let demanding = Append {
                    expected_revision: Some(1),
                    ..to_append("one", 2, vec![said("a", 2)])
                };
                match append(&*backend, demanding) {
                    Appended::Saved(_) => 1,
                    Appended::Conflict { revision: 2 } => 0,
                    other => panic!("unexpected outcome: {other:?}"),
                }
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum::<i32>()
    });
    assert_eq!(saved, 1);
    assert_eq!(seqs(&all_messages(&*backend, "one")), [1]);
}

fn one_creates_the_key(fixture: &dyn Fixture) {
    one_creates(fixture, Continue::SameKey);
}

fn one_creates_the_latest(fixture: &dyn Fixture) {
    let active_after = super::rows::at(0);
    one_creates(fixture, Continue::Latest { active_after });
}

fn one_creates(fixture: &dyn Fixture, find: Continue) {
    let backend = fixture.fresh();
    let created = thread::scope(|scope| {
        let starter = |n: u64| {
            let backend = &*backend;
            scope.spawn(move || {
                let key = format!("k{}", if find == Continue::SameKey { 0 } else { n });
                let new = super::rows::keyed(&format!("s{n}"), "a", &key, 1);
                backend.start_session(T, start(find, new)).unwrap() == Started::Created
            })
        };
        let starters: Vec<_> = (0..WRITERS).map(starter).collect();
        starters
            .into_iter()
            .filter_map(|s| s.join().unwrap().then_some(()))
            .count()
    });
    assert_eq!(created, 1);
    assert_sound(&*backend);
}

fn one_state(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    say(&*backend, "one", 2, &["a"]);
    thread::scope(|scope| {
        let mut writer = None;
        let read = backend.read(T, &mut |tx| {
            let before = tx.messages("one", &MessageFilter::default())?;
            let other = Arc::clone(&backend);
            // It may have to wait until the reader is done, so the reader does not wait for it.
            writer = Some(scope.spawn(move || say(&*other, "one", 3, &["b"])));
            thread::sleep(Duration::from_millis(100));
            assert_eq!(tx.messages("one", &MessageFilter::default())?, before);
            assert_eq!(
                tx.session(Lookup::Id("one"))?
                    .unwrap()
                    .session
                    .message_count,
                1
            );
            assert_eq!(tx.totals()?.messages, 1);
            Ok(())
        });
        read.unwrap();
        writer.unwrap().join().unwrap();
    });
    assert_eq!(seqs(&all_messages(&*backend, "one")), [1, 2]);
}

fn no_part(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    insert(&*backend, row("two", "a", 1));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..100 {
                let both = backend.write_alone(T, &mut |tx| {
                    tx.append(&to_append("one", 2, vec![said("a", 2), said("b", 2)]))?;
                    tx.append(&to_append("two", 2, vec![said("c", 2)]))?;
                    Ok(())
                });
                both.unwrap();
            }
        });
        while !writer.is_finished() {
            let read = backend.read(T, &mut |tx| {
                let count = tx
                    .session(Lookup::Id("one"))?
                    .unwrap()
                    .session
                    .message_count;
                let messages = tx.messages("one", &MessageFilter::default())?.unwrap();
                let other = tx.messages("two", &MessageFilter::default())?.unwrap();
                assert_eq!(messages.len() as u64, count);
                assert_eq!(messages.len(), 2 * other.len());
                Ok(())
            });
            read.unwrap();
        }
    });
    assert_eq!(all_messages(&*backend, "two").len(), 100);
}

fn lets_go(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let mut rows = Arc::new(to_append("one", 2, vec![said("a", 2)]));
    backend.append(T, Arc::clone(&rows)).unwrap();
    assert!(Arc::get_mut(&mut rows).is_some());
}
