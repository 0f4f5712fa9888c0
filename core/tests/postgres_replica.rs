//! Reads at a streaming standby: how old they may be, how a caller gets newer ones, and what a lost standby costs.
#![cfg(all(feature = "postgres", feature = "testing", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "postgres/cluster.rs"]
mod cluster;
#[path = "postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

use std::thread;
use std::time::{Duration, Instant};

use cluster::{Beside, Cluster};
use convostore::{
    ContextQuery, ErrorCode, ExportOptions, JsonObject, Lifecycle, MessageQuery, NewMessage,
    NewSession, Role, SaveOptions, SessionQuery, Store, StoreOptions,
};

/// How long a standby may take to come up to date, on a busy machine.
const CATCHING_UP: Duration = Duration::from_secs(60);

struct Pair {
    schema: String,
    primary: Cluster,
    standby: Beside,
    store: Store,
}

/// A server, a standby of it, and a store that reads there.
fn pair(name: &str) -> Option<Pair> {
    server::url()?;
    let primary = Cluster::own()?;
    let schema = server::schema();
    let options = server::options(&schema);
    // The schema is there before the standby is.
    StoreOptions::new()
        .postgres(options.clone())
        .connect(&primary.url())
        .unwrap();
    let standby = primary.standby(name);
    standby.start("");
    let options = options.read_url(standby.cluster.url());
    let store = StoreOptions::new()
        .postgres(options)
        .connect(&primary.url())
        .unwrap();
    Some(Pair {
        schema,
        primary,
        standby,
        store,
    })
}

impl Pair {
    /// Stops the standby's replay where it is.
    fn pause(&self) {
        let sql = server::Sql::connect(&self.standby.cluster.superuser_url());
        sql.run("SELECT pg_wal_replay_pause()").unwrap();
        eventually("the replay is paused", || {
            sql.run("SELECT pg_get_wal_replay_pause_state()") == Ok(vec!["paused".to_owned()])
        });
    }

    fn go_on(&self) {
        let sql = server::Sql::connect(&self.standby.cluster.superuser_url());
        sql.run("SELECT pg_wal_replay_resume()").unwrap();
    }

    /// Waits until the standby has replayed all that the primary has written.
    fn catch_up(&self) {
        let primary = server::Sql::connect(&self.primary.superuser_url());
        let standby = server::Sql::connect(&self.standby.cluster.superuser_url());
        let end = primary.run("SELECT pg_current_wal_lsn()").unwrap();
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", end[0]);
        eventually("the standby has caught up", || {
            standby.run(&replayed) == Ok(vec!["t".to_owned()])
        });
    }
}

#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < CATCHING_UP, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What each read of a store says of the session `one` and its surroundings.
fn seen(store: &Store) -> Vec<String> {
    let messages = store.get_messages("one", MessageQuery::new());
    let streamed = store.stream_messages("one", MessageQuery::new());
    let found = |code: ErrorCode| format!("{code:?}");
    vec![
        format!("{}", store.get_session("one").unwrap().is_some()),
        format!(
            "{}",
            store.get_session_by_key("here", "k").unwrap().is_some()
        ),
        format!(
            "{:?}",
            messages.map(|all| all.len()).map_err(|e| found(e.code()))
        ),
        format!(
            "{:?}",
            streamed.map(Iterator::count).map_err(|e| found(e.code()))
        ),
        format!(
            "{:?}",
            store.count_messages("one").map_err(|e| found(e.code()))
        ),
        store
            .list_sessions(SessionQuery::new())
            .unwrap()
            .items
            .len()
            .to_string(),
        format!("{}", store.get_context("here").unwrap().is_some()),
        store
            .list_contexts(ContextQuery::new())
            .unwrap()
            .items
            .len()
            .to_string(),
        store.list_lifecycles().unwrap().len().to_string(),
        store.stats().unwrap().messages.to_string(),
    ]
}

const NEW: [&str; 10] = [
    "true", "true", "Ok(2)", "Ok(2)", "Ok(2)", "1", "true", "1", "3", "2",
];

fn write(store: &Store) {
    let new = NewSession::new().id("one").scope("here").key("k");
    store.create_session(new).unwrap();
    say(store, "first");
    say(store, "second");
    store
        .set_context("here", JsonObject::default(), None)
        .unwrap();
    let simple = Lifecycle::new("simple", "open");
    store.define_lifecycle(simple).unwrap();
}

fn say(store: &Store, text: &str) {
    store
        .save_message("one", NewMessage::new(Role::USER, text))
        .unwrap();
}

