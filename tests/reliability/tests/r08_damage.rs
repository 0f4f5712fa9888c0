//! R8: a damaged database, WAL or archive gives right data or a typed error: no panic, no hang, nothing missing silently after `check`.
//!
//! Nothing in a SQLite file says what a content was, so a changed bit inside of a message's text is not found; how often is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use reliability::files::{beside, remove};
use reliability::sample::{self, Sample};
use reliability::{Chance, Effort, NoAnswer, Verdict, Worker, seed};
use serde_json::Value;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
/// For something that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);
const PAGE: usize = 4096;
const SECTOR: usize = 512;
const WAL_HEADER: usize = 32;
const FRAME: usize = PAGE + 24;

#[test]
fn damage_gives_right_data_or_a_typed_error() {
    let seed = seed();
    let samples = Samples::new();
    let lanes: Vec<Tally> = thread::scope(|scope| {
        let lanes = [0, 1].map(|lane| {
            let samples = &samples;
            scope.spawn(move || run(Effort::new(2_500, 1_000_000), lane, seed, samples))
        });
        lanes.map(|lane| lane.join().unwrap()).into()
    });
    let mut outcomes = BTreeMap::new();
    for (outcome, times) in lanes.iter().flat_map(|lane| &lane.outcomes) {
        *outcomes.entry(outcome).or_insert(0) += times;
    }
    for (outcome, times) in outcomes {
        println!("R8: {times:7} {outcome}");
    }
    Verdict {
        guarantee: "R8",
        runs: lanes.iter().map(|lane| lane.runs).sum(),
        violations: lanes.iter().map(|lane| lane.violations).sum(),
        control_violations: None,
    }
    .record();
}

struct Samples {
    good: Sample,
    /// Of another file, and of the same one at another time.
    other: Sample,
    good_rows: Value,
    other_rows: Value,
}

impl Samples {
    fn new() -> Self {
        let (good, other) = (Sample::new("good"), Sample::new("other"));
        let (good_rows, other_rows) = (rows_of(&good), rows_of(&other));
        Self {
            good,
            other,
            good_rows,
            other_rows,
        }
    }
}

fn rows_of(sample: &Sample) -> Value {
    let folder = conformance::world::temporary_folder();
    let mut lane = Lane::new(folder.path().to_owned());
    let seen = lane.look_at(&sample.database, Some(&sample.wal)).unwrap();
    assert_eq!(seen["check"], "sound");
    seen["rows"].clone()
}

#[derive(Default)]
struct Tally {
    runs: u64,
    violations: u64,
    outcomes: BTreeMap<String, u64>,
}

fn run(effort: Effort, lane_number: u64, seed: u64, samples: &Samples) -> Tally {
    let mut tally = Tally::default();
    let mut chance = Chance::new(seed ^ (lane_number << 40));
    let folder = conformance::world::temporary_folder();
    let mut lane = Lane::new(folder.path().to_owned());
    // Each lane tries every other truncation, and then what chance brings.
    let mut cuts = (0..)
        .filter(|it| it % 2 == lane_number)
        .map(|it| usize::try_from(it).unwrap() * SECTOR);
    while effort.goes_on(tally.runs) {
        let mutant = match cuts
            .next()
            .filter(|_| tally.runs < 700)
            .and_then(|cut| Mutant::cut(samples, cut))
        {
            Some(mutant) => mutant,
            None => Mutant::by_chance(samples, &mut chance),
        };
        let (outcome, violations) = mutant.try_on(&mut lane, samples);
        *tally
            .outcomes
            .entry(format!("{}: {outcome}", mutant.kind))
            .or_default() += 1;
        for violation in violations {
            let kept = mutant.keep(seed, lane_number, tally.runs);
            println!(
                "R8, seed {seed}, lane {lane_number}, mutant {} ({}): {violation}; kept in {}",
                tally.runs,
                mutant.kind,
                kept.display()
            );
            tally.violations += 1;
        }
        tally.runs += 1;
    }
    tally
}

/// A process that looks at damaged things, and where they lie.
struct Lane {
    folder: PathBuf,
    worker: Worker,
    count: u64,
}

