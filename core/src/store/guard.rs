//! Re-entrancy: a clock, an id source, a keeper, or the reader or writer of an archive must not call back into the store that is calling
//! it. It would wait for itself; so it gets an error.

use std::cell::RefCell;
use std::sync::Arc;

use crate::backend::Backend;
use crate::error::{Error, ErrorCode, Result};

thread_local! {
    /// The backends that this thread is inside of, by address. Empty or one long in all but odd programs.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// This thread is inside an operation until this is dropped.
pub(super) struct Entered {
    backend: usize,
}

pub(super) fn enter(backend: &Arc<dyn Backend>) -> Result<Entered> {
    let backend = Arc::as_ptr(backend).cast::<()>() as usize;
    let is_first = INSIDE.try_with(|inside| {
        let mut inside = inside.borrow_mut();
        let is_first = !inside.contains(&backend);
        if is_first {
            inside.push(backend);
        }
        is_first
    });
    // At the end of a thread nothing is noted any more: what it leaves behind may still use the store.
    if is_first.unwrap_or(true) {
        Ok(Entered { backend })
    } else {
        Err(reentrant())
    }
}

pub(super) fn reentrant() -> Error {
    Error::new(
        ErrorCode::Reentrant,
        "a clock, an id source, a keeper or the other end of an archive called back into the store that was calling it",
    )
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| {
            inside
                .borrow_mut()
                .retain(|entered| *entered != self.backend);
        });
    }
}
