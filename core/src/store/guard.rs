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
    INSIDE.with_borrow_mut(|inside| {
        if inside.contains(&backend) {
            return Err(reentrant());
        }
        inside.push(backend);
        Ok(Entered { backend })
    })
}

pub(super) fn reentrant() -> Error {
    Error::new(
        ErrorCode::Reentrant,
        "a clock, an id source, a keeper or the other end of an archive called back into the store that was calling it",
    )
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.retain(|entered| *entered != self.backend));
    }
}
