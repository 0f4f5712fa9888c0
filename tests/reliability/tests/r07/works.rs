//! What a store does while the disk fails.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use convostore::testing::ManualClock;
use convostore::{
    CleanupQuery, Clock as _, Erasure, ErrorCode, ExportOptions, ImportOptions, JsonObject,
    NewMessage, NewSession, Result, Role, SaveOptions, SessionUpdate, Store, StoreOptions,
    Timestamp,
};
use reliability::vfs::Files;
use reliability::vfs::recording::{DATABASE, judge, read, scratch};

use super::ledger::Ledger;

/// A kind of work. It has a store that is open, with a session `s`, but for the first, which opens one.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) base: fn() -> Files,
    pub(crate) run: fn(&Store, &Ledger, &Path),
    /// Whether the disk fails from before the opening on, not only from the work on.
    pub(crate) opens: bool,
    pub(crate) checkpoint_after: Option<i32>,
}

const fn work(name: &'static str, run: fn(&Store, &Ledger, &Path)) -> Work {
    Work {
        name,
        base: some_sessions,
        run,
        opens: false,
        checkpoint_after: None,
    }
}

pub(crate) const WORKS: &[Work] = &[
    Work {
        base: nothing,
        opens: true,
        ..work("a new file", appends)
    },
    Work {
        opens: true,
        ..work("an older file", appends)
    },
    work("appends", appends),
    Work {
        checkpoint_after: Some(5),
        ..work("checkpoints", appends)
    },
    Work {
        checkpoint_after: Some(12),
        ..work("group commits", threads)
    },
    Work {
        base: many_sessions,
        checkpoint_after: Some(12),
        ..work("clean-up", clean_up)
    },
    Work {
        checkpoint_after: Some(12),
        ..work("import", import)
    },
    work("erasing", erase),
    work("copies", copies),
];

/// A WAL with more pages than a part of its index has room for: the commit that fills it has reached the WAL when it needs another part.
pub(crate) const LONG_WAL: Work = Work {
    checkpoint_after: Some(1_000_000),
    ..work("a long WAL", fill_the_index)
};

fn fill_the_index(store: &Store, ledger: &Ledger, _folder: &Path) {
    make(store, ledger, "s");
    for number in 0..45 {
        let text = |at| format!("{number} {at} {}", "x".repeat(20_000));
        let texts: Vec<String> = (0..20).map(text).collect();
        let batch = texts.iter().map(|text| message(text)).collect();
        let saved = store.save_messages("s", batch, SaveOptions::new());
        ledger.saved("s", texts, &saved);
        if saved.is_err() {
            return;
        }
    }
}

fn nothing() -> Files {
    Files::new()
}

fn some_sessions() -> Files {
    sessions(3)
}

/// More than a clean-up deletes in one transaction.
fn many_sessions() -> Files {
    sessions(MANY)
}

const MANY: usize = 110;

/// Closed, with sessions that nobody used for long.
fn sessions(count: usize) -> Files {
    let folder = scratch();
    let clock = ManualClock::at(Timestamp::from_millis(1_767_225_600_000).unwrap());
    let options = StoreOptions::new().clock(move || clock.now());
    let store = options.open(folder.path().join(DATABASE)).unwrap();
    for number in 0..count {
        let id = old(number);
        store.create_session(NewSession::new().id(&id)).unwrap();
        store.save_message(&id, message(&id)).unwrap();
    }
    store.close().unwrap();
    read(folder.path())
}

fn old(number: usize) -> String {
    format!("old-{number}")
}

fn message(text: &str) -> NewMessage {
    NewMessage::new(Role::USER, text)
}

/// One append, noted; whether it was acknowledged.
pub(crate) fn append(store: &Store, ledger: &Ledger, session: &str, text: &str) -> Result<()> {
    let text = format!("{text} {}", "x".repeat(600));
    let saved = store.save_message(session, message(&text));
    ledger.saved(session, vec![text], &saved);
    saved.map(drop)
}

fn make(store: &Store, ledger: &Ledger, id: &str) {
    let made = store.create_session(NewSession::new().id(id));
    ledger.made(vec![id.to_owned()], &made);
}

