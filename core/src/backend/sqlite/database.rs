//! One database file, as this process has it open: a writer behind a queue, readers beside it, a guard over the locks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::{SqliteError, SqliteResult};
use super::fork;
use super::guard::{Door, Files, Guard};
use super::job::{Job, Outcome};
use super::open::{self, Settings};
use super::options::{Durability, SqliteOptions};
use super::place::{self, Place};
use super::queue::{Queue, Submitted, Taken, Turn};
use super::readers::{Length, Pause, Reader, Readers};
use super::writer::{self, Ran, Writer};
use crate::{lock, wanted};

type Jobs = Queue<Job, Ran<Outcome>>;
type WriteTurn<'a> = Turn<'a, Job, Ran<Outcome>>;

/// How often work is tried again when another SQLite in the process keeps dropping the locks.
const ATTEMPTS: usize = 10;

/// See the module. All handles of this process on the file share it.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) place: Place,
    settings: Mutex<Settings>,
    is_guarded: bool,
    queue: Jobs,
    readers: Readers,
    writer: Mutex<Option<Writer>>,
    guard: Mutex<Option<Arc<Guard>>>,
}

impl Database {
    pub(super) fn open(place: Place, options: &SqliteOptions) -> SqliteResult<Self> {
        fork::opened();
        let database = Self {
            place,
            settings: Mutex::new(Settings {
                durability: options.durability,
                wait: options.wait_limit,
            }),
            is_guarded: options.guard,
            queue: Queue::new(),
            readers: Readers::default(),
            writer: Mutex::new(None),
            guard: Mutex::new(None),
        };
        database.connect()?;
        Ok(database)
    }

    /// From now on a commit is at least as durable as this.
    pub(super) fn strengthen(&self, durability: Durability) {
        if durability == Durability::Full {
            lock(&self.settings).durability = Durability::Full;
        }
    }

    fn settings(&self) -> Settings {
        *lock(&self.settings)
    }

    fn guard(&self) -> Option<Arc<Guard>> {
        lock(&self.guard).clone()
    }

    /// Whether the locks that the connections believe to have are there.
    fn is_intact(&self) -> bool {
        !self.is_guarded || self.guard().is_some_and(|guard| guard.is_intact())
    }

    /// An error where the paths no longer lead to the files that are open: a connection opened now would be one to others, or would
    /// put a new WAL in the place of one that was removed.
    fn check_files(&self) -> SqliteResult<()> {
        match self.guard() {
            Some(guard) if guard.files() != Files::InPlace => {
                guard.give_up();
                Err(SqliteError::LockLost)
            }
            _ => Ok(()),
        }
    }

    /// One more connection.
    fn another(&self) -> SqliteResult<Connection> {
        self.check_files()?;
        open::another(&self.place.path, self.settings())
    }

    /// Opens the writer and puts out the guard.
    fn connect(&self) -> SqliteResult<()> {
        let settings = self.settings();
        // Dropped after the connection where something fails: that drops locks, too.
        let door = self.door(settings.wait)?;
        let conn = open::first(&self.place.path, settings)?;
        if let Some(door) = door {
            match Guard::attach(&self.place.path, door) {
                Ok(guard) => *lock(&self.guard) = Some(Arc::new(guard)),
                Err(error) => {
                    writer::close_without_checkpoint(conn);
                    return Err(error);
                }
            }
        }
        *lock(&self.writer) = Some(Writer::new(conn, settings));
        Ok(())
    }

    /// The door, taken, where the locks are guarded.
    fn door(&self, wait: Duration) -> SqliteResult<Option<Door>> {
        if !self.is_guarded {
            return Ok(None);
        }
        let until = Instant::now() + wait;
        let door = Door::find(&self.place.path).or_else(|error| {
            // What may not be written: SQLite says whether it is the file or the system.
            open::first(&self.place.path, self.settings())?;
            Err(error)
        })?;
        match writer::persist(until, || Ok(door.take().then_some(())))? {
            Some(()) => Ok(Some(door)),
            None => Err(SqliteError::Busy),
        }
    }

    // ---- reading

