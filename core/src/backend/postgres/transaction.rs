//! A transaction of several statements, driven by a closure on the caller's thread.
//!
//! Nothing is sent before the first statement, with which the beginning goes; writes that answer nothing wait for the next statement or the
//! commit, and go with that. So `touch` is two flushes: begin, tenant, lock, read; update, commit.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use deadpool_postgres::Object;
use tokio_postgres::Row;

use super::failure::Failure;
use super::flight::{Access, Answers, Flight, Setting};
use super::inner::Inner;
use super::patience::Patience;
use super::pending::PendingMessages;
use super::query::{Query, Schema};
use super::replica::Replica;
use super::row::Columns;
use super::statements::{append, lists, messages, others, sessions, start, writes};
use crate::backend::{
    Append, Appended, Lookup, MessageFilter, ReadTransaction, RowOrder, SessionFilter, SessionRow,
    StartSession, Started, Totals, WriteTransaction,
};
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Context, JsonObject, Lifecycle, Message};

pub(super) struct Transaction<'a> {
    inner: &'a Inner,
    /// Where it begins if it can.
    replica: Option<&'a Replica>,
    tenant: &'a str,
    access: Access,
    patience: Patience,
    /// There is one from the first statement on.
    connection: Option<Arc<Object>>,
    /// Writes that nothing had to wait for yet.
    deferred: Vec<Deferred>,
    /// Messages to insert that nothing had to see yet.
    pending: PendingMessages,
    /// Sessions that are there and locked.
    held: HashSet<String>,
    /// Scopes that were seen without a context.
    bare_scopes: BTreeSet<String>,
    /// Why it can only be given up.
    failure: Option<Failure>,
}

struct Deferred {
    query: Query,
    answer: Answer,
}

