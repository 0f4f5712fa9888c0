//! A clock that stands still until it is moved.

use std::sync::Mutex;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::lock;

/// A clock that stands still until it is moved. Share it with the store in an `Arc` and a closure:
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use convostore::{Clock, Timestamp, testing::ManualClock};
/// let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000)?));
/// let for_the_store = { let clock = Arc::clone(&clock); move || clock.now() };
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(for_the_store().as_millis(), 2_000);
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }

    /// Moves it forwards.
    pub fn advance(&self, span: Duration) {
        let mut now = lock(&self.0);
        *now = now.saturating_add(span);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}