    /// A connection for reading.
    fn reader(&self, length: Length, deadline: Instant) -> SqliteResult<Reader<'_>> {
        self.readers.acquire(length, deadline, || self.another())
    }

    /// Runs a read that may be repeated: once, and again if the locks were dropped meanwhile.
    pub(super) fn read<T>(
        &self,
        wait: Duration,
        mut work: impl FnMut(&Connection) -> SqliteResult<T>,
    ) -> SqliteResult<T> {
        let deadline = Instant::now() + wait;
        for _ in 0..ATTEMPTS {
            match self.read_once(Length::Short, deadline, &mut work) {
                Err(SqliteError::LockLost) => give_way(self.restore(deadline))?,
                read => return read,
            }
        }
        Err(SqliteError::LockLost)
    }

    /// Runs a read, which may take long, exactly once.
    pub(super) fn read_alone<T>(
        &self,
        wait: Duration,
        mut work: impl FnMut(&Connection) -> SqliteResult<T>,
    ) -> SqliteResult<T> {
        let deadline = Instant::now() + wait;
        if !self.is_intact() {
            self.restore(deadline)?;
        }
        self.read_once(Length::Long, deadline, &mut work)
    }

    fn read_once<T>(
        &self,
        length: Length,
        deadline: Instant,
        work: &mut impl FnMut(&Connection) -> SqliteResult<T>,
    ) -> SqliteResult<T> {
        let inside = fork::enter();
        let mut reader = self.reader(length, deadline)?;
        let read = work(reader.connection()?);
        if let Err(error) = &read
            && error.spoils_connection()
        {
            reader.spoil();
        }
        // Before the connection goes back: from then on its locks may be given up for good reason.
        let is_intact = self.is_intact();
        drop(reader);
        drop(inside);
        if is_intact {
            read
        } else {
            Err(SqliteError::LockLost)
        }
    }

    // ---- writing

    /// The turn to write, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<WriteTurn<'_>> {
        self.queue.try_turn()
    }

    /// Waits for the turn to write.
    pub(super) fn turn(&self, deadline: Instant) -> SqliteResult<WriteTurn<'_>> {
        self.queue.turn(deadline).ok_or(SqliteError::Busy)
    }

    /// Runs `work` in a transaction of its own, again if the locks were dropped before its commit.
    pub(super) fn transact<T>(
        &self,
        turn: &WriteTurn<'_>,
        deadline: Instant,
        mut work: impl FnMut(&Connection) -> SqliteResult<T>,
    ) -> Ran<T> {
        for _ in 0..ATTEMPTS {
            match self.transact_once(deadline, &mut work) {
                Ok(Err(SqliteError::LockLost)) => {
                    if let Err(error) = give_way(self.restore_in(turn, deadline)) {
                        return Ok(Err(error));
                    }
                }
                ran => return ran,
            }
        }
        Ok(Err(SqliteError::LockLost))
    }

    /// Runs `work` exactly once, in a transaction of its own.
    pub(super) fn transact_alone<T>(
        &self,
        turn: &WriteTurn<'_>,
        deadline: Instant,
        work: impl FnOnce(&Connection) -> SqliteResult<T>,
    ) -> Ran<T> {
        if !self.is_intact()
            && let Err(error) = self.restore_in(turn, deadline)
        {
            return Ok(Err(error));
        }
        self.transact_once(deadline, work)
    }

    fn transact_once<T>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Connection) -> SqliteResult<T>,
    ) -> Ran<T> {
        let _inside = fork::enter();
        let mut slot = lock(&self.writer);
        match self.usable(&mut slot, deadline) {
            Ok(writer) => writer.transact(self.guard().as_deref(), work),
            Err(error) => Ok(Err(error)),
        }
    }

    /// The writer, opened again if it is spoiled, set up for a transaction that waits until `deadline`.
    fn usable<'a>(
        &self,
        slot: &'a mut Option<Writer>,
        deadline: Instant,
    ) -> SqliteResult<&'a mut Writer> {
        let settings = self.settings();
        if slot.as_ref().is_some_and(Writer::is_spoiled) {
            // The new one first: while one is open, neither WAL nor locks go away.
            let conn = self.another()?;
            *slot = Some(Writer::new(conn, settings));
        }
        // Lost together with the guard: to be restored in the same way.
        let writer = slot.as_mut().ok_or(SqliteError::LockLost)?;
        let wait = deadline.saturating_duration_since(Instant::now());
        writer.prepare(wait, settings.durability)?;
        Ok(writer)
    }

    /// Hands a job in and waits for its result. The wait in line and that for other processes have one deadline.
    pub(super) fn submit(&self, job: Job, deadline: Instant) -> Ran<Outcome> {
        match self.queue.submit(job, deadline) {
            Submitted::Done(ran) => ran,
            Submitted::Lead(turn, job, others) => self.lead(&turn, deadline, job, others),
            Submitted::TimedOut => Ok(Err(SqliteError::Busy)),
            Submitted::Abandoned => Ok(Err(SqliteError::UnknownOutcome)),
        }
    }

    /// Does the jobs in one transaction; each for itself if that is lost.
    fn lead(
        &self,
        turn: &WriteTurn<'_>,
        deadline: Instant,
        mut first: Job,
        mut others: Vec<Taken<Job, Ran<Outcome>>>,
    ) -> Ran<Outcome> {
        if others.is_empty() {
            return self.transact(turn, deadline, |conn| first.run(conn));
        }
        let last = others.iter().filter_map(Taken::deadline).max();
        let until = last.map_or(deadline, |last| last.max(deadline));
        let work = |conn: &_| Ok((run_group(conn, &mut first, &mut others)?, Instant::now()));
        match self.transact_once(until, work) {
            Ok(Ok(((ran, others_ran), before_commit))) => {
                turn.was_shared(others.len() + 1, before_commit.elapsed());
                for (other, ran) in others.into_iter().zip(others_ran) {
                    other.finish(ran);
                }
                ran
            }
            // It is the caller who waits no longer, not those who were taken along.
            Ok(Err(SqliteError::Unwanted)) => {
                turn.give_back(others);
                Ok(Err(SqliteError::Unwanted))
            }
            // They all have waited; another wait each would be no better.
            Ok(Err(SqliteError::Busy)) => fail_all(others, || SqliteError::Busy),
            Ok(Err(SqliteError::UnknownOutcome)) => {
                fail_all(others, || SqliteError::UnknownOutcome)
            }
            _ => self.do_apart(turn, deadline, first, others),
        }
    }

    fn do_apart(
        &self,
        turn: &WriteTurn<'_>,
        deadline: Instant,
        mut first: Job,
        others: Vec<Taken<Job, Ran<Outcome>>>,
    ) -> Ran<Outcome> {
        let ran = self.transact(turn, deadline, |conn| first.run(conn));
        for mut other in others {
            let until = other.deadline().unwrap_or(deadline);
            let ran = wanted::regardless(|| self.transact(turn, until, |conn| other.job.run(conn)));
            other.finish(ran);
        }
        ran
    }

    /// Writes the whole database anew and empties the WAL, in the turn of the caller; readers are waited for no longer than `readers`. Whether
    /// that was possible.
    pub(super) fn rewrite(
        &self,
        turn: &WriteTurn<'_>,
        deadline: Instant,
        readers: Duration,
    ) -> SqliteResult<bool> {
        let _inside = fork::enter();
        if !self.is_intact() {
            self.restore_in(turn, deadline)?;
        }
        let mut slot = lock(&self.writer);
        let writer = self.usable(&mut slot, deadline)?;
        writer.rewrite(self.guard().as_deref(), deadline, readers)
    }

    // ---- after a loss of locks

    /// As [`Database::restore_in`], for who has no turn yet.
    fn restore(&self, deadline: Instant) -> SqliteResult<()> {
        let turn = self.turn(deadline)?;
        self.restore_in(&turn, deadline)
    }

    /// Waits for the readers to end, so that no connection believes to have a lock that was dropped, and starts anew: with the
    /// same connections, or with new ones where the files were removed.
    fn restore_in(&self, _turn: &WriteTurn<'_>, deadline: Instant) -> SqliteResult<()> {
        let _inside = fork::enter();
        if self.is_intact() && lock(&self.writer).is_some() {
            return Ok(());
        }
        let pause = self
            .readers
            .pause(deadline)
            .map_err(|_| SqliteError::LockLost)?;
        if lock(&self.writer).is_some() && self.guard().is_some_and(|guard| guard.renew()) {
            return Ok(());
        }
        self.save_removed_wal(deadline)?;
        self.disconnect(&pause);
        self.check_place()?;
        self.connect()
    }

    /// Moves a WAL that was removed into the database while it can still be read.
    fn save_removed_wal(&self, deadline: Instant) -> SqliteResult<()> {
        let Some(guard) = self.guard().filter(|it| it.files() == Files::WithoutWal) else {
            return Ok(());
        };
        let mut slot = lock(&self.writer);
        let Some(writer) = slot.as_mut() else {
            return Ok(());
        };
        if writer.truncate_wal(Some(&guard), deadline)? {
            Ok(())
        } else {
            Err(SqliteError::Busy)
        }
    }

    /// Whether the path still leads to the file that was opened.
    fn check_place(&self) -> SqliteResult<()> {
        match place::locate(&self.place.path) {
            Ok(place) if place.id == self.place.id => Ok(()),
            Err(error @ SqliteError::Linked(_)) => Err(error),
            _ => Err(SqliteError::Moved(self.place.path.clone())),
        }
    }

    // ---- around a fork

    /// Takes all connections, while nobody is inside.
    pub(super) fn take_connections(&self) -> Connections {
        Connections {
            writer: lock(&self.writer).take(),
            readers: self.readers.take_idle(),
        }
    }

    /// Takes them back.
    pub(super) fn give_back(&self, connections: Connections) {
        *lock(&self.writer) = connections.writer;
        self.readers.give_back(connections.readers);
    }

    /// Whether it may be closed now: no other process opens or closes it.
    fn is_door_taken(&self, guard: &Guard) -> bool {
        let until = Instant::now() + self.settings().wait;
        let taken = writer::persist(until, || Ok(guard.take_door().then_some(())));
        matches!(taken, Ok(Some(())))
    }

    /// Closes all connections to files that were removed.
    fn disconnect(&self, pause: &Pause<'_>) {
        for conn in pause.take_all() {
            writer::close_without_checkpoint(conn);
        }
        if let Some(writer) = lock(&self.writer).take() {
            writer.close_without_checkpoint();
        }
        *lock(&self.guard) = None;
    }
}

