//! Waits inside the core end when a signal's handler raises, or when the interpreter is about to exit.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use convostore::while_wanted;
use pyo3::prelude::*;

use crate::error;

thread_local! {
    /// What a handler raised during the wait of this thread.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    static ASKED: Rc<dyn Fn() -> bool> = Rc::new(is_wanted);
}

/// Whether the interpreter is about to exit: nobody waits for others any longer.
static EXITING: AtomicBool = AtomicBool::new(false);

/// Ends waits for others: Python calls it at exit, before it joins the threads of `AsyncStore`.
#[pyfunction]
#[pyo3(name = "_at_exit")]
pub(crate) fn at_exit() {
    EXITING.store(true, Ordering::Relaxed);
}

/// Runs handlers of signals, which Python does on its main thread alone.
fn is_wanted() -> bool {
    if EXITING.load(Ordering::Relaxed) || RAISED.with_borrow(Option::is_some) {
        return false;
    }
    match Python::try_attach(|py| py.check_signals()) {
        Some(Ok(())) => true,
        Some(Err(e)) => {
            RAISED.set(Some(e));
            false
        }
        None => false, // the interpreter is going down
    }
}

/// Runs work of the core with the interpreter lock released. What a signal's handler raises meanwhile is raised, and what unwinds out of the
/// core becomes an exception.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> convostore::Result<T> + Send,
) -> PyResult<T> {
    let done = py.detach(|| {
        catch_unwind(AssertUnwindSafe(|| {
            while_wanted(ASKED.with(Rc::clone), work)
        }))
    });
    if let Some(e) = RAISED.take() {
        return Err(e);
    }
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(error::raised(py, &e)),
        Err(payload) => Err(error::caught(py, payload)),
    }
}
