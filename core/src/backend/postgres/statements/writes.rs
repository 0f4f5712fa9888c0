//! Changes of single rows, inside a transaction.

use super::super::query::{Query, Schema, bound, number};
use crate::backend::SessionRow;
use crate::error::Result;
use crate::model::JsonObject;

/// All but id, scope, key and metadata. Returns a row where there was one.
pub(in super::super) fn update_session(
    schema: &Schema,
    tenant: &str,
    row: &SessionRow,
) -> Result<Query> {
    let session = &row.session;
    let sql = "UPDATE {schema}.sessions SET owner = $3, lifecycle = $4, status = $5, is_final = $6, preview = $7, preview_seq = $8, \
         message_count = $9, last_seq = $10, revision = $11, created_at = $12, updated_at = $13, last_active_at = $14 \
         WHERE tenant = $1 AND id = $2 RETURNING id";
    Ok(Query::new(schema, sql)
        .bind(tenant)
        .bind(session.id.as_str())
        .bind(session.owner.as_deref())
        .bind(session.lifecycle.as_str())
        .bind(session.status.as_str())
        .bind(row.is_final)
        .bind(session.preview.as_deref())
        .bind(row.preview_seq.map(number).transpose()?)
        .bind(number(session.message_count)?)
        .bind(number(row.last_seq)?)
        .bind(number(session.revision)?)
        .bind(session.created_at)
        .bind(session.updated_at)
        .bind(session.last_active_at))
}

/// Returns a row where there is such a session.
pub(in super::super) fn update_metadata(
    schema: &Schema,
    tenant: &str,
    id: &str,
    metadata: &JsonObject,
) -> Query {
    let sql = "INSERT INTO {schema}.session_metadata (tenant, id, metadata) \
         SELECT $1, $2, $3 FROM {schema}.sessions WHERE tenant = $1 AND id = $2 \
         ON CONFLICT (tenant, id) DO UPDATE SET metadata = $3 RETURNING id";
    Query::new(schema, sql)
        .bind(tenant)
        .bind(id)
        .bind(metadata.as_str())
}

/// Behind the session's lock: messages that a writer was about to add are seen, and deleted too. Returns a row where there was one.
pub(in super::super) fn delete_session(schema: &Schema, tenant: &str, id: &str) -> Query {
    let sql = "WITH said AS (DELETE FROM {schema}.messages WHERE tenant = $1 AND session_id = $2), \
         described AS (DELETE FROM {schema}.session_metadata WHERE tenant = $1 AND id = $2) \
         DELETE FROM {schema}.sessions WHERE tenant = $1 AND id = $2 RETURNING id";
    Query::new(schema, sql).bind(tenant).bind(id)
}

/// Behind the session's lock, for the same reason. Returns their number.
pub(in super::super) fn delete_messages(
    schema: &Schema,
    tenant: &str,
    session_id: &str,
    first: u64,
    last: u64,
) -> Query {
    let sql = "WITH gone AS (DELETE FROM {schema}.messages WHERE tenant = $1 AND session_id = $2 AND seq >= $3 AND seq <= $4 RETURNING 1) \
         SELECT count(*) FROM gone";
    Query::new(schema, sql)
        .bind(tenant)
        .bind(session_id)
        .bind(bound(first))
        .bind(bound(last))
}
