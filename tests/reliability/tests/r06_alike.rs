//! R6: all backends do as one simple model does, with deaths, re-openings, archives, two handles and two tenants.
//!
//! PostgreSQL, which takes most of the time, is there in every fifth episode; in all of them in the model test of `conformance`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use conformance::episodes;
use reliability::{Effort, Verdict, seed};

#[test]
fn backends_behave_alike() {
    let effort = Effort::new(20_000 / episodes::LENGTH, 10_000_000 / episodes::LENGTH);
    let seed = seed();
    let (mut done, mut violations) = (0, 0);
    while effort.goes_on(done) {
        let with_postgres = done % 5 == 0;
        if let Err(difference) = episodes::run(seed + done, episodes::LENGTH, with_postgres) {
            println!("R6: {difference}");
            violations += 1;
        }
        done += 1;
    }
    Verdict {
        guarantee: "R6",
        runs: done * episodes::LENGTH,
        violations,
        control_violations: None,
    }
    .record();
}
