//! Sessions: create, find, continue, list, change, touch, delete.

use std::sync::Arc;
use std::time::Duration;

use super::{Ids, Store};
use crate::backend::{
    Backend, Continue, Lookup, ReadTransaction, ScopeFilter, SessionFilter, SessionRow,
    StartSession, Started, WriteTransaction,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Deletion, Erasure, NewSession, Page, Session, SessionQuery, SessionUpdate};
use crate::quoted::quoted;
use crate::rules::{idle, ids, lifecycle, limits, merge_patch, order, times};

impl Store {
    /// Creates a session.
    ///
    /// Errors: `already_exists` where the id or the `(scope, key)` is taken; `invalid_argument`.
    pub fn create_session(&self, new: NewSession) -> Result<Session> {
        self.start(new, |_, _| Ok(Continue::Never))
    }

    /// The session with that id; `None` where there is none.
    pub fn get_session(&self, id: &str) -> Result<Option<Session>> {
        let (_entered, backend, tenant) = self.enter_reading()?;
        limits::check("id", id, 1, limits::SESSION_ID)?;
        Ok(backend
            .session(tenant, Lookup::Id(id))?
            .map(|row| row.session))
    }

    /// The session with that key in that scope; `None` where there is none.
    pub fn get_session_by_key(&self, scope: &str, key: &str) -> Result<Option<Session>> {
        let (_entered, backend, tenant) = self.enter_reading()?;
        limits::check("scope", scope, 0, limits::SCOPE)?;
        limits::check("key", key, 1, limits::KEY)?;
        let row = backend.session(tenant, Lookup::Key { scope, key })?;
        Ok(row.map(|row| row.session))
    }

    /// The session with that `(scope, key)` — or, where no key is given, with that id — as it is; a new one where there is none.
    ///
    /// Of many concurrent callers with the same key or id exactly one creates; all get the same session. What is given
    /// for a new session does not touch an existing one.
    ///
    /// Errors: `invalid_argument` where neither key nor id is given; `already_exists` where a new key is given with the id of another session.
    pub fn get_or_create_session(&self, new: NewSession) -> Result<Session> {
        self.start(new, |new, _| match (&new.key, &new.id) {
            (Some(_), _) => Ok(Continue::SameKey),
            (None, Some(_)) => Ok(Continue::SameId),
            (None, None) => Err(Error::invalid(
                "get_or_create_session needs a key or an id; create_session makes a session without either",
            )
            .with("argument", "key")),
        })
    }

    /// The scope's latest session, if it was active less than `idle` ago and its status is not final; else a new one, made of
    /// `new`. Without `idle`: 4 hours.
    ///
    /// Errors: `already_exists` where a new session's id or `(scope, key)` is taken; `invalid_argument`.
    pub fn resume_session(&self, new: NewSession, idle: Option<Duration>) -> Result<Session> {
        let limit = idle.unwrap_or(idle::DEFAULT_LIMIT);
        self.start(new, |_, now| {
            Ok(Continue::Latest {
                active_after: idle::active_after(now, limit),
            })
        })
    }

    /// Sessions as whole records, a page at a time.
    ///
    /// In one traversal by cursors nothing comes twice, and every session that does not change meanwhile comes exactly once.
    /// With `status` or `scope_prefix` the store looks along the order until the page is full, so sparse matches cost what is passed over.
    ///
    /// Errors: `invalid_argument`.
    #[expect(clippy::needless_pass_by_value, reason = "as all queries are passed")]
    pub fn list_sessions(&self, query: SessionQuery) -> Result<Page<Session>> {
        let (_entered, backend, tenant) = self.enter_reading()?;
        let limit = limits::page(query.limit)?;
        let filter = session_filter(&query, limit)?;
        let mut rows = backend.sessions(tenant, &filter)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let items: Vec<Session> = rows.into_iter().map(|row| row.session).collect();
        let next_cursor = items
            .last()
            .filter(|_| more)
            .map(|last| order::session_cursor(query.order, last));
        Ok(Page::new(items, next_cursor))
    }

