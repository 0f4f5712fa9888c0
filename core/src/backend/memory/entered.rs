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
        INSIDE.with_borrow_mut(|inside| {
            if inside.contains(&backend) {
                return Err(Error::new(
                    ErrorCode::Reentrant,
                    "the store was called from within one of its own transactions or its keeper",
                ));
            }
            inside.push(backend);
            Ok(Self { backend })
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.retain(|backend| *backend != self.backend));
    }
}
