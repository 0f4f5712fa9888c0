//! Rows in the order of their keys, a page at a time, past those that cannot be read.
//!
//! A page is short in rows and, as far as the pages before it tell, in bytes: one content can be of 64 MiB, and how large the next
//! ones are nobody knows before they are read.

use std::vec::IntoIter;

use super::skip::{self, Key};
use crate::backend::{
    MessageFilter, Position, ReadTransaction, RowOrder, SessionFilter, SessionRow, Take,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Context, Message};
use crate::quoted::quoted;

/// The most rows in a page: enough to make the cost of a query small, few enough to be held when each is large.
const MAX_ROWS: usize = 16;

/// A page of more bytes than this makes the next one shorter.
const LARGE_PAGE: usize = 4 << 20;

/// After so many attempts to get past damage, a store is not worth more.
const MAX_ATTEMPTS: u32 = 5_000_000;

/// How damage is met.
#[derive(Debug)]
pub(in crate::store) struct Damage {
    /// How many attempts to get past it are left.
    left: u32,
}

impl Damage {
    /// The first row that cannot be read is an error.
    pub(in crate::store) fn fails() -> Self {
        Self { left: 0 }
    }

    /// Rows that cannot be read are passed over.
    pub(in crate::store) fn is_passed() -> Self {
        Self { left: MAX_ATTEMPTS }
    }

    /// What was read; nothing where damage prevents it and may be passed.
    pub(in crate::store) fn pass<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(e) if self.left > 0 && e.code() == ErrorCode::Corrupted => {
                self.left -= 1;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Whether something can be read, in a search for what can.
    fn probe<T>(&mut self, read: Result<T>) -> Result<bool> {
        let readable = self.pass(read)?.is_some();
        self.left = self.left.saturating_sub(1);
        Ok(readable)
    }
}

/// Rows of one kind.
pub(in crate::store) trait Source {
    type Key: Key;
    type Row;

    /// At most `limit` rows whose key comes after `after`, in order.
    fn page(
        &self,
        tx: &mut dyn ReadTransaction,
        after: &Self::Key,
        limit: usize,
    ) -> Result<Vec<Self::Row>>;

    /// A damaged index gives rows in any order, and the same ones again and again; a page of these is as good as none.
    fn sound_page(
        &self,
        tx: &mut dyn ReadTransaction,
        after: &Self::Key,
        limit: usize,
    ) -> Result<Vec<Self::Row>> {
        let page = self.page(tx, after, limit)?;
        let first_is_after = page.first().is_none_or(|row| Self::key(row) > *after);
        if first_is_after && page.is_sorted_by(|a, b| Self::key(a) < Self::key(b)) {
            return Ok(page);
        }
        Err(Error::new(
            ErrorCode::Corrupted,
            "rows come in another order than that of their keys: an index of the store is damaged",
        ))
    }

    fn key(row: &Self::Row) -> Self::Key;

    /// About how many bytes it takes.
    fn size(row: &Self::Row) -> usize;
}

/// What comes next.
#[derive(Debug)]
pub(in crate::store) enum Next<S: Source> {
    Row(S::Row),
    /// Rows that cannot be read: `last` is one, and there may be others between `after` and it. Without `last` the rows end here, because
    /// nothing more can be read.
    Unreadable {
        after: S::Key,
        last: Option<S::Key>,
    },
    End,
}

/// The rows of a source, one by one.
#[derive(Debug)]
pub(in crate::store) struct Pages<S: Source> {
    source: S,
    after: S::Key,
    page: IntoIter<S::Row>,
    limit: usize,
    done: bool,
}

impl<S: Source> Pages<S> {
    pub(in crate::store) fn new(source: S) -> Self {
        Self {
            source,
            after: S::Key::first(),
            page: Vec::new().into_iter(),
            limit: MAX_ROWS,
            done: false,
        }
    }

    pub(in crate::store) fn next(
        &mut self,
        tx: &mut dyn ReadTransaction,
        damage: &mut Damage,
    ) -> Result<Next<S>> {
        loop {
            if let Some(row) = self.page.next() {
                self.after = S::key(&row);
                return Ok(Next::Row(row));
            }
            if self.done {
                return Ok(Next::End);
            }
            match damage.pass(self.source.sound_page(tx, &self.after, self.limit))? {
                Some(page) => self.take(page),
                // One of them cannot be read: one at a time from here on tells which.
                None if self.limit > 1 => self.limit = 1,
                None => return self.skip(tx, damage),
            }
        }
    }

    fn take(&mut self, page: Vec<S::Row>) {
        self.done = page.len() < self.limit;
        let bytes: usize = page.iter().map(S::size).sum();
        self.limit = if bytes > LARGE_PAGE {
            (self.limit / 4).max(1)
        } else {
            (self.limit * 2).min(MAX_ROWS)
        };
        self.page = page.into_iter();
    }

    fn skip(&mut self, tx: &mut dyn ReadTransaction, damage: &mut Damage) -> Result<Next<S>> {
        let last = skip::unreadable(&self.after, &mut |key| {
            damage.probe(self.source.sound_page(tx, key, 1))
        })?;
        let after = self.after.clone();
        match &last {
            Some(last) => self.after = last.clone(),
            None => self.done = true,
        }
        Ok(Next::Unreadable { after, last })
    }
}

/// All sessions, by their ids.
#[derive(Debug)]
pub(in crate::store) struct Sessions;

impl Source for Sessions {
    type Key = String;
    type Row = SessionRow;

    fn page(
        &self,
        tx: &mut dyn ReadTransaction,
        after: &String,
        limit: usize,
    ) -> Result<Vec<SessionRow>> {
        tx.sessions(&SessionFilter {
            order: RowOrder::Id,
            after: Some(Position {
                last_active_at: Timestamp::MIN,
                created_at: Timestamp::MIN,
                id: after.clone(),
            }),
            limit,
            ..SessionFilter::default()
        })
    }

    fn key(row: &SessionRow) -> String {
        row.session.id.clone()
    }

    fn size(row: &SessionRow) -> usize {
        row.session.metadata.as_str().len()
    }
}

/// All contexts, by their scopes.
#[derive(Debug)]
pub(in crate::store) struct Contexts;

impl Source for Contexts {
    /// Nothing before the first: the empty scope is one too.
    type Key = Option<String>;
    type Row = Context;

    fn page(
        &self,
        tx: &mut dyn ReadTransaction,
        after: &Option<String>,
        limit: usize,
    ) -> Result<Vec<Context>> {
        tx.contexts("", after.as_deref(), limit)
    }

    fn key(row: &Context) -> Option<String> {
        Some(row.scope.clone())
    }

    fn size(row: &Context) -> usize {
        row.data.as_str().len()
    }
}

/// The messages of one session.
#[derive(Debug)]
pub(in crate::store) struct Messages {
    pub(in crate::store) session_id: String,
}

impl Source for Messages {
    type Key = u64;
    type Row = Message;

    fn page(
        &self,
        tx: &mut dyn ReadTransaction,
        after: &u64,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let filter = MessageFilter {
            after: *after,
            take: Take::First(limit as u64),
            ..MessageFilter::default()
        };
        let page = tx.messages(&self.session_id, &filter)?;
        page.ok_or_else(|| {
            Error::new(
                ErrorCode::Corrupted,
                format!(
                    "the session {} is listed, but its messages are not found",
                    quoted(&self.session_id)
                ),
            )
            .with("session_id", self.session_id.as_str())
        })
    }

    fn key(row: &Message) -> u64 {
        row.seq
    }

    fn size(row: &Message) -> usize {
        row.content.body().len()
    }
}

#[cfg(test)]
mod tests;
