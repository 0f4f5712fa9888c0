//! A transaction, as the rest of the crate sees it: the rows of one tenant on one connection.

use rusqlite::Connection;

use super::error::SqliteResult;
use super::{append, contexts, lifecycles, messages, sessions, values};
use crate::backend::{
    Append, Appended, Lookup, MessageFilter, ReadTransaction, SessionFilter, SessionRow,
    StartSession, Started, Totals, WriteTransaction,
};
use crate::error::Result;
use crate::model::{Context, JsonObject, Lifecycle, Message};

/// An open transaction. Who opened it ends it; this only reads and writes rows in it.
pub(super) struct Transaction<'a> {
    conn: &'a Connection,
    tenant: &'a str,
    has_failed: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(conn: &'a Connection, tenant: &'a str) -> Self {
        Self {
            conn,
            tenant,
            has_failed: false,
        }
    }

    /// Whether a write failed, and may have left a part of itself.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn noted<T>(&mut self, written: SqliteResult<T>) -> Result<T> {
        self.has_failed |= written.is_err();
        Ok(written?)
    }
}

impl ReadTransaction for Transaction<'_> {
    fn session(&mut self, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        Ok(sessions::find(self.conn, self.tenant, lookup)?)
    }

    fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        Ok(sessions::list(self.conn, self.tenant, filter)?)
    }

    fn messages(
        &mut self,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        Ok(messages::list(self.conn, self.tenant, session_id, filter)?)
    }

    fn context(&mut self, scope: &str) -> Result<Option<Context>> {
        Ok(contexts::find(self.conn, self.tenant, scope)?)
    }

    fn contexts(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Context>> {
        Ok(contexts::list(
            self.conn,
            self.tenant,
            prefix,
            after,
            limit,
        )?)
    }

    fn lifecycle(&mut self, name: &str) -> Result<Option<Lifecycle>> {
        Ok(lifecycles::find(self.conn, self.tenant, name)?)
    }

    fn lifecycles(&mut self) -> Result<Vec<Lifecycle>> {
        Ok(lifecycles::list(self.conn, self.tenant)?)
    }

    fn totals(&mut self) -> Result<Totals> {
        Ok(totals(self.conn, self.tenant)?)
    }
}

impl WriteTransaction for Transaction<'_> {
    fn start_session(&mut self, start: &StartSession) -> Result<Started> {
        self.noted(sessions::start(self.conn, self.tenant, start))
    }

    fn append(&mut self, append: &Append) -> Result<Appended> {
        self.noted(append::append(self.conn, self.tenant, append))
    }

    fn update_session(&mut self, row: &SessionRow) -> Result<()> {
        self.noted(sessions::update(self.conn, self.tenant, row))
    }

    fn update_metadata(&mut self, session_id: &str, metadata: &JsonObject) -> Result<()> {
        let written = sessions::update_metadata(self.conn, self.tenant, session_id, metadata);
        self.noted(written)
    }

    fn insert_messages(&mut self, session_id: &str, messages: &[Message]) -> Result<()> {
        let written = messages::insert_all(self.conn, self.tenant, session_id, messages);
        self.noted(written)
    }

    fn delete_session(&mut self, session_id: &str) -> Result<bool> {
        self.noted(sessions::delete(self.conn, self.tenant, session_id))
    }

    fn delete_messages(&mut self, session_id: &str, first: u64, last: u64) -> Result<u64> {
        match sessions::number(self.conn, self.tenant, session_id)? {
            Some(no) => self.noted(messages::delete(self.conn, no, first, last)),
            None => Ok(0),
        }
    }

    fn put_context(&mut self, context: &Context) -> Result<()> {
        self.noted(contexts::put(self.conn, self.tenant, context))
    }

    fn delete_context(&mut self, scope: &str) -> Result<bool> {
        self.noted(contexts::delete(self.conn, self.tenant, scope))
    }

    fn insert_lifecycle(&mut self, lifecycle: &Lifecycle) -> Result<()> {
        self.noted(lifecycles::insert(self.conn, self.tenant, lifecycle))
    }
}

/// Counted, not summed up from the sessions' own counters: those may be what is being checked.
fn totals(conn: &Connection, tenant: &str) -> SqliteResult<Totals> {
    let mut statement = conn.prepare_cached(
        "SELECT (SELECT count(*) FROM sessions WHERE tenant = ?1),
                (SELECT coalesce(sum(message_count), 0) FROM sessions WHERE tenant = ?1),
                (SELECT count(*) FROM contexts WHERE tenant = ?1)",
    )?;
    let mut rows = statement.query([tenant])?;
    let Some(row) = rows.next()? else {
        return Ok(Totals::default());
    };
    Ok(Totals {
        sessions: values::unsigned_at(row, 0, "count")?,
        messages: values::unsigned_at(row, 1, "count")?,
        contexts: values::unsigned_at(row, 2, "count")?,
    })
}
