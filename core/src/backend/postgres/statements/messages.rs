//! Messages of a session.

use tokio_postgres::Row;

use super::super::query::{Query, Schema, bound};
use super::super::row::{Columns, MESSAGE};
use crate::backend::{MessageFilter, Take};
use crate::error::Result;
use crate::model::Message;

/// At least one row where there is such a session: one without a message where none is let through.
///
/// The messages come as the index has them, in nearly all cases in order, and [`read`] makes sure: the server cannot know that the session is one row, and to
/// have it order the whole would copy every content once more before the first row leaves.
pub(in super::super) fn list(
    schema: &Schema,
    tenant: &str,
    session_id: &str,
    filter: &MessageFilter,
) -> Query {
    // A page ends behind the row with which it has enough bytes. The lengths are known without reading the contents.
    let page = if matches!(filter.take, Take::Page { .. }) {
        format!(
            "SELECT {MESSAGE} FROM (SELECT m.*, coalesce(sum(octet_length(m.content)) OVER \
             (ORDER BY m.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before FROM ("
        )
    } else {
        String::new()
    };
    let sql = format!(
        "SELECT {MESSAGE} FROM {{schema}}.sessions s LEFT JOIN LATERAL ({page}\
         SELECT {MESSAGE} FROM {{schema}}.messages m WHERE m.tenant = $1 AND m.session_id = $2"
    );
    let mut query = Query::new(schema, &sql).bind(tenant).bind(session_id);
    filtered(&mut query, schema, filter);
    take(&mut query, schema, filter.take);
    if let Take::Page { bytes, .. } = filter.take {
        query.push(schema, ") m) m WHERE m.bytes_before < ");
        query.push_bound(bound(bytes));
    }
    query.push(schema, ") m ON true WHERE s.tenant = $1 AND s.id = $2");
    query
}

fn filtered(query: &mut Query, schema: &Schema, filter: &MessageFilter) {
    if filter.after > 0 {
        query.push(schema, " AND m.seq > ");
        query.push_bound(bound(filter.after));
    }
    if let Some(before) = filter.before {
        query.push(schema, " AND m.seq < ");
        query.push_bound(bound(before));
    }
    if let Some(since) = filter.since {
        query.push(schema, " AND m.created_at > ");
        query.push_bound(since);
    }
    if let Some(roles) = &filter.roles {
        let roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
        query.push(schema, " AND m.role = ANY(");
        query.push_bound(roles);
        query.push(schema, ")");
    }
    if let Some(summaries) = filter.summaries {
        query.push(schema, " AND m.is_summary = ");
        query.push_bound(summaries);
    }
}

fn take(query: &mut Query, schema: &Schema, take: Take) {
    let (order, n) = match take {
        Take::All => return query.push(schema, " ORDER BY m.seq"),
        Take::First(n) | Take::Page { rows: n, .. } => (" ORDER BY m.seq LIMIT ", n),
        Take::Last(n) => (" ORDER BY m.seq DESC LIMIT ", n),
    };
    query.push(schema, order);
    query.push_bound(bound(n));
}

pub(in super::super) fn read(rows: &[Row]) -> Result<Option<Vec<Message>>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        out.extend(Columns::of(row).message()?);
    }
    out.sort_by_key(|message| message.seq);
    Ok(Some(out))
}
