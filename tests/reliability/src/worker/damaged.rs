//! Opens what may be damaged, reads everything in every way, and says what came of it. Whatever kills it, it does not kill the test.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use convostore::{
    ContextQuery, Error, ExportOptions, ImportOptions, MessageQuery, NewMessage, NewSession, Role,
    SessionQuery, Store, StoreOptions,
};
use serde_json::{Map, Value, json};

use super::{hear, say};

/// For each line `database path` or `archive path`: says what came of it, as JSON.
pub(super) fn run() {
    while let Some(line) = hear() {
        let (kind, path) = line.split_once(' ').unwrap();
        let looked = catch_unwind(AssertUnwindSafe(|| match kind {
            "database" => database(path),
            _ => archive(path),
        }));
        say(&looked
            .unwrap_or_else(|_| json!({ "panic": true }))
            .to_string());
    }
}

fn code(error: &Error) -> Value {
    json!(error.code().as_str())
}

fn database(path: &str) -> Value {
    let options = StoreOptions::new().wait_limit(Duration::from_secs(2));
    let store = match options.open(path) {
        Ok(store) => store,
        Err(error) => return json!({ "open": code(&error) }),
    };
    let check = store.check().map(|check| check.is_sound());
    let seen = json!({
        "open": "ok",
        "check": check.map_or_else(|error| code(&error), |sound| json!(if sound { "sound" } else { "unsound" })),
        "rows": rows(&store).unwrap_or_else(|error| code(&error)),
        "others": others(&store).map_or_else(|error| code(&error), |()| json!("ok")),
        "strict": export(&store, ExportOptions::new()),
        "tolerant": export(&store, ExportOptions::new().tolerant(true)),
        "write": write(&store).map_or_else(|error| code(&error), |()| json!("ok")),
    });
    let _ = store.close();
    seen
}

/// All messages of all sessions: their numbers and contents.
fn rows(store: &Store) -> convostore::Result<Value> {
    let mut rows = Map::new();
    let mut query = SessionQuery::new().limit(7);
    loop {
        let page = store.list_sessions(query)?;
        for session in page.items {
            let messages = store.get_messages(&session.id, MessageQuery::new())?;
            let messages: Vec<Value> = messages
                .iter()
                .map(|message| json!([message.seq, message.content.body()]))
                .collect();
            // A list that comes back to where it was would go on for ever.
            if rows.insert(session.id, messages.into()).is_some() {
                return Ok(json!("a session came twice"));
            }
        }
        let Some(cursor) = page.next_cursor else {
            return Ok(rows.into());
        };
        query = SessionQuery::new().limit(7).cursor(cursor);
    }
}

/// Ways to read that the rows do not need.
fn others(store: &Store) -> convostore::Result<()> {
    store.list_lifecycles()?;
    store.list_contexts(ContextQuery::new())?;
    store.stats()?;
    for number in 0..30 {
        let id = format!("session-{number}");
        store.get_session(&id)?;
        store.get_session_by_key("scope-1", &id)?;
        if let Ok(messages) = store.stream_messages(&id, MessageQuery::new()) {
            for message in messages {
                message?;
            }
        }
    }
    let scope = SessionQuery::new().scope_prefix("scope").owner("ada");
    store.list_sessions(scope).map(drop)
}

fn write(store: &Store) -> convostore::Result<()> {
    let session = store.get_or_create_session(NewSession::new().id("session-3"))?;
    let message = NewMessage::new(Role::USER, "after").dedup_key("after");
    store.save_message(&session.id, message)?;
    store.pop_message(&session.id)?;
    store.delete_session("session-4", true).map(drop)
}

/// An archive that was written must be read again, and say the same.
fn export(store: &Store, options: ExportOptions) -> Value {
    let mut bytes = Vec::new();
    match store.export_archive(&mut bytes, options) {
        Err(error) => code(&error),
        Ok(report) => {
            let copy = Store::in_memory().unwrap();
            match copy.import_archive(bytes.as_slice(), ImportOptions::new()) {
                Err(error) => json!(format!("not imported: {error}")),
                Ok(_) if report.unreadable.is_empty() => json!("ok"),
                Ok(_) => json!("partly"),
            }
        }
    }
}

fn archive(path: &str) -> Value {
    let bytes = fs::read(path).unwrap();
    let store = Store::in_memory().unwrap();
    let imported = store.import_archive(bytes.as_slice(), ImportOptions::new());
    let stats = store.stats().unwrap();
    let mut again = Vec::new();
    store
        .export_archive(&mut again, ExportOptions::new())
        .unwrap();
    json!({
        "import": imported.map_or_else(|error| code(&error), |_| json!("ok")),
        "sessions": stats.sessions + stats.contexts,
        "same": again == bytes,
    })
}
