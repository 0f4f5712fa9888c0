//! Appends handed in together: each for itself.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::rows::{
    T, all_messages, append, assert_sound, at, dedup, get, insert, insert_in, row, said, to_append,
};
use super::{Case, Fixture};
use crate::backend::{Append, AppendRow, Appended, Backend, SavedRow, WaitingAppend};
use crate::error::Result;

pub(super) const CASES: &[Case] = &[
    (
        "of appends handed in together each has its own outcome, in their order",
        each_its_own,
    ),
    (
        "one of several that fails leaves nothing behind and takes no other along",
        one_fails,
    ),
    (
        "a dedup key and a revision hold between appends handed in together",
        one_after_the_other,
    ),
    (
        "appends of several tenants handed in together go each to its own",
        tenants,
    ),
    (
        "many threads that hand in several each get numbers without gap, in their order",
        threads,
    ),
    (
        "appends handed in together have let go of their rows when they return",
        lets_go,
    ),
    ("no appends handed in together are none", none),
    ("after closing, each is told so", closed),
];

fn waiting(append: Append) -> WaitingAppend {
    WaitingAppend {
        tenant: T.to_owned(),
        append: Arc::new(append),
        waited: Duration::ZERO,
    }
}

fn together(backend: &dyn Backend, appends: Vec<Append>) -> Vec<Result<Appended>> {
    backend.append_each(appends.into_iter().map(waiting).collect())
}

fn one(id: &str, text: &str) -> Append {
    to_append(id, 5, vec![said(text, 5)])
}

fn new_seqs(appended: &Result<Appended>) -> Vec<u64> {
    let Ok(Appended::Saved(saved)) = appended else {
        panic!("not saved: {appended:?}");
    };
    let seq = |row: &SavedRow| match row {
        SavedRow::New { seq, .. } => *seq,
        other => panic!("not new: {other:?}"),
    };
    saved.iter().map(seq).collect()
}

fn texts(backend: &dyn Backend, id: &str) -> Vec<String> {
    let text = |message: crate::model::Message| message.content.as_text().unwrap().into_owned();
    all_messages(backend, id).into_iter().map(text).collect()
}

fn each_its_own(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    insert(&*backend, row("two", "a", 1));
    let batch = to_append("one", 5, vec![said("b", 5), said("c", 5)]);
    let answers = together(
        &*backend,
        vec![
            one("one", "a"),
            one("two", "x"),
            one("absent", "nothing"),
            batch,
            one("two", "y"),
        ],
    );
    assert_eq!(answers.len(), 5);
    assert_eq!(new_seqs(&answers[0]), [1]);
    assert_eq!(new_seqs(&answers[1]), [1]);
    assert!(matches!(answers[2], Ok(Appended::NoSession)));
    assert_eq!(new_seqs(&answers[3]), [2, 3]);
    assert_eq!(new_seqs(&answers[4]), [2]);
    assert_eq!(texts(&*backend, "one"), ["a", "b", "c"]);
    assert_eq!(texts(&*backend, "two"), ["x", "y"]);
    assert_eq!(get(&*backend, "one").unwrap().session.revision, 3);
    assert_sound(&*backend);
}

fn one_fails(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let mut full = row("full", "a", 1);
    full.last_seq = crate::backend::MAX_SEQ - 1;
    insert(&*backend, full);
    insert(&*backend, row("one", "a", 1));
    // There is a number for its first row, and none for its second.
    let too_many = to_append("full", 5, vec![said("fits", 5), said("does not", 5)]);
    let answers = together(
        &*backend,
        vec![one("one", "before"), too_many, one("one", "after")],
    );
    assert_eq!(new_seqs(&answers[0]), [1]);
    let error = answers[1].as_ref().unwrap_err();
    assert_eq!(error.code(), crate::ErrorCode::InvalidArgument);
    assert_eq!(new_seqs(&answers[2]), [2]);
    assert_eq!(texts(&*backend, "one"), ["before", "after"]);
    assert_eq!(texts(&*backend, "full"), Vec::<String>::new());
    let full = get(&*backend, "full").unwrap();
    assert_eq!(full.last_seq, crate::backend::MAX_SEQ - 1);
}

