//! The rows of one tenant and the indexes over them, as committed.

use std::sync::Arc;

use super::entry::Entry;
use super::log::Log;
use super::row::Row;
use crate::backend::{Position, RowOrder};
use crate::model::{Context, Lifecycle};
use crate::ordered::{Item, Place, Sorted, Table};

/// All that one tenant has.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) sessions: Table<Stored>,
    /// All sessions.
    pub(super) all: Ranks,
    pub(super) scopes: Table<Scope>,
    pub(super) owners: Table<Ranks>,
    pub(super) contexts: Table<Context>,
    pub(super) lifecycles: Table<Lifecycle>,
    /// How many messages all sessions have.
    pub(super) messages: u64,
}

/// A session and its messages.
pub(super) struct Stored {
    pub(super) row: Row,
    pub(super) log: Log,
    /// The `seq` of each dedup key.
    pub(super) dedup: Sorted,
}

/// The sessions of one scope.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) ranks: Ranks,
    /// The slot of the session with each key.
    pub(super) keys: Sorted,
}

/// The slots of the same sessions in two orders, ascending; lists walk them from the end.
#[derive(Default)]
pub(super) struct Ranks {
    pub(super) activity: Sorted,
    pub(super) creation: Sorted,
}

/// The place of a session by activity.
pub(super) fn by_activity(row: &Row) -> Place<'_> {
    Place {
        first: row.last_active_at.as_millis(),
        second: row.created_at.as_millis(),
        name: &row.id,
    }
}

/// The place of a session by creation.
pub(super) fn by_creation(row: &Row) -> Place<'_> {
    Place {
        first: row.created_at.as_millis(),
        second: 0,
        name: &row.id,
    }
}

/// The place that a position in a list stands for. Ids are in order in the table of sessions itself.
pub(super) fn place_of(order: RowOrder, position: &Position) -> Place<'_> {
    let (first, second) = match order {
        RowOrder::Activity => (
            position.last_active_at.as_millis(),
            position.created_at.as_millis(),
        ),
        RowOrder::Creation => (position.created_at.as_millis(), 0),
        RowOrder::Id => (0, 0),
    };
    Place {
        first,
        second,
        name: &position.id,
    }
}

impl Ranks {
    /// The index for an order.
    pub(super) fn by(&self, order: RowOrder) -> &Sorted {
        match order {
            RowOrder::Activity | RowOrder::Id => &self.activity,
            RowOrder::Creation => &self.creation,
        }
    }

    fn insert(&mut self, row: &Row, slot: u64) {
        insert(&mut self.activity, by_activity(row), row, slot);
        insert(&mut self.creation, by_creation(row), row, slot);
    }

    fn remove(&mut self, row: &Row) {
        self.activity.remove(by_activity(row));
        self.creation.remove(by_creation(row));
    }

    fn is_empty(&self) -> bool {
        self.activity.is_empty()
    }
}

fn insert(index: &mut Sorted, place: Place<'_>, row: &Row, slot: u64) {
    index.insert(Item::new(
        place.first,
        place.second,
        Arc::clone(&row.id),
        slot,
    ));
}

impl Tables {
    /// The slot of the session with that key.
    pub(super) fn slot_of(&self, scope: &str, key: &str) -> Option<u64> {
        self.scopes.get(scope)?.keys.value(key)
    }

    /// The session in that slot.
    pub(super) fn row_at(&self, slot: u64) -> Option<&Row> {
        self.sessions.at(slot).map(|stored| &stored.row)
    }

    /// Inserts a session's row, or replaces it and leaves its messages; says its slot. Id, scope and key of a session never change.
    pub(super) fn put_row(&mut self, mut row: Row) -> u64 {
        self.share_texts(&mut row);
        let Some(slot) = self.sessions.slot(&row.id) else {
            let stored = Stored {
                row: row.clone(),
                log: Log::default(),
                dedup: Sorted::default(),
            };
            let slot = self.sessions.insert(Arc::clone(&row.id), stored);
            self.index(&row, slot);
            return slot;
        };
        if let Some(stored) = self.sessions.at_mut(slot) {
            let old = std::mem::replace(&mut stored.row, row.clone());
            self.reindex(&old, &row, slot);
        }
        slot
    }

