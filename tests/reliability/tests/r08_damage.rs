//! R8: a damaged database, WAL or archive gives right data or a typed error: no panic, no hang, nothing missing silently after `check`.
//!
//! Nothing in a SQLite file says what a content was, so a changed bit inside of a message's text is not found; how often is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "r08/bytes.rs"]
mod bytes;
#[path = "r08/judge.rs"]
mod judge;
#[path = "r08/lane.rs"]
mod lane;
#[path = "r08/mutant.rs"]
mod mutant;

use std::collections::BTreeMap;
use std::thread;

use lane::Lane;
use mutant::Mutant;
use reliability::sample::Sample;
use reliability::{Chance, Effort, Verdict, seed};
use serde_json::Value;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

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
        let mutant = match cuts.next().and_then(|cut| Mutant::cut(samples, cut)) {
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
