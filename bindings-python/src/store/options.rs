//! How a store is opened.

use std::sync::Arc;
use std::time::Duration;

use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::{IdScheme, PreviewRule, StoreOptions};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::maintenance::path_of;
use super::{SLICE, Store, patiently};
use crate::clock::{CallableClock, Wait};
use crate::error;
use crate::id::CallableIds;
use crate::text::{Text, Texts};

const WAIT_LIMIT: Duration = Duration::from_secs(30);

#[pymethods]
impl Store {
    /// Opens an SQLite file; makes it and missing folders where there is none, readable by their owner alone; migrates it where an older
    /// version wrote it.
    ///
    /// Args:
    ///     path: Where the file is, as str or os.PathLike. A leading ~ stands for the home folder. Never read as a URI.
    ///     tenant: Whose data it is: 1 to 128 bytes. The store sees and writes nothing of another tenant.
    ///     ids: How ids of new sessions are made: "uuid7", "uuid4", "timestamp" (YYYY-MM-DD-HHMM-SSS), or a callable that is given the
    ///         operation's time and gives a str.
    ///     clock: A callable without arguments that gives an aware datetime. Default: the machine's clock. Neither it nor the id source may
    ///         call the store.
    ///     roles: Roles to accept besides user, assistant, model, system, developer and tool.
    ///     preview: Which message a session's preview is taken from: "first_spoken" (not system or developer) or "first".
    ///     durability: What an acknowledged write survives: "full", a power cut; "normal", the end of the process, while a power cut may lose
    ///         the last seconds.
    ///     wait_limit: How long an operation waits for others before it raises busy: a timedelta, or seconds.
    ///
    /// Errors: permission_denied, read_only; corrupted where the file is no SQLite file; unsupported_schema where a newer version or another
    /// program made it; invalid_argument.
    ///
    ///     store = Store.open("~/.myagent/sessions.db", ids="uuid4")
    #[staticmethod]
    #[pyo3(
        signature = (path, *, tenant=Text("default".to_owned()), ids=None, clock=None, roles=Texts::default(), preview=None,
            durability=None, wait_limit=Wait(WAIT_LIMIT), _lock_guard=true),
        text_signature = "(path, *, tenant='default', ids='uuid7', clock=None, roles=(), preview='first_spoken', durability='full', wait_limit=30.0)"
    )]
    #[allow(clippy::too_many_arguments, reason = "named arguments")]
    #[allow(
        clippy::used_underscore_binding,
        reason = "an argument for tests alone, called so in Python too"
    )]
    fn open(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        tenant: Text,
        ids: Option<Bound<'_, PyAny>>,
        clock: Option<Bound<'_, PyAny>>,
        roles: Texts,
        preview: Option<Text>,
        durability: Option<Text>,
        wait_limit: Wait,
        _lock_guard: bool,
    ) -> PyResult<Self> {
        let path = path_of(path)?;
        let mut sqlite = SqliteOptions::new().wait_limit(wait_limit.0.min(SLICE));
        sqlite = match durability
            .as_ref()
            .map_or("full", |durability| &durability.0)
        {
            "full" => sqlite.durability(Durability::Full),
            "normal" => sqlite.durability(Durability::Normal),
            _ => return Err(error::invalid(py, "durability is \"full\" or \"normal\"")),
        };
        if !_lock_guard {
            sqlite = sqlite.without_lock_guard();
        }
        let options = options(py, tenant, ids, clock, roles, preview)?;
        let backend = patiently(py, wait_limit.0, || {
            SqliteBackend::open(&path, sqlite.clone())
        })?;
        let inner = py
            .detach(|| options.with_backend(Arc::new(backend)))
            .map_err(|e| error::raised(py, &e))?;
        Ok(Self::new(
            inner,
            wait_limit.0,
            Some(std::path::absolute(&path).unwrap_or(path)),
        ))
    }

    /// Opens a new, empty store in memory. It is gone when nothing refers to it any more.
    ///
    /// Args:
    ///     tenant, ids, clock, roles, preview: As for open.
    ///
    /// Errors: invalid_argument.
    ///
    ///     with Store.in_memory() as store:
    ///         session = store.create_session(scope="test")
    #[staticmethod]
    #[pyo3(
        signature = (*, tenant=Text("default".to_owned()), ids=None, clock=None, roles=Texts::default(), preview=None),
        text_signature = "(*, tenant='default', ids='uuid7', clock=None, roles=(), preview='first_spoken')"
    )]
    fn in_memory(
        py: Python<'_>,
        tenant: Text,
        ids: Option<Bound<'_, PyAny>>,
        clock: Option<Bound<'_, PyAny>>,
        roles: Texts,
        preview: Option<Text>,
    ) -> PyResult<Self> {
        let inner = options(py, tenant, ids, clock, roles, preview)?
            .in_memory()
            .map_err(|e| error::raised(py, &e))?;
        Ok(Self::new(inner, WAIT_LIMIT, None))
    }
}

fn options(
    py: Python<'_>,
    tenant: Text,
    ids: Option<Bound<'_, PyAny>>,
    clock: Option<Bound<'_, PyAny>>,
    roles: Texts,
    preview: Option<Text>,
) -> PyResult<StoreOptions> {
    let mut options = StoreOptions::new().tenant(tenant.0).roles(roles.0);
    if let Some(ids) = ids {
        options = if ids.is_callable() {
            options.ids(CallableIds(ids.unbind()))
        } else {
            let name = ids
                .cast::<PyString>()
                .ok()
                .and_then(|name| name.to_str().ok());
            let scheme = name.and_then(IdScheme::from_name).ok_or_else(|| {
                error::invalid(
                    py,
                    "ids is \"uuid7\", \"uuid4\", \"timestamp\" or a callable that is given a datetime and gives a str",
                )
            })?;
            options.id_scheme(scheme)
        };
    }
    if let Some(clock) = clock {
        if !clock.is_callable() {
            return Err(error::invalid(
                py,
                "clock is a callable without arguments that gives an aware datetime",
            ));
        }
        options = options.clock(CallableClock(clock.unbind()));
    }
    let preview = preview
        .as_ref()
        .map_or("first_spoken", |preview| &preview.0);
    match preview {
        "first_spoken" => Ok(options.preview(PreviewRule::FirstSpoken)),
        "first" => Ok(options.preview(PreviewRule::First)),
        _ => Err(error::invalid(
            py,
            "preview is \"first_spoken\" or \"first\"",
        )),
    }
}
