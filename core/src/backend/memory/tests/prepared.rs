//! Prepared writes: alone, and behind an adapter that keeps each at once, which keeps the contract.

use std::path::Path;

use super::*;
use crate::backend::{MessageFilter, ReadTransaction, Started, WaitingAppend, WriteWork};
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

    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>> {
        let one = |it: WaitingAppend| self.append(&it.tenant, it.append);
        appends.into_iter().map(one).collect()
    }

    fn has_one_writer(&self) -> bool {
        true
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
    backend.pending().unwrap();
    let refused = backend.start_session("t", start("three", "a", "{}"));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Busy, "it was taken");
    assert!(backend.abort_pending());
    assert!(!backend.abort_pending());
    assert!(!backend.commit_pending().unwrap());
    assert_eq!(backend.session("t", Lookup::Id("one")).unwrap(), None);
    backend.start_session("u", start("two", "a", "{}")).unwrap();
    assert!(backend.commit_pending().unwrap());
    assert!(backend.session("u", Lookup::Id("two")).unwrap().is_some());
}

#[test]
fn writes_join_the_one_that_waits_and_see_it() {
    let alone = MemoryBackend::prepared();
    let together = MemoryBackend::prepared();
    for (backend, at_once) in [(&alone, true), (&together, false)] {
        let keep = || {
            backend.pending().unwrap();
            backend.commit_pending().unwrap();
        };
        backend.start_session("t", start("one", "a", "{}")).unwrap();
        let same = backend.start_session("t", start("one", "a", "{}")).unwrap();
        assert!(matches!(same, Started::IdTaken), "it sees the one before");
        for number in 1..=3 {
            if at_once {
                keep();
            }
            let text = Content::text(format!("message {number}"));
            let appended = backend.append("t", to_append("one", text)).unwrap();
            assert!(matches!(appended, Appended::Saved(_)));
        }
        if !at_once {
            assert_eq!(count(backend), 0, "nothing is to be seen yet");
        }
        keep();
    }
    assert_eq!(snapshot(&together), snapshot(&alone));
}

#[test]
fn one_that_joins_and_fails_drops_all_to_be_made_again() {
    let backend = MemoryBackend::prepared();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    let refused = backend.write_alone("t", &mut |tx| {
        tx.delete_session("one")?;
        Err(Error::new(ErrorCode::Storage, "given up by the test"))
    });
    assert!(refused.is_err());
    assert_eq!(backend.pending(), None);
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    assert!(backend.commit_pending().unwrap());
    assert!(backend.session("t", Lookup::Id("one")).unwrap().is_some());
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
