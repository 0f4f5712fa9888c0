//! One session by its name; and the lock by which the writers of one session wait for each other.

use tokio_postgres::Row;

use super::super::query::{Query, Schema};
use super::super::row::{Columns, SESSION, SESSION_FROM};
use crate::backend::{Lookup, SessionRow};
use crate::error::Result;

pub(in super::super) fn find(schema: &Schema, tenant: &str, lookup: Lookup<'_>) -> Query {
    let sql = format!("SELECT {SESSION}{SESSION_FROM}");
    named(Query::new(schema, &sql), schema, tenant, lookup)
}

/// How many messages the session with that id has.
pub(in super::super) fn message_count(schema: &Schema, tenant: &str, id: &str) -> Query {
    let query = Query::new(schema, "SELECT s.message_count FROM {schema}.sessions s ");
    named(query, schema, tenant, Lookup::Id(id))
}

/// Waits for the session's other writers, and keeps them waiting until the end of the transaction.
///
/// A statement of its own: the one after it has a newer snapshot, and sees all that the others did.
pub(in super::super) fn lock(schema: &Schema, tenant: &str, lookup: Lookup<'_>) -> Query {
    let query = Query::new(schema, "SELECT s.id FROM {schema}.sessions s ");
    let mut query = named(query, schema, tenant, lookup);
    query.push(schema, " FOR UPDATE");
    query
}

fn named(query: Query, schema: &Schema, tenant: &str, lookup: Lookup<'_>) -> Query {
    let mut query = query.bind(tenant);
    match lookup {
        Lookup::Id(id) => {
            query.push(schema, "WHERE s.tenant = $1 AND s.id = $2");
            query.bind(id)
        }
        Lookup::Key { scope, key } => {
            query.push(
                schema,
                "WHERE s.tenant = $1 AND s.scope = $2 AND s.key = $3",
            );
            query.bind(scope).bind(key)
        }
    }
}

pub(in super::super) fn read(rows: &[Row]) -> Result<Option<SessionRow>> {
    rows.first()
        .map_or(Ok(None), |row| Columns::of(row).session())
}

pub(in super::super) fn read_count(rows: &[Row]) -> Result<Option<u64>> {
    rows.first()
        .map(|row| Columns::of(row).number())
        .transpose()
}
