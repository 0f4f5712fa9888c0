//! The conformance of the store: scenarios as data and their runner, and a model that all backends are held against.
//!
//! What a scenario is stands in `scenarios/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

pub mod answer;
mod arguments;
pub mod episodes;
pub mod expect;
pub mod generate;
pub mod lockstep;
pub mod model;
pub mod operations;
pub mod runner;
pub mod scenario;
pub mod world;
