//! Forking while files are open.
//!
//! SQLite must not be carried across a fork: a child inherits its lists of locks, but not the locks, and its mutexes as some thread of the
//! parent left them. It would read while the log is reset under it, wait for ever for a writer that it does not have, or hang. So a
//! fork is prepared: [`prepare`] lets the threads that are inside SQLite come out, keeps others from going in, and takes all
//! connections; [`parent`] gives them back, and [`child`] closes them there, in a way that touches neither the files nor the
//! parent's locks. After that the child's SQLite knows of no file, as that of a new process.
//!
//! Where that is not possible in time — a thread reads for long, or waits for another process — or nobody prepared the fork, SQLite is
//! not used in the child: opening a file there is `forked`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::database::{Connections, Database};
use super::error::{SqliteError, SqliteResult};
use super::registry;

/// Threads that are inside SQLite.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Files that are open: while there are none, a fork needs no care.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread is about to fork. Nobody goes in meanwhile.
static FORKING: AtomicBool = AtomicBool::new(false);
/// The process in which all this is true; 0 before the first file is opened.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Between two looks whether the others are done.
const PAUSE: Duration = Duration::from_micros(200);

thread_local! {
    /// How often this thread has gone in without coming out.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

/// What [`prepare`] did for the fork of this thread.
struct Prepared {
    /// Whether nobody is inside, and this thread keeps the others out.
    is_quiet: bool,
    taken: Vec<(Arc<Database>, Connections)>,
}

/// This thread is inside SQLite while this lives.
#[derive(Debug)]
pub(super) struct Inside(());

/// Goes in. Waits while a thread forks.
pub(super) fn enter() -> Inside {
    let depth = DEPTH.get();
    if depth == 0 {
        // Something between the preparation and the fork uses a store: then it is as if not prepared.
        parent();
        INSIDE.fetch_add(1, Ordering::SeqCst);
        while FORKING.load(Ordering::SeqCst) {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
            while FORKING.load(Ordering::SeqCst) {
                thread::sleep(PAUSE);
            }
            INSIDE.fetch_add(1, Ordering::SeqCst);
        }
    }
    DEPTH.set(depth + 1);
    Inside(())
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// To be called before a fork, by the thread that forks: waits until no thread is inside SQLite, at most for `limit`, and keeps them
/// out until [`parent`] or [`child`] is called. Files that the process has open can then be opened again in the child.
///
/// Needed by programs that fork while they have stores on SQLite files open, and whose children go on without `exec`. The Python package
/// does it by itself.
///
/// ```
/// use std::time::Duration;
/// use convostore::backend::sqlite::fork;
/// fork::prepare(Duration::from_secs(2));
/// // Here: let pid = fork(); and in the child, where it is 0: fork::child();
/// fork::parent();
/// ```
pub fn prepare(limit: Duration) {
    parent();
    let deadline = Instant::now() + limit;
    let is_mine = DEPTH.get() == 0 && wait(deadline, || !FORKING.swap(true, Ordering::SeqCst));
    let is_quiet = is_mine && wait(deadline, || INSIDE.load(Ordering::SeqCst) == 0);
    if is_mine && !is_quiet {
        FORKING.store(false, Ordering::SeqCst);
    }
    let mut taken = Vec::new();
    if is_quiet {
        for database in registry::databases() {
            let connections = database.take_connections();
            taken.push((database, connections));
        }
    }
    PREPARED.set(Some(Prepared { is_quiet, taken }));
}

/// To be called after a fork in the process that forked, or where it failed.
pub fn parent() {
    // At the end of a thread what it prepared may be gone, while a store that belongs to it is not.
    if let Ok(Some(prepared)) = PREPARED.try_with(RefCell::take) {
        give_back(prepared);
    }
}

/// To be called after a fork in the new process, by the thread that forked, before it does anything else.
pub fn child() {
    let prepared = PREPARED.take();
    if prepared.as_ref().is_some_and(|it| it.is_quiet) {
        for (database, connections) in prepared.into_iter().flat_map(|it| it.taken) {
            connections.close_in_child();
            // It belongs to the parent, and so do the locks of its guard: dropping it would give those up.
            std::mem::forget(database);
        }
        registry::forget_all();
        OPEN.store(0, Ordering::SeqCst);
        INSIDE.store(0, Ordering::SeqCst);
        PROCESS.store(std::process::id(), Ordering::SeqCst);
    } else {
        std::mem::forget(prepared);
    }
    FORKING.store(false, Ordering::SeqCst);
}

/// An error where SQLite must not be used in this process. To be asked before anything else when a file is opened.
pub(super) fn check() -> SqliteResult<()> {
    let here = std::process::id();
    let process = PROCESS.load(Ordering::SeqCst);
    if process == here {
        return Ok(());
    }
    let is_first = process == 0;
    let had_none = OPEN.load(Ordering::SeqCst) == 0 && INSIDE.load(Ordering::SeqCst) == 0;
    if is_first || had_none {
        PROCESS.store(here, Ordering::SeqCst);
        return Ok(());
    }
    Err(SqliteError::ForkedInside)
}

/// Counts a file that is being opened, until [`closed`].
pub(super) fn opened() {
    OPEN.fetch_add(1, Ordering::SeqCst);
}

/// See [`opened`].
pub(super) fn closed() {
    OPEN.fetch_sub(1, Ordering::SeqCst);
}

fn give_back(prepared: Prepared) {
    for (database, connections) in prepared.taken {
        database.give_back(connections);
    }
    if prepared.is_quiet {
        FORKING.store(false, Ordering::SeqCst);
    }
}

fn wait(deadline: Instant, mut is_so: impl FnMut() -> bool) -> bool {
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
}
