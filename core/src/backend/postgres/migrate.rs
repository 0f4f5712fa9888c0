//! The schema: numbered SQL, applied by whoever comes first.
//!
//! Twenty workers that start at once migrate once: who migrates locks the one row of the table of versions, and the others, waiting for that
//! row, then find the work done. No advisory lock, which not every relative of PostgreSQL has and no transaction pooler keeps. That table itself
//! is made with IF NOT EXISTS, in the same transaction, which may still fail where two make it at the same moment; who fails looks again.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::failure::Failure;
use super::flight::{Access, Answers, Flight, Setting};
use super::inner::{Inner, discard};
use super::patience::Patience;
use super::query::Query;
use super::row::Columns;
use crate::error::{Error, ErrorCode, Result};

/// In order; the first is version 1. What was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// The oldest program that can use what this version makes: during a release the old one runs beside the new.
const USABLE_FROM: u64 = 1;

const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS {schema}; \
     CREATE TABLE IF NOT EXISTS {schema}.schema_version (\
     one bigint NOT NULL PRIMARY KEY, version bigint NOT NULL, usable_from bigint NOT NULL); \
     INSERT INTO {schema}.schema_version (one, version, usable_from) VALUES (1, 0, 0) ON CONFLICT (one) DO NOTHING";

const LOOK: &str = "SELECT version, usable_from FROM {schema}.schema_version WHERE one = 1";

/// Brings the schema up to this version, or says what is in the way.
pub(super) fn migrate(inner: &Inner, may_change: bool) -> Result<()> {
    let mut patience = Patience::new(inner.wait_limit);
    // Which version was there when a name that was to be made was taken already.
    let mut taken_at = None;
    loop {
        let present = match look(inner, &mut patience) {
            Ok(Some(found)) if found.version >= version() => return found.check(),
            Ok(_) if !may_change => return Err(missing()),
            Ok(found) => found.map(|found| found.version),
            Err(failure) => {
                patience.after(failure)?;
                continue;
            }
        };
        // Whoever migrates leaves a newer version with what it makes: so this is the work of another program.
        if taken_at == Some(present) {
            return Err(taken());
        }
        match change(inner, &mut patience) {
            Ok(()) => {}
            Err(failure) if is_taken(&failure) => {
                taken_at = Some(present);
                patience.overtaken()?;
            }
            Err(failure) if is_race(&failure) => patience.overtaken()?,
            Err(failure) => patience.after(failure)?,
        }
    }
}

/// The version of this program's schema.
fn version() -> u64 {
    MIGRATIONS.len() as u64
}

struct Found {
    version: u64,
    usable_from: u64,
}

impl Found {
    fn check(&self) -> Result<()> {
        if self.usable_from <= version() {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::UnsupportedSchema,
            format!(
                "the schema is of version {}, which this program, of version {}, cannot use; use a newer one",
                self.version,
                version()
            ),
        ))
    }

    fn of(rows: &[Row]) -> Result<Option<Self>, Failure> {
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let mut columns = Columns::of(row);
        let mut number = || {
            columns
                .number()
                .map_err(|e| Failure::Answer(e.message().to_owned()))
        };
        Ok(Some(Self {
            version: number()?,
            usable_from: number()?,
        }))
    }
}

fn look(inner: &Inner, patience: &mut Patience) -> Result<Option<Found>, Failure> {
    let connection = inner.connect(patience)?;
    let kept = Arc::clone(&connection);
    let setting = setting(patience);
    let limit = setting.limit;
    let flight = Flight {
        begin: Some((Access::Read, setting)),
        queries: vec![Query::new(&inner.schema, LOOK)],
        commit: true,
        prepared: false,
    };
    let asked = inner.run_within(&kept, limit, async move {
        match flight.fly(&connection).await {
            // It has only read.
            Err(Failure::Unknown) => Err(Failure::Lost),
            answers => answers,
        }
    });
    match asked {
        Ok(answers) => answers.first().map_or(Ok(None), |rows| Found::of(rows)),
        Err(failure) if is_missing(&failure) => Ok(None),
        Err(failure) => {
            if failure.spoils_connection() {
                discard(kept);
            }
            Err(failure)
        }
    }
}

