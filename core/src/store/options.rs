//! How a store is opened.

use std::fmt;
use std::sync::{Arc, Mutex};
#[cfg(all(
    feature = "sqlite",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
use std::{path::Path, time::Duration};

use super::{Ids, Inner, Store};
use crate::backend::Backend;
use crate::backend::memory::MemoryBackend;
#[cfg(all(
    feature = "postgres",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
use crate::backend::postgres::{PostgresBackend, PostgresOptions};
#[cfg(all(
    feature = "sqlite",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
use crate::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::id::{IdScheme, IdSource, UuidV4Source, UuidV7Source};
use crate::model::Role;
use crate::rules::roles::Roles;
use crate::rules::{PreviewRule, limits};

/// Options for opening a store.
///
/// ```
/// use convostore::{IdScheme, PreviewRule, StoreOptions};
/// let store = StoreOptions::new()
///     .tenant("acme")
///     .id_scheme(IdScheme::Timestamp)
///     .preview(PreviewRule::First)
///     .roles(["critic"])
///     .in_memory()?;
/// # Ok::<(), convostore::Error>(())
/// ```
pub struct StoreOptions {
    tenant: String,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    roles: Vec<Role>,
    preview: PreviewRule,
    #[cfg(all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    sqlite: SqliteOptions,
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    postgres: PostgresOptions,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            tenant: "default".to_owned(),
            clock: Arc::new(SystemClock),
            ids: ids_of(IdScheme::default()),
            roles: Vec::new(),
            preview: PreviewRule::default(),
            #[cfg(all(
                feature = "sqlite",
                not(all(target_family = "wasm", target_os = "unknown"))
            ))]
            sqlite: SqliteOptions::new(),
            #[cfg(all(
                feature = "postgres",
                not(all(target_family = "wasm", target_os = "unknown"))
            ))]
            postgres: PostgresOptions::new(),
        }
    }
}

fn ids_of(scheme: IdScheme) -> Arc<Ids> {
    Arc::new(match scheme {
        IdScheme::UuidV7 => Ids::Source(Box::new(UuidV7Source::new())),
        IdScheme::UuidV4 => Ids::Source(Box::new(UuidV4Source)),
        IdScheme::Timestamp => Ids::Timestamp,
    })
}

impl StoreOptions {
    /// The defaults: tenant `default`, the machine's clock, UUIDs version 7, the built-in roles; a SQLite file at durability full.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose data it is: 1 to 128 bytes, no NUL. The store sees and writes nothing of another tenant. Default: `default`.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = tenant.into();
        self
    }

    /// The clock. Default: the machine's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How the ids of new sessions are made. Default: UUIDs version 7.
    pub fn id_scheme(mut self, scheme: IdScheme) -> Self {
        self.ids = ids_of(scheme);
        self
    }

    /// The source of the ids of new sessions, instead of a scheme.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Arc::new(Ids::Source(Box::new(ids)));
        self
    }

    /// Roles to accept besides the built-in ones, 1 to 64 bytes each.
    pub fn roles<R: Into<Role>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Which message a session's preview is taken from. Default: the first spoken one.
    pub fn preview(mut self, rule: PreviewRule) -> Self {
        self.preview = rule;
        self
    }

    /// What an acknowledged write survives. Default: [`Durability::Full`], a power cut.
    #[cfg(all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.sqlite = self.sqlite.durability(durability);
        self
    }

    /// How long an operation waits for others before it fails with `busy`. Default: 30 s.
    #[cfg(all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.sqlite = self.sqlite.wait_limit(limit);
        self
    }

    /// Opens the SQLite file at `path`; see [`Store::open`].
    #[cfg(all(
        feature = "sqlite",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn open(mut self, path: impl AsRef<Path>) -> Result<Store> {
        let sqlite = std::mem::take(&mut self.sqlite);
        self.check()?;
        let backend = SqliteBackend::open(path, sqlite)?;
        self.with_backend(Arc::new(backend))
    }

    /// How [`StoreOptions::connect`] connects: schema, connections, wait limit.
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn postgres(mut self, options: PostgresOptions) -> Self {
        self.postgres = options;
        self
    }

    /// Connects to PostgreSQL; see [`Store::connect`].
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub fn connect(mut self, url: &str) -> Result<Store> {
        let postgres = std::mem::take(&mut self.postgres);
        self.check()?;
        let backend = PostgresBackend::connect(url, &postgres)?;
        let reader = Arc::new(backend.reading_at_replica());
        let backend: Arc<dyn Backend> = Arc::new(backend);
        if postgres.has_read_url() {
            self.with_reader(backend, reader)
        } else {
            self.with_backend(backend)
        }
    }

    /// Opens a new, empty store in memory.
    pub fn in_memory(self) -> Result<Store> {
        self.with_backend(Arc::new(MemoryBackend::new()))
    }

    /// Opens a store on a backend of your own, or on one that stores of other tenants use too.
    ///
    /// Errors: `invalid_argument` for a tenant or role that is empty, too long or holds NUL.
    pub fn with_backend(self, backend: Arc<dyn Backend>) -> Result<Store> {
        let reader = Arc::clone(&backend);
        self.with_reader(backend, reader)
    }

    pub(super) fn with_reader(
        self,
        backend: Arc<dyn Backend>,
        reader: Arc<dyn Backend>,
    ) -> Result<Store> {
        let roles = self.check()?;
        Ok(Store {
            inner: Arc::new(Inner {
                backend,
                reader,
                tenant: self.tenant,
                clock: self.clock,
                ids: self.ids,
                roles,
                preview: self.preview,
                lifecycles: Mutex::default(),
            }),
        })
    }

    fn check(&self) -> Result<Roles> {
        limits::check("tenant", &self.tenant, 1, limits::TENANT)?;
        Roles::new(self.roles.clone())
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("tenant", &self.tenant)
            .field("roles", &self.roles)
            .field("preview", &self.preview)
            .finish_non_exhaustive()
    }
}
