//! R9: every schema that was ever released opens, and is migrated whole or not at all, whatever step of it a kill or a fault of the disk
//! hits; a newer one is refused and not touched.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use convostore::backend::sqlite::Durability;
use convostore::{ErrorCode, NewSession, Store};
use reliability::vfs::recording::{
    DATABASE, Setting, clear, judge, look, read, record, scratch, write,
};
use reliability::vfs::{Call, Cut, Disk, Fault, Faults, Files, Go, Watch, watch};
use reliability::{Chance, Verdict, seed};

/// Tells the other program, which is this one too, to open a store and be killed.
const KILL_AT: &str = "CONVOSTORE_KILL_AT";
const FOLDER: &str = "CONVOSTORE_FOLDER";

/// Every released schema; and the one before the first: no file, and an empty one.
fn bases() -> Vec<(String, Files)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut bases = vec![
        ("no file".to_owned(), Files::new()),
        (
            "an empty file".to_owned(),
            Files::from([(DATABASE.to_owned(), Vec::new())]),
        ),
    ];
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "db") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            bases.push((
                name,
                Files::from([(DATABASE.to_owned(), fs::read(&path).unwrap())]),
            ));
        }
    }
    assert!(bases.len() > 2, "there is a fixture");
    bases
}

/// Opens, writes, closes: what a step of it may hit.
fn live(folder: &Path) -> convostore::Result<()> {
    let store = Store::open(folder.join(DATABASE))?;
    store.get_or_create_session(NewSession::new().id("new"))?;
    store.close()
}

/// What a store over these files may hold afterwards: what it held, or with the new session.
fn allowed(base: &Files) -> [u64; 2] {
    let folder = scratch();
    let before = judge(folder.path(), base).unwrap();
    write(folder.path(), base);
    live(folder.path()).unwrap();
    // The new session has times of its own.
    let after = look_without_new(&folder.path().join(DATABASE)).unwrap();
    [before, after]
}

/// As [`look`], but for the session that [`live`] makes.
fn look_without_new(path: &Path) -> Result<u64, String> {
    look(path)?;
    let delete = || -> convostore::Result<()> {
        let store = Store::open(path)?;
        store.delete_session("new", false)?;
        store.close()
    };
    delete().map_err(|error| format!("{error:?}"))?;
    look(path)
}

#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    violations: u64,
}

impl Tally {
    fn judge(&mut self, name: &str, folder: &Path, allowed: [u64; 2]) {
        self.runs += 1;
        let found = look_without_new(&folder.join(DATABASE));
        if !found.as_ref().is_ok_and(|held| allowed.contains(held)) {
            self.violations += 1;
            println!("{name}: {found:?}");
        }
        clear(folder);
    }
}

/// Kills its process at a call.
#[derive(Debug)]
struct KillAt {
    at: u64,
    calls: AtomicU64,
}

impl Watch for KillAt {
    fn before(&self, _path: &Path, call: Call<'_>) -> Go {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.at {
            return Go::On;
        }
        // Half of a write is written: the kill comes in its midst.
        if let Call::Write { data, .. } = call
            && number.is_multiple_of(2)
        {
            KILLER.store(true, Ordering::SeqCst);
            return Go::Partly(data.len() / 2, 0);
        }
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
        Go::On
    }

    fn after(&self, _path: &Path, _call: Call<'_>) {
        if KILLER.load(Ordering::SeqCst) {
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    }
}

static KILLER: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Not a test of its own: the program that is killed.
#[test]
fn child_that_is_killed() {
    let (Ok(at), Ok(folder)) = (std::env::var(KILL_AT), std::env::var(FOLDER)) else {
        return;
    };
    let kill = KillAt {
        at: at.parse().unwrap(),
        calls: AtomicU64::new(0),
    };
    let folder = Path::new(&folder);
    let _watching = watch(folder, Arc::new(kill));
    live(folder).unwrap();
}

/// Whether the other program was killed; if not it went to its end.
fn killed(folder: &Path, at: u64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed"])
        .env(KILL_AT, at.to_string())
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    !status.success()
}

#[test]
fn a_kill_at_any_step_leaves_the_old_store_or_the_new_one() {
    let mut tally = Tally::default();
    for (name, base) in bases() {
        let allowed = allowed(&base);
        let folder = scratch();
        for at in 1.. {
            write(folder.path(), &base);
            let was_killed = killed(folder.path(), at);
            tally.judge(&format!("{name}, killed at {at}"), folder.path(), allowed);
            if !was_killed {
                println!("{name}: {} steps", at - 1);
                break;
            }
        }
    }
    Verdict {
        guarantee: "R9 kill at every step of opening",
        runs: tally.runs,
        violations: tally.violations,
        control_violations: None,
    }
    .record();
}

