//! Prepared writes: alone, and behind an adapter that keeps each at once, which keeps the contract.

use std::path::Path;

use super::*;
use crate::backend::{MessageFilter, ReadTransaction, Started, WriteWork};
use crate::model::Erasure;

/// Commits each write as soon as it is prepared, as a keeper that never fails would.
#[derive(Debug)]
struct AtOnce {
    inner: MemoryBackend,
    /// Prepare, keep and commit are one step, as the lock around a JavaScript store makes them.
    one: Mutex<()>,
}

impl AtOnce {
    fn keep<T>(&self, write: impl FnOnce() -> Result<T>) -> Result<T> {
        let _one = lock(&self.one);
        let outcome = write()?;
        self.inner.commit_pending()?;
        Ok(outcome)
    }
}

impl Backend for AtOnce {
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started> {
        self.keep(|| self.inner.start_session(tenant, start))
    }

    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended> {
        self.keep(|| self.inner.append(tenant, append))
    }

    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        self.inner.session(tenant, lookup)
    }

    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        self.inner.sessions(tenant, filter)
    }

    fn messages(
        &self,
        tenant: &str,
        id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        self.inner.messages(tenant, id, filter)
    }

    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()> {
        self.inner.read(tenant, work)
    }

    fn write(&self, tenant: &str, work: WriteWork) -> Result<()> {
        self.keep(|| self.inner.write(tenant, work))
    }

    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        self.keep(|| self.inner.write_alone(tenant, work))
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

struct Prepared;

impl Fixture for Prepared {
    fn fresh(&self) -> Arc<dyn Backend> {
        Arc::new(AtOnce {
            inner: MemoryBackend::prepared(),
            one: Mutex::new(()),
        })
    }

    fn reopen(&self, _: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        None
    }
}

#[test]
fn prepared_memory_keeps_the_contract() {
    run_contract(&Prepared);
}

#[test]
fn a_prepared_write_is_invisible_until_it_is_committed() {
    let backend = MemoryBackend::prepared();
    assert_eq!(backend.pending(), None);
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    let find = || backend.session("t", Lookup::Id("one")).unwrap();
    assert_eq!(find(), None);
    let records = backend.pending().unwrap();
    assert_eq!(
        backend.pending().unwrap(),
        records,
        "asking does not take them"
    );
    assert!(backend.commit_pending().unwrap());
    assert!(find().is_some());
    assert_eq!(backend.pending(), None);
    assert!(!backend.commit_pending().unwrap());
    assert_eq!(snapshot(&backend), records);
}

#[test]
fn while_one_write_waits_others_are_busy() {
    let backend = MemoryBackend::prepared();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    let refused = backend
        .start_session("u", start("two", "a", "{}"))
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Busy);
    assert!(refused.message().contains("commit_pending"));
    assert_eq!(backend.load([]).unwrap_err().code(), ErrorCode::Busy);
    assert!(backend.abort_pending());
    assert!(!backend.abort_pending());
    assert!(!backend.commit_pending().unwrap());
    assert_eq!(backend.session("t", Lookup::Id("one")).unwrap(), None);
    backend.start_session("u", start("two", "a", "{}")).unwrap();
    assert!(backend.commit_pending().unwrap());
    assert!(backend.session("u", Lookup::Id("two")).unwrap().is_some());
}

#[test]
fn a_failed_or_empty_write_leaves_nothing_pending() {
    let backend = MemoryBackend::prepared();
    let given_up = || Error::new(ErrorCode::Storage, "given up by the test");
    let refused = backend.write_alone("t", &mut |tx| {
        tx.start_session(&start("one", "a", "{}"))?;
        Err(given_up())
    });
    assert!(refused.is_err());
    assert_eq!(backend.pending(), None);
    backend
        .append("t", to_append("absent", Content::text("x")))
        .unwrap();
    assert_eq!(backend.pending(), None);
}

#[test]
fn closing_drops_what_waits() {
    let backend = MemoryBackend::prepared();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    backend.close().unwrap();
    assert_eq!(backend.pending(), None);
    assert_eq!(
        backend.commit_pending().unwrap_err().code(),
        ErrorCode::Closed
    );
    assert_eq!(backend.load([]).unwrap_err().code(), ErrorCode::Closed);
}
