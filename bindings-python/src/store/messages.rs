//! Messages: save, read, count, remove.

use convostore::{MessageQuery, SaveOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{MessageStream, Store};
use crate::clock::Moment;
use crate::error;
use crate::json;
use crate::model::{Message, new_message, new_messages, session_update};
use crate::text::{Count, Text, Texts};

pub(super) fn records(
    py: Python<'_>,
    messages: Vec<convostore::Message>,
) -> PyResult<Bound<'_, PyList>> {
    let mut records = Vec::with_capacity(messages.len());
    for message in messages {
        records.push(Bound::new(py, Message::from(message))?);
    }
    PyList::new(py, records)
}

#[allow(clippy::too_many_arguments, reason = "named arguments")]
fn query(
    after: Option<Count>,
    before: Option<Count>,
    since: Option<Moment>,
    limit: Option<Count>,
    last: Option<Count>,
    roles: Option<Texts>,
    summaries: Option<bool>,
) -> MessageQuery {
    let mut query = MessageQuery::new();
    if let Some(seq) = after {
        query = query.after(seq.0);
    }
    if let Some(seq) = before {
        query = query.before(seq.0);
    }
    if let Some(moment) = since {
        query = query.since(moment.0);
    }
    if let Some(n) = limit {
        query = query.limit(n.0);
    }
    if let Some(n) = last {
        query = query.last(n.0);
    }
    if let Some(roles) = roles {
        query = query.roles(roles.0);
    }
    if let Some(summaries) = summaries {
        query = query.summaries(summaries);
    }
    query
}

#[pymethods]
#[allow(clippy::too_many_arguments, reason = "named arguments")]
impl Store {
    /// Saves one message. Never refuses on account of others' writes unless a revision is expected; with a dedup key it is safe to retry.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///     role: Who speaks: user, assistant, model, system, developer, tool, or a role declared at open.
    ///     content: What is said: a str is text; None, bool, int, float, list, tuple and dict (with str keys) are JSON; a JsonText is kept
    ///         verbatim. At most 64 MiB and 128 levels.
    ///     token_count: How many tokens it has, if you count them.
    ///     is_summary: Whether it stands for earlier messages.
    ///     dedup_key: Makes a retry safe: the same key, role and content again changes nothing and gives the first message back. Unique in
    ///         the session for as long as the message lives. 1 to 256 bytes.
    ///     created_at: When it was created, an aware datetime, to bring old data in. Default: now.
    ///     expected_revision: Demands that the session's revision be this one.
    ///
    /// Returns: the Message, with its seq and time.
    ///
    /// Errors: not_found; conflict where the expected revision is not the present one, or the dedup key stands for another role or
    /// content; invalid_argument.
    ///
    ///     store.save_message(session.id, "user", "The app crashes on start.", dedup_key="event-7")
    #[pyo3(signature = (session_id, role, content, *, token_count=None, is_summary=false, dedup_key=None, created_at=None, expected_revision=None))]
    fn save_message(
        &self,
        py: Python<'_>,
        session_id: Text,
        role: Text,
        content: &Bound<'_, PyAny>,
        token_count: Option<Count>,
        is_summary: bool,
        dedup_key: Option<Text>,
        created_at: Option<Moment>,
        expected_revision: Option<Count>,
    ) -> PyResult<Message> {
        let message = new_message(
            &role,
            content,
            token_count,
            is_summary,
            dedup_key,
            created_at,
        )?;
        let Some(revision) = expected_revision else {
            let saved = self.run(py, |store| store.save_message(&session_id.0, message))?;
            return Ok(saved.into());
        };
        let mut saved = self.run(py, |store| {
            let options = SaveOptions::new().expected_revision(revision.0);
            store.save_messages(&session_id.0, vec![message], options)
        })?;
        saved.pop().map(Message::from).ok_or_else(|| {
            error::of(
                py,
                convostore::ErrorCode::Storage,
                "a message was saved, but the core does not say which",
            )
        })
    }

