//! The backend that holds everything in memory, and its keepers, which make it last.

mod append;
mod check;
mod decode;
mod encode;
mod entered;
mod entry;
mod history;
mod keeper;
mod list;
mod log;
mod overlay;
mod record;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod transaction;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use keeper::Keeper;
pub use record::Record;

use entered::Entered;
use keeper::Mode;
use overlay::Overlay;
use table::Tables;
use transaction::Transaction;

use super::{
    Append, Appended, Backend, Lookup, MessageFilter, ReadTransaction, SessionFilter, SessionRow,
    StartSession, Started, WaitingAppend, WriteTransaction, WriteWork,
};
use crate::error::{Error, ErrorCode, Result};
use crate::lock;
use crate::model::{Erasure, Message};
use crate::ordered::Table;

/// All rows in memory; alone they end with it, with a [`Keeper`] they last.
///
/// A write collects its changes apart from the rows, and they are applied when it is complete: nothing of a failed write is ever
/// to be seen, and the changes are what a keeper keeps. There are three ways to go on from there:
///
/// - [`MemoryBackend::new`]: the changes are applied at once.
/// - [`MemoryBackend::with_keeper`]: a [`Keeper`] keeps them first, while the writer waits.
/// - [`MemoryBackend::prepared`], where waiting is impossible, as in JavaScript: the write returns and stays invisible; its records
///   are taken from [`pending`](MemoryBackend::pending), and after they are kept,
///   [`commit_pending`](MemoryBackend::commit_pending) makes it visible. Reads see the state before until then. Until its records are taken,
///   more writes of the tenant may join it, each on top of those before, to be kept together; if one that joins fails, all are dropped, to be
///   made again without it. After that, and for other tenants, a write is `busy`.
///
/// Reads run beside each other and beside the work of a writer; only while changes are applied do they wait. A call from within one of the
/// backend's own transactions, or from its keeper, is `reentrant`.
pub struct MemoryBackend {
    state: RwLock<State>,
    /// Whoever holds this is the one writer.
    writer: Mutex<Mode>,
}

/// What is committed.
#[derive(Default)]
struct State {
    tenants: Table<Tables>,
    is_closed: bool,
}

