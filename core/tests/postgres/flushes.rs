//! How often the client waits for the server, seen from the wire.

use convostore::backend::{Backend, Continue, Lookup, MessageFilter, SessionFilter};

use super::proxy::Proxy;
use super::rows::{T, at, insert, row, said, say, say_keyed, start, to_append};
use super::server;

/// Runs `work` twice to warm it up, since each connection prepares a statement the first time, and then looks for what it waits.
fn waits_for(proxy: &Proxy, ends: &[&'static str], mut work: impl FnMut()) -> Result<u64, String> {
    work();
    work();
    proxy.waits_for(ends, work)
}

/// A session is looked for behind its lock, and changed.
const TOUCH: &[&str] = &["WHERE s.tenant = $1 AND s.id = $2", "COMMIT"];

/// All in one flush, and one write to the socket.
const ONE: Result<u64, String> = Ok(1);

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
            waits_for(&proxy, &["COMMIT"], || {
                drop(say(backend, "one", "a").unwrap())
            }),
        ),
        (
            "append with a key",
            waits_for(&proxy, &["COMMIT"], || {
                drop(say_keyed(backend, "one", "a", &next()).unwrap())
            }),
        ),
        (
            "append again",
            waits_for(&proxy, &["COMMIT"], || {
                drop(say_keyed(backend, "one", "a", "1").unwrap())
            }),
        ),
        (
            "batch",
            waits_for(&proxy, &["COMMIT"], || {
                let rows = (0..50).map(|_| said("a", None)).collect();
                backend.append(T, to_append("one", rows)).unwrap();
            }),
        ),
        (
            "load",
            waits_for(&proxy, &["COMMIT"], || {
                drop(
                    backend
                        .messages(T, "one", &MessageFilter::default())
                        .unwrap(),
                )
            }),
        ),
        (
            "get",
            waits_for(&proxy, &["COMMIT"], || {
                drop(backend.session(T, Lookup::Id("one")).unwrap())
            }),
        ),
        (
            "list",
            waits_for(&proxy, &["COMMIT"], || {
                let filter = SessionFilter {
                    limit: 50,
                    ..SessionFilter::default()
                };
                backend.sessions(T, &filter).unwrap();
            }),
        ),
        (
            "get or create",
            waits_for(&proxy, &["COMMIT"], || {
                drop(start(backend, Continue::SameKey, row(&next(), Some("k"))).unwrap())
            }),
        ),
        (
            "create",
            waits_for(&proxy, &["COMMIT"], || {
                drop(start(backend, Continue::Never, row(&next(), None)).unwrap())
            }),
        ),
        (
            "resume",
            waits_for(&proxy, &["COMMIT"], || {
                drop(start(backend, latest, row(&next(), None)).unwrap())
            }),
        ),
        (
            "resume anew",
            waits_for(&proxy, &["COMMIT"], || {
                let never = Continue::Latest {
                    active_after: at(99),
                };
                start(backend, never, row(&next(), None)).unwrap();
            }),
        ),
    ];
    for (what, waited) in counted {
        assert_eq!(waited, ONE, "{what}");
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
    assert_eq!(waits_for(&proxy, TOUCH, touch), Ok(2));
}

/// The negative control of all others here.
#[test]
fn a_wait_more_or_less_is_noticed() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let proxy = Proxy::before(&folder);
    proxy.be_quick();
    let backend = server::connect(&server::through(&url, &proxy.folder()), &server::schema());
    let backend: &dyn Backend = &backend;
    insert(backend, "one");
    let say = || drop(say(backend, "one", "a").unwrap());
    let twice = waits_for(&proxy, &["COMMIT"], || (0..2).for_each(|_| say()));
    assert!(twice.unwrap_err().contains("spoke once more"));
    let less = waits_for(&proxy, &["COMMIT", "COMMIT"], say);
    assert!(less.unwrap_err().contains("said less"));
    let asked_again = waits_for(&proxy, TOUCH, || {
        let touched = backend.write_alone(T, &mut |tx| {
            tx.session(Lookup::Id("one"))?;
            let row = tx.session(Lookup::Id("one"))?.unwrap();
            tx.update_session(&row)
        });
        touched.unwrap();
    });
    assert!(asked_again.unwrap_err().contains("waited"));
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
    let insert_all = |n: usize| {
        for id in 0..n {
            insert(backend, &format!("{n}-{id}"));
            say(backend, &format!("{n}-{id}"), "gone with it").unwrap();
        }
    };
    let clean_up = || {
        let mut gone = 0;
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
        gone
    };
    insert_all(1);
    clean_up();
    for n in [1, 100] {
        insert_all(n);
        let mut gone = 0;
        let waited = proxy.waits_for(&["FOR UPDATE", "= ANY($2)", "COMMIT"], || gone = clean_up());
        waited.unwrap();
        assert_eq!(gone, n);
    }
    let mut left = None;
    let read = backend.read(T, &mut |tx| {
        left = Some(tx.totals()?.sessions);
        Ok(())
    });
    read.unwrap();
    assert_eq!(left, Some(0));
    let gone = backend.messages(T, "100-7", &MessageFilter::default());
    assert_eq!(gone.unwrap(), None);
}
