//! What stores live through while they are recorded.

use std::sync::Arc;
use std::time::Duration;

use convostore::testing::ManualClock;
use convostore::{
    CleanupQuery, Clock as _, Erasure, ExportOptions, ImportOptions, JsonObject, NewMessage,
    NewSession, Role, SaveOptions, SessionUpdate, Store, StoreOptions, Timestamp,
};
use reliability::Chance;
use reliability::vfs::Files;
use reliability::vfs::recording::{DATABASE, Recorded, Recording, Setting, read, record, scratch};

/// A kind of life.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) name: &'static str,
    base: fn(&mut Chance) -> Files,
    live: fn(&mut Recorded, &mut Chance),
    /// Whether the WAL is moved into the database again and again.
    checkpoints: bool,
    /// Whether its images begin lives of their own, with the recovery.
    pub(crate) is_second: bool,
}

pub(crate) const LIVES: &[Life] = &[
    Life {
        name: "appends",
        base: nothing,
        live: appends,
        checkpoints: false,
        is_second: false,
    },
    Life {
        name: "checkpoints",
        base: nothing,
        live: checkpoints,
        checkpoints: true,
        is_second: false,
    },
    Life {
        name: "recovery",
        base: nothing,
        live: appends,
        checkpoints: true,
        is_second: true,
    },
    Life {
        name: "erasing",
        base: some_sessions,
        live: erasing,
        checkpoints: true,
        is_second: false,
    },
    Life {
        name: "opening an older store",
        base: fixture,
        live: opening,
        checkpoints: false,
        is_second: false,
    },
    Life {
        name: "clean-up",
        base: many_sessions,
        live: clean_up,
        checkpoints: true,
        is_second: false,
    },
    Life {
        name: "import",
        base: some_sessions,
        live: import,
        checkpoints: true,
        is_second: false,
    },
    Life {
        name: "backup",
        base: some_sessions,
        live: backup,
        checkpoints: true,
        is_second: false,
    },
];

impl Life {
    /// Lives it.
    pub(crate) fn record(&self, setting: Setting, chance: &mut Chance) -> Recording {
        let base = (self.base)(chance);
        record(base, setting, |it| (self.live)(it, chance))
    }

    /// A life that begins with these files: the recovery, and on.
    pub(crate) fn second(
        image: Files,
        held: u64,
        setting: Setting,
        chance: &mut Chance,
    ) -> Recording {
        let recording = record(image, setting, |it| {
            it.open();
            for _ in 0..chance.below(3) {
                go_on(it, chance);
            }
            if chance.percent(50) {
                it.open();
                go_on(it, chance);
            }
        });
        assert_eq!(recording.states[0], held);
        recording
    }

    pub(crate) fn checkpoint_after(&self, chance: &mut Chance) -> Option<i32> {
        let pages = 1 + i32::try_from(chance.below(24)).unwrap();
        self.checkpoints.then_some(pages)
    }
}

fn nothing(_chance: &mut Chance) -> Files {
    Files::new()
}

/// A store of the oldest schema that was released.
fn fixture(_chance: &mut Chance) -> Files {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/schema-1.db");
    Files::from([(DATABASE.to_owned(), std::fs::read(path).unwrap())])
}

/// More than a clean-up deletes in one transaction.
fn many_sessions(chance: &mut Chance) -> Files {
    old_sessions(104, chance)
}

fn some_sessions(chance: &mut Chance) -> Files {
    old_sessions(8, chance)
}

/// A store with sessions that nobody used for long, closed well, or, now and then, with its WAL.
fn old_sessions(count: u64, chance: &mut Chance) -> Files {
    let folder = scratch();
    let path = folder.path().join(DATABASE);
    let clock = ManualClock::at(Timestamp::from_millis(1_767_225_600_000).unwrap());
    let store = StoreOptions::new()
        .clock(move || clock.now())
        .open(&path)
        .unwrap();
    fill(&store, count, chance);
    let keeps_wal = chance.percent(50);
    if !keeps_wal {
        store.close().unwrap();
    }
    read(folder.path())
}

fn fill(store: &Store, sessions: u64, chance: &mut Chance) {
    for number in 0..sessions {
        let session = store
            .create_session(NewSession::new().id(format!("old-{number}")))
            .unwrap();
        let said = (0..chance.below(3)).map(|_| message(chance)).collect();
        store
            .save_messages(&session.id, said, SaveOptions::new())
            .unwrap();
    }
}

