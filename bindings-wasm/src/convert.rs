//! Between the core's records and the JSON texts that cross.
//!
//! Arguments come as a JSON list, members in a fixed order, `null` for what is not given.

use std::time::Duration;
use std::vec::IntoIter;

use convostore::json::{Reader, put_number, put_text, unescape};
use convostore::{
    Content, Context, JsonObject, NewMessage, NewSession, Result, Session, SessionUpdate, Timestamp,
};

use crate::boxes::Answer;
use crate::error::invalid;

/// An argument as it comes.
pub(crate) enum Arg {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Arg>),
}

impl Arg {
    /// The next one. Numbers are whole.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.peek()? {
            b'"' => Self::Text(unescape(reader.string().ok()?)?.into_owned()),
            b'[' => Self::List(Self::read_list(reader)?),
            _ => match reader.value().ok()? {
                "null" => Self::Nothing,
                "true" => Self::Flag(true),
                "false" => Self::Flag(false),
                number => Self::Number(number.parse::<i64>().ok()? as f64),
            },
        })
    }

    fn read_list(reader: &mut Reader<'_>) -> Option<Vec<Self>> {
        let mut list = Vec::new();
        if !reader.takes(b'[') {
            return None;
        }
        while !reader.takes(b']') {
            if !list.is_empty() && !reader.takes(b',') {
                return None;
            }
            list.push(Self::read(reader)?);
        }
        Some(list)
    }
}

/// Arguments, taken in their order.
pub(crate) struct Args(IntoIter<Arg>);

