//! A store's files, seen by another program than the store.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The path with something behind it: `-wal`, `-shm`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens the files of a store and closes them, which drops all locks of this process on them.
pub fn open_and_close(path: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        drop(fs::File::open(beside(path, suffix)));
    }
}

/// Somebody in this process who opens and closes a store's files again and again, until this is dropped.
#[derive(Debug)]
pub struct Disturbance {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Disturbance {
    /// Every so often, from now on.
    pub fn of(path: &Path, pause: Duration) -> Self {
        let (path, is_over) = (path.to_owned(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                open_and_close(&path, &["", "-shm"]);
                thread::sleep(pause);
            }
        });
        Self {
            is_over,
            thread: Some(thread),
        }
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies a database that nobody has open, its WAL with it where there is one.
pub fn copy(from: &Path, to: &Path) {
    remove(to);
    for suffix in ["", "-wal"] {
        let from = beside(from, suffix);
        if from.exists() {
            fs::copy(from, beside(to, suffix)).unwrap();
        }
    }
}

/// Removes a database and what belongs to it.
pub fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
}

/// All that a database holds, in one number. Nobody has it open; it is not touched, for a copy of it is looked at.
pub fn fingerprint(path: &Path) -> u64 {
    let shadow = beside(path, ".shadow");
    copy(path, &shadow);
    let conn = Connection::open_with_flags(&shadow, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut hasher = DefaultHasher::new();
    for table in strings(
        &conn,
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    ) {
        table.hash(&mut hasher);
        hash_table(&conn, &table, &mut hasher);
    }
    strings(&conn, "SELECT sql FROM sqlite_schema ORDER BY 1").hash(&mut hasher);
    drop(conn);
    remove(&shadow);
    hasher.finish()
}

/// What SQLite itself finds wrong.
pub fn integrity(path: &Path) -> Vec<String> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut found = strings(&conn, "PRAGMA integrity_check");
    found.retain(|line| line != "ok");
    found
}

fn strings(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0));
    rows.unwrap()
        .map(|it| it.unwrap().unwrap_or_default())
        .collect()
}

fn hash_table(conn: &Connection, table: &str, hasher: &mut DefaultHasher) {
    // A rowid table comes in the order of its rowids, the others in that of their keys.
    let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            match row.get_ref(column).unwrap() {
                ValueRef::Null => 0_u8.hash(hasher),
                ValueRef::Integer(number) => number.hash(hasher),
                ValueRef::Real(number) => number.to_bits().hash(hasher),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.hash(hasher),
            }
        }
    }
}
