//! Opening, and what is not told.

use std::error::Error as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use convostore::backend::postgres::{PostgresBackend, PostgresOptions};
use convostore::backend::{Backend, Lookup};
use convostore::{Error, ErrorCode, Store, StoreOptions, while_wanted};

use super::proxy::Proxy;
use super::rows::{T, insert, say};
use super::server::{self, Sql};

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

/// The server's own words name what it refuses.
#[test]
fn no_error_tells_what_the_server_refuses() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let base = server::through(&url, &folder);
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (user, database) = (
        config.get_user().unwrap().to_owned(),
        config.get_dbname().unwrap().to_owned(),
    );
    let schema = server::schema();
    let mut urls = vec![base.replace(&format!("dbname={database}"), "dbname=geheim")];
    let mut superuser = None;
    // A pooler lets everybody in, and takes no settings.
    if !server::is_pooled() {
        urls.push(base.replace(&format!("user={user}"), "user=geheim"));
        urls.push(format!("{base} options='-c geheim=geheim'"));
        urls.push(format!("{base} options='-c role=geheim'"));
        superuser = Sql::try_connect(config.user("postgres")).ok();
        if let Some(sql) = &superuser {
            sql.run(&format!("CREATE ROLE {schema} LOGIN")).unwrap();
            urls.push(base.replace(&format!("user={user}"), &format!("user={schema}")));
        }
    }
    for url in urls {
        let options = server::options(&schema).wait_limit(Duration::from_secs(5));
        let error = PostgresBackend::connect(&url, &options).unwrap_err();
        let text = all_of(&error);
        for secret in ["geheim", &schema, &database] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    if let Some(sql) = superuser {
        sql.run(&format!("DROP ROLE {schema}")).unwrap();
    }
}

/// As of many that start at once, where the server has fewer connections than they.
#[test]
fn who_opens_waits_for_a_connection_that_others_hold() {
    let Some(url) = server::url().filter(|_| !server::is_pooled()) else {
        return;
    };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (user, database) = (
        config.get_user().unwrap().to_owned(),
        config.get_dbname().unwrap().to_owned(),
    );
    let role = server::schema();
    let Ok(sql) = Sql::try_connect(config.user("postgres")) else {
        eprintln!("SKIPPED: no role here may make a role");
        return;
    };
    let make = format!(
        "CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT CREATE ON DATABASE {database} TO {role}"
    );
    sql.run(&make).unwrap();
    let few =
        server::through(&url, &folder).replace(&format!("user={user}"), &format!("user={role}"));
    let held = Sql::connect(&few);
    let open = |limit: u64| {
        let limit = Duration::from_secs(limit);
        let options = server::options(&role).max_connections(1).wait_limit(limit);
        PostgresBackend::connect(&few, &options)
    };
    let began = Instant::now();
    // Long enough to be refused once on a busy machine.
    let error = open(4).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy, "{error}");
    assert!(began.elapsed() >= Duration::from_secs(4));
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| open(60));
        std::thread::sleep(Duration::from_millis(200));
        drop(held);
        opening.join().unwrap().unwrap().close().unwrap();
    });
    let _ = sql.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// A limit that the role was given is for what it does without one of its own.
#[test]
fn a_role_with_short_limits_waits_as_long_as_the_store_does() {
    let Some(url) = server::url().filter(|_| !server::is_pooled()) else {
        return;
    };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let schema = server::schema();
    drop(server::connect(&url, &schema));
    let through = format!(
        "{} options='-c lock_timeout=10'",
        server::through(&url, &folder)
    );
    let sql = Sql::connect(&url);
    sql.run(&format!("UPDATE {schema}.schema_version SET version = 0"))
        .unwrap();
    // Who looks waits for the table, who migrates for the row.
    for holding in [
        "LOCK TABLE {}.schema_version",
        "SELECT 1 FROM {}.schema_version FOR UPDATE",
    ] {
        sql.run("BEGIN").unwrap();
        sql.run(&holding.replace("{}", &schema)).unwrap();
        std::thread::scope(|scope| {
            let opening =
                scope.spawn(|| PostgresBackend::connect(&through, &server::options(&schema)));
            std::thread::sleep(Duration::from_millis(300));
            sql.run(&format!("UPDATE {schema}.schema_version SET version = 1"))
                .unwrap();
            sql.run("COMMIT").unwrap();
            opening.join().unwrap().unwrap();
        });
        sql.run(&format!("UPDATE {schema}.schema_version SET version = 0"))
            .unwrap();
    }
}

