//! The connections for reading: opened when first needed, kept for the next.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use super::error::{SqliteError, SqliteResult};
use crate::{lock, wanted};

/// The most connections at a time: each is a few descriptors and a page cache.
const MOST: usize = 10;

/// The most of them for long reads, whose end nobody knows: a few always remain for short ones.
const MOST_LONG: usize = 8;

/// For what a connection is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// One query or two of this crate.
    Short,
    /// Work of a caller, or over the whole file.
    Long,
}

/// The pool.
#[derive(Debug, Default)]
pub(super) struct Readers {
    pool: Mutex<Pool>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    out: usize,
    /// How many of those that are out are for long reads.
    out_long: usize,
    paused: bool,
    /// How many wait for a change.
    waiting: usize,
}

/// A connection of the pool; it goes back when dropped, without a transaction.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
    length: Length,
    spoiled: bool,
}

impl Pool {
    fn has_room(&self, length: Length) -> bool {
        let has_room_for_it = length == Length::Short || self.out_long < MOST_LONG;
        !self.paused && self.out < MOST && has_room_for_it
    }
}

/// Nobody reads while this lives.
#[derive(Debug)]
pub(super) struct Pause<'a> {
    readers: &'a Readers,
}

impl Readers {
    /// A connection, opened by `open` if none is idle; `busy` if all are out until the deadline.
    pub(super) fn acquire(
        &self,
        length: Length,
        deadline: Instant,
        open: impl FnOnce() -> SqliteResult<Connection>,
    ) -> SqliteResult<Reader<'_>> {
        let mut pool = lock(&self.pool);
        while !pool.has_room(length) {
            pool = self.wait(pool, deadline)?;
        }
        pool.out += 1;
        pool.out_long += usize::from(length == Length::Long);
        let mut reader = Reader {
            readers: self,
            conn: pool.idle.pop(),
            length,
            spoiled: false,
        };
        drop(pool);
        if reader.conn.is_none() {
            reader.conn = Some(open()?);
        }
        Ok(reader)
    }

    /// Waits until all connections are back and lets none out again until the pause is dropped.
    pub(super) fn pause(&self, deadline: Instant) -> SqliteResult<Pause<'_>> {
        let mut pool = lock(&self.pool);
        pool.paused = true;
        // From here on the pause ends when this is dropped.
        let pause = Pause { readers: self };
        while pool.out > 0 {
            match self.wait(pool, deadline) {
                Ok(waited) => pool = waited,
                Err(busy) => {
                    drop(pause);
                    return Err(busy);
                }
            }
        }
        drop(pool);
        Ok(pause)
    }

    /// The idle connections, which are all there are while nobody is inside, taken out of the pool.
    pub(super) fn take_idle(&self) -> Vec<Connection> {
        std::mem::take(&mut lock(&self.pool).idle)
    }

    /// Takes them back.
    pub(super) fn give_back(&self, idle: Vec<Connection>) {
        lock(&self.pool).idle.extend(idle);
    }

    fn wait<'a>(
        &'a self,
        mut pool: MutexGuard<'a, Pool>,
        deadline: Instant,
    ) -> SqliteResult<MutexGuard<'a, Pool>> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SqliteError::Busy);
        }
        pool.waiting += 1;
        let waited = self.changed.wait_timeout(pool, wanted::slice(left));
        let (mut pool, pause) = waited.unwrap_or_else(PoisonError::into_inner);
        pool.waiting -= 1;
        if pause.timed_out() {
            drop(pool);
            if !wanted::is_wanted() {
                return Err(SqliteError::Busy);
            }
            pool = lock(&self.pool);
        }
        Ok(pool)
    }
}

impl Pause<'_> {
    /// The idle connections, which are all there are, taken out of the pool.
    pub(super) fn take_all(&self) -> Vec<Connection> {
        self.readers.take_idle()
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        lock(&self.readers.pool).paused = false;
        self.readers.changed.notify_all();
    }
}

impl Reader<'_> {
    /// Has the connection closed instead of given back.
    pub(super) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// The connection; there is one until the drop.
    pub(super) fn connection(&self) -> SqliteResult<&Connection> {
        self.conn
            .as_ref()
            .ok_or(SqliteError::Unsuitable("a reader without a connection"))
    }

    /// The connection, if a next reader can use it.
    fn reusable(&mut self) -> Option<Connection> {
        let conn = self.conn.take().filter(|_| !self.spoiled)?;
        if !conn.is_autocommit() {
            conn.execute_batch("ROLLBACK").ok()?;
        }
        Some(conn)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let conn = self.reusable();
        let mut pool = lock(&self.readers.pool);
        pool.idle.extend(conn);
        pool.out -= 1;
        pool.out_long -= usize::from(self.length == Length::Long);
        let awaited = pool.waiting > 0;
        drop(pool);
        if awaited {
            self.readers.changed.notify_all(); // a system call, so only where somebody waits
        }
    }
}
