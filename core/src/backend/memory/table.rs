//! The rows of one tenant and the indexes over them, as committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::Entry;
use super::log::Log;
use super::row::Row;
use crate::backend::RowOrder;
use crate::clock::Timestamp;
use crate::model::{Context, Lifecycle};

/// All that one tenant has.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) sessions: BTreeMap<Arc<str>, Stored>,
    /// All sessions.
    pub(super) all: Ranks,
    pub(super) scopes: BTreeMap<Arc<str>, Scope>,
    pub(super) owners: BTreeMap<Arc<str>, Ranks>,
    pub(super) contexts: BTreeMap<Arc<str>, Context>,
    pub(super) lifecycles: BTreeMap<Arc<str>, Lifecycle>,
    /// How many messages all sessions have.
    pub(super) messages: u64,
}

/// A session and its messages.
pub(super) struct Stored {
    pub(super) row: Row,
    pub(super) log: Log,
    /// The `seq` of each dedup key.
    pub(super) dedup: BTreeMap<Arc<str>, u64>,
}

/// The sessions of one scope.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) ranks: Ranks,
    /// The id of each key.
    pub(super) keys: BTreeMap<Arc<str>, Arc<str>>,
}

/// The same sessions in two orders, ascending; lists walk them from the end.
#[derive(Default)]
pub(super) struct Ranks {
    pub(super) activity: BTreeSet<Rank>,
    pub(super) creation: BTreeSet<Rank>,
}

/// The place of a session in an order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    first: Timestamp,
    second: Timestamp,
    pub(super) id: Arc<str>,
}

impl Rank {
    pub(super) fn by_activity(active: Timestamp, created: Timestamp, id: Arc<str>) -> Self {
        Self {
            first: active,
            second: created,
            id,
        }
    }

    pub(super) fn by_creation(created: Timestamp, id: Arc<str>) -> Self {
        Self {
            first: created,
            second: Timestamp::MIN,
            id,
        }
    }

    pub(super) fn activity_of(row: &Row) -> Self {
        Self::by_activity(row.last_active_at, row.created_at, Arc::clone(&row.id))
    }

    pub(super) fn creation_of(row: &Row) -> Self {
        Self::by_creation(row.created_at, Arc::clone(&row.id))
    }
}

impl Ranks {
    /// The index for an order; ids are in order in the table of sessions itself.
    pub(super) fn by(&self, order: RowOrder) -> &BTreeSet<Rank> {
        match order {
            RowOrder::Activity | RowOrder::Id => &self.activity,
            RowOrder::Creation => &self.creation,
        }
    }

    fn insert(&mut self, row: &Row) {
        self.activity.insert(Rank::activity_of(row));
        self.creation.insert(Rank::creation_of(row));
    }

    fn remove(&mut self, row: &Row) {
        self.activity.remove(&Rank::activity_of(row));
        self.creation.remove(&Rank::creation_of(row));
    }

    fn is_empty(&self) -> bool {
        self.activity.is_empty()
    }
}

impl Tables {
    /// The id of the session with that key.
    pub(super) fn id_of(&self, scope: &str, key: &str) -> Option<&Arc<str>> {
        self.scopes.get(scope)?.keys.get(key)
    }

    /// Inserts a session's row, or replaces it and leaves its messages. Id, scope and key of a session never change.
    pub(super) fn put_row(&mut self, mut row: Row) {
        self.share_texts(&mut row);
        match self.sessions.get_mut(&row.id) {
            None => {
                self.index(&row);
                let stored = Stored {
                    row: row.clone(),
                    log: Log::default(),
                    dedup: BTreeMap::new(),
                };
                self.sessions.insert(row.id, stored);
            }
            Some(stored) => {
                let old = std::mem::replace(&mut stored.row, row.clone());
                self.reindex(&old, &row);
            }
        }
    }

    /// Removes a session and its messages.
    pub(super) fn remove_session(&mut self, id: &str) {
        if let Some(stored) = self.sessions.remove(id) {
            self.messages -= stored.log.len() as u64;
            self.unindex(&stored.row);
        }
    }

    /// Adds a message to a session. Whether there is such a session.
    pub(super) fn put_message(&mut self, id: &str, entry: Entry) -> bool {
        self.remove_messages(id, entry.seq, entry.seq);
        let Some(stored) = self.sessions.get_mut(id) else {
            return false;
        };
        if let Some(key) = entry.dedup_key() {
            stored.dedup.insert(Arc::clone(key), entry.seq);
        }
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
        for key in removed.iter().filter_map(Entry::dedup_key) {
            stored.dedup.remove(key);
        }
        self.messages -= removed.len() as u64;
    }

    /// Many sessions have the same scope or owner: one copy of the text does for all.
    fn share_texts(&self, row: &mut Row) {
        if let Some((scope, _)) = self.scopes.get_key_value(&row.scope) {
            row.scope = Arc::clone(scope);
        }
        let owner = row
            .owner
            .as_ref()
            .and_then(|owner| self.owners.get_key_value(owner));
        if let Some((owner, _)) = owner {
            row.owner = Some(Arc::clone(owner));
        }
    }

    fn index(&mut self, row: &Row) {
        self.each_ranks(row, &mut |ranks| ranks.insert(row));
        if let Some(key) = &row.key {
            let scope = self.scopes.entry(Arc::clone(&row.scope)).or_default();
            scope.keys.insert(Arc::clone(key), Arc::clone(&row.id));
        }
    }

    fn unindex(&mut self, row: &Row) {
        self.each_ranks(row, &mut |ranks| ranks.remove(row));
        if let (Some(key), Some(scope)) = (&row.key, self.scopes.get_mut(&row.scope)) {
            scope.keys.remove(key);
        }
        if self
            .scopes
            .get(&row.scope)
            .is_some_and(|scope| scope.ranks.is_empty())
        {
            self.scopes.remove(&row.scope);
        }
        if let Some(owner) = &row.owner
            && self.owners.get(owner).is_some_and(Ranks::is_empty)
        {
            self.owners.remove(owner);
        }
    }

    /// Nearly every change is an append, which moves the session in the order of activity and nowhere else.
    fn reindex(&mut self, old: &Row, new: &Row) {
        if old.owner != new.owner || old.created_at != new.created_at {
            self.unindex(old);
            self.index(new);
        } else if old.last_active_at != new.last_active_at {
            self.each_ranks(new, &mut |ranks| {
                ranks.activity.remove(&Rank::activity_of(old));
                ranks.activity.insert(Rank::activity_of(new));
            });
        }
    }

    /// The indexes that a session stands in.
    fn each_ranks(&mut self, row: &Row, each: &mut dyn FnMut(&mut Ranks)) {
        each(&mut self.all);
        each(&mut self.scopes.entry(Arc::clone(&row.scope)).or_default().ranks);
        if let Some(owner) = &row.owner {
            each(self.owners.entry(Arc::clone(owner)).or_default());
        }
    }
}
