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

/// A database up to this size is written anew in memory, a larger one by way of a temporary file.
const IN_MEMORY: i64 = 64 << 20;

/// Writes the database anew from the rows that are there, and empties the WAL.
///
/// `secure_delete` overwrites a deleted row where it is, but not the copies that SQLite leaves in the unused part of a page when it moves rows to another
/// (`rebuildPage` in its `btree.c`). They may be in any page, and nothing tells which, so that all are written. That goes through the WAL and is confirmed by the disk before
/// the WAL is moved into the database, so that no power cut brings back what the WAL held before.
pub(super) fn erase(database: &Database, wait: Duration) -> SqliteResult<Erasure> {
    let deadline = Instant::now() + wait;
    let rewritten = database
        .turn(deadline)
        .and_then(|turn| database.rewrite(&turn, deadline, ERASE_WAIT));
    let pending = |reason: &str| {
        Ok(Erasure::Pending {
            reason: reason.to_owned(),
        })
    };
    match rewritten {
        Ok(true) => Ok(Erasure::Complete),
        Ok(false) => {
            pending("a reader or another process still uses the write-ahead log that holds them")
        }
        Err(error) if error.is_busy() => pending(
            "others wrote for longer than the wait limit, so that the file could not be written anew without them",
        ),
        Err(error) => Err(error),
    }
}

/// Has SQLite write the whole database anew.
pub(super) fn vacuum(conn: &Connection) -> SqliteResult<()> {
    let is_large = bytes(conn)? > IN_MEMORY;
    if is_large {
        // Named nowhere, and its owner's alone.
        conn.execute_batch("PRAGMA temp_store = FILE")?;
    }
    let vacuumed = conn.execute_batch("VACUUM");
    if is_large {
        conn.execute_batch("PRAGMA temp_store = MEMORY")?;
    }
    Ok(vacuumed?)
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
    let pages = bytes(conn)?;
    // Asked by name: opening it would be one descriptor too many.
    let wal = fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len());
    Ok(super::values::unsigned(pages, "size")?.saturating_add(wal))
}

/// The bytes of the database's pages.
fn bytes(conn: &Connection) -> SqliteResult<i64> {
    Ok(conn.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?)
}
