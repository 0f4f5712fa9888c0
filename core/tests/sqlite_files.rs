//! What happens to the files of an SQLite store from outside: links, moves, removals. Nothing acknowledged may be lost.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{
    Append, AppendRow, Appended, Backend, Continue, Lookup, MessageFilter, SessionRow, StartSession,
};
use convostore::{Content, Error, ErrorCode, Role, Session, Timestamp};

const T: &str = "tenant";

fn try_open(path: &Path) -> Result<SqliteBackend, Error> {
    SqliteBackend::open(path, SqliteOptions::new())
}

fn open(path: &Path) -> SqliteBackend {
    let backend = try_open(path).unwrap();
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
    let append = Append {
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
    };
    backend.append(T, Arc::new(append))
}

fn texts(backend: &dyn Backend) -> Vec<String> {
    let messages = backend
        .messages(T, "one", &MessageFilter::default())
        .unwrap();
    let messages = messages.unwrap().into_iter();
    messages.map(|it| it.content.body().to_owned()).collect()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Runs one test of this program in a process of its own, which ends by a kill.
fn in_a_process_that_is_killed(test: &str, path: &Path) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SQLITE_FILES_PATH", path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), None, "it was to be killed, but ended");
}

fn kill_this_process() {
    Command::new("kill")
        .args(["-9", &std::process::id().to_string()])
        .status()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(10));
}

#[test]
fn a_file_with_a_second_name_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let hard = folder.path().join("x.db.hard");
    open(&path).close().unwrap();
    fs::hard_link(&path, &hard).unwrap();
    for name in [&path, &hard] {
        let error = try_open(name).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Storage);
        assert!(error.to_string().contains("hard links"), "{error}");
        assert!(error.details().contains_key("path"));
    }
    fs::remove_file(&hard).unwrap();
    append(&open(&path), "alone").unwrap();
}

#[test]
fn a_second_name_that_comes_later_stops_writes_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let hard = folder.path().join("x.db.hard");
    let backend = open(&path);
    append(&backend, "before").unwrap();
    fs::hard_link(&path, &hard).unwrap();
    for _ in 0..2 {
        let error = append(&backend, "refused").unwrap_err();
        assert!(error.to_string().contains("hard links"), "{error}");
    }
    fs::remove_file(&hard).unwrap();
    append(&backend, "after").unwrap();
    assert_eq!(texts(&backend), ["before", "after"]);
    backend.close().unwrap();
    assert_eq!(texts(&open(&path)), ["before", "after"]);
}

/// Its WAL is removed under it: what it was told is saved must be there when it was killed.
#[test]
fn the_process_whose_wal_is_removed() {
    let Ok(path) = std::env::var("SQLITE_FILES_PATH") else {
        return;
    };
    let path = PathBuf::from(path);
    let backend = open(&path);
    append(&backend, "before").unwrap();
    fs::remove_file(beside(&path, "-wal")).unwrap();
    append(&backend, "after").unwrap();
    append(&backend, "again").unwrap();
    kill_this_process();
}

#[test]
fn what_is_saved_after_the_wal_was_removed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    in_a_process_that_is_killed("the_process_whose_wal_is_removed", &path);
    let backend = open(&path);
    assert_eq!(texts(&backend), ["before", "after", "again"]);
    assert!(backend.check().unwrap().is_empty());
}

#[test]
fn a_wal_that_was_removed_is_saved_by_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let backend = open(&path);
    append(&backend, "before").unwrap();
    fs::remove_file(beside(&path, "-wal")).unwrap();
    backend.close().unwrap();
    assert_eq!(texts(&open(&path)), ["before"]);
}

#[test]
fn a_database_that_was_moved_takes_no_writes_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let moved = folder.path().join("moved.db");
    let backend = open(&path);
    append(&backend, "before").unwrap();
    fs::rename(&path, &moved).unwrap();
    for _ in 0..2 {
        let error = append(&backend, "refused").unwrap_err();
        assert_eq!(error.code(), ErrorCode::Storage);
        assert!(error.to_string().contains("moved"), "{error}");
        assert!(error.details().contains_key("path"));
    }
    fs::rename(&moved, &path).unwrap();
    append(&backend, "after").unwrap();
    assert_eq!(texts(&backend), ["before", "after"]);
}

#[test]
fn an_empty_database_in_utf_16_is_not_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a); DROP TABLE t")
        .unwrap();
    drop(conn);
    let before = fs::read(&path).unwrap();
    let error = try_open(&path).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedSchema);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_says_it_is_ours_but_lacks_our_tables_is_corrupted_when_opened() {
    let folder = tempfile::tempdir().unwrap();
    for (number, sql) in [
        "DROP TABLE contexts",
        "DROP TABLE session_metadata",
        "ALTER TABLE messages DROP COLUMN token_count",
        "DROP INDEX sessions_by_key",
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{number}.db"));
        open(&path).close().unwrap();
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch("DROP VIEW readable_messages").unwrap();
        conn.execute_batch(sql).unwrap();
        drop(conn);
        assert_corrupted(&path);
    }
    let path = folder.path().join("none.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA application_id = 0x636f6e76; PRAGMA user_version = 1")
        .unwrap();
    drop(conn);
    assert_corrupted(&path);
}

fn assert_corrupted(path: &Path) {
    let error = try_open(path).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupted, "{error}");
    assert!(error.details().contains_key("path"));
}

#[test]
fn reads_of_a_file_that_was_cut_say_that_it_is_corrupted() {
    let folder = tempfile::tempdir().unwrap();
    for (name, reads_before) in [("new reader", false), ("old reader", true)] {
        let path = folder.path().join(name);
        open(&path).close().unwrap();
        let backend = try_open(&path).unwrap();
        if reads_before {
            backend.session(T, Lookup::Id("one")).unwrap();
        }
        fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        let error = backend.session(T, Lookup::Id("one")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Corrupted, "{name}: {error}");
    }
}

#[test]
fn reads_of_a_file_that_was_replaced_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let other = folder.path().join("other.db");
    open(&path).close().unwrap();
    let backend = try_open(&path).unwrap();
    fs::write(&other, "").unwrap();
    fs::rename(&other, &path).unwrap();
    let error = backend.session(T, Lookup::Id("one")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Storage);
    assert!(error.to_string().contains("replaced"), "{error}");
}

#[test]
fn a_file_too_short_for_a_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for len in [1, 99, 511] {
        let path = folder.path().join(format!("{len}.db"));
        let content = vec![b'x'; len];
        fs::write(&path, &content).unwrap();
        assert_corrupted(&path);
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn what_a_failed_open_has_made_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    // Too long for a file, or for that of its WAL.
    for len in [300, 253] {
        let path = there.join("new/deep").join("x".repeat(len));
        try_open(&path).unwrap_err();
        assert_eq!(fs::read_dir(&there).unwrap().count(), 0, "{len}");
    }
    fs::create_dir_all(there.join("new")).unwrap();
    fs::write(there.join("new/theirs"), "kept").unwrap();
    try_open(&there.join("new/deep").join("x".repeat(253))).unwrap_err();
    assert_eq!(fs::read_dir(there.join("new")).unwrap().count(), 1);
}
