//! The functions that SQLite calls: a file system that asks and tells the [`Watch`] of a folder and has the system's own do the work.
#![allow(unsafe_code, reason = "SQLite calls these functions by pointers")]

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::slice;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

use super::{Call, Go, Watch, watcher};

/// An open file of a watched folder. The system's own follows it in memory.
#[repr(C)]
struct Open {
    base: ffi::sqlite3_file,
    watched: *mut Watched,
}

struct Watched {
    path: PathBuf,
    watch: Arc<dyn Watch>,
}

/// The system's file system, which lives as long as the process.
#[derive(Clone, Copy)]
struct System(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite's file systems are used by all threads, and this pointer is only read.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

static SYSTEM: OnceLock<System> = OnceLock::new();

fn system() -> *mut ffi::sqlite3_vfs {
    SYSTEM.get().expect("installed before it is called").0
}

/// Makes the watching file system the default of the process.
pub(super) fn install() {
    // SAFETY: SQLite's own list of file systems; what is registered is leaked, so it lives as long as the process. The copy keeps the
    // system's functions where they are not replaced; those do not look at the pointer that they are called with.
    unsafe {
        let system = ffi::sqlite3_vfs_find(ptr::null());
        assert!(!system.is_null());
        SYSTEM.get_or_init(|| System(system));
        let mut watching = *system;
        watching.zName = c"watching".as_ptr();
        watching.pNext = ptr::null_mut();
        watching.szOsFile += c_int::try_from(size_of::<Open>()).unwrap();
        watching.xOpen = Some(open);
        watching.xDelete = Some(delete);
        watching.xAccess = Some(access);
        let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(watching)), 1);
        assert_eq!(registered, ffi::SQLITE_OK);
        assert_eq!(
            ffi::sqlite3_auto_extension(Some(set_up)),
            ffi::SQLITE_OK,
            "connections are set up"
        );
    }
}

/// A connection that this thread has just opened, and after how many pages it is to empty its WAL.
struct Opened {
    db: *mut ffi::sqlite3,
    path: PathBuf,
    pages: c_int,
}

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Called by SQLite for each new connection.
unsafe extern "C" fn set_up(
    db: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: `db` is the connection that SQLite is opening.
    let path = unsafe { path_of(ffi::sqlite3_db_filename(db, c"main".as_ptr())) };
    let opened = path.and_then(|path| {
        let pages = watcher(&path)?.checkpoint_after()?;
        Some(Opened { db, path, pages })
    });
    OPENED.set(opened);
    ffi::SQLITE_OK
}

/// Says after how many pages a connection empties its WAL. SQLite sets its own number when it has opened it, so that this comes with the first
/// pragma, which a store sends right after the opening.
fn set_checkpoint(path: &Path) {
    let opened = OPENED.take();
    if let Some(opened) = opened.filter(|opened| opened.path == path) {
        // SAFETY: the connection was opened by this thread and no other since; it is the one that is calling.
        unsafe { ffi::sqlite3_wal_autocheckpoint(opened.db, opened.pages) };
    }
}

/// # Safety
/// `name` is null or a string of SQLite's.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: as above.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?;
    let bytes = name.to_bytes();
    (!bytes.is_empty()).then(|| Path::new(OsStr::from_bytes(bytes)).to_owned())
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes for the file, which is enough for ours and the system's behind it.
    unsafe {
        let open = (*system()).xOpen.unwrap();
        let Some((path, watch)) =
            path_of(name).and_then(|path| watcher(&path).map(|watch| (path, watch)))
        else {
            return open(system(), name, file, flags, out);
        };
        (*file).pMethods = ptr::null();
        match watch.before(&path, Call::Open) {
            Go::On | Go::Skip => {}
            Go::Fail(code) | Go::Partly(_, code) => return code,
        }
        let opened = open(system(), name, real(file), flags, out);
        // Where it has methods SQLite closes it, even if opening failed.
        if !(*real(file)).pMethods.is_null() {
            let watched = Box::new(Watched { path, watch });
            if opened == ffi::SQLITE_OK {
                watched.watch.after(&watched.path, Call::Open);
            }
            (*file.cast::<Open>()).watched = Box::into_raw(watched);
            (*file).pMethods = &raw const METHODS;
        }
        opened
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: SQLite's own arguments go on to the system's function.
    unsafe {
        let act = || (*system()).xDelete.unwrap()(system(), name, sync_folder);
        by_name(name, Call::Delete, act)
    }
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's own arguments go on to the system's function.
    unsafe {
        let act = || (*system()).xAccess.unwrap()(system(), name, flags, out);
        by_name(name, Call::Access, act)
    }
}

/// # Safety
/// `name` is null or a string of SQLite's.
unsafe fn by_name(name: *const c_char, call: Call<'_>, act: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: as above.
    match unsafe { path_of(name) }.and_then(|path| watcher(&path).map(|watch| (path, watch))) {
        Some((path, watch)) => asked(&path, &*watch, call, act),
        None => act(),
    }
}

fn asked(path: &Path, watch: &dyn Watch, call: Call<'_>, act: impl FnOnce() -> c_int) -> c_int {
    match watch.before(path, call) {
        Go::On => {}
        Go::Skip => return ffi::SQLITE_OK,
        Go::Fail(code) | Go::Partly(_, code) => return code,
    }
    let code = act();
    if code == ffi::SQLITE_OK {
        watch.after(path, call);
    }
    code
}