impl State {
    fn check_open(&self) -> Result<()> {
        if self.is_closed {
            Err(Error::closed())
        } else {
            Ok(())
        }
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBackend {
    /// An empty one that keeps nothing.
    pub fn new() -> Self {
        Self::in_mode(Mode::Plain)
    }

    /// An empty one whose writes succeed when `keeper` has kept them.
    pub fn with_keeper(keeper: Box<dyn Keeper>) -> Self {
        Self::in_mode(Mode::Kept(keeper))
    }

    /// An empty one whose writes wait, invisible, for [`MemoryBackend::commit_pending`].
    pub fn prepared() -> Self {
        Self::in_mode(Mode::Prepared(None))
    }

    fn in_mode(mode: Mode) -> Self {
        Self {
            state: RwLock::default(),
            writer: Mutex::new(mode),
        }
    }

    /// Takes the records of what waits to be kept, if anything does: of one write or of those that joined it. From now on none joins any
    /// more. A write that changed nothing does not wait.
    pub fn pending(&self) -> Option<Vec<Record>> {
        let mut writer = lock(&self.writer);
        match &mut *writer {
            Mode::Prepared(Some(pending)) => {
                pending.is_taken = true;
                Some(pending.overlay.records(&pending.tenant))
            }
            _ => None,
        }
    }

    /// Makes the write that waits visible: its records are kept. Whether there was one.
    ///
    /// Errors: `closed`.
    pub fn commit_pending(&self) -> Result<bool> {
        let _entered = Entered::new(self)?;
        let mut writer = lock(&self.writer);
        self.read_state().check_open()?;
        let pending = match &mut *writer {
            Mode::Prepared(pending) => pending.take(),
            _ => None,
        };
        let Some(pending) = pending else {
            return Ok(false);
        };
        self.commit(&pending.tenant, pending.overlay);
        Ok(true)
    }

    /// Drops the write that waits: its records were not kept, and nothing happened. Whether there was one.
    pub fn abort_pending(&self) -> bool {
        match &mut *lock(&self.writer) {
            Mode::Prepared(pending) => pending.take().is_some(),
            _ => false,
        }
    }

    /// Applies records that are kept already, in their order: all of them at opening, or those that another process or tab has kept
    /// since. No keeper is called. Readers see none of them or all.
    ///
    /// Errors: `corrupted` for a damaged record, `unsupported_schema` for one of a newer version or another program: the records before
    /// it are applied, so the backend is to be dropped. `busy` while a write waits to be kept; `closed`.
    pub fn load(&self, records: impl IntoIterator<Item = Record>) -> Result<()> {
        self.load_each(&mut records.into_iter())
    }

    fn load_each(&self, records: &mut dyn Iterator<Item = Record>) -> Result<()> {
        let _entered = Entered::new(self)?;
        let writer = lock(&self.writer);
        writer.check_ready()?;
        let mut state = self.write_state();
        state.check_open()?;
        for record in records {
            let (tenant, change) = decode::decode(&record)?;
            if let Some(tables) = state.tenants.get_mut(&tenant) {
                change.apply(record.key(), tables)?;
            } else {
                let tables = state.tenants.or_default(&Arc::from(tenant));
                change.apply(record.key(), tables)?;
            }
        }
        Ok(())
    }

    /// Hands out every row as a record, all tenants, in order of their keys: what a keeper needs to write itself anew. Stops at an error and
    /// returns it. A write that waits to be kept is not among them.
    pub fn snapshot_records(&self, each: &mut dyn FnMut(Record) -> Result<()>) -> Result<()> {
        let _entered = Entered::new(self)?;
        let state = self.read_state();
        state.check_open()?;
        for (tenant, tables) in state.tenants.iter() {
            encode::snapshot(tenant, tables, each)?;
        }
        Ok(())
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, tenant: &str, overlay: Overlay) {
        let mut state = self.write_state();
        match state.tenants.get_mut(tenant) {
            Some(tables) => overlay.apply(tables),
            None => overlay.apply(state.tenants.or_default(&Arc::from(tenant))),
        }
    }

    fn view(
        &self,
        tenant: &str,
        overlay: Overlay,
        work: &mut dyn FnMut(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<Overlay> {
        let state = self.read_state();
        state.check_open()?;
        let nothing;
        let tables = if let Some(tables) = state.tenants.get(tenant) {
            tables
        } else {
            nothing = Tables::default();
            &nothing
        };
        let mut transaction = Transaction::new(tables, overlay);
        work(&mut transaction)?;
        Ok(transaction.into_overlay())
    }

    fn reading(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let _entered = Entered::new(self)?;
        self.view(tenant, Overlay::default(), work).map(drop)
    }

    fn writing(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let _entered = Entered::new(self)?;
        let mut writer = lock(&self.writer);
        let before = writer.begin(tenant)?;
        let overlay = self.view(tenant, before, work)?;
        if overlay.is_nothing() {
            return Ok(());
        }
        if let Some(overlay) = writer.pass(tenant, overlay)? {
            self.commit(tenant, overlay);
        }
        Ok(())
    }
}

/// Numbers only: rows belong in no log.
impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").finish_non_exhaustive()
    }
}

/// What a transaction returned, carried out of its closure. The closure ran, so it is there.
fn outcome<T>(outcome: Option<T>) -> Result<T> {
    outcome.ok_or_else(|| Error::new(ErrorCode::Storage, "a transaction ended without an outcome"))
}

impl Backend for MemoryBackend {
    fn start_session(&self, tenant: &str, start: Arc<StartSession>) -> Result<Started> {
        let mut started = None;
        self.writing(tenant, &mut |transaction| {
            started = Some(transaction.start_session(&start)?);
            Ok(())
        })?;
        outcome(started)
    }

    fn append(&self, tenant: &str, append: Arc<Append>) -> Result<Appended> {
        let mut appended = None;
        self.writing(tenant, &mut |transaction| {
            appended = Some(transaction.append(&append)?);
            Ok(())
        })?;
        outcome(appended)
    }

    fn append_each(&self, appends: Vec<WaitingAppend>) -> Vec<Result<Appended>> {
        let one = |it: WaitingAppend| self.append(&it.tenant, it.append);
        appends.into_iter().map(one).collect()
    }

    fn has_one_writer(&self) -> bool {
        true
    }

    fn session(&self, tenant: &str, lookup: Lookup<'_>) -> Result<Option<SessionRow>> {
        let mut found = None;
        self.reading(tenant, &mut |transaction| {
            found = transaction.session(lookup)?;
            Ok(())
        })?;
        Ok(found)
    }

    fn message_count(&self, tenant: &str, session_id: &str) -> Result<Option<u64>> {
        let mut found = None;
        self.reading(tenant, &mut |transaction| {
            found = transaction.row(session_id).map(|row| row.message_count);
            Ok(())
        })?;
        Ok(found)
    }

    fn sessions(&self, tenant: &str, filter: &SessionFilter) -> Result<Vec<SessionRow>> {
        let mut found = Vec::new();
        self.reading(tenant, &mut |transaction| {
            found = transaction.sessions(filter)?;
            Ok(())
        })?;
        Ok(found)
    }

    fn messages(
        &self,
        tenant: &str,
        session_id: &str,
        filter: &MessageFilter,
    ) -> Result<Option<Vec<Message>>> {
        let mut found = None;
        self.reading(tenant, &mut |transaction| {
            found = transaction.messages(session_id, filter)?;
            Ok(())
        })?;
        Ok(found)
    }

    fn read(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn ReadTransaction) -> Result<()>,
    ) -> Result<()> {
        self.reading(tenant, &mut |transaction| work(transaction))
    }

    fn write(&self, tenant: &str, mut work: WriteWork) -> Result<()> {
        self.writing(tenant, &mut |transaction| work(transaction))
    }

    fn write_alone(
        &self,
        tenant: &str,
        work: &mut dyn FnMut(&mut dyn WriteTransaction) -> Result<()>,
    ) -> Result<()> {
        self.writing(tenant, &mut |transaction| work(transaction))
    }

    /// Complete where nothing is kept: deleted rows are gone from memory. What a keeper keeps, it alone can erase.
    fn erase(&self) -> Result<Erasure> {
        let _entered = Entered::new(self)?;
        let writer = lock(&self.writer);
        self.read_state().check_open()?;
        Ok(match &*writer {
            Mode::Plain => Erasure::Complete,
            Mode::Kept(_) | Mode::Prepared(_) => Erasure::Pending {
                reason: "the rows are kept outside of memory, where the keeper must erase them"
                    .to_owned(),
            },
        })
    }

    fn check(&self) -> Result<Vec<String>> {
        let _entered = Entered::new(self)?;
        let state = self.read_state();
        state.check_open()?;
        let mut problems = Vec::new();
        for tables in state.tenants.values() {
            problems.append(&mut check::problems(tables));
        }
        Ok(problems)
    }

    fn backup(&self, _path: &Path) -> Result<()> {
        let _entered = Entered::new(self)?;
        self.read_state().check_open()?;
        Err(Error::new(
            ErrorCode::Unsupported,
            "a store in memory has no files to back up; write an archive with export_archive",
        ))
    }

    /// Nothing: there are no files.
    fn size(&self) -> Result<Option<u64>> {
        let _entered = Entered::new(self)?;
        self.read_state().check_open()?;
        Ok(None)
    }

    /// Frees the rows. A write that waits to be kept is dropped.
    fn close(&self) -> Result<()> {
        let _entered = Entered::new(self)?;
        let mut writer = lock(&self.writer);
        if let Mode::Prepared(pending) = &mut *writer {
            *pending = None;
        }
        *self.write_state() = State {
            tenants: Table::default(),
            is_closed: true,
        };
        Ok(())
    }
}
