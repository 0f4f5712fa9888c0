//! Whose a file is, and which schema it has: `application_id`, `user_version`, and numbered SQL files.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{SqliteError, SqliteResult};

/// "conv", written by the first migration.
const APPLICATION_ID: i64 = 0x636f_6e76;

/// The schema that this version writes: the number of the last migration.
#[expect(clippy::cast_possible_wrap, reason = "a handful of files")]
const LATEST: i64 = MIGRATIONS.len() as i64;

/// Migration `n` at index `n - 1`. A released one is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/001_initial.sql")];

/// Everything that the statements of this backend need: compiled, not run, they fail where something of the schema is missing.
const PROBES: &[&str] = &[
    "SELECT no, tenant, id, scope, key, owner, lifecycle, status, is_final, message_count, last_seq, revision, created_at, updated_at,
            last_active_at, preview_seq, preview FROM sessions",
    "SELECT session_no, metadata FROM session_metadata",
    "SELECT id, role, is_summary, is_text, token_count, created_at, dedup_key, content FROM messages",
    "SELECT tenant, scope, revision, created_at, updated_at, data FROM contexts",
    "SELECT tenant, name, definition FROM lifecycles",
    // Without these, nothing would be unique.
    "SELECT 1 FROM sessions INDEXED BY sessions_by_id WHERE tenant = '' AND id = ''",
    "SELECT 1 FROM sessions INDEXED BY sessions_by_key WHERE tenant = '' AND scope = '' AND key = ''",
    "SELECT 1 FROM messages INDEXED BY messages_by_dedup_key WHERE id >> 32 = 0 AND dedup_key = ''",
];

/// What a file says of itself.
struct Identity {
    application_id: i64,
    schema: i64,
    is_empty: bool,
    /// Everything here goes by the order of UTF-8 bytes; a file's encoding stays what it was made with.
    is_utf_8: bool,
}

fn identity(conn: &Connection) -> SqliteResult<Identity> {
    // One statement, so that a migration of another process is seen whole or not at all.
    let identity = conn.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                NOT EXISTS (SELECT 1 FROM sqlite_schema), (SELECT encoding = 'UTF-8' FROM pragma_encoding)",
        [],
        |row| {
            Ok(Identity {
                application_id: row.get(0)?,
                schema: row.get(1)?,
                is_empty: row.get(2)?,
                is_utf_8: row.get(3)?,
            })
        },
    )?;
    Ok(identity)
}

/// The schema of a file that is ours or empty (0); an error where it is of another program or a newer version. Only reads.
pub(super) fn examine(conn: &Connection, path: &Path) -> SqliteResult<i64> {
    let found = identity(conn)?;
    if !found.is_utf_8 {
        return Err(SqliteError::ForeignFile(path.to_owned()));
    }
    if found.application_id == 0 && found.schema == 0 && found.is_empty {
        return Ok(0);
    }
    if found.application_id != APPLICATION_ID || found.schema < 1 {
        return Err(SqliteError::ForeignFile(path.to_owned()));
    }
    if found.schema > LATEST {
        return Err(SqliteError::NewerSchema {
            path: path.to_owned(),
            found: found.schema,
            known: LATEST,
        });
    }
    Ok(found.schema)
}

/// Applies the migrations that are missing, all in one transaction. Writes nothing where none is. Then looks if all is there.
pub(super) fn to_latest(conn: &Connection, path: &Path) -> SqliteResult<()> {
    if examine(conn, path)? < LATEST {
        migrate(conn, path)?;
    }
    probe(conn)
}

/// Whether a file of our kind holds what our files hold.
fn probe(conn: &Connection) -> SqliteResult<()> {
    for sql in PROBES {
        conn.prepare(sql)?;
    }
    Ok(())
}

fn migrate(conn: &Connection, path: &Path) -> SqliteResult<()> {
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    // Again, now that nobody else can be at it.
    let present = examine(&transaction, path)?;
    for (number, sql) in (1..).zip(MIGRATIONS) {
        if number > present {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    transaction.commit()?;
    Ok(())
}