impl Lane {
    fn new(folder: PathBuf) -> Self {
        let worker = Worker::start(WORKER, &[&"damaged"]);
        Self {
            folder,
            worker,
            count: 0,
        }
    }

    fn look_at(&mut self, database: &[u8], wal: Option<&[u8]>) -> Result<Value, &'static str> {
        self.count += 1;
        let path = self.folder.join(format!("{}.db", self.count));
        fs::write(&path, database).unwrap();
        if let Some(wal) = wal {
            fs::write(beside(&path, "-wal"), wal).unwrap();
        }
        let seen = self.ask("database", &path);
        remove(&path);
        seen
    }

    fn import(&mut self, archive: &[u8]) -> Result<Value, &'static str> {
        let path = self.folder.join("archive");
        fs::write(&path, archive).unwrap();
        self.ask("archive", &path)
    }

    fn ask(&mut self, kind: &str, path: &Path) -> Result<Value, &'static str> {
        let answer = self
            .worker
            .ask(&format!("{kind} {}", path.display()), LIMIT);
        let wrong = match answer {
            Ok(answer) => {
                let answer: Value = serde_json::from_str(&answer).unwrap();
                if answer.get("panic").is_none() {
                    return Ok(answer);
                }
                "it panicked"
            }
            Err(NoAnswer::TooLong) => "it hung",
            Err(NoAnswer::Died) => "it died",
        };
        self.worker = Worker::start(WORKER, &[&"damaged"]);
        Err(wrong)
    }
}

/// What the damage lets us expect.
enum Expect {
    /// The database was damaged: what is missing is told.
    Database,
    /// The WAL was damaged from that byte on: what was acknowledged before is there, and what is there later has no hole.
    Wal { sound_until: usize },
    /// A WAL that does not belong here: SQLite cannot tell, so that it may be the other store's data, whole.
    ForeignWal,
    /// An archive.
    Archive,
}

struct Mutant {
    kind: &'static str,
    expect: Expect,
    main: Vec<u8>,
    wal: Option<Vec<u8>>,
}

impl Mutant {
    /// Database, WAL and archive in turn, cut at every 512 bytes; nothing once all are through.
    fn cut(samples: &Samples, at: usize) -> Option<Self> {
        let Sample {
            database,
            wal,
            archive,
            ..
        } = &samples.good;
        if at < database.len() {
            return Some(Self::of_database("database cut", database[..at].to_vec()));
        }
        let at = at.next_multiple_of(SECTOR) - database.len().next_multiple_of(SECTOR);
        if at < wal.len() {
            return Some(Self::of_wal("WAL cut", samples, wal[..at].to_vec()));
        }
        let at = at - wal.len().next_multiple_of(SECTOR);
        (at < archive.len()).then(|| Self::of_archive("archive cut", archive[..at].to_vec()))
    }

    fn by_chance(samples: &Samples, chance: &mut Chance) -> Self {
        let good = &samples.good;
        match chance.below(20) {
            0..=4 => Self::of_database("database bytes", flipped(&good.database, chance)),
            5..=6 => Self::of_database("database headers", flipped_headers(&good.database, chance)),
            7..=8 => Self::of_database("database pages", moved(&good.database, 0, PAGE, chance)),
            9 => Self::of_database("database sectors", moved(&good.database, 0, SECTOR, chance)),
            10..=12 => Self::of_wal("WAL bytes", samples, flipped(&good.wal, chance)),
            13 => Self::of_wal(
                "WAL frames",
                samples,
                moved(&good.wal, WAL_HEADER, FRAME, chance),
            ),
            14 => Self::of_wal("WAL sectors", samples, moved(&good.wal, 0, SECTOR, chance)),
            15 => Self::with_foreign_wal(samples, chance),
            16..=17 => Self::of_archive("archive bytes", flipped(&good.archive, chance)),
            18 => Self::of_archive("archive sectors", moved(&good.archive, 0, SECTOR, chance)),
            _ => Self::of_archive("archive lines", lines_moved(&good.archive, chance)),
        }
    }

    fn of_database(kind: &'static str, main: Vec<u8>) -> Self {
        Self {
            kind,
            expect: Expect::Database,
            main,
            wal: None,
        }
    }

