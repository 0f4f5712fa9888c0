//! Short ways to make rows.

use std::sync::Arc;

use convostore::backend::{
    Append, AppendRow, Appended, Backend, Continue, MessageFilter, SavedRow, SessionRow,
    StartSession, Started,
};
use convostore::{Content, Role, Session, Timestamp};

pub(crate) const T: &str = "tenant";

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis_clamped(millis)
}

pub(crate) fn row(id: &str, key: Option<&str>) -> SessionRow {
    let mut session = Session::new(id, "scope", "agent", "created", at(1));
    session.key = key.map(str::to_owned);
    SessionRow {
        session,
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    }
}

pub(crate) fn start(
    backend: &dyn Backend,
    find: Continue,
    row: SessionRow,
) -> convostore::Result<Started> {
    backend.start_session(T, Arc::new(StartSession { find, row }))
}

pub(crate) fn insert(backend: &dyn Backend, id: &str) {
    assert_eq!(
        start(backend, Continue::Never, row(id, None)).unwrap(),
        Started::Created
    );
}

pub(crate) fn said(text: &str, dedup_key: Option<&str>) -> AppendRow {
    AppendRow {
        role: Role::USER,
        content: Content::text(text),
        token_count: None,
        is_summary: false,
        dedup_key: dedup_key.map(str::to_owned),
        created_at: None,
        active_at: at(2),
    }
}

pub(crate) fn to_append(id: &str, rows: Vec<AppendRow>) -> Arc<Append> {
    Arc::new(Append {
        session_id: id.to_owned(),
        rows,
        now: at(2),
        expected_revision: None,
        preview: None,
    })
}

pub(crate) fn say(backend: &dyn Backend, id: &str, text: &str) -> convostore::Result<Appended> {
    backend.append(T, to_append(id, vec![said(text, None)]))
}

pub(crate) fn say_keyed(
    backend: &dyn Backend,
    id: &str,
    text: &str,
    key: &str,
) -> convostore::Result<Appended> {
    backend.append(T, to_append(id, vec![said(text, Some(key))]))
}

pub(crate) fn is_new(appended: &Appended) -> bool {
    matches!(appended, Appended::Saved(rows) if matches!(rows[..], [SavedRow::New { .. }]))
}

pub(crate) fn texts(backend: &dyn Backend, id: &str) -> Vec<String> {
    let messages = backend
        .messages(T, id, &MessageFilter::default())
        .unwrap()
        .unwrap();
    messages
        .iter()
        .map(|message| message.content.body().to_owned())
        .collect()
}