    /// Removes a session and its messages.
    pub(super) fn remove_session(&mut self, id: &str) {
        if let Some(stored) = self.sessions.remove(id) {
            self.messages -= stored.log.len() as u64;
            self.unindex(&stored.row);
        }
    }

    /// Adds a message to the session in that slot, in place of the one that has its number. Whether there is such a session.
    pub(super) fn put_message(&mut self, slot: Option<u64>, entry: Entry) -> bool {
        let Some(stored) = slot.and_then(|slot| self.sessions.at_mut(slot)) else {
            return false;
        };
        if stored.log.get(entry.seq).is_some() {
            let replaced = stored.log.remove(entry.seq, entry.seq);
            forget_keys(&mut stored.dedup, &replaced);
            self.messages -= replaced.len() as u64;
        }
        note_key(&mut stored.dedup, &entry);
        stored.log.insert(entry);
        self.messages += 1;
        true
    }

    /// Removes the messages of a session with `first <= seq <= last`.
    pub(super) fn remove_messages(&mut self, id: &str, first: u64, last: u64) {
        let Some(stored) = self.sessions.get_mut(id) else {
            return;
        };
        let removed = stored.log.remove(first, last);
        forget_keys(&mut stored.dedup, &removed);
        self.messages -= removed.len() as u64;
    }

    /// Many sessions have the same scope or owner: one copy of the text does for all.
    fn share_texts(&self, row: &mut Row) {
        if let Some(scope) = self.scopes.name(&row.scope) {
            row.scope = Arc::clone(scope);
        }
        if let Some(owner) = &mut row.owner
            && let Some(shared) = self.owners.name(owner)
        {
            *owner = Arc::clone(shared);
        }
    }

    fn index(&mut self, row: &Row, slot: u64) {
        self.each_ranks(row, &mut |ranks| ranks.insert(row, slot));
        if let Some(key) = &row.key {
            let scope = self.scopes.or_default(&row.scope);
            scope.keys.insert(Item::new(0, 0, Arc::clone(key), slot));
        }
    }

    fn unindex(&mut self, row: &Row) {
        self.each_ranks(row, &mut |ranks| ranks.remove(row));
        if let Some(scope) = self.scopes.get_mut(&row.scope) {
            if let Some(key) = &row.key {
                scope.keys.remove(Place::of(key));
            }
            if scope.ranks.is_empty() {
                self.scopes.remove(&row.scope);
            }
        }
        if let Some(owner) = &row.owner
            && self.owners.get(owner).is_some_and(Ranks::is_empty)
        {
            self.owners.remove(owner);
        }
    }

    /// Nearly every change is an append, which moves the session in the order of activity and nowhere else.
    fn reindex(&mut self, old: &Row, new: &Row, slot: u64) {
        if old.owner != new.owner || old.created_at != new.created_at {
            self.unindex(old);
            self.index(new, slot);
        } else if old.last_active_at != new.last_active_at {
            self.each_ranks(new, &mut |ranks| {
                ranks.activity.remove(by_activity(old));
                insert(&mut ranks.activity, by_activity(new), new, slot);
            });
        }
    }

    /// The indexes that a session stands in.
    fn each_ranks(&mut self, row: &Row, each: &mut dyn FnMut(&mut Ranks)) {
        each(&mut self.all);
        each(&mut self.scopes.or_default(&row.scope).ranks);
        if let Some(owner) = &row.owner {
            each(self.owners.or_default(owner));
        }
    }
}

/// Notes the dedup key of a message, if it has one.
pub(super) fn note_key(dedup: &mut Sorted, entry: &Entry) {
    if let Some(key) = entry.dedup_key() {
        dedup.insert(Item::new(0, 0, Arc::clone(key), entry.seq));
    }
}

/// Forgets the dedup keys of messages that are no more.
pub(super) fn forget_keys(dedup: &mut Sorted, removed: &[Entry]) {
    for key in removed.iter().filter_map(Entry::dedup_key) {
        dedup.remove(Place::of(key));
    }
}
