//! How a database is opened.

use std::time::Duration;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Everything that the disk survives: a write is acknowledged when the disk has confirmed it.
    #[default]
    Full,
    /// The end of the process, but not that of the machine: a power cut may lose the last seconds. It never damages the file.
    Normal,
}

/// Options of [`SqliteBackend::open`](super::SqliteBackend::open).
///
/// ```
/// use std::time::Duration;
/// use convostore::backend::sqlite::{Durability, SqliteOptions};
/// let options = SqliteOptions::new().durability(Durability::Normal).wait_limit(Duration::from_secs(5));
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub(super) durability: Durability,
    pub(super) wait_limit: Duration,
    pub(super) guard: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            wait_limit: Duration::from_secs(30),
            guard: true,
        }
    }
}

impl SqliteOptions {
    /// The defaults: full durability, a wait limit of 30 seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an acknowledged write survives. Where several handles of one process have the same file open, the strongest that one
    /// of them asked for counts for all, until the last is closed.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long an operation waits for others, in this process and elsewhere, before it says `busy`. Default: 30 seconds.
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        // SQLite counts milliseconds in 31 bits.
        self.wait_limit = limit.min(Duration::from_millis(i32::MAX.unsigned_abs().into()));
        self
    }

    /// Turns off the check for locks dropped by another SQLite in this process. For tests that show what it is good for.
    #[doc(hidden)]
    pub fn without_lock_guard(mut self) -> Self {
        self.guard = false;
        self
    }
}
