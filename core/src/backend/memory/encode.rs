//! From rows to records.

use super::entry::Entry;
use super::overlay::{Overlay, SessionChange};
use super::record::{Record, context_key, lifecycle_key, message_key, metadata_key, session_key};
use super::row::Row;
use super::table::{Stored, Tables};
use crate::error::Result;
use crate::json::Object;
use crate::model::{Context, Lifecycle};

/// The value of a record.
fn object(capacity: usize, fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::with_capacity(capacity);
    let mut object = Object::new(&mut out);
    fill(&mut object);
    // A string takes all.
    object.end();
    out
}

fn put(key: String, value: String) -> Record {
    Record::Put { key, value }
}

fn session(tenant: &str, row: &Row) -> Record {
    let value = object(320, |out| {
        out.text("scope", &row.scope);
        out.optional_text("key", row.key.as_deref());
        out.optional_text("owner", row.owner.as_deref());
        out.text("lifecycle", &row.lifecycle);
        out.text("status", &row.status);
        out.flag("is_final", row.is_final);
        out.optional_text("preview", row.preview.as_deref());
        out.optional_number("preview_seq", row.preview_seq);
        out.number("message_count", row.message_count);
        out.number("last_seq", row.last_seq);
        out.number("revision", row.revision);
        out.time("created_at", row.created_at);
        out.time("updated_at", row.updated_at);
        out.time("last_active_at", row.last_active_at);
    });
    put(session_key(tenant, &row.id), value)
}

fn metadata(tenant: &str, row: &Row) -> Record {
    put(
        metadata_key(tenant, &row.id),
        row.metadata.as_ref().to_owned(),
    )
}

/// The content is in `text` or in `json`.
fn message(tenant: &str, id: &str, entry: &Entry) -> Record {
    let value = object(entry.body().len() + 80, |out| {
        out.text("role", entry.role().as_str());
        out.text(if entry.is_text() { "text" } else { "json" }, entry.body());
        out.optional_number("token_count", entry.token_count());
        if entry.is_summary {
            out.flag("is_summary", true);
        }
        out.optional_text("dedup_key", entry.dedup_key().map(AsRef::as_ref));
        out.time("created_at", entry.created_at);
    });
    put(message_key(tenant, id, entry.seq), value)
}

fn context(tenant: &str, context: &Context) -> Record {
    let value = object(context.data.as_str().len() + 128, |out| {
        out.text("data", context.data.as_str());
        out.number("revision", context.revision);
        out.time("created_at", context.created_at);
        out.time("updated_at", context.updated_at);
    });
    put(context_key(tenant, &context.scope), value)
}

fn lifecycle(tenant: &str, lifecycle: &Lifecycle) -> Record {
    let value = object(512, |out| lifecycle.write(out));
    put(lifecycle_key(tenant, &lifecycle.name), value)
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
        for (scope, changed) in self.contexts.iter() {
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
