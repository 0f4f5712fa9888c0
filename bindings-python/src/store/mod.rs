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

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use convostore::{Error, ErrorCode};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

pub(crate) use stream::MessageStream;

use crate::error;
use crate::text::Text;

/// For how long a wait inside the core goes on before signals are looked at: a Ctrl-C is heard within this time.
pub(crate) const SLICE: Duration = Duration::from_millis(500);

/// How many forks lie between the first process and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Marks the stores that this process inherited: Python calls it in each child.
#[pyfunction]
#[pyo3(name = "_after_fork")]
pub(crate) fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Whether the interpreter is about to exit: nobody waits for others any longer.
static EXITING: AtomicBool = AtomicBool::new(false);

/// Ends waits for others within a slice: Python calls it at exit, before it joins the threads of `AsyncStore`.
#[pyfunction]
#[pyo3(name = "_at_exit")]
pub(crate) fn at_exit() {
    EXITING.store(true, Ordering::Relaxed);
}

/// A store of sessions and their messages, opened for one tenant: see `Store.open` and `Store.in_memory`.
///
/// Any thread may use it; the interpreter lock is released in every operation. Many stores, threads and processes may have the same
/// SQLite file open at once. Closed by `close()` or at the end of a `with` block:
///
///     with Store.open("~/.myagent/sessions.db") as store:
///         session = store.get_or_create_session(scope="C042", key="1718.55")
///         store.save_message(session.id, "user", "The app crashes on start.")
///         for message in store.get_messages(session.id, last=20):
///             print(message.role, message.content)
///
/// Errors that every operation may raise besides those it names, by their `code`: closed, busy (after the wait limit), read_only,
/// disk_full, corrupted, lock_lost, forked, reentrant, storage. An operation that raises has changed nothing.
///
/// A Ctrl-C during a wait for others is heard within half a second; the operation has then changed nothing. Work that has
/// begun is completed first.
#[pyclass(frozen, module = "convostore", weakref)]
pub(crate) struct Store {
    /// Taken only when this is dropped.
    inner: Option<convostore::Store>,
    wait_limit: Duration,
    /// Where the store's file is, if it has one.
    path: Option<PathBuf>,
    forks: u64,
}

impl Store {
    fn new(inner: convostore::Store, wait_limit: Duration, path: Option<PathBuf>) -> Self {
        Self {
            inner: Some(inner),
            wait_limit,
            path,
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    fn inner(&self) -> convostore::Result<&convostore::Store> {
        if self.forks != FORKS.load(Ordering::Relaxed) {
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

    /// Runs an operation with the interpreter lock released, again as long as others are in the way, until the wait limit.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&convostore::Store) -> convostore::Result<T> + Send + Sync,
    ) -> PyResult<T> {
        let inner = self.inner().map_err(|e| error::raised(py, &e))?;
        patiently(py, self.wait_limit, || work(inner))
    }

    /// Runs an operation that waits for nobody.
    fn run_once<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&convostore::Store) -> convostore::Result<T> + Send,
    ) -> PyResult<T> {
        let inner = self.inner().map_err(|e| error::raised(py, &e))?;
        detached(py, || work(inner))?.map_err(|e| error::raised(py, &e))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let inner = self.inner.take();
        // Closing the last handle on a file writes to it; nobody is to wait for that.
        let mut rest = Some(inner);
        Python::try_attach(|py| py.detach(|| drop(rest.take())));
    }
}

/// Runs work with the interpreter lock released; what unwinds out of it becomes an exception.
fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work)))
        .map_err(|payload| error::caught(py, payload))
}

/// Runs work that waits a slice at a time, until it is no longer `busy` or the limit is reached; looks at signals in between.
///
/// `busy` means that nothing was changed, so the work may be done again.
pub(crate) fn patiently<T: Send>(
    py: Python<'_>,
    limit: Duration,
    work: impl Fn() -> convostore::Result<T> + Send + Sync,
) -> PyResult<T> {
    let begun = Instant::now();
    loop {
        match detached(py, &work)? {
            Ok(value) => return Ok(value),
            Err(e)
                if e.code() == ErrorCode::Busy
                    && begun.elapsed() < limit
                    && !EXITING.load(Ordering::Relaxed) =>
            {
                py.check_signals()?;
            }
            Err(e) => return Err(error::raised(py, &e)),
        }
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
        let inner = self.run(py, |store| store.for_tenant(tenant.0.as_str()))?;
        Ok(Self::new(inner, self.wait_limit, self.path.clone()))
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
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tenant = crate::model::shown(&self.tenant().into_pyobject(py)?.into_any())?;
        let place = match &self.path {
            Some(path) => path.display().to_string(),
            None => "memory".to_owned(),
        };
        Ok(format!("<convostore.Store in {place}, tenant {tenant}>"))
    }

    fn __reduce__(_slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a store cannot be pickled or copied; open it anew where it is needed",
        ))
    }
}
