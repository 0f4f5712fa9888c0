//! How long to go on trying.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::wanted;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often a statement may meet a change that its snapshot did not show. Each attempt but the first locks first, so more than a few
/// mean that something else is wrong.
const MOST_STALE: u32 = 20;

/// The attempts of one operation, bounded by the wait limit.
pub(super) struct Patience {
    end: Instant,
    pause: Duration,
    stale: u32,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            end: now
                .checked_add(limit)
                .unwrap_or_else(|| now + Duration::from_secs(86_400)),
            pause: FIRST_PAUSE,
            stale: 0,
        }
    }

    /// What is left of the wait limit, at least a little.
    pub(super) fn left(&self) -> Duration {
        self.end
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Pauses before the next attempt after a transient failure; the failure itself where it is no such, or time is up.
    pub(super) fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        if !failure.is_transient() {
            return Err(failure);
        }
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failure);
        }
        // Up to the limit, not only as far as whole pauses fit: nobody is told to be busy before it.
        let pause = left.min(self.pause / 2 + self.pause.mul_f64(chance()) / 2);
        if !wanted::is_wanted() {
            return Err(Failure::Unwanted);
        }
        thread::sleep(pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    /// The next attempt after one that another writer overtook.
    pub(super) fn overtaken(&mut self) -> Result<(), Failure> {
        self.stale += 1;
        if self.stale > MOST_STALE || Instant::now() >= self.end {
            return Err(Failure::Busy);
        }
        Ok(())
    }

    /// Whether an attempt was overtaken before.
    pub(super) fn was_overtaken(&self) -> bool {
        self.stale > 0
    }
}

/// From 0 to 1, so that those who failed together do not try again together.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
