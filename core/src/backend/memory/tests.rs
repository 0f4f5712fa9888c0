//! The contract in the three modes, and what is special to keepers.

use std::sync::{Arc, Mutex};

use super::{Keeper, MemoryBackend, Record};
use crate::backend::{
    Append, AppendRow, Appended, Backend, Continue, Lookup, SessionFilter, SessionRow,
    StartSession, WriteTransaction,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::lock;
use crate::model::{Content, Context, JsonObject, Lifecycle, Message, Role, Session};
use crate::testing::{FailAt, FailingBackend, Fixture, run_contract};

mod prepared;

struct Plain;

impl Fixture for Plain {
    fn fresh(&self) -> Arc<dyn Backend> {
        Arc::new(MemoryBackend::new())
    }

    fn reopen(&self, _: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        None
    }
}

/// A journal that a test can look into, and make fail.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<JournalState>>);

#[derive(Default)]
struct JournalState {
    records: Vec<Record>,
    last: Vec<Record>,
    fails: bool,
}

impl Keeper for Journal {
    fn keep(&mut self, changes: &[Record]) -> Result<()> {
        let mut state = lock(&self.0);
        if state.fails {
            return Err(Error::new(
                ErrorCode::DiskFull,
                "the test's quota is used up",
            ));
        }
        state.last = changes.to_vec();
        state.records.extend_from_slice(changes);
        Ok(())
    }
}

impl Journal {
    fn open(&self) -> MemoryBackend {
        let kept = lock(&self.0).records.clone();
        let backend = MemoryBackend::with_keeper(Box::new(self.clone()));
        backend.load(kept).unwrap();
        backend
    }

    fn last(&self) -> Vec<Record> {
        lock(&self.0).last.clone()
    }
}

/// Reopens by replaying the journal of the last fresh backend that was made with these ids; see [`Kept::reopen`].
#[derive(Default)]
struct Kept(Mutex<Vec<(usize, Journal)>>);

fn address(backend: &Arc<dyn Backend>) -> usize {
    Arc::as_ptr(backend).addr()
}

impl Kept {
    fn note(&self, backend: MemoryBackend, journal: Journal) -> Arc<dyn Backend> {
        let backend: Arc<dyn Backend> = Arc::new(backend);
        let mut journals = lock(&self.0);
        journals.retain(|(of, _)| *of != address(&backend));
        journals.push((address(&backend), journal));
        backend
    }
}

impl Fixture for Kept {
    fn fresh(&self) -> Arc<dyn Backend> {
        let journal = Journal::default();
        self.note(journal.open(), journal)
    }

    fn reopen(&self, backend: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        let of = address(&backend);
        let found = lock(&self.0).iter().find(|(at, _)| *at == of).cloned();
        let (_, journal) = found?;
        backend.close().unwrap();
        Some(self.note(journal.open(), journal))
    }
}

#[test]
fn plain_memory_keeps_the_contract() {
    run_contract(&Plain);
}

#[test]
fn kept_memory_keeps_the_contract() {
    run_contract(&Kept::default());
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis_clamped(millis)
}

fn start(id: &str, scope: &str, metadata: &str) -> Arc<StartSession> {
    let mut session = Session::new(id, scope, "agent", "created", at(1));
    session.metadata = JsonObject::parse(metadata).unwrap();
    let row = SessionRow {
        session,
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    };
    Arc::new(StartSession {
        find: Continue::Never,
        row,
    })
}

fn to_append(id: &str, content: Content) -> Arc<Append> {
    Arc::new(Append {
        session_id: id.to_owned(),
        rows: vec![AppendRow {
            role: Role::USER,
            content,
            token_count: None,
            is_summary: false,
            dedup_key: None,
            created_at: None,
            active_at: at(2),
        }],
        now: at(2),
        expected_revision: None,
        preview: None,
    })
}

fn count(backend: &dyn Backend) -> usize {
    let filter = crate::backend::MessageFilter::default();
    let messages = backend.messages("t", "one", &filter).unwrap();
    messages.map_or(0, |messages| messages.len())
}

fn snapshot(backend: &MemoryBackend) -> Vec<Record> {
    let mut out = Vec::new();
    let each = backend.snapshot_records(&mut |record| {
        out.push(record);
        Ok(())
    });
    each.unwrap();
    out
}

#[test]
fn what_is_not_kept_is_not_seen_and_the_next_write_works() {
    let journal = Journal::default();
    let backend = journal.open();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    lock(&journal.0).fails = true;
    let refused = backend.append("t", to_append("one", Content::text("lost")));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::DiskFull);
    let refused = backend.start_session("t", start("two", "a", "{}"));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::DiskFull);
    assert_eq!(count(&backend), 0);
    assert_eq!(
        backend
            .sessions(
                "t",
                &SessionFilter {
                    limit: 9,
                    ..Default::default()
                }
            )
            .unwrap()
            .len(),
        1
    );
    lock(&journal.0).fails = false;
    let saved = backend
        .append("t", to_append("one", Content::text("kept")))
        .unwrap();
    assert!(matches!(saved, Appended::Saved(_)));
    let reopened = journal.open();
    assert_eq!(count(&reopened), 1);
    assert_eq!(snapshot(&reopened), snapshot(&backend));
}

