//! Re-entrance: a thread that comes back into a backend it is in would wait for itself, and gets an error instead.

use std::cell::RefCell;

use crate::error::{Error, ErrorCode, Result};

thread_local! {
    /// The addresses of the backends that this thread is in.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// This thread is in a backend, until dropped.
pub(super) struct Entered {
    backend: usize,
}

impl Entered {
    /// Notes it; `reentrant` if the thread is in it already.
    pub(super) fn new<T>(backend: &T) -> Result<Self> {
        let backend = std::ptr::from_ref(backend).addr();
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
            Ok(Self { backend })
        } else {
            Err(Error::new(
                ErrorCode::Reentrant,
                "the store was called from within one of its own transactions or its keeper",
            ))
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| {
            inside
                .borrow_mut()
                .retain(|backend| *backend != self.backend);
        });
    }
}
