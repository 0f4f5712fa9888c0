//! From rows to records.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::overlay::{Overlay, SessionChange};
use super::record::{Record, context_key, lifecycle_key, message_key, metadata_key, session_key};
use super::row::Row;
use super::table::{Stored, Tables};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::{Context, Lifecycle};

/// The value of a session's record.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionValue<'a> {
    pub(super) scope: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Cow<'a, str>>,
    pub(super) lifecycle: Cow<'a, str>,
    pub(super) status: Cow<'a, str>,
    pub(super) is_final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preview: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preview_seq: Option<u64>,
    pub(super) message_count: u64,
    pub(super) last_seq: u64,
    pub(super) revision: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) last_active_at: Timestamp,
}

/// The value of a message's record: `text` or `json`.
#[derive(Serialize, Deserialize)]
pub(super) struct MessageValue<'a> {
    pub(super) role: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_count: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_summary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dedup_key: Option<Cow<'a, str>>,
    pub(super) created_at: Timestamp,
}

/// The value of a context's record.
#[derive(Serialize, Deserialize)]
pub(super) struct ContextValue<'a> {
    pub(super) data: Cow<'a, str>,
    pub(super) revision: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !value
}

fn json<T: Serialize>(value: &T) -> String {
    // Strings, numbers and flags: this cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn put(key: String, value: String) -> Record {
    Record::Put { key, value }
}

fn session(tenant: &str, row: &Row) -> Record {
    let value = SessionValue {
        scope: Cow::Borrowed(&row.scope),
        key: row.key.as_deref().map(Cow::Borrowed),
        owner: row.owner.as_deref().map(Cow::Borrowed),
        lifecycle: Cow::Borrowed(&row.lifecycle),
        status: Cow::Borrowed(&row.status),
        is_final: row.is_final,
        preview: row.preview.as_deref().map(Cow::Borrowed),
        preview_seq: row.preview_seq,
        message_count: row.message_count,
        last_seq: row.last_seq,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
        last_active_at: row.last_active_at,
    };
    put(session_key(tenant, &row.id), json(&value))
}

fn metadata(tenant: &str, row: &Row) -> Record {
    put(
        metadata_key(tenant, &row.id),
        row.metadata.as_ref().to_owned(),
    )
}

fn message(tenant: &str, id: &str, entry: &Entry) -> Record {
    let role = entry.role();
    let body = Some(Cow::Borrowed(entry.body()));
    let (text, raw) = if entry.is_text() {
        (body, None)
    } else {
        (None, body)
    };
    let value = MessageValue {
        role: Cow::Borrowed(role.as_str()),
        text,
        json: raw,
        token_count: entry.token_count(),
        is_summary: entry.is_summary,
        dedup_key: entry.dedup_key().map(|key| Cow::Borrowed(key.as_ref())),
        created_at: entry.created_at,
    };
    put(message_key(tenant, id, entry.seq), json(&value))
}

fn context(tenant: &str, context: &Context) -> Record {
    let value = ContextValue {
        data: Cow::Borrowed(context.data.as_str()),
        revision: context.revision,
        created_at: context.created_at,
        updated_at: context.updated_at,
    };
    put(context_key(tenant, &context.scope), json(&value))
}

fn lifecycle(tenant: &str, lifecycle: &Lifecycle) -> Record {
    put(lifecycle_key(tenant, &lifecycle.name), json(lifecycle))
}

/// The session and all that belongs to it.
fn no_session(tenant: &str, id: &str) -> Record {
    Record::DeleteRange {
        first: session_key(tenant, id),
        last: message_key(tenant, id, u64::MAX),
    }
}

fn no_messages(tenant: &str, id: &str, first: u64, last: u64) -> Record {
    let key = message_key(tenant, id, first);
    if first == last {
        return Record::Delete { key };
    }
    Record::DeleteRange {
        first: key,
        last: message_key(tenant, id, last),
    }
}

impl Overlay {
    /// The changes as a keeper gets them. Deletions first, as they are applied.
    pub(super) fn records(&self, tenant: &str) -> Vec<Record> {
        let replaced = self.sessions.iter().filter(|(_, change)| change.replaces);
        let mut out: Vec<Record> = replaced.map(|(id, _)| no_session(tenant, id)).collect();
        for change in self.sessions.values() {
            session_records(tenant, change, &mut out);
        }
        for (scope, changed) in &self.contexts {
            out.push(match changed {
                Some(changed) => context(tenant, changed),
                None => Record::Delete {
                    key: context_key(tenant, scope),
                },
            });
        }
        out.extend(self.lifecycles.values().map(|new| lifecycle(tenant, new)));
        out
    }
}

fn session_records(tenant: &str, change: &SessionChange, out: &mut Vec<Record>) {
    let Some(row) = &change.row else { return };
    if change.row_changed {
        out.push(session(tenant, row));
    }
    if change.metadata_changed {
        out.push(metadata(tenant, row));
    }
    let removed = change.removed.iter();
    out.extend(removed.map(|(first, last)| no_messages(tenant, &row.id, *first, *last)));
    let added = change.added.range(0, u64::MAX);
    out.extend(added.map(|entry| message(tenant, &row.id, entry)));
}

/// All rows of a tenant, in order of their keys.
pub(super) fn snapshot(
    tenant: &str,
    tables: &Tables,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    for row in tables.contexts.values() {
        each(context(tenant, row))?;
    }
    for row in tables.lifecycles.values() {
        each(lifecycle(tenant, row))?;
    }
    for stored in tables.sessions.values() {
        snapshot_session(tenant, stored, each)?;
    }
    Ok(())
}

fn snapshot_session(
    tenant: &str,
    stored: &Stored,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    each(session(tenant, &stored.row))?;
    if *stored.row.metadata != *"{}" {
        each(metadata(tenant, &stored.row))?;
    }
    for entry in stored.log.range(0, u64::MAX) {
        each(message(tenant, &stored.row.id, entry))?;
    }
    Ok(())
}
