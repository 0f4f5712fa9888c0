//! Work that can wait in the queue and be done by another thread.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::{SqliteError, SqliteResult};
use super::transaction::Transaction;
use super::{append, sessions, writer};
use crate::backend::{
    Append, Appended, StartSession, Started, WaitingAppend, WriteTransaction, WriteWork,
};

/// A write, with all that it needs.
pub(super) enum Job {
    /// One.
    One { tenant: String, task: Task },
    /// Several, each for itself, but all in one transaction: either they are all done, or none.
    AppendEach(Vec<WaitingAppend>),
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
    AppendedEach(Vec<SqliteResult<Appended>>),
}

impl Job {
    /// Does it, in an open transaction. May be called again when that is lost.
    pub(super) fn run(&mut self, conn: &Connection) -> SqliteResult<Outcome> {
        match self {
            Self::One { tenant, task } => task.run(conn, tenant),
            Self::AppendEach(appends) => append_each(conn, appends).map(Outcome::AppendedEach),
        }
    }
}

impl Task {
    fn run(&mut self, conn: &Connection, tenant: &str) -> SqliteResult<Outcome> {
        match self {
            Self::Start(start) => sessions::start(conn, tenant, start)
                .map(|started| Outcome::Started(Box::new(started))),
            Self::Append(append) => append::append(conn, tenant, append).map(Outcome::Appended),
            Self::Work(work) => run_work(conn, tenant, work).map(|()| Outcome::Worked),
        }
    }
}

/// Each in its savepoint. An error where the whole transaction was lost.
fn append_each(
    conn: &Connection,
    appends: &[WaitingAppend],
) -> SqliteResult<Vec<SqliteResult<Appended>>> {
    let one = |it: &WaitingAppend| {
        writer::in_group(conn, |conn| append::append(conn, &it.tenant, &it.append))
            .map(|ran| ran.unwrap_or_else(|panic| resume_unwind(panic)))
    };
    appends.iter().map(one).collect()
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
