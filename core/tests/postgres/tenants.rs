//! Row-level security, for those who come past the backend.

use convostore::backend::Backend;

use super::rows::{insert, say};
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
