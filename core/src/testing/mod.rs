//! For tests: a clock that is set by hand, ids that count, a backend that fails when told, and the contract that every
//! [`Backend`](crate::backend::Backend) has to keep.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::assigning_clones,
    reason = "a test is read more often than run"
)]

mod clock;
pub mod contract;
mod failing;
mod ids;

pub use clock::ManualClock;
pub use contract::{Fixture, contract, run_contract};
pub use failing::{FailAt, FailingBackend};
pub use ids::CountingIds;