#[test]
fn reads_are_as_old_as_the_standby_and_as_new_as_the_primary_on_demand() {
    let Some(pair) = pair("stale") else { return };
    let store = &pair.store;
    let before = seen(store);
    pair.pause();
    write(store);
    // The negative control of all that follows: were the standby not asked, what was written would be seen.
    assert_eq!(seen(store), before);
    assert_eq!(before[0], "false");
    assert_eq!(seen(&store.on_primary()), NEW);
    assert_eq!(seen(&store.for_tenant("default").unwrap()), before);
    assert_eq!(
        seen(&store.on_primary().for_tenant("default").unwrap()),
        NEW
    );

    // What a write depends on is never old.
    let new = NewSession::new().id("two").lifecycle("simple");
    assert_eq!(store.create_session(new).unwrap().status, "open");
    let again = NewSession::new().scope("here").key("k");
    assert_eq!(store.get_or_create_session(again).unwrap().id, "one");
    let resumed = store.resume_session(NewSession::new().scope("here"), None);
    assert_eq!(resumed.unwrap().id, "one");
    let saved = store.save_messages(
        "one",
        vec![NewMessage::new(Role::USER, "third")],
        SaveOptions::new().expected_revision(3),
    );
    assert_eq!(saved.unwrap()[0].seq, 3);
    // Nor what speaks of the store as a whole.
    let report = store.export_archive(std::io::sink(), ExportOptions::new());
    assert_eq!(report.unwrap().messages, 3);
    assert_eq!(store.check().unwrap().messages, 3);

    pair.go_on();
    pair.catch_up();
    assert_eq!(store.count_messages("one").unwrap(), 3);
    assert_eq!(
        store
            .get_messages("one", MessageQuery::new())
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn where_the_standby_is_lost_the_primary_is_read() {
    let Some(pair) = pair("lost") else { return };
    let store = &pair.store;
    write(store);
    pair.catch_up();
    assert_eq!(seen(store), NEW);
    pair.standby.stop();
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(seen(store), NEW);
    }
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    say(store, "third");
    assert_eq!(store.count_messages("one").unwrap(), 3);
    // It comes back, and is read again.
    pair.standby.start("");
    pair.catch_up();
    pair.pause();
    say(store, "fourth");
    eventually("the standby is read again", || {
        store.count_messages("one").unwrap() == 3
    });
    assert_eq!(store.on_primary().count_messages("one").unwrap(), 4);
}

/// A page from the primary, the next from a standby that is behind it: the stream does not end there.
#[test]
fn a_stream_does_not_end_early_at_an_older_server() {
    let Some(pair) = pair("stream") else { return };
    let store = &pair.store;
    let new = NewSession::new().id("one");
    store.create_session(new).unwrap();
    // So that a standby that starts anew has the session from the beginning.
    for cluster in [&pair.primary, &pair.standby.cluster] {
        let sql = server::Sql::connect(&cluster.superuser_url());
        sql.run("CHECKPOINT").unwrap();
        pair.catch_up();
    }
    pair.standby.stop();
    for _ in 0..6 {
        let batch = (0..100).map(|n| NewMessage::new(Role::USER, n.to_string()));
        store
            .save_messages("one", batch.collect::<Vec<_>>(), SaveOptions::new())
            .unwrap();
    }
    let mut stream = store.stream_messages("one", MessageQuery::new()).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().seq, 1);
    // It knows of nothing that was written since it was stopped.
    pair.standby.start("-c recovery_min_apply_delay=3600000");
    eventually("the standby is read again", || {
        store.count_messages("one").unwrap() == 0
    });
    assert_eq!(
        stream
            .map(|message| message.unwrap().seq)
            .collect::<Vec<_>>(),
        (2..=600).collect::<Vec<_>>()
    );
}

/// It is `read_only` at once: waiting would not make it one that writes.
#[test]
fn a_store_on_a_standby_reads_and_does_not_write() {
    let Some(pair) = pair("read_only") else {
        return;
    };
    write(&pair.store);
    pair.catch_up();
    let connect = |schema: &str| {
        // Were it waited for, it would be seen.
        let options = server::options(schema).wait_limit(Duration::from_secs(600));
        StoreOptions::new()
            .postgres(options)
            .connect(&pair.standby.cluster.url())
    };
    let store = connect(&pair.schema).unwrap();
    assert_eq!(seen(&store), NEW);
    let errors = [
        store.create_session(NewSession::new()).unwrap_err(),
        store
            .save_message("one", NewMessage::new(Role::USER, "third"))
            .unwrap_err(),
        store
            .set_context("here", JsonObject::default(), None)
            .unwrap_err(),
        connect("missing_there").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), ErrorCode::ReadOnly, "{error}");
        assert!(error.message().contains("standby"), "{error}");
    }
    assert_eq!(seen(&store), NEW);

    // Of several the one that writes can be asked for.
    let (standby, primary) = (pair.standby.cluster.socket(), pair.primary.socket());
    let either = format!(
        "host={},{} user=convostore dbname=convostore target_session_attrs=read-write",
        standby.display(),
        primary.display()
    );
    let store = StoreOptions::new()
        .postgres(server::options(&pair.schema))
        .connect(&either)
        .unwrap();
    say(&store, "third");
    assert_eq!(store.count_messages("one").unwrap(), 3);
}

#[test]
fn a_read_url_is_looked_at_when_the_store_is_opened() {
    let Some(url) = server::url() else { return };
    let schema = server::schema();
    let connect = |read_url: &str| {
        let options = server::options(&schema).read_url(read_url);
        StoreOptions::new().postgres(options).connect(&url)
    };
    let error = connect("no url, hunter2").unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert_eq!(error.details()["argument"], "read_url");
    assert!(!format!("{error:?}").contains("hunter2"));
    // A standby that is away is done without.
    let store = connect("host=127.0.0.1 port=1 user=horst dbname=hunter2").unwrap();
    store.create_session(NewSession::new().id("one")).unwrap();
    assert!(store.get_session("one").unwrap().is_some());
    assert!(
        !format!("{store:?} {:?}", server::options("x").read_url("hunter2")).contains("hunter2")
    );
    // One that does not know us is a mistake.
    let other = server::through(&url, &server::socket_folder(&url).unwrap())
        .replace("dbname=", "dbname=geheim_");
    let error = connect(&other).unwrap_err();
    assert_eq!(error.details()["argument"], "read_url", "{error:?}");
}
