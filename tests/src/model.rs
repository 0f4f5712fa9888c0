//! What the store means, in the simplest form that can say it: lists that are searched from the front. Written from the rules, not from
//! the core; slow, and free of any thought for storage.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, record};

/// The first and the last moment that can be stored.
const BEGINNING: i64 = -62_135_596_800_000;
const END: i64 = 253_402_300_799_999;

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

    fn start(
        &mut self,
        args: &Args,
        now: i64,
        fresh_id: &str,
        find: impl for<'a> FnOnce(&'a Self, &Args) -> Result<Option<&'a Session>>,
    ) -> Result<Answer> {
        let name = text(args, "lifecycle").unwrap_or("agent");
        let lifecycle = self.lifecycle(name).ok_or("invalid_argument")?;
        let status = text(args, "status").unwrap_or(&lifecycle.initial);
        if !lifecycle.statuses.contains(status) {
            return Err("invalid_argument");
        }
        let created_at = number(args, "created_at").unwrap_or(now);
        if created_at > now {
            return Err("invalid_argument");
        }
        let metadata = args
            .get("metadata")
            .filter(|it| !it.is_null())
            .map_or(Ok(json!({})), object)?;
        if let Some(found) = find(self, args)? {
            return Ok(session_answer(found));
        }
        let session = Session {
            id: text(args, "id").unwrap_or(fresh_id).to_owned(),
            scope: text(args, "scope").unwrap_or("").to_owned(),
            key: text(args, "key").map(str::to_owned),
            owner: text(args, "owner").map(str::to_owned),
            lifecycle: name.to_owned(),
            status: status.to_owned(),
            metadata,
            preview: None,
            messages: Vec::new(),
            last_seq: 0,
            revision: 1,
            created_at,
            updated_at: now,
            last_active_at: created_at,
        };
        let key_taken = session
            .key
            .as_ref()
            .is_some_and(|key| self.by_key(&session.scope, key).is_some());
        if key_taken || self.by_id(&session.id).is_some() {
            return Err("already_exists");
        }
        let answer = session_answer(&session);
        self.sessions.push(session);
        Ok(answer)
    }

    fn matching(&self, args: &Args) -> Vec<&Session> {
        let fits = |session: &&Session| {
            text(args, "scope").is_none_or(|scope| session.scope == scope)
                && session
                    .scope
                    .starts_with(text(args, "scope_prefix").unwrap_or(""))
                && text(args, "owner").is_none_or(|owner| session.owner.as_deref() == Some(owner))
                && text(args, "status").is_none_or(|status| session.status == status)
        };
        self.sessions.iter().filter(fits).collect()
    }

    fn list_sessions(&self, args: &Args) -> Result<Answer> {
        let order = text(args, "order").unwrap_or("activity");
        let limit = page_limit(args)?;
        if text(args, "scope").is_some() && text(args, "scope_prefix").is_some() {
            return Err("invalid_argument");
        }
        let mut found = self.matching(args);
        found.sort_by_key(|session| std::cmp::Reverse(session.place(order)));
        if let Some(cursor) = text(args, "cursor") {
            let after = read_cursor(order, cursor)?;
            let after = (after.0, after.1, after.2.as_str());
            found.retain(|session| session.place(order) < after);
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found.last().filter(|_| more).map(|last| {
            let (a, b, id) = last.place(order);
            json!([order, a, b, id]).to_string()
        });
        Ok(page(
            found.into_iter().map(session_answer).collect(),
            cursor,
        ))
    }

    fn cleanup(&mut self, args: &Args, now: i64) -> Answer {
        let age = number(args, "older_than").unwrap_or(30 * 86_400_000);
        let old: Vec<&Session> = self
            .matching(args)
            .into_iter()
            .filter(|session| now - session.last_active_at > age)
            .collect();
        let messages: u64 = old
            .iter()
            .map(|session| session.messages.len() as u64)
            .sum();
        let ids: Vec<String> = old.iter().map(|session| session.id.clone()).collect();
        if !flag(args, "dry_run") {
            self.sessions.retain(|session| !ids.contains(&session.id));
        }
        record! { sessions: ids.len() as u64, messages: messages }
    }

    /// The arguments were checked.
    fn update(&mut self, id: &str, args: &Args, now: i64) -> Result<()> {
        let lifecycle = self
            .by_id(id)
            .and_then(|session| self.lifecycle(&session.lifecycle));
        let session = self.session(id)?;
        session.expect_revision(number(args, "expected_revision"))?;
        let given = |name: &str| args.get(name).filter(|value| !value.is_null());
        if !args.contains_key("owner")
            && ["status", "metadata", "merge_metadata"]
                .iter()
                .all(|name| given(name).is_none())
        {
            return Ok(());
        }
        if let Some(status) = text(args, "status") {
            let step = (session.status.clone(), status.to_owned());
            if step.0 != step.1 && !lifecycle.unwrap().moves.contains(&step) {
                return Err("invalid_transition");
            }
            session.status = step.1;
        }
        if let Some(owner) = args.get("owner") {
            session.owner = owner.as_str().map(str::to_owned);
        }
        if let Some(metadata) = given("metadata") {
            session.metadata = object(metadata)?;
        }
        if let Some(patch) = given("merge_metadata") {
            session.metadata = merge(Some(&session.metadata), &object(patch)?).unwrap();
        }
        session.changed(now);
        Ok(())
    }

    fn save(&mut self, args: &Args, now: i64) -> Result<Answer> {
        let id = text(args, "session_id").unwrap();
        let new = args["messages"].as_array().unwrap();
        let new: Vec<NewMessage> = new.iter().map(NewMessage::read).collect::<Result<_>>()?;
        let mut expected = number(args, "expected_revision");
        let mut update = args.get("update").and_then(Value::as_object).cloned();
        if let Some(update) = &mut update {
            check_update(update)?;
            match (expected, number(update, "expected_revision")) {
                (Some(a), Some(b)) if a != b => return Err("invalid_argument"),
                (a, b) => expected = a.or(b),
            }
            update.remove("expected_revision");
        }

        // On a copy: what is refused leaves nothing behind.
        let before = self.session(id)?.clone();
        let mut session = before.clone();
        let mut saved = Vec::new();
        let mut any = false;
        for new in &new {
            let twin = new.dedup_key.as_ref().and_then(|key| {
                session
                    .messages
                    .iter()
                    .find(|message| message.dedup_key.as_ref() == Some(key))
            });
            match twin {
                Some(twin) if twin.role == new.role && twin.content == new.content => {
                    saved.push(message_answer(twin));
                }
                Some(_) => return Err("conflict"),
                None => {
                    any = true;
                    saved.push(message_answer(session.append(
                        new,
                        before.last_active_at,
                        now,
                    )));
                }
            }
        }
        if any {
            before.expect_revision(expected)?;
            session.changed(now);
            *self.session(id)? = session;
        }
        if let Some(mut update) = update {
            if new.is_empty() {
                update.insert("expected_revision".to_owned(), json!(expected));
            }
            if (any || new.is_empty())
                && let Err(refusal) = self.update(id, &update, now)
            {
                *self.session(id)? = before;
                return Err(refusal);
            }
        }
        Ok(Answer::List(saved))
    }

    fn read_messages(&mut self, args: &Args) -> Result<Answer> {
        let roles = args.get("roles").and_then(Value::as_array);
        for role in roles.into_iter().flatten() {
            check_role(role.as_str().unwrap())?;
        }
        let (limit, last) = (number(args, "limit"), number(args, "last"));
        if limit.is_some() && last.is_some() {
            return Err("invalid_argument");
        }
        let session = self.session(text(args, "session_id").unwrap())?;
        let mut found: Vec<&Message> = session.messages.iter().collect();
        found.retain(|message| {
            let seq = i64::try_from(message.seq).unwrap();
            number(args, "after").is_none_or(|after| seq > after)
                && number(args, "before").is_none_or(|before| seq < before)
                && number(args, "since").is_none_or(|since| message.created_at > since)
                && roles.is_none_or(|roles| roles.contains(&json!(message.role)))
                && args
                    .get("summaries")
                    .and_then(Value::as_bool)
                    .is_none_or(|it| message.is_summary == it)
        });
        if let Some(limit) = limit {
            found.truncate(usize::try_from(limit).unwrap());
        }
        if let Some(last) = last {
            found.drain(..found.len().saturating_sub(usize::try_from(last).unwrap()));
        }
        Ok(Answer::List(
            found.into_iter().map(message_answer).collect(),
        ))
    }

    fn pop(&mut self, id: &str, now: i64) -> Result<Answer> {
        let session = self.session(id)?;
        let Some(newest) = session.messages.pop() else {
            return Ok(Answer::Nothing);
        };
        session.preview.take_if(|(seq, _)| *seq == newest.seq);
        session.changed(now);
        Ok(message_answer(&newest))
    }

    fn change_context(
        &mut self,
        args: &Args,
        now: i64,
        new: impl FnOnce(&Value) -> Value,
    ) -> Result<Answer> {
        let scope = text(args, "scope").unwrap();
        let old = self.contexts.get(scope);
        let revision = old.map_or(0, |old| old.revision);
        if number(args, "expected_revision")
            .is_some_and(|it| u64::try_from(it).unwrap() != revision)
        {
            return Err("conflict");
        }
        let context = Context {
            data: new(old.map_or(&json!({}), |old| &old.data)),
            revision: revision + 1,
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: old.map_or(now, |old| old.updated_at.max(now)),
        };
        let answer = context_answer(scope, &context);
        self.contexts.insert(scope.to_owned(), context);
        Ok(answer)
    }

    fn list_contexts(&self, args: &Args) -> Result<Answer> {
        let limit = page_limit(args)?;
        let after = match text(args, "cursor") {
            Some(cursor) => Some(read_cursor("scope", cursor)?.2),
            None => None,
        };
        let mut found: Vec<(&String, &Context)> = self.contexts.iter().collect();
        found.retain(|(scope, _)| {
            scope.starts_with(text(args, "scope_prefix").unwrap_or(""))
                && after.as_ref().is_none_or(|after| *scope > after)
        });
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found
            .last()
            .filter(|_| more)
            .map(|(scope, _)| json!(["scope", 0, 0, scope]).to_string());
        Ok(page(
            found
                .into_iter()
                .map(|(scope, it)| context_answer(scope, it))
                .collect(),
            cursor,
        ))
    }

    fn define_lifecycle(&mut self, args: &Args) -> Result<Answer> {
        let name = text(args, "name").unwrap();
        let listed: Vec<String> = strings(args, "statuses");
        let moves = args.get("moves").cloned().unwrap_or(json!([]));
        let new = Lifecycle {
            initial: text(args, "initial").unwrap().to_owned(),
            statuses: listed.iter().cloned().collect(),
            moves: serde_json::from_value(moves).unwrap(),
            finals: strings(args, "final_statuses").into_iter().collect(),
        };
        let known = |status: &String| new.statuses.contains(status);
        let sound = new.statuses.len() == listed.len()
            && listed.iter().all(|status| (1..=64).contains(&status.len()))
            && known(&new.initial)
            && new.finals.iter().all(known)
            && new.moves.iter().all(|(from, to)| known(from) && known(to))
            && new
                .moves
                .iter()
                .all(|(from, to)| from == to || !new.finals.contains(from));
        if !sound {
            return Err("invalid_argument");
        }
        match self.lifecycle(name) {
            Some(old) if old != new => return Err("conflict"),
            Some(_) => {}
            None => {
                self.lifecycles.insert(name.to_owned(), new.clone());
            }
        }
        Ok(lifecycle_answer(name, &new))
    }
}