/// The system's file behind ours.
///
/// # Safety
/// `file` is one that SQLite gave to [`open`].
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: as above.
    unsafe { file.cast::<Open>().add(1).cast() }
}

/// Calls the system's method of a name, with its arguments, for a file.
macro_rules! system_method {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        (*(*real).pMethods).$method.unwrap()(real $(, $argument)*)
    }};
}

/// A method that does no more than to ask, to do, and to tell.
macro_rules! method {
    ($name:ident, $method:ident, ($($argument:ident: $kind:ty),*), $call:expr) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: `file` was opened by `open`, and the arguments are SQLite's.
            unsafe {
                let watched = &*(*file.cast::<Open>()).watched;
                asked(&watched.path, &*watched.watch, $call, || system_method!(file, $method $(, $argument)*))
            }
        }
    };
}

/// A method that nobody watches.
macro_rules! quiet_method {
    ($name:ident, $method:ident, ($($argument:ident: $kind:ty),*)) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: `file` was opened by `open`, and the arguments are SQLite's.
            unsafe { system_method!(file, $method $(, $argument)*) }
        }
    };
}

method!(read, xRead, (into: *mut c_void, len: c_int, offset: ffi::sqlite3_int64), Call::Read);
method!(truncate, xTruncate, (size: ffi::sqlite3_int64), Call::Truncate { size: size.unsigned_abs() });
method!(sync, xSync, (flags: c_int), Call::Sync);
method!(size, xFileSize, (out: *mut ffi::sqlite3_int64), Call::Size);
method!(lock, xLock, (level: c_int), Call::Lock);
method!(shm_map, xShmMap, (page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void), Call::ShmMap);
quiet_method!(unlock, xUnlock, (level: c_int));
quiet_method!(is_locked, xCheckReservedLock, (out: *mut c_int));
quiet_method!(sector_size, xSectorSize, ());
quiet_method!(characteristics, xDeviceCharacteristics, ());
quiet_method!(shm_unmap, xShmUnmap, (delete: c_int));

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `file` was opened by `open` and is closed once.
    unsafe {
        let open = file.cast::<Open>();
        drop(Box::from_raw((*open).watched));
        (*open).watched = ptr::null_mut();
        system_method!(file, xClose)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: `file` was opened by `open`, and `from` holds `len` bytes.
    unsafe {
        let watched = &*(*file.cast::<Open>()).watched;
        let write = |len: usize| {
            let len = c_int::try_from(len).unwrap();
            system_method!(file, xWrite, from, len, offset)
        };
        let data = slice::from_raw_parts(from.cast::<u8>(), usize::try_from(len).unwrap());
        let offset = offset.unsigned_abs();
        let call = Call::Write { offset, data };
        let go = watched.watch.before(&watched.path, call);
        let (len, then) = match go {
            Go::On => (data.len(), ffi::SQLITE_OK),
            Go::Partly(len, code) => (len.min(data.len()), code),
            Go::Skip => return ffi::SQLITE_OK,
            Go::Fail(code) => return code,
        };
        let code = write(len);
        if code != ffi::SQLITE_OK {
            return code;
        }
        let data = &data[..len];
        watched
            .watch
            .after(&watched.path, Call::Write { offset, data });
        then
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: `file` was opened by `open`, and the arguments are SQLite's.
    unsafe {
        let act = || system_method!(file, xShmLock, offset, count, flags);
        // Giving a lock back does not fail.
        if flags & ffi::SQLITE_SHM_LOCK == 0 {
            return act();
        }
        let watched = &*(*file.cast::<Open>()).watched;
        asked(&watched.path, &*watched.watch, Call::ShmLock, act)
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: `file` was opened by `open`.
    unsafe { system_method!(file, xShmBarrier) }
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: `file` was opened by `open`; for a pragma the argument is an array of a message, a name and a value.
    unsafe {
        if operation == ffi::SQLITE_FCNTL_PRAGMA {
            let words = argument.cast::<*mut c_char>();
            let watched = &*(*file.cast::<Open>()).watched;
            replace_value(&*watched.watch, *words.add(1), *words.add(2));
            set_checkpoint(&watched.path);
        }
        system_method!(file, xFileControl, operation, argument)
    }
}

/// Puts another value in the place of a pragma's, before SQLite has read it.
///
/// # Safety
/// Both are null or strings of SQLite's, `value` one that may be written.
unsafe fn replace_value(watch: &dyn Watch, name: *mut c_char, value: *mut c_char) {
    if name.is_null() || value.is_null() {
        return;
    }
    // SAFETY: as above; the new value is no longer than the old one.
    unsafe {
        let name = CStr::from_ptr(name).to_string_lossy();
        if let Some(other) = watch.pragma(&name) {
            assert!(other.len() <= CStr::from_ptr(value).count_bytes());
            ptr::copy_nonoverlapping(other.as_ptr(), value.cast(), other.len());
            *value.add(other.len()) = 0;
        }
    }
}

/// Version 2: none of a file is mapped into memory but the WAL's index, so that all writes come by `xWrite`.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_locked),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
