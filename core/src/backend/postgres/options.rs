//! How a backend is connected.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// More than a server has for all its clients, as a rule. (The pool makes room for all of them at once.)
const MOST_CONNECTIONS: usize = 1_000;

/// Options for connecting to PostgreSQL.
///
/// ```
/// use std::time::Duration;
/// use convostore::backend::postgres::PostgresOptions;
/// let options = PostgresOptions::new().schema("agents").wait_limit(Duration::from_secs(5)).max_connections(8);
/// ```
#[derive(Clone)]
pub struct PostgresOptions {
    pub(super) schema: String,
    pub(super) wait_limit: Duration,
    pub(super) max_connections: usize,
    pub(super) prepared_statements: bool,
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) migrate: bool,
    pub(super) read_url: Option<String>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "convostore".to_owned(),
            wait_limit: Duration::from_secs(30),
            max_connections: 16,
            prepared_statements: true,
            root_certificates: None,
            migrate: true,
            read_url: None,
        }
    }
}

impl PostgresOptions {
    /// The defaults: schema `convostore`, 16 connections, 30 s, prepared statements, the machine's root certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// The schema that holds the tables: lower-case letters, digits and `_`, 1 to 63 of them, not beginning with a digit. Made
    /// where it is missing. Default: `convostore`.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// How long an operation waits for others, or for the server to come back, before it fails. Default: 30 s.
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = limit;
        self
    }

    /// The most connections that are open at once. Each running operation holds one. From 1 to 1,000; default: 16.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Whether statements are prepared once for each connection. Turn it off behind a pooler that gives each transaction another server
    /// connection, as PgBouncer does in transaction mode (before its version 1.21, or where `max_prepared_statements` is 0): statements are
    /// then parsed anew each time, still in one flush. Default: on.
    pub fn prepared_statements(mut self, prepared: bool) -> Self {
        self.prepared_statements = prepared;
        self
    }

    /// A PEM file of the certificates that the server's has to descend from, instead of the machine's.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificates = Some(path.into());
        self
    }

    /// Whether the schema is made and migrated where it is older than this version. Off, it must be there: for roles that may
    /// not create tables. Default: on.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// The URL of a replica, for reads: a standby that follows the server by streaming replication, or several (`host=a,b`), or a pooler before
    /// them. Default: none, all is read where it is written.
    ///
    /// Sessions, messages, contexts, lifecycles and `stats` are then read there, **as they were a moment ago**: as far back as the replica is behind. A
    /// session that was just created may not be found yet. [`Store::on_primary`](crate::Store::on_primary) gives a handle that reads what was
    /// written. Writes, and what they look at, `export_archive`, `check` and `cleanup_sessions` never use the replica. Where it cannot be asked, or is
    /// behind a migration, the primary is.
    ///
    /// Its user, TLS and `max_connections` are as those of the primary: each server gets a pool of its own.
    pub fn read_url(mut self, url: impl Into<String>) -> Self {
        self.read_url = Some(url.into());
        self
    }

    pub(crate) fn has_read_url(&self) -> bool {
        self.read_url.is_some()
    }

    pub(super) fn check(&self) -> Result<()> {
        let mut bytes = self.schema.bytes();
        let begins = bytes
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !begins || !goes_on || self.schema.len() > 63 || self.schema.starts_with("pg_") {
            return Err(Error::invalid(
                "the schema's name must be 1 to 63 lower-case letters, digits and _, not begin with a digit, nor with pg_",
            )
            .with("argument", "schema"));
        }
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            return Err(Error::invalid(format!(
                "max_connections must be from 1 to {MOST_CONNECTIONS}"
            ))
            .with("argument", "max_connections"));
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("wait_limit", &self.wait_limit)
            .field("max_connections", &self.max_connections)
            .field("prepared_statements", &self.prepared_statements)
            .field("has_read_url", &self.has_read_url())
            .finish_non_exhaustive()
    }
}