    fn of_wal(kind: &'static str, samples: &Samples, wal: Vec<u8>) -> Self {
        let good = &samples.good.wal;
        let same = good.iter().zip(&wal).take_while(|(a, b)| a == b).count();
        Self {
            kind,
            expect: Expect::Wal { sound_until: same },
            main: samples.good.database.clone(),
            wal: Some(wal),
        }
    }

    fn with_foreign_wal(samples: &Samples, chance: &mut Chance) -> Self {
        let other = &samples.other.wal;
        let frames = (other.len() - WAL_HEADER) / FRAME;
        let kept = usize::try_from(chance.below(frames as u64 + 1)).unwrap();
        Self {
            kind: "another file's WAL",
            expect: Expect::ForeignWal,
            main: samples.good.database.clone(),
            wal: Some(other[..WAL_HEADER + kept * FRAME].to_vec()),
        }
    }

    fn of_archive(kind: &'static str, main: Vec<u8>) -> Self {
        Self {
            kind,
            expect: Expect::Archive,
            main,
            wal: None,
        }
    }

    /// What came of it in a word or two, and what should not have.
    fn try_on(&self, lane: &mut Lane, samples: &Samples) -> (String, Vec<String>) {
        let seen = match self.expect {
            Expect::Archive => lane.import(&self.main),
            _ => lane.look_at(&self.main, self.wal.as_deref()),
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(wrong) => return (wrong.to_owned(), vec![wrong.to_owned()]),
        };
        match self.expect {
            // Nothing tells it from a file that somebody has just made, to be a store.
            Expect::Database if self.main.is_empty() => ("a new store".to_owned(), archives(&seen)),
            Expect::Archive => self.judge_archive(&seen, samples),
            Expect::Database => judge_database(&seen, samples),
            Expect::Wal { sound_until } => judge_wal(&seen, samples, sound_until),
            Expect::ForeignWal => judge_foreign(&seen, samples),
        }
    }

    fn judge_archive(&self, seen: &Value, samples: &Samples) -> (String, Vec<String>) {
        let outcome = seen["import"].as_str().unwrap().to_owned();
        let fine = match outcome.as_str() {
            "ok" => self.main == samples.good.archive && seen["same"] == true,
            _ => seen["sessions"] == 0,
        };
        let wrong = (!fine).then(|| format!("a damaged archive: {seen}"));
        (outcome, wrong.into_iter().collect())
    }

    /// Keeps what showed a violation, to look at.
    fn keep(&self, seed: u64, lane: u64, run: u64) -> PathBuf {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("damage-{seed}-{lane}-{run}"));
        fs::write(&path, &self.main).unwrap();
        if let Some(wal) = &self.wal {
            fs::write(beside(&path, "-wal"), wal).unwrap();
        }
        path
    }
}

/// What is wrong with any damaged database: an archive that was written but cannot be read.
fn archives(seen: &Value) -> Vec<String> {
    ["strict", "tolerant"]
        .into_iter()
        .filter(|kind| {
            seen[*kind]
                .as_str()
                .is_some_and(|it| it.starts_with("not imported"))
        })
        .map(|kind| format!("the {kind} archive is {}", seen[kind]))
        .collect()
}

fn judge_database(seen: &Value, samples: &Samples) -> (String, Vec<String>) {
    if seen["open"] != "ok" {
        return (format!("does not open: {}", seen["open"]), vec![]);
    }
    let mut wrong = archives(seen);
    if seen["check"] != "sound" {
        return (format!("check: {}", seen["check"]), wrong);
    }
    // The database without its WAL: the late messages are not there.
    let mut expected = samples.good_rows.clone();
    expected[sample::LATE] = Value::Array(vec![]);
    for part in ["others", "strict", "tolerant"] {
        if seen[part] != "ok" {
            wrong.push(format!("it is sound, but {part}: {}", seen[part]));
        }
    }
    if numbers(&seen["rows"]) != numbers(&expected) {
        wrong.push(format!(
            "it is sound, but holds other messages: {:?}",
            numbers(&seen["rows"])
        ));
    }
    let outcome = if seen["rows"] == expected {
        "sound"
    } else {
        "sound, with a content changed"
    };
    (outcome.to_owned(), wrong)
}

