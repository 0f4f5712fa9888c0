//! The lines of an archive: what each holds, in its one canonical encoding. The fields stand in the order in which they are written.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::grammar::Counts;
use crate::backend::SessionRow;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::{Content, Context, JsonObject, Lifecycle, Message, Role, Session};
use crate::rules::json;

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Lifecycle(Cow<'a, Lifecycle>),
    #[serde(borrow)]
    Context(ContextLine<'a>),
    #[serde(borrow)]
    Session(Box<SessionLine<'a>>),
    #[serde(borrow)]
    Message(MessageLine<'a>),
    #[serde(borrow)]
    End(EndLine<'a>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContextLine<'a> {
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Cow<'a, str>>,
    #[serde(borrow)]
    lifecycle: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preview: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preview_seq: Option<u64>,
    message_count: u64,
    last_seq: u64,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_active_at: Timestamp,
}

/// A message has either `text` or `json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageLine<'a> {
    seq: u64,
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_count: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_summary: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dedup_key: Option<Cow<'a, str>>,
    created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine<'a> {
    pub(super) counts: Counts,
    #[serde(borrow)]
    pub(super) sha256: Cow<'a, str>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> Line<'a> {
    pub(super) fn of_lifecycle(lifecycle: &'a Lifecycle) -> Self {
        Self::Lifecycle(Cow::Borrowed(lifecycle))
    }

    pub(super) fn of_context(context: &'a Context) -> Self {
        Self::Context(ContextLine {
            scope: Cow::Borrowed(&context.scope),
            data: Cow::Borrowed(context.data.as_str()),
            revision: context.revision,
            created_at: context.created_at,
            updated_at: context.updated_at,
        })
    }

    pub(super) fn of_session(row: &'a SessionRow) -> Self {
        let session = &row.session;
        Self::Session(Box::new(SessionLine {
            id: Cow::Borrowed(&session.id),
            scope: Cow::Borrowed(&session.scope),
            key: session.key.as_deref().map(Cow::Borrowed),
            owner: session.owner.as_deref().map(Cow::Borrowed),
            lifecycle: Cow::Borrowed(&session.lifecycle),
            status: Cow::Borrowed(&session.status),
            metadata: Cow::Borrowed(session.metadata.as_str()),
            preview: session.preview.as_deref().map(Cow::Borrowed),
            preview_seq: row.preview_seq,
            message_count: session.message_count,
            last_seq: row.last_seq,
            revision: session.revision,
            created_at: session.created_at,
            updated_at: session.updated_at,
            last_active_at: session.last_active_at,
        }))
    }

    pub(super) fn of_message(message: &'a Message) -> Self {
        let (text, json) = content_members(&message.content);
        Self::Message(MessageLine {
            seq: message.seq,
            role: Cow::Borrowed(message.role.as_str()),
            text,
            json,
            token_count: message.token_count,
            is_summary: message.is_summary,
            dedup_key: message.dedup_key.as_deref().map(Cow::Borrowed),
            created_at: message.created_at,
        })
    }

    pub(super) fn end(counts: Counts, sha256: &'a str) -> Self {
        Self::End(EndLine {
            counts,
            sha256: Cow::Borrowed(sha256),
        })
    }

    /// Writes the line without its end.
    pub(super) fn write(&self, out: impl Write) -> io::Result<()> {
        serde_json::to_writer(out, self).map_err(io::Error::from)
    }

    /// Whether this is what the line's bytes say, to the byte: there is one way to write a row.
    pub(super) fn is(&self, line: &[u8]) -> bool {
        let mut rest = Expected(line);
        self.write(&mut rest).is_ok() && rest.0.is_empty()
    }
}

/// Identity of a content is its JSON text, so a JSON string that is plain text counts as text however a backend holds it.
fn content_members(content: &Content) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    let body = content.body();
    if content.is_text() {
        return (Some(Cow::Borrowed(body)), None);
    }
    match json::plain_text_of(body) {
        Some(text) => (Some(Cow::Owned(text)), None),
        None => (None, Some(Cow::Borrowed(body))),
    }
}

/// Takes what is expected next, and fails on anything else.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.strip_prefix(bytes) {
            Some(rest) => {
                self.0 = rest;
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ContextLine<'_> {
    pub(super) fn into_context(self) -> Context {
        let data = JsonObject::from_stored(self.data.into_owned());
        let mut context = Context::new(self.scope, data, self.created_at);
        context.revision = self.revision;
        context.updated_at = self.updated_at;
        context
    }
}

impl SessionLine<'_> {
    /// The row, and the mark of a final status as `is_final` tells it from lifecycle and status.
    pub(super) fn into_row(self, is_final: impl FnOnce(&str, &str) -> bool) -> SessionRow {
        let is_final = is_final(&self.lifecycle, &self.status);
        let session = Session {
            id: self.id.into_owned(),
            scope: self.scope.into_owned(),
            key: self.key.map(Cow::into_owned),
            owner: self.owner.map(Cow::into_owned),
            lifecycle: self.lifecycle.into_owned(),
            status: self.status.into_owned(),
            metadata: JsonObject::from_stored(self.metadata.into_owned()),
            preview: self.preview.map(Cow::into_owned),
            message_count: self.message_count,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_active_at: self.last_active_at,
        };
        SessionRow {
            session,
            last_seq: self.last_seq,
            preview_seq: self.preview_seq,
            is_final,
        }
    }
}

impl MessageLine<'_> {
    /// The message; nothing where it does not have exactly one content. JSON is checked.
    pub(super) fn into_message(self) -> Result<Option<Message>> {
        let content = match (self.text, self.json) {
            (Some(text), None) => Content::text(text),
            (None, Some(json)) => Content::json(json)?,
            _ => return Ok(None),
        };
        let role = Role::from(&*self.role);
        let mut message = Message::new(self.seq, role, content, self.created_at);
        message.token_count = self.token_count;
        message.is_summary = self.is_summary;
        message.dedup_key = self.dedup_key.map(Cow::into_owned);
        Ok(Some(message))
    }
}
