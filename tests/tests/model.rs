//! All backends against one simple model, through the same random steps.
//!
//! `CONVOSTORE_MODEL_OPERATIONS` sets how many (20,000 unless told), `CONVOSTORE_SEED` where to begin: with the seed of a failure it
//! comes again. A failure is shrunk to few steps and printed as a scenario.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "long runs say how far they are")]

use std::env;

use conformance::generate::{self, Chance};
use conformance::lockstep::{self, Lockstep, Tally};
use conformance::operations;
use conformance::scenario::Step;

/// The steps between two fresh beginnings.
const EPISODE: u64 = 400;
const SEED: u64 = 2026;

#[test]
fn all_backends_do_as_the_model_does() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let operations = number("CONVOSTORE_MODEL_OPERATIONS").unwrap_or(20_000);
    let seed = number("CONVOSTORE_SEED").unwrap_or(SEED);
    let mut done = 0;
    let mut tally = Tally::new();
    // The first episode is that of the seed itself, so that the seed of a failed one brings it at once.
    for episode_seed in (0..).map(|episode| seed + episode) {
        if done >= operations {
            break;
        }
        let length = EPISODE.min(operations - done);
        for (name, outcomes) in episode(episode_seed, length, done) {
            for (outcome, times) in outcomes {
                *tally
                    .entry(name.clone())
                    .or_default()
                    .entry(outcome)
                    .or_default() += times;
            }
        }
        done += length;
        if operations > 100_000 && done % 100_000 < EPISODE {
            eprintln!("{done} of {operations} operations, no difference");
        }
    }
    if operations >= 20_000 {
        check_reach(&tally);
    }
}

/// Whether chance has led everywhere: what never happens proves nothing.
fn check_reach(tally: &Tally) {
    let times = |name: &str, outcome: &str| {
        tally
            .get(name)
            .and_then(|it| it.get(outcome))
            .copied()
            .unwrap_or(0)
    };
    for name in operations::NAMES {
        // Archives and closing are steps of their own or other tests' matter.
        if !matches!(name, "export_archive" | "import_archive" | "close") {
            assert!(
                times(name, "ok") >= 10,
                "{name} succeeded {} times: {tally:#?}",
                times(name, "ok")
            );
        }
    }
    for (name, code) in [
        ("create_session", "already_exists"),
        ("get_or_create_session", "already_exists"),
        ("resume_session", "already_exists"),
        ("update_session", "invalid_transition"),
        ("update_session", "conflict"),
        ("update_session", "not_found"),
        ("save_message", "conflict"),
        ("save_messages", "conflict"),
        ("save_messages", "invalid_transition"),
        ("save_messages", "invalid_argument"),
        ("list_sessions", "invalid_argument"),
        ("set_context", "conflict"),
        ("merge_context", "conflict"),
        ("define_lifecycle", "conflict"),
    ] {
        assert!(
            times(name, code) >= 3,
            "{name} ended in {code} {} times: {tally:#?}",
            times(name, code)
        );
    }
}

fn episode(seed: u64, length: u64, before: u64) -> Tally {
    let mut chance = Chance::new(seed);
    let mut lockstep = Lockstep::new();
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..length {
        let now = lockstep.now();
        let step = generate::step(&mut chance, &mut lockstep.model, now);
        steps.push(step.clone());
        let Err(difference) = lockstep.step(&step) else {
            continue;
        };
        let number = before + steps.len() as u64;
        let first = difference.problem.clone();
        let (fewest, difference) = lockstep::shrink(steps, difference);
        panic!(
            "operation {number}, CONVOSTORE_SEED={seed}: {first}\nthe fewest steps that show a difference: {}\n{}",
            difference.problem,
            lockstep::as_scenario(&fewest, &difference)
        );
    }
    lockstep.tally
}
