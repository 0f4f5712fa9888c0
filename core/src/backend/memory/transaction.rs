//! A transaction: committed rows that stand still, and an overlay of its own changes.

use std::sync::Arc;

use super::append;
use super::entry::Entry;
use super::history::History;
use super::list;
use super::overlay::{Overlay, SessionChange, key_in_scope};
use super::row::Row;
use super::table::Tables;
use crate::backend::{
    Append, Appended, Continue, Lookup, MessageFilter, ReadTransaction, RowOrder, ScopeFilter,
    SessionFilter, SessionRow, StartSession, Started, Totals, WriteTransaction,
};
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Context, JsonObject, Lifecycle, Message};
use crate::ordered::Table;
use crate::quoted::quoted;

/// A view of one tenant, which may be written to.
pub(super) struct Transaction<'a> {
    tables: &'a Tables,
    overlay: Overlay,
}

impl<'a> Transaction<'a> {
    /// One that begins with changes which were made before it and are not committed yet.
    pub(super) fn new(tables: &'a Tables, overlay: Overlay) -> Self {
        Self { tables, overlay }
    }

    pub(super) fn into_overlay(self) -> Overlay {
        self.overlay
    }

    pub(super) fn row(&self, id: &str) -> Option<&Row> {
        match self.overlay.sessions.get(id) {
            Some(change) => change.row.as_ref(),
            None => self.tables.sessions.get(id).map(|stored| &stored.row),
        }
    }

    fn row_of_key(&self, scope: &str, key: &str) -> Option<&Row> {
        if !self.overlay.keys.is_empty()
            && let Some(id) = self.overlay.keys.get(&key_in_scope(scope, key))
        {
            return self.row(id);
        }
        let row = self.tables.row_at(self.tables.slot_of(scope, key)?)?;
        match self.overlay.sessions.get(&row.id) {
            Some(change) if change.replaces => None,
            Some(change) => change.row.as_ref(),
            None => Some(row),
        }
    }

    fn find(&self, lookup: Lookup<'_>) -> Option<&Row> {
        match lookup {
            Lookup::Id(id) => self.row(id),
            Lookup::Key { scope, key } => self.row_of_key(scope, key),
        }
    }

    /// The messages of a session that exists.
    pub(super) fn history(&self, id: &str) -> History<'_> {
        let change = self.overlay.sessions.get(id);
        History::new(self.tables.sessions.get(id), change)
    }

    /// The row of a session and its messages.
    pub(super) fn row_and_history(&self, id: &str) -> Option<(&Row, History<'_>)> {
        let change = self.overlay.sessions.get(id);
        let stored = self.tables.sessions.get(id);
        let row = match change {
            Some(change) => change.row.as_ref(),
            None => stored.map(|stored| &stored.row),
        };
        row.map(|row| (row, History::new(stored, change)))
    }

    /// Where the changes of a session that exists are noted.
    pub(super) fn change(&mut self, id: &str) -> Result<&mut SessionChange> {
        if !self.overlay.sessions.contains(id) {
            let stored = self
                .tables
                .sessions
                .get(id)
                .ok_or_else(|| Error::no_session(id))?;
            let change = SessionChange::of(stored.row.clone());
            self.overlay
                .sessions
                .insert(Arc::clone(&stored.row.id), change);
        }
        let change = self
            .overlay
            .sessions
            .get_mut(id)
            .filter(|change| change.row.is_some());
        change.ok_or_else(|| Error::no_session(id))
    }

    fn to_continue(&self, start: &StartSession) -> Option<SessionRow> {
        let new = &start.row.session;
        match start.find {
            Continue::Never => None,
            Continue::SameId => self.row(&new.id).map(Row::to_session_row),
            Continue::SameKey => self
                .row_of_key(&new.scope, new.key.as_deref()?)
                .map(Row::to_session_row),
            Continue::Latest { active_after } => {
                let filter = SessionFilter {
                    scope: ScopeFilter::Exactly(new.scope.clone()),
                    order: RowOrder::Activity,
                    limit: 1,
                    ..SessionFilter::default()
                };
                let latest = list::sessions(self.tables, &self.overlay, &filter).pop()?;
                (latest.session.last_active_at > active_after && !latest.is_final).then_some(latest)
            }
        }
    }

    fn insert_session(&mut self, row: &SessionRow) {
        let row = Row::new(row);
        if let Some(key) = &row.key {
            let name = key_in_scope(&row.scope, key).into();
            self.overlay.keys.insert(name, Arc::clone(&row.id));
        }
        let has_metadata = *row.metadata != *"{}";
        let id = Arc::clone(&row.id);
        let mut change = SessionChange::of(row);
        change.row_changed = true;
        change.metadata_changed = has_metadata;
        change.replaces = self.tables.sessions.contains(&id);
        self.overlay.sessions.insert(id, change);
    }

    fn has_message(&self, id: &str, message: &Message) -> bool {
        let history = self.history(id);
        let dedup_key = message.dedup_key.as_deref();
        history.get(message.seq).is_some()
            || dedup_key.is_some_and(|key| history.with_dedup_key(key).is_some())
    }
}

