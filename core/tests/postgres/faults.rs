//! Connections that die: nothing acknowledged is lost, nothing is made twice, and nobody is told what is not so.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use convostore::backend::postgres::PostgresBackend;
use convostore::backend::{Appended, Backend, Lookup, SavedRow};
use convostore::{ErrorCode, while_wanted};

use super::proxy::Proxy;
use super::rows::{T, insert, is_new, said, say, say_keyed, texts, to_append};
use super::server;

/// How late a busy machine may be with what should come at once. Below the store's own limit of 30 s.
const LATE: Duration = Duration::from_secs(25);

struct Line {
    proxy: Proxy,
    backend: PostgresBackend,
    /// Around the proxy.
    direct: PostgresBackend,
}

fn line() -> Option<Line> {
    line_of(|through| through)
}

/// With a URL that was changed on the way.
fn line_of(change: impl FnOnce(String) -> String) -> Option<Line> {
    let url = server::url()?;
    let folder: PathBuf = server::socket_folder(&url)?;
    let proxy = Proxy::before(&folder);
    let schema = server::schema();
    let through = change(server::through(&url, &proxy.folder()));
    let backend = server::connect(&through, &schema);
    let direct = server::connect(&url, &schema);
    insert(&backend, "one");
    // So that the statements are prepared, and what is cut is the transaction.
    for key in ["first", "second"] {
        say_keyed(&backend, "one", key, key).unwrap();
        say(&backend, "one", "plain").unwrap();
    }
    Some(Line {
        proxy,
        backend,
        direct,
    })
}

const BEFORE: [&str; 4] = ["first", "plain", "second", "plain"];

fn after(more: &[&str]) -> Vec<String> {
    BEFORE
        .iter()
        .chain(more)
        .map(|text| (*text).to_owned())
        .collect()
}

#[test]
fn connections_that_died_while_idle_are_replaced() {
    let Some(line) = line() else { return };
    for _ in 0..5 {
        line.proxy.cut_all();
        assert!(
            line.backend
                .session(T, Lookup::Id("one"))
                .unwrap()
                .is_some()
        );
    }
}

#[test]
fn a_transaction_that_loses_its_connection_at_its_first_question_begins_again_unseen() {
    let Some(line) = line() else { return };
    let mut runs = 0;
    let mut update = || {
        line.backend.write_alone(T, &mut |tx| {
            runs += 1;
            let row = tx.session(Lookup::Id("one"))?.unwrap();
            tx.update_session(&row)
        })
    };
    update().unwrap();
    line.proxy.cut_at_request();
    update().unwrap();
    line.proxy.cut_all();
    update().unwrap();
    assert_eq!(runs, 3);
}

#[test]
fn a_transaction_that_loses_its_connection_later_changed_nothing() {
    let Some(line) = line() else { return };
    let lose = |again: bool| {
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let (proxy, counted) = (line.proxy.clone(), std::sync::Arc::clone(&runs));
        let mut work = move |tx: &mut dyn convostore::backend::WriteTransaction| {
            tx.append(&to_append("one", vec![said("late", None)]))?;
            if counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                proxy.cut_all();
            }
            tx.session(Lookup::Id("one")).map(drop)
        };
        let written = if again {
            line.backend.write(T, Box::new(work))
        } else {
            line.backend.write_alone(T, &mut work)
        };
        (written, runs.load(std::sync::atomic::Ordering::SeqCst))
    };
    let (alone, runs) = lose(false);
    let error = alone.unwrap_err();
    assert_eq!((error.code(), runs), (ErrorCode::Busy, 1));
    assert!(error.message().contains("connection was lost"), "{error}");
    assert_eq!(texts(&line.direct, "one"), after(&[]));
    let (again, runs) = lose(true);
    again.unwrap();
    assert_eq!(runs, 2);
    assert_eq!(texts(&line.direct, "one"), after(&["late"]));
}

