//! Notices each `fsync` of this process: SQLite's on files and folders, and those of the standard library, of which SQLite's file
//! system knows nothing (a copy, an archive, a new folder).
//!
//! A function of that name in the program is taken before the C library's by all that is linked into it. It does what the C library's
//! does, by the system call itself, and then tells.
#![allow(unsafe_code, reason = "replaces a function of the C library")]

use std::ffi::c_int;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Watch, put, watcher};

/// Replaces the C library's.
///
/// # Safety
/// As the C library's: any number is allowed, one that is no descriptor is an error.
#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(descriptor: c_int) -> c_int {
    // SAFETY: the system call takes any number.
    let done = unsafe { libc::syscall(libc::SYS_fsync, descriptor) };
    if done == 0
        && let Some((path, watch)) = watched(descriptor)
    {
        watch.synced(&path);
    }
    c_int::try_from(done).unwrap_or(-1)
}

fn watched(descriptor: c_int) -> Option<(PathBuf, Arc<dyn Watch>)> {
    let path = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
    let watch = watcher(&path)?;
    Some((path, watch))
}

#[derive(Debug, Default)]
struct Seen(AtomicBool);

impl Watch for Seen {
    fn synced(&self, _path: &Path) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Fails where the function above was not taken, so that nothing is proved by not looking.
pub(super) fn assert_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let watching = put(folder.path(), Arc::clone(&seen) as Arc<dyn Watch>);
    File::open(folder.path()).unwrap().sync_all().unwrap();
    drop(watching);
    assert!(
        seen.0.load(Ordering::SeqCst),
        "fsync of this process is not seen"
    );
}
