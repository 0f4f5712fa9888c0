//! The order of lists, and cursors: a cursor is the place of the last record of a page.
//!
//! Activity and creation are listed newest first, and stored times never step back: so a session that changes during a traversal moves to
//! the front, which is behind the reader. Nothing comes twice, and what did not change comes exactly once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::backend::{Position, RowOrder};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::{ListOrder, Session};

/// What a cursor holds. The number in each name is its version.
#[derive(Serialize, Deserialize)]
enum Cursor {
    #[serde(rename = "activity1")]
    Activity(Timestamp, Timestamp, String),
    #[serde(rename = "creation1")]
    Creation(Timestamp, String),
    #[serde(rename = "scope1")]
    Scope(String),
}

fn encode(cursor: &Cursor) -> String {
    // Strings and numbers: this cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn decode(text: &str) -> Option<Cursor> {
    let cursor = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (Cursor::Activity(_, _, last) | Cursor::Creation(_, last) | Cursor::Scope(last)) = &cursor;
    (!last.contains('\0')).then_some(cursor)
}

fn foreign() -> Error {
    Error::invalid(
        "the cursor is not one of this list; use the next_cursor of the page before, with the same order",
    )
    .with("argument", "cursor")
}

/// The order of rows that a list has.
pub(crate) fn row_order(order: ListOrder) -> RowOrder {
    match order {
        ListOrder::Activity => RowOrder::Activity,
        ListOrder::Creation => RowOrder::Creation,
    }
}

/// The place of a session, for the next page of rows.
pub(crate) fn position(session: &Session) -> Position {
    Position {
        last_active_at: session.last_active_at,
        created_at: session.created_at,
        id: session.id.clone(),
    }
}

/// The cursor after a session.
pub(crate) fn session_cursor(order: ListOrder, last: &Session) -> String {
    encode(&match order {
        ListOrder::Activity => {
            Cursor::Activity(last.last_active_at, last.created_at, last.id.clone())
        }
        ListOrder::Creation => Cursor::Creation(last.created_at, last.id.clone()),
    })
}

/// The place that a cursor over sessions stands for.
pub(crate) fn session_position(order: ListOrder, cursor: &str) -> Result<Position> {
    match (order, decode(cursor)) {
        (ListOrder::Activity, Some(Cursor::Activity(last_active_at, created_at, id))) => {
            Ok(Position {
                last_active_at,
                created_at,
                id,
            })
        }
        (ListOrder::Creation, Some(Cursor::Creation(created_at, id))) => Ok(Position {
            last_active_at: created_at,
            created_at,
            id,
        }),
        _ => Err(foreign()),
    }
}

/// The cursor after a scope.
pub(crate) fn scope_cursor(last: &str) -> String {
    encode(&Cursor::Scope(last.to_owned()))
}

/// The scope that a cursor over contexts stands for.
pub(crate) fn scope_position(cursor: &str) -> Result<String> {
    match decode(cursor) {
        Some(Cursor::Scope(scope)) => Ok(scope),
        _ => Err(foreign()),
    }
}
