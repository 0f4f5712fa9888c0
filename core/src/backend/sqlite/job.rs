//! Work that can wait in the queue and be done by another thread.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::Connection;

use super::error::{SqliteError, SqliteResult};
use super::transaction::Transaction;
use super::writer::{Ran, in_savepoint};
use super::{append, sessions};
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
    AppendedEach(Vec<Appended>),
}

impl Job {
    /// Does it, in an open transaction. May be called again when that is lost.
    pub(super) fn run(&mut self, conn: &Connection) -> SqliteResult<Outcome> {
        match self {
            Self::One { tenant, task } => task.run(conn, tenant),
            Self::AppendEach(appends) => append_each(conn, appends).map(Outcome::AppendedEach),
        }
    }

    /// Does it as one of several in an open transaction: if it fails, it alone is undone. An error where the whole transaction is lost, so that
    /// each has to be done in one of its own.
    pub(super) fn run_in_group(&mut self, conn: &Connection) -> SqliteResult<Ran<Outcome>> {
        if self.may_fail() {
            return in_savepoint(conn, |conn| self.run(conn));
        }
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(conn)));
        let lost =
            SqliteError::Unsuitable("a write that others shared a transaction with panicked");
        ran.unwrap_or(Err(lost)).map(|done| Ok(Ok(done)))
    }

    /// Whether it fails for reasons of its own. A row operation does so only where SQLite fails; that may cost all the transaction, and spares
    /// each a savepoint, for which SQLite copies every page that is changed behind it.
    fn may_fail(&self) -> bool {
        match self {
            Self::One { task, .. } => matches!(task, Task::Work(_)),
            Self::AppendEach(_) => false,
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

fn append_each(conn: &Connection, appends: &[WaitingAppend]) -> SqliteResult<Vec<Appended>> {
    let one = |it: &WaitingAppend| append::append(conn, &it.tenant, &it.append);
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
