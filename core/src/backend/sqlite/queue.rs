//! The queue before the one writer: who comes first writes at once; who comes meanwhile waits in line, and is taken along by the
//! next in a group.
//!
//! There is no thread behind it. The turn to write passes from caller to caller, first come, first served: each, when done,
//! hands it to the next in line, who takes those behind along as far as they gave their work away.
//!
//! Who gets the turn from a group waits a moment for those who come back: see [`crate::gather`].

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::gather::{self, Gathering, gather};
use crate::{lock, wanted};

/// The most jobs in one transaction: enough to share the cost of a commit, few enough that the first does not wait for ever.
pub(super) const GROUP: usize = 256;

/// A queue of jobs `J` with results `R`.
#[derive(Debug)]
pub(super) struct Queue<J, R> {
    line: Mutex<Line<J, R>>,
}

#[derive(Debug)]
struct Line<J, R> {
    /// Whether somebody has the turn. True while anybody waits: the turn is passed on, never given back in between.
    taken: bool,
    waiting: VecDeque<Arc<Ticket<J, R>>>,
    gathering: Gathering,
}

impl<J, R> gather::Line for Line<J, R> {
    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn gathering(&mut self) -> &mut Gathering {
        &mut self.gathering
    }
}

/// A place in the line.
#[derive(Debug)]
struct Ticket<J, R> {
    /// The work, for others to do; nothing from the start where its owner must do it alone.
    job: Mutex<Option<J>>,
    is_alone: bool,
    deadline: Instant,
    phase: Mutex<Phase<R>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Phase<R> {
    /// In line, or taken along by somebody.
    Waiting,
    /// The turn is the ticket holder's.
    Leading,
    /// Somebody did the work.
    Done(R),
    /// Somebody took the work along and broke off.
    Abandoned,
}

/// The right to write. Dropping it passes it on.
#[derive(Debug)]
pub(super) struct Turn<'a, J, R> {
    queue: &'a Queue<J, R>,
}

/// A job that was taken along; its owner waits until it is finished or dropped.
#[derive(Debug)]
pub(super) struct Taken<J, R> {
    /// The work.
    pub(super) job: J,
    owner: Owner<J, R>,
}

#[derive(Debug)]
struct Owner<J, R>(Option<Arc<Ticket<J, R>>>);

/// What became of a job that was handed in.
#[derive(Debug)]
pub(super) enum Submitted<'a, J, R> {
    /// Somebody did it.
    Done(R),
    /// It is the caller's turn to do it, and those taken along.
    Lead(Turn<'a, J, R>, J, Vec<Taken<J, R>>),
    /// Others had the turn until the deadline. It was not done and will not be.
    TimedOut,
    /// Whoever did it broke off; nobody knows how far it came.
    Abandoned,
}

enum Entered<'a, J, R> {
    Turn(Turn<'a, J, R>),
    Line(Arc<Ticket<J, R>>),
}

impl<J, R> Queue<J, R> {
    pub(super) fn new() -> Self {
        Self {
            line: Mutex::new(Line {
                taken: false,
                waiting: VecDeque::new(),
                gathering: Gathering::default(),
            }),
        }
    }

