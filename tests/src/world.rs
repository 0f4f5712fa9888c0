//! The backends that everything is tried on, and how each is opened, closed and opened again.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use convostore::backend::Backend;
use convostore::backend::memory::{Keeper, MemoryBackend, Record};
use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use tempfile::TempDir;

/// A kind of backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In memory, gone when closed.
    Memory,
    /// In memory, rebuilt from what its keeper kept when it is opened again.
    Kept,
    /// In a SQLite file.
    Sqlite,
    /// In a SQLite file that is opened again before every step.
    SqliteReopened,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Self::Memory, Self::Kept, Self::Sqlite, Self::SqliteReopened];

    /// Its name in the names of tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Kept => "kept",
            Self::Sqlite => "sqlite",
            Self::SqliteReopened => "sqlite-reopened",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything that was kept, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<Record>>>);

impl Keeper for Journal {
    fn keep(&mut self, changes: &[Record]) -> convostore::Result<()> {
        self.0.lock().unwrap().extend_from_slice(changes);
        Ok(())
    }
}

/// A storage with its data, wherever they are.
pub struct World {
    kind: Kind,
    folder: Option<TempDir>,
    journal: Journal,
    backend: Arc<dyn Backend>,
}

impl World {
    /// An empty storage, open.
    pub fn new(kind: Kind) -> convostore::Result<Self> {
        let folder = match kind {
            Kind::Memory | Kind::Kept => None,
            Kind::Sqlite | Kind::SqliteReopened => Some(temporary_folder()),
        };
        let journal = Journal::default();
        let backend = open(kind, folder.as_ref(), &journal)?;
        Ok(Self {
            kind,
            folder,
            journal,
            backend,
        })
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The open backend.
    pub fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    /// One more handle on the same data: of memory the same backend, of a file a second one.
    pub fn second_handle(&self) -> convostore::Result<Arc<dyn Backend>> {
        match self.kind {
            Kind::Memory | Kind::Kept => Ok(self.backend()),
            Kind::Sqlite | Kind::SqliteReopened => {
                open(self.kind, self.folder.as_ref(), &self.journal)
            }
        }
    }

    /// Closes and opens again; nothing happens where nothing would be left.
    pub fn reopen(&mut self) -> convostore::Result<()> {
        if self.kind != Kind::Memory {
            self.backend.close()?;
            self.backend = open(self.kind, self.folder.as_ref(), &self.journal)?;
        }
        Ok(())
    }
}

/// A folder that is removed when it is dropped: in memory where the system has such a place, since what is tried here is
/// meaning and not the disk, and flushing is most of the time otherwise.
pub fn temporary_folder() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(in_memory)
    {
        return folder;
    }
    tempfile::tempdir().unwrap()
}

fn open(
    kind: Kind,
    folder: Option<&TempDir>,
    journal: &Journal,
) -> convostore::Result<Arc<dyn Backend>> {
    Ok(match (kind, folder) {
        (Kind::Kept, _) => {
            let records = journal.0.lock().unwrap().clone();
            let backend = MemoryBackend::with_keeper(Box::new(journal.clone()));
            backend.load(records)?;
            Arc::new(backend)
        }
        (Kind::Sqlite | Kind::SqliteReopened, Some(folder)) => {
            // What a power cut leaves is tried elsewhere; here flushing would only take time.
            let options = SqliteOptions::new().durability(Durability::Normal);
            Arc::new(SqliteBackend::open(
                folder.path().join("store.db"),
                options,
            )?)
        }
        _ => Arc::new(MemoryBackend::new()),
    })
}
