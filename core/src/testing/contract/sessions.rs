//! Starting, finding, updating and deleting sessions.

use super::rows::{
    T, append, assert_sound, at, get, insert, keyed, row, say, start, to_append, write,
};
use super::{Case, Fixture};
use crate::backend::{
    Appended, Backend, Continue, Lookup, MessageFilter, SessionFilter, SessionRow, Started,
};
use crate::model::JsonObject;

pub(super) const CASES: &[Case] = &[
    ("a session comes back as it was inserted", comes_back),
    (
        "a session is found by its id and by its key in its scope",
        lookups,
    ),
    (
        "message_count is that of the session's row, and nothing where there is no session",
        counts,
    ),
    (
        "start_session never continues with Never, and tells what is taken",
        never,
    ),
    (
        "start_session continues the session with the same id",
        same_id,
    ),
    (
        "start_session continues the session with the same scope and key",
        same_key,
    ),
    (
        "start_session continues the latest of the scope if it is active and not final",
        latest,
    ),
    (
        "update_session replaces all but id, scope, key and metadata",
        update,
    ),
    ("update_metadata replaces the metadata alone", metadata),
    (
        "updating a session that is not there inserts none",
        update_absent,
    ),
    (
        "a deleted session is gone with its key, its metadata and its messages",
        delete,
    ),
];

fn full_row() -> SessionRow {
    let mut full = keyed("id-1", "C042", "1718.55", 1_000);
    full.session.owner = Some("ada".to_owned());
    full.session.metadata = JsonObject::parse(r#"{ "b": 1, "a": 12345678901234567890 }"#).unwrap();
    full.session.preview = Some("Grüße 🦀".to_owned());
    full.session.message_count = 7;
    full.session.revision = 9;
    full.session.updated_at = at(3_000);
    full.session.last_active_at = at(2_000);
    full.last_seq = 11;
    full.preview_seq = Some(3);
    full.is_final = true;
    full
}

fn try_start(backend: &dyn Backend, find: Continue, row: SessionRow) -> Started {
    backend.start_session(T, start(find, row)).unwrap()
}

fn comes_back(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, full_row());
    assert_eq!(get(&*backend, "id-1"), Some(full_row()));
    let mut early = row("early", "", i64::MIN);
    early.session.last_active_at = at(i64::MAX);
    insert(&*backend, early.clone());
    assert_eq!(get(&*backend, "early"), Some(early));
}

fn counts(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let count = |tenant, id| backend.message_count(tenant, id).unwrap();
    assert_eq!(count(T, "id-1"), None);
    insert(&*backend, full_row());
    insert(&*backend, row("empty", "a", 1));
    assert_eq!(count(T, "id-1"), Some(7)); // what the row says: nothing is counted
    assert_eq!(count(T, "empty"), Some(0));
    say(&*backend, "empty", 2, &["a", "b"]);
    write(&*backend, |tx| tx.delete_messages("empty", 1, 1).map(drop));
    assert_eq!(count(T, "empty"), Some(2));
    assert_eq!(count(T, "EMPTY"), None);
    assert_eq!(count("stranger", "empty"), None);
}

fn lookups(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, keyed("one", "a", "k", 1));
    insert(&*backend, keyed("two", "b", "k", 1));
    insert(&*backend, row("three", "a", 1));
    let by_key = |scope: &str, key: &str| {
        let found = backend.session(T, Lookup::Key { scope, key }).unwrap();
        found.map(|row| row.session.id)
    };
    assert_eq!(by_key("a", "k").as_deref(), Some("one"));
    assert_eq!(by_key("b", "k").as_deref(), Some("two"));
    assert_eq!(by_key("c", "k"), None);
    assert_eq!(by_key("a", "K"), None);
    assert_eq!(by_key("a", ""), None);
    assert_eq!(get(&*backend, "four"), None);
    assert_eq!(get(&*backend, "ONE"), None);
}

fn never(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    insert(backend, keyed("one", "a", "k", 1));
    assert_eq!(
        try_start(backend, Continue::Never, row("one", "b", 2)),
        Started::IdTaken
    );
    assert_eq!(
        try_start(backend, Continue::Never, keyed("two", "a", "k", 2)),
        Started::KeyTaken
    );
    assert_eq!(get(backend, "two"), None);
    assert_eq!(get(backend, "one"), Some(keyed("one", "a", "k", 1)));
    // Sessions without a key never meet.
    insert(backend, row("two", "a", 2));
    insert(backend, row("three", "a", 2));
    assert_sound(backend);
}

fn same_id(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    insert(backend, keyed("one", "a", "k", 1));
    let found = try_start(backend, Continue::SameId, row("one", "elsewhere", 5));
    assert_eq!(found, Started::Continued(keyed("one", "a", "k", 1)));
    let taken = try_start(backend, Continue::SameId, keyed("two", "a", "k", 5));
    assert_eq!(taken, Started::KeyTaken);
    assert_eq!(
        try_start(backend, Continue::SameId, row("two", "a", 5)),
        Started::Created
    );
}

