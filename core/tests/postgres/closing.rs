//! What closing leaves at the server.

use std::thread;
use std::time::{Duration, Instant};

use convostore::backend::postgres::PostgresBackend;
use convostore::backend::{Backend, Lookup};

use super::rows::T;
use super::server;

/// Also while a handle on the closed backend lives, as in a garbage collector's hands.
#[test]
fn a_closed_backend_keeps_no_connection() {
    let Some(url) = server::url() else { return };
    if server::is_pooled() {
        return; // The pooler's connections are its own.
    }
    let name = format!("closing_{}", std::process::id());
    let separator = if url.contains('?') { '&' } else { '?' };
    let named = format!("{url}{separator}application_name={name}");
    let options = server::options(&server::schema());
    let backend = PostgresBackend::connect(&named, &options).unwrap();
    // Several connections, and threads that have ended.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| backend.session(T, Lookup::Id("x")).unwrap());
        }
    });
    let sql = server::Sql::connect(&url);
    let query = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'");
    let open = || sql.run(&query).unwrap().len();
    assert!(open() > 0);
    backend.close().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while open() > 0 {
        assert!(Instant::now() < until, "{} connections are left", open());
        thread::sleep(Duration::from_millis(10));
    }
    drop(backend);
}
