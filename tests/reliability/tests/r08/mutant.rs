//! Damaged files, and what each lets us expect.

use std::fs;
use std::path::{Path, PathBuf};

use reliability::Chance;
use reliability::files::beside;
use reliability::sample::Sample;
use serde_json::Value;

use super::bytes::{flipped, flipped_headers, lines_moved, moved};
use super::judge::{Judgement, archives, judge_database, judge_foreign, judge_wal};
use super::lane::Lane;
use super::{PAGE, SECTOR, Samples};

const WAL_HEADER: usize = 32;
const FRAME: usize = PAGE + 24;

/// What the damage lets us expect.
pub(super) enum Expect {
    /// The database was damaged: what is missing is told.
    Database,
    /// The WAL was damaged from that byte on: what was acknowledged before is there, and what is there later has no hole.
    Wal { sound_until: usize },
    /// A WAL that does not belong here: SQLite cannot tell, so that it may be the other store's data, whole.
    ForeignWal,
    /// An archive.
    Archive,
}

pub(super) struct Mutant {
    pub(super) kind: &'static str,
    expect: Expect,
    main: Vec<u8>,
    wal: Option<Vec<u8>>,
}

impl Mutant {
    /// Database, WAL and archive in turn, cut at every 512 bytes; nothing once all are through.
    pub(super) fn cut(samples: &Samples, at: usize) -> Option<Self> {
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

    pub(super) fn by_chance(samples: &Samples, chance: &mut Chance) -> Self {
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
    pub(super) fn try_on(&self, lane: &mut Lane, samples: &Samples) -> Judgement {
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

    fn judge_archive(&self, seen: &Value, samples: &Samples) -> Judgement {
        let outcome = seen["import"].as_str().unwrap().to_owned();
        let fine = match outcome.as_str() {
            "ok" => self.main == samples.good.archive && seen["same"] == true,
            _ => seen["sessions"] == 0,
        };
        let wrong = (!fine).then(|| format!("a damaged archive: {seen}"));
        (outcome, wrong.into_iter().collect())
    }

    /// Keeps what showed a violation, to look at.
    pub(super) fn keep(&self, seed: u64, lane: u64, run: u64) -> PathBuf {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("damage-{seed}-{lane}-{run}"));
        fs::write(&path, &self.main).unwrap();
        if let Some(wal) = &self.wal {
            fs::write(beside(&path, "-wal"), wal).unwrap();
        }
        path
    }
}
