//! Row-level security, for those who come past the backend.

use convostore::backend::Backend;
use convostore::backend::postgres::PostgresBackend;

use super::rows::{insert, say, texts};
use super::server::{self, Sql};

#[test]
fn without_a_setting_no_row_is_seen_or_written() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let backend = server::connect(&url, &schema);
    insert(&backend, "one");
    say(&backend, "one", "secret").unwrap();
    let owner = Sql::connect(&url);
    fails_closed(&owner, &schema);
    owner
        .run("BEGIN; SELECT set_config('convostore.tenant', '=tenant', true); COMMIT")
        .unwrap();
    // What is left of a setting that was local to a transaction is no tenant either, not even the nameless one.
    fails_closed(&owner, &schema);
}

#[test]
fn a_role_that_is_not_the_owner_sees_the_tenant_it_is_set_for() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let backend = server::connect(&url, &schema);
    insert(&backend, "one");
    say(&backend, "one", "secret").unwrap();
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.user("stranger");
    let stranger = Sql::try_connect(&config);
    let Some(stranger) = stranger.ok().filter(|_| !server::is_pooled()) else {
        eprintln!("SKIPPED: there is no role named stranger here");
        return;
    };
    let owner = Sql::connect(&url);
    owner.run(&format!("GRANT USAGE ON SCHEMA {schema} TO stranger; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO stranger")).unwrap();
    fails_closed(&stranger, &schema);
    let count = |tenant: &str| {
        let set =
            format!("BEGIN; SELECT 'set' FROM set_config('convostore.tenant', '={tenant}', true)");
        stranger.run(&set).unwrap();
        let count = stranger
            .run(&format!("SELECT count(*) FROM {schema}.messages"))
            .unwrap();
        stranger.run("COMMIT").unwrap();
        count
    };
    assert_eq!(count("tenant"), ["1"]);
    assert_eq!(count("other"), ["0"]);
    assert_eq!(backend.check().unwrap(), Vec::<String>::new());
}

/// PostgreSQL refuses such a role every statement on these tables, unless it is told otherwise.
#[test]
fn a_role_with_row_security_off_reads_and_writes() {
    let Some(url) = server::url().filter(|_| !server::is_pooled()) else {
        return;
    };
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.options("-c row_security=off");
    let schema = server::schema();
    let owner = server::connect(&url, &schema);
    let refused = Sql::try_connect(&config).unwrap();
    let count = format!("SELECT count(*) FROM {schema}.sessions");
    assert_eq!(refused.run(&count), Err("42501".to_owned()));
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    let through = format!(
        "{} options='-c row_security=off'",
        server::through(&url, &folder)
    );
    for prepared in [true, false] {
        let options = server::options(&schema).prepared_statements(prepared);
        let backend = PostgresBackend::connect(&through, &options).unwrap();
        let id = format!("prepared_{prepared}");
        insert(&backend, &id);
        say(&backend, &id, "hello").unwrap();
        assert_eq!(texts(&owner, &id), texts(&backend, &id));
    }
}

fn fails_closed(sql: &Sql, schema: &str) {
    for table in [
        "sessions",
        "session_metadata",
        "messages",
        "contexts",
        "lifecycles",
        "turns",
    ] {
        assert_eq!(
            sql.run(&format!("SELECT count(*) FROM {schema}.{table}"))
                .unwrap(),
            ["0"]
        );
    }
    for tenant in ["tenant", "", "other"] {
        let insert =
            format!("INSERT INTO {schema}.contexts VALUES ('{tenant}', 's', '{{}}', 1, 1, 1)");
        assert_eq!(sql.run(&insert), Err("42501".to_owned()));
    }
    assert_eq!(
        sql.run(&format!("DELETE FROM {schema}.messages RETURNING 1"))
            .unwrap(),
        Vec::<String>::new()
    );
}
