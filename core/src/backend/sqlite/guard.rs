//! Notices when another SQLite in this process dropped this one's locks.
//!
//! POSIX locks belong to the process and the file: whoever in this process closes *any* descriptor of the database or of its
//! `-shm` — Python's `sqlite3` on the same file, or a plain copy of it — silently drops all locks that our SQLite has there. Another
//! process may then write while we do, or remove the WAL under us, and an acknowledged message is lost without an error.
//!
//! So a [`Guard`] keeps one descriptor on each of the two files for as long as the file is open in this process, and with it a
//! *canary*: an exclusive lock on a byte that means nothing to SQLite and that no other process has. A foreign close drops it
//! together with SQLite's own locks, and nothing brings it back; so while it is there, none of them was dropped since it was set.
//! `F_OFD_GETLK` tells, in well under a microsecond, since locks of the process conflict with locks of the descriptor.
//!
//! A write looks before its COMMIT (canary there, the WAL's write lock ours, `-shm` not unlinked), when it can still be rolled
//! back and tried again; and after it, when a loss in between means that the outcome has to be found out. A read looks after
//! it has read. What is not noticed: another SQLite in this process that *unlocks* without closing while we read, or that takes
//! and gives back the write lock while our COMMIT runs. A program with two SQLites on one file can still hit these windows.
//!
//! Linux only: elsewhere there is no such question to the kernel, and this guard says that all is well.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::Guard;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use none::Guard;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK, SEEK_SET, c_int, c_short, flock, off_t, pid_t};

    use super::super::error::{SqliteError, SqliteResult};
    use super::super::place::beside;

    /// The WAL's write lock: SQLite's `WALINDEX_LOCK_OFFSET`.
    const WRITE_LOCK: off_t = 120;
    /// SQLite's "dead man switch": every process that has `-shm` open holds it shared.
    const DEAD_MAN_SWITCH: off_t = 128;
    /// SQLite's `SHARED_FIRST` and `SHARED_SIZE` in the database file: every process that has it open in WAL mode holds them shared.
    const SHARED: (off_t, off_t) = (0x4000_0002, 510);
    /// Where canaries begin: far behind all bytes that SQLite locks or writes.
    const CANARIES: off_t = 1 << 44;
    /// How many bytes are tried for a canary. Two processes have the same one first only across PID namespaces.
    const TRIES: off_t = 64;

    /// A descriptor with a canary on it.
    #[derive(Debug)]
    struct Sentinel {
        file: File,
        canary: off_t,
    }

    /// See the module.
    #[derive(Debug)]
    pub(in super::super) struct Guard {
        database: Sentinel,
        shm: Sentinel,
        pid: pid_t,
        /// Set when a loss was noticed: from then on this guard vouches for nothing.
        is_lost: AtomicBool,
    }

    impl Guard {
        /// Puts the sentinels out. A connection has read from the database, so that `-shm` exists.
        pub(in super::super) fn attach(path: &Path) -> SqliteResult<Self> {
            let pid = pid_t::try_from(std::process::id()).unwrap_or(0);
            let shm = beside(path, "-shm");
            let guard = Self {
                database: Sentinel::place(path, SHARED, pid)?,
                shm: Sentinel::place(&shm, (DEAD_MAN_SWITCH, 1), pid)?,
                pid,
                is_lost: AtomicBool::new(false),
            };
            Ok(guard)
        }

        /// Whether no lock of this process on the two files was dropped since [`Guard::attach`], and `-shm` is still the one in use.
        pub(in super::super) fn is_intact(&self) -> bool {
            !self.is_lost.load(Ordering::Acquire)
                && self.shm.is_there(self.pid)
                && self.database.is_there(self.pid)
                && self.shm.is_linked()
        }

        /// After a loss, takes back the locks that keep others from removing the files. Whether that came in time. The guard
        /// stays lost: reads that ran meanwhile had no locks.
        pub(in super::super) fn retake(&self) -> bool {
            self.is_lost.store(true, Ordering::Release);
            set(&self.database.file, F_RDLCK, SHARED).is_ok()
                && set(&self.shm.file, F_RDLCK, (DEAD_MAN_SWITCH, 1)).is_ok()
                && self.shm.is_linked()
        }

        /// Whether the WAL's write lock is held, and by this process.
        pub(in super::super) fn has_write_lock(&self) -> bool {
            holder(&self.shm.file, WRITE_LOCK) == Some(self.pid)
        }
    }

    impl Sentinel {
        /// Opens the file and locks a canary in it.
        ///
        /// `shared` is what SQLite holds too while it has the file open. Taking it here changes nothing, except in a child of
        /// `fork`: there SQLite believes that it has these locks, since it had them before the fork.
        fn place(path: &Path, shared: (off_t, off_t), pid: pid_t) -> SqliteResult<Self> {
            let place = || {
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                set(&file, F_RDLCK, shared)?;
                let first = CANARIES + off_t::from(pid) * TRIES;
                for canary in first..first + TRIES {
                    match set(&file, F_WRLCK, (canary, 1)) {
                        Ok(()) => return Ok(Self { file, canary }),
                        Err(Errno::EAGAIN | Errno::EACCES) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(io::Error::from(io::ErrorKind::ResourceBusy))
            };
            place().map_err(|error| SqliteError::io("watch the locks of", path, error))
        }

        fn is_there(&self, pid: pid_t) -> bool {
            holder(&self.file, self.canary) == Some(pid)
        }

        fn is_linked(&self) -> bool {
            self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
        }
    }

    /// The process that has a lock on the byte, if one has.
    fn holder(file: &File, byte: off_t) -> Option<pid_t> {
        let mut lock = lock(F_WRLCK, (byte, 1));
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)).ok()?;
        (c_int::from(lock.l_type) != F_UNLCK).then_some(lock.l_pid)
    }

    fn set(file: &File, kind: c_int, range: (off_t, off_t)) -> nix::Result<()> {
        fcntl(file, FcntlArg::F_SETLK(&lock(kind, range))).map(drop)
    }

    #[expect(clippy::cast_possible_truncation, reason = "small constants of the C library")]
    fn lock(kind: c_int, (start, len): (off_t, off_t)) -> flock {
        flock {
            l_type: kind as c_short,
            l_whence: SEEK_SET as c_short,
            l_start: start,
            l_len: len,
            l_pid: 0,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod none {
    use std::path::Path;

    use super::super::error::SqliteResult;

    /// See the module.
    #[derive(Debug)]
    pub(in super::super) struct Guard;

    impl Guard {
        pub(in super::super) fn attach(_path: &Path) -> SqliteResult<Self> {
            Ok(Self)
        }

        pub(in super::super) fn is_intact(&self) -> bool {
            true
        }

        pub(in super::super) fn has_write_lock(&self) -> bool {
            true
        }

        pub(in super::super) fn retake(&self) -> bool {
            true
        }
    }
}
