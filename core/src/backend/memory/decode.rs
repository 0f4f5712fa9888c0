//! From records to rows: what was kept comes back, whole or as a typed error.

use std::sync::Arc;

use super::entry::{Entry, Said};
use super::record::{Name, Record, damaged, parse_key};
use super::row::{Row, shared};
use super::table::Tables;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::json::Fields;
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
    let mut fields = Fields::of(value).map_err(|_| damaged(key, "its value is no JSON object"))?;
    let change = match name {
        Name::Session(id) => Change::Session(row(&id, &mut fields)),
        Name::Metadata(id) => Change::Metadata(id, Arc::from(object(key, value)?)),
        Name::Message(id, seq) => Change::Message(id, entry(key, seq, &mut fields)?),
        Name::Context(scope) => Change::Context(context(key, scope, &mut fields)?),
        Name::Lifecycle(name) => {
            let lifecycle = Lifecycle::read(&mut fields);
            if lifecycle.name != name {
                return Err(damaged(key, "it holds another lifecycle"));
            }
            Change::Lifecycle(lifecycle)
        }
    };
    if fields.are_sound() {
        Ok(change)
    } else {
        Err(damaged(key, "its value lacks a member that it must have"))
    }
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

fn object<'a>(key: &str, value: &'a str) -> Result<&'a str> {
    json::check_object("object", value, JsonObject::MAX_BYTES)
        .map_err(|_| damaged(key, "it holds no JSON object"))?;
    Ok(value)
}

fn row(id: &str, fields: &mut Fields<'_>) -> Row {
    Row {
        id: Arc::from(id),
        scope: fields.text("scope").into(),
        key: shared(fields.optional_text("key").as_deref()),
        owner: shared(fields.optional_text("owner").as_deref()),
        lifecycle: fields.text("lifecycle").into(),
        status: fields.text("status").into(),
        is_final: fields.flag("is_final"),
        metadata: Arc::from("{}"),
        preview: shared(fields.optional_text("preview").as_deref()),
        preview_seq: fields.optional_number("preview_seq"),
        message_count: fields.number("message_count"),
        last_seq: fields.number("last_seq"),
        revision: fields.number("revision"),
        created_at: fields.time("created_at"),
        updated_at: fields.time("updated_at"),
        last_active_at: fields.time("last_active_at"),
    }
}

fn entry(key: &str, seq: u64, fields: &mut Fields<'_>) -> Result<Entry> {
    let role = fields.text("role");
    let content = match (fields.optional_text("text"), fields.optional_text("json")) {
        (Some(text), None) => Content::from_stored(true, text),
        (None, Some(raw)) => {
            json::check("content", &raw, Content::MAX_BYTES)
                .map_err(|_| damaged(key, "its content is no JSON"))?;
            Content::from_stored(false, raw)
        }
        _ => return Err(damaged(key, "it has not one content")),
    };
    let dedup_key = fields.optional_text("dedup_key");
    let said = Said {
        role: &Role::from(role),
        content: &content,
        token_count: fields.optional_number("token_count"),
        is_summary: fields.flag("is_summary"),
        dedup_key: dedup_key.as_deref(),
    };
    Ok(Entry::new(seq, fields.time("created_at"), &said))
}

fn context(key: &str, scope: String, fields: &mut Fields<'_>) -> Result<Context> {
    let data = fields.text("data");
    object(key, &data)?;
    let mut context = Context::new(scope, JsonObject::from_stored(data), Timestamp::MIN);
    context.revision = fields.number("revision");
    context.created_at = fields.time("created_at");
    context.updated_at = fields.time("updated_at");
    Ok(context)
}

impl Change {
    /// Applies the change to committed rows. `key` is for the error.
    pub(super) fn apply(self, key: &str, tables: &mut Tables) -> Result<()> {
        match self {
            Self::Session(row) => return put_row(key, row, tables),
            Self::Metadata(id, metadata) => {
                let stored = tables.sessions.get_mut(&id);
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
        .and_then(|name| tables.slot_of(&row.scope, name));
    if holder.is_some_and(|holder| tables.sessions.slot(&row.id) != Some(holder)) {
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
    let slot = tables.sessions.slot(id);
    let stored = slot.and_then(|slot| tables.sessions.at(slot));
    let stored = stored.ok_or_else(|| orphan(key))?;
    let holder = entry.dedup_key().and_then(|name| stored.dedup.value(name));
    if holder.is_some_and(|seq| seq != entry.seq) {
        return Err(damaged(key, "another message has its dedup key"));
    }
    tables.put_message(slot, entry);
    Ok(())
}
