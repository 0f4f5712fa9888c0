//! `check`: what is sound is found sound, and what is not is named.
#![cfg(feature = "sqlite")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use convostore::backend::memory::MemoryBackend;
use convostore::backend::{Backend, Continue, SessionRow, StartSession};
use convostore::{
    Content, Context, ErrorCode, ExportOptions, ImportOptions, JsonObject, Lifecycle, Message,
    MessageQuery, NewMessage, NewSession, PreviewRule, Role, SaveOptions, Session, SessionUpdate,
    Store, StoreOptions, Timestamp,
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

/// Everything that the operations do to a session.
fn live(store: &Store) {
    store
        .define_lifecycle(
            Lifecycle::new("review", "open")
                .allow("open", "merged")
                .final_status("merged"),
        )
        .unwrap();
    store.set_context("a", JsonObject::default(), None).unwrap();
    for n in 0..40 {
        let new = NewSession::new()
            .id(format!("s-{n:02}"))
            .scope("a")
            .key(n.to_string());
        let new = if n % 2 == 0 {
            new.lifecycle("review")
        } else {
            new.created_at(at(5))
        };
        let id = store.create_session(new).unwrap().id;
        let of = |m: i64| {
            NewMessage::new(
                if m == 0 { "system" } else { "user" },
                format!("{n} {m} {}", "👨‍👩‍👧".repeat(40)),
            )
            .dedup_key(m.to_string())
        };
        store
            .save_messages(&id, (0..n).map(of).collect(), SaveOptions::new())
            .unwrap();
        match n % 5 {
            0 => drop(store.clear_messages(&id).unwrap()),
            1 => drop(store.delete_messages_before(&id, 3).unwrap()),
            2 => drop(store.pop_message(&id).unwrap()),
            3 => drop(
                store
                    .save_message(&id, NewMessage::new(Role::USER, "old").created_at(at(1)))
                    .unwrap(),
            ),
            _ => drop(store.touch_session(&id).unwrap()),
        }
        if n % 4 == 0 {
            store
                .update_session(&id, SessionUpdate::new().status("merged"))
                .unwrap();
        }
    }
    store.delete_session("s-07", false).unwrap();
}

#[test]
fn a_store_that_was_only_used_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    for rule in [PreviewRule::First, PreviewRule::FirstSpoken] {
        let options = || StoreOptions::new().preview(rule);
        let file = options()
            .open(folder.path().join(format!("{rule:?}.db")))
            .unwrap();
        for store in [options().in_memory().unwrap(), file] {
            live(&store);
            let check = store.check().unwrap();
            assert_eq!(check.problems, [""; 0]);
            let stats = store.stats().unwrap();
            assert_eq!(
                (check.sessions, check.messages),
                (stats.sessions, stats.messages)
            );
            store.close().unwrap();
            assert_eq!(store.check().unwrap_err().code(), ErrorCode::Closed);
        }
    }
}

fn row(id: &str) -> SessionRow {
    let mut session = Session::new(id, "", "agent", "active", at(100));
    session.key = Some(id.to_owned());
    SessionRow {
        session,
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    }
}

fn message(seq: u64, content: impl Into<Content>) -> Message {
    Message::new(seq, "user", content, at(100))
}

/// The problems of a store with this one session.
fn problems(row: SessionRow, messages: &[Message]) -> Vec<String> {
    let backend = Arc::new(MemoryBackend::new());
    let id = row.session.id.clone();
    let start = StartSession {
        find: Continue::Never,
        row,
    };
    backend
        .write_alone("default", &mut |tx| {
            tx.start_session(&start)?;
            tx.insert_messages(&id, messages)
        })
        .unwrap();
    let store = StoreOptions::new().with_backend(backend).unwrap();
    store.check().unwrap().problems
}

type Change = fn(&mut SessionRow);

