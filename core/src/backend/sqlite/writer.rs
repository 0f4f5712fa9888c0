//! The one connection that writes, and what a transaction on it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::{SqliteError, SqliteResult};
use super::guard::{Files, Guard};
use super::maintenance;
use super::open::{self, Settings};
use super::options::Durability;
use crate::wanted;

/// What came of running somebody's code: its result, or its panic.
pub(super) type Ran<T> = thread::Result<SqliteResult<T>>;

/// How often a disturbed commit is looked for when the look is disturbed too.
const SETTLE_ATTEMPTS: usize = 10;

/// Between two looks for the turn, or for SQLite's write lock, which another process has: a part of the time waited so far, within these.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));
const PART_WAITED: u32 = 16;

/// The writing connection. Whoever has the turn uses it.
#[derive(Debug)]
pub(super) struct Writer {
    conn: Connection,
    settings: Settings,
    /// For how long SQLite itself waits at a time.
    patience: Duration,
    is_spoiled: bool,
}

impl Writer {
    pub(super) fn new(conn: Connection, settings: Settings) -> Self {
        Self {
            conn,
            settings,
            patience: settings.wait,
            is_spoiled: false,
        }
    }

    /// Whether it is better closed and opened again.
    pub(super) fn is_spoiled(&self) -> bool {
        self.is_spoiled
    }

    /// Sets for how long a transaction waits for other processes, and what a commit survives.
    pub(super) fn prepare(&mut self, wait: Duration, durability: Durability) -> SqliteResult<()> {
        if self.settings.durability != durability {
            open::set_durability(&self.conn, durability)?;
            self.settings.durability = durability;
        }
        self.settings.wait = wait;
        Ok(())
    }

    fn set_patience(&mut self, wait: Duration) -> SqliteResult<()> {
        if self.patience != wait {
            self.conn.busy_timeout(wait)?;
            self.patience = wait;
        }
        Ok(())
    }

