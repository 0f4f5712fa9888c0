//! The order of lists, and cursors: a cursor is the place of the last record of a page.
//!
//! Activity and creation are listed newest first, and stored times never step back: so a session that changes during a traversal moves to
//! the front, which is behind the reader. Nothing comes twice, and what did not change comes exactly once.

use crate::backend::{Position, RowOrder};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::hex;
use crate::json::{elements, members, put_number, text_of};
use crate::model::{ListOrder, Session};
use crate::rules::json;

/// What a cursor holds.
enum Cursor {
    Activity(Timestamp, Timestamp, String),
    Creation(Timestamp, String),
    Scope(String),
}

fn encode(cursor: &Cursor) -> String {
    // The number in each name is its version.
    let (kind, times, last) = match cursor {
        Cursor::Activity(active, created, id) => ("activity1", vec![*active, *created], id),
        Cursor::Creation(created, id) => ("creation1", vec![*created], id),
        Cursor::Scope(scope) => ("scope1", Vec::new(), scope),
    };
    let mut value = String::new();
    for time in &times {
        put_number(&mut value, time.as_millis());
        value.push(',');
    }
    value.push_str(&json::encode_string(last));
    let (open, close) = if times.is_empty() {
        ("", "")
    } else {
        ("[", "]")
    };
    hex::encode(format!("{{\"{kind}\":{open}{value}{close}}}").as_bytes())
}

fn decode(text: &str) -> Option<Cursor> {
    let text = String::from_utf8(hex::decode(text)?).ok()?;
    let members = members(&text).ok()?;
    let [(kind, value)] = members.as_slice() else {
        return None;
    };
    let parts = elements(value);
    let (kind, parts) = (
        *kind,
        parts.as_deref().unwrap_or(std::slice::from_ref(value)),
    );
    let time = |json: &str| Timestamp::from_millis(json.parse().ok()?).ok();
    let name = |json| {
        let text = text_of(json)?.into_owned();
        (!text.contains('\0')).then_some(text)
    };
    match (kind, parts) {
        ("activity1", [active, created, id]) => {
            Some(Cursor::Activity(time(active)?, time(created)?, name(id)?))
        }
        ("creation1", [created, id]) => Some(Cursor::Creation(time(created)?, name(id)?)),
        ("scope1", [scope]) => Some(Cursor::Scope(name(scope)?)),
        _ => None,
    }
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
