//! Reading a long history page by page.

use std::vec::IntoIter;

use super::Store;
use crate::backend::{MessageFilter, Take};
use crate::error::{Error, ErrorCode, Result};
use crate::model::Message;
use crate::quoted::quoted;

/// How many messages are read at a time, and how many bytes of contents are enough.
const PAGE: u64 = 256;
const PAGE_BYTES: u64 = 1 << 20;

/// Messages of a session one by one, from [`Store::stream_messages`]. After an error it ends.
#[derive(Debug)]
pub struct MessageStream {
    store: Store,
    session_id: String,
    filter: MessageFilter,
    /// How many are still to be given, where the query had a limit.
    left: Option<u64>,
    page: IntoIter<Message>,
    done: bool,
}

impl MessageStream {
    pub(super) fn new(
        store: Store,
        session_id: String,
        mut filter: MessageFilter,
        last_seq: u64,
        limit: Option<u64>,
    ) -> Self {
        let end = last_seq.saturating_add(1);
        filter.before = Some(filter.before.map_or(end, |before| before.min(end)));
        Self {
            store,
            session_id,
            filter,
            left: limit,
            page: Vec::new().into_iter(),
            done: false,
        }
    }

    /// Whether the next message has to be read first.
    #[cfg(feature = "tokio")]
    pub(crate) fn needs_page(&self) -> bool {
        !self.done && self.page.len() == 0
    }

    /// Reads a page where one is needed, so that the next message is there or the end is reached.
    pub(crate) fn fill(&mut self) -> Result<()> {
        while !self.done && self.page.len() == 0 {
            if let Err(e) = self.next_page() {
                self.done = true;
                return Err(e);
            }
        }
        Ok(())
    }

    fn next_page(&mut self) -> Result<()> {
        let want = self.left.map_or(PAGE, |left| left.min(PAGE));
        self.filter.take = Take::Page {
            rows: want,
            bytes: PAGE_BYTES,
        };
        let page = self.read_page()?;
        let got = page.len() as u64;
        if let Some(last) = page.last() {
            if last.seq <= self.filter.after {
                return Err(disordered(&self.session_id));
            }
            self.filter.after = last.seq;
        }
        self.left = self.left.map(|left| left.saturating_sub(got));
        let is_last = |last: &Message| self.filter.before.is_some_and(|end| last.seq + 1 >= end);
        self.done = page.last().is_none_or(is_last) || self.left == Some(0);
        self.page = page.into_iter();
        Ok(())
    }

    /// The next page; none is the end. Where this one comes from further back in time than the last, it may end too early: then what was written
    /// says whether that is the end.
    fn read_page(&self) -> Result<Vec<Message>> {
        let page = {
            let (_entered, reader, tenant) = self.store.enter_reading()?;
            reader.messages(tenant, &self.session_id, &self.filter)?
        };
        let page = if page.as_ref().is_none_or(Vec::is_empty) && self.store.reads_the_past() {
            let (_entered, backend, tenant) = self.store.enter()?;
            backend.messages(tenant, &self.session_id, &self.filter)?
        } else {
            page
        };
        page.ok_or_else(|| Error::no_session(&self.session_id))
    }
}

/// A damaged storage must not keep a reader going round for ever.
fn disordered(session_id: &str) -> Error {
    Error::new(
        ErrorCode::Corrupted,
        format!(
            "the messages of the session {session_id} are not in order; check says what is wrong",
            session_id = quoted(&session_id)
        ),
    )
    .with("session_id", session_id)
}

impl Iterator for MessageStream {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.fill() {
            Ok(()) => self.page.next().map(Ok),
            Err(e) => Some(Err(e)),
        }
    }
}
