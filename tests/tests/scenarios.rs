//! Every scenario on every backend, each a test of its own: `cargo test -p conformance --test scenarios idle`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use conformance::world::Kind;
use conformance::{runner, scenario};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut trials = Vec::new();
    let kinds = Kind::here();
    for (name, path) in scenario::files() {
        for kind in kinds.iter().copied() {
            let path = path.clone();
            trials.push(Trial::test(format!("{name} on {kind}"), move || {
                let scenario = scenario::read(&path)?;
                Ok(runner::run(&scenario, kind)?)
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
