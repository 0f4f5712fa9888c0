//! From a URL to a pool of connections.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::cancel::Canceller;
use super::options::PostgresOptions;
use super::tls;
use crate::error::{Error, ErrorCode, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A statement is planned once for each connection. Left to itself PostgreSQL plans the longer ones anew each time, which took ten times as long as
/// carrying them out; and every filter is a statement of its own already, so there is nothing to be gained by looking at the values.
///
/// And tables whose rows it does not all show are to be read all the same: a role with `row_security = off` could not even prepare a statement.
const PLAN_ONCE: &str = "SET row_security = on; SET plan_cache_mode = force_generic_plan";
/// How long a new connection may take for that. The pool itself sets no limit to it.
const PLAN_ONCE_LIMIT: Duration = Duration::from_secs(2);

/// A pool that connects when it is asked to, and the way to break off what its connections do.
///
/// `argument` names the URL in an error.
pub(super) fn pool(
    url: &str,
    argument: &str,
    options: &PostgresOptions,
) -> Result<(Pool, Canceller)> {
    let mut config = parse(url, argument)?;
    if config.get_application_name().is_none() {
        config.application_name("convostore");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT.min(options.wait_limit));
    }
    let manager_config = ManagerConfig {
        // A closed connection is noticed without asking the server; one that dies under our hands is replaced.
        recycling_method: RecyclingMethod::Fast,
    };
    let tls = if uses_tls(&config) {
        let config = tls::config(options.root_certificates.as_deref())?;
        Some(MakeRustlsConnect::new(config))
    } else {
        None
    };
    let canceller = Canceller::new(&config, tls.clone());
    let manager = match tls {
        Some(tls) => Manager::from_config(config, tls, manager_config),
        None => Manager::from_config(config, NoTls, manager_config),
    };
    let mut builder = Pool::builder(manager)
        .max_size(options.max_connections)
        .runtime(Runtime::Tokio1);
    if options.prepared_statements {
        let limit = PLAN_ONCE_LIMIT.min(options.wait_limit);
        builder = builder.post_create(Hook::async_fn(move |connection, _| {
            Box::pin(async move {
                // Not every relative of PostgreSQL knows it; where it is not known it is not needed.
                let planned = timeout(limit, connection.batch_execute(PLAN_ONCE)).await;
                planned.map(drop).map_err(|_| HookError::message("silent"))
            })
        }));
    }
    let pool = builder.build().map_err(|_| {
        Error::new(
            ErrorCode::Storage,
            "the pool of connections could not be made",
        )
    })?;
    Ok((pool, canceller))
}

/// What was wrong with it is not said: it could quote a password.
fn parse(url: &str, argument: &str) -> Result<Config> {
    // Certificates are verified wherever TLS is spoken, so the stronger modes of libpq are what `require` is here.
    let url = url
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let config: Option<Config> = url.parse().ok();
    let config = config.filter(|config| !config.get_hosts().is_empty());
    config.ok_or_else(|| {
        Error::invalid(
            "the URL is not of the form postgresql://user:password@host:port/database?name=value",
        )
        .with("argument", argument)
    })
}

fn uses_tls(config: &Config) -> bool {
    let is_tcp = |host: &Host| matches!(host, Host::Tcp(_));
    config.get_ssl_mode() != SslMode::Disable && config.get_hosts().iter().any(is_tcp)
}
