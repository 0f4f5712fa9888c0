//! R2: a power cut loses nothing that was acknowledged at durability full, only a suffix at normal, never anything in between, and never leaves
//! a file that `check` finds fault with.
//!
//! Stores live their lives in memory, recorded write by write. From each moment of a life images of the disk are made, with any part of what was
//! not confirmed, and each is opened by the store, checked, and all that it holds is compared with what it held when it
//! acknowledged.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "r02/groups.rs"]
mod groups;
#[path = "r02/lives.rs"]
mod lives;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use convostore::backend::sqlite::Durability;
use convostore::{ExportOptions, NewSession, Store};
use reliability::vfs::recording::{
    DATABASE, Recording, Setting, clear, judge, look, scratch, write,
};
use reliability::vfs::{Cut, Disk, Files, Watch, watch};
use reliability::{Chance, Effort, Verdict, seed};

use lives::{LIVES, Life};

const SHORT: u64 = 50_000;
const LONG: u64 = 5_000_000;

/// How many images are made of one recorded life before it is lived again, another way: so many that the short mode has each life at each durability.
const IMAGES_OF_A_LIFE: u64 = SHORT / (2 * LIVES.len() as u64);

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let seed = seed();
    let start = Instant::now();
    let effort = Effort::new(SHORT, LONG);
    let tally = Tally::default();
    let number = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while effort.goes_on(tally.images.load(Ordering::SeqCst)) {
                    let number = number.fetch_add(1, Ordering::SeqCst);
                    live_and_cut(number, seed, &tally);
                }
            });
        }
    });
    tally.report(start);
    let control = control(seed);
    Verdict {
        guarantee: "R2 power cut",
        runs: tally.images.into_inner(),
        violations: tally.violations.into_inner(),
        control_violations: Some(control),
    }
    .record();
}

/// With `PRAGMA synchronous = OFF` in the place of the product's value.
fn control(seed: u64) -> u64 {
    let tally = Tally {
        is_quiet: true,
        ..Tally::default()
    };
    let setting = Setting {
        durability: Durability::Full,
        checkpoint_after: None,
        pragma: Some(("synchronous", "OFF")),
    };
    let chance = &mut Chance::new(seed);
    let recording = LIVES[0].record(setting, chance);
    cut(&recording, &setting, 300, chance, &tally, LIVES[0].name);
    tally.violations.into_inner()
}

#[derive(Debug, Default)]
struct Tally {
    images: AtomicU64,
    violations: AtomicU64,
    is_quiet: bool,
    /// Images by the name of the life.
    by_life: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    fn violation(&self, what: &str) {
        // The first few say enough.
        if self.violations.fetch_add(1, Ordering::SeqCst) < 20 && !self.is_quiet {
            println!("{what}");
        }
    }

    fn report(&self, start: Instant) {
        let images = self.images.load(Ordering::SeqCst);
        for (life, images) in self.by_life.lock().unwrap().iter() {
            println!("{images} images of {life}");
        }
        println!("{images} images in {:.1} s", start.elapsed().as_secs_f64());
    }
}

/// One life, at one durability, and its images; of some of them the next life, which begins with the recovery, and images of that.
fn live_and_cut(number: u64, seed: u64, tally: &Tally) {
    let chance = &mut Chance::new(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9)));
    let life = &LIVES[usize::try_from(number).unwrap() % LIVES.len()];
    let is_full = (number / LIVES.len() as u64).is_multiple_of(2);
    let setting = Setting {
        durability: if is_full {
            Durability::Full
        } else {
            Durability::Normal
        },
        checkpoint_after: life.checkpoint_after(chance),
        pragma: None,
    };
    let name = format!("{} at {:?}", life.name, setting.durability);
    let recording = life.record(setting, chance);
    if life.is_second {
        // Its images are those of other lives, and of each a few.
        for _ in 0..IMAGES_OF_A_LIFE / 100 {
            let (image, held) = some_image(&recording, chance);
            let second = Life::second(image, held, setting, chance);
            cut(&second, &setting, 100, chance, tally, &name);
        }
    } else {
        cut(&recording, &setting, IMAGES_OF_A_LIFE, chance, tally, &name);
    }
}

/// An image of any moment, and what it holds.
fn some_image(recording: &Recording, chance: &mut Chance) -> (Files, u64) {
    let folder = scratch();
    loop {
        let end = chance.below(recording.events.len() as u64 + 1);
        let mut disk = Disk::new(&recording.base);
        for event in &recording.events[..usize::try_from(end).unwrap()] {
            disk.happens(event, chance);
        }
        let image = disk.image(any_cut(chance), chance);
        if let Ok(held) = judge(folder.path(), &image) {
            return (image, held);
        }
    }
}

