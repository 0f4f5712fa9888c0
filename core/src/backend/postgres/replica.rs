//! Reading at a replica, which follows the primary at some distance.
//!
//! Whatever goes wrong there, the primary is asked instead: its answer is never older, so a replica that is lost, restarted, behind a migration, or
//! that cancelled the statement for the sake of what it has to replay costs time and nothing else. One that could not be reached is left alone for
//! a while, so that not every read tries it first.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Timeouts};

use super::failure::Failure;
use super::flight::{Access, Answers};
use super::inner::Inner;
use super::query::Query;
use crate::lock;

/// How long a connection to it may take: the primary could have answered meanwhile.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long one that could not be reached is left alone.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Replica {
    inner: Inner,
    /// Until when it is left alone, where it could not be reached when it was last tried.
    rests_until: Mutex<Option<Instant>>,
}

impl Replica {
    pub(super) fn new(inner: Inner) -> Self {
        Self {
            inner,
            rests_until: Mutex::new(None),
        }
    }

    /// Looks once, when the store is opened: a replica that is not there is done without, one that refuses us is a mistake that should be told.
    pub(super) fn greet(&self) -> Result<(), Failure> {
        match self.connect() {
            Err(failure) if failure.is_refusal() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The answers of one transaction that reads; nothing where the primary is to be asked.
    pub(super) fn ask(
        &self,
        tenant: &str,
        queries: Vec<Query>,
    ) -> Result<Option<Answers>, Failure> {
        let Some(connection) = self.connection()? else {
            return Ok(None);
        };
        let limit = self.inner.wait_limit;
        let asked = self
            .inner
            .attempt(connection, Access::Read, tenant, queries, limit);
        match asked {
            Ok(answers) => Ok(Some(answers)),
            Err(failure) => self.failed(failure).map(|()| None),
        }
    }

    /// A connection to it; nothing where the primary is to be asked.
    pub(super) fn connection(&self) -> Result<Option<Arc<Object>>, Failure> {
        if !self.is_worth_trying() {
            return Ok(None);
        }
        match self.connect() {
            Ok(connection) => {
                *lock(&self.rests_until) = None;
                Ok(Some(Arc::new(connection)))
            }
            Err(failure) => self.failed(failure).map(|()| None),
        }
    }

    fn connect(&self) -> Result<Object, Failure> {
        self.inner.connect_within(Timeouts {
            wait: Some(self.inner.wait_limit),
            create: Some(CONNECT_LIMIT),
            recycle: Some(CONNECT_LIMIT),
        })
    }

    /// What a failure here comes to: the primary is asked instead, but where the time is up.
    pub(super) fn failed(&self, failure: Failure) -> Result<(), Failure> {
        if failure.is_final_for_reads() {
            return Err(failure);
        }
        if failure.spoils_connection() {
            *lock(&self.rests_until) = Some(Instant::now() + REST);
        }
        Ok(())
    }

    /// After a rest one read tries it, and the others go on asking the primary until it knows.
    fn is_worth_trying(&self) -> bool {
        let now = Instant::now();
        let mut rests_until = lock(&self.rests_until);
        match *rests_until {
            Some(end) if now < end => false,
            Some(_) => {
                *rests_until = Some(now + CONNECT_LIMIT);
                true
            }
            None => true,
        }
    }

    pub(super) fn close(&self) {
        self.inner.pool.close();
    }
}