#[test]
fn a_plain_append_cut_at_its_commit_is_of_unknown_outcome() {
    let Some(line) = line() else { return };
    line.proxy.cut_at_commit();
    let error = say(&line.backend, "one", "cut").unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownOutcome);
    assert_eq!(texts(&line.direct, "one"), after(&["cut"]));
    // On the new connection the statement is prepared first: were that cut, it would be tried again.
    say(&line.backend, "one", "kept").unwrap();
    line.proxy.cut_at_request();
    let error = say(&line.backend, "one", "lost").unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownOutcome);
    assert_eq!(texts(&line.direct, "one"), after(&["cut", "kept"]));
}

/// The pooler's word comes in place of the first answer, and the server had everything, the commit too: so it says nothing of what was done.
#[test]
fn a_pooler_that_lost_the_server_at_a_commit_leaves_the_outcome_unknown() {
    let Some(line) = line() else { return };
    line.proxy.break_at_commit();
    let error = say(&line.backend, "one", "plain").unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownOutcome);
    line.proxy.break_at_commit();
    let appended = say_keyed(&line.backend, "one", "keyed", "keyed").unwrap();
    assert!(!is_new(&appended), "{appended:?}");
    // What reads is read again, and a transaction that is not committed yet begins again.
    line.proxy.break_at_commit();
    assert_eq!(texts(&line.backend, "one"), after(&["plain", "keyed"]));
    line.proxy.break_at_commit();
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&runs);
    let work = move |tx: &mut dyn convostore::backend::WriteTransaction| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        tx.append(&to_append("one", vec![said("closure", None)]))
            .map(drop)
    };
    let error = line.backend.write(T, Box::new(work)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownOutcome);
    assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 1);
    let expected = after(&["plain", "keyed", "closure"]);
    assert_eq!(texts(&line.direct, "one"), expected);
}

#[test]
fn an_append_with_keys_cut_at_its_commit_is_settled() {
    let Some(line) = line() else { return };
    line.proxy.cut_at_commit();
    let appended = say_keyed(&line.backend, "one", "cut", "cut").unwrap();
    assert!(
        matches!(appended, Appended::Saved(rows) if matches!(rows[..], [SavedRow::Existing(_)]))
    );
    line.proxy.cut_at_request();
    assert!(is_new(
        &say_keyed(&line.backend, "one", "again", "again").unwrap()
    ));
    assert_eq!(texts(&line.direct, "one"), after(&["cut", "again"]));
}

#[test]
fn a_read_cut_in_the_middle_is_read_again() {
    let Some(line) = line() else { return };
    line.proxy.cut_at_commit();
    assert_eq!(texts(&line.backend, "one"), after(&[]));
    line.proxy.cut_at_request();
    assert_eq!(texts(&line.backend, "one"), after(&[]));
}

#[test]
fn a_closure_cut_at_its_commit_is_of_unknown_outcome() {
    let Some(line) = line() else { return };
    let commit = |line: &Line| {
        line.backend.write(
            T,
            Box::new(|tx| {
                let mut row = tx.session(Lookup::Id("one"))?.unwrap();
                row.session.revision += 1;
                tx.update_session(&row)
            }),
        )
    };
    commit(&line).unwrap();
    line.proxy.cut_at_commit();
    assert_eq!(commit(&line).unwrap_err().code(), ErrorCode::UnknownOutcome);
}

#[test]
fn connections_that_the_server_ends_are_replaced() {
    // Of this test alone: what the others have under way is not to be ended. So behind the pooler it has a pool of its own.
    let name = format!("ended_{}", std::process::id());
    let apart = |through: String| {
        let through = if server::is_pooled() {
            through.replace("dbname=convostore", "dbname=convostore_apart")
        } else {
            through
        };
        format!("{through} application_name={name}")
    };
    let Some(line) = line_of(apart) else { return };
    let Some(url) = server::url() else { return };
    let sql = server::Sql::connect(&url);
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'"
    );
    for n in 0..10 {
        assert_eq!(sql.run(&end).unwrap(), ["t"]);
        let key = format!("n{n}");
        say_keyed(&line.backend, "one", &key, &key).unwrap();
    }
    assert_eq!(texts(&line.direct, "one").len(), BEFORE.len() + 10);
}