    /// Saves messages in order, all or none, and with them, in the same transaction, a change of the session where an update is given.
    ///
    /// A message whose dedup key is there already, with the same role and content, is not saved again: the first one comes back in its
    /// place. If nothing is left to save, a retry is complete, and neither the expected revision nor the update is looked at.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///     messages: Dicts with role, content and, where wanted, token_count, is_summary, dedup_key, created_at, as for save_message; or
    ///         Message records, which keep all but their seq.
    ///     expected_revision: Demands that the session's revision be this one.
    ///     update: A dict with status, owner, metadata, merge_metadata or expected_revision, as for update_session.
    ///
    /// Returns: the Messages in order, with their seq and times.
    ///
    /// Errors: not_found; conflict where the expected revision is not the present one, or a dedup key stands for another role or content;
    /// invalid_transition; invalid_argument.
    ///
    ///     store.save_messages(session.id, [
    ///         {"role": "assistant", "content": {"tool_calls": [{"id": "c1", "name": "search"}]}},
    ///         {"role": "tool", "content": {"id": "c1", "hits": 3}},
    ///     ], update={"status": "active"})
    #[pyo3(signature = (session_id, messages, *, expected_revision=None, update=None))]
    fn save_messages<'py>(
        &self,
        py: Python<'py>,
        session_id: Text,
        messages: &Bound<'py, PyAny>,
        expected_revision: Option<Count>,
        update: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let messages = new_messages(messages)?;
        let mut options = SaveOptions::new();
        if let Some(revision) = expected_revision {
            options = options.expected_revision(revision.0);
        }
        if let Some(update) = update {
            options = options.update(session_update(&update)?);
        }
        let saved = self.run(py, |store| {
            store.save_messages(&session_id.0, messages, options)
        })?;
        records(py, saved)
    }

    /// Saves a message of role system that stands for earlier ones.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///     content: The summary, as for save_message.
    ///     token_count: How many tokens it has, if you count them.
    ///
    /// Returns: the Message, with its seq and time.
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     summary = store.save_summary(session.id, "They looked for the cause of the crash.")
    ///     store.delete_messages_before(session.id, summary.seq)
    #[pyo3(signature = (session_id, content, *, token_count=None))]
    fn save_summary(
        &self,
        py: Python<'_>,
        session_id: Text,
        content: &Bound<'_, PyAny>,
        token_count: Option<Count>,
    ) -> PyResult<Message> {
        let content = json::content(content)?;
        let tokens = token_count.map(|tokens| tokens.0);
        self.run(py, |store| {
            store.save_summary(&session_id.0, content, tokens)
        })
        .map(Message::from)
    }

    /// Messages of a session, oldest first.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///     after: Only those with a seq above this.
    ///     before: Only those with a seq below this.
    ///     since: Only those created strictly after this moment, an aware datetime.
    ///     limit: Only the oldest n of them. Not together with last.
    ///     last: Only the newest n of them, still oldest first.
    ///     roles: Only those of these roles.
    ///     summaries: Only summaries (True), or none of them (False).
    ///
    /// Returns: a list of Message.
    ///
    /// Errors: not_found; invalid_argument where both limit and last are given.
    ///
    ///     history = store.get_messages(session.id, last=20)
    #[pyo3(signature = (session_id, *, after=None, before=None, since=None, limit=None, last=None, roles=None, summaries=None))]
    fn get_messages<'py>(
        &self,
        py: Python<'py>,
        session_id: Text,
        after: Option<Count>,
        before: Option<Count>,
        since: Option<Moment>,
        limit: Option<Count>,
        last: Option<Count>,
        roles: Option<Texts>,
        summaries: Option<bool>,
    ) -> PyResult<Bound<'py, PyList>> {
        let query = query(after, before, since, limit, last, roles, summaries);
        let messages = self.run(py, |store| store.get_messages(&session_id.0, query))?;
        records(py, messages)
    }

    /// Messages of a session one by one, oldest first, in constant memory: for long histories.
    ///
    /// No lock is held in between, and it ends at the last message that was there at the start. Messages deleted meanwhile may or may not
    /// come; if the session is deleted, it ends with not_found.
    ///
    /// Args:
    ///     session_id, after, before, since, limit, roles, summaries: As for get_messages.
    ///
    /// Returns: an iterator of Message (with AsyncStore: an asynchronous one).
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     for message in store.stream_messages(session.id):
    ///         print(message.seq, message.content)
    #[pyo3(signature = (session_id, *, after=None, before=None, since=None, limit=None, roles=None, summaries=None))]
    fn stream_messages(
        &self,
        py: Python<'_>,
        session_id: Text,
        after: Option<Count>,
        before: Option<Count>,
        since: Option<Moment>,
        limit: Option<Count>,
        roles: Option<Texts>,
        summaries: Option<bool>,
    ) -> PyResult<MessageStream> {
        let query = query(after, before, since, limit, None, roles, summaries);
        let stream = self.run(py, |store| store.stream_messages(&session_id.0, query))?;
        Ok(MessageStream::new(stream))
    }

    /// How many messages the session has.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     if store.count_messages(session.id) > 200: ...
    fn count_messages(&self, py: Python<'_>, session_id: Text) -> PyResult<u64> {
        self.run(py, |store| store.count_messages(&session_id.0))
    }

    /// Removes the newest message and gives it back. Its seq is not used again.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///
    /// Returns: the Message, or None where there is none.
    ///
    /// Errors: not_found where there is no such session; invalid_argument.
    ///
    ///     last = store.pop_message(session.id)
    fn pop_message(&self, py: Python<'_>, session_id: Text) -> PyResult<Option<Message>> {
        let popped = self.run(py, |store| store.pop_message(&session_id.0))?;
        Ok(popped.map(Message::from))
    }

    /// Deletes the messages whose seq is below before, as after summarising them. The preview stays.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///     before: The seq of the first message to keep.
    ///
    /// Returns: how many were deleted.
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     store.delete_messages_before(session.id, summary.seq)
    fn delete_messages_before(
        &self,
        py: Python<'_>,
        session_id: Text,
        before: Count,
    ) -> PyResult<u64> {
        self.run(py, |store| {
            store.delete_messages_before(&session_id.0, before.0)
        })
    }

    /// Deletes all messages of the session, its preview with them. Numbers go on where they were.
    ///
    /// Args:
    ///     session_id: The session's id.
    ///
    /// Returns: how many were deleted.
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     store.clear_messages(session.id)
    fn clear_messages(&self, py: Python<'_>, session_id: Text) -> PyResult<u64> {
        self.run(py, |store| store.clear_messages(&session_id.0))
    }
}
