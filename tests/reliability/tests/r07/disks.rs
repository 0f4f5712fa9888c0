//! Real disks that are full, folders that may not be written, that vanish. Each in a process of its own, for what is done to
//! it is done to all of a process.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use convostore::{ErrorCode, MessageQuery, NewMessage, NewSession, Result, Role, Store};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use reliability::vfs::recording::scratch;
use reliability::{Verdict, say_aloud};

/// Tells the other program, which is this one too, what to do and where.
const WHAT: &str = "CONVOSTORE_DISK";
const FOLDER: &str = "CONVOSTORE_FOLDER";

const MIB: u64 = 1024 * 1024;

fn save(store: &Store, number: usize) -> Result<()> {
    let text = format!("{number} {}", "x".repeat(20_000));
    store.save_message("s", NewMessage::new(Role::USER, text))?;
    Ok(())
}

/// The numbers of the messages that are there.
fn saved(store: &Store) -> Vec<usize> {
    let messages = store.get_messages("s", MessageQuery::new()).unwrap();
    let number = |text: &str| text.split(' ').next().unwrap().parse().unwrap();
    messages
        .iter()
        .map(|it| number(it.content.body()))
        .collect()
}

/// Saves until there is no more space, makes space, goes on; closes, opens again, and looks.
fn until_full(folder: &Path, full: &[ErrorCode], make_space: impl FnOnce()) {
    let path = folder.join("store.db");
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    let mut kept = Vec::new();
    let error = loop {
        match save(&store, kept.len()) {
            Ok(()) => kept.push(kept.len()),
            Err(error) => break error,
        }
        assert!(kept.len() < 1_000, "the disk is never full");
    };
    assert!(full.contains(&error.code()), "{error:?}");
    // It stays readable, and says the same again.
    assert_eq!(saved(&store), kept);
    let again = save(&store, kept.len()).unwrap_err();
    assert!(full.contains(&again.code()), "{again:?}");
    // A limit on files may leave room for another file; where there is none, none is left.
    let copied = store.backup(folder.join("copy.db"));
    assert_eq!(copied.is_ok(), folder.join("copy.db").exists());
    make_space();
    for _ in 0..3 {
        save(&store, kept.len()).unwrap();
        kept.push(kept.len());
    }
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(saved(&store), kept);
    assert!(store.check().unwrap().is_sound());
}

/// On a file system of 3 MiB, of which something else has a third.
fn full_disk(folder: &Path) {
    let other = folder.join("something else");
    fs::write(&other, vec![1; 1024 * 1024]).unwrap();
    until_full(folder, &[ErrorCode::DiskFull], || {
        fs::remove_file(&other).unwrap();
    });
}

/// Where files may not grow beyond a limit.
fn limited_files(folder: &Path) {
    ignore_signal();
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, MIB, hard).unwrap();
    let full = [ErrorCode::DiskFull, ErrorCode::Storage];
    until_full(folder, &full, || {
        setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
    });
}

#[allow(unsafe_code, reason = "nix has no safe way to ignore a signal")]
fn ignore_signal() {
    // SAFETY: no handler is set, the signal is ignored.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.unwrap();
}

/// A folder that becomes read-only, for a user who is not root.
fn read_only_folder(folder: &Path) {
    let path = folder.join("store.db");
    let mode = |mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    save(&store, 0).unwrap();
    mode(0o500);
    // What is open may be written still, or says why not.
    let mut kept = vec![0];
    match save(&store, 1) {
        Ok(()) => kept.push(1),
        Err(error) => assert_eq!(error.code(), ErrorCode::ReadOnly, "{error:?}"),
    }
    store.close().unwrap();
    let refused = |error: &convostore::Error| {
        matches!(
            error.code(),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied
        )
    };
    // Without its WAL it cannot be opened for writing. (A WAL that could not be removed serves.)
    match Store::open(&path) {
        Ok(store) => assert_eq!(saved(&store), kept),
        Err(error) => assert!(refused(&error), "{error:?}"),
    }
    let error = Store::open(folder.join("new.db")).unwrap_err();
    assert!(refused(&error), "{error:?}");
    mode(0o700);
    let store = Store::open(&path).unwrap();
    assert_eq!(saved(&store), kept);
    save(&store, 2).unwrap();
    assert!(store.check().unwrap().is_sound());
}

