//! Messages.

use std::cell::RefCell;

use convostore::{Message, MessageQuery, MessageStream, NewMessage, SaveOptions};
use wasm_bindgen::prelude::*;

use crate::convert::{Args, content, message_text, messages_text, saved};
use crate::error::{Out, Thrown, invalid};
use crate::store::CoreStore;

/// `after`, `before`, `since`, `limit`, `last`, `summaries`, `roles`; empty for all messages.
fn query(text: &str) -> Out<MessageQuery> {
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

#[wasm_bindgen]
impl CoreStore {
    /// `rest` is empty or for [`Args::rest_of_message`]; an `expected_revision` below 0 is none. See [`saved`] for what comes back.
    #[allow(clippy::too_many_arguments)] // the hot path: arguments that need no parsing
    pub fn save_message(
        &self,
        now: f64,
        session_id: &str,
        role: &str,
        body: String,
        is_json: bool,
        rest: &str,
        expected_revision: f64,
    ) -> Out<Vec<f64>> {
        let mut message = NewMessage::new(role, content(body, is_json)?);
        if !rest.is_empty() {
            message = Args::parse(rest)?.rest_of_message(message)?;
        }
        let mut options = SaveOptions::new();
        if expected_revision >= 0.0 {
            options = options.expected_revision(expected_revision as u64);
        }
        let messages = self
            .at(now)
            .save_messages(session_id, vec![message], options)
            .out()?;
        Ok(saved(&messages))
    }

    /// `expected_revision`, `update`, then the messages; see [`saved`] for what comes back.
    pub fn save_messages(&self, now: f64, session_id: &str, save: &str) -> Out<Vec<f64>> {
        let mut given = Args::parse(save)?;
        let mut options = SaveOptions::new();
        if let Some(revision) = given.whole() {
            options = options.expected_revision(revision);
        }
        if let Some(update) = given.list() {
            options = options.update(update.update()?);
        }
        let messages = given
            .map(Args::new_message)
            .collect::<Out<Vec<NewMessage>>>()?;
        let messages = self
            .at(now)
            .save_messages(session_id, messages, options)
            .out()?;
        Ok(saved(&messages))
    }

    /// The message as saved.
    pub fn save_summary(
        &self,
        now: f64,
        session_id: &str,
        body: String,
        is_json: bool,
        token_count: Option<f64>,
    ) -> Out<String> {
        let content = content(body, is_json)?;
        let tokens = token_count.map(|tokens| tokens as u64);
        let message = self
            .at(now)
            .save_summary(session_id, content, tokens)
            .out()?;
        Ok(message_text(&message))
    }

    /// See [`query`] for `text`.
    pub fn get_messages(&self, session_id: &str, text: &str) -> Out<String> {
        let messages = self.store.get_messages(session_id, query(text)?).out()?;
        Ok(messages_text(&messages))
    }

    /// See [`query`] for `text`.
    pub fn stream_messages(&self, session_id: &str, text: &str) -> Out<CoreMessages> {
        let stream = self.store.stream_messages(session_id, query(text)?).out()?;
        Ok(CoreMessages(RefCell::new(stream)))
    }

    /// How many there are.
    pub fn count_messages(&self, session_id: &str) -> Out<f64> {
        Ok(self.store.count_messages(session_id).out()? as f64)
    }

    /// The newest, which is removed.
    pub fn pop_message(&self, now: f64, session_id: &str) -> Out<Option<String>> {
        let popped = self.at(now).pop_message(session_id).out()?;
        Ok(popped.as_ref().map(message_text))
    }

    /// How many were deleted.
    pub fn delete_messages_before(&self, now: f64, session_id: &str, before: f64) -> Out<f64> {
        let deleted = self
            .at(now)
            .delete_messages_before(session_id, before as u64)
            .out()?;
        Ok(deleted as f64)
    }

    /// How many were deleted.
    pub fn clear_messages(&self, now: f64, session_id: &str) -> Out<f64> {
        Ok(self.at(now).clear_messages(session_id).out()? as f64)
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
            .map_err(|_| invalid("this stream is being read"))?;
        let page: Vec<Message> = stream
            .by_ref()
            .take(n as usize)
            .collect::<Result<_, _>>()
            .out()?;
        Ok((!page.is_empty()).then(|| messages_text(&page)))
    }
}
