//! Messages: save, read, count, remove.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Store;
use super::sessions::{check_update, session_row};
use super::stream::MessageStream;
use crate::backend::{
    Append, AppendRow, Appended, Lookup, MessageFilter, SavedRow, SessionRow, Take,
    WriteTransaction,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Content, Message, MessageQuery, NewMessage, Role, SaveOptions, SessionUpdate};
use crate::quoted::quoted;
use crate::rules::{limits, preview, times};

impl Store {
    /// Saves one message. Never refuses on account of others' writes; with a dedup key it is safe to retry.
    ///
    /// Errors: `not_found`; `conflict` where the dedup key stands for another role or content; `invalid_argument`.
    pub fn save_message(&self, session_id: &str, message: NewMessage) -> Result<Message> {
        let saved = self.save_messages(session_id, vec![message], SaveOptions::new())?;
        one(saved)
    }

    /// Saves messages in order, all or none, and with them, in the same transaction, a change of the session where the options
    /// carry one. Gives them back with their numbers and times.
    ///
    /// A message whose dedup key is there already, with the same role and content, is not saved again: the first one comes
    /// back in its place. Each message of a batch is judged by itself. If nothing is left to save, a retry is
    /// complete, and neither the expected revision nor the update is looked at.
    ///
    /// Errors: `not_found`; `conflict` where the expected revision is not the present one, or a dedup key stands for
    /// another role or content; `invalid_transition`; `invalid_argument`.
    pub fn save_messages(
        &self,
        session_id: &str,
        messages: Vec<NewMessage>,
        options: SaveOptions,
    ) -> Result<Vec<Message>> {
        let (_entered, backend, tenant) = self.enter()?;
        let now = self.now();
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        for message in &messages {
            self.check_message(message)?;
        }
        let (expected_revision, update) = conditions(options)?;
        let append = Arc::new(self.append_of(session_id, messages, expected_revision, now));
        let appended = match update {
            None => backend.append(tenant, Arc::clone(&append))?,
            Some(update) => self.append_and_update(Arc::clone(&append), update)?,
        };
        saved_messages(append, appended)
    }

    /// An append and a change of its session in one transaction.
    fn append_and_update(&self, append: Arc<Append>, update: SessionUpdate) -> Result<Appended> {
        let store = self.clone();
        self.write(move |tx| {
            let appended = tx.append(&append)?;
            let Appended::Saved(saved) = &appended else {
                return Ok(appended);
            };
            let mut update = update.clone();
            if append.rows.is_empty() {
                update.expected_revision = append.expected_revision;
            } else if !saved.iter().any(|row| matches!(row, SavedRow::New { .. })) {
                return Ok(appended); // a retry of what was completed before
            }
            let mut row = session_row(tx, &append.session_id)?;
            store.apply_update(tx, &mut row, &update, append.now)?;
            Ok(appended)
        })
    }

    /// Saves a message of role `system` that stands for earlier ones.
    ///
    /// Errors: `not_found`; `invalid_argument`.
    pub fn save_summary(
        &self,
        session_id: &str,
        content: impl Into<Content>,
        token_count: Option<u64>,
    ) -> Result<Message> {
        self.save_message(session_id, summary(content, token_count))
    }

    /// Messages of a session, oldest first.
    ///
    /// Errors: `not_found`; `invalid_argument` where both `limit` and `last` are given.
    pub fn get_messages(&self, session_id: &str, query: MessageQuery) -> Result<Vec<Message>> {
        let (_entered, backend, tenant) = self.enter_reading()?;
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        let filter = self.message_filter(query)?;
        backend
            .messages(tenant, session_id, &filter)?
            .ok_or_else(|| Error::no_session(session_id))
    }

    /// Messages of a session one by one, oldest first, in constant memory: for long histories.
    ///
    /// No lock is held between pages, and it ends at the last message that was there at the start. Messages deleted
    /// meanwhile may or may not come; if the session is deleted, it ends with `not_found`.
    ///
    /// Errors: `not_found`; `invalid_argument` where `last` is given, which only [`Store::get_messages`] has.
    pub fn stream_messages(&self, session_id: &str, query: MessageQuery) -> Result<MessageStream> {
        if query.last.is_some() {
            return Err(Error::invalid(
                "a stream goes forward; use get_messages for the last messages, or after",
            )
            .with("argument", "last"));
        }
        let limit = query.limit;
        let filter = self.message_filter(query)?;
        let last_seq = {
            let (_entered, backend, tenant) = self.enter_reading()?;
            limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
            let row = backend.session(tenant, Lookup::Id(session_id))?;
            row.ok_or_else(|| Error::no_session(session_id))?.last_seq
        };
        Ok(MessageStream::new(
            self.clone(),
            session_id.to_owned(),
            filter,
            last_seq,
            limit,
        ))
    }

