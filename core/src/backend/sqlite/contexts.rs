//! The rows of contexts.

use rusqlite::{Connection, Row, params};

use super::error::SqliteResult;
use super::values::{end_of_prefix, limit, signed, time_at, unsigned_at};
use crate::model::{Context, JsonObject};

fn context(row: &Row<'_>) -> SqliteResult<Context> {
    const WHAT: &str = "context";
    Ok(Context {
        scope: row.get(0)?,
        data: JsonObject::from_stored(row.get(4)?),
        revision: unsigned_at(row, 1, WHAT)?,
        created_at: time_at(row, 2, WHAT)?,
        updated_at: time_at(row, 3, WHAT)?,
    })
}

/// The context of that scope.
pub(super) fn find(conn: &Connection, tenant: &str, scope: &str) -> SqliteResult<Option<Context>> {
    let mut statement = conn.prepare_cached(
        "SELECT scope, revision, created_at, updated_at, data FROM contexts WHERE tenant = ?1 AND scope = ?2",
    )?;
    let mut rows = statement.query([tenant, scope])?;
    rows.next()?.map(context).transpose()
}

/// Contexts whose scope begins with `prefix` and comes after `after`, by bytes of the scope.
pub(super) fn list(
    conn: &Connection,
    tenant: &str,
    prefix: &str,
    after: Option<&str>,
    rows: usize,
) -> SqliteResult<Vec<Context>> {
    // Two lower bounds would leave it to the planner which one to walk from.
    let (sql, lower) = match after {
        Some(after) if after >= prefix => (
            "SELECT scope, revision, created_at, updated_at, data FROM contexts
             WHERE tenant = ?1 AND scope > ?2 AND scope < ?3 ORDER BY scope LIMIT ?4",
            after,
        ),
        _ => (
            "SELECT scope, revision, created_at, updated_at, data FROM contexts
             WHERE tenant = ?1 AND scope >= ?2 AND scope < ?3 ORDER BY scope LIMIT ?4",
            prefix,
        ),
    };
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query(params![
        tenant,
        lower,
        end_of_prefix(prefix),
        limit(rows as u64)
    ])?;
    let mut out = Vec::new();
    while let Some(row) = found.next()? {
        out.push(context(row)?);
    }
    Ok(out)
}

/// Inserts or replaces the context of its scope.
pub(super) fn put(conn: &Connection, tenant: &str, context: &Context) -> SqliteResult<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO contexts (tenant, scope, revision, created_at, updated_at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        tenant,
        context.scope,
        signed(context.revision, "revision")?,
        context.created_at.as_millis(),
        context.updated_at.as_millis(),
        context.data.as_str(),
    ])?;
    Ok(())
}

/// Deletes the context of that scope. Whether there was one.
pub(super) fn delete(conn: &Connection, tenant: &str, scope: &str) -> SqliteResult<bool> {
    let deleted = conn
        .prepare_cached("DELETE FROM contexts WHERE tenant = ?1 AND scope = ?2")?
        .execute([tenant, scope])?;
    Ok(deleted > 0)
}