/// So that limits which the role was given do not end a wait before ours does.
fn setting(patience: &Patience) -> Setting {
    Setting {
        tenant: String::new(),
        limit: patience.left(),
    }
}

/// Makes the table of versions, locks its row, and applies what is missing, all in one transaction: where it fails nothing is left behind.
fn change(inner: &Inner, patience: &mut Patience) -> Result<(), Failure> {
    let connection = inner.connect(patience)?;
    let schema = inner.schema.clone();
    let asked = Arc::clone(&connection);
    let setting = setting(patience);
    let outcome = inner.run_within(&connection, setting.limit, async move {
        let connection = asked;
        let told = |e: tokio_postgres::Error| told(&e);
        connection
            .batch_execute(Access::Write.begin())
            .await
            .map_err(|e| Failure::at_begin(&e))?;
        let setting = setting.query();
        connection
            .query_typed(&setting.sql, &setting.typed_parameters())
            .await
            .map_err(told)?;
        connection
            .batch_execute(&schema.fill(TABLE))
            .await
            .map_err(told)?;
        let locking = schema.fill(&format!("{LOOK} FOR UPDATE"));
        let rows: Answers = vec![connection.query_typed(&locking, &[]).await.map_err(told)?];
        let present = rows.first().map_or(Ok(None), |rows| Found::of(rows))?;
        let present = present.map_or(0, |found| found.version);
        for migration in MIGRATIONS
            .iter()
            .skip(usize::try_from(present).unwrap_or(usize::MAX))
        {
            connection
                .batch_execute(&schema.fill(migration))
                .await
                .map_err(told)?;
        }
        if present < version() {
            let done =
                "UPDATE {schema}.schema_version SET version = $1, usable_from = $2 WHERE one = 1";
            let done = Query::new(&schema, done)
                .bind(number(version()))
                .bind(number(USABLE_FROM));
            connection
                .execute_typed(&done.sql, &done.typed_parameters())
                .await
                .map_err(told)?;
        }
        connection.batch_execute("COMMIT").await.map_err(told)
    });
    if let Err(failure) = &outcome {
        inner.give_back(connection, true, Some(failure));
    }
    outcome
}

/// The server's own words about a right that is missing name the database.
fn told(error: &tokio_postgres::Error) -> Failure {
    match Failure::before_commit(error) {
        Failure::Server { state, .. } if state == SqlState::INSUFFICIENT_PRIVILEGE => {
            Failure::Server {
                state,
                message: "the role may not make the tables in this schema; connect once with one that may, and then with migration off".to_owned(),
            }
        }
        failure => failure,
    }
}

fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Another made the same schema, table or row in the same moment.
fn is_race(failure: &Failure) -> bool {
    let Failure::Server { state, .. } = failure else {
        return false;
    };
    matches!(state.code(), "23505" | "42P06" | "XX000")
}

/// A table, index or type of that name is there: of one who made the same in the same moment, or of another program.
fn is_taken(failure: &Failure) -> bool {
    let Failure::Server { state, .. } = failure else {
        return false;
    };
    matches!(state.code(), "42P07" | "42710")
}

fn is_missing(failure: &Failure) -> bool {
    let Failure::Server { state, .. } = failure else {
        return false;
    };
    matches!(state.code(), "3F000" | "42P01")
}

fn taken() -> Error {
    Error::new(
        ErrorCode::UnsupportedSchema,
        "in this schema another program has a table, index or type with a name that the store needs, as sessions, messages or contexts; choose another schema",
    )
}

fn missing() -> Error {
    Error::new(
        ErrorCode::UnsupportedSchema,
        "the schema is missing or older than this program, which was told not to migrate it; connect once with a role that may, and migration on",
    )
}
