//! Messages.

use std::cell::RefCell;

use convostore::{Message, MessageQuery, MessageStream, NewMessage, Result, SaveOptions, Store};
use wasm_bindgen::prelude::*;

use crate::convert::{Args, content, message_text, messages_text, or_null, saved_text};
use crate::error::{Out, Thrown, invalid};
use crate::store::CoreStore;

/// `after`, `before`, `since`, `limit`, `last`, `summaries`, `roles`; empty for all messages.
fn query(text: &str) -> Result<MessageQuery> {
    let mut query = MessageQuery::new();
    if text.is_empty() {
        return Ok(query);
    }
    let mut given = Args::parse(text)?;
    if let Some(seq) = given.whole() {
        query = query.after(seq);
    }
    if let Some(seq) = given.whole() {
        query = query.before(seq);
    }
    if let Some(moment) = given.time()? {
        query = query.since(moment);
    }
    if let Some(n) = given.whole() {
        query = query.limit(n);
    }
    if let Some(n) = given.whole() {
        query = query.last(n);
    }
    if let Some(summaries) = given.flag() {
        query = query.summaries(summaries);
    }
    if let Some(roles) = given.list() {
        query = query.roles(roles.texts());
    }
    Ok(query)
}

/// `session_id`, `expected_revision`, `update`, then the messages; see [`saved_text`] for what comes back.
pub(crate) fn save_messages(store: &Store, mut given: Args) -> Result<String> {
    let session_id = given.word();
    let mut options = SaveOptions::new();
    if let Some(revision) = given.whole() {
        options = options.expected_revision(revision);
    }
    if let Some(update) = given.list() {
        options = options.update(update.update()?);
    }
    let messages = given.map(Args::new_message).collect::<Result<_>>()?;
    let messages = store.save_messages(&session_id, messages, options)?;
    Ok(saved_text(&messages))
}

/// `session_id`, `body`, `is_json`, `token_count`. The message as saved.
pub(crate) fn save_summary(store: &Store, mut given: Args) -> Result<String> {
    let (session_id, body) = (given.word(), given.word());
    let content = content(body, given.flag().unwrap_or_default())?;
    let message = store.save_summary(&session_id, content, given.whole())?;
    Ok(message_text(&message))
}

/// `session_id`. How many there are.
pub(crate) fn count_messages(store: &Store, mut given: Args) -> Result<String> {
    Ok(store.count_messages(&given.word())?.to_string())
}

/// `session_id`. The newest, which is removed.
pub(crate) fn pop_message(store: &Store, mut given: Args) -> Result<String> {
    let popped = store.pop_message(&given.word())?;
    Ok(or_null(popped.as_ref(), message_text))
}

/// `session_id`, `before`. How many were deleted.
pub(crate) fn delete_messages_before(store: &Store, mut given: Args) -> Result<String> {
    let (session_id, before) = (given.word(), given.whole().unwrap_or_default());
    let deleted = store.delete_messages_before(&session_id, before)?;
    Ok(deleted.to_string())
}

/// `session_id`. How many were deleted.
pub(crate) fn clear_messages(store: &Store, mut given: Args) -> Result<String> {
    Ok(store.clear_messages(&given.word())?.to_string())
}

/// The hot paths have functions of their own, with arguments that need no parsing.
#[wasm_bindgen]
impl CoreStore {
    /// `rest` is empty or for [`Args::rest_of_message`]; an `expected_revision` below 0 is none. See [`saved_text`] for what comes back.
    #[allow(clippy::too_many_arguments)] // as said
    pub fn save_message(
        &self,
        now: f64,
        session_id: &str,
        role: &str,
        body: String,
        is_json: bool,
        rest: &str,
        expected_revision: f64,
    ) -> Out<String> {
        let save = || {
            let mut message = NewMessage::new(role, content(body, is_json)?);
            if !rest.is_empty() {
                message = Args::parse(rest)?.rest_of_message(message)?;
            }
            let mut options = SaveOptions::new();
            if expected_revision >= 0.0 {
                options = options.expected_revision(expected_revision as u64);
            }
            let store = self.at(now);
            let messages = store.save_messages(session_id, vec![message], options)?;
            Ok(saved_text(&messages))
        };
        save().out()
    }

    /// See [`query`] for `text`.
    pub fn get_messages(&self, session_id: &str, text: &str) -> Out<String> {
        let get = || self.store.get_messages(session_id, query(text)?);
        Ok(messages_text(&get().out()?))
    }

    /// See [`query`] for `text`.
    pub fn stream_messages(&self, session_id: &str, text: &str) -> Out<CoreMessages> {
        let stream = || self.store.stream_messages(session_id, query(text)?);
        Ok(CoreMessages(RefCell::new(stream().out()?)))
    }
}

/// Messages page by page.
#[wasm_bindgen]
pub struct CoreMessages(RefCell<MessageStream>);

#[wasm_bindgen]
impl CoreMessages {
    /// The next `n` or fewer; none at the end.
    pub fn next_page(&self, n: u32) -> Out<Option<String>> {
        let mut stream = self
            .0
            .try_borrow_mut()
            .map_err(|_| invalid("this stream is being read"))
            .out()?;
        let page: Vec<Message> = stream
            .by_ref()
            .take(n as usize)
            .collect::<Result<_, _>>()
            .out()?;
        Ok((!page.is_empty()).then(|| messages_text(&page)))
    }
}
