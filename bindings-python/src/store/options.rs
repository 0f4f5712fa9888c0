//! How a store is opened.

use std::sync::Arc;
use std::time::Duration;

use convostore::backend::postgres::PostgresOptions;
use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::{IdScheme, PreviewRule, StoreOptions};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::maintenance::{of_a_path, path_of};
use super::{Place, Store, url};
use crate::clock::{CallableClock, Wait};
use crate::error;
use crate::id::CallableIds;
use crate::text::{Count, Text, Texts};
use crate::wanted::detached;

const WAIT_LIMIT: Duration = Duration::from_secs(30);

#[pymethods]
impl Store {
    /// Opens an SQLite file, or a PostgreSQL database by its URL. Makes the file, missing folders, tables where there are none; migrates what an older
    /// version wrote. Files are readable by their owner alone.
    ///
    /// Args:
    ///     path: Where the file is, as str or os.PathLike. A leading ~ stands for the home folder. Or, as str,
    ///         "postgresql://user:password@host:port/database?sslmode=require"; no other kind of URL is understood.
    ///     tenant: Whose data it is: 1 to 128 bytes. The store sees and writes nothing of another tenant.
    ///     ids: How ids of new sessions are made: "uuid7", "uuid4", "timestamp" (YYYY-MM-DD-HHMM-SSS), or a callable that is given the
    ///         operation's time and gives a str.
    ///     clock: A callable without arguments that gives an aware datetime. Default: the machine's clock. Neither it nor the id source may
    ///         call the store.
    ///     roles: Roles to accept besides user, assistant, model, system, developer and tool.
    ///     preview: Which message a session's preview is taken from: "first_spoken" (not system or developer) or "first".
    ///     wait_limit: How long an operation waits for others before it raises busy: a timedelta, or seconds.
    ///     durability: SQLite: what an acknowledged write survives: "full", a power cut; "normal", the end of the process, while a power cut
    ///         may lose the last seconds. Default: "full". (PostgreSQL's synchronous_commit is the server's or the role's setting.)
    ///     read_url: PostgreSQL: the URL of a replica that is read at, as it was a moment ago; see on_primary. Default: all is read where it is
    ///         written.
    ///     schema: PostgreSQL: the schema of the tables. Default: "convostore".
    ///     max_connections: PostgreSQL: the most connections at once, each used by one operation at a time. Default: 16.
    ///     prepared_statements: PostgreSQL: False behind PgBouncer in transaction mode before its version 1.21. Default: True.
    ///     root_certificates: PostgreSQL: a PEM file of the certificates to trust instead of the machine's.
    ///     migrate: PostgreSQL: False for a role that may not create tables; they must be there. Default: True.
    ///
    /// Errors: permission_denied, read_only; corrupted where the file is no SQLite file; unsupported_schema where a newer version or another
    /// program made it; storage where the server is not there; invalid_argument, also for an option that does not fit the kind of store. No
    /// error repeats a URL.
    ///
    ///     store = Store.open("~/.myagent/sessions.db", ids="uuid4")
    ///     store = Store.open("postgresql://agent@db.example/agents?sslmode=require", tenant="acme")
    #[staticmethod]
    #[pyo3(
        signature = (path, *, tenant=Text("default".to_owned()), ids=None, clock=None, roles=Texts::default(), preview=None,
            wait_limit=Wait(WAIT_LIMIT), durability=None, read_url=None, schema=None, max_connections=None, prepared_statements=None,
            root_certificates=None, migrate=None, _lock_guard=None),
        text_signature = "(path, *, tenant='default', ids='uuid7', clock=None, roles=(), preview='first_spoken', wait_limit=30.0, durability=None, read_url=None, schema=None, max_connections=None, prepared_statements=None, root_certificates=None, migrate=None)"
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
        wait_limit: Wait,
        durability: Option<Text>,
        read_url: Option<Text>,
        schema: Option<Text>,
        max_connections: Option<Count>,
        prepared_statements: Option<bool>,
        root_certificates: Option<Bound<'_, PyAny>>,
        migrate: Option<bool>,
        _lock_guard: Option<bool>,
    ) -> PyResult<Self> {
        let of_sqlite = OfSqlite {
            durability,
            lock_guard: _lock_guard,
        };
        let of_postgres = OfPostgres {
            read_url,
            schema,
            max_connections,
            prepared_statements,
            root_certificates,
            migrate,
        };
        let options = options(py, tenant, ids, clock, roles, preview)?;
        match url_in(path)? {
            Some(url) => {
                of_sqlite.refuse(py)?;
                let postgres = of_postgres.options(wait_limit.0)?;
                let inner = detached(py, || options.postgres(postgres).connect(&url))?;
                Ok(Self::new(inner, Place::Postgres))
            }
            None => {
                of_postgres.refuse(py)?;
                let sqlite = of_sqlite.options(py, wait_limit.0)?;
                let path = path_of(path)?;
                let inner = detached(py, || {
                    let backend = SqliteBackend::open(&path, sqlite)?;
                    options.with_backend(Arc::new(backend))
                })?;
                let path = std::path::absolute(&path).unwrap_or(path);
                Ok(Self::new(inner, Place::File(path)))
            }
        }
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
        Ok(Self::new(inner, Place::Memory))
    }
}

