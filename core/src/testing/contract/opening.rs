//! Closing, and opening again.

use std::path::Path;
use std::sync::Arc;

use super::rows::{
    T, all_messages, any, append, assert_sound, at, dedup, get, insert, keyed, list, new_row, row,
    said, say, start, to_append, write,
};
use super::{Case, Fixture};
use crate::backend::{Appended, Backend, Continue, Lookup, MessageFilter, RowOrder, SessionFilter};
use crate::error::{ErrorCode, Result};
use crate::model::{Context, JsonObject, Lifecycle};

pub(super) const CASES: &[Case] = &[
    (
        "after close everything is closed, and a second close does nothing",
        closed,
    ),
    ("reopening keeps everything", keeps),
    (
        "reopening keeps numbers, dedup keys and deletions",
        keeps_counters,
    ),
];

fn closed(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    backend.close().unwrap();
    backend.close().unwrap();
    let outcomes: [Result<()>; 12] = [
        backend
            .start_session(T, start(Continue::Never, row("two", "a", 1)))
            .map(drop),
        backend
            .append(T, Arc::new(to_append("one", 1, vec![said("a", 1)])))
            .map(drop),
        backend.session(T, Lookup::Id("one")).map(drop),
        backend.sessions(T, &any(1)).map(drop),
        backend
            .messages(T, "one", &MessageFilter::default())
            .map(drop),
        backend.read(T, &mut |_| Ok(())),
        backend.write(T, Box::new(|_| Ok(()))),
        backend.write_alone(T, &mut |_| Ok(())),
        backend.erase().map(drop),
        backend.check().map(drop),
        backend.backup(Path::new("convostore-must-not-exist")),
        backend.size().map(drop),
    ];
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(
            outcome.unwrap_err().code(),
            ErrorCode::Closed,
            "of call {n}"
        );
    }
}

fn furnish(backend: &dyn Backend) {
    let mut one = keyed("one", "a b", "k/é", 1);
    one.session.owner = Some("ada".to_owned());
    one.session.metadata = JsonObject::parse(r#"{"n":1.0}"#).unwrap();
    insert(backend, one);
    insert(backend, row("two", "", 2));
    append(
        backend,
        to_append(
            "one",
            3,
            vec![said("a", 3), dedup("b", "d", 3), said("c", 3)],
        ),
    );
    say(backend, "two", 4, &["d"]);
    write(backend, |tx| {
        tx.put_context(&Context::new(
            "a b",
            JsonObject::parse(r#"{"x":[]}"#)?,
            at(1),
        ))?;
        tx.put_context(&Context::new("", JsonObject::default(), at(2)))?;
        tx.insert_lifecycle(&Lifecycle::new("own", "x").allow("x", "y").final_status("y"))
    });
}

fn keeps(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    let Some(reopened) = fixture.reopen(backend) else {
        return;
    };
    let fresh = fixture.fresh();
    furnish(&*fresh);
    for id in ["one", "two"] {
        assert_eq!(get(&*reopened, id), get(&*fresh, id));
        assert_eq!(all_messages(&*reopened, id), all_messages(&*fresh, id));
    }
    let owned = SessionFilter {
        owner: Some("ada".to_owned()),
        order: RowOrder::Creation,
        ..any(10)
    };
    assert_eq!(list(&*reopened, &owned), ["one"]);
    assert_eq!(list(&*reopened, &any(10)), ["two", "one"]);
    let key = Lookup::Key {
        scope: "a b",
        key: "k/é",
    };
    assert!(reopened.session(T, key).unwrap().is_some());
    let others = |backend: &dyn Backend| {
        let mut out = None;
        let read = backend.read(T, &mut |tx| {
            out = Some((tx.contexts("", None, 10)?, tx.lifecycles()?, tx.totals()?));
            Ok(())
        });
        read.unwrap();
        out
    };
    assert_eq!(others(&*reopened), others(&*fresh));
    assert_sound(&*reopened);
}

fn keeps_counters(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    furnish(&*backend);
    write(&*backend, |tx| {
        tx.delete_messages("one", 3, 3)?;
        tx.delete_session("two")?;
        tx.delete_context("").map(drop)
    });
    let Some(reopened) = fixture.reopen(backend) else {
        return;
    };
    assert_eq!(get(&*reopened, "two"), None);
    let conflict = Appended::DedupConflict {
        dedup_key: "d".to_owned(),
        seq: 2,
    };
    assert_eq!(
        append(&*reopened, to_append("one", 9, vec![dedup("x", "d", 9)])),
        conflict
    );
    let next = append(&*reopened, to_append("one", 9, vec![said("e", 9)]));
    assert_eq!(next, Appended::Saved(vec![new_row(4, 9)]));
    // The id is free again, and nothing of the deleted session comes back with it.
    insert(&*reopened, row("two", "", 5));
    assert_eq!(all_messages(&*reopened, "two"), vec![]);
    let again = fixture.reopen(reopened).expect("it was reopened before");
    assert_eq!(all_messages(&*again, "two"), vec![]);
    assert_eq!(all_messages(&*again, "one").len(), 3);
    assert_sound(&*again);
}
