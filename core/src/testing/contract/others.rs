//! Contexts, lifecycles, totals and upkeep.

use super::rows::{T, assert_sound, at, insert, row, say, write};
use super::{Case, Fixture};
use crate::backend::{Backend, Lookup, Totals};
use crate::error::ErrorCode;
use crate::model::{Context, JsonObject, Lifecycle};

pub(super) const CASES: &[Case] = &[
    ("a context is inserted, replaced and deleted", contexts),
    (
        "contexts are listed by bytes of their scopes, by prefix, after a scope, up to a limit",
        context_lists,
    ),
    (
        "a transaction lists its own contexts among the rest",
        own_contexts,
    ),
    (
        "lifecycles come back as they were inserted, by bytes of their names",
        lifecycles,
    ),
    ("totals count what is there", totals),
    ("erase, check, size and backup answer", upkeep),
];

fn context(scope: &str, json: &str) -> Context {
    Context::new(scope, JsonObject::parse(json).unwrap(), at(5))
}

fn read_context(backend: &dyn Backend, scope: &str) -> Option<Context> {
    let mut found = None;
    let read = backend.read(T, &mut |tx| {
        found = tx.context(scope)?;
        Ok(())
    });
    read.unwrap();
    found
}

fn scopes(backend: &dyn Backend, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let read = backend.read(T, &mut |tx| {
        found = tx
            .contexts(prefix, after, limit)?
            .into_iter()
            .map(|c| c.scope)
            .collect();
        Ok(())
    });
    read.unwrap();
    found
}

fn contexts(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    assert_eq!(read_context(&*backend, "a"), None);
    let mut first = context("a", r#"{ "n": 1.0 }"#);
    write(&*backend, |tx| tx.put_context(&first));
    assert_eq!(read_context(&*backend, "a"), Some(first.clone()));
    first.data = JsonObject::parse("{}").unwrap();
    first.revision = 7;
    first.created_at = at(1);
    first.updated_at = at(9);
    write(&*backend, |tx| tx.put_context(&first));
    assert_eq!(read_context(&*backend, "a"), Some(first));
    assert_eq!(read_context(&*backend, "A"), None);
    write(&*backend, |tx| {
        assert!(tx.delete_context("a")?);
        assert!(!tx.delete_context("a")?);
        assert_eq!(tx.context("a")?, None);
        Ok(())
    });
    assert_eq!(read_context(&*backend, "a"), None);
}

fn context_lists(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let mut all = [
        "",
        "a",
        "a/b",
        "a/é",
        "a/éa",
        "a0",
        "A",
        "a_b",
        "a%b",
        "🦀",
        "🦀x",
        "\u{10FFFF}",
        "\u{10FFFF}a",
    ];
    write(&*backend, |tx| {
        all.iter()
            .try_for_each(|scope| tx.put_context(&context(scope, "{}")))
    });
    all.sort_unstable();
    for prefix in ["", "a", "a/", "a/é", "a_", "a%", "🦀", "b", "\u{10FFFF}"] {
        for after in [
            None,
            Some(""),
            Some("a/"),
            Some("a/é"),
            Some("b"),
            Some("🦀"),
            Some("\u{10FFFF}"),
        ] {
            for limit in [0, 1, 3, 100] {
                let expected: Vec<&str> = all
                    .iter()
                    .filter(|scope| {
                        scope.starts_with(prefix) && after.is_none_or(|after| **scope > after)
                    })
                    .take(limit)
                    .copied()
                    .collect();
                let found = scopes(&*backend, prefix, after, limit);
                assert_eq!(
                    found, expected,
                    "prefix {prefix:?}, after {after:?}, limit {limit}"
                );
            }
        }
    }
}

fn own_contexts(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    write(&*backend, |tx| {
        ["b", "d", "f"]
            .iter()
            .try_for_each(|scope| tx.put_context(&context(scope, "{}")))
    });
    write(&*backend, |tx| {
        tx.put_context(&context("c", "{}"))?;
        tx.put_context(&context("b", r#"{"changed":true}"#))?;
        tx.put_context(&context("x", "{}"))?;
        tx.delete_context("d")?;
        assert!(tx.delete_context("x")?);
        let listed = tx.contexts("", None, 100)?;
        let scopes: Vec<&str> = listed
            .iter()
            .map(|context| context.scope.as_str())
            .collect();
        assert_eq!(scopes, ["b", "c", "f"]);
        assert_eq!(listed[0], context("b", r#"{"changed":true}"#));
        assert_eq!(tx.totals()?.contexts, 3);
        Ok(())
    });
    assert_eq!(scopes(&*backend, "", None, 100), ["b", "c", "f"]);
}

fn lifecycles(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let review = Lifecycle::new("review", "open")
        .allow("open", "merged")
        .final_status("merged");
    let build = Lifecycle::new("build", "Grüße 🦀").status("zwei");
    write(&*backend, |tx| {
        assert_eq!(tx.lifecycle("review")?, None);
        tx.insert_lifecycle(&review)?;
        assert_eq!(tx.lifecycle("review")?, Some(review.clone()));
        Ok(())
    });
    write(&*backend, |tx| {
        tx.insert_lifecycle(&build)?;
        assert_eq!(tx.lifecycles()?, [build.clone(), review.clone()]);
        Ok(())
    });
    let read = backend.read(T, &mut |tx| {
        assert_eq!(tx.lifecycles()?, [build.clone(), review.clone()]);
        assert_eq!(tx.lifecycle("review")?, Some(review.clone()));
        assert_eq!(
            tx.lifecycle("agent")?,
            None,
            "the built-in ones are not rows"
        );
        Ok(())
    });
    read.unwrap();
}

fn totals(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let totals = || {
        let mut found = Totals::default();
        let read = backend.read(T, &mut |tx| {
            found = tx.totals()?;
            Ok(())
        });
        read.unwrap();
        (found.sessions, found.messages, found.contexts)
    };
    assert_eq!(totals(), (0, 0, 0));
    insert(&*backend, row("one", "a", 1));
    insert(&*backend, row("two", "a", 1));
    say(&*backend, "one", 2, &["a", "b", "c"]);
    say(&*backend, "two", 2, &["d"]);
    write(&*backend, |tx| tx.put_context(&context("a", "{}")));
    assert_eq!(totals(), (2, 4, 1));
    write(&*backend, |tx| {
        tx.delete_messages("one", 2, 2)?;
        let mut one = tx.session(Lookup::Id("one"))?.unwrap();
        one.session.message_count = 2;
        tx.update_session(&one)
    });
    write(&*backend, |tx| tx.delete_session("two").map(drop));
    assert_eq!(totals(), (1, 2, 1));
}

fn upkeep(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    say(&*backend, "one", 2, &["a"]);
    write(&*backend, |tx| tx.delete_session("one").map(drop));
    backend.erase().unwrap();
    backend.size().unwrap();
    assert_sound(&*backend);
    let folder = std::env::temp_dir()
        .join("convostore-no-such-folder")
        .join("copy");
    let refused = backend.backup(&folder).unwrap_err().code();
    assert_ne!(refused, ErrorCode::UnknownOutcome);
}
