//! Tenants: the same names in two of them, and no way across.

use std::sync::Arc;

use super::rows::{any, append, assert_sound, at, dedup, insert_in, keyed, said, start, to_append};
use super::{Case, Fixture};
use crate::backend::{
    Append, Appended, Backend, Continue, Lookup, MessageFilter, RowOrder, ScopeFilter,
    SessionFilter, Started,
};
use crate::model::{Context, JsonObject, Lifecycle, Message};

pub(super) const CASES: &[Case] = &[
    (
        "the same ids and keys exist in two tenants, and nothing of one is seen in the other",
        apart,
    ),
    (
        "no write in one tenant changes, counts or blocks on a row of another",
        writes_apart,
    ),
    ("a tenant's name may hold any text, also none", exotic_names),
];

const NAMES: [&str; 2] = ["left", "right"];

/// One of everything in each of two tenants, alike but for the owner and the texts.
fn two(backend: &dyn Backend) {
    for tenant in NAMES {
        let mut new = keyed("one", "a", "k", 1);
        new.session.owner = Some(tenant.to_owned());
        insert_in(backend, tenant, new);
        let rows = vec![dedup(tenant, "d", 2)];
        backend
            .append(tenant, Arc::new(to_append("one", 2, rows)))
            .unwrap();
        let data = JsonObject::parse(format!(r#"{{"of":"{tenant}"}}"#)).unwrap();
        let lifecycle = Lifecycle::new("own", tenant);
        let written = backend.write_alone(tenant, &mut |tx| {
            tx.put_context(&Context::new("a", data.clone(), at(1)))?;
            tx.insert_lifecycle(&lifecycle)
        });
        written.unwrap();
    }
}

fn texts(messages: Option<Vec<Message>>) -> Vec<String> {
    let messages = messages.unwrap_or_default();
    messages
        .iter()
        .map(|message| message.content.body().to_owned())
        .collect()
}

/// Asserts that a tenant has all of its own and nothing else.
fn assert_whole(backend: &dyn Backend, tenant: &str) {
    let by_key = Lookup::Key {
        scope: "a",
        key: "k",
    };
    for lookup in [Lookup::Id("one"), by_key] {
        let found = backend.session(tenant, lookup).unwrap().unwrap();
        assert_eq!(found.session.owner.as_deref(), Some(tenant));
        assert_eq!(found.session.message_count, 1);
    }
    for order in [RowOrder::Activity, RowOrder::Creation, RowOrder::Id] {
        for scope in [
            ScopeFilter::Any,
            ScopeFilter::Exactly("a".into()),
            ScopeFilter::Prefix("a".into()),
        ] {
            let filter = SessionFilter {
                scope,
                order,
                ..any(10)
            };
            let rows = backend.sessions(tenant, &filter).unwrap();
            let owners: Vec<_> = rows
                .iter()
                .map(|row| row.session.owner.as_deref())
                .collect();
            assert_eq!(owners, [Some(tenant)]);
        }
    }
    let messages = backend
        .messages(tenant, "one", &MessageFilter::default())
        .unwrap();
    assert_eq!(texts(messages), [tenant]);
    let read = backend.read(tenant, &mut |tx| {
        assert_eq!(tx.contexts("", None, 10)?.len(), 1);
        assert!(tx.context("a")?.unwrap().data.as_str().contains(tenant));
        assert_eq!(tx.lifecycles()?.len(), 1);
        assert_eq!(tx.lifecycle("own")?.unwrap().initial, tenant);
        let totals = tx.totals()?;
        assert_eq!(
            (totals.sessions, totals.messages, totals.contexts),
            (1, 1, 1)
        );
        Ok(())
    });
    read.unwrap();
}

fn apart(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    two(&*backend);
    for tenant in NAMES {
        assert_whole(&*backend, tenant);
    }
    for stranger in ["lef", "leftt", "LEFT", ""] {
        assert_eq!(backend.session(stranger, Lookup::Id("one")).unwrap(), None);
        assert_eq!(backend.sessions(stranger, &any(10)).unwrap(), vec![]);
        let filter = MessageFilter::default();
        assert_eq!(backend.messages(stranger, "one", &filter).unwrap(), None);
        let appended = backend.append(stranger, Arc::new(to_append("one", 1, vec![said("x", 1)])));
        assert_eq!(appended.unwrap(), Appended::NoSession);
    }
    assert_sound(&*backend);
}

fn writes_apart(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    two(&*backend);
    let written = backend.write_alone("right", &mut |tx| {
        let mut changed = keyed("one", "a", "k", 99);
        changed.is_final = true;
        tx.update_session(&changed)?;
        tx.update_metadata("one", &JsonObject::parse(r#"{"x":1}"#)?)?;
        tx.insert_messages("one", &[Message::new(9, "user", "x", at(1))])?;
        tx.delete_messages("one", 0, 99)?;
        tx.put_context(&Context::new("b", JsonObject::default(), at(1)))?;
        tx.delete_context("a")?;
        tx.insert_lifecycle(&Lifecycle::new("other", "x"))?;
        Ok(())
    });
    written.unwrap();
    assert_whole(&*backend, "left");
    backend
        .write_alone("right", &mut |tx| tx.delete_session("one").map(drop))
        .unwrap();
    assert_whole(&*backend, "left");
    let new = || keyed("one", "a", "k", 5);
    for find in [
        Continue::SameId,
        Continue::SameKey,
        Continue::Latest {
            active_after: at(0),
        },
    ] {
        let started = backend.start_session("right", start(find, new())).unwrap();
        assert_eq!(started, Started::Created, "{find:?}");
        backend
            .write_alone("right", &mut |tx| tx.delete_session("one").map(drop))
            .unwrap();
    }
    insert_in(&*backend, "right", new());
    let rows = vec![dedup("another text", "d", 9)];
    let to_right: Append = to_append("one", 9, rows);
    let appended = backend.append("right", Arc::new(to_right)).unwrap();
    assert!(
        matches!(appended, Appended::Saved(_)),
        "a dedup key of the other tenant counted"
    );
    assert_whole(&*backend, "left");
    assert_eq!(
        append(&*backend, to_append("one", 9, vec![])),
        Appended::NoSession
    );
    assert_sound(&*backend);
}

fn exotic_names(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let names = [
        "", " ", "a", "A", "a b", "a/b", "a%", "!20", "Grüße", "🦀", "e\u{301}", "é",
    ];
    for name in names {
        insert_in(&*backend, name, keyed(&format!("id {name}"), name, "k", 1));
    }
    for name in names {
        let rows = backend.sessions(name, &any(10)).unwrap();
        assert_eq!(super::rows::ids(&rows), [format!("id {name}")]);
        assert_eq!(rows[0].session.scope, name);
    }
}
