//! Sessions: create, find, continue, list, change, touch, delete, clean up.

use convostore::{CleanupQuery, ListOrder, NewSession, SessionQuery};
use pyo3::prelude::*;

use super::Store;
use crate::clock::{Moment, Span};
use crate::error;
use crate::json::Metadata;
use crate::model::{Cleanup, Deletion, Page, Session, update_of};
use crate::text::{Count, Given, Text};

#[allow(clippy::too_many_arguments, reason = "named arguments")]
fn new_session(
    id: Option<Text>,
    scope: Text,
    key: Option<Text>,
    owner: Option<Text>,
    lifecycle: Option<Text>,
    status: Option<Text>,
    metadata: Option<Metadata>,
    created_at: Option<Moment>,
) -> NewSession {
    let mut new = NewSession::new().scope(scope.0);
    if let Some(id) = id {
        new = new.id(id.0);
    }
    if let Some(key) = key {
        new = new.key(key.0);
    }
    if let Some(owner) = owner {
        new = new.owner(owner.0);
    }
    if let Some(lifecycle) = lifecycle {
        new = new.lifecycle(lifecycle.0);
    }
    if let Some(status) = status {
        new = new.status(status.0);
    }
    if let Some(metadata) = metadata {
        new = new.metadata(metadata.0);
    }
    if let Some(moment) = created_at {
        new = new.created_at(moment.0);
    }
    new
}

