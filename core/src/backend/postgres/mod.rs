//! The backend that keeps everything in PostgreSQL, for workers on many machines.

mod cancel;
mod config;
mod driver;
mod failure;
mod flight;
mod gate;
mod inner;
mod migrate;
mod options;
mod patience;
mod pending;
mod query;
mod replica;
mod row;
mod statements;
mod tls;
mod transaction;
mod upkeep;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use options::PostgresOptions;

use driver::{Driver, catch_up};
use failure::Failure;
use flight::{Access, Answers};
use gate::{Gate, Inside};
use inner::Inner;
use patience::Patience;
use query::{Query, Schema};
use replica::Replica;
use statements::{append, lists, messages, sessions, start};
use transaction::Transaction;

use super::{
    Append, Appended, Backend, Lookup, MessageFilter, ReadTransaction, SessionFilter, SessionRow,
    StartSession, Started, WaitingAppend, WriteTransaction, WriteWork,
};
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Erasure, Message};

/// All rows in a PostgreSQL database, shared by any number of processes and machines.
///
/// An append, a get-or-create, a resume, a load and a list are each one statement, sent in one flush with the beginning of its transaction,
/// the tenant's setting and the commit. Writers of different sessions do not wait for each other; those of one session are ordered by its row.
/// Deadlocks, serialisation failures and connections lost before the commit are tried again until the wait limit; one lost *during* the commit
/// is `unknown_outcome`, unless every row of an append has a dedup key: then running it again settles it.
///
/// Row-level security is forced on every table, and every transaction is set for its tenant: a role that is not a superuser sees no row of
/// another tenant, nor any without a setting.
///
/// Calls block their thread, and may be made from any; the one that waits drives the connections, or, inside tokio's runtimes, a thread of the backend's own.
#[derive(Clone)]
pub struct PostgresBackend {
    shared: Arc<Shared>,
    /// Whether it reads at the replica, where there is one.
    reads_at_replica: bool,
}

struct Shared {
    primary: Inner,
    replica: Option<Replica>,
    gate: Gate,
}

impl PostgresBackend {
    /// Connects, and makes or migrates the schema where it is missing or older.
    ///
    /// `url` is `postgresql://user:password@host:port/database?name=value` or a libpq-style string of `name=value`. With
    /// `sslmode=require` TLS is demanded; wherever it is spoken, certificate and host name are verified.
    ///
    /// Errors: `invalid_argument` for a URL or option; `permission_denied`; `unsupported_schema` where a newer version made the schema;
    /// `storage` where there is no server.
    pub fn connect(url: &str, options: &PostgresOptions) -> Result<Self> {
        options.check()?;
        let driver = Arc::new(Driver::start()?);
        let primary = server(url, "url", options, &driver)?;
        let replica = match &options.read_url {
            Some(url) => Some(Replica::new(server(url, "read_url", options, &driver)?)),
            None => None,
        };
        match primary.connect_once(options.wait_limit) {
            // There is one, so others are waited for as ever.
            Err(failure) if failure.is_full() => {}
            connected => drop(connected?),
        }
        migrate::migrate(&primary, options.migrate)?;
        if let Some(replica) = &replica {
            let greeted = replica.greet().map_err(Error::from);
            greeted.map_err(|error| error.with("argument", "read_url"))?;
        }
        Ok(Self {
            shared: Arc::new(Shared {
                primary,
                replica,
                gate: Gate::default(),
            }),
            reads_at_replica: false,
        })
    }

    /// The same backend, which reads at the server of [`PostgresOptions::read_url`]: what is read may be as old as the replica is behind. That is less
    /// than [`Backend`] promises, so a [`Store`](crate::Store) uses it only for reads on which no write depends. Without that option nothing changes.
    pub fn reading_at_replica(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            reads_at_replica: true,
        }
    }

    fn primary(&self) -> &Inner {
        &self.shared.primary
    }

    fn replica(&self) -> Option<&Replica> {
        let replica = self.shared.replica.as_ref();
        replica.filter(|_| self.reads_at_replica)
    }

    fn enter(&self) -> Result<Inside<'_>> {
        self.primary().driver.check_process()?;
        self.shared.gate.enter()
    }

    /// One statement that reads.
    fn ask<T>(
        &self,
        tenant: &str,
        query: impl Fn(&Schema) -> Query,
        read: impl Fn(&[tokio_postgres::Row]) -> Result<T>,
    ) -> Result<T> {
        let _inside = self.enter()?;
        let query = query(&self.primary().schema);
        if let Some(replica) = self.replica()
            && let Some(answers) = replica.ask(tenant, vec![query.clone()])?
        {
            return read(answers.last().map_or(&[], Vec::as_slice));
        }
        let queries = |_| Ok(vec![query.clone()]);
        self.primary()
            .transact(Access::Read, tenant, false, queries, |answers| {
                last(answers, |rows| read(rows).map(Some))
            })
    }

    /// Runs work in a transaction; `again` says whether it may run more than once.
    fn writing(
        &self,
        tenant: &str,
        again: bool,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        let _inside = self.enter()?;
        let mut patience = Patience::new(self.primary().wait_limit);
        loop {
            let mut transaction = Transaction::new(self.primary(), None, tenant, Access::Write);
            let (error, failure) = match work(&mut transaction) {
                Ok(()) => match transaction.commit() {
                    Ok(()) => return Ok(()),
                    Err(failed) => failed,
                },
                Err(error) => {
                    let failure = transaction.failure().cloned();
                    (error, failure)
                }
            };
            match failure {
                Some(failure) if failure.is_double() && again => {
                    patience.overtaken().map_err(|_| error)?;
                }
                Some(failure) if failure.is_transient() && again => patience.after(failure)?,
                // Nothing happened, and the caller begins again.
                Some(failure) if failure.is_transient() => return Err(Failure::Overtaken.into()),
                _ => return Err(error),
            }
        }
    }
}

