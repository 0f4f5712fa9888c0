//! What a write transaction has changed so far: laid over the committed rows while it runs, applied to them when it commits, and
//! dropped when it fails.

use std::sync::Arc;

use super::entry::Entry;
use super::log::Log;
use super::row::Row;
use super::table::{Tables, forget_keys, note_key};
use crate::model::{Context, Lifecycle};
use crate::ordered::{Sorted, Table};

/// The changed rows of one tenant.
#[derive(Default)]
pub(super) struct Overlay {
    pub(super) sessions: Table<SessionChange>,
    /// The id of the session inserted here with each key: see [`key_in_scope`].
    pub(super) keys: Table<Arc<str>>,
    /// Put, or deleted where there is none.
    pub(super) contexts: Table<Option<Context>>,
    pub(super) lifecycles: Table<Lifecycle>,
}

/// A key in its scope as one name: neither holds NUL.
pub(super) fn key_in_scope(scope: &str, key: &str) -> String {
    crate::quoted::joined(&[scope, key], "\0")
}

/// What became of one session.
pub(super) struct SessionChange {
    /// The row as it is now; none where there is no such session now.
    pub(super) row: Option<Row>,
    /// Whether the row differs from the committed one, in more than its metadata.
    pub(super) row_changed: bool,
    /// Whether the metadata does.
    pub(super) metadata_changed: bool,
    /// Whether the committed session of this id was deleted; `row` and `added` then are of another one.
    pub(super) replaces: bool,
    /// Numbers, from and to, of committed messages that were deleted.
    pub(super) removed: Vec<(u64, u64)>,
    /// Messages written.
    pub(super) added: Log,
    /// The dedup keys in `added`.
    pub(super) dedup: Sorted,
}

impl SessionChange {
    /// Of a committed session, nothing changed yet; or of one that is new.
    pub(super) fn of(row: Row) -> Self {
        Self {
            row: Some(row),
            row_changed: false,
            metadata_changed: false,
            replaces: false,
            removed: Vec::new(),
            added: Log::default(),
            dedup: Sorted::default(),
        }
    }

    /// Whether a committed message with that number is still there.
    pub(super) fn keeps(&self, seq: u64) -> bool {
        !self.replaces
            && !self
                .removed
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&seq))
    }

    /// Notes a new message.
    pub(super) fn add(&mut self, entry: Entry) {
        note_key(&mut self.dedup, &entry);
        self.added.insert(entry);
    }

    /// Takes back new messages with `first <= seq <= last`.
    pub(super) fn remove_added(&mut self, first: u64, last: u64) {
        let removed = self.added.remove(first, last);
        forget_keys(&mut self.dedup, &removed);
    }

    /// Notes that committed messages were deleted. Deleting one after the other (`pop`) makes one range.
    pub(super) fn remove_committed(&mut self, first: u64, last: u64) {
        match self.removed.last_mut() {
            Some((from, to))
                if first <= to.saturating_add(1) && *from <= last.saturating_add(1) =>
            {
                *from = first.min(*from);
                *to = last.max(*to);
            }
            _ => self.removed.push((first, last)),
        }
    }

    fn is_nothing(&self) -> bool {
        !(self.row_changed || self.metadata_changed || self.replaces)
            && self.removed.is_empty()
            && self.added.len() == 0
    }
}

impl Overlay {
    /// Whether applying it would change nothing.
    pub(super) fn is_nothing(&self) -> bool {
        self.contexts.is_empty()
            && self.lifecycles.is_empty()
            && self.sessions.values().all(SessionChange::is_nothing)
    }

    /// Makes the changes. Deletions first: a key that they set free may be another session's by now.
    pub(super) fn apply(self, tables: &mut Tables) {
        for (id, change) in self.sessions.iter() {
            if change.replaces {
                tables.remove_session(id);
            }
        }
        self.sessions
            .take_each(&mut |id, change| apply_session(id, change, tables));
        self.contexts
            .take_each(&mut |scope, context| match context {
                Some(context) => {
                    tables.contexts.insert(Arc::clone(scope), context);
                }
                None => {
                    tables.contexts.remove(scope);
                }
            });
        self.lifecycles.take_each(&mut |name, lifecycle| {
            tables.lifecycles.insert(Arc::clone(name), lifecycle);
        });
    }
}

fn apply_session(id: &str, change: SessionChange, tables: &mut Tables) {
    let Some(row) = change.row else { return };
    let slot = if change.row_changed || change.metadata_changed {
        Some(tables.put_row(row))
    } else {
        tables.sessions.slot(id)
    };
    for (first, last) in change.removed {
        tables.remove_messages(id, first, last);
    }
    for entry in change.added.into_entries() {
        tables.put_message(slot, entry);
    }
}
