//! What the store means, in the simplest form that can say it: lists that are searched from the front. Written from the rules, not from
//! the core; slow, and free of any thought for storage.

mod answers;
mod arguments;
mod contexts;
mod lifecycles;
mod messages;
mod preview;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use answers::{context_answer, lifecycle_answer, maybe, session_answer};
use arguments::{check_texts, check_update, flag, number, object, text};
use contexts::merge;
use lifecycles::built_in;

use crate::answer::{Answer, record};

/// The code of the error that an operation must give.
type Refusal = &'static str;
type Result<T> = std::result::Result<T, Refusal>;
type Args = Map<String, Value>;

/// A whole storage.
#[derive(Debug, Default)]
pub struct Model {
    tenants: BTreeMap<String, Tenant>,
}

/// What one tenant has.
#[derive(Debug, Default)]
pub struct Tenant {
    /// In no order that matters.
    pub sessions: Vec<Session>,
    /// By scope.
    pub contexts: BTreeMap<String, Context>,
    lifecycles: BTreeMap<String, Lifecycle>,
}

/// A session with its messages.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the records")]
pub struct Session {
    pub id: String,
    pub scope: String,
    pub key: Option<String>,
    pub owner: Option<String>,
    pub lifecycle: String,
    pub status: String,
    pub metadata: Value,
    /// With the number of the message that it is of.
    pub preview: Option<(u64, String)>,
    pub messages: Vec<Message>,
    pub last_seq: u64,
    pub revision: u64,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_active_at: i64,
}

/// A message.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the records")]
pub struct Message {
    pub seq: u64,
    pub role: String,
    /// JSON text.
    pub content: String,
    pub token_count: Option<u64>,
    pub is_summary: bool,
    pub dedup_key: Option<String>,
    pub created_at: i64,
}

