//! A file system for SQLite that tests can watch and break: it stands before the system's own, as the default of the process, so that the
//! store under test is the product as it is, without a hook.
//!
//! A [`Watch`] is put over a folder. It is asked before each call of SQLite to a file below and may let it fail ([`Go`]), is told
//! after it, and is told of each `fsync` of the process below the folder, the standard library's included. Folders that nobody watches are
//! passed through to the system's file system itself.
//!
//! All that is unsafe is in two modules: `shim` (the functions that SQLite calls) and `fsync` (the one of the C library that it replaces).

mod counter;
mod disk;
mod faults;
mod fsync;
mod recorder;
pub mod recording;
mod shim;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, PoisonError, RwLock};

pub use counter::{Counter, Counts};
pub use disk::{Cut, Disk, Files};
pub use faults::{Fault, Faults};
pub use recorder::{Event, Recorder};

/// A call of SQLite to its file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call<'a> {
    /// Opens a file.
    Open,
    /// Reads.
    Read,
    /// Writes.
    Write {
        /// Where.
        offset: u64,
        /// What.
        data: &'a [u8],
    },
    /// Makes the file shorter, or longer.
    Truncate {
        /// The new size.
        size: u64,
    },
    /// Has the disk confirm what was written.
    Sync,
    /// Asks for the size.
    Size,
    /// Locks the file.
    Lock,
    /// Maps a part of the WAL's index into memory, which may make it longer.
    ShmMap,
    /// Locks a part of the WAL's index.
    ShmLock,
    /// Removes a file.
    Delete,
    /// Asks whether there is a file.
    Access,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// It is made.
    On,
    /// It is not made, and fails with this code of SQLite.
    Fail(i32),
    /// So many bytes of a write are written, then it fails with this code.
    Partly(usize, i32),
    /// It is not made, but reported as done: a protection that is off.
    Skip,
}

/// Who watches a folder.
pub trait Watch: Debug + Send + Sync {
    /// Asked before a call.
    fn before(&self, _path: &Path, _call: Call<'_>) -> Go {
        Go::On
    }

    /// Told after a call that was made and did not fail.
    fn after(&self, _path: &Path, _call: Call<'_>) {}

    /// Told after the process had the disk confirm a file, or the names in a folder.
    fn synced(&self, _path: &Path) {}

    /// The value that a pragma gets instead of the one that the product gives it, to turn a protection off. At most as long.
    fn pragma(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// After how many pages in the WAL a connection moves them to the database; SQLite's own 1,000 unless told.
    fn checkpoint_after(&self) -> Option<i32> {
        None
    }
}

type Watches = RwLock<Vec<(PathBuf, Arc<dyn Watch>)>>;

static WATCHES: Watches = RwLock::new(Vec::new());

/// As long as this lives, a folder is watched.
#[derive(Debug)]
pub struct Watching {
    folder: PathBuf,
}

/// Has a folder watched, for files that are opened from now on. The folder is known by its real path, as SQLite knows it.
pub fn watch(folder: &Path, watch: Arc<dyn Watch>) -> Watching {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        shim::install();
        fsync::assert_in_place();
    });
    put(folder, watch)
}

fn put(folder: &Path, watch: Arc<dyn Watch>) -> Watching {
    let folder = folder.canonicalize().unwrap();
    let mut watches = WATCHES.write().unwrap_or_else(PoisonError::into_inner);
    watches.push((folder.clone(), watch));
    Watching { folder }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watches = WATCHES.write().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|(folder, _)| *folder != self.folder);
    }
}

/// Who watches over a path.
fn watcher(path: &Path) -> Option<Arc<dyn Watch>> {
    let watches = WATCHES.read().unwrap_or_else(PoisonError::into_inner);
    let found = watches.iter().find(|(folder, _)| path.starts_with(folder));
    found.map(|(_, watch)| Arc::clone(watch))
}
