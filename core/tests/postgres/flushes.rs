//! How often the client waits for the server, seen from the wire.

use convostore::backend::{Backend, Continue, Lookup, MessageFilter, SessionFilter};

use super::proxy::Proxy;
use super::rows::{T, at, insert, row, said, say, say_keyed, start, to_append};
use super::server;

/// Runs `work` twice to warm it up, since each connection prepares a statement the first time, and then counts.
fn flushes(proxy: &Proxy, mut work: impl FnMut()) -> (u64, u64) {
    work();
    work();
    proxy.count(work)
}

#[test]
fn each_hot_path_is_one_flush() {
    // A pooler of transactions has no prepared statements.
    hot_paths(!server::is_pooled());
}

/// Without prepared statements, as behind a pooler: parsed anew, still one flush.
#[test]
fn each_hot_path_is_one_flush_unprepared() {
    hot_paths(false);
}

fn hot_paths(prepared: bool) {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let proxy = Proxy::before(&folder);
    let options = server::options(&server::schema()).prepared_statements(prepared);
    let url = server::through(&url, &proxy.folder());
    let backend = convostore::backend::postgres::PostgresBackend::connect(&url, &options).unwrap();
    let backend: &dyn Backend = &backend;
    insert(backend, "one");
    let latest = Continue::Latest {
        active_after: at(0),
    };
    let mut n = 0;
    let mut next = || {
        n += 1;
        n.to_string()
    };
    let counted = [
        (
            "append",
            flushes(&proxy, || drop(say(backend, "one", "a").unwrap())),
        ),
        (
            "append with a key",
            flushes(&proxy, || {
                drop(say_keyed(backend, "one", "a", &next()).unwrap())
            }),
        ),
        (
            "append again",
            flushes(&proxy, || {
                drop(say_keyed(backend, "one", "a", "1").unwrap())
            }),
        ),
        (
            "batch",
            flushes(&proxy, || {
                let rows = (0..50).map(|_| said("a", None)).collect();
                backend.append(T, to_append("one", rows)).unwrap();
            }),
        ),
        (
            "load",
            flushes(&proxy, || {
                drop(
                    backend
                        .messages(T, "one", &MessageFilter::default())
                        .unwrap(),
                )
            }),
        ),
        (
            "get",
            flushes(&proxy, || {
                drop(backend.session(T, Lookup::Id("one")).unwrap())
            }),
        ),
        (
            "list",
            flushes(&proxy, || {
                let filter = SessionFilter {
                    limit: 50,
                    ..SessionFilter::default()
                };
                backend.sessions(T, &filter).unwrap();
            }),
        ),
        (
            "get or create",
            flushes(&proxy, || {
                drop(start(backend, Continue::SameKey, row(&next(), Some("k"))).unwrap())
            }),
        ),
        (
            "create",
            flushes(&proxy, || {
                drop(start(backend, Continue::Never, row(&next(), None)).unwrap())
            }),
        ),
        (
            "resume",
            flushes(&proxy, || {
                drop(start(backend, latest, row(&next(), None)).unwrap())
            }),
        ),
        (
            "resume anew",
            flushes(&proxy, || {
                let never = Continue::Latest {
                    active_after: at(99),
                };
                start(backend, never, row(&next(), None)).unwrap();
            }),
        ),
    ];
    for (what, count) in counted {
        assert_eq!(
            count,
            (1, 1),
            "(round trips, writes to the socket) of {what}"
        );
    }
}

/// A closure pays for what it asks, and nothing for beginning, for writes without an answer, and for the commit apart.
#[test]
fn a_touch_is_two_flushes() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let proxy = Proxy::before(&folder);
    let backend = server::connect(&server::through(&url, &proxy.folder()), &server::schema());
    let backend: &dyn Backend = &backend;
    insert(backend, "one");
    let touch = || {
        let touched = backend.write_alone(T, &mut |tx| {
            let mut row = tx.session(Lookup::Id("one"))?.unwrap();
            row.session.revision += 1;
            tx.update_metadata("one", &convostore::JsonObject::parse("{\"a\":1}")?)?;
            tx.update_session(&row)
        });
        touched.unwrap();
    };
    assert_eq!(flushes(&proxy, touch), (2, 2));
}

/// However many sessions are cleaned up: two to list and lock them, one to delete them and commit.
#[test]
fn a_clean_up_is_three_flushes() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let proxy = Proxy::before(&folder);
    let backend = server::connect(&server::through(&url, &proxy.folder()), &server::schema());
    let backend: &dyn Backend = &backend;
    let clean_up = |n: usize| {
        for id in 0..n {
            insert(backend, &format!("{n}-{id}"));
            say(backend, &format!("{n}-{id}"), "gone with it").unwrap();
        }
        let mut gone = 0;
        let count = proxy.count(|| {
            let deleted = backend.write_alone(T, &mut |tx| {
                let all = SessionFilter {
                    limit: 100,
                    ..SessionFilter::default()
                };
                for row in tx.sessions(&all)? {
                    gone += usize::from(tx.delete_session(&row.session.id)?);
                }
                Ok(())
            });
            deleted.unwrap();
        });
        assert_eq!(gone, n);
        count.0
    };
    clean_up(1);
    clean_up(1);
    assert_eq!(clean_up(50), 3);
    let mut left = None;
    let read = backend.read(T, &mut |tx| {
        left = Some(tx.totals()?.sessions);
        Ok(())
    });
    read.unwrap();
    assert_eq!(left, Some(0));
    let gone = backend.messages(T, "50-7", &MessageFilter::default());
    assert_eq!(gone.unwrap(), None);
}
