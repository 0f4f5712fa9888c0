//! What an application's logger hears of it. Of its own, since a process has one logger.
#![cfg(all(feature = "postgres", feature = "testing", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

use std::sync::Mutex;

use convostore::{JsonObject, MessageQuery, NewMessage, NewSession, Role, Store, StoreOptions};
use log::{LevelFilter, Log, Metadata, Record};

/// Keeps all that is said, however little matters.
struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let said = format!("{}: {}", record.target(), record.args());
        self.0.lock().unwrap().push(said);
    }

    fn flush(&self) {}
}

#[test]
fn no_log_tells_a_content_or_the_url() {
    let Some(url) = server::url() else { return };
    let Some(folder) = server::socket_folder(&url) else {
        return;
    };
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let through = format!("{} password=hunter2", server::through(&url, &folder));
    let schema = server::schema();
    for prepared in [!server::is_pooled(), false] {
        let options = server::options(&schema).prepared_statements(prepared);
        let store = StoreOptions::new()
            .postgres(options)
            .connect(&through)
            .unwrap();
        let new = NewSession::new()
            .scope("secret scope")
            .owner("secret owner");
        let id = store.create_session(new).unwrap().id;
        let keyed = NewMessage::new(Role::USER, "secret text").dedup_key("secret key");
        store.save_message(&id, keyed).unwrap();
        let plain = NewMessage::new(Role::USER, "secret text");
        store.save_message(&id, plain).unwrap();
        let data = JsonObject::parse("{\"a\":\"secret data\"}".to_owned()).unwrap();
        store.set_context("secret scope", data, None).unwrap();
        let messages = store.get_messages(&id, MessageQuery::new()).unwrap();
        assert_eq!(messages.len(), 2);
        store.close().unwrap();
    }
    Store::connect("postgresql://horst:hunter2@127.0.0.1:1/secret").unwrap_err();
    let said = KEPT.0.lock().unwrap();
    // The client does speak of each statement, so silence is not for want of listening.
    assert!(said.iter().any(|line| line.contains("INSERT INTO")));
    for line in said.iter() {
        assert!(
            !line.contains("secret") && !line.contains("hunter2"),
            "{line}"
        );
    }
}