impl Args {
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let list = Arg::read_list(&mut Reader::new(json)).ok_or_else(|| {
            invalid("an argument cannot be read: a text in it holds half of a surrogate pair")
        })?;
        Ok(Self(list.into_iter()))
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self) -> Option<f64> {
        match self.0.next() {
            Some(Arg::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn whole(&mut self) -> Option<u64> {
        self.number().map(|number| number as u64)
    }

    pub(crate) fn size(&mut self) -> Option<usize> {
        self.number().map(|number| number as usize)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.0.next() {
            Some(Arg::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn list(&mut self) -> Option<Args> {
        match self.0.next() {
            Some(Arg::List(list)) => Some(Self(list.into_iter())),
            _ => None,
        }
    }

    /// A text that is always given.
    pub(crate) fn word(&mut self) -> String {
        self.text().unwrap_or_default()
    }

    /// The texts that are left.
    pub(crate) fn texts(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.text()).collect()
    }

    pub(crate) fn time(&mut self) -> Result<Option<Timestamp>> {
        let millis = self.number();
        millis
            .map(|millis| Timestamp::from_millis(millis as i64))
            .transpose()
    }

    pub(crate) fn object(&mut self) -> Result<Option<JsonObject>> {
        let text = self.text();
        text.map(JsonObject::parse).transpose()
    }

    /// `id`, `scope`, `key`, `owner`, `lifecycle`, `status`, `metadata`, `created_at`.
    pub(crate) fn new_session(&mut self) -> Result<NewSession> {
        let mut new = NewSession::new();
        if let Some(id) = self.text() {
            new = new.id(id);
        }
        if let Some(scope) = self.text() {
            new = new.scope(scope);
        }
        if let Some(key) = self.text() {
            new = new.key(key);
        }
        if let Some(owner) = self.text() {
            new = new.owner(owner);
        }
        if let Some(lifecycle) = self.text() {
            new = new.lifecycle(lifecycle);
        }
        if let Some(status) = self.text() {
            new = new.status(status);
        }
        if let Some(metadata) = self.object()? {
            new = new.metadata(metadata);
        }
        if let Some(at) = self.time()? {
            new = new.created_at(at);
        }
        Ok(new)
    }

    /// `status`; `owner` as a list, empty where it is taken away; `metadata`; `merge_metadata`; `expected_revision`.
    pub(crate) fn update(mut self) -> Result<SessionUpdate> {
        let mut update = SessionUpdate::new();
        if let Some(status) = self.text() {
            update = update.status(status);
        }
        if let Some(mut owner) = self.list() {
            update = update.owner(owner.text());
        }
        if let Some(metadata) = self.object()? {
            update = update.metadata(metadata);
        }
        if let Some(patch) = self.object()? {
            update = update.merge_metadata(patch);
        }
        if let Some(revision) = self.whole() {
            update = update.expected_revision(revision);
        }
        Ok(update)
    }

    /// `token_count`, `is_summary`, `dedup_key`, `created_at`: what few messages have.
    pub(crate) fn rest_of_message(&mut self, mut message: NewMessage) -> Result<NewMessage> {
        if let Some(tokens) = self.whole() {
            message = message.token_count(tokens);
        }
        if let Some(is_summary) = self.flag() {
            message = message.summary(is_summary);
        }
        if let Some(key) = self.text() {
            message = message.dedup_key(key);
        }
        if let Some(at) = self.time()? {
            message = message.created_at(at);
        }
        Ok(message)
    }
}

/// A span of milliseconds.
pub(crate) fn span(millis: f64) -> Duration {
    Duration::from_millis(millis as u64)
}

pub(crate) fn content(body: String, is_json: bool) -> Result<Content> {
    if is_json {
        Content::json(body)
    } else {
        Ok(Content::text(body))
    }
}

/// A JSON list, written member by member.
pub(crate) struct List {
    out: String,
    is_empty: bool,
}

impl List {
    pub(crate) fn new() -> Self {
        Self {
            out: "[".to_owned(),
            is_empty: true,
        }
    }

    /// Makes room for about so many bytes.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    fn comma(&mut self) {
        if self.is_empty {
            self.is_empty = false;
        } else {
            self.out.push(',');
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.comma();
        put_text(&mut self.out, text);
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.comma();
        put_number(&mut self.out, number as i64);
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.comma();
        put_number(&mut self.out, time.as_millis());
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.raw(if flag { "1" } else { "0" });
    }

    pub(crate) fn raw(&mut self, json: &str) {
        self.comma();
        self.out.push_str(json);
    }

    pub(crate) fn list(&mut self, fill: impl FnOnce(&mut List)) {
        self.comma();
        self.out.push('[');
        self.is_empty = true;
        fill(self);
        self.is_empty = false;
        self.out.push(']');
    }

    /// A list of numbers.
    pub(crate) fn of(numbers: &[u64]) -> Answer {
        let mut list = Self::new();
        for number in numbers {
            list.number(*number);
        }
        list.end()
    }

    pub(crate) fn end(self) -> Answer {
        self.end_text().into_bytes()
    }

    pub(crate) fn end_text(mut self) -> String {
        self.out.push(']');
        self.out
    }
}

/// A record, or null.
pub(crate) fn or_null<T>(record: Option<&T>, text: fn(&T) -> Answer) -> Answer {
    record.map_or_else(|| b"null".to_vec(), text)
}

/// The members in the order that `js/src/records.ts` reads.
pub(crate) fn add_session(list: &mut List, session: &Session) {
    list.text(&session.id);
    list.text(&session.scope);
    list.optional_text(session.key.as_deref());
    list.optional_text(session.owner.as_deref());
    list.text(&session.lifecycle);
    list.text(&session.status);
    list.text(session.metadata.as_str());
    list.optional_text(session.preview.as_deref());
    list.number(session.message_count);
    list.number(session.revision);
    list.time(session.created_at);
    list.time(session.updated_at);
    list.time(session.last_active_at);
}

pub(crate) fn session_text(session: &Session) -> Answer {
    let mut list = List::new();
    add_session(&mut list, session);
    list.end()
}

pub(crate) fn add_context(list: &mut List, context: &Context) {
    list.text(&context.scope);
    list.text(context.data.as_str());
    list.number(context.revision);
    list.time(context.created_at);
    list.time(context.updated_at);
}

pub(crate) fn context_text(context: &Context) -> Answer {
    let mut list = List::new();
    add_context(&mut list, context);
    list.end()
}