impl ReadTransaction for Transaction<'_> {
    fn session(&mut self, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        Ok(self.find(lookup).map(Row::to_session_row))
    }

    fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        Ok(list::sessions(self.tables, &self.overlay, filter))
    }

    fn messages(
        &mut self,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        let exists = self.row(session_id).is_some();
        Ok(exists.then(|| self.history(session_id).list(filter)))
    }

    fn context(&mut self, scope: &str) -> Result<Option<Context>> {
        Ok(match self.overlay.contexts.get(scope) {
            Some(changed) => changed.clone(),
            None => self.tables.contexts.get(scope).cloned(),
        })
    }

    fn contexts(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Context>> {
        let (start, is_after) = match after {
            Some(after) if after >= prefix => (after, true),
            _ => (prefix, false),
        };
        let changed = self.overlay.contexts.from(start, is_after);
        let changed = changed.filter_map(|(_, context)| context.as_ref());
        let committed = self.tables.contexts.from(start, is_after);
        let committed = committed.filter(|(scope, _)| !self.overlay.contexts.contains(scope));
        let mut committed = committed.map(|(_, context)| context).peekable();
        let mut changed = changed.peekable();
        let mut out = Vec::new();
        while out.len() < limit {
            let is_changed = match (committed.peek(), changed.peek()) {
                (Some(a), Some(b)) => b.scope < a.scope,
                (a, _) => a.is_none(),
            };
            let next = if is_changed {
                changed.next()
            } else {
                committed.next()
            };
            match next.filter(|context| context.scope.starts_with(prefix)) {
                Some(context) => out.push(context.clone()),
                None => break,
            }
        }
        Ok(out)
    }

    fn lifecycle(&mut self, name: &str) -> Result<Option<Lifecycle>> {
        let new = self.overlay.lifecycles.get(name);
        Ok(new.or_else(|| self.tables.lifecycles.get(name)).cloned())
    }

    fn lifecycles(&mut self) -> Result<Vec<Lifecycle>> {
        let mut all: Table<&Lifecycle> = Table::default();
        for table in [&self.tables.lifecycles, &self.overlay.lifecycles] {
            for (name, lifecycle) in table.iter() {
                all.insert(Arc::clone(name), lifecycle);
            }
        }
        Ok(all.values().map(|lifecycle| (*lifecycle).clone()).collect())
    }

    fn totals(&mut self) -> Result<Totals> {
        let mut sessions = self.tables.sessions.len();
        let mut messages = self.tables.messages;
        for (id, change) in self.overlay.sessions.iter() {
            if let Some(stored) = self.tables.sessions.get(id) {
                sessions -= 1;
                messages -= stored.log.len() as u64;
            }
            if change.row.is_some() {
                sessions += 1;
                messages += self.history(id).count(0, u64::MAX);
            }
        }
        let mut contexts = self.tables.contexts.len();
        for (scope, context) in self.overlay.contexts.iter() {
            contexts -= usize::from(self.tables.contexts.contains(scope));
            contexts += usize::from(context.is_some());
        }
        Ok(Totals {
            sessions: sessions as u64,
            messages,
            contexts: contexts as u64,
        })
    }
}

