//! The proof that nothing acknowledged is lost: what the tests of the guarantees R1, R2 … share.
//!
//! Each guarantee is a file in `tests/`, `r01_killed_writer.rs` and so on. A test asks [`Effort`] how often to try, draws its
//! chance from a seed that it prints, counts violations, tries the same with the protection off (the control), and hands all of
//! it to [`Verdict::record`], which writes a line of the report and fails where a guarantee did not hold or a control saw nothing.
//!
//! Without anything set the short mode runs, as in `make test`. `CONVOSTORE_SOAK_SECONDS` asks for the long one: every guarantee
//! goes on for that time, or until its long number is reached. `CONVOSTORE_SEED` begins where a failure was seen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "tests fail by panicking, and say what they did"
)]

#[cfg(unix)]
pub mod control;
mod effort;
pub mod files;
pub mod hostile;
pub mod judge;
mod process;
mod report;
pub mod sample;
pub mod talk;
mod token;
#[cfg(target_os = "linux")]
pub mod vfs;
pub mod worker;

pub use conformance::generate::Chance;
pub use effort::{Effort, seed};
pub use process::{NoAnswer, Worker};
pub use report::{Verdict, say_aloud};
pub use token::Token;
