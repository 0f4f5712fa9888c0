//! What a storage has to do: rows in transactions. It knows no rule.
//!
//! [`Backend`] is for those who write a backend; those who use a store use [`Store`](crate::Store). Every rule — when a session
//! is continued, what a preview is, which moves a lifecycle allows — is applied above this trait, so it is written once. A backend
//! gets rows, cut-offs and limits; never a policy, never a clock.

pub mod memory;
#[cfg(all(
    feature = "postgres",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub mod postgres;
mod rows;
#[cfg(all(
    feature = "sqlite",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub mod sqlite;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use rows::{
    Append, AppendRow, Appended, Continue, Lookup, MAX_SEQ, MessageFilter, Position, RowOrder,
    SavedRow, ScopeFilter, SessionFilter, SessionRow, StartSession, Started, Take, Totals,
    WaitingAppend,
};

use crate::error::Result;
use crate::model::{Context, Erasure, JsonObject, Lifecycle, Message};

/// Work on a write transaction that can wait in a queue; see [`Backend::write`].
pub type WriteWork = Box<dyn FnMut(&mut dyn WriteTransaction) -> Result<()> + Send>;

/// A storage of sessions, messages, contexts and lifecycles.
///
/// # Tenants
///
/// Every method that touches rows is told the tenant. Rows of one tenant are invisible to every other: the same session id may
/// exist in two tenants, and no method returns, changes, counts or blocks on a row of another one.
///
/// # Text and numbers
///
/// All text is kept and compared byte by byte; there is no collation and no normalisation. Text arrives checked and holds no NUL:
/// ids, scopes, keys, owners, roles, names, statuses, dedup keys, previews, positions, contents, JSON objects. `u64` fields stay below 2^63.
///
/// # Atomicity
///
/// A method, or a closure's transaction, happens whole or not at all. If it returns an error, nothing of it is left, now and
/// after a crash. (The one exception is the code `unknown_outcome`: a backend that lost touch during the commit must return it.)
/// If it returns success, every later read of every handle on the storage sees it, and it is as durable as the
/// storage was opened to be. Where every row of an append has a dedup key, a backend may settle an unknown outcome itself by running it again.
///
/// After a method of a transaction has returned an error, the transaction can only be given up; whoever commits it all the same gets an error.
/// A violated precondition ("there is such a session") may be reported by a later method or by the commit, so that a networked backend can
/// send a write together with what comes next.
///
/// # Isolation
///
/// Writes behave as if one after the other. A read transaction sees one state of the storage, the one at its start; it never
/// sees a part of a write. A session or context that a *write* transaction has read does not change before its end; what it found absent
/// may only come to be where its write would then fail or be run again. Readers do not wait for writers nor writers for readers, as far as the storage allows.
///
/// # Order
///
/// Lists come in the order that the filter names, by bytes where it is text; messages always in order of `seq`.
///
/// # Errors
///
/// A backend has its own error type and converts it to [`Error`](crate::Error) in one place. It says `busy` after its wait limit, `closed`
/// after [`Backend::close`], `disk_full`, `read_only`, `corrupted` and `lock_lost` for what they say, and `storage` for the rest. No content of a message
/// appears in an error.
///
/// # Hot paths
///
/// [`start_session`](Backend::start_session), [`append`](Backend::append), [`session`](Backend::session),
/// [`sessions`](Backend::sessions) and [`messages`](Backend::messages) mean the same as the transaction's methods of that name
/// in a transaction of their own. They stand here so that a networked backend can carry each out as one statement;
/// [`message_count`](Backend::message_count), so that who wants a number does not pay for a row.
pub trait Backend: fmt::Debug + Send + Sync {
    /// [`WriteTransaction::start_session`] in a transaction of its own.
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started>;

    /// [`WriteTransaction::append`] in a transaction of its own. The caller takes the contents back out of the `Arc`, so the backend lets
    /// go of it before it returns.
    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended>;

    /// Each as [`append`](Backend::append), for itself: it happens whole or not at all, and its error is its own. They may share a commit, and those of
    /// one session keep their order. Gives an answer for each, in their order.
    ///
    /// For those who have several at hand that wait, on a storage that [has one writer](Backend::has_one_writer).
    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>>;

    /// Whether its writes come one after the other, whatever they write: then those that wait do well to wait together, in one
    /// [`append_each`](Backend::append_each). Otherwise each is better handed in by a thread of its own.
    fn has_one_writer(&self) -> bool;

    /// [`ReadTransaction::session`] in a transaction of its own.
    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>>;

    /// The `message_count` of the session with that id, as [`session`](Backend::session) would give it; nothing where there is no such session.
    fn message_count(&self, tenant: &str, session_id: &str) -> Result<Option<u64>>;

    /// [`ReadTransaction::sessions`] in a transaction of its own.
    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>>;