#[pymethods]
#[allow(clippy::too_many_arguments, reason = "named arguments")]
impl Store {
    /// Creates a session.
    ///
    /// Args:
    ///     id: Its id: 1 to 128 bytes, no NUL. Default: drawn as the store was told when it was opened.
    ///     scope: Its scope: at most 1,024 bytes, no NUL.
    ///     key: Its key within the scope: 1 to 512 bytes, no NUL.
    ///     owner: Its owner: 1 to 256 bytes, no NUL.
    ///     lifecycle: The name of its lifecycle. Default: "agent".
    ///     status: Its status, any of its lifecycle's, to bring old data in. Default: the lifecycle's initial status.
    ///     metadata: A dict (or JsonText) of your own. Default: {}.
    ///     created_at: When it was created, an aware datetime, not later than now, to bring old data in. Default: now.
    ///
    /// Returns: the Session.
    ///
    /// Errors: already_exists where the id or the (scope, key) is taken; invalid_argument.
    ///
    ///     session = store.create_session(scope="/home/ada/project", metadata={"thread_id": "t-1"})
    #[pyo3(
        signature = (*, id=None, scope=Text::default(), key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None),
        text_signature = "($self, *, id=None, scope='', key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None)"
    )]
    fn create_session(
        &self,
        py: Python<'_>,
        id: Option<Text>,
        scope: Text,
        key: Option<Text>,
        owner: Option<Text>,
        lifecycle: Option<Text>,
        status: Option<Text>,
        metadata: Option<Metadata>,
        created_at: Option<Moment>,
    ) -> PyResult<Session> {
        let new = new_session(
            id, scope, key, owner, lifecycle, status, metadata, created_at,
        );
        self.run(py, |store| store.create_session(new))
            .map(Session::from)
    }

    /// The session with that id.
    ///
    /// Args:
    ///     id: The session's id.
    ///
    /// Returns: the Session, or None where there is none.
    ///
    /// Errors: invalid_argument.
    ///
    ///     if (session := store.get_session("s-42")) is None: ...
    fn get_session(&self, py: Python<'_>, id: Text) -> PyResult<Option<Session>> {
        let found = self.run(py, |store| store.get_session(&id.0))?;
        Ok(found.map(Session::from))
    }

    /// The session with that key in that scope.
    ///
    /// Args:
    ///     scope: The scope.
    ///     key: The key in the scope.
    ///
    /// Returns: the Session, or None where there is none.
    ///
    /// Errors: invalid_argument.
    ///
    ///     session = store.get_session_by_key("C042", "1718.55")
    fn get_session_by_key(
        &self,
        py: Python<'_>,
        scope: Text,
        key: Text,
    ) -> PyResult<Option<Session>> {
        let found = self.run(py, |store| store.get_session_by_key(&scope.0, &key.0))?;
        Ok(found.map(Session::from))
    }

    /// The session with that (scope, key) – or, where no key is given, with that id – as it is; a new one where there is none.
    ///
    /// Of many concurrent callers exactly one creates; all get the same session. What is given for a new session does not touch an
    /// existing one.
    ///
    /// Args:
    ///     id, scope, key, owner, lifecycle, status, metadata, created_at: as for create_session; a key or an id is needed.
    ///
    /// Returns: the Session.
    ///
    /// Errors: invalid_argument where neither key nor id is given; already_exists where a new key is given with the id of another session.
    ///
    ///     session = store.get_or_create_session(scope="C042", key="1718.55", owner="ada", lifecycle="ticket")
    #[pyo3(
        signature = (*, id=None, scope=Text::default(), key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None),
        text_signature = "($self, *, id=None, scope='', key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None)"
    )]
    fn get_or_create_session(
        &self,
        py: Python<'_>,
        id: Option<Text>,
        scope: Text,
        key: Option<Text>,
        owner: Option<Text>,
        lifecycle: Option<Text>,
        status: Option<Text>,
        metadata: Option<Metadata>,
        created_at: Option<Moment>,
    ) -> PyResult<Session> {
        let new = new_session(
            id, scope, key, owner, lifecycle, status, metadata, created_at,
        );
        self.run(py, |store| store.get_or_create_session(new))
            .map(Session::from)
    }

    /// The scope's latest session, if it was active less than the idle limit ago and its status is not final; else a new one.
    ///
    /// Args:
    ///     scope: The scope.
    ///     idle: The idle limit, a timedelta. Default: 4 hours. At the limit exactly, a new session begins.
    ///     id, key, owner, lifecycle, status, metadata, created_at: What a new session is to be, as for create_session.
    ///
    /// Returns: the Session.
    ///
    /// Errors: already_exists where a new session's id or (scope, key) is taken; invalid_argument.
    ///
    ///     session = store.resume_session(os.getcwd(), idle=timedelta(hours=1))
    #[pyo3(
        signature = (scope=Text::default(), *, idle=None, id=None, key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None),
        text_signature = "($self, scope='', *, idle=None, id=None, key=None, owner=None, lifecycle=None, status=None, metadata=None, created_at=None)"
    )]
    fn resume_session(
        &self,
        py: Python<'_>,
        scope: Text,
        idle: Option<Span>,
        id: Option<Text>,
        key: Option<Text>,
        owner: Option<Text>,
        lifecycle: Option<Text>,
        status: Option<Text>,
        metadata: Option<Metadata>,
        created_at: Option<Moment>,
    ) -> PyResult<Session> {
        let new = new_session(
            id, scope, key, owner, lifecycle, status, metadata, created_at,
        );
        let idle = idle.map(|idle| idle.0);
        self.run(py, |store| store.resume_session(new, idle))
            .map(Session::from)
    }

    /// Sessions as whole records, a page at a time.
    ///
    /// In one traversal by cursors nothing comes twice, and every session that does not change meanwhile comes exactly once.
    ///
    /// Args:
    ///     scope: Only those of this scope. Not together with scope_prefix.
    ///     scope_prefix: Only those whose scope begins so.
    ///     owner: Only those of this owner.
    ///     status: Only those of this status.
    ///     order: "activity", the latest active first, or "creation", the newest first.
    ///     limit: How many to a page, 1 to 1,000. Default: 50.
    ///     cursor: The next_cursor of the page before; the other arguments must be the same again.
    ///
    /// Returns: a Page of Session.
    ///
    /// Errors: invalid_argument.
    ///
    ///     page = store.list_sessions(scope="C042", limit=20)
    ///     while page.next_cursor is not None:
    ///         page = store.list_sessions(scope="C042", limit=20, cursor=page.next_cursor)
    #[pyo3(
        signature = (*, scope=None, scope_prefix=None, owner=None, status=None, order=None, limit=None, cursor=None),
        text_signature = "($self, *, scope=None, scope_prefix=None, owner=None, status=None, order='activity', limit=None, cursor=None)"
    )]
    fn list_sessions(
        &self,
        py: Python<'_>,
        scope: Option<Text>,
        scope_prefix: Option<Text>,
        owner: Option<Text>,
        status: Option<Text>,
        order: Option<Text>,
        limit: Option<Count>,
        cursor: Option<Text>,
    ) -> PyResult<Page> {
        let mut query = SessionQuery::new();
        if let Some(scope) = scope {
            query = query.scope(scope.0);
        }
        if let Some(prefix) = scope_prefix {
            query = query.scope_prefix(prefix.0);
        }
        if let Some(owner) = owner {
            query = query.owner(owner.0);
        }
        if let Some(status) = status {
            query = query.status(status.0);
        }
        if let Some(order) = order {
            let order = ListOrder::from_name(&order.0)
                .ok_or_else(|| error::invalid(py, "order is \"activity\" or \"creation\""))?;
            query = query.order(order);
        }
        if let Some(limit) = limit {
            query = query.limit(limit.size());
        }
        if let Some(cursor) = cursor {
            query = query.cursor(cursor.0);
        }
        let page = self.run(py, |store| store.list_sessions(query))?;
        Page::of::<_, Session>(py, page)
    }

    /// Changes a session; what is not given stays. An update that gives nothing changes nothing, the revision included.
    ///
    /// Args:
    ///     id: The session's id.
    ///     status: The new status. The present one again is no move and always allowed.
    ///     owner: The new owner; None takes it away.
    ///     metadata: Replaces the metadata. Not together with merge_metadata.
    ///     merge_metadata: Is merged into the metadata by RFC 7396: None removes a member, dicts are merged, anything else replaces.
    ///     expected_revision: Demands that the session's revision be this one.
    ///
    /// Returns: the Session as it is now.
    ///
    /// Errors: not_found; invalid_transition where the lifecycle does not allow the move; conflict where the expected revision is not the
    /// present one; invalid_argument.
    ///
    ///     session = store.update_session(session.id, status="active", merge_metadata={"jira_key": "OPS-7"})
    #[pyo3(signature = (id, *, status=None, owner=Given::No, metadata=None, merge_metadata=None, expected_revision=None))]
    fn update_session(
        &self,
        py: Python<'_>,
        id: Text,
        status: Option<Text>,
        owner: Given,
        metadata: Option<Metadata>,
        merge_metadata: Option<Metadata>,
        expected_revision: Option<Count>,
    ) -> PyResult<Session> {
        let update = update_of(status, owner, metadata, merge_metadata, expected_revision);
        self.run(py, |store| store.update_session(&id.0, update))
            .map(Session::from)
    }

    /// Makes the session active now.
    ///
    /// Args:
    ///     id: The session's id.
    ///
    /// Returns: the Session as it is now.
    ///
    /// Errors: not_found; invalid_argument.
    ///
    ///     store.touch_session(session.id)
    fn touch_session(&self, py: Python<'_>, id: Text) -> PyResult<Session> {
        self.run(py, |store| store.touch_session(&id.0))
            .map(Session::from)
    }

    /// Deletes a session with its messages, if there is such a session.
    ///
    /// Args:
    ///     id: The session's id.
    ///     erase: Removes also their bytes from the store's files before the call returns, or says what still holds them. A file is
    ///         written anew for it, while other writers wait; that takes along whatever was deleted before, so to erase many
    ///         sessions, delete them, and only the last with erase.
    ///
    /// Returns: a Deletion.
    ///
    /// Errors: invalid_argument.
    ///
    ///     assert store.delete_session(session.id, erase=True).erasure == "complete"
    #[pyo3(signature = (id, *, erase=false))]
    fn delete_session(&self, py: Python<'_>, id: Text, erase: bool) -> PyResult<Deletion> {
        self.run(py, |store| store.delete_session(&id.0, erase))
            .map(Deletion::from)
    }

    /// Deletes the sessions whose last activity is longer ago than older_than, in short transactions, so that writers are not kept waiting.
    /// Contexts stay. Sessions that were deleted before an error stay deleted.
    ///
    /// Args:
    ///     older_than: The age, a timedelta. Default: 30 days.
    ///     scope: Only those of this scope.
    ///     status: Only those of this status.
    ///     dry_run: Only counts what would be deleted.
    ///
    /// Returns: a Cleanup.
    ///
    /// Errors: invalid_argument.
    ///
    ///     print(store.cleanup_sessions(older_than=timedelta(days=90), dry_run=True).sessions)
    #[pyo3(signature = (*, older_than=None, scope=None, status=None, dry_run=false))]
    fn cleanup_sessions(
        &self,
        py: Python<'_>,
        older_than: Option<Span>,
        scope: Option<Text>,
        status: Option<Text>,
        dry_run: bool,
    ) -> PyResult<Cleanup> {
        let mut query = CleanupQuery::new().dry_run(dry_run);
        if let Some(age) = older_than {
            query = query.older_than(age.0);
        }
        if let Some(scope) = scope {
            query = query.scope(scope.0);
        }
        if let Some(status) = status {
            query = query.status(status.0);
        }
        self.run(py, |store| store.cleanup_sessions(query))
            .map(Cleanup::from)
    }
}
