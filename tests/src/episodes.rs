//! Stretches of random steps, from empty storages on.

use crate::generate::{self, Chance};
use crate::lockstep::{self, Lockstep, Tally};
use crate::scenario::Step;

/// The steps between two fresh beginnings.
pub const LENGTH: u64 = 400;

/// Drives the model and all backends through `length` steps that `seed` gives. A difference is shrunk to few steps and told as a scenario.
pub fn run(seed: u64, length: u64, with_postgres: bool) -> Result<Tally, String> {
    let mut chance = Chance::new(seed);
    let mut lockstep = Lockstep::new(with_postgres);
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..length {
        let now = lockstep.now();
        let step = generate::step(&mut chance, &mut lockstep.model, now);
        steps.push(step.clone());
        let Err(difference) = lockstep.step(&step) else {
            continue;
        };
        let number = steps.len();
        let first = difference.problem.clone();
        let (fewest, difference) = lockstep::shrink(steps, difference, with_postgres);
        return Err(format!(
            "CONVOSTORE_SEED={seed}, step {number}: {first}\nthe fewest steps that show a difference: {}\n{}",
            difference.problem,
            lockstep::as_scenario(&fewest, &difference)
        ));
    }
    Ok(lockstep.tally)
}
