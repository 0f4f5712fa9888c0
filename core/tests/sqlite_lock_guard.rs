//! Another SQLite in this process, or anybody who opens and closes the files, drops our locks: nothing acknowledged may be lost.
//!
//! Closing a plain descriptor does to POSIX locks what closing another SQLite's connection does.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{
    Append, AppendRow, Appended, Backend, Continue, MessageFilter, SessionRow, StartSession,
};
use convostore::{Content, Error, ErrorCode, Role, Session, Timestamp, while_wanted};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

const T: &str = "tenant";

fn open(path: &Path, options: SqliteOptions) -> SqliteBackend {
    let backend = SqliteBackend::open(path, options).unwrap();
    start(&backend, "one");
    backend
}

fn start(backend: &SqliteBackend, id: &str) {
    let session = Session::new(id, "", "agent", "created", Timestamp::MIN);
    let row = SessionRow {
        session,
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    };
    let find = Continue::SameId;
    backend
        .start_session(T, Arc::new(StartSession { find, row }))
        .unwrap();
}

fn rows(text: &str) -> Append {
    rows_of("one", text)
}

fn rows_of(session_id: &str, text: &str) -> Append {
    Append {
        session_id: session_id.to_owned(),
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

fn append(backend: &dyn Backend, text: &str) -> Result<Appended, Error> {
    backend.append(T, Arc::new(rows(text)))
}

fn texts(backend: &dyn Backend) -> Vec<String> {
    texts_of(backend, "one")
}

fn texts_of(backend: &dyn Backend, session_id: &str) -> Vec<String> {
    let messages = backend
        .messages(T, session_id, &MessageFilter::default())
        .unwrap();
    let messages = messages.unwrap().into_iter();
    messages.map(|it| it.content.body().to_owned()).collect()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a foreign SQLite, or a program that copies the files, does in the end.
fn open_and_close(path: &Path) {
    for suffix in ["", "-shm"] {
        drop(File::open(beside(path, suffix)));
    }
}

/// Runs one test of this program in a process of its own: what others do is done there.
fn in_another_process(test: &str, path: &Path) -> bool {
    in_another_process_to(test, path, "one")
}

fn in_another_process_to(test: &str, path: &Path, session_id: &str) -> bool {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("LOCK_GUARD_PATH", path)
        .env("LOCK_GUARD_SESSION", session_id)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// This crate in another process appends "theirs".
#[test]
fn the_other_process() {
    let Ok(path) = std::env::var("LOCK_GUARD_PATH") else {
        return;
    };
    let options = SqliteOptions::new().wait_limit(Duration::from_millis(300));
    let backend = SqliteBackend::open(path, options).unwrap();
    append(&backend, "theirs").unwrap();
}

/// Another program, which knows nothing of this crate's turns, appends "theirs".
#[test]
fn the_other_program() {
    let Ok(path) = std::env::var("LOCK_GUARD_PATH") else {
        return;
    };
    let id = std::env::var("LOCK_GUARD_SESSION").unwrap();
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         INSERT INTO messages (id, role, is_summary, is_text, created_at, content)
           SELECT (no << 32) + last_seq + 1, 'user', 0, 1, created_at, 'theirs' FROM sessions WHERE id = '{id}';
         UPDATE sessions SET last_seq = last_seq + 1, message_count = message_count + 1, revision = revision + 1 WHERE id = '{id}';
         COMMIT"
    ))
    .unwrap();
}

/// A transaction of ours, the locks dropped in the middle of it, and a write of another program that this lets through.
fn disturbed(backend: &SqliteBackend, path: &Path) -> (Result<(), Error>, usize) {
    let (runs, path) = (
        Arc::new(std::sync::atomic::AtomicUsize::new(0)),
        path.to_owned(),
    );
    let counted = Arc::clone(&runs);
    let result = backend.write(
        T,
        Box::new(move |transaction| {
            transaction.append(&rows("ours"))?;
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                open_and_close(&path);
                assert!(in_another_process("the_other_program", &path));
            }
            Ok(())
        }),
    );
    (result, runs.load(Ordering::SeqCst))
}

#[test]
fn a_write_whose_locks_were_dropped_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let (result, runs) = disturbed(&backend, &path);
    result.unwrap();
    assert_eq!(runs, 2);
    assert_eq!(texts(&backend), ["theirs", "ours"]);
    assert!(backend.check().unwrap().is_empty());
}

