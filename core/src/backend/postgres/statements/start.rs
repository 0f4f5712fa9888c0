//! Continuing or inserting a session: one statement.

use tokio_postgres::Row;

use super::super::query::{Query, Schema, number};
use super::super::row::{Columns, SESSION, SESSION_FROM};
use crate::backend::{Continue, StartSession, Started};
use crate::clock::Timestamp;
use crate::error::Result;

/// How many turns the scopes of a tenant share.
const TURNS: u64 = 4096;

const TAKEN: &str = "taken AS (SELECT \
     EXISTS (SELECT 1 FROM {schema}.sessions s WHERE s.tenant = $1 AND s.id = $2) AS id, \
     EXISTS (SELECT 1 FROM {schema}.sessions s WHERE s.tenant = $1 AND s.scope = $3 AND s.key = $4) AS key)";

/// Two that find nothing to continue in one scope would both insert: there is no row yet to wait for. So who inserts takes a turn, and inserts only if
/// nobody took one since its snapshot.
const TURN: &str = ", seen AS (SELECT taken FROM {schema}.turns WHERE tenant = $1 AND bucket = $19), \
     turn AS (INSERT INTO {schema}.turns AS t (tenant, bucket, taken) SELECT $1, $19, 1 WHERE NOT EXISTS (SELECT 1 FROM found) \
     ON CONFLICT (tenant, bucket) DO UPDATE SET taken = t.taken + 1 RETURNING taken)";

const CREATED: &str = ", created AS (INSERT INTO {schema}.sessions (tenant, id, scope, key, owner, lifecycle, status, is_final, preview, \
     preview_seq, message_count, last_seq, revision, created_at, updated_at, last_active_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 WHERE NOT EXISTS (SELECT 1 FROM found)";

const IN_TURN: &str = " AND (SELECT taken FROM turn) = coalesce((SELECT taken FROM seen), 0) + 1";

const REST: &str = " ON CONFLICT DO NOTHING RETURNING id), \
     described AS (INSERT INTO {schema}.session_metadata (tenant, id, metadata) SELECT $1, $2, $17 FROM created WHERE $17 <> '{}') \
     SELECT c.id IS NOT NULL, t.id, t.key, f.* FROM taken t LEFT JOIN created c ON true LEFT JOIN found f ON true";

pub(in super::super) fn start(
    schema: &Schema,
    tenant: &str,
    start: &StartSession,
) -> Result<Query> {
    let found = match start.find {
        Continue::Never => "WHERE false",
        Continue::SameId => "WHERE s.tenant = $1 AND s.id = $2",
        Continue::SameKey => "WHERE s.tenant = $1 AND s.scope = $3 AND s.key = $4",
        Continue::Latest { .. } => {
            "WHERE s.tenant = $1 AND s.last_active_at > $18 AND NOT s.is_final AND s.id = (SELECT l.id FROM {schema}.sessions l \
             WHERE l.tenant = $1 AND l.scope = $3 ORDER BY l.last_active_at DESC, l.created_at DESC, l.id DESC LIMIT 1)"
        }
    };
    let (turn, in_turn) = match start.find {
        Continue::Latest { .. } => (TURN, IN_TURN),
        _ => ("", ""),
    };
    let sql = format!(
        "WITH found AS (SELECT {SESSION}{SESSION_FROM}{found}), {TAKEN}{turn}{CREATED}{in_turn}{REST}"
    );
    let query = row(Query::new(schema, &sql), tenant, start)?;
    Ok(match start.find {
        Continue::Latest { active_after } => latest(query, &start.row.session.scope, active_after),
        _ => query,
    })
}

fn row(query: Query, tenant: &str, start: &StartSession) -> Result<Query> {
    let row = &start.row;
    let session = &row.session;
    Ok(query
        .bind(tenant)
        .bind(session.id.as_str())
        .bind(session.scope.as_str())
        .bind(session.key.as_deref())
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
        .bind(session.last_active_at)
        .bind(session.metadata.as_str()))
}

fn latest(query: Query, scope: &str, active_after: Timestamp) -> Query {
    query.bind(active_after).bind(turn_of(scope))
}

/// FNV-1a. It must be the same in every process and version, which the standard library's hashes do not promise.
fn turn_of(scope: &str) -> i64 {
    let hash = scope.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % TURNS).unwrap_or(0)
}

/// Nothing where another writer was faster and its row is not to be seen yet: the statement is to be run again.
pub(in super::super) fn read(rows: &[Row]) -> Result<Option<Started>> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let mut columns = Columns::of(row);
    let (created, id_taken, key_taken) = (columns.take()?, columns.take()?, columns.take()?);
    let found = columns.session()?;
    Ok(match found {
        Some(found) => Some(Started::Continued(found)),
        None if created => Some(Started::Created),
        None if id_taken => Some(Started::IdTaken),
        None if key_taken => Some(Started::KeyTaken),
        None => None,
    })
}