/// What a write that was put off answers.
enum Answer {
    Nothing,
    /// A row, where it met this session.
    Met(String),
    /// The sessions that it did not meet.
    Missed,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        replica: Option<&'a Replica>,
        tenant: &'a str,
        access: Access,
    ) -> Self {
        Self {
            inner,
            replica,
            tenant,
            access,
            patience: Patience::new(inner.wait_limit),
            connection: None,
            deferred: Vec::new(),
            pending: PendingMessages::default(),
            held: HashSet::new(),
            bare_scopes: BTreeSet::new(),
            failure: None,
        }
    }

    fn schema(&self) -> &'a Schema {
        &self.inner.schema
    }

    fn writes(&self) -> bool {
        self.access == Access::Write
    }

    /// What ended it, if anything did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(super) fn commit(mut self) -> Result<(), (Error, Option<Failure>)> {
        let outcome = match &self.failure {
            Some(_) => Err(doomed()),
            None => {
                self.put_off_pending();
                if self.connection.is_none() && self.deferred.is_empty() {
                    Ok(())
                } else {
                    self.send(Vec::new(), true).map(|_| self.connection = None)
                }
            }
        };
        outcome.map_err(|error| (error, self.failure.take()))
    }

    fn one(&mut self, query: Query) -> Result<Vec<Row>> {
        self.put_off_pending();
        self.one_of_sessions(query)
    }

    /// Of a statement that looks at no messages.
    fn one_of_sessions(&mut self, query: Query) -> Result<Vec<Row>> {
        self.send(vec![query], false)
            .map(|mut answers| answers.pop().unwrap_or_default())
    }

    /// The answer of the second, which was made behind the first, a lock.
    fn behind(&mut self, lock: Query, query: Query) -> Result<Vec<Row>> {
        self.put_off_pending();
        self.send(vec![lock, query], false)
            .map(|mut answers| answers.pop().unwrap_or_default())
    }

    fn defer(&mut self, query: Query, session_id: Option<&str>) -> Result<()> {
        if self.failure.is_some() {
            return Err(doomed());
        }
        self.deferred.push(Deferred {
            query,
            answer: session_id.map_or(Answer::Nothing, |id| Answer::Met(id.to_owned())),
        });
        Ok(())
    }

    /// What inserts the pending messages goes with the next flight.
    fn put_off_pending(&mut self) {
        let query = self.pending.take(&self.inner.schema, self.tenant);
        self.deferred.extend(query.map(|query| Deferred {
            query,
            answer: Answer::Missed,
        }));
    }

    fn send(&mut self, queries: Vec<Query>, commit: bool) -> Result<Answers> {
        if self.failure.is_some() {
            return Err(doomed());
        }
        let (mut all, expected): (Vec<_>, Vec<_>) = self
            .deferred
            .drain(..)
            .map(|deferred| (deferred.query, deferred.answer))
            .unzip();
        all.extend(queries);
        let sent = match self.connection.clone() {
            Some(connection) => self.inner.fly(connection, self.flight(None, all, commit)),
            None => self.begin(&all, commit),
        };
        let inserts = expected
            .iter()
            .any(|answer| matches!(answer, Answer::Missed));
        let mut answers = sent.map_err(|failure| {
            let exists = inserts && failure.is_double();
            let error = self.fail(failure);
            if exists { message_exists() } else { error }
        })?;
        for (rows, answer) in answers.drain(..expected.len()).zip(expected) {
            if let Some(id) = answer.missing(&rows)? {
                self.fail(Failure::Answer("a session was not there".to_owned()));
                return Err(Error::no_session(&id));
            }
        }
        Ok(answers)
    }

    /// The first flight. Nothing was read before it, so where it fails in passing it is made again, on another connection if need be.
    fn begin(&mut self, queries: &[Query], commit: bool) -> Result<Answers, Failure> {
        if let Some(answers) = self.begin_at_replica(queries)? {
            return Ok(answers);
        }
        loop {
            let connection = self.inner.connect(&mut self.patience)?;
            match self.first(&connection, queries, commit) {
                Err(failure) if failure.is_transient() => {
                    self.inner.give_back(connection, true, Some(&failure));
                    self.patience.after(failure)?;
                }
                outcome => {
                    self.connection = Some(connection);
                    return outcome;
                }
            }
        }
    }

    /// Nothing where there is none, or it failed.
    fn begin_at_replica(&mut self, queries: &[Query]) -> Result<Option<Answers>, Failure> {
        let Some(replica) = self.replica.take() else {
            return Ok(None);
        };
        let Some(connection) = replica.connection()? else {
            return Ok(None);
        };
        match self.first(&connection, queries, false) {
            Ok(answers) => {
                self.connection = Some(connection);
                Ok(Some(answers))
            }
            Err(failure) => {
                self.inner.give_back(connection, false, Some(&failure));
                replica.failed(failure).map(|()| None)
            }
        }
    }

    /// The first flight, on this connection.
    fn first(
        &self,
        connection: &Arc<Object>,
        queries: &[Query],
        commit: bool,
    ) -> Result<Answers, Failure> {
        let setting = Setting {
            tenant: self.tenant.to_owned(),
            limit: self.patience.left(),
        };
        let flight = self.flight(Some((self.access, setting)), queries.to_vec(), commit);
        self.inner.fly(Arc::clone(connection), flight)
    }

    fn flight(
        &self,
        begin: Option<(Access, Setting)>,
        queries: Vec<Query>,
        commit: bool,
    ) -> Flight {
        Flight {
            begin,
            queries,
            commit,
            prepared: self.inner.prepared,
        }
    }

    fn fail(&mut self, failure: Failure) -> Error {
        let error = Error::from(failure.clone());
        self.failure = Some(failure);
        error
    }

    fn lock_ids(&mut self, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        let locked = self.one(lists::lock(self.schema(), self.tenant, filter))?;
        let mut ids = Vec::with_capacity(locked.len());
        for row in &locked {
            ids.push(Columns::of(row).take()?);
        }
        let mut rows = lists::read(&self.one(lists::of_ids(self.schema(), self.tenant, ids))?)?;
        sort(&mut rows, filter.order);
        let ids = rows.iter().map(|row| row.session.id.clone());
        self.held.extend(ids);
        Ok(rows)
    }
}

/// Rolls back what was not committed. The server does so by itself where the connection is gone.
impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.inner.give_back(
                connection,
                self.access == Access::Write,
                self.failure.as_ref(),
            );
        }
    }
}

impl Answer {
    /// The session that was not there.
    fn missing(self, rows: &[Row]) -> Result<Option<String>> {
        match (self, rows.first()) {
            (Self::Met(id), None) => Ok(Some(id)),
            (Self::Missed, Some(row)) => Columns::of(row).take().map(Some),
            _ => Ok(None),
        }
    }
}

fn sort(rows: &mut [SessionRow], order: RowOrder) {
    rows.sort_by(|a, b| {
        let (a, b) = (&a.session, &b.session);
        match order {
            RowOrder::Activity => (b.last_active_at, b.created_at, &b.id).cmp(&(
                a.last_active_at,
                a.created_at,
                &a.id,
            )),
            RowOrder::Creation => (b.created_at, &b.id).cmp(&(a.created_at, &a.id)),
            RowOrder::Id => a.id.cmp(&b.id),
        }
    });
}

fn doomed() -> Error {
    Error::new(
        ErrorCode::Storage,
        "an earlier statement of the transaction failed, so it can only be given up",
    )
}

