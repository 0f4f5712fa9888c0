//! Who is inside, and whether it is closed.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::lock;

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    is_closed: bool,
}

/// An operation is inside until this is dropped.
pub(super) struct Inside<'a>(&'a Gate);

impl Gate {
    pub(super) fn enter(&self) -> Result<Inside<'_>> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err(Error::closed());
        }
        state.inside += 1;
        Ok(Inside(self))
    }

    /// Lets nobody in any more and waits for those inside. Whether it was open.
    pub(super) fn close(&self) -> bool {
        let mut state = lock(&self.state);
        let was_open = !state.is_closed;
        state.is_closed = true;
        while state.inside > 0 {
            state = self
                .emptied
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        was_open
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.inside -= 1;
        if state.inside == 0 {
            self.0.emptied.notify_all();
        }
    }
}
