//! The lines of an archive: what each holds, in its one canonical encoding. The fields stand in the order in which they are written.

use std::borrow::Cow;

use super::grammar::Counts;
use crate::backend::SessionRow;
use crate::error::Result;
use crate::json::{Fields, Malformed, Object, Sink, members};
use crate::model::{Content, Context, JsonObject, Lifecycle, Message, Role, Session};
use crate::rules::json;

/// A line after the first, to be written.
pub(super) enum Line<'a> {
    Lifecycle(&'a Lifecycle),
    Context(&'a Context),
    Session(&'a SessionRow),
    Message(&'a Message),
    End(Counts, &'a str),
}

impl Line<'_> {
    /// Writes the line without its end.
    pub(super) fn write(&self, out: &mut dyn Sink) {
        let mut line = Object::new(out);
        match self {
            Self::Lifecycle(lifecycle) => line.object("lifecycle", &mut |out| lifecycle.write(out)),
            Self::Context(context) => {
                line.object("context", &mut |out| write_context(out, context));
            }
            Self::Session(row) => line.object("session", &mut |out| write_session(out, row)),
            Self::Message(message) => {
                line.object("message", &mut |out| write_message(out, message));
            }
            Self::End(counts, sha256) => line.object("end", &mut |out| {
                out.object("counts", &mut |out| write_counts(out, counts));
                out.text("sha256", sha256);
            }),
        }
        line.end();
    }

    /// Whether this is what the line's text says, to the byte: there is one way to write a row.
    pub(super) fn is(&self, line: &str) -> bool {
        let mut rest = Expected(Some(line));
        self.write(&mut rest);
        rest.0 == Some("")
    }
}

/// What is expected next; nothing any more once something else came.
struct Expected<'a>(Option<&'a str>);

impl Sink for Expected<'_> {
    fn put(&mut self, text: &str) {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(text));
    }
}

fn write_context(out: &mut Object<'_>, context: &Context) {
    out.text("scope", &context.scope);
    out.text("data", context.data.as_str());
    out.number("revision", context.revision);
    out.time("created_at", context.created_at);
    out.time("updated_at", context.updated_at);
}

fn write_session(out: &mut Object<'_>, row: &SessionRow) {
    let session = &row.session;
    out.text("id", &session.id);
    out.text("scope", &session.scope);
    out.optional_text("key", session.key.as_deref());
    out.optional_text("owner", session.owner.as_deref());
    out.text("lifecycle", &session.lifecycle);
    out.text("status", &session.status);
    out.text("metadata", session.metadata.as_str());
    out.optional_text("preview", session.preview.as_deref());
    out.optional_number("preview_seq", row.preview_seq);
    out.number("message_count", session.message_count);
    out.number("last_seq", row.last_seq);
    out.number("revision", session.revision);
    out.time("created_at", session.created_at);
    out.time("updated_at", session.updated_at);
    out.time("last_active_at", session.last_active_at);
}

/// A message has either `text` or `json`.
fn write_message(out: &mut Object<'_>, message: &Message) {
    out.number("seq", message.seq);
    out.text("role", message.role.as_str());
    let (is_text, body) = content_member(&message.content);
    out.text(if is_text { "text" } else { "json" }, &body);
    out.optional_number("token_count", message.token_count);
    if message.is_summary {
        out.flag("is_summary", true);
    }
    out.optional_text("dedup_key", message.dedup_key.as_deref());
    out.time("created_at", message.created_at);
}

/// Identity of a content is its JSON text, so a JSON string that is plain text counts as text however a backend holds it.
fn content_member(content: &Content) -> (bool, Cow<'_, str>) {
    let body = content.body();
    if content.is_text() {
        return (true, Cow::Borrowed(body));
    }
    match json::plain_text_of(body) {
        Some(text) => (true, Cow::Owned(text)),
        None => (false, Cow::Borrowed(body)),
    }
}

fn write_counts(out: &mut Object<'_>, counts: &Counts) {
    out.number("lifecycles", counts.lifecycles);
    out.number("contexts", counts.contexts);
    out.number("sessions", counts.sessions);
    out.number("messages", counts.messages);
}

/// Splits a line into the kind of its row and the row's members.
pub(super) fn split(line: &str) -> Result<(&str, Fields<'_>), Malformed> {
    let malformed = Malformed {
        at: 0,
        is_too_deep: false,
    };
    match members(line)?.as_slice() {
        [(kind, row)] => Ok((kind, Fields::of(row)?)),
        _ => Err(malformed),
    }
}

pub(super) fn read_context(fields: &mut Fields<'_>) -> Context {
    let (scope, data) = (fields.text("scope"), fields.text("data"));
    let revision = fields.number("revision");
    let data = JsonObject::from_stored(data);
    let mut context = Context::new(scope, data, fields.time("created_at"));
    context.revision = revision;
    context.updated_at = fields.time("updated_at");
    context
}

/// The row, without the mark of a final status.
pub(super) fn read_session(fields: &mut Fields<'_>) -> SessionRow {
    let (id, scope) = (fields.text("id"), fields.text("scope"));
    let (key, owner) = (fields.optional_text("key"), fields.optional_text("owner"));
    let (lifecycle, status) = (fields.text("lifecycle"), fields.text("status"));
    let metadata = JsonObject::from_stored(fields.text("metadata"));
    let preview = fields.optional_text("preview");
    let preview_seq = fields.optional_number("preview_seq");
    let message_count = fields.number("message_count");
    let last_seq = fields.number("last_seq");
    let session = Session {
        id,
        scope,
        key,
        owner,
        lifecycle,
        status,
        metadata,
        preview,
        message_count,
        revision: fields.number("revision"),
        created_at: fields.time("created_at"),
        updated_at: fields.time("updated_at"),
        last_active_at: fields.time("last_active_at"),
    };
    SessionRow {
        session,
        last_seq,
        preview_seq,
        is_final: false,
    }
}

/// The message; nothing where it does not have exactly one content. JSON is checked.
pub(super) fn read_message(fields: &mut Fields<'_>) -> Result<Option<Message>> {
    let (seq, role) = (fields.number("seq"), Role::from(fields.text("role")));
    let content = match (fields.optional_text("text"), fields.optional_text("json")) {
        (Some(text), None) => Content::text(text),
        (None, Some(json)) => Content::json(json)?,
        _ => return Ok(None),
    };
    let token_count = fields.optional_number("token_count");
    let is_summary = fields.flag("is_summary");
    let dedup_key = fields.optional_text("dedup_key");
    let mut message = Message::new(seq, role, content, fields.time("created_at"));
    message.token_count = token_count;
    message.is_summary = is_summary;
    message.dedup_key = dedup_key;
    Ok(Some(message))
}

/// The counts and the digest of the last line.
pub(super) fn read_end(fields: &mut Fields<'_>) -> Option<(Counts, String)> {
    let mut counts = Fields::of(fields.value("counts")?).ok()?;
    let read = Counts {
        lifecycles: counts.number("lifecycles"),
        contexts: counts.number("contexts"),
        sessions: counts.number("sessions"),
        messages: counts.number("messages"),
    };
    counts.are_sound().then(|| (read, fields.text("sha256")))
}