impl ReadTransaction for Transaction<'_> {
    fn session(&mut self, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        let find = sessions::find(self.schema(), self.tenant, lookup);
        let rows = if self.writes() {
            let lock = sessions::lock(self.schema(), self.tenant, lookup);
            self.behind(lock, find)?
        } else {
            self.one(find)?
        };
        sessions::read(&rows)
    }

    fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        if self.writes() {
            return self.lock_ids(filter);
        }
        lists::read(&self.one(lists::list(self.schema(), self.tenant, filter))?)
    }

    fn messages(
        &mut self,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        messages::read(&self.one(messages::list(
            self.schema(),
            self.tenant,
            session_id,
            filter,
        ))?)
    }

    fn context(&mut self, scope: &str) -> Result<Option<Context>> {
        let query = others::context(self.schema(), self.tenant, scope, self.writes());
        let found = others::read_contexts(&self.one(query)?)?.pop();
        if found.is_none() && self.writes() {
            self.bare_scopes.insert(scope.to_owned());
        }
        Ok(found)
    }

    fn contexts(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Context>> {
        let query = others::contexts(self.schema(), self.tenant, prefix, after, limit);
        others::read_contexts(&self.one(query)?)
    }

    fn lifecycle(&mut self, name: &str) -> Result<Option<Lifecycle>> {
        let query = others::lifecycles(self.schema(), self.tenant, Some(name));
        Ok(others::read_lifecycles(&self.one(query)?)?.pop())
    }

    fn lifecycles(&mut self) -> Result<Vec<Lifecycle>> {
        let query = others::lifecycles(self.schema(), self.tenant, None);
        others::read_lifecycles(&self.one(query)?)
    }

    fn totals(&mut self) -> Result<Totals> {
        others::read_totals(&self.one(others::totals(self.schema(), self.tenant))?)
    }
}

impl WriteTransaction for Transaction<'_> {
    fn start_session(&mut self, start: &StartSession) -> Result<Started> {
        loop {
            let rows = self.one_of_sessions(start::start(self.schema(), self.tenant, start)?)?;
            if let Some(started) = start::read(&rows)? {
                return Ok(started);
            }
            self.patience.overtaken()?;
        }
    }

    fn append(&mut self, append: &Append) -> Result<Appended> {
        loop {
            let lock = sessions::lock(self.schema(), self.tenant, Lookup::Id(&append.session_id));
            let rows = self.behind(lock, append::append(self.schema(), self.tenant, append)?)?;
            if let append::Attempt::Done(appended) = append::read(append, &rows)? {
                return Ok(appended);
            }
            self.patience.overtaken()?;
        }
    }

    fn update_session(&mut self, row: &SessionRow) -> Result<()> {
        let query = writes::update_session(self.schema(), self.tenant, row)?;
        self.defer(query, Some(&row.session.id))
    }

    fn update_metadata(&mut self, session_id: &str, metadata: &JsonObject) -> Result<()> {
        let query = writes::update_metadata(self.schema(), self.tenant, session_id, metadata);
        self.defer(query, Some(session_id))
    }

    fn insert_messages(&mut self, session_id: &str, messages: &[Message]) -> Result<()> {
        if self.failure.is_some() {
            return Err(doomed());
        }
        self.pending.add(session_id, messages)?;
        if self.pending.are_enough() {
            self.put_off_pending();
            self.send(Vec::new(), false)?;
        }
        Ok(())
    }

    fn delete_session(&mut self, session_id: &str) -> Result<bool> {
        let delete = writes::delete_session(self.schema(), self.tenant, session_id);
        if self.held.remove(session_id) {
            // What the answer will be is known. So a clean-up deletes in one flight what it has listed.
            self.put_off_pending();
            return self.defer(delete, Some(session_id)).map(|()| true);
        }
        let lock = sessions::lock(self.schema(), self.tenant, Lookup::Id(session_id));
        Ok(!self.behind(lock, delete)?.is_empty())
    }

    fn delete_messages(&mut self, session_id: &str, first: u64, last: u64) -> Result<u64> {
        let lock = sessions::lock(self.schema(), self.tenant, Lookup::Id(session_id));
        let delete = writes::delete_messages(self.schema(), self.tenant, session_id, first, last);
        let rows = self.behind(lock, delete)?;
        rows.first().map_or(Ok(0), |row| Columns::of(row).number())
    }

    fn put_context(&mut self, context: &Context) -> Result<()> {
        // Where there was none when it was looked for, another writer's must not be replaced.
        let replace = !self.bare_scopes.remove(&context.scope);
        let query = others::put_context(self.schema(), self.tenant, context, replace)?;
        self.defer(query, None)
    }

    fn delete_context(&mut self, scope: &str) -> Result<bool> {
        let query = others::delete_context(self.schema(), self.tenant, scope);
        Ok(!self.one(query)?.is_empty())
    }

    fn insert_lifecycle(&mut self, lifecycle: &Lifecycle) -> Result<()> {
        let query = others::insert_lifecycle(self.schema(), self.tenant, lifecycle)?;
        self.defer(query, None)
    }
}

/// Of which session the server would say only together with what the message holds.
fn message_exists() -> Error {
    Error::new(
        ErrorCode::AlreadyExists,
        "a session that messages are inserted into has one of that number, or with that dedup key, already",
    )
}
