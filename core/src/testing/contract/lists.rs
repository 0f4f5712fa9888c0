//! Lists of sessions.

use super::rows::{T, any, at, ids, insert, keyed, list, row, say, write};
use super::{Case, Fixture};
use crate::backend::{Backend, Position, RowOrder, ScopeFilter, SessionFilter};

pub(super) const CASES: &[Case] = &[
    (
        "by activity: last_active_at, created_at, id bytes, all descending",
        activity,
    ),
    (
        "by creation: created_at, id bytes, both descending",
        creation,
    ),
    ("by id: bytes, ascending", by_id),
    (
        "a list goes on strictly after its position, be there such a session or not",
        positions,
    ),
    (
        "a traversal page by page gives each session once, in every order",
        traversal,
    ),
    (
        "filters by scope, owner and status let through what has all of them",
        filters,
    ),
    ("a prefix of scopes is one of bytes", prefixes),
    ("a limit of zero gives nothing", zero),
    (
        "an append moves its session to the front by activity",
        append_moves,
    ),
    (
        "a change of owner or times moves the session in every list",
        update_moves,
    ),
    (
        "a transaction lists what it wrote among the rest",
        own_writes,
    ),
];

fn by(order: RowOrder) -> SessionFilter {
    SessionFilter { order, ..any(100) }
}

fn scope(scope: ScopeFilter) -> SessionFilter {
    SessionFilter { scope, ..any(100) }
}

/// A session with its own times.
fn timed(backend: &dyn Backend, id: &str, created: i64, active: i64) {
    let mut new = row(id, "a", created);
    new.session.last_active_at = at(active);
    insert(backend, new);
}

fn ties(backend: &dyn Backend) {
    timed(backend, "b", 1, 9);
    timed(backend, "a", 2, 9);
    timed(backend, "c", 1, 9);
    timed(backend, "é", 1, 9);
    timed(backend, "d", 3, 3);
    timed(backend, "B", 1, 9);
    timed(backend, "z", 0, 10);
}

fn activity(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    ties(&*backend);
    assert_eq!(
        list(&*backend, &by(RowOrder::Activity)),
        ["z", "a", "é", "c", "b", "B", "d"]
    );
}

fn creation(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    ties(&*backend);
    assert_eq!(
        list(&*backend, &by(RowOrder::Creation)),
        ["d", "a", "é", "c", "b", "B", "z"]
    );
}

fn by_id(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    ties(&*backend);
    assert_eq!(
        list(&*backend, &by(RowOrder::Id)),
        ["B", "a", "b", "c", "d", "z", "é"]
    );
}

fn after(order: RowOrder, active: i64, created: i64, id: &str) -> SessionFilter {
    SessionFilter {
        after: Some(Position {
            last_active_at: at(active),
            created_at: at(created),
            id: id.to_owned(),
        }),
        ..by(order)
    }
}

fn positions(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    ties(&*backend);
    let list = |filter| list(&*backend, &filter);
    assert_eq!(list(after(RowOrder::Activity, 9, 1, "c")), ["b", "B", "d"]);
    assert_eq!(list(after(RowOrder::Activity, 9, 1, "bb")), ["b", "B", "d"]);
    assert_eq!(
        list(after(RowOrder::Activity, 9, 2, "")),
        ["é", "c", "b", "B", "d"]
    );
    assert_eq!(
        list(after(RowOrder::Activity, 3, 3, "d")),
        Vec::<String>::new()
    );
    // The fields that an order does not name do not count.
    assert_eq!(list(after(RowOrder::Creation, 0, 1, "c")), ["b", "B", "z"]);
    assert_eq!(list(after(RowOrder::Creation, 99, 1, "c")), ["b", "B", "z"]);
    assert_eq!(list(after(RowOrder::Id, 0, 0, "c")), ["d", "z", "é"]);
    assert_eq!(list(after(RowOrder::Id, 99, 99, "cc")), ["d", "z", "é"]);
}

fn traversal(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    for n in 0..23_i64 {
        timed(&*backend, &format!("s{n:02}"), n % 3, n % 5 + 3);
    }
    for order in [RowOrder::Activity, RowOrder::Creation, RowOrder::Id] {
        let whole = list(&*backend, &by(order));
        assert_eq!(whole.len(), 23);
        for limit in [1, 2, 5, 23, 24] {
            let mut filter = SessionFilter { limit, ..by(order) };
            let mut pages = Vec::new();
            loop {
                let page = backend.sessions(T, &filter).unwrap();
                pages.extend(ids(&page).into_iter().map(str::to_owned));
                let Some(last) = page.last().filter(|_| page.len() == limit) else {
                    break;
                };
                filter.after = Some(Position {
                    last_active_at: last.session.last_active_at,
                    created_at: last.session.created_at,
                    id: last.session.id.clone(),
                });
            }
            assert_eq!(pages, whole, "{order:?}, {limit} to a page");
        }
    }
}

