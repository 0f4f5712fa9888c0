//! Short ways to make the rows that cases need.

use std::sync::Arc;

use crate::backend::{
    Append, AppendRow, Appended, Backend, Continue, Lookup, MessageFilter, SavedRow, SessionFilter,
    SessionRow, StartSession, Started, WriteTransaction,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Content, Message, Role, Session};

/// The tenant of most cases.
pub(super) const T: &str = "tenant";

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis_clamped(millis)
}

/// A new session's row.
pub(super) fn row(id: &str, scope: &str, millis: i64) -> SessionRow {
    SessionRow {
        session: Session::new(id, scope, "agent", "created", at(millis)),
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    }
}

pub(super) fn keyed(id: &str, scope: &str, key: &str, millis: i64) -> SessionRow {
    let mut out = row(id, scope, millis);
    out.session.key = Some(key.to_owned());
    out
}

pub(super) fn start(find: Continue, row: SessionRow) -> Arc<StartSession> {
    Arc::new(StartSession { find, row })
}

/// Inserts a session in a tenant.
pub(super) fn insert_in(backend: &dyn Backend, tenant: &str, row: SessionRow) {
    let started = backend
        .start_session(tenant, start(Continue::Never, row))
        .unwrap();
    assert_eq!(started, Started::Created);
}

pub(super) fn insert(backend: &dyn Backend, row: SessionRow) {
    insert_in(backend, T, row);
}

pub(super) fn get(backend: &dyn Backend, id: &str) -> Option<SessionRow> {
    backend.session(T, Lookup::Id(id)).unwrap()
}

pub(super) fn said(text: &str, millis: i64) -> AppendRow {
    AppendRow {
        role: Role::USER,
        content: Content::text(text),
        token_count: None,
        is_summary: false,
        dedup_key: None,
        created_at: None,
        active_at: at(millis),
    }
}

pub(super) fn dedup(text: &str, key: &str, millis: i64) -> AppendRow {
    AppendRow {
        dedup_key: Some(key.to_owned()),
        ..said(text, millis)
    }
}

pub(super) fn to_append(id: &str, millis: i64, rows: Vec<AppendRow>) -> Append {
    Append {
        session_id: id.to_owned(),
        rows,
        now: at(millis),
        expected_revision: None,
        preview: None,
    }
}

pub(super) fn append(backend: &dyn Backend, append: Append) -> Appended {
    backend.append(T, Arc::new(append)).unwrap()
}

/// Appends texts, each of which is written.
pub(super) fn say(backend: &dyn Backend, id: &str, millis: i64, texts: &[&str]) {
    let rows = texts.iter().map(|text| said(text, millis)).collect();
    let Appended::Saved(saved) = append(backend, to_append(id, millis, rows)) else {
        panic!("the append was refused");
    };
    assert!(saved.iter().all(|row| matches!(row, SavedRow::New { .. })));
}

pub(super) fn all_messages(backend: &dyn Backend, id: &str) -> Vec<Message> {
    let filter = MessageFilter::default();
    backend
        .messages(T, id, &filter)
        .unwrap()
        .expect("the session is there")
}

pub(super) fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.seq).collect()
}

pub(super) fn new_row(seq: u64, millis: i64) -> SavedRow {
    SavedRow::New {
        seq,
        created_at: at(millis),
    }
}

pub(super) fn any(limit: usize) -> SessionFilter {
    SessionFilter {
        limit,
        ..SessionFilter::default()
    }
}

pub(super) fn ids(rows: &[SessionRow]) -> Vec<&str> {
    rows.iter().map(|row| row.session.id.as_str()).collect()
}

pub(super) fn list(backend: &dyn Backend, filter: &SessionFilter) -> Vec<String> {
    let rows = backend.sessions(T, filter).unwrap();
    ids(&rows).into_iter().map(str::to_owned).collect()
}

/// Runs work in a transaction of its own, which commits.
pub(super) fn write(
    backend: &dyn Backend,
    mut work: impl FnMut(&mut dyn WriteTransaction) -> Result<()>,
) {
    backend.write_alone(T, &mut work).unwrap();
}

/// The error with which cases give up a transaction.
pub(super) fn given_up() -> Error {
    Error::new(ErrorCode::InvalidTransition, "given up by the test")
}

/// Asserts that the backend finds nothing wrong with itself.
pub(super) fn assert_sound(backend: &dyn Backend) {
    assert_eq!(backend.check().unwrap(), Vec::<String>::new());
}
