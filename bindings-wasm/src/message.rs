//! Messages.

use std::cell::RefCell;

use convostore::{Message, MessageQuery, MessageStream, Result, SaveOptions, Store};
use wasm_bindgen::prelude::*;

use crate::boxes::{self, Answer, Saying};
use crate::convert::{Args, content};
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

/// `session_id`, `body`, `is_json`, `token_count`. The message as saved, as a page of one.
pub(crate) fn save_summary(store: &Store, mut given: Args) -> Result<Answer> {
    let (session_id, body) = (given.word(), given.word());
    let content = content(body, given.flag().unwrap_or_default())?;
    let message = store.save_summary(&session_id, content, given.whole())?;
    Ok(boxes::page(&[message]))
}

/// `session_id`. How many there are.
pub(crate) fn count_messages(store: &Store, mut given: Args) -> Result<Answer> {
    Ok(number(store.count_messages(&given.word())?))
}

/// `session_id`. The newest, which is removed, as a page of one or of none.
pub(crate) fn pop_message(store: &Store, mut given: Args) -> Result<Answer> {
    let popped = store.pop_message(&given.word())?;
    Ok(boxes::page(popped.as_slice()))
}

/// `session_id`, `before`. How many were deleted.
pub(crate) fn delete_messages_before(store: &Store, mut given: Args) -> Result<Answer> {
    let (session_id, before) = (given.word(), given.whole().unwrap_or_default());
    let deleted = store.delete_messages_before(&session_id, before)?;
    Ok(number(deleted))
}

/// `session_id`. How many were deleted.
pub(crate) fn clear_messages(store: &Store, mut given: Args) -> Result<Answer> {
    Ok(number(store.clear_messages(&given.word())?))
}

fn number(number: u64) -> Answer {
    number.to_string().into_bytes()
}

/// The hot paths have functions of their own: messages cross in the boxes.
#[wasm_bindgen]
impl CoreStore {
    /// Saves what [`Saying::take`] finds. An `expected_revision` below 0 is none. See [`boxes::saved`] for what comes back.
    pub fn save_messages(&self, now: f64, count: u32, expected_revision: f64) -> Out<u32> {
        let save = || {
            let said = Saying::take(count)?;
            let mut options = SaveOptions::new();
            if expected_revision >= 0.0 {
                options = options.expected_revision(expected_revision as u64);
            }
            if !said.update.is_empty() {
                options = options.update(Args::parse(&said.update)?.update()?);
            }
            let store = self.at(now);
            store.save_messages(&said.session_id, said.messages, options)
        };
        Ok(boxes::put(boxes::saved(&save().out()?)))
    }

    /// See [`query`] for `text`. Back comes a page with all of them.
    pub fn get_messages(&self, session_id: &str, text: &str) -> Out<u32> {
        let get = || self.store.get_messages(session_id, query(text)?);
        Ok(boxes::put(boxes::page(&get().out()?)))
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
    pub fn next_page(&self, n: u32) -> Out<u32> {
        let next = || {
            let stream = self.0.try_borrow_mut();
            let mut stream = stream.map_err(|_| invalid("this stream is being read"))?;
            let page = stream.by_ref().take(n as usize);
            page.collect::<Result<Vec<Message>>>()
        };
        Ok(boxes::put(boxes::page(&next().out()?)))
    }
}