    /// Changes a session; what is not given stays. An update that gives nothing changes nothing, its revision included.
    ///
    /// Errors: `not_found`; `invalid_transition` where the lifecycle does not allow the move; `conflict` where the
    /// expected revision is not the present one; `invalid_argument`.
    pub fn update_session(&self, id: &str, update: SessionUpdate) -> Result<Session> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("id", id, 1, limits::SESSION_ID)?;
        check_update(&update)?;
        let (id, store) = (id.to_owned(), self.clone());
        self.write(move |tx| {
            let mut row = session_row(tx, &id)?;
            store.apply_update(tx, &mut row, &update, now)?;
            Ok(row.session)
        })
    }

    /// Makes the session active now.
    ///
    /// Errors: `not_found`.
    pub fn touch_session(&self, id: &str) -> Result<Session> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("id", id, 1, limits::SESSION_ID)?;
        let id = id.to_owned();
        self.write(move |tx| {
            let mut row = session_row(tx, &id)?;
            times::touched(&mut row.session, now);
            tx.update_session(&row)?;
            Ok(row.session)
        })
    }

    /// Deletes a session with its messages, if there is such a session. With `erase` also their bytes are removed from the
    /// store's files before the call returns, or the answer says what still holds them. Where erasing itself fails the answer is
    /// `Pending` with the failure, since the session is deleted.
    ///
    /// In SQLite erasing writes the whole file anew, while other writers wait: its cost grows with the file, not with the session (about
    /// 10 ms a MiB). It takes along whatever was deleted before: to erase many sessions, delete them, and only the last with `erase`.
    /// Copies and archives are not touched.
    pub fn delete_session(&self, id: &str, erase: bool) -> Result<Deletion> {
        let (_entered, backend, _) = self.enter()?;
        limits::check("id", id, 1, limits::SESSION_ID)?;
        let id = id.to_owned();
        let deleted = self.write(move |tx| tx.delete_session(&id))?;
        // It is deleted by now, so that a failure of the rest is no failure of the deletion.
        let erasure = erase.then(|| backend.erase().unwrap_or_else(|error| pending(&error)));
        Ok(Deletion::new(deleted, erasure))
    }

    /// Continues or creates a session. Ids of the timestamp scheme go on to the next candidate where one is taken.
    fn start(
        &self,
        mut new: NewSession,
        find: impl FnOnce(&NewSession, Timestamp) -> Result<Continue>,
    ) -> Result<Session> {
        let (_entered, backend, tenant) = self.enter()?;
        check_new(&new)?;
        let now = self.now();
        let find = find(&new, now)?;
        let given = new.id.take();
        let drawn = given.is_none();
        let id = match (given, &*self.inner.ids) {
            (Some(id), _) => id,
            (None, Ids::Source(source)) => source.new_id(now),
            (None, Ids::Timestamp) => String::new(), // filled in below, candidate by candidate
        };
        let row = self.new_row(new, id, now)?;
        if drawn && matches!(*self.inner.ids, Ids::Timestamp) {
            return self.start_at(now, find, row);
        }
        limits::check("session_id", &row.session.id, 1, limits::SESSION_ID)?;
        let start = Arc::new(StartSession { find, row });
        try_start(backend, tenant, &start)?.ok_or_else(|| id_taken(&start.row.session.id))
    }

    /// Starts a session whose id is made of the time: the first candidate that is not taken. Of later ones many may be taken, so they are tried in one transaction.
    fn start_at(&self, now: Timestamp, find: Continue, mut row: SessionRow) -> Result<Session> {
        let (backend, tenant) = (&*self.inner.backend, &*self.inner.tenant);
        row.session.id = ids::timestamp(now);
        let first = Arc::new(StartSession { find, row });
        if let Some(session) = try_start(backend, tenant, &first)? {
            return Ok(session);
        }
        self.write(move |tx| {
            let mut start = StartSession::clone(&first);
            for candidate in ids::timestamp_candidates(now) {
                start.row.session.id = candidate;
                if let Some(session) = started(tx.start_session(&start)?, &start.row)? {
                    return Ok(session);
                }
            }
            Err(id_taken(&first.row.session.id)) // there is always one more candidate
        })
    }

    fn new_row(&self, new: NewSession, id: String, now: Timestamp) -> Result<SessionRow> {
        let name = new.lifecycle.as_deref().unwrap_or(lifecycle::DEFAULT);
        let lifecycle = self.lifecycle(name)?;
        let status = new.status.unwrap_or_else(|| lifecycle.initial.clone());
        lifecycle::check_status(&lifecycle, &status)?;
        let created_at = times::session_created_at(new.created_at, now)?;
        let is_final = lifecycle::is_final(&lifecycle, &status);
        let mut session = Session::new(id, new.scope, name, status, created_at);
        session.key = new.key;
        session.owner = new.owner;
        session.metadata = new.metadata.unwrap_or_default();
        session.updated_at = now;
        Ok(SessionRow {
            session,
            last_seq: 0,
            preview_seq: None,
            is_final,
        })
    }

    /// Applies an update to a row that was read in this transaction, and writes it.
    pub(super) fn apply_update(
        &self,
        tx: &mut dyn WriteTransaction,
        row: &mut SessionRow,
        update: &SessionUpdate,
        now: Timestamp,
    ) -> Result<()> {
        let session = &mut row.session;
        if let Some(expected) = update.expected_revision
            && expected != session.revision
        {
            return Err(Error::revision_conflict(expected, session.revision));
        }
        if update.changes_nothing() {
            return Ok(());
        }
        if let Some(status) = &update.status {
            let lifecycle = self.lifecycle_in(tx, &session.lifecycle)?;
            lifecycle::check_move(&lifecycle, &session.status, status)?;
            row.is_final = lifecycle::is_final(&lifecycle, status);
            session.status.clone_from(status);
        }
        if let Some(owner) = &update.owner {
            session.owner.clone_from(owner);
        }
        let metadata = match (&update.metadata, &update.merge_metadata) {
            (Some(metadata), _) => Some(metadata.clone()),
            (None, Some(patch)) => Some(merge_patch::merge(&session.metadata, patch)?),
            (None, None) => None,
        };
        times::changed(session, now);
        if let Some(metadata) = metadata {
            tx.update_metadata(&session.id, &metadata)?;
            session.metadata = metadata;
        }
        tx.update_session(row)
    }
}

