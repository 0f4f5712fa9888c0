//! The storage as a whole: its soundness and size, as far as one role can see.

use super::flight::Access;
use super::inner::Inner;
use super::query::Query;
use super::row::Columns;
use crate::error::{ErrorCode, Result};

/// Tables without forced row-level security, indexes that are not valid (as a failed concurrent build leaves them), text with a collation.
const PROBLEMS: &str = "SELECT 'the table ' || c.relname || ' is without forced row-level security' \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_version' AND NOT (c.relrowsecurity AND c.relforcerowsecurity) \
     UNION ALL SELECT 'the index ' || c.relname || ' is not valid' \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = $1 AND NOT (i.indisvalid AND i.indisready) \
     UNION ALL SELECT 'the column ' || k.table_name || '.' || k.column_name || ' is not compared by bytes' \
     FROM information_schema.columns k WHERE k.table_schema = $1 AND k.data_type = 'text' AND k.collation_name IS DISTINCT FROM 'C'";

const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')";

pub(super) fn check(inner: &Inner) -> Result<Vec<String>> {
    ask(inner, PROBLEMS, |rows| {
        rows.iter().map(|row| Columns::of(row).take()).collect()
    })
}

/// Nothing where the server has no such thing as a table's size.
pub(super) fn size(inner: &Inner) -> Result<Option<u64>> {
    let size = ask(inner, SIZE, |rows| match rows.first() {
        Some(row) => Columns::of(row).number().map(Some),
        None => Ok(None),
    });
    match size {
        Err(error) if error.code() == ErrorCode::Storage && error.message().contains("42883") => {
            Ok(None)
        }
        size => size,
    }
}

fn ask<T>(
    inner: &Inner,
    sql: &str,
    read: impl Fn(&[tokio_postgres::Row]) -> Result<T>,
) -> Result<T> {
    inner.transact(
        Access::Read,
        "",
        false,
        |_| {
            Ok(vec![
                Query::new(&inner.schema, sql).bind(inner.schema.name.as_str()),
            ])
        },
        |answers| {
            answers
                .first()
                .map_or(Ok(None), |rows| read(rows).map(Some))
        },
    )
}
