//! The store: every public operation, converted and called with the interpreter lock released.

mod archive;
mod check;
mod contexts;
mod lifecycles;
mod maintenance;
mod messages;
mod options;
mod sessions;
mod stream;
mod together;
mod url;

use std::path::PathBuf;

use convostore::{Error, ErrorCode};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

pub(crate) use stream::MessageStream;
pub(crate) use together::{Save, save_each};

use crate::error;
use crate::fork;
use crate::text::Text;
use crate::wanted::detached;

/// A store of sessions and their messages, opened for one tenant: see `Store.open` and `Store.in_memory`.
///
/// Any thread may use it; the interpreter lock is released in every operation. Many stores, threads and processes may have the same
/// SQLite file, or PostgreSQL database, open at once. Closed by `close()` or at the end of a `with` block:
///
///     with Store.open("~/.myagent/sessions.db") as store:
///         session = store.get_or_create_session(scope="C042", key="1718.55")
///         store.save_message(session.id, "user", "The app crashes on start.")
///         for message in store.get_messages(session.id, last=20):
///             print(message.role, message.content)
///
/// Errors that every operation may raise besides those it names, by their `code`: closed, busy (after the wait limit), read_only,
/// disk_full, corrupted, lock_lost, forked, reentrant, storage. An operation that raises has changed nothing, with two
/// exceptions: unknown_outcome, where the connection was lost, the disk failed or another SQLite interfered during the commit; and
/// cleanup_sessions, which keeps what it has deleted.
///
/// A Ctrl-C during a wait for others is heard within a quarter of a second; the operation has then changed nothing. Work that has
/// begun is completed first, and the interrupt comes after it.
#[pyclass(frozen, module = "convostore", weakref)]
pub(crate) struct Store {
    /// Taken only when this is dropped.
    inner: Option<convostore::Store>,
    place: Place,
    forks: u64,
}

/// Where a store keeps its rows.
#[derive(Clone)]
enum Place {
    Memory,
    File(PathBuf),
    /// Its URL is a secret, and so is not kept.
    Postgres,
}

impl Store {
    fn new(inner: convostore::Store, place: Place) -> Self {
        Self {
            inner: Some(inner),
            place,
            forks: fork::generation(),
        }
    }

    fn is_inherited(&self) -> bool {
        self.forks != fork::generation()
    }

    fn inner(&self) -> convostore::Result<&convostore::Store> {
        if self.is_inherited() {
            return Err(Error::new(
                ErrorCode::Forked,
                "the store was opened before this process was forked off; open it again",
            ));
        }
        self.inner.as_ref().ok_or_else(|| {
            Error::new(
                ErrorCode::Closed,
                "the store was closed; open it again to use it",
            )
        })
    }

    /// Runs an operation with the interpreter lock released.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&convostore::Store) -> convostore::Result<T> + Send,
    ) -> PyResult<T> {
        let inner = self.inner().map_err(|e| error::raised(py, &e))?;
        detached(py, || work(inner))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let inner = self.inner.take();
        if self.is_inherited() && matches!(self.place, Place::Postgres) {
            // The thread that speaks to the server did not come along, and the connections are the parent's.
            std::mem::forget(inner);
            return;
        }
        // Closing the last handle on a file writes to it; nobody is to wait for that.
        let mut rest = Some(inner);
        Python::try_attach(|py| py.detach(|| drop(rest.take())));
    }
}

#[pymethods]
impl Store {
    /// The tenant that the store was opened for.
    #[getter]
    fn tenant(&self) -> &str {
        self.inner.as_ref().map_or("", |store| store.tenant())
    }

    /// The roles that this store accepts: the built-in ones and those declared when it was opened.
    #[getter]
    fn roles(&self) -> crate::text::Texts {
        let roles = self.inner.as_ref().map(convostore::Store::roles);
        let roles = roles.unwrap_or_default();
        crate::text::Texts(roles.into_iter().map(String::from).collect())
    }

    /// A store for another tenant on the same file or memory, with the same clock, ids, roles and preview rule: for servers with many tenants.
    /// Closing one closes all.
    ///
    /// Args:
    ///     tenant: Whose data it is: 1 to 128 bytes, no NUL.
    ///
    /// Errors: invalid_argument.
    ///
    ///     acme = store.for_tenant("acme")
    fn for_tenant(&self, py: Python<'_>, tenant: Text) -> PyResult<Self> {
        let inner = self.run(py, |store| store.for_tenant(tenant.0))?;
        Ok(Self::new(inner, self.place.clone()))
    }

    /// A store on the same data that reads what was written, where this one reads at a replica (read_url) and may see what was so a moment ago: for
    /// reads that have to see a write, of whichever store or process. Without a replica it is the same. Closing one closes both.
    ///
    /// Errors: closed, forked.
    ///
    ///     store.on_primary().get_messages(session.id)
    fn on_primary(&self, py: Python<'_>) -> PyResult<Self> {
        let inner = self.inner().map_err(|e| error::raised(py, &e))?;
        Ok(Self::new(inner.on_primary(), self.place.clone()))
    }

    /// Closes the store, and with it those that for_tenant gave: what runs is completed, everything after raises ClosedError (code
    /// closed). A second call does nothing. A `with` block does it at its end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, convostore::Store::close)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if self.is_inherited() {
            return Ok(()); // the parent's to close; a child that leaves the block has its own way of ending
        }
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tenant = crate::model::shown(&self.tenant().into_pyobject(py)?.into_any())?;
        let place = match &self.place {
            Place::Memory => "memory".to_owned(),
            Place::File(path) => path.display().to_string(),
            Place::Postgres => "PostgreSQL".to_owned(),
        };
        Ok(format!("<convostore.Store in {place}, tenant {tenant}>"))
    }

    fn __reduce__(_slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a store cannot be pickled or copied; open it anew where it is needed",
        ))
    }
}
