//! A session as memory holds it: cheap to clone, since every text in it is shared.

use std::sync::Arc;

use crate::backend::SessionRow;
use crate::clock::Timestamp;
use crate::model::{JsonObject, Session};

/// What a [`SessionRow`] says. Cloning it, which every append does, copies no text.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: Arc<str>,
    pub(super) scope: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) owner: Option<Arc<str>>,
    pub(super) lifecycle: Arc<str>,
    pub(super) status: Arc<str>,
    pub(super) metadata: Arc<str>,
    pub(super) preview: Option<Arc<str>>,
    pub(super) preview_seq: Option<u64>,
    pub(super) message_count: u64,
    pub(super) last_seq: u64,
    pub(super) revision: u64,
    pub(super) is_final: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) last_active_at: Timestamp,
}

/// Shares an optional text.
pub(super) fn shared(text: Option<&str>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

fn owned(text: Option<&Arc<str>>) -> Option<String> {
    text.map(|text| text.as_ref().to_owned())
}

impl Row {
    pub(super) fn new(row: &SessionRow) -> Self {
        let session = &row.session;
        Self {
            id: Arc::from(session.id.as_str()),
            scope: Arc::from(session.scope.as_str()),
            key: shared(session.key.as_deref()),
            owner: shared(session.owner.as_deref()),
            lifecycle: Arc::from(session.lifecycle.as_str()),
            status: Arc::from(session.status.as_str()),
            metadata: Arc::from(session.metadata.as_str()),
            preview: shared(session.preview.as_deref()),
            preview_seq: row.preview_seq,
            message_count: session.message_count,
            last_seq: row.last_seq,
            revision: session.revision,
            is_final: row.is_final,
            created_at: session.created_at,
            updated_at: session.updated_at,
            last_active_at: session.last_active_at,
        }
    }

    /// What `row` says, but with this row's id, scope, key and metadata.
    pub(super) fn updated(&self, row: &SessionRow) -> Self {
        Self {
            id: Arc::clone(&self.id),
            scope: Arc::clone(&self.scope),
            key: self.key.clone(),
            metadata: Arc::clone(&self.metadata),
            ..Self::new(row)
        }
    }

    pub(super) fn to_session_row(&self) -> SessionRow {
        let mut session = Session::new(
            self.id.as_ref(),
            self.scope.as_ref(),
            self.lifecycle.as_ref(),
            self.status.as_ref(),
            self.created_at,
        );
        session.key = owned(self.key.as_ref());
        session.owner = owned(self.owner.as_ref());
        session.metadata = JsonObject::from_stored(self.metadata.as_ref().to_owned());
        session.preview = owned(self.preview.as_ref());
        session.message_count = self.message_count;
        session.revision = self.revision;
        session.updated_at = self.updated_at;
        session.last_active_at = self.last_active_at;
        SessionRow {
            session,
            last_seq: self.last_seq,
            preview_seq: self.preview_seq,
            is_final: self.is_final,
        }
    }
}