/// All connections of a database.
#[derive(Debug)]
pub(super) struct Connections {
    writer: Option<Writer>,
    readers: Vec<Connection>,
}

impl Connections {
    /// Closes what a child of `fork` has of its parent's, without a trace in the files.
    pub(super) fn close_in_child(self) {
        for conn in self.readers {
            writer::close_without_checkpoint(conn);
        }
        if let Some(writer) = self.writer {
            writer.close_without_checkpoint();
        }
    }
}

/// A loss of locks while those are restored is one more to be restored.
fn give_way(restored: SqliteResult<()>) -> SqliteResult<()> {
    match restored {
        Err(SqliteError::LockLost) => Ok(()),
        restored => restored,
    }
}

/// Ends all jobs of a group with an error of their own.
fn fail_all(others: Vec<Taken<Job, Ran<Outcome>>>, error: fn() -> SqliteError) -> Ran<Outcome> {
    let failed = || Ok(Err(error()));
    for other in others {
        other.finish(failed());
    }
    failed()
}

type GroupRan = (Ran<Outcome>, Vec<Ran<Outcome>>);

/// Runs each job for itself. An error where the whole transaction was lost.
fn run_group(
    conn: &Connection,
    first: &mut Job,
    others: &mut [Taken<Job, Ran<Outcome>>],
) -> SqliteResult<GroupRan> {
    let ran = first.run_in_group(conn)?;
    let others = others
        .iter_mut()
        .map(|other| other.job.run_in_group(conn))
        .collect::<SqliteResult<_>>()?;
    Ok((ran, others))
}

impl Drop for Database {
    /// Closes the readers, then the writer, which as the last moves the WAL into the database and removes it.
    fn drop(&mut self) {
        fork::closed();
        let Ok(pause) = self.readers.pause(Instant::now()) else {
            return;
        };
        match self.guard() {
            // It must not carry a WAL into the database in whose place others may see another.
            Some(guard) if guard.files() == Files::Elsewhere => self.disconnect(&pause),
            guard => {
                drop(pause.take_all());
                let writer = lock(&self.writer).take();
                if let Some(guard) = &guard {
                    if !self.is_door_taken(guard) {
                        // Others are at it for too long: one of them will be the last.
                        if let Some(writer) = writer {
                            writer.close_without_checkpoint();
                        }
                        return;
                    }
                    guard.release();
                }
                // The door is given back with the guard.
                drop(writer);
            }
        }
    }
}
