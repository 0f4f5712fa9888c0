//! The store: every public operation. Each reads the clock once, applies the rules, and speaks to the backend in rows.

mod archive;
mod check;
mod cleanup;
mod contexts;
mod guard;
mod lifecycles;
mod maintenance;
pub(crate) mod messages;
mod options;
mod sessions;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod together;

use std::fmt;
use std::sync::{Arc, Mutex};

pub use cleanup::CleanupSteps;
pub use options::StoreOptions;
pub use stream::MessageStream;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use together::PreparedSave;

use crate::backend::{Backend, ReadTransaction, WriteTransaction};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorCode, Result};
use crate::id::IdSource;
use crate::model::Lifecycle;
use crate::ordered::Table;
use crate::rules::roles::Roles;
use crate::rules::{PreviewRule, limits};

/// A store of sessions and their messages, opened for one tenant.
///
/// Cheap to clone; clones share everything, [`Store::close`] included. `Send + Sync`: any thread may use it. Many stores, threads
/// and processes may have the same SQLite file open at once.
///
/// Errors that every operation may return, besides those it names: `closed`, `busy` (after the wait limit), `read_only`,
/// `disk_full`, `corrupted`, `lock_lost`, `forked`, `reentrant` and `storage`. An operation that returns an error has changed nothing, but for
/// `unknown_outcome`: the connection died, or the disk failed, in the midst of the commit.
///
/// ```
/// use convostore::{MessageQuery, NewMessage, NewSession, Role, Store};
/// let folder = tempfile::tempdir()?;
/// let store = Store::open(folder.path().join("sessions.db"))?;
/// let session = store.get_or_create_session(NewSession::new().scope("C042").key("1718.55"))?;
/// store.save_message(&session.id, NewMessage::new(Role::USER, "The app crashes on start."))?;
/// store.save_message(&session.id, NewMessage::new(Role::ASSISTANT, "Since which version?"))?;
/// let history = store.get_messages(&session.id, MessageQuery::new().last(20))?;
/// assert_eq!(history[0].content.as_text().as_deref(), Some("The app crashes on start."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    /// What reads on which no write depends are asked of: the same backend, or one that may answer with what was so a moment ago.
    reader: Arc<dyn Backend>,
    tenant: String,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    roles: Roles,
    preview: PreviewRule,
    /// Definitions never change, so one that was read once need not be read again.
    lifecycles: Mutex<Table<Arc<Lifecycle>>>,
}

