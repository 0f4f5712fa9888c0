//! The rows of lifecycles.

use rusqlite::{Connection, Row};

use super::error::{SqliteError, SqliteResult};
use crate::model::Lifecycle;

fn lifecycle(row: &Row<'_>) -> SqliteResult<Lifecycle> {
    let definition = row.get_ref(0)?;
    let definition = definition
        .as_str()
        .map_err(|_| SqliteError::Damaged("lifecycle"))?;
    serde_json::from_str(definition).map_err(|_| SqliteError::Damaged("lifecycle"))
}

/// The lifecycle of that name.
pub(super) fn find(conn: &Connection, tenant: &str, name: &str) -> SqliteResult<Option<Lifecycle>> {
    let mut statement =
        conn.prepare_cached("SELECT definition FROM lifecycles WHERE tenant = ?1 AND name = ?2")?;
    let mut rows = statement.query([tenant, name])?;
    rows.next()?.map(lifecycle).transpose()
}

/// All lifecycles, by bytes of their names.
pub(super) fn list(conn: &Connection, tenant: &str) -> SqliteResult<Vec<Lifecycle>> {
    let mut statement =
        conn.prepare_cached("SELECT definition FROM lifecycles WHERE tenant = ?1 ORDER BY name")?;
    let mut rows = statement.query([tenant])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(lifecycle(row)?);
    }
    Ok(out)
}

/// Inserts the lifecycle.
pub(super) fn insert(conn: &Connection, tenant: &str, lifecycle: &Lifecycle) -> SqliteResult<()> {
    let definition = serde_json::to_string(lifecycle)
        .map_err(|_| SqliteError::Unsuitable("the lifecycle is no JSON"))?;
    conn.prepare_cached("INSERT INTO lifecycles (tenant, name, definition) VALUES (?1, ?2, ?3)")?
        .execute([tenant, &lifecycle.name, &definition])?;
    Ok(())
}
