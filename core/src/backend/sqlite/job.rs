//! Work that can wait in the queue and be done by another thread.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::{SqliteError, SqliteResult};
use super::transaction::Transaction;
use super::{append, sessions};
use crate::backend::{Append, Appended, StartSession, Started, WriteTransaction, WriteWork};

/// A write, with all that it needs.
pub(super) struct Job {
    pub(super) tenant: String,
    pub(super) task: Task,
}

pub(super) enum Task {
    Start(Arc<StartSession>),
    Append(Arc<Append>),
    Work(WriteWork),
}

/// The result of the task of the same name.
#[derive(Debug)]
pub(super) enum Outcome {
    Started(Box<Started>),
    Appended(Appended),
    Worked,
}

impl Job {
    /// Does it, in an open transaction. May be called again when that is lost.
    pub(super) fn run(&mut self, conn: &Connection) -> SqliteResult<Outcome> {
        match &mut self.task {
            Task::Start(start) => sessions::start(conn, &self.tenant, start)
                .map(|started| Outcome::Started(Box::new(started))),
            Task::Append(append) => {
                append::append(conn, &self.tenant, append).map(Outcome::Appended)
            }
            Task::Work(work) => run_work(conn, &self.tenant, work).map(|()| Outcome::Worked),
        }
    }
}

/// Runs a closure in an open transaction. Where one of its writes failed, the transaction fails, whatever the closure says.
pub(super) fn run_work(
    conn: &Connection,
    tenant: &str,
    work: &mut dyn FnMut(&mut dyn WriteTransaction) -> crate::error::Result<()>,
) -> SqliteResult<()> {
    let mut transaction = Transaction::new(conn, tenant);
    work(&mut transaction)?;
    if transaction.has_failed() {
        return Err(SqliteError::Unsuitable(
            "a write in this transaction failed, so nothing of it was kept",
        ));
    }
    Ok(())
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}