/// A folder that is moved away while the store is open, and put back.
fn moved_folder(folder: &Path) {
    let (here, away) = (folder.join("here"), folder.join("away"));
    let path = here.join("store.db");
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    save(&store, 0).unwrap();
    fs::rename(&here, &away).unwrap();
    let mut kept = vec![0];
    // Those who look for the store by its path do not find it: so nothing is acknowledged, or it is there when it comes back.
    match save(&store, 1) {
        Ok(()) => kept.push(1),
        Err(error) => {
            let allowed = [ErrorCode::Storage, ErrorCode::LockLost];
            assert!(allowed.contains(&error.code()), "{error:?}");
        }
    }
    fs::rename(&away, &here).unwrap();
    save(&store, 2).unwrap();
    kept.push(2);
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(saved(&store), kept);
    assert!(store.check().unwrap().is_sound());
}

/// A folder that is deleted while the store is open: it does not pretend to save, and a new store can be made.
fn deleted_folder(folder: &Path) {
    let here = folder.join("here");
    let path = here.join("store.db");
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id("s")).unwrap();
    fs::remove_dir_all(&here).unwrap();
    let error = save(&store, 0).unwrap_err();
    let allowed = [ErrorCode::Storage, ErrorCode::LockLost];
    assert!(allowed.contains(&error.code()), "{error:?}");
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.stats().unwrap().sessions, 0);
}

/// What is done in a folder.
type Act = fn(&Path);

const WHATS: &[(&str, Act)] = &[
    ("full disk", full_disk),
    ("limited files", limited_files),
    ("read-only folder", read_only_folder),
    ("moved folder", moved_folder),
    ("deleted folder", deleted_folder),
];

/// Not a test of its own: the other program.
#[test]
fn child_with_a_disk() {
    let (Ok(what), Ok(folder)) = (std::env::var(WHAT), std::env::var(FOLDER)) else {
        return;
    };
    let (_, act) = WHATS.iter().find(|(name, _)| *name == what).unwrap();
    act(&PathBuf::from(folder));
}

/// The other program, started by a script that gets it as arguments.
fn run(what: &str, script: &str) -> bool {
    let folder = scratch();
    // For whoever it runs as.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let place = folder.path().join("place");
    let program = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(&program)
        .args(["--exact", "disks::child_with_a_disk"])
        .env(WHAT, what)
        .env(FOLDER, &place)
        .status();
    status.is_ok_and(|it| it.success())
}

const SMALL_DISK: &str = r#"mkdir "$CONVOSTORE_FOLDER" && exec unshare --user --map-root-user --mount sh -c '
    mount -t tmpfs -o size=3m none "$CONVOSTORE_FOLDER" && exec "$@"' sh "$@""#;
const PLAIN: &str = r#"mkdir "$CONVOSTORE_FOLDER" && exec "$@""#;
/// Root may write what is read-only, so that nobody does it.
const NOT_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'mkdir "$CONVOSTORE_FOLDER" && exec "$@"' sh "$@"
fi; mkdir "$CONVOSTORE_FOLDER" && exec "$@""#;

/// Whether this machine lets a small disk be made.
fn has_small_disks() -> bool {
    let mut probe = Command::new("unshare");
    probe.args([
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "none",
        "/mnt",
    ]);
    probe.output().is_ok_and(|it| it.status.success())
}

#[test]
fn disks_that_are_full_read_only_or_gone() {
    let mut runs = 0;
    let mut violations = 0;
    for (what, _) in WHATS {
        let script = match *what {
            "full disk" if !has_small_disks() => {
                say_aloud(
                    "SKIPPED: a full disk was not tried, this machine allows no mount in a namespace; files with a limit were",
                );
                continue;
            }
            "full disk" => SMALL_DISK,
            "read-only folder" => NOT_ROOT,
            _ => PLAIN,
        };
        runs += 1;
        if !run(what, script) {
            violations += 1;
            println!("{what}: see above");
        }
    }
    Verdict {
        guarantee: "R7 full, read-only, vanished",
        runs,
        violations,
        control_violations: None,
    }
    .record();
}
