//! A write that fails leaves nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::rows::{
    T, all_messages, any, append, assert_sound, at, dedup, get, given_up, insert, keyed, list,
    new_row, row, said, say, to_append, write,
};
use super::{Case, Fixture};
use crate::backend::{Appended, Backend, Continue, Lookup, StartSession, Totals, WriteTransaction};
use crate::error::{ErrorCode, Result};
use crate::model::{Context, JsonObject, Lifecycle, Message};

pub(super) const CASES: &[Case] = &[
    (
        "a failed write returns its own error and leaves nothing of any kind of row",
        nothing_is_left,
    ),
    (
        "a failed write leaves nothing after reopening",
        nothing_after_reopening,
    ),
    (
        "a number, an id and a key of a failed write are free for the next",
        free_again,
    ),
    (
        "a transaction sees its own writes, and others see them when it commits",
        own_writes,
    ),
    (
        "a panic in a write leaves nothing and the backend usable",
        panics,
    ),
    (
        "write runs its work and keeps what it wrote",
        write_in_queue,
    ),
];

fn furnish(backend: &dyn Backend) {
    insert(backend, keyed("one", "a", "k", 1));
    insert(backend, row("two", "a", 2));
    say(backend, "one", 3, &["a", "b"]);
    write(backend, |tx| {
        tx.put_context(&Context::new("a", JsonObject::default(), at(1)))
    });
}

/// One of each change.
fn change_everything(tx: &mut dyn WriteTransaction) -> Result<()> {
    let start = StartSession {
        find: Continue::Never,
        row: keyed("new", "a", "new", 9),
    };
    tx.start_session(&start)?;
    tx.append(&to_append("new", 9, vec![dedup("x", "d", 9)]))?;
    tx.append(&to_append("one", 9, vec![dedup("x", "d", 9), said("y", 9)]))?;
    let mut changed = keyed("one", "a", "k", 50);
    changed.session.status = "paused".to_owned();
    tx.update_session(&changed)?;
    tx.update_metadata("one", &JsonObject::parse(r#"{"changed":true}"#)?)?;
    tx.insert_messages("one", &[Message::new(90, "user", "z", at(9))])?;
    tx.delete_messages("one", 1, 1)?;
    tx.delete_session("two")?;
    tx.put_context(&Context::new("b", JsonObject::default(), at(1)))?;
    tx.delete_context("a")?;
    tx.insert_lifecycle(&Lifecycle::new("own", "x"))
}

/// Everything that can be read of the tenant, as text that says all but contents.
fn everything(backend: &dyn Backend) -> String {
    let mut out = String::new();
    let read = backend.read(T, &mut |tx| {
        let sessions = tx.sessions(&any(1000))?;
        let mut messages = Vec::new();
        for row in &sessions {
            messages.push(tx.messages(&row.session.id, &crate::backend::MessageFilter::default())?);
        }
        let metadata: Vec<_> = sessions
            .iter()
            .map(|row| row.session.metadata.as_str())
            .collect();
        let contexts = tx.contexts("", None, 1000)?;
        let rest = (tx.lifecycles()?, tx.totals()?);
        out = format!("{sessions:?} {messages:?} {metadata:?} {contexts:?} {rest:?}");
        Ok(())
    });
    read.unwrap();
    out
}

fn fail(backend: &dyn Backend) {
    let refused = backend.write_alone(T, &mut |tx| {
        change_everything(tx)?;
        Err(given_up())
    });
    assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidTransition);
    let refused = backend.write(
        T,
        Box::new(|tx| {
            change_everything(tx)?;
            Err(given_up())
        }),
    );
    assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidTransition);
}

fn nothing_is_left(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    let before = everything(&*backend);
    fail(&*backend);
    assert_eq!(everything(&*backend), before);
    assert_sound(&*backend);
    write(&*backend, change_everything);
    assert_ne!(everything(&*backend), before);
    assert_sound(&*backend);
}

fn nothing_after_reopening(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    let before = everything(&*backend);
    fail(&*backend);
    if let Some(reopened) = fixture.reopen(backend) {
        assert_eq!(everything(&*reopened), before);
        assert_sound(&*reopened);
    }
}

fn free_again(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    fail(&*backend);
    insert(&*backend, keyed("new", "a", "new", 1));
    let next = append(&*backend, to_append("one", 5, vec![dedup("other", "d", 5)]));
    assert_eq!(next, Appended::Saved(vec![new_row(3, 5)]));
    assert_eq!(all_messages(&*backend, "one").len(), 3);
}

/// The rows besides messages, whose number may come from the sessions' counters, which these writes leave as they are.
fn rows(totals: Totals) -> (u64, u64) {
    (totals.sessions, totals.contexts)
}

fn own_writes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    let mut inside = (0, 0);
    write(&*backend, |tx| {
        change_everything(tx)?;
        assert!(tx.session(Lookup::Id("new"))?.is_some());
        assert!(tx.session(Lookup::Id("two"))?.is_none());
        let key = Lookup::Key {
            scope: "a",
            key: "new",
        };
        assert!(tx.session(key)?.is_some());
        let one = tx.session(Lookup::Id("one"))?.unwrap().session;
        assert_eq!(
            (one.status.as_str(), one.metadata.as_str()),
            ("paused", r#"{"changed":true}"#)
        );
        assert!(tx.context("a")?.is_none() && tx.context("b")?.is_some());
        inside = rows(tx.totals()?);
        Ok(())
    });
    assert_eq!(inside, (2, 1));
    assert_eq!(list(&*backend, &any(10)), ["one", "new"]);
    let read = backend.read(T, &mut |tx| {
        assert_eq!(rows(tx.totals()?), (2, 1));
        Ok(())
    });
    read.unwrap();
}

fn panics(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    let before = everything(&*backend);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        backend.write_alone(T, &mut |tx| {
            change_everything(tx)?;
            panic!("the test's own panic");
        })
    }));
    // The panic goes on to the caller, or is an error.
    assert!(!matches!(panicked, Ok(Ok(()))));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        backend.read(T, &mut |_| panic!("the test's own panic"))
    }));
    assert!(!matches!(panicked, Ok(Ok(()))));
    assert_eq!(everything(&*backend), before);
    say(&*backend, "one", 5, &["still here"]);
    assert_sound(&*backend);
}

fn write_in_queue(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let output = Arc::new(std::sync::Mutex::new(None));
    let to_fill = Arc::clone(&output);
    let work = Box::new(move |tx: &mut dyn WriteTransaction| {
        let appended = tx.append(&to_append("one", 2, vec![said("a", 2)]))?;
        *crate::lock(&to_fill) = Some(appended);
        Ok(())
    });
    backend.write(T, work).unwrap();
    assert_eq!(
        crate::lock(&output).take(),
        Some(Appended::Saved(vec![new_row(1, 2)]))
    );
    assert_eq!(get(&*backend, "one").unwrap().session.message_count, 1);
}
