//! A backend that fails when told.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::backend::{
    Append, Appended, Backend, Lookup, MessageFilter, ReadTransaction, SessionFilter, SessionRow,
    StartSession, Started, WaitingAppend, WriteTransaction, WriteWork,
};
use crate::error::{Error, ErrorCode, Result};
use crate::lock;
use crate::model::{Erasure, Message};

/// Where a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailAt {
    /// Before anything is done: nothing happened.
    Start,
    /// After the work was run, which is rolled back: nothing happened, but the work ran.
    Commit,
    /// After the commit: it happened, though the caller is told otherwise (`unknown_outcome`, say).
    Acknowledgement,
}

/// Hands everything to another backend, but fails the writes that it is told to.
#[derive(Debug)]
pub struct FailingBackend {
    inner: Arc<dyn Backend>,
    plan: Mutex<Option<Plan>>,
}

#[derive(Debug)]
struct Plan {
    writes_before: u64,
    at: FailAt,
    code: ErrorCode,
}

impl FailingBackend {
    /// A backend that does not fail yet.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self {
            inner,
            plan: Mutex::new(None),
        }
    }

    /// Lets `writes_before` more writes pass, fails the one after them with `code`, and lets all others pass again.
    pub fn fail(&self, writes_before: u64, at: FailAt, code: ErrorCode) {
        *lock(&self.plan) = Some(Plan {
            writes_before,
            at,
            code,
        });
    }

    /// Whether a failure is planned that has not come yet.
    pub fn is_armed(&self) -> bool {
        lock(&self.plan).is_some()
    }

    /// Where and how the present write fails, if it does.
    fn due(&self) -> Option<(FailAt, Error)> {
        let mut plan = lock(&self.plan);
        match &mut *plan {
            Some(due) if due.writes_before > 0 => {
                due.writes_before -= 1;
                None
            }
            _ => plan.take().map(|due| {
                (
                    due.at,
                    Error::new(due.code, "the test made this write fail"),
                )
            }),
        }
    }

    /// A hot path, failed as planned. A rolled back one is run on a transaction that is given up.
    fn run<T>(
        &self,
        tenant: &str,
        go: impl FnOnce(&dyn Backend) -> Result<T>,
        mut work: impl FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<T> {
        let Some((at, error)) = self.due() else {
            return go(&*self.inner);
        };
        match at {
            FailAt::Start => {}
            FailAt::Commit => self.roll_back(tenant, &mut work)?,
            FailAt::Acknowledgement => drop(go(&*self.inner)?),
        }
        Err(error)
    }

    fn roll_back(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        let mut own = Ok(());
        let rolled_back = self.inner.write_alone(tenant, &mut |transaction| {
            own = work(transaction);
            Err(Error::new(ErrorCode::Storage, "rolled back by the test"))
        });
        assert!(
            rolled_back.is_err(),
            "a failed write was reported as a success"
        );
        own
    }
}

impl Backend for FailingBackend {
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started> {
        let rows = Arc::clone(&start);
        self.run(
            tenant,
            |inner| inner.start_session(tenant, start),
            |transaction| transaction.start_session(&rows).map(drop),
        )
    }

    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended> {
        let rows = Arc::clone(&append);
        self.run(
            tenant,
            |inner| inner.append(tenant, append),
            |transaction| transaction.append(&rows).map(drop),
        )
    }

    /// Together where no failure is planned; else one by one, of which each counts as a write.
    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>> {
        if !self.is_armed() {
            return self.inner.append_each(appends);
        }
        let one = |it: WaitingAppend| self.append(&it.tenant, it.append);
        appends.into_iter().map(one).collect()
    }

    fn has_one_writer(&self) -> bool {
        self.inner.has_one_writer()
    }

    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        self.inner.session(tenant, lookup)
    }

    fn message_count(&self, tenant: &str, session_id: &str) -> Result<Option<u64>> {
        self.inner.message_count(tenant, session_id)
    }

    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        self.inner.sessions(tenant, filter)
    }

    fn messages(
        &self,
        tenant: &str,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        self.inner.messages(tenant, session_id, filter)
    }

    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()> {
        self.inner.read(tenant, work)
    }

    fn write(&self, tenant: &str, mut work: WriteWork) -> Result<()> {
        match self.due() {
            None => self.inner.write(tenant, work),
            Some((FailAt::Start, error)) => Err(error),
            Some((FailAt::Commit, error)) => {
                self.roll_back(tenant, &mut *work)?;
                Err(error)
            }
            Some((FailAt::Acknowledgement, error)) => {
                self.inner.write(tenant, work)?;
                Err(error)
            }
        }
    }

    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        match self.due() {
            None => self.inner.write_alone(tenant, work),
            Some((FailAt::Start, error)) => Err(error),
            Some((FailAt::Commit, error)) => {
                self.roll_back(tenant, work)?;
                Err(error)
            }
            Some((FailAt::Acknowledgement, error)) => {
                self.inner.write_alone(tenant, work)?;
                Err(error)
            }
        }
    }

    fn erase(&self) -> Result<Erasure> {
        self.inner.erase()
    }

    fn check(&self) -> Result<Vec<String>> {
        self.inner.check()
    }

    fn backup(&self, path: &Path) -> Result<()> {
        self.inner.backup(path)
    }

    fn size(&self) -> Result<Option<u64>> {
        self.inner.size()
    }

    fn close(&self) -> Result<()> {
        self.inner.close()
    }
}