#[test]
fn each_broken_invariant_is_named() {
    let sound = || {
        let mut sound = row("s");
        sound.session.message_count = 2;
        sound.last_seq = 3;
        sound.session.preview = Some("Hello".into());
        sound.preview_seq = Some(1);
        sound
    };
    let messages = || vec![message(1, "Hello"), message(3, "there")];
    assert_eq!(problems(sound(), &messages()), [""; 0]);
    let changes: [(Change, &str); 16] = [
        (
            |row| row.session.message_count = 3,
            "counts 3 messages, but 2 are there",
        ),
        (
            |row| row.session.message_count = 4,
            "gave out only 3 numbers",
        ),
        (|row| row.last_seq = 2, "above the last one"),
        (|row| row.preview_seq = None, "its preview is of no message"),
        (|row| row.session.preview = None, "there is no preview"),
        (|row| row.preview_seq = Some(4), "which it never had"),
        (
            |row| row.preview_seq = Some(3),
            "its preview is not that of message 3",
        ),
        (
            |row| row.session.preview = Some("Hell".into()),
            "its preview is not that of message 1",
        ),
        (
            |row| row.session.preview = Some("x".repeat(101)),
            "101 code points",
        ),
        (|row| row.session.status = "gone".into(), "has no status"),
        (
            |row| row.session.lifecycle = "gone".into(),
            "is not defined",
        ),
        (|row| row.is_final = true, "marked wrongly"),
        (|row| row.session.revision = 0, "its revision is 0"),
        (|row| row.session.updated_at = at(99), "updated before"),
        (|row| row.session.last_active_at = at(99), "active before"),
        (
            |row| row.session.metadata = JsonObject::from_stored("{secret".into()),
            "metadata",
        ),
    ];
    for (change, expected) in changes {
        let mut row = sound();
        change(&mut row);
        let problems = problems(row, &messages());
        assert!(
            problems
                .iter()
                .any(|p| p.contains(expected) && p.contains("\"s\"")),
            "{expected}: {problems:?}"
        );
        assert!(
            problems.iter().all(|p| !p.contains("secret")),
            "{problems:?}"
        );
    }
    // A preview whose message is deleted stays.
    let mut trimmed = sound();
    trimmed.session.message_count = 1;
    assert_eq!(problems(trimmed, &[message(3, "there")]), [""; 0]);
}

#[test]
fn a_store_of_many_pages_is_sound_too() {
    let backend = Arc::new(MemoryBackend::new());
    backend
        .write_alone("default", &mut |tx| {
            for n in 0..1000 {
                let mut row = row(&n.to_string());
                // Some at one time, and in another order than by their ids.
                row.session.last_active_at = at(2000 - n / 3);
                row.session.updated_at = at(2000);
                row.session.created_at = at(n / 7);
                tx.start_session(&StartSession {
                    find: Continue::Never,
                    row,
                })?;
            }
            Ok(())
        })
        .unwrap();
    let check = StoreOptions::new().with_backend(backend).unwrap().check();
    let check = check.unwrap();
    assert_eq!((check.sessions, check.problems), (1000, Vec::new()));
}

/// Where a grapheme ends changes with Unicode's versions, so the last one of a long preview may be another version's.
#[test]
fn a_preview_may_end_elsewhere_where_it_is_long() {
    let text = "x".repeat(200);
    let of = |preview: String| {
        let mut row = row("s");
        row.session.message_count = 1;
        row.last_seq = 1;
        row.session.preview = Some(preview);
        row.preview_seq = Some(1);
        problems(row, &[message(1, text.as_str())]).is_empty()
    };
    for (length, is_sound) in [(100, true), (99, true), (65, true), (64, false), (1, false)] {
        assert_eq!(of("x".repeat(length)), is_sound, "{length}");
    }
    assert!(!of(format!("{}y", "x".repeat(99))));
}

