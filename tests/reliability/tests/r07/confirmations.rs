//! A confirmation that failed means that nobody knows what is on disk, and a later one does not change that: what is acknowledged after it must
//! not rely on anything before.

use std::sync::Arc;

use convostore::{MessageQuery, NewMessage, NewSession, Role, Store};
use reliability::vfs::recording::{DATABASE, clear, read, scratch, write};
use reliability::vfs::{Cut, Disk, Event, Fault, Faults, Files, Recorder, Watch, watch};
use reliability::{Chance, Effort, Verdict, seed};

const SESSION: &str = "s";

/// A life with one confirmation that failed.
struct Life {
    base: Files,
    events: Vec<Event>,
    /// Of each operation, whether it was acknowledged.
    answers: Vec<bool>,
    struck: bool,
}

fn text(number: usize) -> String {
    format!("{number} {}", "x".repeat(700))
}

fn live(fault: Fault, nth: u64, pages: i32) -> Life {
    let folder = scratch();
    let path = folder.path().join(DATABASE);
    let store = Store::open(&path).unwrap();
    store.create_session(NewSession::new().id(SESSION)).unwrap();
    store.close().unwrap();
    let base = read(folder.path());
    let recorder = Arc::new(Recorder::new(folder.path(), &base));
    let faults = Faults::new(fault, nth, false)
        .with_checkpoint_after(Some(pages))
        .recorded(Arc::clone(&recorder));
    let faults = Arc::new(faults);
    let _watching = watch(folder.path(), Arc::clone(&faults) as Arc<dyn Watch>);
    let mut answers = Vec::new();
    let mut save = |store: &Store| {
        let message = NewMessage::new(Role::USER, text(answers.len()));
        answers.push(store.save_message(SESSION, message).is_ok());
        recorder.acknowledged();
    };
    for _ in 0..2 {
        if let Ok(store) = Store::open(&path) {
            (0..8).for_each(|_| save(&store));
            let _ = store.close();
        }
    }
    Life {
        base,
        events: recorder.take(),
        answers,
        struck: faults.has_struck(),
    }
}

/// What is wrong with an image of a moment, in which so many operations were answered.
fn wrong(path: &std::path::Path, answers: &[bool], answered: usize) -> Option<String> {
    let looked = || -> convostore::Result<_> {
        let store = Store::open(path)?;
        let problems = store.check()?.problems;
        let messages = store.get_messages(SESSION, MessageQuery::new())?;
        store.close()?;
        let texts: Vec<String> = messages
            .iter()
            .map(|it| it.content.body().to_owned())
            .collect();
        Ok((problems, texts))
    };
    let (problems, texts) = match looked() {
        Ok(looked) => looked,
        Err(error) => return Some(format!("{error:?}")),
    };
    if !problems.is_empty() {
        return Some(problems.join("; "));
    }
    let is_there = |number: usize| texts.contains(&text(number));
    let lost = (0..answered).find(|number| answers[*number] && !is_there(*number));
    lost.map(|number| format!("{number} of {answered} was acknowledged and is lost"))
}

/// Images of a life, and what is wrong with them.
fn images(life: &Life, each: usize, chance: &mut Chance) -> (u64, Vec<String>) {
    let folder = scratch();
    let mut disk = Disk::new(&life.base);
    let mut made = 0;
    let mut found = Vec::new();
    for event in &life.events {
        disk.happens(event, chance);
        for _ in 0..if disk.is_settled() { 1 } else { each } {
            write(
                folder.path(),
                &disk.image(Cut::Some(chance.below(50)), chance),
            );
            let path = folder.path().join(DATABASE);
            found.extend(wrong(&path, &life.answers, disk.acknowledged()));
            clear(folder.path());
            made += 1;
        }
    }
    (made, found)
}

#[test]
fn nothing_relies_on_a_confirmation_that_failed() {
    let chance = &mut Chance::new(seed());
    let effort = Effort::new(3_000, 1_000_000);
    let (mut runs, mut violations) = (0, 0);
    let mut nth = 1;
    while effort.goes_on(runs) {
        let pages = 2 + i32::try_from(chance.below(10)).unwrap();
        let life = live(Fault::Sync, nth, pages);
        nth = if life.struck { nth + 1 } else { 1 };
        let (made, found) = images(&life, 1, chance);
        runs += made;
        violations += found.len() as u64;
        if let Some(first) = found.first() {
            println!("confirmation {nth}, after {pages} pages: {first}");
        }
    }
    // A disk that lies: with nothing but a later confirmation to go by, acknowledged messages are lost.
    let control: usize = (1..20)
        .map(|nth| images(&live(Fault::Lie, nth, 4), 1, chance).1.len())
        .sum();
    Verdict {
        guarantee: "R7 failed confirmations",
        runs,
        violations,
        control_violations: Some(control as u64),
    }
    .record();
}
