//! The files that this process has open: all its handles on one file share one [`Database`], so one writer and one guard.
//!
//! It also keeps apart what must not happen at once in one process: closing the last descriptor of a file drops the locks of a
//! connection that another thread is just opening.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use super::database::Database;
use super::error::SqliteResult;
use super::fork;
use super::options::SqliteOptions;
use super::place::{self, FileId};
use crate::lock;

/// A file; for a child of `fork` another one than for its parent, whose connections it must not touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    pid: u32,
    file: FileId,
    is_guarded: bool,
}

type Files = Mutex<HashMap<Key, Arc<Slot>>>;

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(Files::default)
}

/// The one place in this process where a file is opened and closed.
#[derive(Debug, Default)]
struct Slot {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    handles: usize,
    database: Option<Arc<Database>>,
}

/// A share in an open database; the last one dropped closes it.
#[derive(Debug)]
pub(super) struct Handle {
    key: Key,
    slot: Option<Arc<Slot>>,
    database: Option<Arc<Database>>,
}

impl Handle {
    /// Opens the file, or shares what this process has open already.
    pub(super) fn open(path: &Path, options: &SqliteOptions) -> SqliteResult<Self> {
        fork::check()?;
        // Until the end: a child of a fork meanwhile could take none of these locks.
        let _inside = fork::enter();
        let mut files = lock(files());
        let (place, made) = place::prepare(path)?;
        let key = Key {
            pid: std::process::id(),
            file: place.id.clone(),
            is_guarded: options.guard,
        };
        let slot = Arc::clone(files.entry(key.clone()).or_default());
        drop(files);
        // Undone with the slot locked, so that no other thread opens it meanwhile.
        let opened = slot.share(|| Database::open(place, options).inspect_err(|_| made.undo()));
        match opened {
            Ok(database) => {
                database.strengthen(options.durability);
                Ok(Self {
                    key,
                    slot: Some(slot),
                    database: Some(database),
                })
            }
            Err(error) => {
                forget(&key, slot);
                Err(error)
            }
        }
    }

    /// The database; nothing only while this is being dropped.
    pub(super) fn database(&self) -> Option<&Database> {
        self.database.as_deref()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _inside = fork::enter();
        if let (Some(slot), Some(database)) = (self.slot.take(), self.database.take()) {
            slot.release(database);
            forget(&self.key, slot);
        }
    }
}

impl Slot {
    fn share(&self, open: impl FnOnce() -> SqliteResult<Database>) -> SqliteResult<Arc<Database>> {
        let mut state = lock(&self.open);
        let database = match &state.database {
            Some(database) => Arc::clone(database),
            None => Arc::new(open()?),
        };
        state.handles += 1;
        state.database = Some(Arc::clone(&database));
        Ok(database)
    }

    /// Gives a share back.
    fn release(&self, database: Arc<Database>) {
        let mut state = lock(&self.open);
        state.handles -= 1;
        if state.handles == 0 {
            state.database = None;
        }
        // With the slot locked, so that nobody opens the file while it is being closed.
        drop(database);
    }
}

/// All that are open, while nobody is inside.
pub(super) fn databases() -> Vec<Arc<Database>> {
    let files = lock(files());
    files
        .values()
        .filter_map(|slot| lock(&slot.open).database.clone())
        .collect()
}

/// Forgets the files of the parent, whose connections were closed here.
pub(super) fn forget_all() {
    // Not dropped: what they have is the parent's.
    std::mem::forget(std::mem::take(&mut *lock(files())));
}

/// Removes the slot if nobody else uses it.
fn forget(key: &Key, slot: Arc<Slot>) {
    let mut files = lock(files());
    drop(slot);
    if files
        .get(key)
        .is_some_and(|slot| Arc::strong_count(slot) == 1)
    {
        files.remove(key);
    }
}
