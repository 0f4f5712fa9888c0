//! The errors that no scenario can cause, each caused. `completeness.rs` knows which test stands for which code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use conformance::world::{Kind, World, temporary_folder};
use convostore::backend::Backend;
use convostore::backend::memory::{Keeper, MemoryBackend, Record};
use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::testing::{FailAt, FailingBackend};
use convostore::{
    Clock as _, Error, ErrorCode, ExportOptions, ImportOptions, MessageQuery, NewMessage,
    NewSession, Role, Store, StoreOptions, SystemClock, Timestamp,
};

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}

fn on(backend: Arc<dyn Backend>) -> Store {
    StoreOptions::new().with_backend(backend).unwrap()
}

/// A closed store with a session and a message, at this path.
fn write_store(path: &Path) {
    let store = Store::open(path).unwrap();
    store.create_session(NewSession::new().id("a")).unwrap();
    store
        .save_message("a", NewMessage::new(Role::USER, "hello"))
        .unwrap();
    store.close().unwrap();
}

#[test]
fn a_writer_that_waits_longer_than_the_limit_is_busy() {
    let folder = temporary_folder();
    let path = folder.path().join("store.db");
    let holder = SqliteBackend::open(&path, SqliteOptions::new()).unwrap();
    let options = SqliteOptions::new().wait_limit(Duration::from_millis(1));
    let store = on(Arc::new(SqliteBackend::open(&path, options).unwrap()));

    let (entered, has_entered) = channel();
    let (release, is_released) = channel::<()>();
    let holding = thread::spawn(move || {
        holder.write_alone("other", &mut |_| {
            entered.send(()).unwrap();
            is_released.recv().unwrap();
            Ok(())
        })
    });
    has_entered.recv().unwrap();
    assert_eq!(
        code(store.create_session(NewSession::new().id("a"))),
        ErrorCode::Busy
    );
    assert!(
        store.get_session("a").unwrap().is_none(),
        "readers do not wait for writers"
    );
    release.send(()).unwrap();
    holding.join().unwrap().unwrap();
    store.create_session(NewSession::new().id("a")).unwrap();
}

/// Shows no file to anyone who is not root; root, to whom modes are nothing, runs it as nobody.
#[cfg(unix)]
#[test]
fn what_may_not_be_written_is_read_only() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const CHILD: &str = "CONVOSTORE_TEST_READ_ONLY";
    if let Some(path) = std::env::var_os(CHILD) {
        let error = Store::open(&path).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ReadOnly, "{error}");
        assert_eq!(error.details()["path"], path.to_str().unwrap());
        let error = Store::open(Path::new(&path).with_file_name("new.db")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PermissionDenied, "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    write_store(&path);
    // The program too must be where nobody can run it.
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (path, mode) in [(&*path, 0o444), (&*program, 0o555), (folder.path(), 0o555)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut child = Command::new(&program);
    child
        .args(["--exact", "what_may_not_be_written_is_read_only"])
        .env(CHILD, &path)
        .current_dir("/");
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        child.uid(65_534).gid(65_534);
    }
    let output = child.output().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
fn a_path_that_cannot_be_is_permission_denied_and_named() {
    let folder = temporary_folder();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    for path in [
        folder.path().to_owned(),
        file.join("store.db"),
        file.join("deep/er/store.db"),
    ] {
        let error = Store::open(&path).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PermissionDenied, "{path:?}");
        assert!(error.details().contains_key("path"), "{path:?}");
    }
}

/// Fails in the way that a full disk does, when it is reached.
struct FullDisk;

