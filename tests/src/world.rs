//! The backends that everything is tried on, and how each is opened, closed and opened again.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use convostore::backend::Backend;
use convostore::backend::memory::{Keeper, MemoryBackend, Record};
use convostore::backend::postgres::{PostgresBackend, PostgresOptions};
use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::{Error, ErrorCode};
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
    /// In a PostgreSQL schema, on the server that `CONVOSTORE_TEST_POSTGRES_URL` names.
    Postgres,
}

/// The URL of the PostgreSQL server to test on; nothing where `CONVOSTORE_SKIP_POSTGRES` says that there is none, which is said aloud.
///
/// Panics where neither is set: what is not tried must not look as if it was.
pub fn postgres_url() -> Option<String> {
    if let Ok(url) = std::env::var("CONVOSTORE_TEST_POSTGRES_URL") {
        return Some(url);
    }
    assert!(
        std::env::var_os("CONVOSTORE_SKIP_POSTGRES").is_some(),
        "no PostgreSQL to test on: run under scripts/postgres.sh, set CONVOSTORE_TEST_POSTGRES_URL, or skip it with CONVOSTORE_SKIP_POSTGRES=1"
    );
    #[allow(clippy::print_stderr, reason = "what is not tried is said aloud")]
    {
        eprintln!("PostgreSQL was SKIPPED");
    }
    None
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [
        Self::Memory,
        Self::Kept,
        Self::Sqlite,
        Self::SqliteReopened,
        Self::Postgres,
    ];

    /// Those that can be had here.
    pub fn here() -> Vec<Kind> {
        let has_server = postgres_url().is_some();
        let mut kinds = Self::ALL.to_vec();
        kinds.retain(|kind| *kind != Self::Postgres || has_server);
        kinds
    }

    /// Its name in the names of tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Kept => "kept",
            Self::Sqlite => "sqlite",
            Self::SqliteReopened => "sqlite-reopened",
            Self::Postgres => "postgres",
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
    /// Nobody else's, on PostgreSQL.
    schema: String,
    backend: Arc<dyn Backend>,
}

impl World {
    /// An empty storage, open.
    pub fn new(kind: Kind) -> convostore::Result<Self> {
        let folder = match kind {
            Kind::Memory | Kind::Kept | Kind::Postgres => None,
            Kind::Sqlite | Kind::SqliteReopened => Some(temporary_folder()),
        };
        let journal = Journal::default();
        let schema = fresh_schema();
        let backend = open(kind, folder.as_ref(), &journal, &schema)?;
        Ok(Self {
            kind,
            folder,
            journal,
            schema,
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
            Kind::Sqlite | Kind::SqliteReopened | Kind::Postgres => self.open(),
        }
    }

    fn open(&self) -> convostore::Result<Arc<dyn Backend>> {
        open(self.kind, self.folder.as_ref(), &self.journal, &self.schema)
    }

    /// Closes and opens again; nothing happens where nothing would be left.
    pub fn reopen(&mut self) -> convostore::Result<()> {
        if self.kind != Kind::Memory {
            self.backend.close()?;
            self.backend = self.open()?;
        }
        Ok(())
    }

    /// Opens what a process leaves that dies now: of a file, the database and its WAL as they are, with nothing closed.
    pub fn crash(&mut self) -> convostore::Result<()> {
        if let Some(folder) = &self.folder {
            let left = temporary_folder();
            for name in ["store.db", "store.db-wal"] {
                let there = folder.path().join(name);
                if there.exists() {
                    std::fs::copy(there, left.path().join(name)).map_err(|error| {
                        Error::new(ErrorCode::Storage, "a file cannot be copied").with_source(error)
                    })?;
                }
            }
            self.folder = Some(left);
        }
        if self.kind != Kind::Memory {
            self.backend = self.open()?;
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

/// A schema's name that no other test has.
fn fresh_schema() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("test_{}_{}_{count}", now.as_millis(), std::process::id())
}

fn open(
    kind: Kind,
    folder: Option<&TempDir>,
    journal: &Journal,
    schema: &str,
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
        (Kind::Postgres, _) => {
            let options = PostgresOptions::new().schema(schema).max_connections(4);
            let url = postgres_url().unwrap();
            Arc::new(PostgresBackend::connect(&url, &options)?)
        }
        _ => Arc::new(MemoryBackend::new()),
    })
}
