//! What Python calls around each fork, so that the child can open stores of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use convostore::backend::sqlite::fork;
use pyo3::prelude::*;

/// For how long a fork waits for threads that are inside SQLite. It holds up the parent, so it is short; a thread that is inside for longer
/// costs the child the use of SQLite files.
const LIMIT: Duration = Duration::from_secs(2);

/// How many forks lie between the first process and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many forks lie between the first process and this one: an object that was made at another number was inherited.
pub(crate) fn generation() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Before a fork, in the thread that forks.
#[pyfunction]
#[pyo3(name = "_before_fork")]
pub(crate) fn before_fork(py: Python<'_>) {
    // Threads inside may need the interpreter to come out.
    py.detach(|| fork::prepare(LIMIT));
}

/// After a fork, in the process that forked.
#[pyfunction]
#[pyo3(name = "_after_fork_in_parent")]
pub(crate) fn after_fork_in_parent() {
    fork::parent();
}

/// After a fork, in the new process: also marks the stores that it inherited.
#[pyfunction]
#[pyo3(name = "_after_fork_in_child")]
pub(crate) fn after_fork_in_child() {
    fork::child();
    FORKS.fetch_add(1, Ordering::Relaxed);
}
