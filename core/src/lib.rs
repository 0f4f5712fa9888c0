//! The portable store for agents' conversations: sessions and their messages, kept safely, found again at once, with one meaning in
//! Rust, Python and JavaScript.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod archive;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
mod async_store;
pub mod backend;
mod clock;
mod details;
mod error;
#[cfg(any(
    feature = "tokio",
    all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    )
))]
mod gather;
mod hex;
mod id;
#[doc(hidden)]
pub mod json;
mod model;
mod ordered;
mod quoted;
mod rules;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wanted;

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "tokio")]
pub use async_store::{AsyncMessageStream, AsyncStore};
pub use clock::{Clock, SystemClock, Timestamp};
pub use details::{Detail, Details};
pub use error::{Error, ErrorCode, Result};
pub use id::{IdScheme, IdSource};
pub use model::*;
pub use rules::PreviewRule;
#[doc(hidden)]
pub use store::CleanupSteps;
#[doc(hidden)]
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use store::PreparedSave;
pub use store::{MessageStream, Store, StoreOptions};
pub use wanted::while_wanted;

/// Locks; a panic of another holder is no reason to stop, since nothing under these locks is ever left half done.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The README's Rust runs with the doctests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