/// Rolling back, SQLite takes the pages that it holds for those of the latest commit, though another has committed in between.
#[test]
fn after_a_loss_nothing_is_written_on_pages_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    start(&backend, "two");
    let append_to = |id: &str, text: &str| backend.append(T, Arc::new(rows_of(id, text))).unwrap();
    for n in 0..400 {
        append_to("one", &format!("one {n} {}", "x".repeat(100)));
        append_to("two", &format!("two {n} {}", "x".repeat(100)));
    }
    let (within, mut runs) = (path.clone(), 0);
    let work = move |transaction: &mut dyn convostore::backend::WriteTransaction| {
        transaction.append(&rows("ours"))?;
        runs += 1;
        if runs == 1 {
            open_and_close(&within);
            let written = in_another_process_to("the_other_program", &within, "two");
            assert!(written);
        }
        Ok(())
    };
    backend.write(T, Box::new(work)).unwrap();
    append_to("two", "after");
    let found = texts_of(&backend, "two");
    assert_eq!(found.len(), 402);
    assert_eq!(found[400..], ["theirs", "after"]);
    assert!(backend.check().unwrap().is_empty());
}

/// A writer of this crate waits for its turn even where SQLite would let it through.
#[test]
fn two_writers_of_this_crate_never_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let within = path.clone();
    let result = backend.write(
        T,
        Box::new(move |transaction| {
            transaction.append(&rows("ours"))?;
            open_and_close(&within);
            assert!(!in_another_process("the_other_process", &within));
            Ok(())
        }),
    );
    result.unwrap_err(); // the closure runs again and again; each time its locks are dropped
    assert!(texts(&backend).is_empty());
    assert!(in_another_process("the_other_process", &path));
    assert_eq!(texts(&backend), ["theirs"]);
}

#[test]
fn without_the_guard_a_message_is_lost_silently() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new().without_lock_guard());
    let (result, runs) = disturbed(&backend, &path);
    assert_eq!((result.is_ok(), runs), (true, 1));
    backend.close().unwrap();
    let backend = open(&path, SqliteOptions::new());
    assert_eq!(texts(&backend).len(), 1, "two writes were acknowledged");
}

#[test]
fn work_that_runs_once_says_that_its_locks_were_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let written = backend.write_alone(T, &mut |transaction| {
        transaction.append(&rows("ours"))?;
        open_and_close(&path);
        Ok(())
    });
    assert_eq!(written.unwrap_err().code(), ErrorCode::LockLost);
    let read = backend.read(T, &mut |_| {
        open_and_close(&path);
        Ok(())
    });
    assert_eq!(read.unwrap_err().code(), ErrorCode::LockLost);
    assert!(texts(&backend).is_empty());
    append(&backend, "after").unwrap();
    assert_eq!(texts(&backend), ["after"]);
}

/// To roll back, SQLite tidies the index of the WAL, which is the writer's alone: not while another has the lock that was ours.
#[test]
fn a_write_whose_lock_another_has_taken_is_rolled_back_after_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let limit = Duration::from_millis(300);
    let backend = open(&path, SqliteOptions::new().wait_limit(limit));
    let other = shm_of(&path);
    let has_let_go = AtomicBool::new(false);
    thread::scope(|scope| {
        let written = backend.write_alone(T, &mut |transaction| {
            transaction.append(&rows("ours"))?;
            // What the work takes is no waiting.
            thread::sleep(limit);
            open_and_close(&path);
            wal_lock(&other, WRITE_LOCK, libc::F_WRLCK);
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                has_let_go.store(true, Ordering::SeqCst);
                wal_lock(&other, WRITE_LOCK, libc::F_UNLCK);
            });
            Ok(())
        });
        assert_eq!(written.unwrap_err().code(), ErrorCode::LockLost);
        assert!(has_let_go.load(Ordering::SeqCst), "rolled back before");
    });
    append(&backend, "after").unwrap();
    assert_eq!(texts(&backend), ["after"]);
}

