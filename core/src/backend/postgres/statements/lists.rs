//! Lists of sessions: whole records in the order and from the place that the filter names.

use tokio_postgres::Row;

use super::super::query::{Query, Schema};
use super::super::row::{Columns, SESSION, SESSION_FROM};
use crate::backend::{RowOrder, ScopeFilter, SessionFilter, SessionRow};
use crate::error::Result;

pub(in super::super) fn list(schema: &Schema, tenant: &str, filter: &SessionFilter) -> Query {
    let query = Query::new(schema, &format!("SELECT {SESSION}{SESSION_FROM}"));
    filtered(query, schema, tenant, filter)
}

/// The ids alone, and their rows locked. The records are read after, with a snapshot that shows what was waited for.
pub(in super::super) fn lock(schema: &Schema, tenant: &str, filter: &SessionFilter) -> Query {
    let query = Query::new(schema, "SELECT s.id FROM {schema}.sessions s ");
    let mut query = filtered(query, schema, tenant, filter);
    query.push(schema, " FOR UPDATE");
    query
}

/// The records of those ids, in no order.
pub(in super::super) fn of_ids(schema: &Schema, tenant: &str, ids: Vec<String>) -> Query {
    let sql = format!("SELECT {SESSION}{SESSION_FROM}WHERE s.tenant = $1 AND s.id = ANY($2)");
    Query::new(schema, &sql).bind(tenant).bind(ids)
}

fn filtered(query: Query, schema: &Schema, tenant: &str, filter: &SessionFilter) -> Query {
    let mut query = query.bind(tenant);
    query.push(schema, "WHERE s.tenant = $1");
    match &filter.scope {
        ScopeFilter::Any => {}
        ScopeFilter::Exactly(scope) => {
            query.push(schema, " AND s.scope = ");
            query.push_bound(scope.as_str());
        }
        ScopeFilter::Prefix(prefix) => begins_with(&mut query, schema, "s.scope", prefix),
    }
    for (column, value) in [("s.owner", &filter.owner), ("s.status", &filter.status)] {
        if let Some(value) = value {
            query.push(schema, &format!(" AND {column} = "));
            query.push_bound(value.as_str());
        }
    }
    after(&mut query, schema, filter);
    query.push(
        schema,
        match filter.order {
            RowOrder::Activity => {
                " ORDER BY s.last_active_at DESC, s.created_at DESC, s.id DESC LIMIT "
            }
            RowOrder::Creation => " ORDER BY s.created_at DESC, s.id DESC LIMIT ",
            RowOrder::Id => " ORDER BY s.id LIMIT ",
        },
    );
    query.push_bound(i64::try_from(filter.limit).unwrap_or(i64::MAX));
    query
}

fn after(query: &mut Query, schema: &Schema, filter: &SessionFilter) {
    let Some(place) = &filter.after else { return };
    match filter.order {
        RowOrder::Activity => {
            query.push(schema, " AND (s.last_active_at, s.created_at, s.id) < (");
            query.push_bound(place.last_active_at);
            query.push(schema, ", ");
            query.push_bound(place.created_at);
            query.push(schema, ", ");
        }
        RowOrder::Creation => {
            query.push(schema, " AND (s.created_at, s.id) < (");
            query.push_bound(place.created_at);
            query.push(schema, ", ");
        }
        RowOrder::Id => query.push(schema, " AND (s.id) > ("),
    }
    query.push_bound(place.id.as_str());
    query.push(schema, ")");
}

/// As a range, which an index can read. In bytes, so no pattern is built and nothing has to be escaped.
pub(super) fn begins_with(query: &mut Query, schema: &Schema, column: &str, prefix: &str) {
    query.push(schema, &format!(" AND {column} >= "));
    query.push_bound(prefix);
    if let Some(end) = end_of(prefix) {
        query.push(schema, &format!(" AND {column} < "));
        query.push_bound(end);
    }
}

/// The first text after all that begin with `prefix`; none where only the largest characters are in it. (UTF-8 sorts as its code points do.)
fn end_of(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        let next = match last {
            '\u{10ffff}' => continue,
            '\u{d7ff}' => '\u{e000}',
            other => char::from_u32(u32::from(other) + 1)?,
        };
        end.push(next);
        return Some(end.into_iter().collect());
    }
    None
}

pub(in super::super) fn read(rows: &[Row]) -> Result<Vec<SessionRow>> {
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        out.extend(Columns::of(row).session()?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn the_end_of_a_prefix_comes_after_all_that_begin_with_it() {
        for (prefix, end) in [
            ("a", "b"),
            ("aé", "aê"),
            ("a\u{d7ff}", "a\u{e000}"),
            ("a\u{10ffff}", "b"),
        ] {
            assert_eq!(end_of(prefix).as_deref(), Some(end));
        }
        assert_eq!(end_of(""), None);
        assert_eq!(end_of("\u{10ffff}\u{10ffff}"), None);
    }
}