fn judge_wal(seen: &Value, samples: &Samples, sound_until: usize) -> (String, Vec<String>) {
    let mut wrong = archives(seen);
    if seen["open"] != "ok" || seen["check"] != "sound" {
        wrong.push(format!(
            "a WAL that ends early is nothing unsound: open {}, check {}",
            seen["open"], seen["check"]
        ));
        return ("unsound".to_owned(), wrong);
    }
    let late = seen["rows"][sample::LATE].as_array().map_or(0, Vec::len);
    let mut expected = samples.good_rows.clone();
    let all = expected[sample::LATE].as_array_mut().unwrap();
    let least = samples.good.late_within(sound_until);
    if late < least {
        wrong.push(format!("{late} late messages of at least {least}"));
    }
    all.truncate(late);
    if seen["rows"] != expected {
        wrong.push("what is there is no earlier state".to_owned());
    }
    ("sound, with what was whole".to_owned(), wrong)
}

fn judge_foreign(seen: &Value, samples: &Samples) -> (String, Vec<String>) {
    let wrong = archives(seen);
    if seen["open"] != "ok" {
        return (format!("does not open: {}", seen["open"]), wrong);
    }
    if seen["check"] != "sound" {
        return (format!("check: {}", seen["check"]), wrong);
    }
    let rows = numbers(&seen["rows"]);
    let late = seen["rows"][sample::LATE].as_array().map_or(0, Vec::len);
    let whole = [&samples.good_rows, &samples.other_rows]
        .into_iter()
        .any(|expected| {
            let mut expected = expected.clone();
            expected[sample::LATE]
                .as_array_mut()
                .unwrap()
                .truncate(late);
            numbers(&expected) == rows
        });
    let wrong = if whole {
        wrong
    } else {
        vec!["it is sound, but holds other messages".to_owned()]
    };
    ("sound".to_owned(), wrong)
}

/// Which messages there are, whatever they say.
fn numbers(rows: &Value) -> BTreeMap<&str, Vec<u64>> {
    let rows = rows.as_object().into_iter().flatten();
    rows.map(|(id, messages)| {
        let messages = messages.as_array().unwrap().iter();
        (
            id.as_str(),
            messages.map(|it| it[0].as_u64().unwrap()).collect(),
        )
    })
    .collect()
}

fn place(bytes: &[u8], chance: &mut Chance) -> usize {
    usize::try_from(chance.below(bytes.len() as u64)).unwrap()
}

fn flipped(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let at = place(&bytes, chance);
        bytes[at] = match chance.below(3) {
            0 => bytes[at] ^ (1 << chance.below(8)),
            1 => chance.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            _ => u8::try_from(chance.below(256)).unwrap(),
        };
    }
    bytes
}

/// Where SQLite keeps what leads to other places: the file's header, and the beginnings of pages.
fn flipped_headers(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(3) {
        let page = place(&bytes, chance) / PAGE;
        let within = usize::try_from(chance.below(if page == 0 { 120 } else { 40 })).unwrap();
        bytes[page * PAGE + within] = u8::try_from(chance.below(256)).unwrap();
    }
    bytes
}

/// Swaps two pieces, writes one over another, or empties one.
fn moved(bytes: &[u8], from: usize, size: usize, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let count = ((bytes.len() - from) / size) as u64;
    let mut piece = || {
        let start = from + usize::try_from(chance.below(count)).unwrap() * size;
        start..start + size
    };
    let (a, b) = (piece(), piece());
    let (first, second) = (bytes[a.clone()].to_vec(), bytes[b.clone()].to_vec());
    match chance.below(3) {
        0 => {
            bytes[a].copy_from_slice(&second);
            bytes[b].copy_from_slice(&first);
        }
        1 => bytes[a].copy_from_slice(&second),
        _ => bytes[a].fill(0),
    }
    bytes
}

fn lines_moved(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let count = lines.len() as u64;
    let mut line = || usize::try_from(chance.below(count)).unwrap();
    let (a, b) = (line(), line());
    match chance.below(3) {
        0 => lines.swap(a, b),
        1 => drop(lines.remove(a)),
        _ => lines.insert(a, lines[b]),
    }
    lines.concat()
}