/// A second SQLite in the process, even one that only reads, recovers the index of the WAL where it finds that half written: the write lock, which
/// forbids that to other processes, it always gets. So no write commits meanwhile.
#[test]
fn no_write_commits_while_somebody_recovers_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let other = shm_of(&path);
    let is_recovered = AtomicBool::new(false);
    thread::scope(|scope| {
        wal_lock(&other, RECOVER_LOCK, libc::F_WRLCK);
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            is_recovered.store(true, Ordering::SeqCst);
            wal_lock(&other, RECOVER_LOCK, libc::F_UNLCK);
        });
        append(&backend, "ours").unwrap();
        assert!(is_recovered.load(Ordering::SeqCst), "committed before");
    });
    assert_eq!(texts(&backend), ["ours"]);
}

/// Who is asked whether it still waits is a caller's own code.
#[test]
fn the_turn_is_given_back_where_the_question_whether_a_wait_is_wanted_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let shm = shm_of(&path);
    wal_lock(&shm, WRITE_LOCK, libc::F_WRLCK);
    let asked = Rc::new(|| panic!("the test's own panic"));
    let saved = catch_unwind(AssertUnwindSafe(|| {
        while_wanted(asked, || append(&backend, "never"))
    }));
    assert!(saved.is_err());
    wal_lock(&shm, WRITE_LOCK, libc::F_UNLCK);
    assert!(in_another_process("the_other_process", &path));
    assert_eq!(texts(&backend), ["theirs"]);
}

const WRITE_LOCK: i64 = 120;
const RECOVER_LOCK: i64 = 122;

/// As another process has it open. Not to be closed while the store is open.
fn shm_of(path: &Path) -> File {
    let mut options = File::options();
    options.read(true).write(true);
    options.open(beside(path, "-shm")).unwrap()
}

/// Takes a lock of the WAL, or gives it back, as another process would: by a lock of the descriptor, which knows none of this process.
fn wal_lock(shm: &File, byte: i64, kind: i32) {
    let lock = libc::flock {
        l_type: kind.try_into().unwrap(),
        l_whence: 0,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(shm, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
}

#[test]
fn locks_dropped_between_operations_are_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    for round in 0..20 {
        open_and_close(&path);
        append(&backend, &round.to_string()).unwrap();
        open_and_close(&path);
        assert_eq!(texts(&backend).len(), round + 1);
        open_and_close(&path);
        backend.write_alone(T, &mut |_| Ok(())).unwrap();
    }
    // A process that closes the file now must not take itself for the last one.
    open_and_close(&path);
    append(&backend, "ours").unwrap();
    assert!(in_another_process("the_other_process", &path));
    append(&backend, "last").unwrap();
    assert_eq!(texts(&backend).len(), 23);
}

#[test]
fn files_removed_under_an_open_store_are_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(beside(&path, suffix)).unwrap();
    }
    append(&backend, "into the void").unwrap_err();
}

/// Somebody opens and closes the files all the time, while two processes write: every acknowledged message is there once.
#[test]
fn under_constant_disturbance_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let backend = open(&path, SqliteOptions::new());
    let stop = AtomicBool::new(false);
    let (acknowledged, theirs) = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                open_and_close(&path);
                thread::sleep(Duration::from_micros(700));
            }
        });
        let theirs = scope.spawn(|| {
            let mut done = 0;
            while !stop.load(Ordering::SeqCst) {
                done += usize::from(in_another_process("the_other_process", &path));
            }
            done
        });
        let acknowledged: Vec<String> = (0..300)
            .map(|n| n.to_string())
            .filter(|text| match append(&backend, text) {
                Ok(_) => true,
                Err(error) => {
                    let code = error.code();
                    assert!(
                        matches!(code, ErrorCode::LockLost | ErrorCode::UnknownOutcome),
                        "{error:?}"
                    );
                    false
                }
            })
            .collect();
        stop.store(true, Ordering::SeqCst);
        (acknowledged, theirs.join().unwrap())
    });
    let found = texts(&backend);
    for text in &acknowledged {
        assert_eq!(
            found.iter().filter(|it| *it == text).count(),
            1,
            "{text} of {found:?}"
        );
    }
    assert!(acknowledged.len() > 200, "{} of 300", acknowledged.len());
    assert!(found.iter().filter(|it| *it == "theirs").count() >= theirs);
    assert!(backend.check().unwrap().is_empty());
}