#[test]
fn who_waits_longer_than_the_limit_is_busy_and_changed_nothing() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let holder = server::connect(&url, &schema);
    insert(&holder, "one");
    insert(&holder, "two");
    // Long enough to open within it on a busy machine.
    let limit = Duration::from_secs(2);
    let options = server::options(&schema).wait_limit(limit);
    let waiting = PostgresBackend::connect(&url, &options).unwrap();
    let held = holder.write_alone(T, &mut |tx| {
        tx.session(Lookup::Id("one"))?;
        let began = Instant::now();
        let busy = say(&waiting, "one", "x").unwrap_err();
        assert_eq!(busy.code(), ErrorCode::Busy, "{busy}");
        assert!(began.elapsed() >= limit && began.elapsed() < limit + LATE);
        let busy = waiting.write_alone(T, &mut |tx| tx.session(Lookup::Id("one")).map(drop));
        assert_eq!(busy.unwrap_err().code(), ErrorCode::Busy);
        // Others' sessions are not waited for.
        assert!(is_new(&say(&waiting, "two", "y")?));
        Ok(())
    });
    held.unwrap();
    assert_eq!(texts(&holder, "one"), Vec::<String>::new());
    assert!(is_new(&say(&waiting, "one", "x").unwrap()));
}

#[test]
fn who_is_no_longer_wanted_is_broken_off_at_the_server_and_changed_nothing() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let holder = server::connect(&url, &schema);
    insert(&holder, "one");
    let waiting = server::connect(&url, &schema);
    let held = holder.write_alone(T, &mut |tx| {
        tx.session(Lookup::Id("one"))?;
        let began = Instant::now();
        let asked = Rc::new(move || began.elapsed() < Duration::from_millis(400));
        let given_up = while_wanted(asked, || say(&waiting, "one", "never")).unwrap_err();
        assert_eq!(given_up.code(), ErrorCode::Busy, "{given_up}");
        assert!(began.elapsed() < LATE, "not before 30 s");
        Ok(())
    });
    held.unwrap();
    // Were it not broken off, it would be written now.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(texts(&holder, "one"), Vec::<String>::new());
    assert!(is_new(&say(&waiting, "one", "later").unwrap()));
}

#[test]
fn who_gets_no_connection_in_time_is_busy() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let options = server::options(&schema)
        .max_connections(1)
        .wait_limit(Duration::from_secs(2));
    let backend = PostgresBackend::connect(&url, &options).unwrap();
    let held = backend.read(T, &mut |tx| {
        tx.totals()?;
        std::thread::scope(|scope| {
            let other = scope.spawn(|| backend.session(T, Lookup::Id("one")));
            assert_eq!(other.join().unwrap().unwrap_err().code(), ErrorCode::Busy);
        });
        Ok(())
    });
    held.unwrap();
    backend.session(T, Lookup::Id("one")).unwrap();
}

/// A server that does not keep the time itself is asked to stop, so that what was given up is not done later.
///
/// Whom the machine itself keeps from answering for longer than that may take leaves it open what was done, so it is tried again then. Were the
/// server not asked, it would be left open each time.
#[test]
fn what_was_given_up_is_cancelled() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let proxy = Proxy::before(&folder);
    proxy.disarm();
    let schema = server::schema();
    let holder = server::connect(&url, &schema);
    let options = server::options(&schema).wait_limit(Duration::from_secs(2));
    let through = server::through(&url, &proxy.folder());
    let mut outcomes = Vec::new();
    for id in ["one", "two", "three", "four", "five"] {
        insert(&holder, id);
        let Ok(waiting) = PostgresBackend::connect(&through, &options) else {
            continue;
        };
        let held = holder.write_alone(T, &mut |tx| {
            tx.session(Lookup::Id(id))?;
            let began = Instant::now();
            let given_up = say(&waiting, id, "given up").unwrap_err();
            // The server was given its time and some more: so it did not keep it itself.
            let was_late = began.elapsed() > Duration::from_secs(6);
            outcomes.push((given_up.code(), was_late));
            Ok(())
        });
        held.unwrap();
        // Cancelled before the commit: nothing is unknown.
        if outcomes.last() == Some(&(ErrorCode::Busy, true)) {
            assert!(is_new(&say(&holder, id, "after").unwrap()));
            assert_eq!(texts(&holder, id), ["after"]);
            return;
        }
    }
    panic!("{outcomes:?}");
}
