//! What operations on the whole store are told and answer.

use std::time::Duration;

/// What `delete_session` did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deletion {
    /// Whether there was such a session.
    pub deleted: bool,
    /// Where erasing was asked for: whether it is complete.
    pub erasure: Option<Erasure>,
}

impl Deletion {
    pub(crate) fn new(deleted: bool, erasure: Option<Erasure>) -> Self {
        Self { deleted, erasure }
    }
}

/// Whether the bytes of what was deleted are gone from the store's files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Erasure {
    /// No byte of it is left in the store's files. (What file systems, disks and copies keep is outside the store's reach.)
    Complete,
    /// It is deleted, but its bytes are still there for the reason given; erasing is completed by the next erasing deletion
    /// that meets no such hindrance.
    Pending {
        /// What still holds them.
        reason: String,
    },
}

/// Which sessions `cleanup_sessions` is to delete.
///
/// ```
/// use std::time::Duration;
/// use convostore::{CleanupQuery, Store};
/// let store = Store::in_memory()?;
/// let would = store.cleanup_sessions(CleanupQuery::new().older_than(Duration::from_secs(7 * 86_400)).dry_run(true))?;
/// assert_eq!(would.sessions, 0);
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CleanupQuery {
    pub(crate) older_than: Duration,
    pub(crate) scope: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) dry_run: bool,
}

impl Default for CleanupQuery {
    fn default() -> Self {
        Self {
            older_than: Duration::from_secs(30 * 86_400),
            scope: None,
            status: None,
            dry_run: false,
        }
    }
}

impl CleanupQuery {
    /// Sessions last active more than 30 days ago.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those whose last activity is longer ago than this. Default: 30 days.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// Only those of this scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Only those of this status.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Only counts what would be deleted.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// What `cleanup_sessions` deleted, or would delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Cleanup {
    /// How many sessions.
    pub sessions: u64,
    /// How many messages in them.
    pub messages: u64,
}

/// How `export_archive` is to go about damage.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    pub(crate) tolerant: bool,
}

impl ExportOptions {
    /// Stops at the first row that cannot be read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Saves what can be read of a damaged store, and lists what cannot.
    pub fn tolerant(mut self, tolerant: bool) -> Self {
        self.tolerant = tolerant;
        self
    }
}

/// What `export_archive` wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExportReport {
    /// Sessions written.
    pub sessions: u64,
    /// Messages written.
    pub messages: u64,
    /// Contexts written.
    pub contexts: u64,
    /// Lifecycles written; the built-in ones are known everywhere and not written.
    pub lifecycles: u64,
    /// Bytes written.
    pub bytes: u64,
    /// With `tolerant`: what could not be read, a sentence each.
    pub unreadable: Vec<String>,
}

/// How `import_archive` is to proceed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    pub(crate) dry_run: bool,
}

impl ImportOptions {
    /// Imports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads and checks everything and reports what an import would do, but changes nothing.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// What `import_archive` did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Sessions added.
    pub sessions: u64,
    /// Messages added.
    pub messages: u64,
    /// Contexts added.
    pub contexts: u64,
    /// Lifecycles added.
    pub lifecycles: u64,
    /// Sessions, contexts and lifecycles that were there already, the same in all they hold.
    pub unchanged: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// How much there is in a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions of this tenant.
    pub sessions: u64,
    /// Messages of this tenant.
    pub messages: u64,
    /// Contexts of this tenant.
    pub contexts: u64,
    /// Bytes in the store's files, of all tenants; nothing where the backend cannot tell.
    pub bytes: Option<u64>,
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreCheck {
    /// Sessions looked at.
    pub sessions: u64,
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, a sentence each; empty where the store is sound. At most 1,000 are listed.
    pub problems: Vec<String>,
}

impl StoreCheck {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}
