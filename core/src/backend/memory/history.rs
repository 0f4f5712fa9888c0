//! The messages of one session as a transaction sees them: the committed ones and, over them, its own.

use super::entry::Entry;
use super::overlay::SessionChange;
use super::table::Stored;
use crate::backend::{MessageFilter, Take};
use crate::model::Message;

/// A session's messages.
pub(super) struct History<'a> {
    pub(super) stored: Option<&'a Stored>,
    pub(super) change: Option<&'a SessionChange>,
}

impl<'a> History<'a> {
    pub(super) fn get(&self, seq: u64) -> Option<&'a Entry> {
        let added = self.change.and_then(|change| change.added.get(seq));
        added.or_else(|| self.stored?.log.get(seq).filter(|_| self.keeps(seq)))
    }

    /// The message that has this dedup key.
    pub(super) fn with_dedup_key(&self, key: &str) -> Option<&'a Entry> {
        let added = self.change.and_then(|change| change.dedup.get(key));
        if let Some(seq) = added {
            return self.get(*seq);
        }
        let seq = *self.stored?.dedup.get(key)?;
        self.stored?.log.get(seq).filter(|_| self.keeps(seq))
    }

    /// How many messages there are with `first <= seq <= last`.
    pub(super) fn count(&self, first: u64, last: u64) -> u64 {
        self.committed(first, last).count() as u64 + self.added(first, last).count() as u64
    }

    /// Whether committed ones are among them.
    pub(super) fn has_committed(&self, first: u64, last: u64) -> bool {
        self.committed(first, last).next().is_some()
    }

    /// What the filter lets through, oldest first.
    pub(super) fn list(&self, filter: &MessageFilter) -> Vec<Message> {
        let first = filter.after.saturating_add(1);
        let last = match filter.before {
            Some(0) => return Vec::new(),
            Some(before) => before - 1,
            None => u64::MAX,
        };
        let (committed, added) = (self.committed(first, last), self.added(first, last));
        let passes = |entry: &&Entry| passes(filter, entry);
        match filter.take {
            Take::All => messages(
                merge(committed, added, |a, b| a.seq < b.seq).filter(passes),
                u64::MAX,
            ),
            Take::First(n) => messages(
                merge(committed, added, |a, b| a.seq < b.seq).filter(passes),
                n,
            ),
            Take::Page { rows, bytes } => page(
                merge(committed, added, |a, b| a.seq < b.seq).filter(passes),
                rows,
                bytes,
            ),
            Take::Last(n) => {
                let newest = merge(committed.rev(), added.rev(), |a, b| a.seq > b.seq);
                let mut out = messages(newest.filter(passes), n);
                out.reverse();
                out
            }
        }
    }

    fn keeps(&self, seq: u64) -> bool {
        self.change.is_none_or(|change| change.keeps(seq))
    }

    fn committed(&self, first: u64, last: u64) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let change = self.change;
        let entries = self.stored.map(|stored| stored.log.range(first, last));
        entries
            .into_iter()
            .flatten()
            .filter(move |entry| change.is_none_or(|change| change.keeps(entry.seq)))
    }

    fn added(&self, first: u64, last: u64) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let entries = self.change.map(|change| change.added.range(first, last));
        entries.into_iter().flatten()
    }
}

fn passes(filter: &MessageFilter, entry: &Entry) -> bool {
    filter.since.is_none_or(|since| entry.created_at > since)
        && filter
            .summaries
            .is_none_or(|summaries| entry.is_summary == summaries)
        && filter
            .roles
            .as_ref()
            .is_none_or(|roles| roles.contains(&entry.role()))
}

fn messages<'a>(entries: impl Iterator<Item = &'a Entry>, limit: u64) -> Vec<Message> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    entries.take(limit).map(Entry::to_message).collect()
}

/// The first of them until there are `rows`, or their contents have `enough` bytes together.
fn page<'a>(entries: impl Iterator<Item = &'a Entry>, rows: u64, enough: u64) -> Vec<Message> {
    let mut bytes = 0;
    let more = |message: &Message| {
        let is_wanted = bytes < enough;
        bytes += message.content.body().len() as u64;
        is_wanted
    };
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    entries
        .take(rows)
        .map(Entry::to_message)
        .take_while(more)
        .collect()
}

/// Two sorted sequences as one; `a_first` says whether `a`'s next comes before `b`'s.
pub(super) fn merge<T>(
    a: impl Iterator<Item = T>,
    b: impl Iterator<Item = T>,
    a_first: impl Fn(&T, &T) -> bool,
) -> impl Iterator<Item = T> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if !a_first(x, y) => b.next(),
        (Some(_), _) => a.next(),
        (None, _) => b.next(),
    })
}