impl Session {
    /// The greatest comes first.
    fn place(&self, order: &str) -> (i64, i64, &str) {
        match order {
            "activity" => (self.last_active_at, self.created_at, &self.id),
            _ => (self.created_at, 0, &self.id),
        }
    }

    fn changed(&mut self, now: i64) {
        self.revision += 1;
        self.updated_at = self.updated_at.max(now);
    }

    fn expect_revision(&self, expected: Option<i64>) -> Result<()> {
        match expected {
            Some(expected) if u64::try_from(expected).unwrap() != self.revision => Err("conflict"),
            _ => Ok(()),
        }
    }

    fn append(&mut self, new: &NewMessage, active_before: i64, now: i64) -> &Message {
        self.last_seq += 1;
        self.last_active_at = self
            .last_active_at
            .max(new.created_at.unwrap_or(now).min(now));
        if self.preview.is_none() && new.role != "system" && new.role != "developer" {
            self.preview = preview(&new.content).map(|text| (self.last_seq, text));
        }
        self.messages.push(Message {
            seq: self.last_seq,
            role: new.role.clone(),
            content: new.content.clone(),
            token_count: new.token_count,
            is_summary: new.is_summary,
            dedup_key: new.dedup_key.clone(),
            created_at: new.created_at.unwrap_or_else(|| now.max(active_before)),
        });
        self.messages.last().unwrap()
    }

