//! How long the texts of a row may be. They hold no NUL, which PostgreSQL's text cannot keep; contents and JSON objects write it as an escape.
//!
//! An index entry of PostgreSQL holds at most 2,704 bytes; tenant, scope and key together stay below.

use crate::error::{Error, Result};

pub(crate) const TENANT: usize = 128;
pub(crate) const SESSION_ID: usize = 128;
pub(crate) const SCOPE: usize = 1024;
pub(crate) const KEY: usize = 512;
pub(crate) const OWNER: usize = 256;
pub(crate) const DEDUP_KEY: usize = 256;
pub(crate) const ROLE: usize = 64;
pub(crate) const STATUS: usize = 64;
pub(crate) const LIFECYCLE: usize = 64;
/// The largest integer that a JavaScript number holds exactly.
pub(crate) const TOKEN_COUNT: u64 = (1 << 53) - 1;
pub(crate) const PAGE: usize = 1000;
pub(crate) const DEFAULT_PAGE: usize = 50;

/// Checks the length of a text, in bytes, and that it holds no NUL.
pub(crate) fn check(what: &'static str, text: &str, min: usize, max: usize) -> Result<()> {
    let problem = if text.len() < min {
        "is empty".to_owned()
    } else if text.len() > max {
        format!("has {} bytes; at most {max} are allowed", text.len())
    } else if text.contains('\0') {
        "contains NUL, which is not allowed".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the {what} {problem}")).with("argument", what))
}

/// As [`check`], for an argument that may be absent.
pub(crate) fn check_optional(what: &'static str, text: Option<&str>, max: usize) -> Result<()> {
    text.map_or(Ok(()), |text| check(what, text, 1, max))
}

/// The size of a page.
pub(crate) fn page(limit: Option<usize>) -> Result<usize> {
    match limit {
        None => Ok(DEFAULT_PAGE),
        Some(limit) if (1..=PAGE).contains(&limit) => Ok(limit),
        Some(limit) => Err(Error::invalid(format!(
            "limit is {limit}; it must be from 1 to {PAGE}"
        ))
        .with("argument", "limit")),
    }
}
