//! Opening, and what is not told.

use std::error::Error as _;
use std::time::{Duration, Instant};

use convostore::backend::postgres::{PostgresBackend, PostgresOptions};
use convostore::backend::{Backend, Lookup};
use convostore::{Error, ErrorCode, Store, StoreOptions};

use super::rows::T;
use super::server;

/// Everything that an error says to anybody.
fn all_of(error: &Error) -> String {
    let mut out = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        out += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    out
}

#[test]
fn no_error_tells_the_url() {
    let urls = [
        (
            "postgresql://horst:hunter2@127.0.0.1:1/geheim",
            ErrorCode::Storage,
        ),
        (
            "postgresql://horst:hunter2@geheim.invalid/geheim",
            ErrorCode::Storage,
        ),
        (
            "postgresql://horst:hunter2@[geheim/geheim",
            ErrorCode::InvalidArgument,
        ),
        (
            "postgresql://horst@127.0.0.1/geheim?hunter2=geheim",
            ErrorCode::InvalidArgument,
        ),
        (
            "postgresql://horst:hunter2@127.0.0.1:geheim/x",
            ErrorCode::InvalidArgument,
        ),
        ("geheim hunter2", ErrorCode::InvalidArgument),
        ("", ErrorCode::InvalidArgument),
    ];
    for (url, code) in urls {
        let error = Store::connect(url).unwrap_err();
        let text = all_of(&error);
        assert_eq!(error.code(), code, "{text}");
        for secret in ["hunter2", "geheim", "horst", "127.0.0.1"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_not_waited_for_when_opening() {
    let began = Instant::now();
    Store::connect("postgresql://x@127.0.0.1:1/x").unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn no_debug_tells_the_url() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let store = StoreOptions::new()
        .postgres(server::options(&schema))
        .connect(&url)
        .unwrap();
    let text = format!("{store:?} {:?}", server::options(&schema));
    assert!(
        text.contains(&schema) && !text.contains("postgresql://") && !text.contains("host"),
        "{text}"
    );
}

#[test]
fn options_are_checked() {
    for name in [
        "",
        "1a",
        "a b",
        "A",
        "pg_x",
        "a\"",
        "a;b",
        "ä",
        &"a".repeat(64),
    ] {
        let options = PostgresOptions::new().schema(name);
        let error = PostgresBackend::connect("postgresql://x@127.0.0.1:1/x", &options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{name}");
    }
    let options = PostgresOptions::new().max_connections(0);
    let error = PostgresBackend::connect("postgresql://x@127.0.0.1:1/x", &options).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

/// From a runtime's own threads, from its threads for blocking work, and with one runtime dropped inside another.
#[test]
fn it_works_inside_any_runtime() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let work = move || {
        let backend = server::connect(&url, &schema);
        assert!(backend.session(T, Lookup::Id("one")).unwrap().is_none());
        backend.read(T, &mut |tx| tx.totals().map(drop)).unwrap();
        backend
            .write_alone(T, &mut |tx| tx.delete_session("one").map(drop))
            .unwrap();
        backend.close().unwrap();
    };
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    current.block_on(async { work() });
    let many = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let inside = work.clone();
    many.block_on(async { tokio::spawn(async move { inside() }).await.unwrap() });
    many.block_on(async { tokio::task::spawn_blocking(work).await.unwrap() });
}
