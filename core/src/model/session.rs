//! A session, and what is said of one when it is made, listed or changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::JsonObject;
use crate::clock::Timestamp;

/// One conversation.
///
/// `Debug` shows the preview's size alone: it is what a message says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// Unique within the tenant: 1 to 128 bytes.
    pub id: String,
    /// The place the session belongs to, free text: a channel, a working directory, a project.
    pub scope: String,
    /// The session's name inside its scope, where it has one; `(scope, key)` is unique.
    pub key: Option<String>,
    /// Whom it belongs to, free text.
    pub owner: Option<String>,
    /// The name of the [`Lifecycle`](crate::Lifecycle) whose moves its status follows.
    pub lifecycle: String,
    /// The present status.
    pub status: String,
    /// The application's own JSON object, verbatim.
    pub metadata: JsonObject,
    /// The beginning of the first message that is not of role system or developer and has text: at most 100 code points,
    /// ended at the last whole grapheme.
    pub preview: Option<String>,
    /// How many messages it has now.
    pub message_count: u64,
    /// Grows with every change to the session or its messages, from 1.
    pub revision: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it or its messages changed last.
    pub updated_at: Timestamp,
    /// When it was last active: created, given a message, or touched.
    pub last_active_at: Timestamp,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preview = self.preview.as_ref();
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("scope", &self.scope)
            .field("key", &self.key)
            .field("owner", &self.owner)
            .field("lifecycle", &self.lifecycle)
            .field("status", &self.status)
            .field("metadata", &self.metadata)
            .field(
                "preview",
                &preview.map(|text| format_args!("{} bytes", text.len()).to_string()),
            )
            .field("message_count", &self.message_count)
            .field("revision", &self.revision)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .field("last_active_at", &self.last_active_at)
            .finish()
    }
}

impl Session {
    /// A session with nothing but an id, a scope, a status in a lifecycle, and a time for all three times. For backends and
    /// tests; applications create sessions through a store.
    pub fn new(
        id: impl Into<String>,
        scope: impl Into<String>,
        lifecycle: impl Into<String>,
        status: impl Into<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            scope: scope.into(),
            key: None,
            owner: None,
            lifecycle: lifecycle.into(),
            status: status.into(),
            metadata: JsonObject::default(),
            preview: None,
            message_count: 0,
            revision: 1,
            created_at,
            updated_at: created_at,
            last_active_at: created_at,
        }
    }
}

/// What a new session is to be. Everything has a default.
///
/// ```
/// use convostore::{NewSession, Store};
/// let store = Store::in_memory()?;
/// let session = store.create_session(NewSession::new().scope("C042").key("1718.55").owner("ada").lifecycle("ticket"))?;
/// assert_eq!(session.status, "collecting");
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    pub(crate) id: Option<String>,
    pub(crate) scope: String,
    pub(crate) key: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) lifecycle: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) metadata: Option<JsonObject>,
    pub(crate) created_at: Option<Timestamp>,
}

impl NewSession {
    /// A session in the scope `""`, without key and owner, in the lifecycle `agent`, with the metadata `{}`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its id: 1 to 128 bytes, no NUL. Default: drawn from the store's id source.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Its scope: at most 1,024 bytes, no NUL.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Its key within the scope: 1 to 512 bytes, no NUL.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Its owner: 1 to 256 bytes, no NUL.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The name of its lifecycle. Default: `agent`.
    pub fn lifecycle(mut self, name: impl Into<String>) -> Self {
        self.lifecycle = Some(name.into());
        self
    }

    /// Its status, any of its lifecycle's, to bring old data in. Default: the lifecycle's initial status.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Its metadata.
    pub fn metadata(mut self, metadata: JsonObject) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// When it was created, to bring old data in; not later than now. Default: now.
    pub fn created_at(mut self, created_at: Timestamp) -> Self {
        self.created_at = Some(created_at);
        self
    }
}

/// What is to change in a session; what is not given stays.
///
/// ```
/// use convostore::{JsonObject, NewSession, SessionUpdate, Store};
/// let store = Store::in_memory()?;
/// let session = store.create_session(NewSession::new().metadata(JsonObject::parse(r#"{"draft":"Crash on start"}"#)?))?;
/// let session = store.update_session(
///     &session.id,
///     SessionUpdate::new().status("active").merge_metadata(JsonObject::parse(r#"{"jira_key":"OPS-7"}"#)?),
/// )?;
/// assert_eq!(session.metadata.as_str(), r#"{"draft":"Crash on start","jira_key":"OPS-7"}"#);
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    pub(crate) status: Option<String>,
    #[expect(clippy::option_option, reason = "not given, taken away, or given")]
    pub(crate) owner: Option<Option<String>>,
    pub(crate) metadata: Option<JsonObject>,
    pub(crate) merge_metadata: Option<JsonObject>,
    pub(crate) expected_revision: Option<u64>,
}

impl SessionUpdate {
    /// An update that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The new status. The present one again is no move and always allowed.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// The new owner, or none.
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Replaces the metadata. Not together with `merge_metadata`.
    pub fn metadata(mut self, metadata: JsonObject) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Merges into the metadata by RFC 7396: `null` removes a member, objects are merged, anything else replaces.
    pub fn merge_metadata(mut self, patch: JsonObject) -> Self {
        self.merge_metadata = Some(patch);
        self
    }

    /// Demands that the session's revision be this one, else `conflict`.
    pub fn expected_revision(mut self, revision: u64) -> Self {
        self.expected_revision = Some(revision);
        self
    }

    pub(crate) fn changes_nothing(&self) -> bool {
        self.status.is_none()
            && self.owner.is_none()
            && self.metadata.is_none()
            && self.merge_metadata.is_none()
    }
}

/// The order in which sessions are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ListOrder {
    /// By (`last_active_at`, `created_at`, id bytes), all descending: the latest activity first. The default.
    #[default]
    Activity,
    /// By (`created_at`, id bytes), both descending: the newest first.
    Creation,
}

impl ListOrder {
    /// `activity` or `creation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Creation => "creation",
        }
    }

    /// The order of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "activity" => Some(Self::Activity),
            "creation" => Some(Self::Creation),
            _ => None,
        }
    }
}

/// Which sessions to list, in which order, how many.
///
/// ```
/// use convostore::{ListOrder, SessionQuery, Store};
/// let store = Store::in_memory()?;
/// let page = store.list_sessions(SessionQuery::new().scope_prefix("/home/ada/").order(ListOrder::Creation).limit(20))?;
/// assert!(page.items.is_empty() && page.next_cursor.is_none());
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    pub(crate) scope: Option<String>,
    pub(crate) scope_prefix: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) order: ListOrder,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl SessionQuery {
    /// All sessions of the tenant, the latest activity first, 50 to a page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those of this scope. Not together with `scope_prefix`.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Only those whose scope begins with these bytes.
    pub fn scope_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.scope_prefix = Some(prefix.into());
        self
    }

    /// Only those of this owner.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Only those of this status.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// The order. Default: activity.
    pub fn order(mut self, order: ListOrder) -> Self {
        self.order = order;
        self
    }

    /// How many to a page, 1 to 1,000. Default: 50.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on after the page that gave this cursor; the other arguments must be the same again.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_that_was_said() {
        let mut session = Session::new("s1", "scope", "agent", "created", Timestamp::MIN);
        session.preview = Some("my password is hunter2".to_owned());
        let shown = format!("{session:?}");
        assert!(
            !shown.contains("hunter2") && shown.contains("22 bytes"),
            "{shown}"
        );
    }
}