    /// [`ReadTransaction::messages`] in a transaction of its own.
    fn messages(
        &self,
        tenant: &str,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>>;

    /// Runs `work` in a read transaction, on the caller's thread, at most once to its end: it may write an archive to somewhere as it goes. A
    /// connection that turns out to be dead before the first row was read may be replaced.
    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()>;

    /// Runs `work` in a write transaction and commits if it returns `Ok`; rolls back and returns its error otherwise.
    ///
    /// `work` may run on another thread, may share a transaction with the work of others (each atomic in itself), and may
    /// **run more than once** when a transaction is lost: it has no effect but its writes and its output, which it resets on each run.
    fn write(&self, tenant: &str, work: WriteWork) -> Result<()>;

    /// Runs `work` exactly once, on the caller's thread, in a write transaction that it shares with nobody: for long work that reads its
    /// input as it goes. Where it loses against another writer it is `busy`, and the caller begins again.
    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()>;

    /// Removes the bytes of all rows that were deleted until now from the storage, as far as no reader still holds them.
    fn erase(&self) -> Result<Erasure>;

    /// Checks the storage's own integrity, as far as it may see: what is wrong, a sentence each. (The invariants of the rows are checked above.)
    fn check(&self) -> Result<Vec<String>>;

    /// Writes a copy of the whole storage, all tenants, as it is at one moment, to a new file that only its owner can read.
    ///
    /// Errors: `already_exists` where there is such a file, `unsupported` where the storage has no files.
    fn backup(&self, path: &Path) -> Result<()>;

    /// The bytes that the storage takes, all tenants; nothing where it cannot tell.
    fn size(&self) -> Result<Option<u64>>;

    /// Ends all work: what runs is completed, everything after is `closed`. A second call does nothing.
    fn close(&self) -> Result<()>;
}

/// A consistent view of one tenant's rows.
pub trait ReadTransaction {
    /// The session with that id or key, if there is one.
    fn session(&mut self, lookup: Lookup<'_>) -> Result<Option<SessionRow>>;

    /// The sessions that the filter lets through: in its order, after its position, at most its limit.
    ///
    /// A filter with `order` [`RowOrder::Activity`] or [`RowOrder::Creation`] costs no more than the rows it looks at from its
    /// position on; with a scope, an owner or nothing given it looks at no more than it returns.
    fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionRow>>;

    /// The messages of the session that the filter lets through, oldest first; nothing where there is no such session.
    fn messages(
        &mut self,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>>;

    /// The context of that scope, if there is one.
    fn context(&mut self, scope: &str) -> Result<Option<Context>>;

    /// Contexts whose scope begins with `prefix` and comes after `after`, by bytes of the scope, at most `limit`.
    fn contexts(&mut self, prefix: &str, after: Option<&str>, limit: usize)
    -> Result<Vec<Context>>;

    /// The lifecycle defined under that name, if there is one. The built-in ones are not rows.
    fn lifecycle(&mut self, name: &str) -> Result<Option<Lifecycle>>;

    /// All defined lifecycles, by bytes of their names.
    fn lifecycles(&mut self) -> Result<Vec<Lifecycle>>;

    /// How many rows there are.
    fn totals(&mut self) -> Result<Totals>;
}

/// A transaction that also writes. It sees its own writes.
pub trait WriteTransaction: ReadTransaction {
    /// Continues a session or inserts a new row, as `start` says: see [`StartSession`].
    fn start_session(&mut self, start: &StartSession) -> Result<Started>;

    /// Appends messages to a session: see [`Append`].
    fn append(&mut self, append: &Append) -> Result<Appended>;

    /// Replaces the row of the session with that id in all but id, scope, key and metadata. There is such a session.
    fn update_session(&mut self, row: &SessionRow) -> Result<()>;

    /// Replaces the metadata of a session. There is such a session.
    fn update_metadata(&mut self, session_id: &str, metadata: &JsonObject) -> Result<()>;

    /// Inserts messages as they are, with their own `seq`. Touches no session row. There is such a session, and no such messages.
    fn insert_messages(&mut self, session_id: &str, messages: &[Message]) -> Result<()>;

    /// Deletes the session and its messages. Whether there was one.
    fn delete_session(&mut self, session_id: &str) -> Result<bool>;

    /// Deletes the session's messages with `first <= seq <= last` and says how many there were. Touches no session row.
    fn delete_messages(&mut self, session_id: &str, first: u64, last: u64) -> Result<u64>;

    /// Inserts or replaces the context of its scope.
    fn put_context(&mut self, context: &Context) -> Result<()>;

    /// Deletes the context of that scope. Whether there was one.
    fn delete_context(&mut self, scope: &str) -> Result<bool>;

    /// Inserts the lifecycle. There is none of its name.
    fn insert_lifecycle(&mut self, lifecycle: &Lifecycle) -> Result<()>;
}