fn filters(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    for n in 0..24_i64 {
        let place = ["x", "y", ""][usize::try_from(n % 3).unwrap()];
        let mut new = row(&format!("s{n:02}"), place, n);
        new.session.owner = [None, Some("ada".to_owned())][usize::from(n % 2 == 0)].clone();
        new.session.status = ["active", "paused"][usize::from(n % 4 < 2)].to_owned();
        insert(&*backend, new);
    }
    for order in [RowOrder::Activity, RowOrder::Creation, RowOrder::Id] {
        let everything = backend.sessions(T, &by(order)).unwrap();
        let scopes = [
            ScopeFilter::Any,
            ScopeFilter::Exactly("x".into()),
            ScopeFilter::Exactly(String::new()),
        ];
        for scope in scopes {
            for owner in [None, Some("ada".to_owned()), Some("nobody".to_owned())] {
                for status in [None, Some("paused".to_owned())] {
                    let filter = SessionFilter {
                        scope: scope.clone(),
                        owner: owner.clone(),
                        status: status.clone(),
                        ..by(order)
                    };
                    let expected = everything.iter().filter(|row| {
                        let session = &row.session;
                        (scope == ScopeFilter::Any
                            || scope == ScopeFilter::Exactly(session.scope.clone()))
                            && (owner.is_none() || owner == session.owner)
                            && status
                                .as_ref()
                                .is_none_or(|status| *status == session.status)
                    });
                    let expected: Vec<_> = expected.map(|row| row.session.id.clone()).collect();
                    assert_eq!(list(&*backend, &filter), expected, "{filter:?}");
                }
            }
        }
    }
}

fn prefixes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let scopes = [
        "",
        "a",
        "a/b",
        "a/é",
        "a/éa",
        "a/ê",
        "a0",
        "A/b",
        "a_b",
        "a%b",
        "🦀",
        "🦀x",
        "\u{10FFFF}",
        "\u{10FFFF}x",
    ];
    for (n, place) in scopes.iter().enumerate() {
        insert(&*backend, row(&format!("s{n:02}"), place, 1));
    }
    for prefix in [
        "",
        "a",
        "a/",
        "a/é",
        "a_",
        "a%",
        "🦀",
        "b",
        "\u{10FFFF}",
        "A",
    ] {
        let with = scopes
            .iter()
            .enumerate()
            .filter(|(_, place)| place.starts_with(prefix));
        let mut expected: Vec<String> = with.map(|(n, _)| format!("s{n:02}")).collect();
        let filter = scope(ScopeFilter::Prefix(prefix.to_owned()));
        let by_id = SessionFilter {
            order: RowOrder::Id,
            ..filter.clone()
        };
        assert_eq!(list(&*backend, &by_id), expected, "prefix {prefix:?}");
        expected.reverse();
        assert_eq!(list(&*backend, &filter), expected, "prefix {prefix:?}");
        let two = SessionFilter { limit: 2, ..filter };
        expected.truncate(2);
        assert_eq!(
            list(&*backend, &two),
            expected,
            "prefix {prefix:?}, two of them"
        );
    }
}

fn zero(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    assert_eq!(list(&*backend, &any(0)), Vec::<String>::new());
}

fn append_moves(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    for (n, id) in ["one", "two", "three"].into_iter().enumerate() {
        let mut new = keyed(id, "a", id, i64::try_from(n).unwrap());
        new.session.owner = Some("ada".to_owned());
        insert(backend, new);
    }
    say(backend, "one", 50, &["hello"]);
    let owner = SessionFilter {
        owner: Some("ada".to_owned()),
        ..any(100)
    };
    for filter in [any(100), scope(ScopeFilter::Exactly("a".to_owned())), owner] {
        assert_eq!(list(backend, &filter), ["one", "three", "two"]);
    }
    assert_eq!(
        list(backend, &by(RowOrder::Creation)),
        ["three", "two", "one"]
    );
}

fn update_moves(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let backend = &*backend;
    insert(backend, row("one", "a", 1));
    insert(backend, row("two", "a", 2));
    let owned = SessionFilter {
        owner: Some("ada".to_owned()),
        ..any(100)
    };
    assert_eq!(list(backend, &owned), Vec::<String>::new());
    let mut changed = row("one", "a", 1);
    changed.session.owner = Some("ada".to_owned());
    changed.session.last_active_at = at(3);
    write(backend, |tx| tx.update_session(&changed));
    assert_eq!(list(backend, &owned), ["one"]);
    assert_eq!(list(backend, &any(100)), ["one", "two"]);
    changed.session.owner = None;
    write(backend, |tx| tx.update_session(&changed));
    assert_eq!(list(backend, &owned), Vec::<String>::new());
    assert_eq!(
        list(backend, &scope(ScopeFilter::Exactly("a".into()))),
        ["one", "two"]
    );
    super::rows::assert_sound(backend);
}

fn own_writes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    for n in 1..=4 {
        insert(&*backend, row(&format!("s{n}"), "a", n * 10));
    }
    write(&*backend, |tx| {
        tx.delete_session("s3")?;
        tx.start_session(&crate::backend::StartSession {
            find: crate::backend::Continue::Never,
            row: row("new", "a", 25),
        })?;
        tx.append(&super::rows::to_append(
            "s1",
            99,
            vec![super::rows::said("hello", 99)],
        ))?;
        let seen =
            |rows: Vec<_>| -> Vec<String> { ids(&rows).into_iter().map(str::to_owned).collect() };
        let place = scope(ScopeFilter::Exactly("a".to_owned()));
        assert_eq!(seen(tx.sessions(&place)?), ["s1", "s4", "new", "s2"]);
        assert_eq!(
            seen(tx.sessions(&by(RowOrder::Creation))?),
            ["s4", "new", "s2", "s1"]
        );
        assert_eq!(
            seen(tx.sessions(&by(RowOrder::Id))?),
            ["new", "s1", "s2", "s4"]
        );
        assert_eq!(seen(tx.sessions(&any(2))?), ["s1", "s4"]);
        assert_eq!(
            seen(tx.sessions(&after(RowOrder::Activity, 40, 40, "s4"))?),
            ["new", "s2"]
        );
        Ok(())
    });
    assert_eq!(list(&*backend, &any(100)), ["s1", "s4", "new", "s2"]);
}
