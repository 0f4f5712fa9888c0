//! Looking after the file: erasing, checking, copying, measuring.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::database::Database;
use super::error::{SqliteError, SqliteResult};
use super::place::{self, beside};
use crate::model::Erasure;

/// For how long erasing waits for readers: it holds up all writers meanwhile.
const ERASE_WAIT: Duration = Duration::from_secs(1);

/// Empties the WAL, the only place where deleted bytes still are: `secure_delete` has overwritten them in the database.
pub(super) fn erase(database: &Database, wait: Duration) -> SqliteResult<Erasure> {
    let turn = database.turn(Instant::now() + wait)?;
    if database.truncate_wal(&turn, Instant::now() + wait.min(ERASE_WAIT))? {
        return Ok(Erasure::Complete);
    }
    Ok(Erasure::Pending {
        reason: "a reader or another process still uses the write-ahead log that holds them"
            .to_owned(),
    })
}

/// What is wrong with the file.
pub(super) fn check(conn: &Connection) -> SqliteResult<Vec<String>> {
    let mut problems = integrity(conn)?;
    let orphans = [
        (
            "messages without a session",
            "SELECT count(*) FROM messages m WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.no = m.id >> 32)",
        ),
        (
            "metadata without a session",
            "SELECT count(*) FROM session_metadata d WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.no = d.session_no)",
        ),
    ];
    for (what, sql) in orphans {
        let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
        if count > 0 {
            problems.push(format!("{count} {what}"));
        }
    }
    Ok(problems)
}

fn integrity(conn: &Connection) -> SqliteResult<Vec<String>> {
    let mut statement = conn.prepare("PRAGMA integrity_check(1000)")?;
    let mut rows = statement.query([])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        let finding: String = row.get(0)?;
        if finding != "ok" {
            problems.push(finding);
        }
    }
    Ok(problems)
}

/// Writes a copy of the database, as it is at one moment, to a new file.
pub(super) fn backup(database: &Database, target: &Path, wait: Duration) -> SqliteResult<()> {
    let target = place::absolute(target)?;
    place::create_private(&target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => SqliteError::TargetExists(target.clone()),
        _ => SqliteError::io("create", &target, error),
    })?;
    let copied = copy(database, &target, wait);
    if copied.is_err() {
        // What went wrong is the caller's news; a rest that cannot be removed is not.
        let _ = fs::remove_file(&target);
        let _ = fs::remove_file(beside(&target, "-journal"));
    }
    copied
}

fn copy(database: &Database, target: &Path, wait: Duration) -> SqliteResult<()> {
    let name = target
        .to_str()
        .ok_or(SqliteError::Unsuitable("the path of a copy must be UTF-8"))?;
    database.read_alone(wait, |conn| {
        conn.execute("VACUUM INTO ?1", [name])?;
        Ok(())
    })?;
    sync(target)
}

/// Has the disk confirm the file and its name. No SQLite has it open, so that there are no locks to lose.
fn sync(path: &Path) -> SqliteResult<()> {
    let failed = |error| SqliteError::io("write", path, error);
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(failed)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(())
}

/// The bytes of the database and its WAL.
pub(super) fn size(conn: &Connection, path: &Path) -> SqliteResult<u64> {
    let pages: i64 = conn.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    // Asked by name: opening it would be one descriptor too many.
    let wal = fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len());
    Ok(super::values::unsigned(pages, "size")?.saturating_add(wal))
}
