//! The backend on SQLite: one file, any number of processes.
//!
//! WAL mode, one writer per process behind a queue, `BEGIN IMMEDIATE` for every write, readers beside it. The file and those
//! that SQLite puts beside it can be read and written by their owner only.
//!
//! Keep other programs' hands off the file while it is open, above all those in the same process: on POSIX systems, closing any
//! descriptor of it drops SQLite's locks. On Linux this is noticed (`lock_lost`, or work done again)
//! and harms no process of this crate; a program that writes the file without this crate at such a moment is harmed, and harms.

mod append;
mod contexts;
mod database;
mod each;
mod error;
pub mod fork;
mod guard;
mod job;
mod lifecycles;
mod maintenance;
mod messages;
mod migrate;
mod open;
mod options;
mod place;
#[cfg(test)]
mod plans;
mod queue;
mod readers;
mod registry;
mod sessions;
#[cfg(test)]
mod statements;
mod transaction;
mod values;
mod writer;

use std::mem;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

pub use options::{Durability, SqliteOptions};

use self::database::Database;
use self::error::{SqliteError, SqliteResult};
use self::job::{Job, Outcome, Task};
use self::registry::Handle;
use self::transaction::Transaction;
use self::writer::Ran;
use super::{
    Append, Appended, Backend, Lookup, MessageFilter, ReadTransaction, SessionFilter, SessionRow,
    StartSession, Started, WaitingAppend, WriteTransaction, WriteWork,
};
use crate::error::{Error, Result};
use crate::model::{Erasure, Message};

/// A store in an SQLite database file.
///
/// All handles of one process on one file share the connections. After a fork that was prepared (see [`fork`]) a child opens the
/// file anew; the handles it inherited answer `forked`.
#[derive(Debug)]
pub struct SqliteBackend {
    /// Work holds it for reading, closing for writing: so closing waits for work, and nothing begins after it.
    handle: RwLock<Option<Handle>>,
    /// Set before closing waits: what begins meanwhile is refused at once, it does not wait behind work that may take long.
    is_closing: AtomicBool,
    pid: u32,
    wait: Duration,
}

impl SqliteBackend {
    /// Opens the database at `path`, which is never read as a URI. A missing file is made, with the folders above it.
    ///
    /// Errors: `unsupported_schema` where the file is of another program or a newer version — it is left as it is —, `corrupted`
    /// where it is no database, `permission_denied` or `read_only` where it cannot be opened, made or written, `busy` where
    /// others hold it for longer than the wait limit.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a builder's result, made for this call"
    )]
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self> {
        let handle = Handle::open(path.as_ref(), &options)?;
        Ok(Self {
            handle: RwLock::new(Some(handle)),
            is_closing: AtomicBool::new(false),
            pid: std::process::id(),
            wait: options.wait_limit,
        })
    }

    /// Runs `work` with the database, unless this handle is closed or of another process.
    fn with<T>(&self, work: impl FnOnce(&Database) -> SqliteResult<T>) -> Result<T> {
        self.check_process()?;
        let handle = self.to_work().ok_or_else(Error::closed)?;
        let database = handle.as_ref().and_then(Handle::database);
        Ok(work(database.ok_or_else(Error::closed)?)?)
    }

    /// Keeps the handle open for work, unless it is closed or about to be.
    fn to_work(&self) -> Option<RwLockReadGuard<'_, Option<Handle>>> {
        if self.is_closing.load(Ordering::Acquire) {
            return None;
        }
        match self.handle.try_read() {
            Ok(handle) => Some(handle),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            // Only closing holds it for writing, or waits to.
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Why [`SqliteBackend::with`] does not work any more.
    fn refusal(&self) -> Error {
        let other_process = self.check_process().err();
        other_process.map_or_else(Error::closed, Error::from)
    }

    fn check_process(&self) -> SqliteResult<()> {
        if std::process::id() == self.pid {
            Ok(())
        } else {
            Err(SqliteError::Forked)
        }
    }

    /// Does a job: at once and on this thread where nobody else writes, in line otherwise.
    fn write_now_or_in_line<T>(
        &self,
        now: impl FnMut(&Connection) -> SqliteResult<T>,
        in_line: impl FnOnce() -> Job,
        outcome: impl FnOnce(Outcome) -> Option<T>,
    ) -> Result<T> {
        self.with(|database| {
            let deadline = Instant::now() + self.wait;
            if let Some(turn) = database.try_turn() {
                return or_panic(turn, |turn| database.transact(turn, deadline, now));
            }
            let done = or_panic((), |()| database.submit(in_line(), deadline))?;
            outcome(done).ok_or(SqliteError::Unsuitable("a result of another kind of write"))
        })
    }
}

