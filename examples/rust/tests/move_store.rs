//! A store moves from a SQLite file to PostgreSQL and back, to the byte and in constant memory.

use std::path::Path;
use std::process::{Command, Output};

use convostore::{
    Content, JsonObject, Lifecycle, NewMessage, NewSession, Role, SaveOptions, Store,
};

fn url() -> Option<String> {
    if let Ok(url) = std::env::var("CONVOSTORE_TEST_POSTGRES_URL") {
        return Some(url);
    }
    assert!(
        std::env::var_os("CONVOSTORE_SKIP_POSTGRES").is_some(),
        "no PostgreSQL to test on: run this under scripts/postgres.sh, or set CONVOSTORE_SKIP_POSTGRES=1"
    );
    eprintln!("PostgreSQL was SKIPPED");
    None
}

fn schema(name: &str) -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("move_{name}_{}", time.unwrap().as_millis())
}

fn moving(folder: &Path, schema: &str, archive: &str, source: &str, target: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_move-store"))
        .current_dir(folder)
        .args(["--schema", schema, "--archive", archive, source])
        .env("CONVOSTORE_TARGET", target)
        .output()
        .unwrap()
}

fn moved(folder: &Path, schema: &str, archive: &str, source: &str, target: &str) -> String {
    let output = moving(folder, schema, archive, source, target);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    for what in ["exported 100 %", "imported 100 %", "compared 100 %"] {
        assert!(errors.contains(what), "{what}: {errors}");
    }
    String::from_utf8(output.stdout).unwrap()
}

/// Everything that could be lost on the way.
fn fill(store: &Store) {
    store
        .define_lifecycle(Lifecycle::new("simple", "open").final_status("shut"))
        .unwrap();
    store
        .set_context(
            "C042",
            JsonObject::parse(r#"{"b":1.50,"a":18446744073709551616}"#).unwrap(),
            None,
        )
        .unwrap();
    for n in 0..40 {
        let new = NewSession::new()
            .scope("C042")
            .key(format!("k{n}"))
            .owner("ünïcode 🦀")
            .lifecycle("simple")
            .metadata(JsonObject::parse(r#"{"z":0,"a":[1.0]}"#).unwrap());
        let session = store.create_session(new).unwrap().id;
        let contents = [
            Content::text("plain\ntext, with \"quotes\" and \t"),
            Content::json(r#""NUL \u0000 and a lone \ud800""#).unwrap(),
            Content::json(r#"{"n":1e400,"dup":1,"text":"x"}"#).unwrap(),
        ];
        let rows = contents.into_iter().enumerate().map(|(i, content)| {
            NewMessage::new(Role::USER, content)
                .dedup_key(format!("d{i}"))
                .token_count(7)
        });
        store
            .save_messages(&session, rows.collect::<Vec<_>>(), SaveOptions::new())
            .unwrap();
        // Numbers that were used and are free no more.
        store.pop_message(&session).unwrap();
        store.delete_messages_before(&session, 2).unwrap();
    }
}

#[test]
fn a_sqlite_file_moves_to_postgresql_and_back_to_the_byte() {
    let Some(url) = url() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = Store::open(at("first.db")).unwrap();
    fill(&store);
    store.close().unwrap();

    let schema = schema("there");
    let said = moved(folder.path(), &schema, "there.convostore", "first.db", &url);
    assert!(
        said.contains("imported 40 sessions, 40 messages and 1 contexts"),
        "{said}"
    );
    // Again: nothing is there twice.
    let said = moved(folder.path(), &schema, "again.convostore", "first.db", &url);
    assert!(said.contains("imported 0 sessions"), "{said}");
    let said = moved(folder.path(), &schema, "back.convostore", &url, "second.db");
    assert!(said.contains("are the same in all"), "{said}");
    let archive = |name: &str| std::fs::read(at(name)).unwrap();
    assert_eq!(archive("there.convostore"), archive("back.convostore"));
    assert!(
        Store::open(at("second.db"))
            .unwrap()
            .check()
            .unwrap()
            .is_sound()
    );
}

#[test]
fn a_target_with_data_of_its_own_is_told() {
    let Some(url) = url() else { return };
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Store::open(folder.path().join(name)).unwrap();
    fill(&open("first.db"));
    open("other.db").create_session(NewSession::new()).unwrap();
    let schema = schema("own");
    moved(folder.path(), &schema, "a.convostore", "other.db", &url);
    let output = moving(folder.path(), &schema, "b.convostore", "first.db", &url);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(errors.contains("data of its own"), "{errors}");
}

/// The memory that moving so many messages of 100 KB takes at most, and the archive's size, in bytes.
fn memory(url: &str, messages: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("first.db")).unwrap();
    let session = store.create_session(NewSession::new()).unwrap().id;
    for _ in 0..messages {
        let message = NewMessage::new(Role::USER, "x".repeat(100_000));
        store.save_message(&session, message).unwrap();
    }
    store.close().unwrap();
    let schema = schema(&format!("memory{messages}"));
    let output = moving(folder.path(), &schema, "a.convostore", "first.db", url);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    for tenth in 1..=10 {
        assert!(errors.contains(&format!("imported {tenth}0 %")), "{errors}");
    }
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said
        .lines()
        .find(|line| line.starts_with("at most"))
        .unwrap();
    let peak = line.split(' ').nth(2).unwrap().parse().unwrap();
    let archive = folder.path().join("a.convostore");
    (peak, std::fs::metadata(archive).unwrap().len())
}

#[test]
#[cfg(target_os = "linux")]
fn it_takes_no_more_memory_for_more_data() {
    let Some(url) = url() else { return };
    let ((small, few), (large, many)) = (memory(&url, 20), memory(&url, 220));
    assert!(many - few >= 20_000_000);
    assert!(large < small + 6_000_000, "{small} then {large} bytes");
}
