//! Contexts, lifecycles and totals.

use tokio_postgres::Row;

use super::super::failure::Failure;
use super::super::query::{Query, Schema, number};
use super::super::row::Columns;
use super::lists::begins_with;
use crate::backend::Totals;
use crate::error::Result;
use crate::model::{Context, JsonObject, Lifecycle};

const CONTEXT: &str = "SELECT c.scope, c.data, c.revision, c.created_at, c.updated_at FROM {schema}.contexts c WHERE c.tenant = $1";

pub(in super::super) fn context(schema: &Schema, tenant: &str, scope: &str, lock: bool) -> Query {
    let mut query = Query::new(schema, CONTEXT).bind(tenant).bind(scope);
    query.push(schema, " AND c.scope = $2");
    if lock {
        query.push(schema, " FOR UPDATE");
    }
    query
}

pub(in super::super) fn contexts(
    schema: &Schema,
    tenant: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Query {
    let mut query = Query::new(schema, CONTEXT).bind(tenant);
    begins_with(&mut query, schema, "c.scope", prefix);
    if let Some(after) = after {
        query.push(schema, " AND c.scope > ");
        query.push_bound(after);
    }
    query.push(schema, " ORDER BY c.scope LIMIT ");
    query.push_bound(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

pub(in super::super) fn read_contexts(rows: &[Row]) -> Result<Vec<Context>> {
    rows.iter().map(read_context).collect()
}

fn read_context(row: &Row) -> Result<Context> {
    let mut columns = Columns::of(row);
    let scope: String = columns.take()?;
    let data = JsonObject::from_stored(columns.take()?);
    let revision = columns.number()?;
    let mut context = Context::new(scope, data, columns.time()?);
    context.revision = revision;
    context.updated_at = columns.time()?;
    Ok(context)
}

/// Inserts it; where another may be there already, replaces that.
pub(in super::super) fn put_context(
    schema: &Schema,
    tenant: &str,
    context: &Context,
    replace: bool,
) -> Result<Query> {
    let mut query = Query::new(
        schema,
        "INSERT INTO {schema}.contexts (tenant, scope, data, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    if replace {
        query.push(
            schema,
            " ON CONFLICT (tenant, scope) DO UPDATE SET data = $3, revision = $4, created_at = $5, updated_at = $6",
        );
    }
    query.push(schema, " RETURNING scope");
    Ok(query
        .bind(tenant)
        .bind(context.scope.as_str())
        .bind(context.data.as_str())
        .bind(number(context.revision)?)
        .bind(context.created_at)
        .bind(context.updated_at))
}

pub(in super::super) fn delete_context(schema: &Schema, tenant: &str, scope: &str) -> Query {
    let sql = "DELETE FROM {schema}.contexts WHERE tenant = $1 AND scope = $2 RETURNING scope";
    Query::new(schema, sql).bind(tenant).bind(scope)
}

pub(in super::super) fn lifecycles(schema: &Schema, tenant: &str, name: Option<&str>) -> Query {
    let sql = "SELECT definition FROM {schema}.lifecycles WHERE tenant = $1";
    let mut query = Query::new(schema, sql).bind(tenant);
    if let Some(name) = name {
        query.push(schema, " AND name = ");
        query.push_bound(name);
    }
    query.push(schema, " ORDER BY name");
    query
}

pub(in super::super) fn read_lifecycles(rows: &[Row]) -> Result<Vec<Lifecycle>> {
    rows.iter()
        .map(|row| {
            let definition: String = Columns::of(row).take()?;
            let damaged = |e: serde_json::Error| Failure::Answer(e.to_string()).into();
            serde_json::from_str(&definition).map_err(damaged)
        })
        .collect()
}

pub(in super::super) fn insert_lifecycle(
    schema: &Schema,
    tenant: &str,
    lifecycle: &Lifecycle,
) -> Result<Query> {
    let definition =
        serde_json::to_string(lifecycle).map_err(|e| Failure::Answer(e.to_string()))?;
    let sql = "INSERT INTO {schema}.lifecycles (tenant, name, definition) VALUES ($1, $2, $3) RETURNING name";
    Ok(Query::new(schema, sql)
        .bind(tenant)
        .bind(lifecycle.name.as_str())
        .bind(definition))
}

pub(in super::super) fn totals(schema: &Schema, tenant: &str) -> Query {
    let sql = "SELECT (SELECT count(*) FROM {schema}.sessions WHERE tenant = $1), \
         (SELECT coalesce(sum(message_count), 0)::bigint FROM {schema}.sessions WHERE tenant = $1), \
         (SELECT count(*) FROM {schema}.contexts WHERE tenant = $1)";
    Query::new(schema, sql).bind(tenant)
}

pub(in super::super) fn read_totals(rows: &[Row]) -> Result<Totals> {
    let Some(row) = rows.first() else {
        return Ok(Totals::default());
    };
    let mut columns = Columns::of(row);
    Ok(Totals {
        sessions: columns.number()?,
        messages: columns.number()?,
        contexts: columns.number()?,
    })
}
