//! A moment's wait for those who come back.
//!
//! Those whose work was done together often come back together, a moment after the next group would begin, and would have to wait for a whole commit of
//! those who came between: so two groups would take turns, each half as large as it could be. So who begins a group behind another waits that moment for them, at most for half of what
//! that took. Who comes when nobody works never waits for others.

use std::sync::Mutex;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::lock;

/// After those waited for did not come, how often they are not waited for: writers that think in between pay little for those that do not.
const VAIN: u32 = 16;

/// A line of those who wait, behind a lock.
pub(crate) trait Line {
    /// How many wait.
    fn waiting(&self) -> usize;

    /// What is known of those who come back.
    fn gathering(&mut self) -> &mut Gathering;
}

/// What a line knows of those who come back.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// The group before, if it was one.
    last: Option<Shared>,
    /// Who waits until there are so many in line.
    awaiting: Option<(usize, Thread)>,
    /// How often that is not to be tried.
    vain: u32,
}

/// Work that several shared.
#[derive(Debug, Clone, Copy)]
struct Shared {
    /// How many there were when it was done and nobody knew yet: those who shared it and those who waited.
    all: usize,
    took: Duration,
}

impl Gathering {
    /// Notes that work was shared, by all but those who waited meanwhile: before anybody is told.
    pub(crate) fn was_shared(&mut self, all: usize, took: Duration) {
        self.last = Some(Shared { all, took });
    }

    /// Nobody works any more: who comes next comes by himself.
    pub(crate) fn end(&mut self) {
        self.last = None;
    }

    /// Notes that there are so many in line now.
    pub(crate) fn came(&mut self, waiting: usize) {
        if let Some((_, leader)) = self.awaiting.take_if(|(count, _)| waiting >= *count) {
            leader.unpark();
        }
    }

    #[cfg(test)]
    pub(crate) fn is_awaiting(&self) -> bool {
        self.awaiting.is_some()
    }
}

/// Waits a moment for those whose work was just done, if they were several and the last ones came back in time. A group has at most `most`; of it
/// `led` are not in line themselves.
pub(crate) fn gather<L: Line>(line: &Mutex<L>, most: usize, led: usize) {
    let mut state = lock(line);
    let before = state.waiting();
    let gathering = state.gathering();
    let Some(last) = gathering.last.take() else {
        return;
    };
    if gathering.vain > 0 {
        gathering.vain -= 1;
        return;
    }
    let others = last.all.min(most).saturating_sub(led);
    if before >= others {
        return;
    }
    gathering.awaiting = Some((others, thread::current()));
    drop(state);
    let until = Instant::now() + last.took / 2;
    let mut is_waiting = true;
    while is_waiting {
        let left = until.saturating_duration_since(Instant::now());
        thread::park_timeout(left);
        is_waiting = !left.is_zero() && lock(line).gathering().awaiting.is_some();
    }
    let mut state = lock(line);
    let after = state.waiting();
    let gathering = state.gathering();
    gathering.awaiting = None;
    if after < usize::midpoint(before, others) {
        gathering.vain = VAIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of so many.
    #[derive(Default)]
    struct Seats {
        waiting: usize,
        gathering: Gathering,
    }

    impl Line for Seats {
        fn waiting(&self) -> usize {
            self.waiting
        }

        fn gathering(&mut self) -> &mut Gathering {
            &mut self.gathering
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    fn come(line: &Mutex<Seats>) {
        let mut state = lock(line);
        state.waiting += 1;
        let waiting = state.waiting;
        state.gathering.came(waiting);
    }

    fn behind(all: usize, took: Duration) -> Mutex<Seats> {
        let line = Mutex::new(Seats::default());
        lock(&line).gathering.was_shared(all, took);
        line
    }

    #[test]
    fn all_who_shared_are_waited_for() {
        for led in [0, 1] {
            let line = behind(4, HOUR);
            thread::scope(|scope| {
                let gathering = scope.spawn(|| gather(&line, 256, led));
                while !lock(&line).gathering.is_awaiting() {
                    thread::yield_now();
                }
                for _ in 0..4 - led {
                    assert!(lock(&line).gathering.is_awaiting());
                    come(&line);
                }
                gathering.join().unwrap();
            });
            assert_eq!(lock(&line).gathering.vain, 0);
        }
    }

    #[test]
    fn a_full_group_is_enough() {
        let line = behind(1000, HOUR);
        for _ in 0..256 {
            come(&line);
        }
        gather(&line, 256, 0);
    }

    #[test]
    fn nobody_is_waited_for_who_shared_nothing() {
        let line = Mutex::new(Seats::default());
        gather(&line, 256, 1);
        let line = behind(1000, HOUR);
        lock(&line).gathering.end();
        gather(&line, 256, 1);
    }

    #[test]
    fn those_who_do_not_come_are_not_waited_for_the_next_times() {
        let line = behind(4, Duration::from_millis(2));
        gather(&line, 256, 1);
        for left in (0..VAIN).rev() {
            lock(&line).gathering.was_shared(4, HOUR);
            gather(&line, 256, 1);
            assert_eq!(lock(&line).gathering.vain, left);
        }
    }
}
