//! Between the columns and the types of the model. What a damaged file holds is `corrupted`, never a panic.

use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::error::{SqliteError, SqliteResult};
use crate::clock::Timestamp;

/// How many bits of a message's id its `seq` takes.
const SEQ_BITS: u32 = 32;

/// The highest `seq` that a message id has room for.
pub(super) const MAX_SEQ: u64 = (1 << SEQ_BITS) - 1;
const _: () = assert!(MAX_SEQ == crate::backend::MAX_SEQ);

/// The highest session number that a message id has room for.
const MAX_SESSION_NO: i64 = (1 << (63 - SEQ_BITS)) - 1;

/// The number of a row in `sessions`, checked: message ids can be made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionNo(i64);

impl SessionNo {
    pub(super) fn new(no: i64) -> SqliteResult<Self> {
        if (0..=MAX_SESSION_NO).contains(&no) {
            Ok(Self(no))
        } else {
            Err(SqliteError::OutOfRange("the number of sessions"))
        }
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }

    /// The id of the session's message with that `seq`.
    pub(super) fn message_id(self, seq: u64) -> SqliteResult<i64> {
        match i64::try_from(seq) {
            Ok(low) if seq <= MAX_SEQ => Ok((self.0 << SEQ_BITS) | low),
            _ => Err(SqliteError::OutOfRange(
                "the number of messages in one session",
            )),
        }
    }
}

/// The `seq` in a message id.
pub(super) fn seq_of(id: i64) -> SqliteResult<u64> {
    unsigned(id & i64::from(u32::MAX), "message id")
}

/// A `u64` as SQLite can hold it.
pub(super) fn signed(value: u64, what: &'static str) -> SqliteResult<i64> {
    i64::try_from(value).map_err(|_| SqliteError::OutOfRange(what))
}

/// As many rows as SQLite can count.
pub(super) fn limit(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A stored number that cannot be below zero.
pub(super) fn unsigned(value: i64, what: &'static str) -> SqliteResult<u64> {
    u64::try_from(value).map_err(|_| SqliteError::Damaged(what))
}

pub(super) fn unsigned_at(row: &Row<'_>, column: usize, what: &'static str) -> SqliteResult<u64> {
    unsigned(row.get(column)?, what)
}

pub(super) fn optional_unsigned_at(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
) -> SqliteResult<Option<u64>> {
    row.get::<_, Option<i64>>(column)?
        .map(|value| unsigned(value, what))
        .transpose()
}

pub(super) fn bool_at(row: &Row<'_>, column: usize, what: &'static str) -> SqliteResult<bool> {
    match row.get::<_, i64>(column)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(SqliteError::Damaged(what)),
    }
}

pub(super) fn time_at(row: &Row<'_>, column: usize, what: &'static str) -> SqliteResult<Timestamp> {
    Timestamp::from_millis(row.get(column)?).map_err(|_| SqliteError::Damaged(what))
}

/// The text that comes after all texts beginning with `prefix` and before all others behind them, to bind as an upper bound. In
/// SQLite every text is less than every blob, so a blob is the bound where there is no such text.
pub(super) fn end_of_prefix(prefix: &str) -> ToSqlOutput<'static> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = char_after(last) {
            chars.push(next);
            return ToSqlOutput::Owned(Value::Text(chars.into_iter().collect()));
        }
    }
    ToSqlOutput::Borrowed(ValueRef::Blob(&[]))
}

/// The next code point; the order of code points is that of their UTF-8 bytes.
fn char_after(c: char) -> Option<char> {
    (u32::from(c) + 1..=u32::from(char::MAX)).find_map(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_counts_code_points() {
        let text = |prefix: &str| match end_of_prefix(prefix) {
            ToSqlOutput::Owned(Value::Text(text)) => Some(text),
            _ => None,
        };
        assert_eq!(text("ab").as_deref(), Some("ac"));
        assert_eq!(text("a\u{7f}").as_deref(), Some("a\u{80}"));
        assert_eq!(text("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(text("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(text("\u{10ffff}"), None);
        assert_eq!(text(""), None);
    }

    #[test]
    fn ids_have_room_for_both_halves_and_no_more() {
        let no = SessionNo::new(MAX_SESSION_NO).unwrap();
        assert_eq!(no.message_id(MAX_SEQ).unwrap(), i64::MAX);
        assert_eq!(seq_of(i64::MAX).unwrap(), MAX_SEQ);
        assert!(no.message_id(MAX_SEQ + 1).is_err());
        assert!(SessionNo::new(MAX_SESSION_NO + 1).is_err());
    }
}
