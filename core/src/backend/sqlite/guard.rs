//! Notices when another SQLite in this process dropped this one's locks.
//!
//! POSIX locks belong to the process and the file: whoever in this process closes *any* descriptor of the database or of its
//! `-shm` — Python's `sqlite3` on the same file, or a plain copy of it — silently drops all locks that our SQLite has there. Another
//! process may then write while we do, or remove the WAL under us, and an acknowledged message is lost without an error.
//!
//! So a [`Guard`] keeps one descriptor on each of the two files for as long as the file is open in this process, and does two things.
//!
//! It holds *locks of the descriptor* (`F_OFD_SETLK`), which no foreign close drops, on the bytes that say "in use": nobody else
//! can truncate `-shm` under our feet, or take itself for the last user and remove the WAL.
//!
//! And it notices when the rest is gone — the write lock, the readers' marks — by a *canary*: an exclusive lock of the process, on
//! a byte that means nothing to SQLite. A foreign close drops it together with SQLite's own locks, and nothing brings it back; so
//! while it is there, none of them was dropped since it was set. `F_OFD_GETLK` tells, in well under a microsecond.
//!
//! Writers of this crate also take turns by a third lock, again one of the descriptor: where the WAL's write lock of one was dropped,
//! it alone keeps the next from writing into the same transaction. A writer has its turn before it begins and until it has rolled back: taken
//! after the beginning, some four files in a hundred were damaged in half a second of two writers and a program that came and went, because
//! SQLite's rolling back writes too. Other programs do not know the turn; before a rolling back the write lock is taken back from them.
//!
//! A foreign SQLite does worse than closing, even to read: where it finds the index of the WAL half written, it takes the write lock, which a
//! process always gets from itself, and recovers the index, while we write there. So while we write the index nobody may recover it: one more lock
//! of the descriptor. (A recovery that overtook a commit made the store `corrupted` for everybody until all had closed it.)
//!
//! Until the guard is there, and from when it is given up, opening and closing trust in SQLite's locks alone: who finds them dropped takes itself for the first or the
//! last, and makes `-shm` anew or removes the WAL under the others. So processes of this crate open and close one after the other, by a lock of
//! the descriptor again: the door. (Three processes that did nothing else lost messages in 8 of 8 files without it.)
//!
//! A connection whose transaction was rolled back after a loss is not used again: rolling back, SQLite takes the pages that it holds for those of the latest
//! commit.
//!
//! It also looks whether the paths of the database and of its WAL still lead to the files that are open, and the database has no
//! second name: what is written to a WAL that nobody finds is lost with this process. Looking before a COMMIT is enough: what
//! happens to the files during it might as well have happened after it.
//!
//! A write looks before its COMMIT (the WAL's write lock ours, which a foreign close drops with the rest; the files in place), when it can still be rolled back
//! and made again; and after it, when a loss in between means that the outcome has to be found out. A read looks after it has
//! read. What remains: another SQLite in this process that *unlocks* without closing while we read; and programs that
//! write without this crate, and so know nothing of turns and doors, at the moment in which our locks are dropped: during our COMMIT or
//! VACUUM, in a transaction of more than 2 MB, which SQLite writes into the WAL before its commit, and where such a program holds the lock that
//! was ours for longer than we wait. A program that wrote a thousand times a second beside us and somebody who came and went every 300 us damaged 10
//! of 10 files in a second; without either of the two nothing is dropped or nobody writes then.
//!
//! Linux only: elsewhere there is no such question to the kernel, and this guard says that all is well.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{Door, Guard};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use none::{Door, Guard};

