//! A message, and what is said of one when it is saved or read.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Content, SessionUpdate};
use crate::clock::Timestamp;

/// Who speaks: `user`, `assistant`, `model`, `system`, `developer`, `tool`, or a role declared when the store was opened.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Role(Cow<'static, str>);

impl Role {
    /// The human.
    pub const USER: Role = Role(Cow::Borrowed("user"));
    /// The model, as most APIs call it.
    pub const ASSISTANT: Role = Role(Cow::Borrowed("assistant"));
    /// The model, as Pydantic AI and Google's APIs call it.
    pub const MODEL: Role = Role(Cow::Borrowed("model"));
    /// Instructions.
    pub const SYSTEM: Role = Role(Cow::Borrowed("system"));
    /// Instructions, as newer APIs call them.
    pub const DEVELOPER: Role = Role(Cow::Borrowed("developer"));
    /// What a tool answered.
    pub const TOOL: Role = Role(Cow::Borrowed("tool"));

    /// The roles that every store knows.
    pub const BUILT_IN: [Role; 6] = [
        Self::USER,
        Self::ASSISTANT,
        Self::MODEL,
        Self::SYSTEM,
        Self::DEVELOPER,
        Self::TOOL,
    ];

    /// The role's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Role {
    fn from(name: &str) -> Self {
        match name {
            "user" => Self::USER,
            "assistant" => Self::ASSISTANT,
            "model" => Self::MODEL,
            "system" => Self::SYSTEM,
            "developer" => Self::DEVELOPER,
            "tool" => Self::TOOL,
            other => Self(Cow::Owned(other.to_owned())),
        }
    }
}

impl From<String> for Role {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0.into_owned()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// One entry of a session. Its identity is (session id, `seq`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Its number in the session: 1, 2, 3 …, never used twice, not even after a deletion. *The* order.
    pub seq: u64,
    /// Who speaks.
    pub role: Role,
    /// What is said, verbatim.
    pub content: Content,
    /// How many tokens it has, where the caller counted.
    pub token_count: Option<u64>,
    /// Whether it stands for earlier messages.
    pub is_summary: bool,
    /// The key that makes a retry safe, where one was given.
    pub dedup_key: Option<String>,
    /// When it was created. It informs; `seq` orders.
    pub created_at: Timestamp,
}

impl Message {
    /// A message with nothing but what every one has. For backends and tests; applications save messages through a store.
    pub fn new(
        seq: u64,
        role: impl Into<Role>,
        content: impl Into<Content>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            seq,
            role: role.into(),
            content: content.into(),
            token_count: None,
            is_summary: false,
            dedup_key: None,
            created_at,
        }
    }
}

/// A message to save.
///
/// ```
/// use convostore::{Content, NewMessage, Role};
/// let call = NewMessage::new(Role::ASSISTANT, Content::json(r#"{"tool_calls":[{"id":"c1"}]}"#)?).token_count(31).dedup_key("turn-7");
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub(crate) role: Role,
    pub(crate) content: Content,
    pub(crate) token_count: Option<u64>,
    pub(crate) is_summary: bool,
    pub(crate) dedup_key: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
}

impl NewMessage {
    /// A message of `role` that says `content`.
    pub fn new(role: impl Into<Role>, content: impl Into<Content>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
            token_count: None,
            is_summary: false,
            dedup_key: None,
            created_at: None,
        }
    }

    /// How many tokens it has: at most 2^53 − 1.
    pub fn token_count(mut self, tokens: u64) -> Self {
        self.token_count = Some(tokens);
        self
    }

    /// Whether it stands for earlier messages. Default: no.
    pub fn summary(mut self, is_summary: bool) -> Self {
        self.is_summary = is_summary;
        self
    }

    /// Makes saving it safe to retry: the same key, role and content again changes nothing and gives the first message back;
    /// another role or content under the key is `conflict`. Unique in the session for as long as the message lives.
    /// 1 to 256 bytes, no NUL.
    pub fn dedup_key(mut self, key: impl Into<String>) -> Self {
        self.dedup_key = Some(key.into());
        self
    }

    /// When it was created, to bring old data in. Default: now, or the session's `last_active_at` if the clock has stepped back.
    pub fn created_at(mut self, created_at: Timestamp) -> Self {
        self.created_at = Some(created_at);
        self
    }
}

/// Conditions and company of a save.
#[derive(Debug, Clone, Default)]
pub struct SaveOptions {
    pub(crate) expected_revision: Option<u64>,
    pub(crate) update: Option<SessionUpdate>,
}

impl SaveOptions {
    /// A plain save, which never refuses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands that the session's revision be this one, else `conflict` and nothing is saved.
    pub fn expected_revision(mut self, revision: u64) -> Self {
        self.expected_revision = Some(revision);
        self
    }

    /// Changes the session in the same transaction.
    pub fn update(mut self, update: SessionUpdate) -> Self {
        self.update = Some(update);
        self
    }
}

/// Which messages of a session to read. All, oldest first, unless told.
///
/// ```
/// use convostore::{MessageQuery, NewMessage, NewSession, Role, Store};
/// let store = Store::in_memory()?;
/// let session = store.create_session(NewSession::new())?;
/// for word in ["one", "two", "three"] {
///     store.save_message(&session.id, NewMessage::new(Role::USER, word))?;
/// }
/// let newest: Vec<u64> = store.get_messages(&session.id, MessageQuery::new().last(2))?.iter().map(|m| m.seq).collect();
/// assert_eq!(newest, [2, 3]);
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    pub(crate) after: Option<u64>,
    pub(crate) before: Option<u64>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) limit: Option<u64>,
    pub(crate) last: Option<u64>,
    pub(crate) roles: Option<Vec<Role>>,
    pub(crate) summaries: Option<bool>,
}

impl MessageQuery {
    /// All messages, oldest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those with a `seq` above this.
    pub fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
        self
    }

    /// Only those with a `seq` below this.
    pub fn before(mut self, seq: u64) -> Self {
        self.before = Some(seq);
        self
    }

    /// Only those created strictly after this moment.
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.since = Some(moment);
        self
    }

    /// Only the oldest `n` of them. Not together with `last`.
    pub fn limit(mut self, n: u64) -> Self {
        self.limit = Some(n);
        self
    }

    /// Only the newest `n` of them, still oldest first. Not together with `limit`.
    pub fn last(mut self, n: u64) -> Self {
        self.last = Some(n);
        self
    }

    /// Only those of these roles.
    pub fn roles<R: Into<Role>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Only summaries (`true`), or none of them (`false`).
    pub fn summaries(mut self, summaries: bool) -> Self {
        self.summaries = Some(summaries);
        self
    }
}