#[test]
fn a_fault_at_any_step_leaves_the_old_store_or_the_new_one() {
    let mut tally = Tally::default();
    for (name, base) in bases() {
        let allowed = allowed(&base);
        let folder = scratch();
        for fault in Fault::ALL {
            for (nth, for_good) in (1..).flat_map(|nth| [(nth, false), (nth, true)]) {
                write(folder.path(), &base);
                let faults = Arc::new(Faults::new(fault, nth, for_good));
                let watching = watch(folder.path(), Arc::clone(&faults) as Arc<dyn Watch>);
                let _ = live(folder.path());
                faults.mend();
                drop(watching);
                let name = format!("{name}, {fault:?} at {nth}");
                tally.judge(&name, folder.path(), allowed);
                if !faults.has_struck() {
                    break;
                }
            }
        }
    }
    Verdict {
        guarantee: "R9 fault at every step of opening",
        runs: tally.runs,
        violations: tally.violations,
        control_violations: None,
    }
    .record();
}

/// Here each step is one of the disk, with some images of each.
#[test]
fn a_power_cut_at_any_step_leaves_the_old_store_or_the_new_one() {
    let chance = &mut Chance::new(seed());
    let mut tally = Tally::default();
    for (name, base) in bases() {
        let allowed = allowed(&base);
        let setting = Setting {
            durability: Durability::Full,
            checkpoint_after: None,
            pragma: None,
        };
        let recording = record(base, setting, |it| it.open());
        let folder = scratch();
        let mut disk = Disk::new(&recording.base);
        for moment in 0..=recording.events.len() {
            for cut in [Cut::Nothing, Cut::All, Cut::Some(20), Cut::Some(40)] {
                write(folder.path(), &disk.image(cut, chance));
                let name = format!("{name}, cut at {moment}, {cut:?}");
                tally.judge(&name, folder.path(), allowed);
            }
            if let Some(event) = recording.events.get(moment) {
                disk.happens(event, chance);
            }
        }
    }
    Verdict {
        guarantee: "R9 power cut at every step of opening",
        runs: tally.runs,
        violations: tally.violations,
        control_violations: None,
    }
    .record();
}

/// Of a newer version: as it was left by one that closed it, and by one that was killed, with its WAL.
fn newer() -> Vec<Files> {
    let folder = scratch();
    let path = folder.path().join(DATABASE);
    live(folder.path()).unwrap();
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA user_version = 2026").unwrap();
    let with_wal = read(folder.path());
    assert!(with_wal["store.db-wal"].len() > 1000);
    drop(conn);
    let closed = read(folder.path());
    assert_eq!(closed.len(), 1);
    vec![with_wal, closed]
}

#[test]
fn a_newer_schema_is_refused_and_not_touched() {
    let mut runs = 0;
    let mut violations = 0;
    for base in newer() {
        // Without a fault, and with each.
        for (nth, for_good) in (0..60).flat_map(|nth| [(nth, false), (nth, nth > 0)]) {
            let folder = scratch();
            write(folder.path(), &base);
            let faults = Arc::new(Faults::new(Fault::Io, nth, for_good));
            let watching = watch(folder.path(), Arc::clone(&faults) as Arc<dyn Watch>);
            let answer = live(folder.path());
            drop(watching);
            let code = answer.map_err(|error| error.code());
            let is_refused = match nth {
                0 => code == Err(ErrorCode::UnsupportedSchema),
                _ => code.is_err(),
            };
            runs += 1;
            let mut left = read(folder.path());
            // A WAL of no bytes, that a fault kept SQLite from removing again, is no touch.
            left.retain(|name, bytes| !bytes.is_empty() || base.contains_key(name));
            if !is_refused || left != base {
                violations += 1;
                let sizes: Vec<_> = left.iter().map(|(name, it)| (name, it.len())).collect();
                println!("fault at {nth}: {code:?}, and there are {sizes:?}");
            }
        }
    }
    // What is not newer is touched.
    let folder = scratch();
    let base = &bases()[2].1;
    write(folder.path(), base);
    live(folder.path()).unwrap();
    let control = u64::from(read(folder.path()) != *base);
    Verdict {
        guarantee: "R9 newer schema",
        runs,
        violations,
        control_violations: Some(control),
    }
    .record();
}
