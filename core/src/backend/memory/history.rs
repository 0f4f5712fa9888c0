//! The messages of one session as a transaction sees them: the committed ones and, over them, its own.

use super::entry::Entry;
use super::log::Entries;
use super::overlay::SessionChange;
use super::table::Stored;
use crate::backend::{MessageFilter, Take};
use crate::model::Message;

/// A session's messages.
pub(super) struct History<'a> {
    stored: Option<&'a Stored>,
    change: Option<&'a SessionChange>,
}

impl<'a> History<'a> {
    /// Of what is committed and what is changed under one id: the change may be of another session.
    pub(super) fn new(stored: Option<&'a Stored>, change: Option<&'a SessionChange>) -> Self {
        let is_new = change.is_some_and(|change| change.replaces);
        Self {
            stored: stored.filter(|_| !is_new),
            change,
        }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&'a Entry> {
        let added = self.change.and_then(|change| change.added.get(seq));
        added.or_else(|| self.stored?.log.get(seq).filter(|_| self.keeps(seq)))
    }

    /// The message that has this dedup key.
    pub(super) fn with_dedup_key(&self, key: &str) -> Option<&'a Entry> {
        let added = self.change.and_then(|change| change.dedup.value(key));
        if let Some(seq) = added {
            return self.get(seq);
        }
        let seq = self.stored?.dedup.value(key)?;
        self.stored?.log.get(seq).filter(|_| self.keeps(seq))
    }

    /// How many messages there are with `first <= seq <= last`.
    pub(super) fn count(&self, first: u64, last: u64) -> u64 {
        self.walk(first, last, false).count() as u64
    }

    /// Whether committed ones are among them.
    pub(super) fn has_committed(&self, first: u64, last: u64) -> bool {
        let mut committed = self.walk(first, last, false);
        committed.added = Entries::default();
        committed.next().is_some()
    }

    /// What the filter lets through, oldest first.
    pub(super) fn list(&self, filter: &MessageFilter) -> Vec<Message> {
        let first = filter.after.saturating_add(1);
        let last = match filter.before {
            Some(0) => return Vec::new(),
            Some(before) => before - 1,
            None => u64::MAX,
        };
        let (rows, bytes) = match filter.take {
            Take::All => (u64::MAX, u64::MAX),
            Take::First(n) | Take::Last(n) => (n, u64::MAX),
            Take::Page { rows, bytes } => (rows, bytes),
        };
        let is_newest = matches!(filter.take, Take::Last(_));
        let (mut out, mut size) = (Vec::new(), 0);
        for entry in self.walk(first, last, is_newest) {
            if out.len() as u64 >= rows || size >= bytes {
                break;
            }
            if passes(filter, entry) {
                size += entry.body().len() as u64;
                out.push(entry.to_message());
            }
        }
        if is_newest {
            out.reverse();
        }
        out
    }

    fn keeps(&self, seq: u64) -> bool {
        self.change.is_none_or(|change| change.keeps(seq))
    }

    /// The messages with `first <= seq <= last`, the oldest first or the newest.
    fn walk(&self, first: u64, last: u64, is_back: bool) -> Walk<'a> {
        let committed = self.stored.map(|stored| stored.log.range(first, last));
        let added = self.change.map(|change| change.added.range(first, last));
        Walk {
            committed: committed.unwrap_or_default(),
            added: added.unwrap_or_default(),
            change: self.change,
            is_back,
        }
    }
}

/// A walk over committed messages and added ones, in one order.
struct Walk<'a> {
    committed: Entries<'a>,
    added: Entries<'a>,
    change: Option<&'a SessionChange>,
    is_back: bool,
}

impl Walk<'_> {
    /// Whether the next one is an added one.
    fn is_added(&self) -> bool {
        let next = |entries: &Entries<'_>| {
            let mut entries = entries.clone();
            let entry = if self.is_back {
                entries.next_back()
            } else {
                entries.next()
            };
            entry.map(|entry| entry.seq)
        };
        match (next(&self.committed), next(&self.added)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(committed), Some(added)) => (added < committed) != self.is_back,
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            let is_added = self.change.is_some() && self.is_added();
            let entries = if is_added {
                &mut self.added
            } else {
                &mut self.committed
            };
            let entry = if self.is_back {
                entries.next_back()
            } else {
                entries.next()
            }?;
            if is_added || self.change.is_none_or(|change| change.keeps(entry.seq)) {
                return Some(entry);
            }
        }
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
