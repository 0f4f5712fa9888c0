//! From records to rows: what was kept comes back, whole or as a typed error.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::encode::{ContextValue, MessageValue, SessionValue};
use super::entry::{Entry, Said};
use super::record::{Name, Record, damaged, parse_key};
use super::row::{Row, shared};
use super::table::Tables;
use crate::error::Result;
use crate::model::{Content, Context, JsonObject, Lifecycle, Role};
use crate::rules::json;

/// The tenant, and the change as it is to be applied.
pub(super) fn decode(record: &Record) -> Result<(String, Change)> {
    match record {
        Record::Put { key, value } => {
            let (tenant, name) = parse_key(key)?;
            Ok((tenant, put(key, name, value)?))
        }
        Record::Delete { key } => {
            let (tenant, name) = parse_key(key)?;
            Ok((tenant, delete(key, name)?))
        }
        Record::DeleteRange { first, last } => delete_range(first, last),
    }
}

/// A decoded record.
pub(super) enum Change {
    Session(Row),
    Metadata(String, Arc<str>),
    Message(String, Entry),
    Context(Context),
    Lifecycle(Lifecycle),
    NoSession(String),
    NoMessages(String, u64, u64),
    NoContext(String),
}

fn put(key: &str, name: Name, value: &str) -> Result<Change> {
    Ok(match name {
        Name::Session(id) => Change::Session(row(&id, &read(key, value)?)),
        Name::Metadata(id) => Change::Metadata(id, Arc::from(object(key, value)?)),
        Name::Message(id, seq) => Change::Message(id, entry(key, seq, read(key, value)?)?),
        Name::Context(scope) => Change::Context(context(key, scope, read(key, value)?)?),
        Name::Lifecycle(name) => {
            let lifecycle: Lifecycle = read(key, value)?;
            if lifecycle.name != name {
                return Err(damaged(key, "it holds another lifecycle"));
            }
            Change::Lifecycle(lifecycle)
        }
    })
}

fn delete(key: &str, name: Name) -> Result<Change> {
    match name {
        Name::Message(id, seq) => Ok(Change::NoMessages(id, seq, seq)),
        Name::Context(scope) => Ok(Change::NoContext(scope)),
        _ => Err(damaged(key, "such a row is not deleted by itself")),
    }
}

fn delete_range(first: &str, last: &str) -> Result<(String, Change)> {
    let (tenant, from) = parse_key(first)?;
    let (same_tenant, to) = parse_key(last)?;
    let change = match (from, to) {
        (Name::Session(id), Name::Message(same, u64::MAX)) if id == same => Change::NoSession(id),
        (Name::Message(id, from), Name::Message(same, to)) if id == same => {
            Change::NoMessages(id, from, to)
        }
        _ => return Err(damaged(first, "it deletes no range of a session")),
    };
    if tenant != same_tenant {
        return Err(damaged(first, "it deletes rows of two tenants"));
    }
    Ok((tenant, change))
}

/// Reads a value. What serde says of a damaged one may quote it, and is left out: it may be a message.
fn read<'a, T: Deserialize<'a>>(key: &str, value: &'a str) -> Result<T> {
    serde_json::from_str(value).map_err(|error| {
        damaged(
            key,
            &format!("its value cannot be read from column {} on", error.column()),
        )
    })
}

fn object<'a>(key: &str, value: &'a str) -> Result<&'a str> {
    json::check_object("object", value, JsonObject::MAX_BYTES)
        .map_err(|_| damaged(key, "it holds no JSON object"))?;
    Ok(value)
}