impl WriteTransaction for Transaction<'_> {
    fn start_session(&mut self, start: &StartSession) -> Result<Started> {
        if let Some(found) = self.to_continue(start) {
            return Ok(Started::Continued(found));
        }
        let new = &start.row.session;
        if self.row(&new.id).is_some() {
            return Ok(Started::IdTaken);
        }
        let key = new.key.as_deref();
        if key.is_some_and(|key| self.row_of_key(&new.scope, key).is_some()) {
            return Ok(Started::KeyTaken);
        }
        self.insert_session(&start.row);
        Ok(Started::Created)
    }

    fn append(&mut self, append: &Append) -> Result<Appended> {
        append::append(self, append)
    }

    fn update_session(&mut self, row: &SessionRow) -> Result<()> {
        let change = self.change(&row.session.id)?;
        change.row = change.row.as_ref().map(|present| present.updated(row));
        change.row_changed = true;
        Ok(())
    }

    fn update_metadata(&mut self, session_id: &str, metadata: &JsonObject) -> Result<()> {
        let change = self.change(session_id)?;
        if let Some(row) = &mut change.row {
            row.metadata = Arc::from(metadata.as_str());
        }
        change.metadata_changed = true;
        Ok(())
    }

    fn insert_messages(&mut self, session_id: &str, messages: &[Message]) -> Result<()> {
        for message in messages {
            self.change(session_id)?;
            if self.has_message(session_id, message) {
                return Err(message_exists(session_id, message.seq));
            }
            self.change(session_id)?.add(Entry::of(message));
        }
        Ok(())
    }

    fn delete_session(&mut self, session_id: &str) -> Result<bool> {
        let Some(row) = self.row(session_id).cloned() else {
            return Ok(false);
        };
        if let Some(key) = &row.key {
            self.overlay.keys.remove(&key_in_scope(&row.scope, key));
        }
        let change = SessionChange {
            replaces: self.tables.sessions.contains(session_id),
            row: None,
            ..SessionChange::of(row.clone())
        };
        self.overlay.sessions.insert(row.id, change);
        Ok(true)
    }

    fn delete_messages(&mut self, session_id: &str, first: u64, last: u64) -> Result<u64> {
        let exists = self.row(session_id).is_some();
        let count = if exists {
            self.history(session_id).count(first, last)
        } else {
            0
        };
        if count > 0 {
            let committed = self.history(session_id).has_committed(first, last);
            let change = self.change(session_id)?;
            change.remove_added(first, last);
            if committed {
                change.remove_committed(first, last);
            }
        }
        Ok(count)
    }

    fn put_context(&mut self, context: &Context) -> Result<()> {
        let scope = Arc::from(context.scope.as_str());
        self.overlay.contexts.insert(scope, Some(context.clone()));
        Ok(())
    }

    fn delete_context(&mut self, scope: &str) -> Result<bool> {
        let exists = self.context(scope)?.is_some();
        if self.tables.contexts.contains(scope) {
            self.overlay.contexts.insert(Arc::from(scope), None);
        } else {
            self.overlay.contexts.remove(scope);
        }
        Ok(exists)
    }

    fn insert_lifecycle(&mut self, lifecycle: &Lifecycle) -> Result<()> {
        if self.lifecycle(&lifecycle.name)?.is_some() {
            return Err(Error::new(
                ErrorCode::AlreadyExists,
                format!(
                    "there is a lifecycle named {} already",
                    quoted(&lifecycle.name)
                ),
            ));
        }
        let name = Arc::from(lifecycle.name.as_str());
        self.overlay.lifecycles.insert(name, lifecycle.clone());
        Ok(())
    }
}

fn message_exists(session_id: &str, seq: u64) -> Error {
    Error::new(
        ErrorCode::AlreadyExists,
        format!(
            "the session {session_id} has a message {seq}, or one with its dedup key, already",
            session_id = quoted(&session_id)
        ),
    )
    .with("session_id", session_id)
    .with("seq", seq)
}