fn appends(store: &Store, ledger: &Ledger, _folder: &Path) {
    make(store, ledger, "s");
    if !exists(store, "s") {
        return;
    }
    for number in 0..3 {
        let _ = append(store, ledger, "s", &format!("one {number}"));
        let texts: Vec<String> = (0..4).map(|at| format!("batch {number} {at}")).collect();
        let batch: Vec<NewMessage> = texts.iter().map(|text| message(text)).collect();
        let update = SessionUpdate::new().metadata(JsonObject::parse(r#"{"a":1}"#).unwrap());
        let options = SaveOptions::new().update(update);
        let saved = store.save_messages("s", batch, options);
        ledger.saved("s", texts, &saved);
    }
}

/// Whether the session is there, as far as can be read.
fn exists(store: &Store, id: &str) -> bool {
    store.get_session(id).is_ok_and(|it| it.is_some())
}

/// Several threads, whose writes are committed together; some of them must fail beside the others.
fn threads(store: &Store, ledger: &Ledger, _folder: &Path) {
    for thread in 0..4 {
        make(store, ledger, &format!("t{thread}"));
    }
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let session = format!("t{thread}");
                if !exists(store, &session) {
                    return;
                }
                for number in 0..4 {
                    let _ = append(store, ledger, &session, &format!("{thread} {number}"));
                    if thread % 2 == 0 {
                        must_conflict(store, ledger, &session, number);
                    }
                }
            });
        }
    });
}

fn must_conflict(store: &Store, ledger: &Ledger, session: &str, number: usize) {
    let text = format!("conflict {number}");
    let options = SaveOptions::new().expected_revision(1_000_000);
    match store.save_messages(session, vec![message(&text)], options) {
        Err(error) if error.code() == ErrorCode::Conflict => {
            ledger.refused(session, vec![text]);
        }
        other => ledger.saved(session, vec![text], &other),
    }
}

fn clean_up(store: &Store, ledger: &Ledger, _folder: &Path) {
    make(store, ledger, "s");
    let query = CleanupQuery::new().older_than(Duration::from_secs(86_400));
    let cleaned = store.cleanup_sessions(query);
    ledger.swept((0..MANY).map(old).collect(), &cleaned);
}

fn import(store: &Store, ledger: &Ledger, _folder: &Path) {
    let other = Store::in_memory().unwrap();
    let ids: Vec<String> = (0..12).map(|number| format!("new-{number}")).collect();
    for id in &ids {
        other.create_session(NewSession::new().id(id)).unwrap();
        let text = format!("{id} {}", "y".repeat(3000));
        other.save_message(id, message(&text)).unwrap();
    }
    let mut archive = Vec::new();
    other
        .export_archive(&mut archive, ExportOptions::new())
        .unwrap();
    let imported = store.import_archive(archive.as_slice(), ImportOptions::new());
    ledger.made(ids, &imported);
}

fn erase(store: &Store, ledger: &Ledger, _folder: &Path) {
    make(store, ledger, "s");
    for number in 0..3 {
        let deleted = store.delete_session(&old(number), true);
        if let Ok(deletion) = &deleted
            && let Some(Erasure::Pending { reason }) = &deletion.erasure
            && reason.is_empty()
        {
            ledger.problem("an erasure is pending without a reason".to_owned());
        }
        ledger.deleted(&old(number), &deleted);
    }
}

/// A copy and an archive; where the answer is an error none is left.
fn copies(store: &Store, ledger: &Ledger, folder: &Path) {
    make(store, ledger, "s");
    let copy = folder.join("copy.db");
    let copied = store.backup(&copy);
    ledger.did("a backup", &copied);
    match copied {
        Err(_) if copy.exists() => ledger.problem("a broken copy is left".to_owned()),
        Err(_) => {}
        Ok(()) => {
            // Elsewhere, where no disk fails.
            let copy = Files::from([(DATABASE.to_owned(), fs::read(&copy).unwrap())]);
            if let Err(what) = judge(scratch().path(), &copy) {
                ledger.problem(format!("the copy: {what}"));
            }
        }
    }
    let archive = folder.join("store.convostore");
    let exported = store.export_archive_to(&archive, ExportOptions::new());
    ledger.did("an export", &exported);
    if exported.is_err() && archive.exists() {
        ledger.problem("a broken archive is left".to_owned());
    }
}
