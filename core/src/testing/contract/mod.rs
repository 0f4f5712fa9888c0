//! The contract of [`Backend`], as cases that every backend passes.
//!
//! ```
//! use std::sync::Arc;
//! use convostore::backend::{Backend, memory::MemoryBackend};
//! use convostore::testing::{Fixture, run_contract};
//!
//! struct Memory;
//!
//! impl Fixture for Memory {
//!     fn fresh(&self) -> Arc<dyn Backend> {
//!         Arc::new(MemoryBackend::new())
//!     }
//!     fn reopen(&self, _: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
//!         None // nothing is kept
//!     }
//! }
//!
//! run_contract(&Memory);
//! ```

mod appending;
mod contents;
mod lists;
mod messages;
mod opening;
mod others;
mod rollback;
mod rows;
mod sessions;
mod tenants;
mod threads;
mod together;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use crate::backend::Backend;

/// Makes the backends that the contract is tried on.
pub trait Fixture {
    /// An empty storage, opened.
    fn fresh(&self) -> Arc<dyn Backend>;

    /// The same storage, closed and opened again; nothing where it does not last.
    fn reopen(&self, backend: Arc<dyn Backend>) -> Option<Arc<dyn Backend>>;
}

/// A case: its name is a sentence of the contract.
pub type Case = (&'static str, fn(&dyn Fixture));

/// All cases of the contract. Each panics where the backend breaks it.
pub fn contract() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        [
            sessions::CASES,
            lists::CASES,
            appending::CASES,
            messages::CASES,
            others::CASES,
            tenants::CASES,
            rollback::CASES,
            threads::CASES,
            together::CASES,
            contents::CASES,
            opening::CASES,
        ]
        .concat()
    });
    &ALL
}

/// Runs all cases, and panics in the end with the names of those that failed.
pub fn run_contract(fixture: &dyn Fixture) {
    let mut failed = Vec::new();
    let cases = contract();
    let total = cases.len();
    for (name, case) in cases {
        // What a case leaves half done is its own backend, which nobody uses again.
        if catch_unwind(AssertUnwindSafe(|| case(fixture))).is_err() {
            failed.push(*name);
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {total} cases of the contract failed:\n- {}",
        failed.len(),
        failed.join("\n- ")
    );
}
