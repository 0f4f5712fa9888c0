//! Two storages that are to do the same: one in memory, one in a SQLite file.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use convostore::backend::sqlite::Durability;
use convostore::{CleanupQuery, Store, StoreOptions, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;

/// A store that knows its time and gives the same ids as any other of these.
fn options() -> StoreOptions {
    let count = Arc::new(AtomicU64::new(0));
    StoreOptions::new()
        .clock(|| Timestamp::from_millis_clamped(NOW))
        .ids(move |_| format!("drawn-{}", count.fetch_add(1, Ordering::SeqCst)))
}

/// An empty store in memory.
pub(super) fn memory() -> Store {
    options().in_memory().unwrap()
}

struct Kept {
    folder: TempDir,
    /// One that is held open, so that each use need not make the file anew.
    _store: Store,
    schema: Vec<String>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A store in a SQLite file, always the same one on a thread. Whoever has it empties it.
pub(super) fn sqlite() -> Store {
    KEPT.with_borrow_mut(|kept| {
        let kept = kept.get_or_insert_with(|| {
            let folder = conformance::world::temporary_folder();
            let store = open(&folder);
            let schema = schema(&folder);
            Kept {
                folder,
                _store: store,
                schema,
            }
        });
        open(&kept.folder)
    })
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("store.db")
}

fn open(folder: &TempDir) -> Store {
    options()
        .durability(Durability::Normal)
        .open(path(folder))
        .unwrap()
}

/// Removes what the store holds; lifecycles stay for ever, so the file of one that was given some is given up.
pub(super) fn empty(store: &Store) {
    unharmed();
    let all = CleanupQuery::new().older_than(std::time::Duration::ZERO);
    let left = store.cleanup_sessions(all).is_err() || store.stats().unwrap().sessions > 0;
    let contexts = store
        .list_contexts(convostore::ContextQuery::new())
        .unwrap();
    for context in contexts.items {
        store.delete_context(&context.scope).unwrap();
    }
    let more = store.list_lifecycles().unwrap().len() > 2;
    if left || more || contexts.next_cursor.is_some() {
        KEPT.with_borrow_mut(|kept| *kept = None);
    }
}

/// Nothing but the store's own files is in its folder, and no text became SQL.
fn unharmed() {
    KEPT.with_borrow(|kept| {
        let kept = kept.as_ref().unwrap();
        let mut names: Vec<_> = fs::read_dir(kept.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal"]);
        assert_eq!(schema(&kept.folder), kept.schema);
    });
}

fn schema(folder: &TempDir) -> Vec<String> {
    let conn = Connection::open(path(folder)).unwrap();
    let mut statement = conn
        .prepare("SELECT coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