    fn delete(&mut self, now: i64, which: impl Fn(&Message) -> bool) -> u64 {
        let before = self.messages.len();
        self.messages.retain(|message| !which(message));
        let deleted = (before - self.messages.len()) as u64;
        if deleted > 0 {
            self.changed(now);
        }
        deleted
    }
}

struct NewMessage {
    role: String,
    content: String,
    token_count: Option<u64>,
    is_summary: bool,
    dedup_key: Option<String>,
    created_at: Option<i64>,
}

impl NewMessage {
    fn read(args: &Value) -> Result<Self> {
        let args = args.as_object().unwrap();
        check_texts(args)?;
        let role = text(args, "role").unwrap();
        check_role(role)?;
        let tokens = number(args, "token_count").map(|tokens| u64::try_from(tokens).unwrap());
        if tokens.is_some_and(|tokens| tokens >= 1 << 53) {
            return Err("invalid_argument");
        }
        let content = json_text(&args["content"]);
        if serde_json::from_str::<IgnoredAny>(&content).is_err() {
            return Err("invalid_argument");
        }
        Ok(Self {
            role: role.to_owned(),
            content,
            token_count: tokens,
            is_summary: flag(args, "is_summary"),
            dedup_key: text(args, "dedup_key").map(str::to_owned),
            created_at: number(args, "created_at"),
        })
    }
}

