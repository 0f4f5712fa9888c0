//! That what was erased does not come back with a power cut.

use convostore::backend::sqlite::Durability;
use convostore::{Erasure, NewMessage, NewSession, Role};
use reliability::talk::{holds, marker, say};
use reliability::vfs::recording::{Recording, Setting, record};
use reliability::vfs::{Cut, Disk, Files};
use reliability::{Chance, Effort, Verdict, seed};

/// A store in which one session after the other is erased, and the marker of each: it is gone when so many operations were acknowledged.
fn erasing(setting: Setting, chance: &mut Chance) -> (Recording, Vec<(usize, String)>) {
    let mut erased = Vec::new();
    let recording = record(Files::new(), setting, |it| {
        it.open();
        let mut acknowledged = 0;
        for _ in 0..3 {
            let gone = marker(chance);
            say(it.store(), &marker(chance), chance);
            let id = say(it.store(), &gone, chance);
            say(it.store(), &marker(chance), chance);
            let answer = it.store().delete_session(&id, true).unwrap();
            assert_eq!(answer.erasure, Some(Erasure::Complete));
            it.acknowledged();
            acknowledged += 1;
            erased.push((acknowledged, gone));
            // The WAL is written from its beginning again.
            let new = NewSession::new().id(format!("after {acknowledged}"));
            let session = it.store().create_session(new).unwrap();
            let after = NewMessage::new(Role::USER, "after");
            it.store().save_message(&session.id, after).unwrap();
        }
    });
    (recording, erased)
}

/// How many images of the moments after an erasure hold what was erased, of how many.
fn come_back(setting: Setting, chance: &mut Chance) -> (u64, u64) {
    let (recording, erased) = erasing(setting, chance);
    let mut disk = Disk::new(&recording.base);
    let (mut images, mut violations) = (0, 0);
    for event in &recording.events {
        disk.happens(event, chance);
        let gone = erased.iter().filter(|it| it.0 <= disk.acknowledged());
        let gone: Vec<&[u8]> = gone.map(|it| it.1.as_bytes()).collect();
        if gone.is_empty() {
            continue;
        }
        let cut = match chance.below(4) {
            0 => Cut::All,
            _ => Cut::Some(20),
        };
        let image = disk.image(cut, chance);
        let is_back = |marker: &&&[u8]| image.values().any(|file| holds(file, marker));
        images += 1;
        violations += u64::from(gone.iter().any(|marker| is_back(&marker)));
    }
    (images, violations)
}

#[test]
fn what_was_erased_does_not_come_back_with_a_power_cut() {
    let chance = &mut Chance::new(seed());
    let effort = Effort::new(3, 100_000);
    let setting = |durability, pragma| Setting {
        durability,
        checkpoint_after: None,
        pragma,
    };
    let (mut lives, mut runs, mut violations) = (0, 0, 0);
    while effort.goes_on(lives) {
        for durability in [Durability::Full, Durability::Normal] {
            let (images, found) = come_back(setting(durability, None), chance);
            runs += images;
            violations += found;
        }
        lives += 1;
    }
    // Until it was seen.
    let off = setting(Durability::Full, Some(("synchronous", "OFF")));
    let control = (0..100)
        .map(|_| come_back(off, chance).1)
        .find(|found| *found > 0);
    Verdict {
        guarantee: "R12 erasing and a power cut",
        runs,
        violations,
        control_violations: Some(control.unwrap_or(0)),
    }
    .record();
}