/// How ids are made.
enum Ids {
    Source(Box<dyn IdSource>),
    /// Made of the time, with a way on where one is taken: see [`crate::rules::ids`].
    Timestamp,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.inner.backend)
            .field("tenant", &self.inner.tenant)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the SQLite file at `path` with the default options, makes it and missing folders where there is none, and
    /// migrates it where it is of an older version.
    ///
    /// Errors: `permission_denied` or `read_only` with the path, `corrupted` where it is no SQLite file,
    /// `unsupported_schema` where a newer version or another program made it.
    #[cfg(all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self> {
        StoreOptions::new().open(path)
    }

    /// Connects to the PostgreSQL database at `url`, `postgresql://user:password@host:port/database`, with the default options, and makes or
    /// migrates its schema where it is missing or older. Every program that connects to the same database and schema shares the store.
    ///
    /// Errors: `invalid_argument` for the URL, which the error does not repeat; `permission_denied`; `storage` where there is no server;
    /// `unsupported_schema` where a newer version made the schema.
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn connect(url: &str) -> Result<Self> {
        StoreOptions::new().connect(url)
    }

    /// Opens a new, empty store in memory with the default options. It is gone with its last clone.
    pub fn in_memory() -> Result<Self> {
        StoreOptions::new().in_memory()
    }

    /// A store for another tenant on the same backend, with the same clock, ids, roles and preview rule: for servers with many
    /// tenants. Closing one closes all.
    ///
    /// Errors: `invalid_argument` where the tenant is empty, longer than 128 bytes or holds NUL.
    pub fn for_tenant(&self, tenant: impl Into<String>) -> Result<Self> {
        let tenant = tenant.into();
        limits::check("tenant", &tenant, 1, limits::TENANT)?;
        Ok(Self {
            inner: Arc::new(Inner {
                tenant,
                ..self.inner.shared()
            }),
        })
    }

    /// A handle on the same store that reads what was written, where this one reads at a replica (`PostgresOptions::read_url`) and may see what
    /// was so a moment ago. For reads that have to see a write, of whichever handle or process. Where there is no replica it is the same as a clone.
    pub fn on_primary(&self) -> Self {
        Self {
            inner: Arc::new(Inner {
                reader: Arc::clone(&self.inner.backend),
                ..self.inner.shared()
            }),
        }
    }

    /// The tenant that the store was opened for.
    pub fn tenant(&self) -> &str {
        &self.inner.tenant
    }

    /// The roles that this store accepts: the built-in ones and those declared when it was opened.
    pub fn roles(&self) -> Vec<crate::model::Role> {
        self.inner.roles.all()
    }

    /// Closes the store and all its clones: what runs is completed, everything after is `closed`. A second call does nothing.
    pub fn close(&self) -> Result<()> {
        let _entered = guard::enter(&self.inner.backend)?;
        self.inner.backend.close()
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Enters an operation: it ends with the guard. Fails where this thread is inside an operation of the same backend already.
    fn enter(&self) -> Result<(guard::Entered, &dyn Backend, &str)> {
        let entered = guard::enter(&self.inner.backend)?;
        Ok((entered, &*self.inner.backend, &self.inner.tenant))
    }

    /// As [`Store::enter`], for a read on which no write depends: a replica may answer it.
    fn enter_reading(&self) -> Result<(guard::Entered, &dyn Backend, &str)> {
        let entered = guard::enter(&self.inner.backend)?;
        Ok((entered, &*self.inner.reader, &self.inner.tenant))
    }

    /// Whether [`Store::enter_reading`] may give what was so a moment ago.
    fn reads_the_past(&self) -> bool {
        !Arc::ptr_eq(&self.inner.reader, &self.inner.backend)
    }

    /// Runs `work` in a write transaction. It may run more than once, so it has no effect but its writes and its result.
    fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn WriteTransaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let output = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&output);
        self.inner.backend.write(
            &self.inner.tenant,
            Box::new(move |tx| {
                *crate::lock(&slot) = None;
                let result = work(tx)?;
                *crate::lock(&slot) = Some(result);
                Ok(())
            }),
        )?;
        let result = crate::lock(&output).take();
        result.ok_or_else(no_output)
    }

    /// Runs `work` in a read transaction.
    fn read<T>(&self, work: impl FnMut(&mut dyn ReadTransaction) -> Result<T>) -> Result<T> {
        read(&*self.inner.backend, &self.inner.tenant, work)
    }
}

impl Inner {
    /// All that handles on one store have in common.
    fn shared(&self) -> Self {
        Self {
            backend: Arc::clone(&self.backend),
            reader: Arc::clone(&self.reader),
            tenant: self.tenant.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            roles: self.roles.clone(),
            preview: self.preview,
            lifecycles: Mutex::default(),
        }
    }
}

/// Runs `work` in a read transaction of that backend.
fn read<T>(
    backend: &dyn Backend,
    tenant: &str,
    mut work: impl FnMut(&mut dyn ReadTransaction) -> Result<T>,
) -> Result<T> {
    let mut output = None;
    backend.read(tenant, &mut |tx| {
        output = Some(work(tx)?);
        Ok(())
    })?;
    output.ok_or_else(no_output)
}

fn no_output() -> Error {
    Error::new(
        ErrorCode::Storage,
        "the backend reported success for work that it did not run; this is a defect of the backend",
    )
}
