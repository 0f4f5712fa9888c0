//! The statements: each file writes some, and reads their answers. No I/O here.

pub(super) mod append;
pub(super) mod lists;
pub(super) mod messages;
pub(super) mod others;
pub(super) mod sessions;
pub(super) mod start;
pub(super) mod writes;
