//! Whether what a thread waits for is still wanted: how a Ctrl-C, or the end of a program, ends a wait.
#![cfg_attr(
    any(
        all(target_family = "wasm", target_os = "unknown"),
        not(feature = "sqlite")
    ),
    allow(
        dead_code,
        reason = "in memory nothing waits, and only SQLite's queue does the work of others"
    )
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The longest that a wait goes on without asking.
const SLICE: Duration = Duration::from_millis(200);

type IsWanted = Rc<dyn Fn() -> bool>;

thread_local! {
    static ASKED: RefCell<Option<IsWanted>> = const { RefCell::new(None) };
}

/// Runs `work`, and while it waits for others on this thread — for a turn, a lock, a connection, a server — asks about five times a second
/// whether it is still wanted. Once it is not, the wait ends as if its limit were reached: the operation is `busy`, and has changed nothing. Work that
/// somebody has begun is completed, and comes to its result.
///
/// `is_wanted` may take its time, and must not call the store that waits, which would be `reentrant`.
///
/// ```
/// use std::rc::Rc;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use convostore::{NewSession, Store, while_wanted};
/// let stopped = Arc::new(AtomicBool::new(false)); // a handler of signals would set it
/// let store = Store::in_memory()?;
/// let asked = Arc::clone(&stopped);
/// let session = while_wanted(Rc::new(move || !asked.load(Ordering::Relaxed)), || {
///     store.create_session(NewSession::new().scope("C042"))
/// })?;
/// # assert_eq!(session.scope, "C042");
/// # Ok::<(), convostore::Error>(())
/// ```
pub fn while_wanted<T>(is_wanted: Rc<dyn Fn() -> bool>, work: impl FnOnce() -> T) -> T {
    let _outer = Outer(ASKED.replace(Some(is_wanted)));
    work()
}

/// Runs work of others, who are not to suffer from the caller's being wanted no longer.
pub(crate) fn regardless<T>(work: impl FnOnce() -> T) -> T {
    let _outer = Outer(ASKED.try_with(RefCell::take).ok().flatten());
    work()
}

/// Who was asked before; again when this is dropped.
struct Outer(Option<IsWanted>);

impl Drop for Outer {
    fn drop(&mut self) {
        let _ = ASKED.try_with(|asked| asked.replace(self.0.take()));
    }
}

/// For how long to wait before asking, of what is left.
pub(crate) fn slice(left: Duration) -> Duration {
    if asked().is_some() {
        left.min(SLICE)
    } else {
        left
    }
}

/// Asks. To be called with no lock held that others take while they work.
pub(crate) fn is_wanted() -> bool {
    asked().is_none_or(|asked| asked())
}

/// Who is to be asked, out of the cell: who is asked may wait for something too. Nobody at the end of a thread.
fn asked() -> Option<IsWanted> {
    ASKED.try_with(|asked| asked.borrow().clone()).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_is_asked_for_the_time_of_the_work_alone() {
        let hour = Duration::from_secs(3600);
        assert!(is_wanted());
        assert_eq!(slice(hour), hour);
        while_wanted(Rc::new(|| false), || {
            assert!(!is_wanted());
            assert_eq!(slice(hour), SLICE);
            assert!(slice(Duration::ZERO).is_zero());
            while_wanted(Rc::new(|| true), || assert!(is_wanted()));
            regardless(|| assert!(is_wanted()));
            assert!(!is_wanted());
        });
        let broken = std::panic::catch_unwind(|| while_wanted(Rc::new(|| false), || panic!("no")));
        assert!(broken.is_err());
        assert!(is_wanted());
    }
}