fn server(
    url: &str,
    argument: &str,
    options: &PostgresOptions,
    driver: &Arc<Driver>,
) -> Result<Inner> {
    let (pool, canceller) = config::pool(url, argument, options)?;
    Ok(Inner {
        driver: Arc::clone(driver),
        pool,
        canceller,
        schema: Schema::new(&options.schema),
        wait_limit: options.wait_limit,
        prepared: options.prepared_statements,
    })
}

fn last<T>(
    answers: &Answers,
    read: impl FnOnce(&[tokio_postgres::Row]) -> Result<Option<T>>,
) -> Result<Option<T>> {
    answers.last().map_or(Ok(None), |rows| read(rows))
}

/// The schema's name alone: where the server is, and who asks, belongs in no log.
impl fmt::Debug for PostgresBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBackend")
            .field("schema", &self.primary().schema.name)
            .finish_non_exhaustive()
    }
}

impl Backend for PostgresBackend {
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started> {
        let _inside = self.enter()?;
        self.primary().transact(
            Access::Write,
            tenant,
            false,
            |_| Ok(vec![start::start(&self.primary().schema, tenant, &start)?]),
            |answers| last(answers, start::read),
        )
    }

    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended> {
        let _inside = self.enter()?;
        let schema = &self.primary().schema;
        let queries = |overtaken| {
            let statement = append::append(schema, tenant, &append)?;
            let lock = || sessions::lock(schema, tenant, Lookup::Id(&append.session_id));
            Ok(if overtaken {
                vec![lock(), statement]
            } else {
                vec![statement]
            })
        };
        let settles =
            !append.rows.is_empty() && append.rows.iter().all(|row| row.dedup_key.is_some());
        self.primary()
            .transact(Access::Write, tenant, settles, queries, |answers| {
                last(answers, |rows| {
                    append::read(&append, rows).map(append::Attempt::done)
                })
            })
    }

    /// One after the other: those who have threads for them get them done at once, and one that waits for a session's lock holds up no other.
    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>> {
        let one = |it: WaitingAppend| self.append(&it.tenant, it.append);
        appends.into_iter().map(one).collect()
    }

    fn has_one_writer(&self) -> bool {
        false
    }

    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        self.ask(
            tenant,
            |schema| sessions::find(schema, tenant, lookup),
            sessions::read,
        )
    }

    fn message_count(&self, tenant: &str, session_id: &str) -> Result<Option<u64>> {
        self.ask(
            tenant,
            |schema| sessions::message_count(schema, tenant, session_id),
            sessions::read_count,
        )
    }

    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        self.ask(
            tenant,
            |schema| lists::list(schema, tenant, filter),
            lists::read,
        )
    }

    fn messages(
        &self,
        tenant: &str,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        self.ask(
            tenant,
            |schema| messages::list(schema, tenant, session_id, filter),
            messages::read,
        )
    }

    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()> {
        let _inside = self.enter()?;
        let mut transaction =
            Transaction::new(self.primary(), self.replica(), tenant, Access::ReadMany);
        work(&mut transaction)
    }

    fn write(&self, tenant: &str, mut work: WriteWork) -> Result<()> {
        self.writing(tenant, true, &mut *work)
    }

    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        self.writing(tenant, false, work)
    }

    /// Never complete: what is deleted stays in the server's files until they are vacuumed and written over, in its log, and in replicas.
    fn erase(&self) -> Result<Erasure> {
        let _inside = self.enter()?;
        Ok(Erasure::Pending {
            reason: "PostgreSQL keeps deleted rows in its files until VACUUM, and in its log and replicas for longer".to_owned(),
        })
    }

    fn check(&self) -> Result<Vec<String>> {
        let _inside = self.enter()?;
        upkeep::check(self.primary())
    }

    fn backup(&self, _path: &Path) -> Result<()> {
        let _inside = self.enter()?;
        Err(Error::new(
            ErrorCode::Unsupported,
            "a store on PostgreSQL has no files of its own; use pg_dump, or write an archive with export_archive",
        ))
    }

    fn size(&self) -> Result<Option<u64>> {
        let _inside = self.enter()?;
        upkeep::size(self.primary())
    }

    fn close(&self) -> Result<()> {
        if self.shared.gate.close() {
            self.primary().pool.close();
            if let Some(replica) = &self.shared.replica {
                replica.close();
            }
            // Connections end when they are driven, not when they are given up: else the server keeps them until the last handle is dropped.
            let driver = &self.primary().driver;
            if driver.check_process().is_ok() {
                let _ = driver.run(async {
                    catch_up().await;
                    Ok(())
                });
            }
        }
        Ok(())
    }
}
