//! Many threads at once, whose writes share commits: each has been told of its own, and of each session what is there has no hole.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use convostore::backend::sqlite::Durability;
use convostore::{MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions};
use reliability::vfs::recording::{DATABASE, clear, read, scratch, write};
use reliability::vfs::{Disk, Event, Files, Recorder, Watch, watch};
use reliability::{Chance, Effort, Verdict, seed};

const THREADS: usize = 6;
const MESSAGES: usize = 12;

/// What threads did together.
struct Life {
    base: Files,
    events: Vec<Event>,
    /// Whose message was acknowledged, in the order of the acknowledgements.
    acknowledged: Vec<usize>,
}

fn session(thread: usize) -> String {
    format!("s{thread}")
}

fn live(durability: Durability, pages: i32, pragma: Option<&'static str>) -> Life {
    let folder = scratch();
    let path = folder.path().join(DATABASE);
    let store = Store::open(&path).unwrap();
    for thread in 0..THREADS {
        let new = NewSession::new().id(session(thread));
        store.create_session(new).unwrap();
    }
    store.close().unwrap();
    let base = read(folder.path());
    let mut recorder = Recorder::new(folder.path(), &base).with_checkpoint_after(Some(pages));
    if let Some(value) = pragma {
        recorder = recorder.with_pragma("synchronous", value);
    }
    let recorder = Arc::new(recorder);
    let _watching = watch(folder.path(), Arc::clone(&recorder) as Arc<dyn Watch>);
    let store = StoreOptions::new()
        .durability(durability)
        .open(&path)
        .unwrap();
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, acknowledged, recorder) = (&store, &acknowledged, &recorder);
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    let text = format!("{number} {}", "x".repeat(300));
                    let message = NewMessage::new(Role::USER, text);
                    store.save_message(&session(thread), message).unwrap();
                    let mut acknowledged = acknowledged.lock().unwrap();
                    acknowledged.push(thread);
                    recorder.acknowledged();
                }
            });
        }
    });
    store.close().unwrap();
    Life {
        base,
        events: recorder.take(),
        acknowledged: acknowledged.into_inner().unwrap(),
    }
}

/// What is wrong with an image of a moment at which these were acknowledged.
fn wrong(path: &Path, acknowledged: &[usize], may_lose: bool) -> Option<String> {
    let looked = || -> convostore::Result<_> {
        let store = Store::open(path)?;
        let mut problems = store.check()?.problems;
        for thread in 0..THREADS {
            let messages = store.get_messages(&session(thread), MessageQuery::new())?;
            let has_hole = messages
                .iter()
                .enumerate()
                .any(|(at, it)| !it.content.body().starts_with(&format!("{at} ")));
            let least = acknowledged.iter().filter(|it| **it == thread).count();
            if has_hole || !may_lose && messages.len() < least {
                let there = messages.len();
                problems.push(format!(
                    "{there} of {least} of a session, a hole: {has_hole}"
                ));
            }
        }
        store.close()?;
        Ok(problems)
    };
    let problems = looked().unwrap_or_else(|error| vec![format!("{error:?}")]);
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// An image of each moment, and how many are wrong.
fn cut(life: &Life, may_lose: bool, chance: &mut Chance) -> (u64, Vec<String>) {
    let folder = scratch();
    let mut disk = Disk::new(&life.base);
    let mut found = Vec::new();
    for event in &life.events {
        disk.happens(event, chance);
        write(folder.path(), &disk.image(super::any_cut(chance), chance));
        let acknowledged = &life.acknowledged[..disk.acknowledged()];
        found.extend(wrong(&folder.path().join(DATABASE), acknowledged, may_lose));
        clear(folder.path());
    }
    (life.events.len() as u64, found)
}

#[test]
fn writes_that_share_a_commit_are_all_kept() {
    let chance = &mut Chance::new(seed());
    let effort = Effort::new(4_000, 1_000_000);
    let (mut runs, mut violations) = (0, 0);
    while effort.goes_on(runs) {
        let may_lose = chance.percent(30);
        let durability = if may_lose {
            Durability::Normal
        } else {
            Durability::Full
        };
        let pages = 1 + i32::try_from(chance.below(40)).unwrap();
        let life = live(durability, pages, None);
        let (made, found) = cut(&life, may_lose, chance);
        runs += made;
        violations += found.len() as u64;
        if let Some(first) = found.first() {
            println!("at {durability:?}, after {pages} pages: {first}");
        }
    }
    let unsafe_life = live(Durability::Full, 1_000, Some("OFF"));
    let control = cut(&unsafe_life, false, chance).1.len() as u64;
    Verdict {
        guarantee: "R2 power cut, shared commits",
        runs,
        violations,
        control_violations: Some(control),
    }
    .record();
}