fn same_key(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    insert(backend, keyed("one", "a", "k", 1));
    let found = try_start(backend, Continue::SameKey, keyed("new", "a", "k", 5));
    assert_eq!(found, Started::Continued(keyed("one", "a", "k", 1)));
    let taken = try_start(backend, Continue::SameKey, keyed("one", "b", "k", 5));
    assert_eq!(taken, Started::IdTaken);
    assert_eq!(
        try_start(backend, Continue::SameKey, keyed("two", "b", "k", 5)),
        Started::Created
    );
}

fn latest(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    let after = |millis| Continue::Latest {
        active_after: at(millis),
    };
    insert(backend, row("old", "a", 10));
    insert(backend, row("new", "a", 20));
    insert(backend, row("elsewhere", "b", 30));
    let found = try_start(backend, after(19), row("x", "a", 40));
    assert_eq!(found, Started::Continued(row("new", "a", 20)));
    // At the cut-off exactly it is not continued, and neither is one of later rank.
    assert_eq!(
        try_start(backend, after(20), row("at-cut-off", "a", 20)),
        Started::Created
    );
    // The latest decides: "new" has the same times, but the greater id.
    let found = try_start(backend, after(0), row("x", "a", 40));
    assert_eq!(found, Started::Continued(row("new", "a", 20)));
    let mut ended = row("new", "a", 20);
    ended.is_final = true;
    write(backend, |tx| tx.update_session(&ended));
    assert_eq!(
        try_start(backend, after(0), row("fresh", "a", 40)),
        Started::Created
    );
    assert_eq!(
        try_start(backend, after(0), row("old", "c", 40)),
        Started::IdTaken
    );
}

fn update(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let before = full_row();
    insert(&*backend, before.clone());
    let mut changed = keyed("id-1", "another scope", "another key", 77);
    changed.session.metadata = JsonObject::parse(r#"{"not":"this"}"#).unwrap();
    changed.session.owner = Some("bob".to_owned());
    changed.session.status = "paused".to_owned();
    changed.session.lifecycle = "other".to_owned();
    changed.session.revision = 10;
    changed.last_seq = 12;
    write(&*backend, |tx| {
        tx.update_session(&changed)?;
        let seen = tx.session(Lookup::Id("id-1"))?.unwrap();
        assert_eq!(
            seen.session.status, "paused",
            "a transaction sees its own writes"
        );
        Ok(())
    });
    changed.session.scope.clone_from(&before.session.scope);
    changed.session.key.clone_from(&before.session.key);
    changed
        .session
        .metadata
        .clone_from(&before.session.metadata);
    assert_eq!(get(&*backend, "id-1"), Some(changed));
    assert_sound(&*backend);
}

fn metadata(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let mut expected = full_row();
    insert(&*backend, expected.clone());
    expected.session.metadata = JsonObject::parse("{ }").unwrap();
    write(&*backend, |tx| {
        tx.update_metadata("id-1", &expected.session.metadata)
    });
    assert_eq!(get(&*backend, "id-1"), Some(expected.clone()));
    say(&*backend, "id-1", 9_000, &["hello"]);
    let after = get(&*backend, "id-1").unwrap();
    assert_eq!(after.session.metadata, expected.session.metadata);
}

fn update_absent(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    // Whether it is an error is left open: no store does it.
    let _ = backend.write_alone(T, &mut |tx| tx.update_session(&row("absent", "", 1)));
    let _ = backend.write_alone(T, &mut |tx| {
        tx.update_metadata("absent", &JsonObject::default())
    });
    assert_eq!(get(&*backend, "absent"), None);
}

fn delete(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    insert(backend, full_row());
    insert(backend, row("other", "C042", 1));
    say(backend, "id-1", 5_000, &["a", "b"]);
    say(backend, "other", 5_000, &["c"]);
    insert(backend, row("listed", "C042", 1));
    say(backend, "listed", 5_000, &["d"]);
    write(backend, |tx| {
        // One that was read before is no other case, nor is one that was read and is gone.
        let listed = tx.sessions(&SessionFilter {
            limit: 10,
            ..SessionFilter::default()
        })?;
        assert_eq!(listed.len(), 3);
        assert!(tx.delete_session("listed")?);
        assert!(!tx.delete_session("listed")?);
        assert!(tx.messages("listed", &MessageFilter::default())?.is_none());
        assert!(tx.delete_session("id-1")?);
        assert!(!tx.delete_session("id-1")?);
        assert!(!tx.delete_session("absent")?);
        assert_eq!(tx.totals()?.messages, 1);
        Ok(())
    });
    assert_eq!(get(backend, "id-1"), None);
    let key = Lookup::Key {
        scope: "C042",
        key: "1718.55",
    };
    assert_eq!(backend.session(T, key).unwrap(), None);
    assert_eq!(
        backend
            .messages(T, "id-1", &MessageFilter::default())
            .unwrap(),
        None
    );
    assert_eq!(
        append(backend, to_append("id-1", 1, vec![])),
        Appended::NoSession
    );
    // Id and key are free again, and nothing of the old one comes back.
    insert(backend, keyed("id-1", "C042", "1718.55", 1));
    assert_eq!(
        get(backend, "id-1"),
        Some(keyed("id-1", "C042", "1718.55", 1))
    );
    assert_eq!(super::rows::all_messages(backend, "id-1"), vec![]);
    assert_sound(backend);
}
