//! Every schema that was ever released opens, and holds what it held.
//!
//! `fixtures/schema-N.db` is a store as the version with schema N wrote it, `schema-N.convostore` what it holds, as an archive. A new schema
//! gets its fixture by `CONVOSTORE_WRITE_FIXTURE=1 cargo test -p conformance --test fixtures`, once, before it is released; it is never written again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use convostore::testing::{CountingIds, ManualClock};
use convostore::{
    Clock as _, Content, ExportOptions, JsonObject, Lifecycle, NewMessage, NewSession, Result,
    Role, SaveOptions, SessionUpdate, Store, StoreOptions, Timestamp,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Something of everything.
fn fill(store: &Store, clock: &ManualClock) -> Result<()> {
    store.define_lifecycle(
        Lifecycle::new("review", "open")
            .allow("open", "merged")
            .final_status("merged"),
    )?;
    store.set_context(
        "C042",
        JsonObject::parse(r#"{"team":"Ops","big":12345678901234567890}"#)?,
        None,
    )?;
    let ticket = NewSession::new()
        .scope("C042")
        .key("1718.55")
        .owner("ada")
        .lifecycle("ticket");
    let ticket =
        store.create_session(ticket.metadata(JsonObject::parse(r#"{ "draft" : "Crash" }"#)?))?;
    let said = [
        NewMessage::new(Role::SYSTEM, "Collect what is needed for a ticket."),
        NewMessage::new(Role::USER, "Der Start schlägt fehl 👩‍👩‍👧"),
        NewMessage::new(
            Role::ASSISTANT,
            Content::json(r#"{"tool_calls":[{"id":"c1","n":1.50e400}]}"#)?,
        )
        .token_count(31),
        NewMessage::new(Role::TOOL, Content::json(r#""\u0000\ud800""#)?).dedup_key("call-c1"),
    ];
    store.save_messages(&ticket.id, said.to_vec(), SaveOptions::new())?;
    clock.advance(Duration::from_secs(60));
    store.update_session(&ticket.id, SessionUpdate::new().status("ready_to_sync"))?;
    store.save_summary(&ticket.id, "The start fails.", Some(4))?;
    store.delete_messages_before(&ticket.id, 3)?;
    let review = store.create_session(NewSession::new().scope("/home/ada").lifecycle("review"))?;
    store.save_message(&review.id, NewMessage::new(Role::USER, ""))?;
    store.save_message(&review.id, NewMessage::new(Role::USER, "x".repeat(5000)))?;
    store.pop_message(&review.id)?;
    store.create_session(NewSession::new().scope("/home/ada").status("terminated"))?;
    store
        .for_tenant("other")?
        .create_session(NewSession::new().id("s1"))?;
    Ok(())
}

fn archive(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store
        .export_archive(&mut bytes, ExportOptions::new())
        .unwrap();
    bytes
}

/// The schema's number, where SQLite has `user_version` in the header of a closed file.
fn schema(database: &Path) -> u32 {
    let header = fs::read(database).unwrap();
    u32::from_be_bytes(header[60..64].try_into().unwrap())
}

#[test]
fn this_schema_has_its_fixture() {
    let scratch = tempfile::tempdir().unwrap();
    let database = scratch.path().join("store.db");
    let clock = Arc::new(ManualClock::at(
        Timestamp::from_millis(1_767_225_600_000).unwrap(),
    ));
    let shown = Arc::clone(&clock);
    let store = StoreOptions::new()
        .clock(move || shown.now())
        .ids(CountingIds::new())
        .open(&database)
        .unwrap();
    fill(&store, &clock).unwrap();
    let archive = archive(&store);
    store.close().unwrap();
    let name = format!("schema-{}", schema(&database));
    let (kept, held) = (
        folder().join(format!("{name}.db")),
        folder().join(format!("{name}.convostore")),
    );
    if std::env::var_os("CONVOSTORE_WRITE_FIXTURE").is_some() && !kept.exists() {
        fs::copy(&database, &kept).unwrap();
        fs::write(&held, &archive).unwrap();
    }
    assert!(
        kept.exists(),
        "{name} has no fixture; the head of this file says how it gets one"
    );
    // What this version writes is what the fixture holds: a change of the archive shows here.
    assert!(
        fs::read(&held).unwrap() == archive,
        "the archive of the same store has changed"
    );
}

#[test]
fn every_released_schema_opens_and_holds_what_it_held() {
    let mut opened = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let fixture = entry.unwrap().path();
        if fixture
            .extension()
            .is_none_or(|extension| extension != "db")
        {
            continue;
        }
        let scratch = tempfile::tempdir().unwrap();
        let database = scratch.path().join("store.db");
        fs::copy(&fixture, &database).unwrap();
        let store = Store::open(&database).unwrap();
        let held = fs::read(fixture.with_extension("convostore")).unwrap();
        assert!(
            archive(&store) == held,
            "{} holds something else",
            fixture.display()
        );
        assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
        let session = store.create_session(NewSession::new()).unwrap();
        store
            .save_message(&session.id, NewMessage::new(Role::USER, "new"))
            .unwrap();
        assert_eq!(
            store.for_tenant("other").unwrap().stats().unwrap().sessions,
            1
        );
        opened += 1;
    }
    assert!(opened > 0);
}
