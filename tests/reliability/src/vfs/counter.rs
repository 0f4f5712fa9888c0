//! Counts what a store writes.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Call, Watch};

/// How much was done to the files of a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes written.
    pub bytes: u64,
    /// Writes.
    pub writes: u64,
    /// Confirmations of the disk.
    pub syncs: u64,
}

/// Counts while it watches.
#[derive(Debug, Default)]
pub struct Counter {
    bytes: AtomicU64,
    writes: AtomicU64,
    syncs: AtomicU64,
}

impl Counter {
    /// What was counted since the last call.
    pub fn take(&self) -> Counts {
        Counts {
            bytes: self.bytes.swap(0, Ordering::Relaxed),
            writes: self.writes.swap(0, Ordering::Relaxed),
            syncs: self.syncs.swap(0, Ordering::Relaxed),
        }
    }
}

impl Watch for Counter {
    fn after(&self, _path: &Path, call: Call<'_>) {
        if let Call::Write { data, .. } = call {
            self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn synced(&self, _path: &Path) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }
}
