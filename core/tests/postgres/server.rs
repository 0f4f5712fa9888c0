//! Where the server is, schemas that nobody else uses, and SQL past the backend.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use convostore::backend::postgres::{PostgresBackend, PostgresOptions};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

static SCHEMAS: AtomicU64 = AtomicU64::new(0);

/// The URL of the server to test on. `CONVOSTORE_SKIP_POSTGRES=1` skips, aloud.
pub(crate) fn url() -> Option<String> {
    if let Ok(url) = std::env::var("CONVOSTORE_TEST_POSTGRES_URL") {
        return Some(url);
    }
    assert!(
        std::env::var_os("CONVOSTORE_SKIP_POSTGRES").is_some(),
        "no PostgreSQL to test on: run this under scripts/postgres.sh, or set CONVOSTORE_TEST_POSTGRES_URL, or CONVOSTORE_SKIP_POSTGRES=1"
    );
    eprintln!("PostgreSQL was SKIPPED");
    None
}

/// The folder of the server's socket, for tests that stand in between.
pub(crate) fn socket_folder(url: &str) -> Option<PathBuf> {
    let config: Config = url.parse().unwrap();
    if let [Host::Unix(folder)] = config.get_hosts() {
        return Some(folder.clone());
    }
    eprintln!("SKIPPED: the server is not on a socket");
    None
}

/// The same database through a socket in another folder.
pub(crate) fn through(url: &str, folder: &std::path::Path) -> String {
    let config: Config = url.parse().unwrap();
    format!(
        "host={} user={} dbname={}",
        folder.display(),
        config.get_user().unwrap(),
        config.get_dbname().unwrap()
    )
}

/// A schema's name that this run has not used.
pub(crate) fn schema() -> String {
    let n = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("test_{}_{}_{n}", time.as_millis(), std::process::id())
}

/// `CONVOSTORE_TEST_POSTGRES_UNPREPARED=1` where the URL leads through PgBouncer in transaction mode.
pub(crate) fn is_pooled() -> bool {
    std::env::var_os("CONVOSTORE_TEST_POSTGRES_UNPREPARED").is_some()
}

pub(crate) fn options(schema: &str) -> PostgresOptions {
    PostgresOptions::new()
        .schema(schema)
        .max_connections(12)
        .prepared_statements(!is_pooled())
}

pub(crate) fn connect(url: &str, schema: &str) -> PostgresBackend {
    PostgresBackend::connect(url, &options(schema)).unwrap()
}

/// A connection past the backend.
pub(crate) struct Sql {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Sql {
    pub(crate) fn connect(url: &str) -> Self {
        Self::try_connect(&url.parse().unwrap()).unwrap()
    }

    pub(crate) fn try_connect(config: &Config) -> Result<Self, tokio_postgres::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            Ok::<_, tokio_postgres::Error>(client)
        })?;
        Ok(Self { runtime, client })
    }

    /// The first column of all rows, or the SQLSTATE.
    pub(crate) fn run(&self, sql: &str) -> Result<Vec<String>, String> {
        let answered = self.runtime.block_on(self.client.simple_query(sql));
        let messages =
            answered.map_err(|e| e.code().map_or("lost", |state| state.code()).to_owned())?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(rows.collect())
    }
}
