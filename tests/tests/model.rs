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

use conformance::episodes;
use conformance::lockstep::Tally;
use conformance::operations;

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
        let length = episodes::LENGTH.min(operations - done);
        let tally_of_episode = episodes::run(episode_seed, length, true)
            .unwrap_or_else(|difference| panic!("after {done} operations: {difference}"));
        for (name, outcomes) in tally_of_episode {
            for (outcome, times) in outcomes {
                *tally
                    .entry(name.clone())
                    .or_default()
                    .entry(outcome)
                    .or_default() += times;
            }
        }
        done += length;
        if operations > 100_000 && done % 100_000 < episodes::LENGTH {
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