/// Where the files that are open are, for those who look for them by their paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// Where they belong.
    InPlace,
    /// All but the WAL, which was removed: it can still be moved into the database.
    WithoutWal,
    /// Moved, removed, replaced, or known by a second name.
    Elsewhere,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::ffi::{OsStr, OsString};
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::errno::Errno;
    use nix::fcntl::{AtFlags, FcntlArg, fcntl};
    use nix::libc::{
        F_RDLCK, F_UNLCK, F_WRLCK, O_DIRECTORY, O_PATH, SEEK_SET, c_int, c_short, flock, off_t,
        pid_t,
    };
    use nix::sys::stat::{FileStat, fstatat};
    use nix::unistd::{AccessFlags, faccessat};

    use super::super::error::{SqliteError, SqliteResult};
    use super::super::place::beside;
    use super::Files;

    /// The WAL's write lock: SQLite's `WALINDEX_LOCK_OFFSET`.
    const WRITE_LOCK: off_t = 120;
    /// Who recovers the WAL's index has it exclusively: SQLite's `WAL_RECOVER_LOCK`.
    const RECOVER_LOCK: (off_t, off_t) = (122, 1);
    /// SQLite's "dead man switch": every process that has `-shm` open holds it shared.
    const DEAD_MAN_SWITCH: (off_t, off_t) = (128, 1);
    /// SQLite's `SHARED_FIRST` and `SHARED_SIZE` in the database file: every process that has it open in WAL mode holds them shared.
    const SHARED: (off_t, off_t) = (0x4000_0002, 510);
    /// Where canaries begin in `-shm`: far behind all bytes that SQLite locks or writes.
    const CANARIES: off_t = 1 << 44;
    /// In the database file: what writers of this crate take turns by.
    const TURN: off_t = CANARIES - 1;
    /// In the database file: what processes that open or close it take turns by.
    const DOOR: off_t = CANARIES - 2;
    /// How many bytes are tried for a canary. Two processes have the same one first only across PID namespaces.
    const TRIES: off_t = 64;

    /// Device and inode.
    type Inode = (u64, u64);

    /// See the module.
    #[derive(Debug)]
    pub(in super::super) struct Guard {
        database: File,
        shm: File,
        folder: File,
        database_name: OsString,
        database_id: Inode,
        wal_name: OsString,
        wal_id: Inode,
        pid: pid_t,
        /// The byte in `-shm` that has the canary.
        canary: off_t,
        /// Set when a loss was noticed: until it is renewed this guard vouches for nothing.
        is_lost: AtomicBool,
    }

    /// While it is taken, no other process of this crate opens or closes the file. It is found before SQLite opens the file, and dropped after
    /// SQLite has closed it.
    #[derive(Debug)]
    pub(in super::super) struct Door(File);

    impl Door {
        pub(in super::super) fn find(path: &Path) -> SqliteResult<Self> {
            let opened = OpenOptions::new().read(true).write(true).open(path);
            opened
                .map(Self)
                .map_err(|error| SqliteError::io("watch the locks of", path, error))
        }

        pub(in super::super) fn take(&self) -> bool {
            take(&self.0, DOOR)
        }
    }

    impl Guard {
        /// Puts the sentinels out, then gives the door back. A connection has read from the database, so that `-shm` exists.
        pub(in super::super) fn attach(path: &Path, door: Door) -> SqliteResult<Self> {
            let guard = Self::behind(path, door.0)?;
            guard.give_door_back();
            Ok(guard)
        }

        fn behind(path: &Path, database: File) -> SqliteResult<Self> {
            let pid = pid_t::try_from(std::process::id()).unwrap_or(0);
            let database = declare(database, path, SHARED)?;
            let wal_path = beside(path, "-wal");
            let mut guard = Self {
                database_id: inode(path, database.metadata())?,
                folder: folder_of(path)?,
                database_name: path.file_name().unwrap_or_default().to_owned(),
                // SQLite makes it with the first read, and removes it with the last connection.
                wal_id: inode(&wal_path, fs::metadata(&wal_path))?,
                wal_name: wal_path.file_name().unwrap_or_default().to_owned(),
                database,
                shm: watch(&beside(path, "-shm"), DEAD_MAN_SWITCH)?,
                pid,
                canary: 0,
                is_lost: AtomicBool::new(false),
            };
            let first = CANARIES + off_t::from(pid) * TRIES;
            for canary in first..first + TRIES {
                guard.canary = canary;
                if guard.set_canary() {
                    return Ok(guard);
                }
            }
            Err(SqliteError::LockLost)
        }

        fn set_canary(&self) -> bool {
            let canary = lock(F_WRLCK, (self.canary, 1));
            fcntl(&self.shm, FcntlArg::F_SETLK(&canary)).is_ok()
        }

        /// Whether no lock of this process on `-shm` was dropped since [`Guard::attach`] or [`Guard::renew`]. In the database file
        /// SQLite has none in WAL mode but the one that this guard holds too.
        pub(in super::super) fn is_intact(&self) -> bool {
            !self.is_lost.load(Ordering::Acquire) && self.canary_is_there()
        }

        fn canary_is_there(&self) -> bool {
            holder(&self.shm, self.canary) == Some(self.pid)
        }

        /// Whether the WAL's write lock is held, and by this process.
        pub(in super::super) fn has_write_lock(&self) -> bool {
            holder(&self.shm, WRITE_LOCK) == Some(self.pid)
        }

        /// Takes the WAL's write lock for this process, or finds that it has it, if no other has. SQLite gives it back, which believes to have it.
        pub(in super::super) fn take_write_lock(&self) -> bool {
            let write = lock(F_WRLCK, (WRITE_LOCK, 1));
            fcntl(&self.shm, FcntlArg::F_SETLK(&write)).is_ok()
        }

        /// Whether the files are still those that others see.
        ///
        /// Of the WAL only whether it is there: to ask for more also asks for its times, and where the kernel keeps fine ones, each write after
        /// that has to note them anew; an append took 1.3 times as long.
        pub(in super::super) fn files(&self) -> Files {
            let in_place = self
                .look(&self.database_name)
                .is_ok_and(|it| (it.st_dev, it.st_ino) == self.database_id && it.st_nlink == 1);
            if !in_place || !is_linked(&self.shm) {
                return Files::Elsewhere;
            }
            match faccessat(
                &self.folder,
                &*self.wal_name,
                AccessFlags::F_OK,
                AtFlags::empty(),
            ) {
                Ok(()) => Files::InPlace,
                Err(Errno::ENOENT) => Files::WithoutWal,
                Err(_) => Files::Elsewhere,
            }
        }

        /// As [`Guard::files`], and the WAL is not another one.
        fn is_in_place(&self) -> bool {
            let wal = self.look(&self.wal_name);
            self.files() == Files::InPlace
                && wal.is_ok_and(|wal| (wal.st_dev, wal.st_ino) == self.wal_id)
        }

        fn look(&self, name: &OsStr) -> nix::Result<FileStat> {
            fstatat(&self.folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
        }

        /// Whether the files have a name at all.
        pub(in super::super) fn is_linked(&self) -> bool {
            is_linked(&self.shm) && is_linked(&self.database)
        }

        /// Vouches for nothing any more, until it is renewed.
        pub(in super::super) fn give_up(&self) {
            self.is_lost.store(true, Ordering::Release);
        }

        /// Starts anew after a loss, if the files are still there. Nobody reads or writes meanwhile, so no connection believes to
        /// have a lock that it has not, but for those that this guard holds in their stead.
        pub(in super::super) fn renew(&self) -> bool {
            let renewed = self.is_in_place() && self.set_canary();
            self.is_lost.store(!renewed, Ordering::Release);
            renewed
        }

        /// Keeps everybody from recovering the WAL's index, if nobody does it now.
        pub(in super::super) fn forbid_recovery(&self) -> bool {
            let recover = lock(F_RDLCK, RECOVER_LOCK);
            fcntl(&self.shm, FcntlArg::F_OFD_SETLK(&recover)).is_ok()
        }

        /// Ends what [`Guard::forbid_recovery`] began.
        pub(in super::super) fn allow_recovery(&self) {
            let recover = lock(F_UNLCK, RECOVER_LOCK);
            // If this fails, the lock ends with the descriptor.
            let _ = fcntl(&self.shm, FcntlArg::F_OFD_SETLK(&recover));
        }

        /// Takes the turn among the writers of this crate, if nobody has it.
        pub(in super::super) fn take_turn(&self) -> bool {
            take(&self.database, TURN)
        }

        /// Takes the door to close the file.
        pub(in super::super) fn take_door(&self) -> bool {
            take(&self.database, DOOR)
        }

        fn give_door_back(&self) {
            let door = lock(F_UNLCK, (DOOR, 1));
            let _ = fcntl(&self.database, FcntlArg::F_OFD_SETLK(&door));
        }

        /// Gives the turn back.
        pub(in super::super) fn give_turn_back(&self) {
            let turn = lock(F_UNLCK, (TURN, 1));
            // If this fails, the lock ends with the descriptor.
            let _ = fcntl(&self.database, FcntlArg::F_OFD_SETLK(&turn));
        }

        /// Lets the last connection close as the last: it checks that nobody else uses the files.
        pub(in super::super) fn release(&self) {
            // If this fails, the locks end with the descriptors.
            let _ = fcntl(
                &self.database,
                FcntlArg::F_OFD_SETLK(&lock(F_UNLCK, SHARED)),
            );
            let _ = fcntl(
                &self.shm,
                FcntlArg::F_OFD_SETLK(&lock(F_UNLCK, DEAD_MAN_SWITCH)),
            );
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            // A child of `fork` has the same descriptors: closing ours would not give up what they hold.
            self.release();
            self.give_door_back();
        }
    }

    /// Opens the file and declares it in use.
    fn watch(path: &Path, in_use: (off_t, off_t)) -> SqliteResult<File> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            // Somebody else was the last to close it, a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SqliteError::LockLost);
            }
            Err(error) => return Err(SqliteError::io("watch the locks of", path, error)),
        };
        declare(file, path, in_use)
    }

    fn take(file: &File, byte: off_t) -> bool {
        fcntl(file, FcntlArg::F_OFD_SETLK(&lock(F_WRLCK, (byte, 1)))).is_ok()
    }

    fn declare(file: File, path: &Path, in_use: (off_t, off_t)) -> SqliteResult<File> {
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&lock(F_RDLCK, in_use))) {
            Ok(_) => Ok(file),
            Err(Errno::EAGAIN | Errno::EACCES) => Err(SqliteError::LockLost),
            Err(error) => Err(SqliteError::io("watch the locks of", path, error.into())),
        }
    }

    /// A descriptor of the file's folder, to look up names by; it needs no right to read it.
    fn folder_of(path: &Path) -> SqliteResult<File> {
        let folder = path.parent().unwrap_or(path);
        OpenOptions::new()
            .read(true)
            .custom_flags(O_PATH | O_DIRECTORY)
            .open(folder)
            .map_err(|error| SqliteError::io("watch", folder, error))
    }

    /// What tells the file from others. One that is not there was closed by its last user, a moment ago.
    fn inode(path: &Path, found: io::Result<Metadata>) -> SqliteResult<Inode> {
        match found {
            Ok(metadata) => Ok(id_of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SqliteError::LockLost),
            Err(error) => Err(SqliteError::io("watch", path, error)),
        }
    }

    fn id_of(metadata: &Metadata) -> Inode {
        (metadata.dev(), metadata.ino())
    }

    fn is_linked(file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// The process that has a lock on the byte, if one has.
    fn holder(file: &File, byte: off_t) -> Option<pid_t> {
        let mut lock = lock(F_WRLCK, (byte, 1));
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)).ok()?;
        (c_int::from(lock.l_type) != F_UNLCK).then_some(lock.l_pid)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "small constants of the C library"
    )]
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
    use super::Files;

    /// See the module.
    #[derive(Debug)]
    pub(in super::super) struct Guard;

    /// See the module.
    #[derive(Debug)]
    pub(in super::super) struct Door;

    impl Door {
        pub(in super::super) fn find(_path: &Path) -> SqliteResult<Self> {
            Ok(Self)
        }

        pub(in super::super) fn take(&self) -> bool {
            true
        }
    }

    impl Guard {
        pub(in super::super) fn attach(_path: &Path, _door: Door) -> SqliteResult<Self> {
            Ok(Self)
        }

        pub(in super::super) fn take_door(&self) -> bool {
            true
        }

        pub(in super::super) fn is_intact(&self) -> bool {
            true
        }

        pub(in super::super) fn has_write_lock(&self) -> bool {
            true
        }

        pub(in super::super) fn take_write_lock(&self) -> bool {
            true
        }

        pub(in super::super) fn files(&self) -> Files {
            Files::InPlace
        }

        pub(in super::super) fn is_linked(&self) -> bool {
            true
        }

        pub(in super::super) fn give_up(&self) {}

        pub(in super::super) fn forbid_recovery(&self) -> bool {
            true
        }

        pub(in super::super) fn allow_recovery(&self) {}

        pub(in super::super) fn take_turn(&self) -> bool {
            true
        }

        pub(in super::super) fn give_turn_back(&self) {}

        pub(in super::super) fn renew(&self) -> bool {
            true
        }

        pub(in super::super) fn release(&self) {}
    }
}