    /// The turn, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<Turn<'_, J, R>> {
        let mut line = lock(&self.line);
        // Not `then_some`: a turn that is made and dropped would be passed on.
        (!mem::replace(&mut line.taken, true)).then(|| Turn { queue: self })
    }

    /// Waits for the turn; nothing if it does not come before the deadline.
    pub(super) fn turn(&self, deadline: Instant) -> Option<Turn<'_, J, R>> {
        let ticket = match self.enter(&mut None, deadline) {
            Entered::Turn(turn) => return Some(turn),
            Entered::Line(ticket) => ticket,
        };
        self.wait(&ticket).map(|_| Turn { queue: self })
    }

    /// Hands in a job: for the caller to do if it is its turn, else for somebody else.
    pub(super) fn submit(&self, job: J, deadline: Instant) -> Submitted<'_, J, R> {
        let mut job = Some(job);
        let (turn, ticket) = match self.enter(&mut job, deadline) {
            Entered::Turn(turn) => (turn, None),
            Entered::Line(ticket) => match self.wait(&ticket) {
                None => return Submitted::TimedOut,
                Some(Phase::Done(result)) => return Submitted::Done(result),
                Some(Phase::Leading) => {
                    gather(&self.line, GROUP, 1);
                    (Turn { queue: self }, Some(ticket))
                }
                Some(Phase::Waiting | Phase::Abandoned) => return Submitted::Abandoned,
            },
        };
        match job.or_else(|| ticket.and_then(|ticket| lock(&ticket.job).take())) {
            Some(job) => Submitted::Lead(turn, job, self.take_along()),
            None => Submitted::Abandoned,
        }
    }

    fn enter(&self, job: &mut Option<J>, deadline: Instant) -> Entered<'_, J, R> {
        let mut line = lock(&self.line);
        if !mem::replace(&mut line.taken, true) {
            return Entered::Turn(Turn { queue: self });
        }
        let job = job.take();
        let ticket = Arc::new(Ticket {
            is_alone: job.is_none(),
            job: Mutex::new(job),
            deadline,
            phase: Mutex::new(Phase::Waiting),
            changed: Condvar::new(),
        });
        line.waiting.push_back(Arc::clone(&ticket));
        let len = line.waiting.len();
        line.gathering.came(len);
        Entered::Line(ticket)
    }

    /// Waits until the ticket is no longer waiting; nothing if it left the line at its deadline, or when it was no longer wanted.
    fn wait(&self, ticket: &Arc<Ticket<J, R>>) -> Option<Phase<R>> {
        let mut in_line = true;
        let mut is_wanted = true;
        let mut phase = lock(&ticket.phase);
        loop {
            if !matches!(*phase, Phase::Waiting) {
                return Some(mem::replace(&mut *phase, Phase::Waiting));
            }
            let left = ticket.deadline.saturating_duration_since(Instant::now());
            if in_line && (left.is_zero() || !is_wanted) {
                drop(phase);
                if self.leave(ticket) {
                    return None;
                }
                // Somebody has taken the work along: it will be done, so its outcome counts, not the deadline.
                in_line = false;
                phase = lock(&ticket.phase);
            } else if in_line {
                let waited = ticket.changed.wait_timeout(phase, wanted::slice(left));
                let (waited, pause) = waited.unwrap_or_else(PoisonError::into_inner);
                phase = waited;
                if pause.timed_out() {
                    drop(phase);
                    is_wanted = wanted::is_wanted();
                    phase = lock(&ticket.phase);
                }
            } else {
                let waited = ticket.changed.wait(phase);
                phase = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Whether the ticket was still in line, which it no longer is.
    fn leave(&self, ticket: &Arc<Ticket<J, R>>) -> bool {
        let mut line = lock(&self.line);
        let place = line.waiting.iter().position(|it| Arc::ptr_eq(it, ticket));
        place.and_then(|at| line.waiting.remove(at)).is_some()
    }

    /// Takes the jobs at the front of the line along, up to the first that must be alone.
    fn take_along(&self) -> Vec<Taken<J, R>> {
        let mut line = lock(&self.line);
        let mut taken = Vec::new();
        while taken.len() + 1 < GROUP && line.waiting.front().is_some_and(|it| !it.is_alone) {
            let Some(ticket) = line.waiting.pop_front() else {
                break;
            };
            let Some(job) = lock(&ticket.job).take() else {
                continue;
            };
            let owner = Owner(Some(ticket));
            taken.push(Taken { job, owner });
        }
        taken
    }
}

impl<J, R> Turn<'_, J, R> {
    /// Notes that several shared a commit: before they are told.
    pub(super) fn was_shared(&self, count: usize, commit: Duration) {
        let mut line = lock(&self.queue.line);
        let all = count + line.waiting.len();
        line.gathering.was_shared(all, commit);
    }

    /// Gives back, undone, what was taken along: to the front of the line, where it stood.
    pub(super) fn give_back(&self, taken: Vec<Taken<J, R>>) {
        let mut line = lock(&self.queue.line);
        for Taken { job, mut owner } in taken.into_iter().rev() {
            if let Some(ticket) = owner.0.take() {
                *lock(&ticket.job) = Some(job);
                line.waiting.push_front(ticket);
            }
        }
    }
}

impl<J, R> Drop for Turn<'_, J, R> {
    fn drop(&mut self) {
        let mut line = lock(&self.queue.line);
        match line.waiting.pop_front() {
            Some(next) => next.enter_phase(Phase::Leading),
            None => {
                line.taken = false;
                line.gathering.end();
            }
        }
    }
}

impl<J, R> Ticket<J, R> {
    fn enter_phase(&self, phase: Phase<R>) {
        *lock(&self.phase) = phase;
        self.changed.notify_one();
    }
}

impl<J, R> Taken<J, R> {
    /// Until when the owner wants it done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.owner.0.as_ref().map(|ticket| ticket.deadline)
    }

    /// Hands the result to the owner. The job is dropped before the owner goes on.
    pub(super) fn finish(self, result: R) {
        let Self { job, mut owner } = self;
        drop(job);
        if let Some(ticket) = owner.0.take() {
            ticket.enter_phase(Phase::Done(result));
        }
    }
}

impl<J, R> Drop for Owner<J, R> {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.enter_phase(Phase::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    type Numbers = Queue<u32, u32>;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn wait_for_line(queue: &Numbers, len: usize) {
        while lock(&queue.line).waiting.len() < len {
            thread::yield_now();
        }
    }

    #[test]
    fn who_comes_first_has_the_turn_and_others_none() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        assert!(queue.try_turn().is_none());
        assert!(queue.turn(soon()).is_none());
        assert!(matches!(queue.submit(1, soon()), Submitted::TimedOut));
        drop(turn);
        assert!(queue.try_turn().is_some());
    }