/// A context.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the records")]
pub struct Context {
    pub data: Value,
    pub revision: u64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lifecycle {
    initial: String,
    statuses: BTreeSet<String>,
    moves: BTreeSet<(String, String)>,
    finals: BTreeSet<String>,
}

impl Model {
    /// What a tenant has.
    pub fn tenant(&mut self, name: &str) -> &mut Tenant {
        self.tenants.entry(name.to_owned()).or_default()
    }
}

impl Tenant {
    /// Carries an operation out. `fresh_id` is what the id source would give.
    #[allow(clippy::too_many_lines, reason = "one table of all operations")]
    pub fn call(&mut self, name: &str, args: &Args, now: i64, fresh_id: &str) -> Result<Answer> {
        check_texts(args)?;
        match name {
            "create_session" => self.start(args, now, fresh_id, |_, _| Ok(None)),
            "get_or_create_session" => self.start(args, now, fresh_id, |tenant, args| {
                match (text(args, "key"), text(args, "id")) {
                    (Some(key), _) => Ok(tenant.by_key(text(args, "scope").unwrap_or(""), key)),
                    (None, Some(id)) => Ok(tenant.by_id(id)),
                    (None, None) => Err("invalid_argument"),
                }
            }),
            "resume_session" => self.start(args, now, fresh_id, |tenant, args| {
                let idle = number(args, "idle").unwrap_or(4 * 3_600_000);
                let scope = text(args, "scope").unwrap_or("");
                Ok(tenant.latest(scope).filter(|latest| {
                    let ended = tenant
                        .lifecycle(&latest.lifecycle)
                        .unwrap()
                        .finals
                        .contains(&latest.status);
                    now - latest.last_active_at < idle && !ended
                }))
            }),
            "get_session" => Ok(maybe(
                self.by_id(text(args, "id").unwrap()).map(session_answer),
            )),
            "get_session_by_key" => {
                let found = self.by_key(text(args, "scope").unwrap(), text(args, "key").unwrap());
                Ok(maybe(found.map(session_answer)))
            }
            "list_sessions" => self.list_sessions(args),
            "update_session" => {
                check_update(args)?;
                self.update(text(args, "id").unwrap(), args, now)?;
                Ok(session_answer(
                    self.by_id(text(args, "id").unwrap()).unwrap(),
                ))
            }
            "touch_session" => {
                let session = self.session(text(args, "id").unwrap())?;
                session.changed(now);
                session.last_active_at = session.last_active_at.max(now);
                Ok(session_answer(session))
            }
            "delete_session" => {
                let before = self.sessions.len();
                self.sessions
                    .retain(|session| Some(session.id.as_str()) != text(args, "id"));
                let erasure = flag(args, "erase").then_some("complete");
                Ok(record! { deleted: self.sessions.len() < before, erasure: erasure })
            }
            "cleanup_sessions" => Ok(self.cleanup(args, now)),
            "save_message" => {
                let mut message = args.clone();
                message.remove("session_id");
                message.remove("expected_revision");
                let mut batch = Args::new();
                batch.insert("session_id".to_owned(), args["session_id"].clone());
                batch.insert("messages".to_owned(), json!([message]));
                batch.insert(
                    "expected_revision".to_owned(),
                    json!(number(args, "expected_revision")),
                );
                match self.save(&batch, now)? {
                    Answer::List(mut saved) => Ok(saved.remove(0)),
                    _ => unreachable!(),
                }
            }
            "save_messages" => self.save(args, now),
            "save_summary" => {
                let mut message = args.clone();
                message.insert("role".to_owned(), json!("system"));
                message.insert("is_summary".to_owned(), json!(true));
                self.call("save_message", &message, now, fresh_id)
            }
            "get_messages" | "stream_messages" => self.read_messages(args),
            "count_messages" => Ok((self
                .session(text(args, "session_id").unwrap())?
                .messages
                .len() as u64)
                .into()),
            "pop_message" => Ok(self.pop(text(args, "session_id").unwrap(), now)?),
            "delete_messages_before" => {
                let session = self.session(text(args, "session_id").unwrap())?;
                let before = number(args, "before").unwrap();
                Ok(session
                    .delete(now, |message| i64::try_from(message.seq).unwrap() < before)
                    .into())
            }
            "clear_messages" => {
                let session = self.session(text(args, "session_id").unwrap())?;
                let had_preview = session.preview.take().is_some();
                let deleted = session.delete(now, |_| true);
                if deleted == 0 && had_preview {
                    session.changed(now);
                }
                Ok(deleted.into())
            }
            "get_context" => {
                let scope = text(args, "scope").unwrap();
                Ok(maybe(
                    self.contexts
                        .get(scope)
                        .map(|context| context_answer(scope, context)),
                ))
            }
            "set_context" => {
                let data = object(&args["data"])?;
                self.change_context(args, now, |_| data)
            }
            "merge_context" => {
                let patch = object(&args["patch"])?;
                self.change_context(args, now, |old| merge(Some(old), &patch).unwrap())
            }
            "delete_context" => Ok(self
                .contexts
                .remove(text(args, "scope").unwrap())
                .is_some()
                .into()),
            "list_contexts" => self.list_contexts(args),
            "define_lifecycle" => self.define_lifecycle(args),
            "list_lifecycles" => {
                let mut all: BTreeMap<String, Lifecycle> = self.lifecycles.clone();
                all.extend(
                    ["agent", "ticket"].map(|name| (name.to_owned(), built_in(name).unwrap())),
                );
                Ok(Answer::List(
                    all.iter()
                        .map(|(name, it)| lifecycle_answer(name, it))
                        .collect(),
                ))
            }
            "stats" => Ok(record! {
                sessions: self.sessions.len() as u64,
                messages: self.message_count(),
                contexts: self.contexts.len() as u64,
            }),
            "check" => Ok(record! {
                sessions: self.sessions.len() as u64,
                messages: self.message_count(),
                problems: Answer::List(Vec::new()),
            }),
            other => panic!("the model has no operation {other}"),
        }
    }

    fn message_count(&self) -> u64 {
        self.sessions
            .iter()
            .map(|session| session.messages.len() as u64)
            .sum()
    }

    fn by_id(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    fn by_key(&self, scope: &str, key: &str) -> Option<&Session> {
        self.sessions
            .iter()
            .find(|session| session.scope == scope && session.key.as_deref() == Some(key))
    }

    fn latest(&self, scope: &str) -> Option<&Session> {
        self.sessions
            .iter()
            .filter(|session| session.scope == scope)
            .max_by_key(|session| session.place("activity"))
    }

    fn session(&mut self, id: &str) -> Result<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.id == id)
            .ok_or("not_found")
    }

    fn lifecycle(&self, name: &str) -> Option<Lifecycle> {
        built_in(name).or_else(|| self.lifecycles.get(name).cloned())
    }
}
