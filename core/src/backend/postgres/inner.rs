//! What the backend and its transactions share: connections, and the loop that tries again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool, Timeouts};
use tokio::time::timeout;

use super::cancel::Canceller;
use super::driver::{Driver, catch_up};
use super::failure::Failure;
use super::flight::{Access, Answers, Flight, Setting};
use super::patience::Patience;
use super::query::{Query, Schema};
use crate::error::Result;

/// How much longer than its own limit a statement may stay unanswered before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(5);

/// So that of two limits that end together the inner one is first.
const SLACK: Duration = Duration::from_millis(50);

/// One server, and how it is spoken to.
pub(super) struct Inner {
    pub(super) driver: Arc<Driver>,
    pub(super) pool: Pool,
    pub(super) canceller: Canceller,
    pub(super) schema: Schema,
    pub(super) wait_limit: Duration,
    pub(super) prepared: bool,
}

impl Inner {
    /// Runs statements as one transaction in one flush, again and again until they are through.
    ///
    /// `queries` is told whether it was overtaken before; `read` gives nothing where it was now. With `settles`, running it again shows
    /// what became of an attempt whose outcome is unknown.
    pub(super) fn transact<T>(
        &self,
        access: Access,
        tenant: &str,
        settles: bool,
        mut queries: impl FnMut(bool) -> Result<Vec<Query>>,
        mut read: impl FnMut(&Answers) -> Result<Option<T>>,
    ) -> Result<T> {
        let mut patience = Patience::new(self.wait_limit);
        let mut is_open = false;
        loop {
            let queries = queries(patience.was_overtaken())?;
            let connected = self.connect(&mut patience);
            let attempted = connected.and_then(|connection| {
                self.attempt(connection, access, tenant, queries, patience.left())
            });
            let again = match attempted {
                Ok(answers) => match read(&answers)? {
                    Some(outcome) => return Ok(outcome),
                    None => patience.overtaken(),
                },
                Err(Failure::Unknown) if settles => {
                    is_open = true;
                    patience.after(Failure::Lost)
                }
                Err(failure) if failure.is_double() => patience.overtaken(),
                Err(failure) => patience.after(failure),
            };
            // An earlier attempt may have been made, so a later one's failure does not say that nothing was.
            again.map_err(|failure| if is_open { Failure::Unknown } else { failure })?;
        }
    }

    /// Runs statements as one transaction in one flush, once.
    pub(super) fn attempt(
        &self,
        connection: Arc<Object>,
        access: Access,
        tenant: &str,
        queries: Vec<Query>,
        limit: Duration,
    ) -> Result<Answers, Failure> {
        let setting = Setting {
            tenant: tenant.to_owned(),
            limit,
        };
        let flight = Flight {
            begin: Some((access, setting)),
            queries,
            commit: true,
            prepared: self.prepared,
        };
        self.fly(Arc::clone(&connection), flight)
            .map_err(|failure| {
                if failure.spoils_connection() {
                    discard(connection);
                }
                match failure {
                    // A read has no outcome that could be unknown.
                    Failure::Unknown if access != Access::Write => Failure::Lost,
                    failure => failure,
                }
            })
    }

    /// A connection that is open as far as can be known without asking.
    pub(super) fn connect(&self, patience: &mut Patience) -> Result<Arc<Object>, Failure> {
        let mut before = None;
        loop {
            let failure = match self.connect_once(patience.left()) {
                Ok(connection) => return Ok(Arc::new(connection)),
                // Cut short by the limit itself: what was in the way is what the attempt before it met.
                Err(Failure::Silent) if patience.is_over() => before.unwrap_or(Failure::Silent),
                Err(failure) => failure,
            };
            before = Some(failure.clone());
            patience.after(failure)?;
        }
    }

    /// As [`Inner::connect`], but a server that is not there is not waited for.
    pub(super) fn connect_once(&self, limit: Duration) -> Result<Object, Failure> {
        self.connect_within(Timeouts {
            wait: Some(limit),
            create: Some(limit),
            recycle: Some(limit),
        })
    }