    /// How many messages the session has.
    ///
    /// Errors: `not_found`.
    pub fn count_messages(&self, session_id: &str) -> Result<u64> {
        let (_entered, backend, tenant) = self.enter_reading()?;
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        backend
            .message_count(tenant, session_id)?
            .ok_or_else(|| Error::no_session(session_id))
    }

    /// Removes the newest message and gives it back; `None` where there is none. Its `seq` is not used again.
    ///
    /// Errors: `not_found` where there is no such session.
    pub fn pop_message(&self, session_id: &str) -> Result<Option<Message>> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        let id = session_id.to_owned();
        self.write(move |tx| {
            let mut row = session_row(tx, &id)?;
            let newest = MessageFilter {
                take: Take::Last(1),
                ..MessageFilter::default()
            };
            let Some(message) = tx.messages(&id, &newest)?.unwrap_or_default().pop() else {
                return Ok(None);
            };
            if row.preview_seq == Some(message.seq) {
                // It was the newest and the first that could give a preview: none of those before it can.
                row.session.preview = None;
                row.preview_seq = None;
            }
            delete_messages(tx, &mut row, message.seq..=message.seq, false, now)?;
            Ok(Some(message))
        })
    }

    /// Deletes the messages whose `seq` is below `before`, as after summarising them, and says how many. The preview stays.
    ///
    /// Errors: `not_found`.
    pub fn delete_messages_before(&self, session_id: &str, before: u64) -> Result<u64> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        let id = session_id.to_owned();
        self.write(move |tx| {
            let mut row = session_row(tx, &id)?;
            let last = before.saturating_sub(1).min(row.last_seq);
            delete_messages(tx, &mut row, 1..=last, false, now)
        })
    }

    /// Deletes all messages of the session, its preview with them, and says how many. Numbers go on where they were.
    ///
    /// Errors: `not_found`.
    pub fn clear_messages(&self, session_id: &str) -> Result<u64> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("session_id", session_id, 1, limits::SESSION_ID)?;
        let id = session_id.to_owned();
        self.write(move |tx| {
            let mut row = session_row(tx, &id)?;
            // After `delete_messages_before` a preview can be there without any message.
            let had_preview = row.session.preview.take().is_some();
            row.preview_seq = None;
            let last = row.last_seq;
            delete_messages(tx, &mut row, 1..=last, had_preview, now)
        })
    }

    pub(super) fn check_message(&self, message: &NewMessage) -> Result<()> {
        self.inner.roles.check(&message.role)?;
        limits::check_optional("dedup_key", message.dedup_key.as_deref(), limits::DEDUP_KEY)?;
        let bytes = message.content.body().len();
        if bytes > Content::MAX_BYTES {
            return Err(Error::invalid(format!(
                "the content has {bytes} bytes; at most {} are allowed",
                Content::MAX_BYTES
            ))
            .with("argument", "content"));
        }
        if message
            .token_count
            .is_some_and(|tokens| tokens > limits::TOKEN_COUNT)
        {
            return Err(
                Error::invalid("the token_count is above 2^53 - 1").with("argument", "token_count")
            );
        }
        Ok(())
    }

    pub(super) fn append_of(
        &self,
        session_id: &str,
        messages: Vec<NewMessage>,
        expected_revision: Option<u64>,
        now: Timestamp,
    ) -> Append {
        Append {
            session_id: session_id.to_owned(),
            now,
            expected_revision,
            preview: preview::of_messages(self.inner.preview, &messages),
            rows: messages
                .into_iter()
                .map(|message| AppendRow {
                    active_at: times::active_at(message.created_at, now),
                    role: message.role,
                    content: message.content,
                    token_count: message.token_count,
                    is_summary: message.is_summary,
                    dedup_key: message.dedup_key,
                    created_at: message.created_at,
                })
                .collect(),
        }
    }

    fn message_filter(&self, query: MessageQuery) -> Result<MessageFilter> {
        for role in query.roles.iter().flatten() {
            self.inner.roles.check(role)?;
        }
        let take = match (query.limit, query.last) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "limit takes the oldest and last the newest messages; give one of them",
                )
                .with("argument", "limit"));
            }
            (Some(n), None) => Take::First(n),
            (None, Some(n)) => Take::Last(n),
            (None, None) => Take::All,
        };
        Ok(MessageFilter {
            after: query.after.unwrap_or(0),
            before: query.before,
            since: query.since,
            roles: query.roles,
            summaries: query.summaries,
            take,
        })
    }
}