/// The URL of a PostgreSQL database, if it is one. What is neither that nor a path is refused, without a word of it.
fn url_in(path: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = path.py();
    let Ok(text) = path.cast::<PyString>() else {
        let text = of_a_path(path)?;
        let text = text.to_string_lossy();
        if url::is_of_postgres(&text) || url::is_mistaken(&text) {
            return Err(error::invalid(
                py,
                "a URL is given as str; as a path it would be that of a file",
            ));
        }
        return Ok(None);
    };
    // A path may hold what is not Unicode, a URL may not.
    let is_unicode = text.to_str().is_ok();
    let text = text.to_string_lossy();
    if url::is_of_postgres(&text) {
        return if is_unicode {
            Ok(Some(text.into_owned()))
        } else {
            Err(error::invalid(py, "the URL holds a lone surrogate"))
        };
    }
    if text == ":memory:" {
        return Err(error::invalid(
            py,
            "Store.in_memory() makes a store in memory; for a file of that name give \"./:memory:\"",
        ));
    }
    if url::is_mistaken(&text) {
        return Err(error::invalid(
            py,
            "the only URLs that are understood begin with postgresql:// or postgres://, with nothing before; an SQLite file is given by its path",
        ));
    }
    Ok(None)
}

/// The arguments that are for SQLite alone.
struct OfSqlite {
    durability: Option<Text>,
    lock_guard: Option<bool>,
}

impl OfSqlite {
    fn refuse(&self, py: Python<'_>) -> PyResult<()> {
        let given = [
            ("durability", self.durability.is_some()),
            ("_lock_guard", self.lock_guard.is_some()),
        ];
        refuse(py, &given, "an SQLite file")
    }

    fn options(&self, py: Python<'_>, wait_limit: Duration) -> PyResult<SqliteOptions> {
        let durability = match self.durability.as_ref().map(|text| text.0.as_str()) {
            None | Some("full") => Durability::Full,
            Some("normal") => Durability::Normal,
            Some(_) => return Err(error::invalid(py, "durability is \"full\" or \"normal\"")),
        };
        let options = SqliteOptions::new()
            .wait_limit(wait_limit)
            .durability(durability);
        Ok(if self.lock_guard == Some(false) {
            options.without_lock_guard()
        } else {
            options
        })
    }
}

/// The arguments that are for PostgreSQL alone.
struct OfPostgres<'py> {
    read_url: Option<Text>,
    schema: Option<Text>,
    max_connections: Option<Count>,
    prepared_statements: Option<bool>,
    root_certificates: Option<Bound<'py, PyAny>>,
    migrate: Option<bool>,
}

impl OfPostgres<'_> {
    fn refuse(&self, py: Python<'_>) -> PyResult<()> {
        let given = [
            ("read_url", self.read_url.is_some()),
            ("schema", self.schema.is_some()),
            ("max_connections", self.max_connections.is_some()),
            ("prepared_statements", self.prepared_statements.is_some()),
            ("root_certificates", self.root_certificates.is_some()),
            ("migrate", self.migrate.is_some()),
        ];
        refuse(py, &given, "a PostgreSQL database")
    }

    fn options(self, wait_limit: Duration) -> PyResult<PostgresOptions> {
        let mut options = PostgresOptions::new().wait_limit(wait_limit);
        if let Some(url) = self.read_url {
            options = options.read_url(url.0);
        }
        if let Some(schema) = self.schema {
            options = options.schema(schema.0);
        }
        if let Some(connections) = self.max_connections {
            options = options.max_connections(connections.size());
        }
        if let Some(prepared) = self.prepared_statements {
            options = options.prepared_statements(prepared);
        }
        if let Some(path) = self.root_certificates {
            options = options.root_certificates(path_of(&path)?);
        }
        if let Some(migrate) = self.migrate {
            options = options.migrate(migrate);
        }
        Ok(options)
    }
}

/// Refuses what was given and does not fit.
fn refuse(py: Python<'_>, given: &[(&str, bool)], what_for: &str) -> PyResult<()> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(error::invalid(
            py,
            &format!("{name} is an option of {what_for} alone; leave it out here"),
        )),
        None => Ok(()),
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
