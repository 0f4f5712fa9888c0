//! The schema: made once, and inside what PostgreSQL's distributed relatives have.

use std::sync::Barrier;
use std::thread;

use convostore::ErrorCode;
use convostore::backend::postgres::PostgresBackend;
use convostore::backend::{Backend, Continue, Lookup, RowOrder, SessionFilter, Started};

use super::rows::{T, insert, row, say, say_keyed, start, texts};
use super::server::{self, Sql};

const MIGRATIONS: &[&str] = &[include_str!(
    "../../src/backend/postgres/migrations/0001.sql"
)];

#[test]
fn twenty_workers_that_start_at_once_migrate_once() {
    let Some(url) = server::url() else { return };
    for _ in 0..3 {
        let schema = server::schema();
        let barrier = Barrier::new(20);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(|| {
                        let options = server::options(&schema).max_connections(1);
                        barrier.wait();
                        PostgresBackend::connect(&url, &options).unwrap()
                    })
                })
                .collect();
            let backends: Vec<_> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .collect();
            insert(&backends[0], "one");
            assert_eq!(texts(&backends[19], "one"), Vec::<String>::new());
            assert_eq!(backends[7].check().unwrap(), Vec::<String>::new());
        });
    }
}

#[test]
fn a_schema_of_a_newer_version_is_used_if_it_says_so_and_refused_else() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    drop(server::connect(&url, &schema));
    let sql = Sql::connect(&url);
    sql.run(&format!("UPDATE {schema}.schema_version SET version = 99"))
        .unwrap();
    insert(&server::connect(&url, &schema), "one");
    sql.run(&format!(
        "UPDATE {schema}.schema_version SET usable_from = 99"
    ))
    .unwrap();
    let refused = PostgresBackend::connect(&url, &server::options(&schema)).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UnsupportedSchema);
}

/// During a release the old program runs beside the new: the schema grows under it while it writes, its statements prepared before.
#[test]
fn a_program_goes_on_while_a_newer_one_migrates() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let old = server::connect(&url, &schema);
    insert(&old, "one");
    let use_it = |n: usize| {
        say_keyed(&old, "one", "keyed", &n.to_string()).unwrap();
        say(&old, "one", "plain").unwrap();
        let continued = start(&old, Continue::SameId, row("one", None)).unwrap();
        assert!(matches!(continued, Started::Continued(_)));
        assert!(old.session(T, Lookup::Id("one")).unwrap().is_some());
        assert_eq!(texts(&old, "one").len(), 2 * (n + 1));
        let touched = old.write_alone(T, &mut |tx| {
            let row = tx.session(Lookup::Id("one"))?.unwrap();
            tx.update_session(&row)
        });
        touched.unwrap();
    };
    (0..5).for_each(use_it);
    thread::scope(|scope| {
        scope.spawn(|| {
            let newer = Sql::connect(&url);
            for change in [
                "ALTER TABLE {}.messages ADD COLUMN colour text COLLATE \"C\"",
                "ALTER TABLE {}.sessions ADD COLUMN mood bigint NOT NULL DEFAULT 0",
                "CREATE INDEX sessions_mood ON {}.sessions (tenant, mood, id)",
                "UPDATE {}.schema_version SET version = 2, usable_from = 1",
            ] {
                newer.run(&change.replace("{}", &schema)).unwrap();
            }
        });
        (5..30).for_each(use_it);
    });
    (30..35).for_each(use_it);
    assert_eq!(old.check().unwrap(), Vec::<String>::new());
    let opened_later = server::connect(&url, &schema);
    assert_eq!(texts(&opened_later, "one").len(), 70);
}

/// Say in `public`, where an app has tables of its own.
#[test]
fn a_schema_where_another_program_has_such_a_table_is_refused_and_left_as_it_was() {
    let Some(url) = server::url() else { return };
    let sql = Sql::connect(&url);
    let others = [
        "TABLE {}.sessions (mine text)",
        "VIEW {}.messages AS SELECT 1",
        "TYPE {}.turns AS ENUM ('a')",
    ];
    for other in others {
        let schema = server::schema();
        sql.run(&format!(
            "CREATE SCHEMA {schema}; CREATE {}",
            other.replace("{}", &schema)
        ))
        .unwrap();
        let there = format!(
            "SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace ORDER BY relname"
        );
        let before = sql.run(&there).unwrap();
        for _ in 0..2 {
            let options = server::options(&schema);
            let refused = PostgresBackend::connect(&url, &options).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::UnsupportedSchema, "{other}");
            assert!(refused.to_string().contains("another"), "{refused}");
            assert_eq!(sql.run(&there).unwrap(), before);
        }
    }
}