    /// Runs `work` in a transaction and commits if it succeeds. However it ends, no transaction is left open.
    ///
    /// All of it in the turn among this crate's writers, the beginning and the rolling back too: see [`Writer::take_write_lock_back`]. (A writer
    /// that was killed in its turn has given it back, unless a child of its `fork` lives: then the store is `busy` until that ends.)
    pub(super) fn transact<T>(
        &mut self,
        guard: Option<&Guard>,
        work: impl FnOnce(&Connection) -> SqliteResult<T>,
    ) -> Ran<T> {
        let until = Instant::now() + self.settings.wait;
        match in_turn(guard, until, || self.transact_in_turn(guard, until, work)) {
            Ok(Some(ran)) => ran,
            Ok(None) => Ok(Err(SqliteError::Busy)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn transact_in_turn<T>(
        &mut self,
        guard: Option<&Guard>,
        until: Instant,
        work: impl FnOnce(&Connection) -> SqliteResult<T>,
    ) -> Ran<T> {
        if let Err(error) = self.begin(until) {
            return Ok(Err(error));
        }
        // What the work takes is no waiting: what is left of that is left after it.
        let left = until.saturating_duration_since(Instant::now());
        let ran = catch_unwind(AssertUnwindSafe(|| work(&self.conn)));
        let until = Instant::now() + left;
        let ran = match ran {
            Ok(Ok(value)) => Ok(self.commit(guard, until).map(|()| value)),
            failed => failed,
        };
        if !matches!(ran, Ok(Ok(_))) {
            if let Some(guard) = guard {
                self.take_write_lock_back(guard, until);
            }
            self.roll_back(matches!(&ran, Ok(Err(error)) if error.spoils_connection()));
            // Rolling back, SQLite takes its cache for that of the latest commit, which it is not where another has committed since the beginning.
            self.is_spoiled |= guard.is_some_and(|guard| !guard.is_intact());
        }
        ran
    }

    /// Begins a transaction, waiting for other programs with pauses of our own: SQLite's grow to 100 ms, in which the lock may lie idle while all wait.
    fn begin(&mut self, until: Instant) -> SqliteResult<()> {
        self.set_patience(Duration::ZERO)?;
        let begun = persist(until, || match self.begin_immediate() {
            Ok(()) => Ok(Some(())),
            Err(SqliteError::Busy) => Ok(None),
            Err(error) => Err(error),
        })?;
        begun.ok_or(SqliteError::Busy)
    }

    fn begin_immediate(&mut self) -> SqliteResult<()> {
        let begun = self
            .conn
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut statement| statement.execute([]))
            .map_err(SqliteError::from);
        match begun {
            Ok(_) => Ok(()),
            Err(error) => {
                self.roll_back(error.spoils_connection());
                Err(if error.is_busy() {
                    SqliteError::Busy
                } else {
                    error
                })
            }
        }
    }

    fn commit(&mut self, guard: Option<&Guard>, until: Instant) -> SqliteResult<()> {
        let Some(guard) = guard else {
            return self.commit_unguarded();
        };
        let version = self.data_version()?;
        without_recovery(Some(guard), until, || self.commit_if_sound(guard))?;
        if guard.is_intact() {
            return Ok(());
        }
        match self.settle(guard, version) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(SqliteError::UnknownOutcome),
        }
    }

    fn commit_if_sound(&self, guard: &Guard) -> SqliteResult<()> {
        // A foreign close drops the write lock with the rest, so before the commit that alone is looked at: each look is a system call.
        if !guard.has_write_lock() {
            return Err(SqliteError::LockLost);
        }
        if guard.files() != Files::InPlace {
            guard.give_up();
            return Err(SqliteError::LockLost);
        }
        self.commit_unguarded()
    }

    fn commit_unguarded(&self) -> SqliteResult<()> {
        let committed = self
            .conn
            .prepare_cached("COMMIT")?
            .execute([])
            .map_err(SqliteError::from);
        match committed {
            Ok(_) => Ok(()),
            Err(error) if error.leaves_commit_open() => Err(SqliteError::UnknownOutcome),
            Err(error) => Err(error),
        }
    }

    /// Grows when another connection than this one has committed.
    fn data_version(&self) -> SqliteResult<i64> {
        let mut statement = self.conn.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Whether a commit, during which locks were dropped, is in the database for sure: with the write lock taken again, and
    /// held, nobody else has committed since.
    fn settle(&mut self, guard: &Guard, version: i64) -> SqliteResult<bool> {
        guard.give_up();
        self.set_patience(self.settings.wait)?;
        for _ in 0..SETTLE_ATTEMPTS {
            self.conn.execute_batch("BEGIN IMMEDIATE")?;
            let unchanged = self.data_version()? == version;
            // After the look: if the lock is there now, it was there then.
            let is_sure = guard.has_write_lock() && guard.is_linked();
            self.take_write_lock_back(guard, Instant::now() + self.settings.wait);
            self.conn.execute_batch("ROLLBACK")?;
            // See `transact_in_turn`.
            self.is_spoiled |= !is_sure;
            if is_sure || !unchanged {
                return Ok(unchanged);
            }
        }
        Ok(false)
    }

    /// Before a rolling back, in which SQLite tidies the WAL's index because it believes to be the one that may write: what another writer has put
    /// there and not yet committed would be lost from it, and the file damaged. Where the lock was dropped and another has it, it is waited for,
    /// also by who wants nothing any more, but no longer than until `deadline`.
    fn take_write_lock_back(&self, guard: &Guard, deadline: Instant) {
        let since = Instant::now();
        while !self.conn.is_autocommit() && !guard.take_write_lock() {
            let now = Instant::now();
            if now > deadline {
                return;
            }
            thread::sleep(pause(now - since));
        }
    }

    fn roll_back(&mut self, spoil: bool) {
        let ended = self.conn.is_autocommit() || self.conn.execute_batch("ROLLBACK").is_ok();
        self.is_spoiled |= spoil || !ended || !self.conn.is_autocommit();
    }

    /// Moves what is in the WAL to the database and empties it, waiting for readers no longer than until `deadline`. Whether that
    /// was done.
    pub(super) fn truncate_wal(
        &mut self,
        guard: Option<&Guard>,
        deadline: Instant,
    ) -> SqliteResult<bool> {
        in_turn(guard, deadline, || self.checkpoint(guard, deadline))?.unwrap_or(Ok(false))
    }

    /// Writes the whole database anew, waiting for other writers no longer than until `deadline`, and empties the WAL before and after it, waiting for
    /// readers no longer than `readers` each time. Whether that was done.
    pub(super) fn rewrite(
        &mut self,
        guard: Option<&Guard>,
        deadline: Instant,
        readers: Duration,
    ) -> SqliteResult<bool> {
        let soon = || deadline.min(Instant::now() + readers);
        let work = || {
            // First, so that nothing is written anew while a reader needs what was there.
            if !self.checkpoint(guard, soon())? {
                return Ok(false);
            }
            self.vacuum(guard, deadline)?;
            self.checkpoint(guard, soon())
        };
        in_turn(guard, deadline, work)?.unwrap_or(Err(SqliteError::Busy))
    }

    /// One long commit, which SQLite begins and ends itself: what a commit is looked at for is looked at here, as far as may be.
    fn vacuum(&mut self, guard: Option<&Guard>, deadline: Instant) -> SqliteResult<()> {
        if guard.is_some_and(|it| !it.is_intact() || it.files() != Files::InPlace) {
            return Err(SqliteError::LockLost);
        }
        self.set_patience(deadline.saturating_duration_since(Instant::now()))?;
        let vacuumed = without_recovery(guard, deadline, || maintenance::vacuum(&self.conn));
        if let Err(error) = &vacuumed {
            self.roll_back(error.spoils_connection());
        }
        self.is_spoiled |= guard.is_some_and(|guard| !guard.is_intact());
        vacuumed?;
        if guard.is_none_or(Guard::is_intact) {
            Ok(())
        } else {
            Err(SqliteError::LockLost)
        }
    }

    fn checkpoint(&mut self, guard: Option<&Guard>, deadline: Instant) -> SqliteResult<bool> {
        let wait = deadline.saturating_duration_since(Instant::now());
        self.set_patience(wait)?;
        let hindered: i64 = without_recovery(guard, deadline, || {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            Ok(self.conn.query_row(sql, [], |row| row.get(0))?)
        })?;
        Ok(hindered == 0)
    }

    /// See [`close_without_checkpoint`].
    pub(super) fn close_without_checkpoint(self) {
        close_without_checkpoint(self.conn);
    }
}

/// Does the work in the turn among this crate's writers, which is waited for until `deadline`: nothing where others have it for longer. An error where it is wanted no
/// longer.
fn in_turn<T>(
    guard: Option<&Guard>,
    deadline: Instant,
    work: impl FnOnce() -> T,
) -> SqliteResult<Option<T>> {
    let Some(guard) = guard else {
        return Ok(Some(work()));
    };
    if persist(deadline, || Ok(guard.take_turn().then_some(())))?.is_none() {
        return Ok(None);
    }
    let _taken = Taken(guard);
    Ok(Some(work()))
}

/// The turn, which is given back also where a caller panics who is asked whether he still wants it.
struct Taken<'a>(&'a Guard);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.give_turn_back();
    }
}

