//! Rows of the server as rows of the crate.

use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

use super::failure::Failure;
use crate::backend::SessionRow;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::{Content, JsonObject, Message, Session};

/// Reads the columns of a row from left to right.
pub(super) struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn take<T: FromSqlOwned>(&mut self) -> Result<T> {
        let index = self.next;
        self.next += 1;
        let value = self.row.try_get(index);
        // Its text names the column and the types.
        value.map_err(|e| Failure::Answer(e.to_string()).into())
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.take::<i64>()?).unwrap_or(0))
    }

    pub(super) fn optional_number(&mut self) -> Result<Option<u64>> {
        let value: Option<i64> = self.take()?;
        Ok(value.and_then(|value| u64::try_from(value).ok()))
    }

    pub(super) fn time(&mut self) -> Result<Timestamp> {
        Ok(Timestamp::from_millis_clamped(self.take()?))
    }

    /// A session in the columns of [`SESSION`], if the join found one.
    pub(super) fn session(&mut self) -> Result<Option<SessionRow>> {
        let Some(id) = self.take::<Option<String>>()? else {
            return Ok(None);
        };
        let scope: String = self.take()?;
        let (key, owner) = (self.take()?, self.take()?);
        let (lifecycle, status): (String, String) = (self.take()?, self.take()?);
        let is_final = self.take()?;
        let (preview, preview_seq) = (self.take()?, self.optional_number()?);
        let (message_count, last_seq, revision) = (self.number()?, self.number()?, self.number()?);
        let mut session = Session::new(id, scope, lifecycle, status, self.time()?);
        session.updated_at = self.time()?;
        session.last_active_at = self.time()?;
        if let Some(metadata) = self.take()? {
            session.metadata = JsonObject::from_stored(metadata);
        }
        session.key = key;
        session.owner = owner;
        session.preview = preview;
        session.message_count = message_count;
        session.revision = revision;
        Ok(Some(SessionRow {
            session,
            last_seq,
            preview_seq,
            is_final,
        }))
    }

    /// A message in the columns of [`MESSAGE`], if the join found one.
    pub(super) fn message(&mut self) -> Result<Option<Message>> {
        let Some(seq) = self.optional_number()? else {
            return Ok(None);
        };
        let created_at = self.time()?;
        let token_count = self.optional_number()?;
        let (is_text, is_summary): (bool, bool) = (self.take()?, self.take()?);
        let role: String = self.take()?;
        let dedup_key = self.take()?;
        let content = Content::from_stored(is_text, self.take()?);
        let mut message = Message::new(seq, role, content, created_at);
        message.token_count = token_count;
        message.is_summary = is_summary;
        message.dedup_key = dedup_key;
        Ok(Some(message))
    }
}

/// The columns of a session, of `s`. The metadata by a question of its own for each row: a join would be planned by how many have any,
/// and read them all where few had when that was last counted.
pub(super) const SESSION: &str = "s.id, s.scope, s.key, s.owner, s.lifecycle, s.status, s.is_final, s.preview, s.preview_seq, \
     s.message_count, s.last_seq, s.revision, s.created_at, s.updated_at, s.last_active_at, \
     (SELECT d.metadata FROM {schema}.session_metadata d WHERE d.tenant = s.tenant AND d.id = s.id)";

/// Where those come from.
pub(super) const SESSION_FROM: &str = " FROM {schema}.sessions s ";

/// The columns of a message, of `m`.
pub(super) const MESSAGE: &str =
    "m.seq, m.created_at, m.token_count, m.is_text, m.is_summary, m.role, m.dedup_key, m.content";