fn row(id: &str, value: &SessionValue<'_>) -> Row {
    Row {
        id: Arc::from(id),
        scope: Arc::from(value.scope.as_ref()),
        key: shared(value.key.as_deref()),
        owner: shared(value.owner.as_deref()),
        lifecycle: Arc::from(value.lifecycle.as_ref()),
        status: Arc::from(value.status.as_ref()),
        metadata: Arc::from("{}"),
        preview: shared(value.preview.as_deref()),
        preview_seq: value.preview_seq,
        message_count: value.message_count,
        last_seq: value.last_seq,
        revision: value.revision,
        is_final: value.is_final,
        created_at: value.created_at,
        updated_at: value.updated_at,
        last_active_at: value.last_active_at,
    }
}

fn entry(key: &str, seq: u64, value: MessageValue<'_>) -> Result<Entry> {
    let content = match (value.text, value.json) {
        (Some(text), None) => Content::from_stored(true, text.into_owned()),
        (None, Some(raw)) => {
            json::check("content", &raw, Content::MAX_BYTES)
                .map_err(|_| damaged(key, "its content is no JSON"))?;
            Content::from_stored(false, raw.into_owned())
        }
        _ => return Err(damaged(key, "it has not one content")),
    };
    let said = Said {
        role: &Role::from(value.role.as_ref()),
        content: &content,
        token_count: value.token_count,
        is_summary: value.is_summary,
        dedup_key: value.dedup_key.as_deref(),
    };
    Ok(Entry::new(seq, value.created_at, &said))
}

fn context(key: &str, scope: String, value: ContextValue<'_>) -> Result<Context> {
    object(key, &value.data)?;
    let data = JsonObject::from_stored(Cow::into_owned(value.data));
    let mut context = Context::new(scope, data, value.created_at);
    context.revision = value.revision;
    context.updated_at = value.updated_at;
    Ok(context)
}

impl Change {
    /// Applies the change to committed rows. `key` is for the error.
    pub(super) fn apply(self, key: &str, tables: &mut Tables) -> Result<()> {
        match self {
            Self::Session(row) => return put_row(key, row, tables),
            Self::Metadata(id, metadata) => {
                let stored = tables.sessions.get_mut(id.as_str());
                stored.ok_or_else(|| orphan(key))?.row.metadata = metadata;
            }
            Self::Message(id, entry) => return put_message(key, &id, entry, tables),
            Self::Context(context) => {
                tables
                    .contexts
                    .insert(Arc::from(context.scope.as_str()), context);
            }
            Self::Lifecycle(lifecycle) => {
                tables
                    .lifecycles
                    .insert(Arc::from(lifecycle.name.as_str()), lifecycle);
            }
            Self::NoSession(id) => tables.remove_session(&id),
            Self::NoMessages(id, first, last) => tables.remove_messages(&id, first, last),
            Self::NoContext(scope) => {
                tables.contexts.remove(scope.as_str());
            }
        }
        Ok(())
    }
}

fn orphan(key: &str) -> crate::error::Error {
    damaged(key, "the record of its session is missing")
}

/// The metadata has a record of its own, so it stays.
fn put_row(key: &str, mut row: Row, tables: &mut Tables) -> Result<()> {
    let holder = row
        .key
        .as_ref()
        .and_then(|name| tables.id_of(&row.scope, name));
    if holder.is_some_and(|holder| *holder != row.id) {
        return Err(damaged(key, "another session has its key"));
    }
    if let Some(stored) = tables.sessions.get(&row.id) {
        if stored.row.scope != row.scope || stored.row.key != row.key {
            return Err(damaged(key, "it moves the session to another scope or key"));
        }
        row.metadata = Arc::clone(&stored.row.metadata);
    }
    tables.put_row(row);
    Ok(())
}

fn put_message(key: &str, id: &str, entry: Entry, tables: &mut Tables) -> Result<()> {
    let stored = tables.sessions.get(id).ok_or_else(|| orphan(key))?;
    let holder = entry.dedup_key().and_then(|name| stored.dedup.get(name));
    if holder.is_some_and(|seq| *seq != entry.seq) {
        return Err(damaged(key, "another message has its dedup key"));
    }
    tables.put_message(id, entry);
    Ok(())
}
