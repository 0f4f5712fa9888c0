//! Where the server is, and schemas that nobody else uses.

use std::sync::atomic::{AtomicU64, Ordering};

use convostore::backend::postgres::{PostgresBackend, PostgresOptions};

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

/// A schema's name that this run has not used.
pub(crate) fn schema() -> String {
    let n = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("test_{}_{}_{n}", time.as_millis(), std::process::id())
}

pub(crate) fn options(schema: &str) -> PostgresOptions {
    PostgresOptions::new().schema(schema).max_connections(12)
}

pub(crate) fn connect(url: &str, schema: &str) -> PostgresBackend {
    PostgresBackend::connect(url, &options(schema)).unwrap()
}
