//! Opening connections: flags, settings, and what must be true before anything is written.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{SqliteError, SqliteResult};
use super::migrate;
use super::options::Durability;
use super::place::beside;
use crate::wanted;

/// SQLite 3.51.3: before it, a reset of the WAL could lose data.
const OLDEST_SOUND_SQLITE: i32 = 3_051_003;

/// Enough for every statement of this backend, and then some for variants of lists.
const CACHED_STATEMENTS: usize = 64;

/// What every connection is set to.
const SETTINGS: &str = "
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA secure_delete = ON;
    PRAGMA foreign_keys = OFF;
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 16777216;
";

const FULL: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
";

const NORMAL: &str = "PRAGMA synchronous = NORMAL;";

/// How a connection is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) durability: Durability,
    pub(super) wait: Duration,
}

/// The first connection to a file: refuses what is not ours before it writes, then switches to WAL and brings the schema up to date.
///
/// Many processes may do this to one fresh file at once; each step waits for the others within the wait limit.
pub(super) fn first(path: &Path, settings: Settings) -> SqliteResult<Connection> {
    prepared(path, settings).map_err(|error| error.at(path))
}

fn prepared(path: &Path, settings: Settings) -> SqliteResult<Connection> {
    check_version()?;
    let deadline = Instant::now() + settings.wait;
    let conn = bare(path, settings)?;
    // Until it is known to be ours, closing must not carry a WAL of others into the file.
    let had_wal = beside(path, "-wal").exists();
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, had_wal)?;
    patiently(deadline, || migrate::examine(&conn, path))?;
    if conn.is_readonly(c"main")? {
        return Err(SqliteError::ReadOnlyFile(path.to_owned()));
    }
    patiently(deadline, || use_wal(&conn))?;
    set(&conn, settings)?;
    patiently(deadline, || migrate::to_latest(&conn, path))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    conn.busy_timeout(settings.wait)?;
    Ok(conn)
}

/// One more connection to a file that [`first`] has prepared.
pub(super) fn another(path: &Path, settings: Settings) -> SqliteResult<Connection> {
    let conn = bare(path, settings)?;
    set(&conn, settings)?;
    // The first read makes it part of the WAL, and finds what is wrong early.
    patiently(Instant::now() + settings.wait, || {
        let mut statement = conn.prepare("SELECT 1 FROM sqlite_schema LIMIT 1")?;
        if statement.exists([])? {
            Ok(())
        } else {
            Err(SqliteError::Emptied(path.to_owned()))
        }
    })?;
    conn.busy_timeout(settings.wait)?;
    Ok(conn)
}

fn check_version() -> SqliteResult<()> {
    if rusqlite::version_number() < OLDEST_SOUND_SQLITE {
        return Err(SqliteError::TooOld {
            found: rusqlite::version(),
        });
    }
    Ok(())
}

fn bare(path: &Path, settings: Settings) -> SqliteResult<Connection> {
    // Without SQLITE_OPEN_CREATE: the file was made before, with its mode. Each connection is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        #[cfg_attr(not(test), allow(unused_mut, reason = "only a test watches it"))]
        let mut conn = Connection::open_with_flags(path, flags)?;
        #[cfg(test)]
        super::statements::watch(&mut conn, path)?;
        // What is done while opening is done again by `patiently`, which asks in between whether it is still wanted.
        conn.busy_timeout(wanted::slice(settings.wait))?;
        conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // One plan per statement, whatever is bound: else STAT4 has a statement compiled anew when its bounds change, which doubled the time of a short read.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        Ok(conn)
    };
    open().map_err(|source| SqliteError::Open {
        path: path.to_owned(),
        source,
    })
}

fn set(conn: &Connection, settings: Settings) -> SqliteResult<()> {
    conn.execute_batch(SETTINGS)?;
    set_durability(conn, settings.durability)
}

pub(super) fn set_durability(conn: &Connection, durability: Durability) -> SqliteResult<()> {
    conn.execute_batch(match durability {
        Durability::Full => FULL,
        Durability::Normal => NORMAL,
    })?;
    Ok(())
}

fn use_wal(conn: &Connection) -> SqliteResult<()> {
    let mut statement = conn.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    // To its end: the switch is committed after its row was handed out, and may fail then.
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    if mode == "wal" {
        Ok(())
    } else {
        Err(SqliteError::Unsuitable(
            "the file system of the database cannot do WAL mode; put the database on a local disk",
        ))
    }
}

/// Repeats what others are in the way of until the deadline: for the WAL switch and recovery SQLite itself does not always wait.
fn patiently<T>(deadline: Instant, mut step: impl FnMut() -> SqliteResult<T>) -> SqliteResult<T> {
    let mut pause = Duration::from_millis(1);
    loop {
        match step() {
            Err(error) if error.is_busy() => {
                if Instant::now() + pause >= deadline || !wanted::is_wanted() {
                    return Err(error);
                }
            }
            other => return other,
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
