//! The rows, and the questions and conditions in which a backend is spoken to: data in, outcome out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::{Content, Message, Role, Session};

/// A session as it is stored: the public record and what only the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The public record.
    pub session: Session,
    /// The highest `seq` ever given out in it.
    pub last_seq: u64,
    /// The `seq` of the message that the preview was taken from.
    pub preview_seq: Option<u64>,
    /// Whether its status is a final one of its lifecycle.
    pub is_final: bool,
}

/// How a session is named.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// By its id.
    Id(&'a str),
    /// By its key in its scope.
    Key {
        /// The scope.
        scope: &'a str,
        /// The key.
        key: &'a str,
    },
}

/// Which scopes a filter lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ScopeFilter {
    /// All.
    #[default]
    Any,
    /// This one.
    Exactly(String),
    /// Those that begin with these bytes.
    Prefix(String),
}

/// The order of a list of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowOrder {
    /// (`last_active_at`, `created_at`, id bytes), all descending.
    #[default]
    Activity,
    /// (`created_at`, id bytes), both descending.
    Creation,
    /// Id bytes, ascending.
    Id,
}

/// A place in a list of sessions: of its fields those count that the order names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// See [`RowOrder::Activity`].
    pub last_active_at: Timestamp,
    /// See [`RowOrder::Activity`] and [`RowOrder::Creation`].
    pub created_at: Timestamp,
    /// The id; it need not be that of a session.
    pub id: String,
}

/// Which sessions, in which order, from where on, how many.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Which scopes.
    pub scope: ScopeFilter,
    /// Only those of this owner.
    pub owner: Option<String>,
    /// Only those of this status.
    pub status: Option<String>,
    /// In which order.
    pub order: RowOrder,
    /// Only those strictly after this place in that order.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: usize,
}

/// How many of the messages that are let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Take {
    /// All.
    #[default]
    All,
    /// The oldest so many.
    First(u64),
    /// The newest so many.
    Last(u64),
    /// The oldest so many, and none after the one with which their contents have so many bytes together: at least one, however large.
    Page {
        /// So many rows.
        rows: u64,
        /// So many bytes, counted as they are stored.
        bytes: u64,
    },
}

/// Which messages of a session. However they are taken, they come oldest first.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// `seq` above this; 0 for no bound.
    pub after: u64,
    /// `seq` below this.
    pub before: Option<u64>,
    /// `created_at` strictly after this.
    pub since: Option<Timestamp>,
    /// Only these roles.
    pub roles: Option<Vec<Role>>,
    /// Only summaries, or only others.
    pub summaries: Option<bool>,
    /// How many.
    pub take: Take,
}

/// Which session [`StartSession`] continues instead of inserting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continue {
    /// None.
    Never,
    /// The one with the new row's id.
    SameId,
    /// The one with the new row's scope and key.
    SameKey,
    /// The first of the new row's scope in [`RowOrder::Activity`], if its `last_active_at` is later than this and its status is not final.
    Latest {
        /// The cut-off.
        active_after: Timestamp,
    },
}

/// Find a session to continue, or insert a new row.
///
/// Found: nothing changes, [`Started::Continued`]. Not found: `row` is inserted as it is, [`Started::Created`] — unless its
/// id or its (scope, key) is taken: then nothing changes, [`Started::IdTaken`] or [`Started::KeyTaken`].
#[derive(Debug, Clone)]
pub struct StartSession {
    /// What to look for first.
    pub find: Continue,
    /// The row to insert.
    pub row: SessionRow,
}

/// What [`StartSession`] led to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "taken apart as soon as it is made"
)]
pub enum Started {
    /// This session was there.
    Continued(SessionRow),
    /// The row was inserted.
    Created,
    /// The id is taken.
    IdTaken,
    /// The key is taken in that scope.
    KeyTaken,
}

/// The highest `seq` that a session can give out. SQLite's rows are numbered by it, and an archive must fit every backend.
pub const MAX_SEQ: u64 = (1 << 32) - 1;

/// Append messages to a session. `Debug` shows no text.
///
/// 1. No such session: [`Appended::NoSession`].
/// 2. A row with a dedup key that the session has already, in a living message or an earlier row of this batch, is not written: the
///    message with that key stands for it, if role and content are equal. If one differs: [`Appended::DedupConflict`] and nothing is written.
/// 3. If any row is left to write and `expected_revision` is given and not the session's: [`Appended::Conflict`], nothing is written.
/// 4. Each row left gets the next `seq`, `last_seq + 1` and so on, and as `created_at` its own or, without one, the later of `now` and the
///    session's `last_active_at` before the call. Where that would go beyond [`MAX_SEQ`]: the error `invalid_argument`, and nothing is written.
/// 5. If a row was written, the session row changes: `message_count` and `last_seq` grow by the rows written, `revision` by one;
///    `updated_at` becomes the later of itself and `now`, `last_active_at` the latest of itself and the written rows' `active_at`; and where the
///    session has no preview and the row that `preview` points to was written, it becomes the preview and its `seq` the `preview_seq`.
#[derive(Clone)]
pub struct Append {
    /// To which session.
    pub session_id: String,
    /// The messages, in order.
    pub rows: Vec<AppendRow>,
    /// The operation's time.
    pub now: Timestamp,
    /// The revision demanded.
    pub expected_revision: Option<u64>,
    /// The preview for a session that has none: index of the row, and text.
    pub preview: Option<(usize, String)>,
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("session_id", &self.session_id)
            .field("rows", &self.rows)
            .field("now", &self.now)
            .field("expected_revision", &self.expected_revision)
            .finish_non_exhaustive()
    }
}

/// An append that waited for others before the backend got it; see [`Backend::append_each`](super::Backend::append_each).
#[derive(Debug, Clone)]
pub struct WaitingAppend {
    /// Whose session.
    pub tenant: String,
    /// What to append. As in [`Backend::append`](super::Backend::append) the backend lets go of it before it returns.
    pub append: Arc<Append>,
    /// For how long it has waited already, which counts for the wait limit.
    pub waited: Duration,
}

/// One message to append.
#[derive(Debug, Clone)]
pub struct AppendRow {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// How many tokens.
    pub token_count: Option<u64>,
    /// Whether it is a summary.
    pub is_summary: bool,
    /// The dedup key.
    pub dedup_key: Option<String>,
    /// When it was created, if the caller said so.
    pub created_at: Option<Timestamp>,
    /// Up to when it makes the session active.
    pub active_at: Timestamp,
}

/// What [`Append`] led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// What became of each row, in order.
    Saved(Vec<SavedRow>),
    /// There is no such session.
    NoSession,
    /// The session's revision is another one.
    Conflict {
        /// The present one.
        revision: u64,
    },
    /// A dedup key stands for a message with another role or content.
    DedupConflict {
        /// The key.
        dedup_key: String,
        /// The `seq` of the message that has it, or would have had it.
        seq: u64,
    },
}

/// What became of one row of an [`Append`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedRow {
    /// It was written.
    New {
        /// Its number.
        seq: u64,
        /// Its time.
        created_at: Timestamp,
    },
    /// A message from before the call with the same dedup key, role and content stands for it.
    Existing(Box<Message>),
    /// An earlier row of this batch, at this index, with the same dedup key, role and content stands for it.
    SameAs(usize),
}

/// How many rows of a tenant there are. Messages may be counted by the sessions' `message_count`, which fits them in a sound store, so that the
/// answer does not cost a look at each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Contexts.
    pub contexts: u64,
}
