//! Faults of the disk: the n-th call fails, once or from then on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::ffi;

use super::{Call, Go, Recorder, Watch};

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// EIO, of any call.
    Io,
    /// No space left, of what would take space.
    Full,
    /// No space left after a part of a write was written.
    Short,
    /// The disk does not confirm.
    Sync,
    /// The disk does not confirm, but says that it did: what no store can survive.
    Lie,
    /// EIO of the WAL's index alone, which a commit needs after it has reached the WAL.
    Index,
}

impl Fault {
    /// Every kind that any work is tried with.
    pub const ALL: [Self; 4] = [Self::Io, Self::Full, Self::Short, Self::Sync];

    /// What becomes of a call that it meets, if it is of a kind that it can meet.
    fn meets(self, call: Call<'_>) -> Option<Go> {
        let go = match (self, call) {
            (Self::Io, Call::Open) => Go::Fail(ffi::SQLITE_CANTOPEN),
            (Self::Io, Call::Read) => Go::Fail(ffi::SQLITE_IOERR_READ),
            (Self::Io, Call::Write { .. }) => Go::Fail(ffi::SQLITE_IOERR_WRITE),
            (Self::Io, Call::Truncate { .. }) => Go::Fail(ffi::SQLITE_IOERR_TRUNCATE),
            (Self::Io | Self::Sync, Call::Sync) => Go::Fail(ffi::SQLITE_IOERR_FSYNC),
            (Self::Io, Call::Size) => Go::Fail(ffi::SQLITE_IOERR_FSTAT),
            (Self::Io, Call::Lock) => Go::Fail(ffi::SQLITE_IOERR_LOCK),
            (Self::Lie, Call::Sync) => Go::Skip,
            (Self::Io | Self::Index, Call::ShmMap) => Go::Fail(ffi::SQLITE_IOERR_SHMMAP),
            (Self::Io, Call::ShmLock) => Go::Fail(ffi::SQLITE_IOERR_SHMLOCK),
            (Self::Io, Call::Delete) => Go::Fail(ffi::SQLITE_IOERR_DELETE),
            (Self::Io, Call::Access) => Go::Fail(ffi::SQLITE_IOERR_ACCESS),
            (Self::Full, Call::Write { .. }) => Go::Fail(ffi::SQLITE_FULL),
            (Self::Full, Call::ShmMap) => Go::Fail(ffi::SQLITE_IOERR_SHMSIZE),
            (Self::Short, Call::Write { data, .. }) => Go::Partly(data.len() / 2, ffi::SQLITE_FULL),
            _ => return None,
        };
        Some(go)
    }
}

/// Lets calls fail.
#[derive(Debug)]
pub struct Faults {
    fault: Fault,
    nth: u64,
    for_good: bool,
    is_mended: AtomicBool,
    met: AtomicU64,
    struck: AtomicBool,
    recorder: Option<Arc<Recorder>>,
    checkpoint_after: Option<i32>,
}

impl Faults {
    /// The `nth` call, counted from 1, of those that the fault can meet fails; all from then on, if for good.
    pub fn new(fault: Fault, nth: u64, for_good: bool) -> Self {
        Self {
            fault,
            nth,
            for_good,
            is_mended: AtomicBool::new(false),
            met: AtomicU64::new(0),
            struck: AtomicBool::new(false),
            recorder: None,
            checkpoint_after: None,
        }
    }

    /// Has all that happens written down too.
    #[must_use]
    pub fn recorded(mut self, recorder: Arc<Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Has the WAL moved into the database after so many pages.
    #[must_use]
    pub fn with_checkpoint_after(mut self, pages: Option<i32>) -> Self {
        self.checkpoint_after = pages;
        self
    }

    /// No more faults.
    pub fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }

    /// Faults from now on.
    pub fn start(&self) {
        self.is_mended.store(false, Ordering::SeqCst);
    }

    /// Whether a call has failed.
    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }
}

impl Watch for Faults {
    fn before(&self, path: &Path, call: Call<'_>) -> Go {
        if self.is_mended.load(Ordering::SeqCst) {
            return Go::On;
        }
        let Some(go) = self.fault.meets(call) else {
            return Go::On;
        };
        let met = self.met.fetch_add(1, Ordering::SeqCst) + 1;
        if met < self.nth || met > self.nth && !self.for_good {
            return Go::On;
        }
        self.struck.store(true, Ordering::SeqCst);
        if call == Call::Sync
            && let Some(recorder) = &self.recorder
        {
            recorder.sync_failed(path);
        }
        go
    }

    fn after(&self, path: &Path, call: Call<'_>) {
        if let Some(recorder) = &self.recorder {
            recorder.after(path, call);
        }
    }

    fn synced(&self, path: &Path) {
        if let Some(recorder) = &self.recorder {
            recorder.synced(path);
        }
    }

    fn checkpoint_after(&self) -> Option<i32> {
        let recorded = self.recorder.as_ref();
        self.checkpoint_after
            .or_else(|| recorded.and_then(|recorder| recorder.checkpoint_after()))
    }
}