#[test]
fn an_append_is_two_records_however_long_the_history_and_the_metadata() {
    let journal = Journal::default();
    let backend = journal.open();
    backend
        .start_session("t", start("one", "a", r#"{"big":"metadata"}"#))
        .unwrap();
    for _ in 0..300 {
        backend
            .append("t", to_append("one", Content::text("hello")))
            .unwrap();
    }
    let last = journal.last();
    assert_eq!(last.len(), 2, "{last:?}");
    let keys: Vec<&str> = last.iter().map(Record::key).collect();
    assert_eq!(keys, ["v1 t s one a", "v1 t s one m 000000000000012c"]);
    let bytes: usize = last
        .iter()
        .map(|record| match record {
            Record::Put { value, .. } => value.len(),
            _ => 0,
        })
        .sum();
    assert!(bytes < 400, "{bytes} bytes for five");
}

#[test]
fn a_write_without_changes_is_not_kept() {
    let journal = Journal::default();
    let backend = journal.open();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    let before = lock(&journal.0).records.len();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    backend
        .append("t", to_append("absent", Content::text("x")))
        .unwrap();
    let work = &mut |tx: &mut dyn WriteTransaction| {
        tx.delete_messages("one", 0, 99)?;
        tx.delete_session("absent")?;
        tx.delete_context("absent")?;
        tx.start_session(&start("brief", "a", "{}"))?;
        tx.delete_session("brief").map(drop)
    };
    backend.write_alone("t", work).unwrap();
    assert_eq!(lock(&journal.0).records.len(), before);
}

#[test]
fn a_session_is_deleted_by_one_record() {
    let journal = Journal::default();
    let backend = journal.open();
    backend
        .start_session("t", start("one", "a", r#"{"a":1}"#))
        .unwrap();
    for _ in 0..10 {
        backend
            .append("t", to_append("one", Content::text("hello")))
            .unwrap();
    }
    backend
        .write_alone("t", &mut |tx| tx.delete_messages("one", 2, 5).map(drop))
        .unwrap();
    assert_eq!(journal.last().len(), 1);
    assert!(matches!(&journal.last()[0], Record::DeleteRange { .. }));
    backend
        .write_alone("t", &mut |tx| tx.delete_messages("one", 10, 10).map(drop))
        .unwrap();
    assert!(matches!(&journal.last()[..], [Record::Delete { .. }]));
    let emptied = snapshot(&backend);
    assert_eq!(snapshot(&journal.open()), emptied);
    backend
        .write_alone("t", &mut |tx| tx.delete_session("one").map(drop))
        .unwrap();
    let expected = Record::DeleteRange {
        first: "v1 t s one a".to_owned(),
        last: "v1 t s one m ffffffffffffffff".to_owned(),
    };
    assert_eq!(journal.last(), [expected]);
    assert_eq!(snapshot(&journal.open()), []);
}

/// Rows of every kind, whose names hold what separates and escapes.
fn exotic(backend: &MemoryBackend) {
    let names = [
        "",
        " ",
        "a",
        "a b",
        "a!20b",
        "\u{1}\n",
        "a/b",
        "Grüße 🦀",
        "m",
        "\u{10FFFF}",
    ];
    for tenant in names {
        for name in names {
            let id = format!("{name} ");
            backend
                .start_session(tenant, start(&id, name, r#"{ "n" : 1.0 }"#))
                .unwrap();
            for content in [
                Content::text(name),
                Content::json(r#" "\ud800" "#).unwrap(),
                Content::text("\0"),
            ] {
                backend.append(tenant, to_append(&id, content)).unwrap();
            }
            let mut message = Message::new(9, "critic", "x", at(-4));
            message.dedup_key = Some(name.to_owned());
            message.token_count = Some(7);
            message.is_summary = true;
            let data = JsonObject::parse(r#" { "of" : "\u0000" } "#).unwrap();
            let others = backend.write_alone(tenant, &mut |tx| {
                tx.insert_messages(&id, std::slice::from_ref(&message))?;
                tx.put_context(&Context::new(name, data.clone(), at(3)))?;
                tx.insert_lifecycle(&Lifecycle::new(name, "x").allow("x", "y").final_status("y"))
            });
            others.unwrap();
        }
    }
}

#[test]
fn what_is_loaded_is_what_was_written() {
    let journal = Journal::default();
    let backend = journal.open();
    exotic(&backend);
    let records = snapshot(&backend);
    let keys: Vec<&str> = records.iter().map(Record::key).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "in order, each once");
    let replayed = journal.open();
    let loaded = MemoryBackend::new();
    loaded.load(records.clone()).unwrap();
    for other in [replayed, loaded] {
        assert_eq!(snapshot(&other), records);
        assert_eq!(other.check().unwrap(), Vec::<String>::new());
        let found = other.session("a b", Lookup::Id("Grüße 🦀 ")).unwrap();
        assert_eq!(
            found,
            backend.session("a b", Lookup::Id("Grüße 🦀 ")).unwrap()
        );
        assert!(found.is_some());
    }
}

#[test]
fn records_of_another_writer_come_on_top() {
    let (journal, here) = (Journal::default(), MemoryBackend::new());
    let there = journal.open();
    there
        .start_session("t", start("one", "a", r#"{"a":1}"#))
        .unwrap();
    here.load(journal.last()).unwrap();
    there
        .append("t", to_append("one", Content::text("hello")))
        .unwrap();
    here.load(journal.last()).unwrap();
    // The same again changes nothing.
    here.load(journal.last()).unwrap();
    assert_eq!(snapshot(&here), snapshot(&there));
    assert_eq!(here.check().unwrap(), Vec::<String>::new());
}

#[test]
fn damaged_and_foreign_records_are_typed_errors_that_quote_no_message() {
    let journal = Journal::default();
    let backend = journal.open();
    backend.start_session("t", start("one", "a", "{}")).unwrap();
    backend
        .append("t", to_append("one", Content::text("a secret")))
        .unwrap();
    let session = snapshot(&backend).remove(0);
    let put = |key: &str, value: &str| Record::Put {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let message = "v1 t s one m 0000000000000002";
    let range = |first: &str, last: &str| Record::DeleteRange {
        first: first.to_owned(),
        last: last.to_owned(),
    };
    let damaged = [
        put(message, r#"{"role":"user","text":"a secret"}"#),
        put(
            message,
            r#"{"role":"user","text":"a secret","json":"1","created_at":1}"#,
        ),
        put(
            message,
            r#"{"role":"user","json":"{a secret","created_at":1}"#,
        ),
        put(
            message,
            r#"{"role":"user","text":17,"created_at":"a secret"}"#,
        ),
        put(message, r#"{"role":"user","text":"a sec"#),
        put(
            "v1 t s two m 0000000000000002",
            r#"{"role":"user","text":"a secret","created_at":1}"#,
        ),
        put("v1 t s two b", "{}"),
        put("v1 t s one b", "[\"a secret\"]"),
        put("v1 t s one a", "{}"),
        put(
            "v1 t c a",
            r#"{"data":"a secret","revision":1,"created_at":1,"updated_at":1}"#,
        ),
        put(
            "v1 t l x",
            r#"{"name":"y","initial":"a","statuses":["a"],"moves":[],"final_statuses":[]}"#,
        ),
        put("v1 t s one", "{}"),
        range("v1 t s one a", "v1 t s two m ffffffffffffffff"),
        range("v1 t s one a", "v1 u s one m ffffffffffffffff"),
        range("v1 t c a", "v1 t c b"),
        Record::Delete {
            key: "v1 t s one a".to_owned(),
        },
    ];
    let load = |record: Record| {
        let fresh = MemoryBackend::new();
        fresh.load([session.clone(), record]).unwrap_err()
    };
    for record in damaged {
        let error = load(record.clone());
        assert_eq!(error.code(), ErrorCode::Corrupted, "{record:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    for key in ["v2 t s one a", "something else"] {
        assert_eq!(load(put(key, "{}")).code(), ErrorCode::UnsupportedSchema);
    }
}

#[test]
fn coming_back_from_within_is_an_error_and_no_deadlock() {
    let backend = MemoryBackend::new();
    let other = MemoryBackend::new();
    let code = |result: Result<()>| result.unwrap_err().code();
    let inside = backend.write_alone("t", &mut |_| {
        assert_eq!(
            code(backend.write_alone("t", &mut |_| Ok(()))),
            ErrorCode::Reentrant
        );
        assert_eq!(
            code(backend.read("t", &mut |_| Ok(()))),
            ErrorCode::Reentrant
        );
        assert_eq!(code(backend.close()), ErrorCode::Reentrant);
        other.write_alone("t", &mut |tx| {
            tx.start_session(&start("one", "a", "{}")).map(drop)
        })
    });
    inside.unwrap();
    let inside = backend.read("t", &mut |_| backend.load([]));
    assert_eq!(code(inside), ErrorCode::Reentrant);
    backend.start_session("t", start("one", "a", "{}")).unwrap();
}

#[test]
fn the_failing_backend_fails_where_it_is_told() {
    let failing = FailingBackend::new(Arc::new(MemoryBackend::new()));
    failing.start_session("t", start("one", "a", "{}")).unwrap();
    let append = || failing.append("t", to_append("one", Content::text("x")));
    for (at, after) in [
        (FailAt::Start, 1),
        (FailAt::Commit, 2),
        (FailAt::Acknowledgement, 4),
    ] {
        failing.fail(1, at, ErrorCode::UnknownOutcome);
        append().unwrap();
        assert_eq!(append().unwrap_err().code(), ErrorCode::UnknownOutcome);
        assert!(!failing.is_armed());
        assert_eq!(count(&failing), after, "{at:?}");
    }
}