/// Deletes messages and brings the session's row along, if any was there or the row has changed already.
fn delete_messages(
    tx: &mut dyn WriteTransaction,
    row: &mut SessionRow,
    range: RangeInclusive<u64>,
    row_changed: bool,
    now: Timestamp,
) -> Result<u64> {
    let deleted = if range.is_empty() {
        0
    } else {
        tx.delete_messages(&row.session.id, *range.start(), *range.end())?
    };
    if deleted > 0 || row_changed {
        row.session.message_count = row.session.message_count.saturating_sub(deleted);
        times::changed(&mut row.session, now);
        tx.update_session(row)?;
    }
    Ok(deleted)
}

/// The message that [`Store::save_summary`] saves.
pub(crate) fn summary(content: impl Into<Content>, token_count: Option<u64>) -> NewMessage {
    let mut message = NewMessage::new(Role::SYSTEM, content).summary(true);
    message.token_count = token_count;
    message
}

/// The revision demanded, be it by the options or by the update they carry, and the update without it: the append comes first and looks at it.
fn conditions(options: SaveOptions) -> Result<(Option<u64>, Option<SessionUpdate>)> {
    let Some(mut update) = options.update else {
        return Ok((options.expected_revision, None));
    };
    check_update(&update)?;
    let expected = match (options.expected_revision, update.expected_revision.take()) {
        (Some(a), Some(b)) if a != b => {
            return Err(Error::invalid(
                "the options and their update expect different revisions; give it once",
            )
            .with("argument", "expected_revision"));
        }
        (a, b) => a.or(b),
    };
    Ok((expected, Some(update)))
}

/// The one that was saved.
pub(crate) fn one(mut messages: Vec<Message>) -> Result<Message> {
    messages.pop().ok_or_else(|| {
        Error::new(
            ErrorCode::Storage,
            "the backend acknowledged a message without saying which; this is a defect of the backend",
        )
    })
}

/// The messages as saved. Contents are moved out of the append, not copied.
pub(super) fn saved_messages(append: Arc<Append>, appended: Appended) -> Result<Vec<Message>> {
    let saved = match appended {
        Appended::Saved(saved) => saved,
        Appended::NoSession => return Err(Error::no_session(&append.session_id)),
        Appended::Conflict { revision } => {
            let expected = append.expected_revision.unwrap_or_default();
            return Err(Error::revision_conflict(expected, revision));
        }
        Appended::DedupConflict { dedup_key, seq } => {
            return Err(Error::new(
                ErrorCode::Conflict,
                format!("the dedup key {dedup_key} stands for message {seq} already, which has another role or content",
                dedup_key = quoted(&dedup_key),
            ),
            )
            .with("dedup_key", dedup_key)
            .with("seq", seq));
        }
    };
    let rows = Arc::try_unwrap(append).map_or_else(|shared| shared.rows.clone(), |own| own.rows);
    let mut messages: Vec<Message> = Vec::with_capacity(rows.len());
    for (row, saved) in rows.into_iter().zip(saved) {
        let message = match saved {
            SavedRow::New { seq, created_at } => Message {
                seq,
                role: row.role,
                content: row.content,
                token_count: row.token_count,
                is_summary: row.is_summary,
                dedup_key: row.dedup_key,
                created_at,
            },
            SavedRow::Existing(message) => *message,
            SavedRow::SameAs(index) => match messages.get(index) {
                Some(message) => message.clone(),
                None => one(Vec::new())?,
            },
        };
        messages.push(message);
    }
    Ok(messages)
}
