//! For how long operations of an SQLite store wait for each other.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{
    Append, AppendRow, Appended, Backend, Continue, Lookup, MessageFilter, SessionRow, StartSession,
};
use convostore::{Content, Error, ErrorCode, Role, Session, Timestamp};

const T: &str = "tenant";

const LIMIT: Duration = Duration::from_secs(1);

fn open(path: &Path) -> SqliteBackend {
    let backend = SqliteBackend::open(path, SqliteOptions::new().wait_limit(LIMIT)).unwrap();
    let row = SessionRow {
        session: Session::new("one", "", "agent", "created", Timestamp::MIN),
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    };
    let find = Continue::SameId;
    backend
        .start_session(T, Arc::new(StartSession { find, row }))
        .unwrap();
    backend
}

fn append(backend: &dyn Backend, text: &str) -> Result<Appended, Error> {
    backend.append(T, Arc::new(to_append(text)))
}

fn to_append(text: &str) -> Append {
    Append {
        session_id: "one".to_owned(),
        rows: vec![AppendRow {
            role: Role::USER,
            content: Content::text(text),
            token_count: None,
            is_summary: false,
            dedup_key: None,
            created_at: None,
            active_at: Timestamp::MIN,
        }],
        now: Timestamp::MIN,
        expected_revision: None,
        preview: None,
    }
}

/// A read that says when it has begun and goes on until it is told to end.
fn read_until(backend: &SqliteBackend, begun: &Sender<()>, end: &Mutex<Receiver<()>>) {
    backend
        .read(T, &mut |transaction| {
            transaction.session(Lookup::Id("one"))?;
            begun.send(()).unwrap();
            let _ = end.lock().unwrap().recv();
            Ok(())
        })
        .unwrap();
}

#[test]
fn while_closing_waits_new_operations_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(&folder.path().join("store.db"));
    let ((begun, has_begun), (end, ended)) = (channel(), channel());
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        scope.spawn(|| read_until(&backend, &begun, &ended));
        has_begun.recv().unwrap();
        let closing = scope.spawn(|| backend.close());
        thread::sleep(Duration::from_millis(100));
        scope.spawn(move || {
            thread::sleep(3 * LIMIT);
            drop(end);
        });
        let asked = Instant::now();
        let found = backend.session(T, Lookup::Id("one"));
        assert_eq!(found.unwrap_err().code(), ErrorCode::Closed);
        assert!(asked.elapsed() < LIMIT, "{:?}", asked.elapsed());
        assert!(!closing.is_finished(), "it waits for the read");
        closing.join().unwrap().unwrap();
    });
}

#[test]
fn long_reads_leave_room_for_short_ones() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(&folder.path().join("store.db"));
    let ((begun, has_begun), (end, ended)) = (channel(), channel());
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (backend, begun, ended) = (&backend, begun.clone(), &ended);
            scope.spawn(move || read_until(backend, &begun, ended));
            has_begun.recv().unwrap();
        }
        let found = backend.session(T, Lookup::Id("one"));
        let one_more = backend.read(T, &mut |_| Ok(()));
        drop(end);
        assert!(found.unwrap().is_some());
        assert_eq!(one_more.unwrap_err().code(), ErrorCode::Busy);
    });
}

/// Two writes while somebody else holds the file: the second waits in line for the first, and then no longer than its own limit.
#[test]
fn a_write_waits_no_longer_than_its_limit_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| append(&backend, "first"));
        thread::sleep(LIMIT / 5);
        let asked = Instant::now();
        let second = append(&backend, "second");
        assert_eq!(second.unwrap_err().code(), ErrorCode::Busy);
        assert!(asked.elapsed() < LIMIT * 3 / 2, "{:?}", asked.elapsed());
        assert_eq!(first.join().unwrap().unwrap_err().code(), ErrorCode::Busy);
    });
}

#[test]
fn a_read_ends_while_a_write_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(&folder.path().join("store.db"));
    append(&backend, "before").unwrap();
    let all = || {
        let messages = backend.messages(T, "one", &MessageFilter::default());
        messages.unwrap().unwrap().len()
    };
    let ((begun, has_begun), (end, ends)) = (channel(), channel::<()>());
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let ends = ends; // moved here: its sender is the other thread's
            backend.write_alone(T, &mut |transaction| {
                transaction.append(&to_append("meanwhile"))?;
                begun.send(()).unwrap();
                let _ = ends.recv();
                Ok(())
            })
        });
        has_begun.recv().unwrap();
        // One that waited for the write would wait for ever: the write waits for these.
        assert_eq!(all(), 1);
        assert!(
            backend
                .session(T, Lookup::Id("one"))
                .is_ok_and(|it| it.is_some())
        );
        let long = backend.read(T, &mut |transaction| {
            transaction.messages("one", &MessageFilter::default())?;
            transaction.totals().map(drop)
        });
        long.unwrap();
        drop(end);
        writing.join().unwrap().unwrap();
    });
    assert_eq!(all(), 2);
}

#[test]
fn a_write_ends_while_a_read_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(&folder.path().join("store.db"));
    let ((begun, has_begun), (end, ended)) = (channel(), channel());
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        scope.spawn(|| read_until(&backend, &begun, &ended));
        has_begun.recv().unwrap();
        // One that waited for the read would wait for ever: the read waits for these.
        for text in ["first", "second"] {
            assert!(matches!(append(&backend, text), Ok(Appended::Saved(_))));
        }
        drop(end);
    });
}