/// Runs something with the turn, gives the turn back, and goes on panicking if a caller's closure did.
fn or_panic<G, T>(turn: G, run: impl FnOnce(&G) -> Ran<T>) -> SqliteResult<T> {
    let ran = run(&turn);
    drop(turn);
    ran.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Backend for SqliteBackend {
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started> {
        // Mostly there is one to continue, and then nothing is written: no need to wait for the writer.
        if start.find != super::Continue::Never {
            let continued = self.with(|database| {
                database.read(self.wait, |conn| sessions::continued(conn, tenant, &start))
            })?;
            if let Some(row) = continued {
                return Ok(Started::Continued(row));
            }
        }
        self.write_now_or_in_line(
            |conn| sessions::start(conn, tenant, &start),
            || Job::One {
                tenant: tenant.to_owned(),
                task: Task::Start(Arc::clone(&start)),
            },
            |outcome| match outcome {
                Outcome::Started(started) => Some(*started),
                _ => None,
            },
        )
    }

    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended> {
        self.write_now_or_in_line(
            |conn| append::append(conn, tenant, &append),
            || Job::One {
                tenant: tenant.to_owned(),
                task: Task::Append(Arc::clone(&append)),
            },
            |outcome| match outcome {
                Outcome::Appended(appended) => Some(appended),
                _ => None,
            },
        )
    }

    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>> {
        let count = appends.len();
        let done = self.with(|database| Ok(each::append_each(database, self.wait, appends)));
        done.unwrap_or_else(|_| (0..count).map(|_| Err(self.refusal())).collect())
    }

    fn has_one_writer(&self) -> bool {
        true
    }

    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        self.with(|database| database.read(self.wait, |conn| sessions::find(conn, tenant, lookup)))
    }

    fn message_count(&self, tenant: &str, session_id: &str) -> Result<Option<u64>> {
        self.with(|database| {
            database.read(self.wait, |conn| {
                sessions::message_count(conn, tenant, session_id)
            })
        })
    }

    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        self.with(|database| database.read(self.wait, |conn| sessions::list(conn, tenant, filter)))
    }

    fn messages(
        &self,
        tenant: &str,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        self.with(|database| {
            database.read(self.wait, |conn| {
                messages::list(conn, tenant, session_id, filter)
            })
        })
    }

    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()> {
        self.with(|database| {
            database.read_alone(self.wait, |conn| {
                conn.prepare_cached("BEGIN")?.execute([])?;
                // It ends when the connection goes back. A COMMIT here could fail over damage that `work` has passed over.
                Ok(work(&mut Transaction::new(conn, tenant))?)
            })
        })
    }

    fn write(&self, tenant: &str, work: WriteWork) -> Result<()> {
        self.with(|database| {
            let job = Job::One {
                tenant: tenant.to_owned(),
                task: Task::Work(work),
            };
            let deadline = Instant::now() + self.wait;
            or_panic((), |()| database.submit(job, deadline))?;
            Ok(())
        })
    }

    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        self.with(|database| {
            let deadline = Instant::now() + self.wait;
            or_panic(database.turn(deadline)?, |turn| {
                database.transact_alone(turn, deadline, |conn| job::run_work(conn, tenant, work))
            })
        })
    }

    fn erase(&self) -> Result<Erasure> {
        self.with(|database| maintenance::erase(database, self.wait))
    }

    fn check(&self) -> Result<Vec<String>> {
        self.with(|database| database.read(self.wait, maintenance::check))
    }

    fn backup(&self, path: &Path) -> Result<()> {
        self.with(|database| maintenance::backup(database, path, self.wait))
    }

    fn size(&self) -> Result<Option<u64>> {
        self.with(|database| {
            database.read(self.wait, |conn| {
                maintenance::size(conn, &database.place.path).map(Some)
            })
        })
    }

    fn close(&self) -> Result<()> {
        self.check_process()?;
        self.is_closing.store(true, Ordering::Release);
        let handle = self
            .handle
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(handle);
        Ok(())
    }
}

impl Drop for SqliteBackend {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // The connections are the parent's. Closing them here would remove its WAL or its locks.
            let handle = self
                .handle
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            mem::forget(handle.take());
        }
    }
}