/// One attempt to start a session; nothing where the id is taken.
fn try_start(
    backend: &dyn Backend,
    tenant: &str,
    start: &Arc<StartSession>,
) -> Result<Option<Session>> {
    started(
        backend.start_session(tenant, Arc::clone(start))?,
        &start.row,
    )
}

/// The session that was started; nothing where the id is taken.
fn started(outcome: Started, row: &SessionRow) -> Result<Option<Session>> {
    match outcome {
        Started::Continued(found) => Ok(Some(found.session)),
        Started::Created => Ok(Some(row.session.clone())),
        Started::IdTaken => Ok(None),
        Started::KeyTaken => {
            let key = row.session.key.clone().unwrap_or_default();
            Err(Error::new(
                ErrorCode::AlreadyExists,
                format!(
                    "the scope {} has a session with the key {key} already; get_or_create_session continues it",
                    quoted(&row.session.scope),
                    key = quoted(&key),
                ),
            )
            .with("scope", row.session.scope.as_str())
            .with("key", key))
        }
    }
}

/// An erasure that failed.
fn pending(error: &Error) -> Erasure {
    Erasure::Pending {
        reason: format!("erasing failed: {error}"),
    }
}

fn id_taken(id: &str) -> Error {
    Error::new(
        ErrorCode::AlreadyExists,
        format!(
            "there is a session with the id {id} already",
            id = quoted(&id)
        ),
    )
    .with("session_id", id)
}

pub(super) fn session_row<T: ReadTransaction + ?Sized>(tx: &mut T, id: &str) -> Result<SessionRow> {
    tx.session(Lookup::Id(id))?
        .ok_or_else(|| Error::no_session(id))
}

fn check_new(new: &NewSession) -> Result<()> {
    limits::check_optional("id", new.id.as_deref(), limits::SESSION_ID)?;
    limits::check("scope", &new.scope, 0, limits::SCOPE)?;
    limits::check_optional("key", new.key.as_deref(), limits::KEY)?;
    limits::check_optional("owner", new.owner.as_deref(), limits::OWNER)
}

pub(super) fn check_update(update: &SessionUpdate) -> Result<()> {
    if update.metadata.is_some() && update.merge_metadata.is_some() {
        return Err(Error::invalid(
            "metadata replaces and merge_metadata merges; give one of them",
        )
        .with("argument", "metadata"));
    }
    let owner = update.owner.as_ref().and_then(Option::as_deref);
    limits::check_optional("owner", owner, limits::OWNER)
}

/// One row more than the page, to know whether there is a next one.
fn session_filter(query: &SessionQuery, limit: usize) -> Result<SessionFilter> {
    let scope = match (&query.scope, &query.scope_prefix) {
        (Some(_), Some(_)) => {
            return Err(
                Error::invalid("give scope or scope_prefix, not both").with("argument", "scope")
            );
        }
        (Some(scope), None) => ScopeFilter::Exactly(scope.clone()),
        (None, Some(prefix)) if prefix.is_empty() => ScopeFilter::Any,
        (None, Some(prefix)) => ScopeFilter::Prefix(prefix.clone()),
        (None, None) => ScopeFilter::Any,
    };
    if let ScopeFilter::Exactly(text) | ScopeFilter::Prefix(text) = &scope {
        limits::check("scope", text, 0, limits::SCOPE)?;
    }
    limits::check_optional("owner", query.owner.as_deref(), limits::OWNER)?;
    limits::check_optional("status", query.status.as_deref(), limits::STATUS)?;
    let after = match &query.cursor {
        Some(cursor) => Some(order::session_position(query.order, cursor)?),
        None => None,
    };
    Ok(SessionFilter {
        scope,
        owner: query.owner.clone(),
        status: query.status.clone(),
        order: order::row_order(query.order),
        after,
        limit: limit + 1,
    })
}