fn any_cut(chance: &mut Chance) -> Cut {
    match chance.below(10) {
        0 => Cut::Nothing,
        1 => Cut::All,
        _ => Cut::Some(3 + chance.below(45)),
    }
}

/// Makes so many images of all moments of a life and judges them.
fn cut(
    recording: &Recording,
    setting: &Setting,
    count: u64,
    chance: &mut Chance,
    tally: &Tally,
    name: &str,
) {
    let folder = scratch();
    let mut made = 0;
    let mut round = 0;
    let mut before = None;
    // Where nothing was written there is nothing to lose, and no more to see in another round.
    while made < count && before != Some(made) {
        before = Some(made);
        let mut disk = Disk::new(&recording.base);
        for moment in 0..=recording.events.len() {
            // Where all is confirmed there is one image only.
            if round == 0 || !disk.is_settled() {
                let image = disk.image(any_cut(chance), chance);
                let found = judge_image(folder.path(), &image, recording, &disk, setting);
                if let Err(what) = found {
                    tally.violation(&format!("{name}, moment {moment}: {what}"));
                }
                made += 1;
            }
            if let Some(event) = recording.events.get(moment) {
                disk.happens(event, chance);
            }
            if made == count {
                break;
            }
        }
        round += 1;
    }
    tally.images.fetch_add(made, Ordering::SeqCst);
    let mut by_life = tally.by_life.lock().unwrap();
    *by_life.entry(name.to_owned()).or_default() += made;
}

fn judge_image(
    folder: &Path,
    image: &Files,
    recording: &Recording,
    disk: &Disk<'_>,
    setting: &Setting,
) -> Result<(), String> {
    write(folder, image);
    let database = look(&folder.join(DATABASE));
    let copies = recording
        .copies
        .iter()
        .filter(|(number, ..)| *number <= disk.acknowledged())
        .try_for_each(|(_, name, held)| match look(&folder.join(name)) {
            Ok(found) if found == *held => Ok(()),
            found => Err(format!("the acknowledged copy {name}: {found:?}")),
        });
    clear(folder);
    copies?;
    let held = database?;
    // What runs when the power is cut may be there already.
    let last = recording.states.len().min(disk.acknowledged() + 2);
    let first = match setting.durability {
        Durability::Full => disk.acknowledged(),
        _ => 0,
    };
    if recording.states[first..last].contains(&held) {
        return Ok(());
    }
    let what = match recording.states.iter().position(|state| *state == held) {
        Some(state) => format!("the state after {state}"),
        None => "what it never held".to_owned(),
    };
    let acknowledged = disk.acknowledged();
    Err(format!(
        "{what} was found, {acknowledged} were acknowledged"
    ))
}

/// Notes which folders the disk confirmed the names in.
#[derive(Debug, Default)]
struct Confirmed(Mutex<BTreeSet<PathBuf>>);

impl Watch for Confirmed {
    fn synced(&self, path: &Path) {
        self.0.lock().unwrap().insert(path.to_owned());
    }
}

/// A message in a folder that is not there after the cut would be lost with it.
#[test]
fn new_folders_and_files_are_confirmed() {
    let outer = scratch();
    let confirmed = Arc::new(Confirmed::default());
    let _watching = watch(outer.path(), Arc::clone(&confirmed) as Arc<dyn Watch>);
    let folder = outer.path().join("a/b/c");
    let store = Store::open(folder.join(DATABASE)).unwrap();
    store.create_session(NewSession::new()).unwrap();
    let mut needed: Vec<PathBuf> = folder.ancestors().map(Path::to_owned).collect();
    needed.retain(|it| it.starts_with(outer.path()));
    // A copy and an archive are written by the standard library too; each in a folder that nothing else has confirmed.
    for name in ["copy", "archive"] {
        let folder = outer.path().join(name);
        fs::create_dir(&folder).unwrap();
        let path = folder.join("file");
        if name == "copy" {
            store.backup(&path).unwrap();
        } else {
            store
                .export_archive_to(&path, ExportOptions::new())
                .unwrap();
        }
        needed.extend([folder, path]);
    }
    let confirmed = confirmed.0.lock().unwrap().clone();
    let missing: Vec<&PathBuf> = needed
        .iter()
        .filter(|it| !confirmed.contains(*it))
        .collect();
    println!("not confirmed: {missing:?}");
    Verdict {
        guarantee: "R2 new folders and files",
        runs: needed.len() as u64,
        violations: missing.len() as u64,
        control_violations: None,
    }
    .record();
}