impl Write for FullDisk {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Keeper for FullDisk {
    fn keep(&mut self, _: &[Record]) -> convostore::Result<()> {
        Err(Error::new(ErrorCode::DiskFull, "nothing more fits"))
    }
}

#[test]
fn no_space_left_is_disk_full_and_nothing_is_written() {
    let store = Store::in_memory().unwrap();
    store.create_session(NewSession::new()).unwrap();
    assert_eq!(
        code(store.export_archive(FullDisk, ExportOptions::new())),
        ErrorCode::DiskFull
    );

    let store = on(Arc::new(MemoryBackend::with_keeper(Box::new(FullDisk))));
    assert_eq!(
        code(store.create_session(NewSession::new().id("a"))),
        ErrorCode::DiskFull
    );
    assert!(store.get_session("a").unwrap().is_none());
}

#[test]
fn a_damaged_file_is_corrupted() {
    let folder = temporary_folder();
    let garbage = folder.path().join("garbage.db");
    fs::write(&garbage, "no database at all, ".repeat(500)).unwrap();
    assert_eq!(code(Store::open(&garbage)), ErrorCode::Corrupted);

    let path = folder.path().join("store.db");
    write_store(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5); // all but the page that tells the schema
    fs::write(&path, bytes).unwrap();
    let read = Store::open(&path).and_then(|store| store.get_messages("a", MessageQuery::new()));
    assert_eq!(code(read), ErrorCode::Corrupted);
}

#[test]
fn a_newer_schema_is_unsupported_and_the_file_stays() {
    let folder = temporary_folder();
    let path = folder.path().join("store.db");
    write_store(&path);
    let mut bytes = fs::read(&path).unwrap();
    // The header's `user_version`, four bytes at 60: see the format of SQLite's files.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedSchema);
    assert_eq!(error.details()["path"], path.to_str().unwrap());
    assert!(fs::read(&path).unwrap() == bytes, "the file was changed");
}

#[test]
fn a_backup_of_memory_is_unsupported() {
    let store = Store::in_memory().unwrap();
    assert_eq!(code(store.backup("anywhere.db")), ErrorCode::Unsupported);
    assert!(!Path::new("anywhere.db").exists());
}

#[test]
fn a_backup_is_a_copy_and_overwrites_nothing() {
    let folder = temporary_folder();
    let path = folder.path().join("store.db");
    write_store(&path);
    let (store, copy) = (Store::open(&path).unwrap(), folder.path().join("copy.db"));
    store.backup(&copy).unwrap();
    assert_eq!(code(store.backup(&copy)), ErrorCode::AlreadyExists);
    store.delete_session("a", false).unwrap();
    let copied = Store::open(&copy).unwrap();
    assert_eq!(copied.count_messages("a").unwrap(), 1);
    store.close().unwrap();
    assert_eq!(
        code(store.backup(folder.path().join("late.db"))),
        ErrorCode::Closed
    );
}

#[test]
fn an_archive_goes_into_a_file_of_its_own_and_overwrites_nothing() {
    let folder = temporary_folder();
    let path = folder.path().join("all.convostore");
    let store = Store::in_memory().unwrap();
    store.create_session(NewSession::new().id("a")).unwrap();
    let report = store
        .export_archive_to(&path, ExportOptions::new())
        .unwrap();
    assert_eq!(report.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(
        code(store.export_archive_to(&path, ExportOptions::new())),
        ErrorCode::AlreadyExists
    );
    let other = Store::in_memory().unwrap();
    other
        .import_archive(fs::File::open(&path).unwrap(), ImportOptions::new())
        .unwrap();
    assert_eq!(
        other.get_session("a").unwrap(),
        store.get_session("a").unwrap()
    );
}

#[test]
fn an_outcome_that_is_unknown_is_settled_by_a_retry() {
    for kind in [Kind::Memory, Kind::Sqlite] {
        let world = World::new(kind).unwrap();
        let backend = Arc::new(FailingBackend::new(world.backend()));
        let store = on(Arc::clone(&backend) as Arc<dyn Backend>);
        store.create_session(NewSession::new().id("a")).unwrap();
        let message = NewMessage::new(Role::USER, "once").dedup_key("turn-1");
        // Before the commit and after it: the caller cannot know, and need not.
        for at in [FailAt::Commit, FailAt::Acknowledgement] {
            backend.fail(0, at, ErrorCode::UnknownOutcome);
            assert_eq!(
                code(store.save_message("a", message.clone())),
                ErrorCode::UnknownOutcome
            );
            assert_eq!(
                store.save_message("a", message.clone()).unwrap().seq,
                1,
                "{kind}"
            );
            assert_eq!(store.count_messages("a").unwrap(), 1, "{kind}");
        }
    }
}

#[test]
fn a_clock_that_calls_the_store_is_reentrant() {
    for kind in [Kind::Memory, Kind::Sqlite] {
        let world = World::new(kind).unwrap();
        let inner: Arc<OnceLock<Store>> = Arc::default();
        let seen: Arc<Mutex<Vec<ErrorCode>>> = Arc::default();
        let clock = {
            let (inner, seen) = (Arc::clone(&inner), Arc::clone(&seen));
            move || {
                if let Some(store) = inner.get() {
                    seen.lock().unwrap().push(code(store.get_session("a")));
                }
                SystemClock.now()
            }
        };
        let store = StoreOptions::new()
            .clock(clock)
            .with_backend(world.backend())
            .unwrap();
        // Another handle on the same backend is the same store below.
        inner.set(store.for_tenant("other").unwrap()).unwrap();
        store.create_session(NewSession::new().id("a")).unwrap();
        assert_eq!(*seen.lock().unwrap(), [ErrorCode::Reentrant], "{kind}");
        assert!(
            store.get_session("a").unwrap().is_some(),
            "{kind}: the outer operation succeeds"
        );
    }
}

#[test]
fn an_id_source_that_calls_the_store_is_reentrant() {
    let inner: Arc<OnceLock<Store>> = Arc::default();
    let ids = {
        let inner = Arc::clone(&inner);
        move |_: Timestamp| match inner.get() {
            Some(store) => code(store.create_session(NewSession::new().id("b"))).to_string(),
            None => "too early".to_owned(),
        }
    };
    let store = StoreOptions::new().ids(ids).in_memory().unwrap();
    inner.set(store.clone()).unwrap();
    assert_eq!(
        store.create_session(NewSession::new()).unwrap().id,
        "reentrant"
    );
    assert!(store.get_session("b").unwrap().is_none());
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the line is dead"))
    }
}

#[test]
fn any_other_failure_below_is_storage_with_its_cause() {
    let store = Store::in_memory().unwrap();
    let error = store
        .import_archive(Broken, ImportOptions::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Storage);
    let cause = std::error::Error::source(&error).unwrap();
    assert!(
        format!("{cause:?}").contains("the line is dead"),
        "{cause:?}"
    );
}

#[test]
fn a_stream_has_no_last() {
    let store = Store::in_memory().unwrap();
    store.create_session(NewSession::new().id("a")).unwrap();
    let error = store
        .stream_messages("a", MessageQuery::new().last(1))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}
