//! What an operation gave, as a tree that expectations are held against.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use convostore::{
    Cleanup, Content, Context, Deletion, Detail, Erasure, Error, ExportReport, ImportReport,
    JsonObject, Lifecycle, Message, Page, Session, Stats, StoreCheck, Timestamp,
};
use serde_json::{Value, json};

/// The result of an operation. Contents, metadata and contexts stay JSON text, so that not a digit of them is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: no session, no result.
    Nothing,
    /// Yes or no.
    Bool(bool),
    /// A count, a number, a time.
    Number(i128),
    /// A text of the store's own: an id, a status.
    Text(String),
    /// What the application gave: verbatim JSON text.
    Json(String),
    /// A list of records.
    List(Vec<Answer>),
    /// A record.
    Object(BTreeMap<&'static str, Answer>),
}

impl Answer {
    /// The part that a path like `items.0.id` leads to.
    pub fn at(&self, path: &str) -> Option<Answer> {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let found = match self {
            Self::Object(members) => members.get(first)?.clone(),
            Self::List(items) => items.get(first.parse::<usize>().ok()?)?.clone(),
            Self::Json(text) => {
                let value: Value = serde_json::from_str(text).ok()?;
                Self::Json(value.get(first)?.to_string())
            }
            _ => return None,
        };
        match rest {
            Some(rest) => found.at(rest),
            None => Some(found),
        }
    }

    /// The same as a value of a scenario, to be an argument or an expectation.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Bool(yes) => json!(yes),
            Self::Number(n) => {
                json!(i64::try_from(*n).expect("numbers of the store are below 2^63"))
            }
            Self::Text(text) => json!(text),
            Self::Json(text) => json!({ "$json": text }),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// For people: on one line, long contents shortened.
    pub fn brief(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("null"),
            Self::Bool(yes) => write!(out, "{yes}").unwrap(),
            Self::Number(n) => write!(out, "{n}").unwrap(),
            Self::Text(text) => out.push_str(&shorten(&json!(text).to_string())),
            Self::Json(text) => out.push_str(&shorten(text)),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write!(out, "{name}: ").unwrap();
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A text, cut where it is long.
pub fn shorten(text: &str) -> String {
    const SHOWN: usize = 160;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

/// A record of named members.
macro_rules! record {
    ($($name:ident: $value:expr),* $(,)?) => {
        $crate::answer::Answer::Object(::std::collections::BTreeMap::from([
            $((stringify!($name), $crate::answer::Answer::from($value))),*
        ]))
    };
}
pub(crate) use record;

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Answer {
            fn from(n: $number) -> Self {
                Self::Number(n.into())
            }
        }
    )*};
}
from_number!(u64, i64, i128);

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Answer {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Answer {
    fn from(moment: Timestamp) -> Self {
        Self::Number(moment.as_millis().into())
    }
}

impl From<&Content> for Answer {
    fn from(content: &Content) -> Self {
        Self::Json(content.to_json().into_owned())
    }
}

impl From<&JsonObject> for Answer {
    fn from(object: &JsonObject) -> Self {
        Self::Json(object.as_str().to_owned())
    }
}

impl<T: Into<Answer>> From<Option<T>> for Answer {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// A list of records.
pub fn list<'a, T: 'a>(items: &'a [T]) -> Answer
where
    Answer: From<&'a T>,
{
    Answer::List(items.iter().map(Answer::from).collect())
}

/// A record, or nothing.
pub fn maybe<'a, T: 'a>(value: Option<&'a T>) -> Answer
where
    Answer: From<&'a T>,
{
    value.map_or(Answer::Nothing, Answer::from)
}

/// A page of records.
pub fn page<'a, T: 'a>(page: &'a Page<T>) -> Answer
where
    Answer: From<&'a T>,
{
    let cursor = page.next_cursor.clone();
    Answer::Object(BTreeMap::from([
        ("items", list(&page.items)),
        ("next_cursor", cursor.map_or(Answer::Nothing, Answer::Text)),
    ]))
}

impl From<&(String, String)> for Answer {
    fn from((a, b): &(String, String)) -> Self {
        Self::List(vec![a.into(), b.into()])
    }
}

impl From<&Session> for Answer {
    fn from(session: &Session) -> Self {
        record! {
            id: &session.id,
            scope: &session.scope,
            key: session.key.as_ref(),
            owner: session.owner.as_ref(),
            lifecycle: &session.lifecycle,
            status: &session.status,
            metadata: &session.metadata,
            preview: session.preview.as_ref(),
            message_count: session.message_count,
            revision: session.revision,
            created_at: session.created_at,
            updated_at: session.updated_at,
            last_active_at: session.last_active_at,
        }
    }
}

impl From<&Message> for Answer {
    fn from(message: &Message) -> Self {
        record! {
            seq: message.seq,
            role: message.role.as_str(),
            content: &message.content,
            token_count: message.token_count,
            is_summary: message.is_summary,
            dedup_key: message.dedup_key.as_ref(),
            created_at: message.created_at,
        }
    }
}

impl From<&Context> for Answer {
    fn from(context: &Context) -> Self {
        record! {
            scope: &context.scope,
            data: &context.data,
            revision: context.revision,
            created_at: context.created_at,
            updated_at: context.updated_at,
        }
    }
}

impl From<&Lifecycle> for Answer {
    fn from(lifecycle: &Lifecycle) -> Self {
        record! {
            name: &lifecycle.name,
            initial: &lifecycle.initial,
            statuses: list(&lifecycle.statuses),
            moves: list(&lifecycle.moves),
            final_statuses: list(&lifecycle.final_statuses),
        }
    }
}

impl From<&Deletion> for Answer {
    fn from(deletion: &Deletion) -> Self {
        let erasure = deletion.erasure.as_ref().map(|erasure| match erasure {
            Erasure::Complete => "complete",
            _ => "pending",
        });
        record! { deleted: deletion.deleted, erasure: erasure }
    }
}

impl From<&Cleanup> for Answer {
    fn from(cleanup: &Cleanup) -> Self {
        record! { sessions: cleanup.sessions, messages: cleanup.messages }
    }
}

impl From<&ExportReport> for Answer {
    fn from(report: &ExportReport) -> Self {
        record! {
            sessions: report.sessions,
            messages: report.messages,
            contexts: report.contexts,
            lifecycles: report.lifecycles,
            bytes: report.bytes,
            unreadable: list(&report.unreadable),
        }
    }
}

impl From<&ImportReport> for Answer {
    fn from(report: &ImportReport) -> Self {
        record! {
            sessions: report.sessions,
            messages: report.messages,
            contexts: report.contexts,
            lifecycles: report.lifecycles,
            unchanged: report.unchanged,
            bytes: report.bytes,
        }
    }
}

impl From<&Stats> for Answer {
    fn from(stats: &Stats) -> Self {
        record! {
            sessions: stats.sessions,
            messages: stats.messages,
            contexts: stats.contexts,
            bytes: stats.bytes,
        }
    }
}

impl From<&StoreCheck> for Answer {
    fn from(check: &StoreCheck) -> Self {
        record! {
            sessions: check.sessions,
            messages: check.messages,
            problems: list(&check.problems),
        }
    }
}

/// The details of an error.
pub fn details(error: &Error) -> Answer {
    Answer::Object(
        error
            .details()
            .iter()
            .map(|(name, value)| (*name, plain(value)))
            .collect(),
    )
}

fn plain(value: &Detail) -> Answer {
    match value.as_i64() {
        Some(number) => Answer::from(number),
        None => Answer::Text(value.as_str().unwrap_or_default().to_owned()),
    }
}
