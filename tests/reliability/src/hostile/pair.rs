//! Two storages that are to do the same: one in memory, one in a SQLite file.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use convostore::backend::sqlite::Durability;
use convostore::{ContextQuery, SessionQuery, Store, StoreOptions, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;

/// A store that knows its time and gives the same ids as any other of these whose count begins where its does.
fn options(count: Arc<AtomicU64>) -> StoreOptions {
    StoreOptions::new()
        .clock(|| Timestamp::from_millis_clamped(NOW))
        .ids(move |_| format!("drawn-{}", count.fetch_add(1, Ordering::SeqCst)))
}

/// An empty store in memory.
pub(super) fn memory() -> Store {
    options(Arc::default()).in_memory().unwrap()
}

/// A file, open for good, so that each use need not make it anew.
struct Kept {
    store: Store,
    count: Arc<AtomicU64>,
    schema: Vec<String>,
    /// Another program's look at it.
    conn: Connection,
    folder: TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = conformance::world::temporary_folder();
        let path = folder.path().join("store.db");
        let count = Arc::default();
        let options = options(Arc::clone(&count)).durability(Durability::Normal);
        let store = options.open(&path).unwrap();
        let conn = Connection::open(&path).unwrap();
        Self {
            store,
            count,
            schema: schema(&conn),
            conn,
            folder,
        }
    }

    /// Whether nothing but the store's own files is in its folder, and no text became SQL.
    fn is_unharmed(&self) -> bool {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names == ["store.db", "store.db-shm", "store.db-wal"] && schema(&self.conn) == self.schema
    }
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A store in a SQLite file, always the same one on a thread. Whoever has it empties it.
pub(super) fn sqlite() -> Store {
    KEPT.with_borrow_mut(|kept| {
        let kept = kept.get_or_insert_with(Kept::new);
        kept.count.store(0, Ordering::SeqCst);
        kept.store.clone()
    })
}

/// Removes what the store holds; lifecycles stay for ever, so the file of one that was given some is given up.
pub(super) fn empty(store: &Store) {
    KEPT.with_borrow(|kept| assert!(kept.as_ref().unwrap().is_unharmed()));
    let sessions = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap();
    for session in sessions.items {
        store.delete_session(&session.id, false).unwrap();
    }
    let contexts = store.list_contexts(ContextQuery::new()).unwrap();
    for context in contexts.items {
        store.delete_context(&context.scope).unwrap();
    }
    let lifecycles = store.list_lifecycles().unwrap().len() > 2;
    if lifecycles || sessions.next_cursor.is_some() || contexts.next_cursor.is_some() {
        KEPT.with_borrow_mut(|kept| *kept = None);
    }
}

fn schema(conn: &Connection) -> Vec<String> {
    let mut statement = conn
        .prepare_cached("SELECT coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
