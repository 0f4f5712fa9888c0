//! Arguments as data, and what the operations take instead.

use std::time::Duration;

use convostore::{
    CleanupQuery, Content, ContextQuery, JsonObject, Lifecycle, ListOrder, MessageQuery,
    NewMessage, NewSession, SaveOptions, SessionQuery, SessionUpdate, Timestamp,
};
use serde_json::{Map, Value};

use crate::operations::{Archives, Stop};

type Result<T> = std::result::Result<T, Stop>;

/// Arguments, taken one by one. `null` is the same as absent.
pub(crate) struct Args(pub(crate) Map<String, Value>);

fn wrong<T>(name: &str, value: &Value) -> Result<T> {
    Err(Stop::Scenario(format!(
        "the argument {name} cannot be {value}"
    )))
}

impl Args {
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        take: impl FnOnce(&mut Self, &'static str) -> Result<Option<T>>,
    ) -> Result<T> {
        take(self, name)?.ok_or_else(|| Stop::Scenario(format!("the argument {name} is missing")))
    }

    pub(crate) fn end(&self) -> Result<()> {
        match self.0.keys().next() {
            Some(name) => Err(Stop::Scenario(format!("there is no argument {name:?}"))),
            None => Ok(()),
        }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<String> {
        self.required(name, Self::optional_text)
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => wrong(name, &other),
        }
    }

    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<u64>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map_or_else(|| wrong(name, &value), |n| Ok(Some(n))),
        }
    }

    pub(crate) fn size(&mut self, name: &'static str) -> Result<Option<usize>> {
        Ok(self
            .number(name)?
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value
                .as_bool()
                .map_or_else(|| wrong(name, &value), |yes| Ok(Some(yes))),
        }
    }

    pub(crate) fn moment(&mut self, name: &'static str) -> Result<Option<Timestamp>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(millis) => Ok(Some(Timestamp::from_millis(millis)?)),
                None => wrong(name, &value),
            },
        }
    }

    pub(crate) fn span(&mut self, name: &'static str) -> Result<Option<Duration>> {
        Ok(self.number(name)?.map(Duration::from_millis))
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        self.take(name)
            .map(|value| serde_json::from_value(value.clone()).or_else(|_| wrong(name, &value)))
            .transpose()
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<JsonObject>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => Ok(Some(match json_text(&value) {
                Some(text) => JsonObject::parse(text)?,
                None => JsonObject::value(&value)?,
            })),
        }
    }

    /// Here `null` is a value as any other.
    pub(crate) fn content(&mut self) -> Result<Content> {
        let value = self.0.remove("content");
        let value =
            value.ok_or_else(|| Stop::Scenario("the argument content is missing".to_owned()))?;
        if let Some(text) = json_text(&value) {
            return Ok(Content::json(text)?);
        }
        Ok(match value {
            Value::String(text) => Content::text(text),
            value => Content::value(&value)?,
        })
    }

    pub(crate) fn new_session(&mut self) -> Result<NewSession> {
        let mut new = NewSession::new();
        if let Some(id) = self.optional_text("id")? {
            new = new.id(id);
        }
        if let Some(scope) = self.optional_text("scope")? {
            new = new.scope(scope);
        }
        if let Some(key) = self.optional_text("key")? {
            new = new.key(key);
        }
        if let Some(owner) = self.optional_text("owner")? {
            new = new.owner(owner);
        }
        if let Some(lifecycle) = self.optional_text("lifecycle")? {
            new = new.lifecycle(lifecycle);
        }
        if let Some(status) = self.optional_text("status")? {
            new = new.status(status);
        }
        if let Some(metadata) = self.object("metadata")? {
            new = new.metadata(metadata);
        }
        if let Some(created_at) = self.moment("created_at")? {
            new = new.created_at(created_at);
        }
        self.end()?;
        Ok(new)
    }

    pub(crate) fn session_query(&mut self) -> Result<SessionQuery> {
        let mut query = SessionQuery::new();
        if let Some(scope) = self.optional_text("scope")? {
            query = query.scope(scope);
        }
        if let Some(prefix) = self.optional_text("scope_prefix")? {
            query = query.scope_prefix(prefix);
        }
        if let Some(owner) = self.optional_text("owner")? {
            query = query.owner(owner);
        }
        if let Some(status) = self.optional_text("status")? {
            query = query.status(status);
        }
        if let Some(order) = self.optional_text("order")? {
            let order = ListOrder::from_name(&order)
                .ok_or_else(|| Stop::Scenario(format!("there is no order {order:?}")))?;
            query = query.order(order);
        }
        if let Some(limit) = self.size("limit")? {
            query = query.limit(limit);
        }
        if let Some(cursor) = self.optional_text("cursor")? {
            query = query.cursor(cursor);
        }
        self.end()?;
        Ok(query)
    }

    pub(crate) fn session_update(&mut self) -> Result<SessionUpdate> {
        let mut update = SessionUpdate::new();
        if let Some(status) = self.optional_text("status")? {
            update = update.status(status);
        }
        match self.0.remove("owner") {
            None => {}
            Some(Value::Null) => update = update.owner(None),
            Some(Value::String(owner)) => update = update.owner(Some(owner)),
            Some(other) => return wrong("owner", &other),
        }
        if let Some(metadata) = self.object("metadata")? {
            update = update.metadata(metadata);
        }
        if let Some(patch) = self.object("merge_metadata")? {
            update = update.merge_metadata(patch);
        }
        if let Some(revision) = self.number("expected_revision")? {
            update = update.expected_revision(revision);
        }
        self.end()?;
        Ok(update)
    }

    pub(crate) fn cleanup_query(&mut self) -> Result<CleanupQuery> {
        let mut query = CleanupQuery::new();
        if let Some(age) = self.span("older_than")? {
            query = query.older_than(age);
        }
        if let Some(scope) = self.optional_text("scope")? {
            query = query.scope(scope);
        }
        if let Some(status) = self.optional_text("status")? {
            query = query.status(status);
        }
        if let Some(dry_run) = self.flag("dry_run")? {
            query = query.dry_run(dry_run);
        }
        self.end()?;
        Ok(query)
    }

    pub(crate) fn new_message(&mut self) -> Result<NewMessage> {
        let mut message = NewMessage::new(self.text("role")?, self.content()?);
        if let Some(tokens) = self.number("token_count")? {
            message = message.token_count(tokens);
        }
        if let Some(is_summary) = self.flag("is_summary")? {
            message = message.summary(is_summary);
        }
        if let Some(key) = self.optional_text("dedup_key")? {
            message = message.dedup_key(key);
        }
        if let Some(created_at) = self.moment("created_at")? {
            message = message.created_at(created_at);
        }
        self.end()?;
        Ok(message)
    }

    pub(crate) fn new_messages(&mut self) -> Result<Vec<NewMessage>> {
        match self.take("messages") {
            Some(Value::Array(messages)) => messages
                .into_iter()
                .map(|message| match message {
                    Value::Object(message) => Args(message).new_message(),
                    other => wrong("messages", &other),
                })
                .collect(),
            other => wrong("messages", &other.unwrap_or_default()),
        }
    }

    pub(crate) fn save_options(&mut self) -> Result<SaveOptions> {
        let mut options = SaveOptions::new();
        if let Some(revision) = self.number("expected_revision")? {
            options = options.expected_revision(revision);
        }
        match self.take("update") {
            None => {}
            Some(Value::Object(update)) => options = options.update(Args(update).session_update()?),
            Some(other) => return wrong("update", &other),
        }
        self.end()?;
        Ok(options)
    }

    pub(crate) fn message_query(&mut self) -> Result<MessageQuery> {
        let mut query = MessageQuery::new();
        if let Some(seq) = self.number("after")? {
            query = query.after(seq);
        }
        if let Some(seq) = self.number("before")? {
            query = query.before(seq);
        }
        if let Some(since) = self.moment("since")? {
            query = query.since(since);
        }
        if let Some(limit) = self.number("limit")? {
            query = query.limit(limit);
        }
        if let Some(last) = self.number("last")? {
            query = query.last(last);
        }
        if let Some(roles) = self.texts("roles")? {
            query = query.roles(roles);
        }
        if let Some(summaries) = self.flag("summaries")? {
            query = query.summaries(summaries);
        }
        self.end()?;
        Ok(query)
    }

    pub(crate) fn context_query(&mut self) -> Result<ContextQuery> {
        let mut query = ContextQuery::new();
        if let Some(prefix) = self.optional_text("scope_prefix")? {
            query = query.scope_prefix(prefix);
        }
        if let Some(limit) = self.size("limit")? {
            query = query.limit(limit);
        }
        if let Some(cursor) = self.optional_text("cursor")? {
            query = query.cursor(cursor);
        }
        self.end()?;
        Ok(query)
    }

    pub(crate) fn lifecycle(&mut self) -> Result<Lifecycle> {
        let mut lifecycle = Lifecycle::new(self.text("name")?, self.text("initial")?);
        lifecycle.statuses = self.required("statuses", Self::texts)?;
        lifecycle.final_statuses = self.texts("final_statuses")?.unwrap_or_default();
        if let Some(moves) = self.take("moves") {
            lifecycle.moves =
                serde_json::from_value(moves.clone()).or_else(|_| wrong("moves", &moves))?;
        }
        self.end()?;
        Ok(lifecycle)
    }

    /// Kept bytes by `"$name"`, or those of a text by `{ "$text": … }`.
    pub(crate) fn archive(&mut self, archives: &Archives) -> Result<Vec<u8>> {
        let value = self.take("archive").unwrap_or_default();
        if let Some(text) = value.get("$text").and_then(Value::as_str) {
            return Ok(text.as_bytes().to_owned());
        }
        let name = value.as_str().and_then(|name| name.strip_prefix('$'));
        match name.and_then(|name| archives.get(name)) {
            Some(bytes) => Ok(bytes.clone()),
            None => wrong("archive", &value),
        }
    }
}

/// The text of `{ "$json": text }`.
fn json_text(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("$json")?.as_str()
}
