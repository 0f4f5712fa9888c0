//! The rules of a store, each once: pure functions of their arguments, without I/O and without a clock of their own.

mod graphemes;
pub(crate) mod idle;
pub(crate) mod ids;
pub(crate) mod json;
pub(crate) mod lifecycle;
pub(crate) mod limits;
pub(crate) mod merge_patch;
pub(crate) mod order;
pub(crate) mod preview;
pub(crate) mod retention;
pub(crate) mod roles;
pub(crate) mod times;

pub use preview::PreviewRule;