/// Mostly short, now and then over many pages.
fn message(chance: &mut Chance) -> NewMessage {
    let len = match chance.below(10) {
        0 => chance.below(30_000),
        1..3 => chance.below(5_000),
        _ => chance.below(300),
    };
    let letter = char::from(b'a' + u8::try_from(chance.below(26)).unwrap());
    let text = letter.to_string().repeat(usize::try_from(len).unwrap());
    NewMessage::new(Role::USER, format!("{:x} {text}", chance.number()))
}

fn appends(it: &mut Recorded, chance: &mut Chance) {
    it.open();
    it.store()
        .create_session(NewSession::new().id("s"))
        .unwrap();
    it.acknowledged();
    for _ in 0..25 {
        go_on(it, chance);
    }
}

/// One more thing that changes the store.
fn go_on(it: &mut Recorded, chance: &mut Chance) {
    let store = it.store();
    let session = || store.get_session("s").unwrap().is_some();
    if !session() {
        store.create_session(NewSession::new().id("s")).unwrap();
        it.acknowledged();
        return;
    }
    match chance.below(12) {
        0..5 => drop(store.save_message("s", message(chance)).unwrap()),
        5..7 => {
            let batch = (0..=chance.below(5)).map(|_| message(chance)).collect();
            store.save_messages("s", batch, SaveOptions::new()).unwrap();
        }
        7 => {
            let metadata = format!(r#"{{"n":{}}}"#, chance.number());
            let update = SessionUpdate::new().metadata(JsonObject::parse(metadata).unwrap());
            let batch = vec![message(chance), message(chance)];
            store
                .save_messages("s", batch, SaveOptions::new().update(update))
                .unwrap();
        }
        8 => drop(store.save_summary("s", "so far", None).unwrap()),
        9 => drop(store.pop_message("s").unwrap()),
        10 => {
            let data = format!(r#"{{"n":{}}}"#, chance.number());
            store
                .set_context("c", JsonObject::parse(data).unwrap(), None)
                .unwrap();
        }
        _ => {
            store.delete_messages_before("s", 3).unwrap();
        }
    }
    it.acknowledged();
}

/// With erasures, which empty the WAL, and closings, which remove it.
fn checkpoints(it: &mut Recorded, chance: &mut Chance) {
    appends(it, chance);
    for number in 0..4 {
        let id = format!("gone-{number}");
        it.store()
            .create_session(NewSession::new().id(&id))
            .unwrap();
        it.acknowledged();
        it.store().save_message(&id, message(chance)).unwrap();
        it.acknowledged();
        it.store().delete_session(&id, true).unwrap();
        it.acknowledged();
        if number % 2 == 0 {
            it.open();
        }
        go_on(it, chance);
    }
}

/// With erasures, each of which writes the whole database anew, among other writes.
fn erasing(it: &mut Recorded, chance: &mut Chance) {
    it.open();
    for number in 0..4 {
        go_on(it, chance);
        let id = format!("old-{number}");
        let answer = it.store().delete_session(&id, true).unwrap();
        assert_eq!(answer.erasure, Some(Erasure::Complete));
        it.acknowledged();
        go_on(it, chance);
    }
}

fn opening(it: &mut Recorded, chance: &mut Chance) {
    for _ in 0..4 {
        it.open();
        go_on(it, chance);
        go_on(it, chance);
    }
}

fn clean_up(it: &mut Recorded, chance: &mut Chance) {
    it.open();
    go_on(it, chance);
    let query = CleanupQuery::new().older_than(Duration::from_secs(86_400));
    let store = it.store().clone();
    let mut steps = store.begin_cleanup(query).unwrap();
    while store.cleanup_step(&mut steps).unwrap().is_some() {
        it.acknowledged();
    }
    go_on(it, chance);
}

fn import(it: &mut Recorded, chance: &mut Chance) {
    let other = Arc::new(Store::in_memory().unwrap());
    for number in 0..20 {
        let id = format!("new-{number}");
        other.create_session(NewSession::new().id(&id)).unwrap();
        let said = vec![message(chance), message(chance)];
        other.save_messages(&id, said, SaveOptions::new()).unwrap();
    }
    let mut archive = Vec::new();
    other
        .export_archive(&mut archive, ExportOptions::new())
        .unwrap();
    it.open();
    go_on(it, chance);
    it.store()
        .import_archive(archive.as_slice(), ImportOptions::new())
        .unwrap();
    it.acknowledged();
    go_on(it, chance);
}

fn backup(it: &mut Recorded, chance: &mut Chance) {
    it.open();
    go_on(it, chance);
    it.store().backup(it.path("copy.db")).unwrap();
    it.copied_to("copy.db");
    go_on(it, chance);
    it.store().backup(it.path("copy-2.db")).unwrap();
    it.copied_to("copy-2.db");
}