    pub(super) fn connect_within(&self, timeouts: Timeouts) -> Result<Object, Failure> {
        let pool = self.pool.clone();
        // Each of its steps has a limit of its own, whose end tells more; all of them together may take no longer.
        let limit = timeouts
            .wait
            .max(timeouts.create)
            .unwrap_or(self.wait_limit);
        let limit = limit.saturating_add(SLACK);
        // A connection that comes when nobody waits for it goes to the pool.
        self.driver.run_while_wanted(
            async move {
                catch_up().await;
                let got = timeout(limit, pool.timeout_get(&timeouts)).await;
                Ok(got.map_err(|_| Failure::Silent)??)
            },
            || Some(Failure::Unwanted),
        )
    }

    pub(super) fn fly(&self, connection: Arc<Object>, flight: Flight) -> Result<Answers, Failure> {
        let begun = flight.begin.as_ref().map(|(_, setting)| setting.limit);
        let limit = begun.unwrap_or(self.wait_limit).saturating_add(GRACE);
        let commits = flight.commit;
        let (token, late) = (connection.cancel_token(), connection.cancel_token());
        let canceller = self.canceller.clone();
        let flown = async move {
            let mut flying = pin!(flight.fly(&connection));
            if let Ok(answers) = timeout(limit, &mut flying).await {
                return answers;
            }
            // The server should have spoken long ago. It is not to work on for nobody; and what it breaks off was not done.
            let asking = tokio::spawn(canceller.cancel(late));
            let answered = timeout(GRACE, flying).await;
            // A connection that is used again must not be met by it.
            let _ = asking.await;
            match answered {
                // This connection is not used again either.
                Ok(Err(failure)) if failure.is_broken_off() => Err(Failure::Busy),
                Ok(answers) => answers,
                Err(_) if commits => Err(Failure::Unknown),
                Err(_) => Err(Failure::Busy),
            }
        };
        // Asked to break off, the server still says what became of it: that it did, or that it was done already.
        let mut is_unwanted = false;
        let answers = self.driver.run_while_wanted(flown, || {
            is_unwanted = true;
            let canceller = self.canceller.clone();
            let _ = self.driver.run(async move {
                canceller.cancel(token).await;
                Ok(())
            });
            None
        });
        match answers {
            // The connection is not used again: a late request would meet the next who has it.
            Err(failure) if is_unwanted && failure.is_broken_off() => Err(Failure::Unwanted),
            answers => answers,
        }
    }

    /// Runs what the server keeps no time for: `busy` at the limit, or where it is wanted no longer. The connection is not used again then.
    pub(super) fn run_within<T: Send + 'static>(
        &self,
        connection: &Object,
        limit: Duration,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let (token, late) = (connection.cancel_token(), connection.cancel_token());
        let canceller = self.canceller.clone();
        let bounded = async move {
            if let Ok(answer) = timeout(limit, task).await {
                return answer;
            }
            canceller.cancel(late).await;
            Err(Failure::Busy)
        };
        self.driver.run_while_wanted(bounded, || {
            let canceller = self.canceller.clone();
            let _ = self.driver.run(async move {
                canceller.cancel(token).await;
                Ok(())
            });
            Some(Failure::Unwanted)
        })
    }

    /// Ends a transaction that was not committed, and gives its connection back if it is of use.
    pub(super) fn give_back(
        &self,
        connection: Arc<Object>,
        writes: bool,
        failure: Option<&Failure>,
    ) {
        if failure.is_some_and(Failure::spoils_connection) {
            discard(connection);
            return;
        }
        let ending = async move {
            let ended = timeout(GRACE, connection.batch_execute("ROLLBACK")).await;
            if !matches!(ended, Ok(Ok(()))) {
                discard(connection);
            }
            Ok(())
        };
        if writes {
            // Its locks are gone when its caller goes on. Where this fails, the connection is gone, and they with it.
            let _ = self.driver.run(ending);
        } else {
            self.driver.leave(ending);
        }
    }
}

/// Closes it instead of giving it back.
pub(super) fn discard(connection: Arc<Object>) {
    if let Ok(connection) = Arc::try_unwrap(connection) {
        drop(Object::take(connection));
    }
}
