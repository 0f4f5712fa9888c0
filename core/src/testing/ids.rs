//! Ids that count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::id::IdSource;

/// Gives `s1`, `s2`, `s3` …
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl CountingIds {
    /// A source that begins with `s1`.
    pub fn new() -> Self {
        Self::default()
    }
}

impl IdSource for CountingIds {
    fn new_id(&self, _now: Timestamp) -> String {
        format!("s{}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