fn text<'a>(args: &'a Args, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str)
}

fn number(args: &Args, name: &str) -> Option<i64> {
    args.get(name).and_then(Value::as_i64)
}

fn flag(args: &Args, name: &str) -> bool {
    args.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn strings(args: &Args, name: &str) -> Vec<String> {
    let items = args.get(name).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

fn json_text(value: &Value) -> String {
    let text = value.get("$json").and_then(Value::as_str);
    text.map_or_else(|| value.to_string(), str::to_owned)
}

fn object(value: &Value) -> Result<Value> {
    serde_json::from_str(&json_text(value))
        .ok()
        .filter(Value::is_object)
        .ok_or("invalid_argument")
}

/// Lengths and NUL, and times.
fn check_texts(args: &Args) -> Result<()> {
    for (name, min, max) in [
        ("id", 1, 128),
        ("session_id", 1, 128),
        ("scope", 0, 1024),
        ("scope_prefix", 0, 1024),
        ("key", 1, 512),
        ("owner", 1, 256),
        ("dedup_key", 1, 256),
        ("name", 1, 64),
    ] {
        if let Some(text) = text(args, name)
            && (!(min..=max).contains(&text.len()) || text.contains('\0'))
        {
            return Err("invalid_argument");
        }
    }
    for name in ["created_at", "since"] {
        if number(args, name).is_some_and(|moment| !(BEGINNING..=END).contains(&moment)) {
            return Err("invalid_argument");
        }
    }
    Ok(())
}

fn check_update(args: &Args) -> Result<()> {
    check_texts(args)?;
    let mut given = 0;
    for name in ["metadata", "merge_metadata"] {
        if let Some(value) = args.get(name).filter(|value| !value.is_null()) {
            object(value)?;
            given += 1;
        }
    }
    if given == 2 {
        Err("invalid_argument")
    } else {
        Ok(())
    }
}

fn check_role(role: &str) -> Result<()> {
    match role {
        "user" | "assistant" | "model" | "system" | "developer" | "tool" | "critic" => Ok(()),
        _ => Err("invalid_argument"),
    }
}

fn page_limit(args: &Args) -> Result<usize> {
    match number(args, "limit").unwrap_or(50) {
        limit @ 1..=1000 => Ok(usize::try_from(limit).unwrap()),
        _ => Err("invalid_argument"),
    }
}

/// The model's own cursors: `["activity", last_active_at, created_at, id]`.
fn read_cursor(order: &str, cursor: &str) -> Result<(i64, i64, String)> {
    match serde_json::from_str::<(String, i64, i64, String)>(cursor) {
        Ok((of, a, b, last)) if of == order => Ok((a, b, last)),
        _ => Err("invalid_argument"),
    }
}

/// RFC 7396.
fn merge(target: Option<&Value>, patch: &Value) -> Option<Value> {
    let Some(changes) = patch.as_object() else {
        return (!patch.is_null()).then(|| patch.clone());
    };
    let mut merged = target
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (name, change) in changes {
        match merge(merged.get(name), change) {
            Some(value) => drop(merged.insert(name.clone(), value)),
            None => drop(merged.remove(name)),
        }
    }
    Some(merged.into())
}

fn built_in(name: &str) -> Option<Lifecycle> {
    let set = |words: &str| {
        words
            .split(' ')
            .map(str::to_owned)
            .collect::<BTreeSet<String>>()
    };
    let moves = |words: &str| {
        let step = |word: &str| {
            word.split_once('>')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        };
        words.split(' ').filter_map(step).collect()
    };
    match name {
        "agent" => Some(Lifecycle {
            initial: "created".to_owned(),
            statuses: set("created active paused terminated"),
            moves: moves(
                "created>active active>paused paused>active created>terminated active>terminated paused>terminated",
            ),
            finals: set("terminated"),
        }),
        "ticket" => Some(Lifecycle {
            initial: "collecting".to_owned(),
            statuses: set("collecting ready_to_sync synced"),
            moves: moves("collecting>ready_to_sync ready_to_sync>synced"),
            finals: set("synced"),
        }),
        _ => None,
    }
}

/// The preview of a content given as JSON text. It holds no NUL.
fn preview(content: &str) -> Option<String> {
    let value: Value = serde_json::from_str(content).ok()?;
    let non_empty = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let first_at = |list: &str, name: &str| {
        let items = value.get(list)?.as_array()?;
        items.iter().find_map(|item| non_empty(item.get(name)?))
    };
    let text = non_empty(&value)
        .or_else(|| non_empty(value.get("content")?))
        .or_else(|| non_empty(value.get("text")?))
        .or_else(|| first_at("content", "text"))
        .or_else(|| first_at("parts", "content"))
        .or_else(|| first_at("parts", "text"))?;
    Some(cut(&text).replace('\0', "\u{fffd}"))
}

/// At most 100 code points, no grapheme cut, as far as the generated texts have graphemes of several.
fn cut(text: &str) -> String {
    let points: Vec<char> = text.chars().collect();
    let mut end = points.len().min(100);
    let joined =
        |at: usize| matches!(points[at], '\u{301}' | '\u{200d}') || points[at - 1] == '\u{200d}';
    while end < points.len() && joined(end) {
        end -= 1;
    }
    points[..end].iter().collect()
}

fn maybe(answer: Option<Answer>) -> Answer {
    answer.unwrap_or(Answer::Nothing)
}

fn page(items: Vec<Answer>, cursor: Option<String>) -> Answer {
    record! { items: Answer::List(items), next_cursor: cursor }
}

fn session_answer(session: &Session) -> Answer {
    record! {
        id: session.id.as_str(),
        scope: session.scope.as_str(),
        key: session.key.clone(),
        owner: session.owner.clone(),
        lifecycle: session.lifecycle.as_str(),
        status: session.status.as_str(),
        metadata: Answer::Json(session.metadata.to_string()),
        preview: session.preview.as_ref().map(|(_, text)| text.as_str()),
        message_count: session.messages.len() as u64,
        revision: session.revision,
        created_at: session.created_at,
        updated_at: session.updated_at,
        last_active_at: session.last_active_at,
    }
}

fn message_answer(message: &Message) -> Answer {
    record! {
        seq: message.seq,
        role: message.role.as_str(),
        content: Answer::Json(message.content.clone()),
        token_count: message.token_count,
        is_summary: message.is_summary,
        dedup_key: message.dedup_key.clone(),
        created_at: message.created_at,
    }
}

fn context_answer(scope: &str, context: &Context) -> Answer {
    record! {
        scope: scope,
        data: Answer::Json(context.data.to_string()),
        revision: context.revision,
        created_at: context.created_at,
        updated_at: context.updated_at,
    }
}

fn lifecycle_answer(name: &str, lifecycle: &Lifecycle) -> Answer {
    let list = |items: &BTreeSet<String>| Answer::List(items.iter().map(Answer::from).collect());
    record! {
        name: name,
        initial: lifecycle.initial.as_str(),
        statuses: list(&lifecycle.statuses),
        moves: Answer::List(lifecycle.moves.iter().map(Answer::from).collect()),
        final_statuses: list(&lifecycle.finals),
    }
}
