//! The npm package: the core's memory backend for JavaScript.
//!
//! Thin: each function converts, calls the core once, and maps the error. What a JavaScript developer sees is the TypeScript in `js/`, which
//! alone calls this. Messages cross as bytes, see [`boxes`]; all other records as JSON text: one text for a whole list is parsed faster than
//! objects are built one by one.
//! An error crosses as a thrown JSON text, see [`error`]; anything else that is thrown out of here is a trap and poisons the instance.

// Every number that crosses is a count, a `seq`, a revision or a time in milliseconds: whole and below 2^53, which the TypeScript side checks.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value
)]

mod archive;
mod boxes;
mod clock;
mod context;
mod convert;
mod error;
mod lifecycle;
mod message;
mod session;
mod store;

pub use archive::CoreArchive;
pub use boxes::{clear_outbox, inbox, outbox_length, wasm_memory};
pub use message::CoreMessages;
pub use session::CoreCleanup;
pub use store::{CoreDatabase, CoreStore, take_panic};