#[test]
fn each_broken_message_is_named() {
    let check = |messages: &[Message], expected: &str| {
        let mut row = row("s");
        row.session.message_count = messages.len() as u64;
        row.last_seq = 9;
        let problems = problems(row, messages);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains("message 2 of the session \"s\"")
                && problems[0].contains(expected),
            "{problems:?}"
        );
    };
    let json = |json: &str| message(2, Content::from_stored(false, json.into()));
    check(&[message(1, "a"), json("{\"a\"")], "JSON");
    check(&[json(&"[".repeat(129)), message(3, "a")], "deeper");
    check(
        &[message(2, Content::from_stored(true, "a\0".into()))],
        "NUL",
    );
    let mut odd = message(2, "a");
    odd.role = Role::from("");
    check(&[odd], "role");
    let mut odd = message(2, "a");
    odd.token_count = Some(1 << 53);
    check(&[odd], "token_count");
}

#[test]
fn contexts_and_lifecycles_are_looked_at() {
    let backend = Arc::new(MemoryBackend::new());
    backend
        .write_alone("default", &mut |tx| {
            tx.put_context(&Context::new(
                "c",
                JsonObject::from_stored("[]".into()),
                at(1),
            ))?;
            tx.insert_lifecycle(&Lifecycle::new("", "x"))?;
            tx.insert_lifecycle(&Lifecycle::new("agent", "x"))
        })
        .unwrap();
    let problems = StoreOptions::new()
        .with_backend(backend)
        .unwrap()
        .check()
        .unwrap()
        .problems;
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems.iter().any(|p| p.contains("the context of \"c\"")));
}

#[test]
fn at_most_a_thousand_problems_are_listed() {
    let backend = Arc::new(MemoryBackend::new());
    backend
        .write_alone("default", &mut |tx| {
            for n in 0..2000 {
                let mut row = row(&n.to_string());
                row.session.message_count = 1;
                tx.start_session(&StartSession {
                    find: Continue::Never,
                    row,
                })?;
            }
            Ok(())
        })
        .unwrap();
    let check = StoreOptions::new()
        .with_backend(backend)
        .unwrap()
        .check()
        .unwrap();
    assert_eq!((check.sessions, check.problems.len()), (2000, 1000));
    assert!(!check.is_sound());
}

/// A SQLite file with rows that were damaged behind the store's back.
mod damaged {
    use super::*;