    #[test]
    fn who_is_no_longer_wanted_leaves_the_line() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let queue = &queue;
            let unwanted = scope.spawn(move || {
                let submitted = crate::while_wanted(Rc::new(|| false), || queue.submit(1, later()));
                matches!(submitted, Submitted::TimedOut)
            });
            assert!(unwanted.join().unwrap());
            let wanted = scope.spawn(move || {
                let submitted = crate::while_wanted(Rc::new(|| true), || queue.submit(2, later()));
                matches!(submitted, Submitted::Lead(_, 2, _))
            });
            wait_for_line(queue, 1);
            thread::sleep(Duration::from_millis(300)); // it is asked, and stays
            drop(turn);
            assert!(wanted.join().unwrap());
        });
    }

    #[test]
    fn those_in_line_are_done_by_the_first_of_them_in_order() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let mut waiting = Vec::new();
            for number in 1..=5 {
                waiting.push(scope.spawn({
                    let queue = &queue;
                    move || match queue.submit(number, later()) {
                        Submitted::Done(result) => result,
                        Submitted::Lead(_turn, first, others) => {
                            assert_eq!(first, 1);
                            let jobs: Vec<u32> = others.iter().map(|it| it.job).collect();
                            assert_eq!(jobs, [2, 3, 4, 5]);
                            for other in others {
                                let result = other.job * 10;
                                other.finish(result);
                            }
                            first * 10
                        }
                        other => panic!("{other:?}"),
                    }
                }));
                wait_for_line(&queue, waiting.len());
            }
            drop(turn);
            let results: Vec<u32> = waiting.into_iter().map(|it| it.join().unwrap()).collect();
            assert_eq!(results, [10, 20, 30, 40, 50]);
        });
        assert!(queue.try_turn().is_some());
    }

    #[test]
    fn who_follows_a_group_waits_for_those_who_come_back() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| match queue.submit(1, later()) {
                Submitted::Lead(_turn, _, others) => {
                    let jobs: Vec<u32> = others.iter().map(|it| it.job).collect();
                    for other in others {
                        other.finish(0);
                    }
                    jobs
                }
                other => panic!("{other:?}"),
            });
            wait_for_line(&queue, 1);
            // Two that shared a commit, and one that waits.
            turn.was_shared(2, Duration::from_secs(60));
            drop(turn);
            while !lock(&queue.line).gathering.is_awaiting() {
                thread::yield_now();
            }
            let others = [2, 3].map(|number| {
                let queue = &queue;
                let other = scope.spawn(move || queue.submit(number, later()));
                thread::sleep(Duration::from_millis(50));
                other
            });
            assert_eq!(first.join().unwrap(), [2, 3]);
            for other in others {
                assert!(matches!(other.join().unwrap(), Submitted::Done(0)));
            }
        });
    }

    #[test]
    fn what_is_given_back_is_done_by_the_next() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let gives_up = scope.spawn(|| match queue.submit(1, later()) {
                Submitted::Lead(turn, _, others) => turn.give_back(others),
                other => panic!("{other:?}"),
            });
            wait_for_line(&queue, 1);
            let next = scope.spawn(|| match queue.submit(2, later()) {
                Submitted::Lead(_turn, job, others) => {
                    let jobs: Vec<u32> = others.iter().map(|it| it.job).collect();
                    for other in others {
                        other.finish(0);
                    }
                    (job, jobs)
                }
                other => panic!("{other:?}"),
            });
            wait_for_line(&queue, 2);
            let last = scope.spawn(|| matches!(queue.submit(3, later()), Submitted::Done(0)));
            wait_for_line(&queue, 3);
            drop(turn);
            gives_up.join().unwrap();
            assert_eq!(next.join().unwrap(), (2, vec![3]));
            assert!(last.join().unwrap());
        });
    }

    #[test]
    fn who_must_be_alone_is_not_taken_along() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| match queue.submit(1, later()) {
                Submitted::Lead(_, _, others) => others.len(),
                other => panic!("{other:?}"),
            });
            wait_for_line(&queue, 1);
            let alone = scope.spawn(|| queue.turn(later()).is_some());
            wait_for_line(&queue, 2);
            drop(turn);
            assert_eq!(first.join().unwrap(), 0);
            assert!(alone.join().unwrap());
        });
    }

    #[test]
    fn a_leader_who_breaks_off_leaves_nobody_waiting() {
        let queue = Numbers::new();
        let turn = queue.try_turn().unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| drop(queue.submit(1, later())));
            wait_for_line(&queue, 1);
            let second = scope.spawn(|| matches!(queue.submit(2, later()), Submitted::Abandoned));
            wait_for_line(&queue, 2);
            drop(turn);
            first.join().unwrap();
            assert!(second.join().unwrap());
        });
    }
}