fn one_after_the_other(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let revision = get(&*backend, "one").unwrap().session.revision;
    let keyed = |text: &str| to_append("one", 5, vec![dedup(text, "key", 5)]);
    let at_revision = |text: &str, expected| Append {
        expected_revision: Some(expected),
        ..one("one", text)
    };
    let answers = together(
        &*backend,
        vec![
            keyed("first"),
            keyed("first"),
            keyed("other"),
            at_revision("late", revision),
            at_revision("in time", revision + 1),
            at_revision("late again", revision + 1),
        ],
    );
    assert_eq!(new_seqs(&answers[0]), [1]);
    match &answers[1] {
        Ok(Appended::Saved(saved)) => {
            assert!(matches!(&saved[..], [SavedRow::Existing(first)] if first.seq == 1));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        &answers[2],
        Ok(Appended::DedupConflict { seq: 1, .. })
    ));
    let conflict = |revision| Appended::Conflict { revision };
    assert_eq!(*answers[3].as_ref().unwrap(), conflict(revision + 1));
    assert_eq!(new_seqs(&answers[4]), [2]);
    assert_eq!(*answers[5].as_ref().unwrap(), conflict(revision + 2));
    assert_eq!(texts(&*backend, "one"), ["first", "in time"]);
    assert_sound(&*backend);
}

fn tenants(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    insert_in(&*backend, "other", row("one", "a", 1));
    let of = |tenant: &str, text| WaitingAppend {
        tenant: tenant.to_owned(),
        ..waiting(one("one", text))
    };
    let answers = backend.append_each(vec![
        of(T, "mine"),
        of("other", "theirs"),
        of("third", "nobody's"),
    ]);
    assert_eq!(new_seqs(&answers[0]), [1]);
    assert_eq!(new_seqs(&answers[1]), [1]);
    assert!(matches!(answers[2], Ok(Appended::NoSession)));
    assert_eq!(texts(&*backend, "one"), ["mine"]);
}

const THREADS: u64 = 4;
const ROUNDS: u64 = 5;
const EACH: u64 = 10;

fn threads(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let mut given: Vec<u64> = thread::scope(|scope| {
        let writer = |_| {
            let backend = &*backend;
            scope.spawn(move || -> Vec<u64> {
                let mut given = Vec::new();
                for _ in 0..ROUNDS {
                    let appends = (0..EACH).map(|_| one("one", "text")).collect();
                    let answers = together(backend, appends);
                    let seqs: Vec<u64> = answers.iter().flat_map(new_seqs).collect();
                    assert!(seqs.is_sorted(), "{seqs:?}");
                    given.extend(seqs);
                    // Single ones between them.
                    let rows: Vec<AppendRow> = vec![said("text", 5)];
                    given.extend(new_seqs(&Ok(append(backend, to_append("one", 5, rows)))));
                }
                given
            })
        };
        let writing: Vec<_> = (0..THREADS).map(writer).collect();
        let given = writing.into_iter().map(|thread| thread.join().unwrap());
        given.flatten().collect()
    });
    given.sort_unstable();
    let all = THREADS * ROUNDS * (EACH + 1);
    assert_eq!(given, (1..=all).collect::<Vec<_>>());
    assert_sound(&*backend);
}

fn lets_go(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let appends = ["a", "b", "c"].map(|text| waiting(one("one", text)));
    let rows = appends.each_ref().map(|it| Arc::clone(&it.append));
    let answers = backend.append_each(appends.into());
    assert!(answers.iter().all(Result::is_ok));
    for rows in rows {
        assert!(Arc::try_unwrap(rows).is_ok(), "somebody still has them");
    }
}

fn none(fixture: &dyn Fixture) {
    assert!(fixture.fresh().append_each(Vec::new()).is_empty());
}

fn closed(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", at(1).as_millis()));
    backend.close().unwrap();
    let answers = together(&*backend, vec![one("one", "a"), one("one", "b")]);
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert_eq!(answer.unwrap_err().code(), crate::ErrorCode::Closed);
    }
}