#[test]
fn a_server_that_is_not_there_is_not_waited_for_when_opening() {
    let began = Instant::now();
    Store::connect("postgresql://x@127.0.0.1:1/x").unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(25), "not 30 s");
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
    for connections in [0, 1_001, 1_000_000_000, usize::MAX] {
        let options = PostgresOptions::new().max_connections(connections);
        let error = PostgresBackend::connect("postgresql://x@127.0.0.1:1/x", &options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{connections}");
    }
}

/// Behind a server that says nothing more after so many bytes: in the login, in what a connection begins with, in the look at the schema.
#[test]
fn a_server_that_falls_silent_is_waited_for_no_longer_than_the_limit() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let schema = server::schema();
    drop(server::connect(&url, &schema));
    // Long enough to come as far as it is to come, on a busy machine.
    let limit = Duration::from_secs(3);
    let options = server::options(&schema).wait_limit(limit);
    for deaf_to in ["user", "plan_cache_mode", "FROM"] {
        let proxy = Proxy::before(&folder);
        proxy.keep_back(deaf_to);
        let began = Instant::now();
        let through = server::through(&url, &proxy.folder());
        let opened = PostgresBackend::connect(&through, &options);
        let took = began.elapsed();
        if server::is_pooled() && deaf_to == "plan_cache_mode" {
            continue; // Nothing of the kind is said there.
        }
        let code = opened.unwrap_err().code();
        let expected = if deaf_to == "FROM" {
            ErrorCode::Busy
        } else {
            ErrorCode::Storage
        };
        assert_eq!(code, expected, "{deaf_to}");
        // To be asked to cancel, the server has up to five seconds more.
        let most = limit + Duration::from_secs(25);
        assert!(took < most, "{deaf_to}: {took:?}");
    }
}

/// As a migration that stands still, or a dump, holds it.
#[test]
fn a_lock_on_the_versions_is_waited_for_no_longer_than_the_limit_nor_than_wanted() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    drop(server::connect(&url, &schema));
    let sql = Sql::connect(&url);
    sql.run("BEGIN").unwrap();
    let lock = format!("LOCK TABLE {schema}.schema_version IN ACCESS EXCLUSIVE MODE");
    sql.run(&lock).unwrap();
    let open = |limit: u64| {
        let options = server::options(&schema).wait_limit(Duration::from_millis(limit));
        let began = Instant::now();
        let error = PostgresBackend::connect(&url, &options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Busy);
        began.elapsed()
    };
    assert!(open(3_000) < Duration::from_secs(28));
    let unwanted = while_wanted(Rc::new(|| false), || open(60_000));
    assert!(unwanted < Duration::from_secs(40), "{unwanted:?}");
    sql.run("ROLLBACK").unwrap();
    drop(server::connect(&url, &schema));
}

/// The server's own words for it quote the character.
#[test]
fn no_error_tells_what_the_databases_encoding_does_not_have() {
    let Some(url) = server::url().filter(|_| !server::is_pooled()) else {
        return;
    };
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (owner, database) = (config.get_user().unwrap().to_owned(), server::schema());
    let Ok(sql) = Sql::try_connect(config.user("postgres")) else {
        eprintln!("SKIPPED: no role here may make a database");
        return;
    };
    sql.run(&format!(
        "CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    ))
    .unwrap();
    let folder = server::socket_folder(&url);
    let inside = folder.map(|folder| {
        let host = folder.display();
        format!("host={host} user={owner} dbname={database}")
    });
    if let Some(inside) = inside {
        let backend = server::connect(&inside, "convostore");
        insert(&backend, "one");
        say(&backend, "one", "hällo").unwrap();
        let error = say(&backend, "one", "gr\u{4e9c}n").unwrap_err();
        let text = all_of(&error);
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(!text.contains("0x") && text.contains("UTF8"), "{text}");
        backend.close().unwrap();
    }
    sql.run(&format!("DROP DATABASE {database} WITH (FORCE)"))
        .unwrap();
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