#[test]
fn without_migration_a_missing_schema_is_an_error_and_stays_missing() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let options = server::options(&schema).migrate(false);
    let refused = PostgresBackend::connect(&url, &options).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UnsupportedSchema);
    let found = Sql::connect(&url).run(&format!(
        "SELECT 1 FROM pg_namespace WHERE nspname = '{schema}'"
    ));
    assert_eq!(found.unwrap(), Vec::<String>::new());
    drop(server::connect(&url, &schema));
    insert(&PostgresBackend::connect(&url, &options).unwrap(), "one");
}

/// As docs/postgresql.md has it for relatives that compare by bytes without being told.
#[test]
fn a_schema_made_by_hand_without_collations_is_used() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let sql = Sql::connect(&url);
    let collation = "SELECT datcollate FROM pg_database WHERE datname = current_database()";
    if sql.run(collation).unwrap() != ["C"] {
        eprintln!("SKIPPED: the database has a collation of its own");
        return;
    }
    let tables = MIGRATIONS[0]
        .replace("{schema}", &schema)
        .replace(" COLLATE \"C\"", "");
    let versions = "schema_version (one bigint NOT NULL PRIMARY KEY, version bigint NOT NULL, usable_from bigint NOT NULL)";
    sql.run(&format!(
        "CREATE SCHEMA {schema}; {tables} CREATE TABLE {schema}.{versions}; INSERT INTO {schema}.schema_version VALUES (1, 1, 1);"
    ))
    .unwrap();
    let options = server::options(&schema).migrate(false);
    let backend = PostgresBackend::connect(&url, &options).unwrap();
    for id in ["b", "B", "a"] {
        insert(&backend, id);
    }
    let by_id = SessionFilter {
        order: RowOrder::Id,
        limit: 10,
        ..SessionFilter::default()
    };
    let ids = backend.sessions(T, &by_id).unwrap().into_iter();
    assert_eq!(
        ids.map(|row| row.session.id).collect::<Vec<_>>(),
        ["B", "a", "b"]
    );
    say_keyed(&backend, "a", "x", "k").unwrap();
    assert_eq!(texts(&backend, "a"), ["x"]);
}

/// What would not go to CockroachDB or Citus, or would not be compared by bytes, does not get into a migration.
#[test]
fn the_schema_stays_inside_the_common_subset() {
    for migration in MIGRATIONS {
        let without_comments: Vec<&str> = migration
            .lines()
            .map(|line| line.split("--").next().unwrap_or(""))
            .collect();
        let sql = without_comments.join(" ").to_lowercase();
        for forbidden in [
            "serial",
            "sequence",
            "generated",
            "identity",
            "references",
            "foreign",
            "trigger",
            "function",
            "procedure",
            "extension",
            "json",
            "advisory",
            "exclude",
            "deferrable",
            "uuid",
            "timestamp",
            "unlogged",
            "temp",
            "inherits",
            "create type",
            "create domain",
            " rule ",
        ] {
            assert!(
                !sql.contains(forbidden),
                "{forbidden} is outside the subset"
            );
        }
        for statement in sql.split(';').map(str::trim) {
            if statement.starts_with("create table") {
                let name = statement.split_whitespace().nth(2).unwrap_or("");
                let later = format!("alter table {name} add primary key (tenant");
                let has_key = statement.contains("primary key (tenant") || sql.contains(&later);
                assert!(has_key, "{statement}");
            }
            if statement.starts_with("create unique index") || statement.starts_with("create index")
            {
                assert!(statement.contains("(tenant,"), "{statement}");
            }
            for column in statement
                .split(',')
                .filter(|column| column.contains(" text"))
            {
                assert!(column.contains("collate \"c\""), "{column}");
            }
        }
    }
}