    fn damage(sql: &str) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&path).unwrap();
        live(&store);
        store.close().unwrap();
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.execute_batch(sql).unwrap();
        drop(raw);
        (folder, Store::open(&path).unwrap())
    }

    /// What check and the tolerant export say of it, and what the archive holds then.
    fn saved(store: &Store) -> (Vec<String>, Vec<String>, Store) {
        let problems = store.check().unwrap().problems;
        let error = store
            .export_archive(std::io::sink(), ExportOptions::new())
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Corrupted, "{error:?}");
        let mut archive = Vec::new();
        let report = store
            .export_archive(&mut archive, ExportOptions::new().tolerant(true))
            .unwrap();
        let copy = Store::in_memory().unwrap();
        copy.import_archive(archive.as_slice(), ImportOptions::new())
            .unwrap();
        assert_eq!(copy.check().unwrap().problems, [""; 0]);
        (problems, report.unreadable, copy)
    }

    fn says(sentences: &[String], expected: &str) {
        assert!(
            sentences.iter().any(|s| s.contains(expected)),
            "{expected}: {sentences:?}"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_at_all_is_a_problem_and_no_error() {
        let (folder, store) = damage("");
        let path = folder.path().join("store.db");
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
        let checked = store.check().unwrap();
        assert_eq!((checked.sessions, checked.messages), (0, 0));
        assert!(!checked.is_sound(), "{checked:?}");
    }

    #[test]
    fn single_messages_are_lost_and_no_others() {
        let (_folder, store) = damage(
            "UPDATE messages SET content = CAST(x'ff' AS TEXT) WHERE id & 4294967295 IN (7, 8, 10)
             AND id >> 32 = (SELECT no FROM sessions WHERE id = 's-39')",
        );
        let (problems, unreadable, copy) = saved(&store);
        for sentences in [&problems, &unreadable] {
            says(
                sentences,
                "messages 7 to 8 of the session \"s-39\" cannot be read",
            );
            says(
                sentences,
                "message 10 of the session \"s-39\" cannot be read",
            );
            assert_eq!(
                sentences.len(),
                2 + usize::from(sentences == &problems),
                "{sentences:?}"
            );
        }
        let seqs: Vec<u64> = copy
            .get_messages("s-39", MessageQuery::new())
            .unwrap()
            .iter()
            .map(|m| m.seq)
            .collect();
        assert_eq!(
            seqs,
            (1..=39)
                .filter(|seq| ![7, 8, 10].contains(seq))
                .collect::<Vec<_>>()
        );
        assert_eq!(copy.stats().unwrap().sessions, 39);
    }

    #[test]
    fn messages_of_a_lost_record_are_saved() {
        let (_folder, store) = damage(
            "UPDATE sessions SET created_at = -9223372036854775808 WHERE id IN ('s-13', 's-28')",
        );
        let (problems, unreadable, copy) = saved(&store);
        for id in ["s-13", "s-28"] {
            says(
                &problems,
                &format!("the record of the session {id:?} cannot be read"),
            );
            says(
                &unreadable,
                &format!("the record of the session {id:?} cannot be read"),
            );
            let texts = |store: &Store| store.get_messages(id, MessageQuery::new()).unwrap();
            assert_eq!(texts(&copy), texts(&store));
        }
        assert_eq!(store.check().unwrap().sessions, 39);
        assert_eq!(copy.stats().unwrap().sessions, 39);
        assert_eq!(
            copy.get_session("s-12").unwrap(),
            store.get_session("s-12").unwrap()
        );
    }

    /// An index that does not know a row: the session is there, but not in that list.
    #[test]
    fn a_session_that_a_list_lacks_is_missed() {
        for list in ["activity", "creation"] {
            let sql = format!(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = sql || ' WHERE tenant IS NULL' WHERE name = 'sessions_by_{list}';
                 PRAGMA writable_schema = RESET;
                 INSERT INTO sessions (no, tenant, id, scope, lifecycle, status, is_final, message_count, last_seq, revision, created_at, updated_at, last_active_at)
                     VALUES (1000, 'default', 'unlisted', '', 'agent', 'active', 0, 0, 0, 1, 5, 5, 5);
                 PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = replace(sql, ' WHERE tenant IS NULL', '') WHERE name = 'sessions_by_{list}';"
            );
            let (_folder, store) = damage(&sql);
            let problems = store.check().unwrap().problems;
            says(
                &problems,
                &format!("there are 40 sessions, but 39 in the list by {list}"),
            );
            let others = problems.iter().filter(|it| it.contains("in the list by"));
            assert_eq!(others.count(), 1, "{problems:?}");
        }
    }

    #[test]
    fn a_session_that_its_key_does_not_find_is_named_and_makes_no_plain_archive() {
        let (_folder, store) = damage(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = sql || ' AND tenant IS NULL' WHERE name = 'sessions_by_key';
             PRAGMA writable_schema = RESET;
             INSERT INTO sessions (no, tenant, id, scope, key, lifecycle, status, is_final, message_count, last_seq, revision, created_at, updated_at, last_active_at)
                 VALUES (1000, 'default', 'unknown', '', 'k', 'agent', 'active', 0, 0, 0, 1, 5, 5, 5);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, ' AND tenant IS NULL', '') WHERE name = 'sessions_by_key';",
        );
        says(
            &store.check().unwrap().problems,
            "the session \"unknown\": it is not found by its key",
        );
        let plain = store.export_archive(std::io::sink(), ExportOptions::new());
        assert_eq!(plain.unwrap_err().code(), ErrorCode::Corrupted);
    }

    #[test]
    fn records_lost_side_by_side_are_counted() {
        let (_folder, store) =
            damage("UPDATE sessions SET last_seq = -1 WHERE id IN ('s-11', 's-12', 's-13')");
        let (_, unreadable, copy) = saved(&store);
        says(&unreadable, "\"s-13\"");
        says(&unreadable, "2 more sessions cannot be read");
        assert_eq!(copy.stats().unwrap().sessions, 37);
    }

    #[test]
    fn a_lifecycle_and_a_context_that_are_lost_take_nothing_with_them() {
        let (_folder, store) =
            damage("UPDATE lifecycles SET definition = '{'; UPDATE contexts SET revision = -1");
        let (problems, unreadable, copy) = saved(&store);
        for sentences in [&problems, &unreadable] {
            says(sentences, "the context of \"a\" cannot be read");
            says(sentences, "the lifecycle \"review\" cannot be read");
        }
        assert_eq!(
            copy.get_session("s-02").unwrap().unwrap().lifecycle,
            "agent"
        );
        assert_eq!(
            copy.stats().unwrap().messages,
            store.stats().unwrap().messages
        );
    }

    /// A page of messages that stands in the place of another: SQLite follows it in circles and gives the same rows again and again.
    #[test]
    fn a_file_whose_pages_are_in_disorder_ends_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&path).unwrap();
        live(&store);
        store.close().unwrap();
        let sound = std::fs::read(&path).unwrap();
        let pages = sound.len() / 4096;
        for from in (1..pages).step_by(pages / 16) {
            let to = pages - from;
            let mut bytes = sound.clone();
            bytes.copy_within(from * 4096..(from + 1) * 4096, to * 4096);
            let path = folder.path().join(format!("{from}-{to}.db"));
            std::fs::write(&path, bytes).unwrap();
            let Ok(store) = Store::open(&path) else {
                continue;
            };
            let _ = store.check();
            let mut archive = Vec::new();
            let tolerant = ExportOptions::new().tolerant(true);
            if store.export_archive(&mut archive, tolerant).is_ok() {
                let copy = Store::in_memory().unwrap();
                copy.import_archive(archive.as_slice(), ImportOptions::new())
                    .unwrap();
            }
        }
    }

    /// A byte of a message's row in the file, so that the index of dedup keys knows nothing of it.
    #[test]
    fn a_dedup_key_that_became_that_of_another_message_is_in_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&path).unwrap();
        store.create_session(NewSession::new().id("a")).unwrap();
        for (key, content) in [("key-1", "first"), ("key-2", "second")] {
            let message = NewMessage::new(Role::USER, content).dedup_key(key);
            store.save_message("a", message).unwrap();
        }
        store.close().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // A row has the content right behind the key.
        let row = bytes.windows(11).position(|it| it == b"key-2second");
        bytes[row.unwrap() + 4] = b'1';
        std::fs::write(&path, bytes).unwrap();

        let store = Store::open(&path).unwrap();
        let plain = store.export_archive(std::io::sink(), ExportOptions::new());
        assert_eq!(plain.unwrap_err().code(), ErrorCode::Corrupted);
        let (_, unreadable, copy) = saved(&store);
        says(&unreadable, "its dedup key \"key-1\"");
        assert_eq!(copy.count_messages("a").unwrap(), 1);
    }

    #[test]
    fn counters_that_lie_are_found_and_mended() {
        let (_folder, store) = damage(
            "UPDATE sessions SET message_count = 99, last_seq = 99 WHERE id = 's-13'; UPDATE sessions SET last_seq = 2 WHERE id = 's-14';
             DELETE FROM messages WHERE id >> 32 = (SELECT no FROM sessions WHERE id = 's-16')",
        );
        let (problems, unreadable, _) = saved(&store);
        for id in ["s-13", "s-14"] {
            says(&problems, id);
            says(&unreadable, id);
        }
    }
}
