//! The line in which saves of many tasks wait, to be carried out together.
//!
//! Who comes into an empty line has a thread for blocking work begin; it takes all that wait, as one group, and again, until nobody waits. So one
//! task alone waits no longer than it would without a line, and of many each group costs one commit. Behind a group it waits a moment for those who come
//! back: see [`crate::gather`].

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode, Result};
use crate::gather::{self, Gathering, gather};
use crate::lock;
use crate::model::Message;
use crate::store::{PreparedSave, Store};

/// The most saves in a group: enough to share the cost of a commit, few enough that the first does not wait for ever.
const GROUP: usize = 256;

type Answer = Result<Vec<Message>>;

/// See the module. Clones of a store and its tenants share one.
#[derive(Debug, Default)]
pub(super) struct Line {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Whether somebody is about to take those who wait. True while anybody does.
    is_served: bool,
    gathering: Gathering,
}

impl gather::Line for State {
    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn gathering(&mut self) -> &mut Gathering {
        &mut self.gathering
    }
}

#[derive(Debug)]
struct Waiting {
    save: PreparedSave,
    answer: oneshot::Sender<Answer>,
}

impl Line {
    /// Waits for its turn and is carried out, whole. Dropped before that has begun, it does not happen at all.
    pub(super) async fn save(self: &Arc<Self>, runtime: &Handle, save: PreparedSave) -> Answer {
        let (answer, answered) = oneshot::channel();
        if self.enter(Waiting { save, answer }) {
            let service = Service(Arc::clone(self));
            runtime.spawn_blocking(move || service.serve());
        }
        answered.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Whether somebody has to begin serving.
    fn enter(&self, waiting: Waiting) -> bool {
        let mut state = lock(&self.state);
        state.waiting.push_back(waiting);
        let len = state.waiting.len();
        state.gathering.came(len);
        !std::mem::replace(&mut state.is_served, true)
    }

    /// The next group; nothing where nobody waits any more, and whoever comes next has to have them served.
    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut state = lock(&self.state);
        if state.waiting.is_empty() {
            state.is_served = false;
            state.gathering.end();
            return None;
        }
        let count = state.waiting.len().min(GROUP);
        Some(state.waiting.drain(..count).collect())
    }

    /// Notes that a group was carried out, which began then, if it was one.
    fn was_carried_out(&self, count: usize, begun: Instant) {
        if count > 1 {
            let mut state = lock(&self.state);
            let all = count + state.waiting.len();
            state.gathering.was_shared(all, begun.elapsed());
        }
    }
}

/// Whoever serves the line. Dropped before it has begun, when the runtime ends, it sends away those who wait.
struct Service(Arc<Line>);

impl Service {
    fn serve(self) {
        while let Some(group) = self.0.next_group() {
            self.carry_out(group);
            gather(&self.0.state, GROUP, 0);
        }
    }

    fn carry_out(&self, group: Vec<Waiting>) {
        let begun = Instant::now();
        let wanted = group.into_iter().filter(|it| !it.answer.is_closed());
        let (saves, answers): (Vec<_>, Vec<_>) = wanted.map(|it| (it.save, it.answer)).unzip();
        // A defect of a backend of somebody's own must not stop the line: dropped, the answers say that there was one.
        let outcomes = catch_unwind(AssertUnwindSafe(|| Store::save_each(saves)));
        self.0.was_carried_out(answers.len(), begun);
        for (answer, outcome) in answers.into_iter().zip(outcomes.unwrap_or_default()) {
            // Who waits no longer does not want to know.
            let _ = answer.send(outcome);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        while let Some(group) = self.0.next_group() {
            for waiting in group {
                let _ = waiting.answer.send(Err(shut_down()));
            }
        }
    }
}

pub(super) fn shut_down() -> Error {
    Error::new(
        ErrorCode::Closed,
        "the tokio runtime shut down before the operation began; nothing was done",
    )
}

pub(super) fn panicked() -> Error {
    Error::new(ErrorCode::Storage, "the operation panicked")
}