/// Does what writes the WAL's index, while nobody recovers it; who does is waited for until `deadline`.
fn without_recovery<T>(
    guard: Option<&Guard>,
    deadline: Instant,
    work: impl FnOnce() -> SqliteResult<T>,
) -> SqliteResult<T> {
    let Some(guard) = guard else {
        return work();
    };
    persist(deadline, || Ok(guard.forbid_recovery().then_some(())))?
        .ok_or(SqliteError::LockLost)?;
    let done = work();
    guard.allow_recovery();
    done
}

/// Tries until it gives something: nothing where it does not until `deadline`. An error where it is wanted no longer.
pub(super) fn persist<T>(
    deadline: Instant,
    mut attempt: impl FnMut() -> SqliteResult<Option<T>>,
) -> SqliteResult<Option<T>> {
    let mut wait = None;
    loop {
        if let Some(done) = attempt()? {
            return Ok(Some(done));
        }
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Ok(None);
        }
        let ask_at = now + wanted::slice(left);
        let (since, next_ask) = wait.get_or_insert((now, ask_at));
        if now > *next_ask {
            check_wanted()?;
            *next_ask = ask_at;
        }
        thread::sleep(pause(now - *since).min(left));
    }
}

/// How long to pause before the next attempt, after so long a wait.
fn pause(waited: Duration) -> Duration {
    let (least, most) = PAUSES;
    (waited / PART_WAITED).clamp(least, most)
}

fn check_wanted() -> SqliteResult<()> {
    if wanted::is_wanted() {
        Ok(())
    } else {
        Err(SqliteError::Unwanted)
    }
}

/// Closes a connection whose locks were dropped: it must not carry a WAL into the database that others may have replaced.
pub(super) fn close_without_checkpoint(conn: Connection) {
    // If this fails, closing is no worse than it was.
    let _ = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    drop(conn);
}

/// Runs `work` as one of several in an open transaction: if it fails, it alone is undone. An error where the whole transaction was lost.
pub(super) fn in_savepoint<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> SqliteResult<T>,
) -> SqliteResult<Ran<T>> {
    match undoing(conn, work) {
        Ok(Err(error)) if conn.is_autocommit() || error.spoils_connection() => Err(error),
        ran if conn.is_autocommit() => {
            drop(ran);
            Err(SqliteError::Unsuitable("the transaction was lost"))
        }
        ran => Ok(ran),
    }
}

/// Runs `work` as a part of an open transaction that can be undone alone.
fn undoing<T>(conn: &Connection, work: impl FnOnce(&Connection) -> SqliteResult<T>) -> Ran<T> {
    if let Err(error) = run(conn, "SAVEPOINT job") {
        return Ok(Err(error));
    }
    let ran = catch_unwind(AssertUnwindSafe(|| work(conn)));
    let kept = match &ran {
        Ok(Ok(_)) => run(conn, "RELEASE job"),
        // SQLite ends the whole transaction itself after some errors; then there is no savepoint to go back to.
        _ if conn.is_autocommit() => return ran,
        _ => run(conn, "ROLLBACK TO job").and_then(|()| run(conn, "RELEASE job")),
    };
    match kept {
        Ok(()) => ran,
        Err(error) => Ok(Err(error)),
    }
}

fn run(conn: &Connection, sql: &'static str) -> SqliteResult<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_the_lock_is_at_most_a_part_longer_than_it_has_to_be() {
        let millis = Duration::from_millis;
        assert_eq!(pause(Duration::ZERO), Duration::from_micros(200));
        assert_eq!(pause(millis(16)), millis(1));
        assert_eq!(pause(millis(30_000)), millis(5));
    }
}
