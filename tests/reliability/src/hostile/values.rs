//! Ids, keys, contents and whatever else is told to a store: it comes back as it was, or is refused, and never becomes a path or SQL.

use arbitrary::{Arbitrary, Unstructured};
use convostore::{
    Content, ErrorCode, JsonObject, Lifecycle, MessageQuery, NewMessage, NewSession, SessionUpdate,
    Store,
};

use super::pair;

#[derive(Debug, Arbitrary)]
struct Values {
    tenant: Option<String>,
    id: Option<String>,
    scope: String,
    key: Option<String>,
    owner: Option<String>,
    status: Option<String>,
    lifecycle: Option<String>,
    metadata: Option<String>,
    merged: Option<String>,
    data: Option<String>,
    messages: Vec<Said>,
}

#[derive(Debug, Arbitrary)]
struct Said {
    role: Option<String>,
    text: String,
    is_json: bool,
    dedup_key: Option<String>,
    token_count: Option<u64>,
}

/// Tells both storages the same things, and asks for them.
pub(super) fn values(bytes: &[u8]) {
    let Ok(values) = Values::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let sqlite = pair::sqlite();
    let in_memory = tell(&pair::memory(), &values);
    let in_a_file = tell(&sqlite, &values);
    assert_eq!(in_memory, in_a_file);
    pair::empty(&sqlite);
}

/// What came of each step, in words that can be compared.
fn tell(store: &Store, values: &Values) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(tenant) = &values.tenant {
        let opened = store
            .for_tenant(tenant)
            .map(|it| it.stats().map(|it| it.sessions));
        told.push(word(opened.and_then(|it| it)));
    }
    let made = new_session(values).and_then(|new| store.create_session(new));
    if let Ok(made) = &made {
        assert_eq!(
            (&made.scope, &made.key, &made.owner),
            (&values.scope, &values.key, &values.owner)
        );
    }
    told.push(word(made));
    // Where that was refused the messages go to one that nobody refuses.
    let id = match &values.id {
        Some(id) if store.get_session(id).is_ok_and(|it| it.is_some()) => id.clone(),
        _ => {
            let plain = store.get_or_create_session(NewSession::new().id("plain"));
            plain.unwrap().id
        }
    };
    for said in &values.messages {
        told.push(save(store, &id, said));
    }
    if let Some(merged) = &values.merged {
        let patch = JsonObject::parse(merged.as_str());
        let update = patch.map(|patch| SessionUpdate::new().merge_metadata(patch));
        told.push(word(
            update.and_then(|update| store.update_session(&id, update)),
        ));
    }
    if let Some(data) = &values.data {
        let data = JsonObject::parse(data.as_str());
        told.push(word(
            data.and_then(|data| store.set_context(&values.scope, data, None)),
        ));
        told.push(word(store.get_context(&values.scope)));
    }
    if let Some(key) = &values.key {
        told.push(word(store.get_session_by_key(&values.scope, key)));
    }
    if let Some(name) = &values.lifecycle {
        // Looked at only: a lifecycle stays for ever.
        let new = Lifecycle::new(name.as_str(), "");
        told.push(word(store.define_lifecycle(new)));
    }
    told.push(word(store.get_messages(&id, MessageQuery::new())));
    told.push(word(store.check().map(|check| check.problems)));
    told
}

fn new_session(values: &Values) -> convostore::Result<NewSession> {
    let mut new = NewSession::new().scope(&values.scope);
    if let Some(id) = &values.id {
        new = new.id(id);
    }
    if let Some(key) = &values.key {
        new = new.key(key);
    }
    if let Some(owner) = &values.owner {
        new = new.owner(owner);
    }
    if let Some(status) = &values.status {
        new = new.status(status);
    }
    if let Some(metadata) = &values.metadata {
        new = new.metadata(JsonObject::parse(metadata.as_str())?);
    }
    Ok(new)
}

fn save(store: &Store, id: &str, said: &Said) -> String {
    let content = if said.is_json {
        Content::json(said.text.as_str())
    } else {
        Ok(Content::text(said.text.as_str()))
    };
    let content = match content {
        Ok(content) => content,
        Err(error) => return word::<()>(Err(error)),
    };
    let role = said.role.as_deref().unwrap_or("user");
    let mut message = NewMessage::new(role, content.clone());
    if let Some(key) = &said.dedup_key {
        message = message.dedup_key(key);
    }
    if let Some(count) = said.token_count {
        message = message.token_count(count);
    }
    let saved = store.save_message(id, message);
    if let Ok(saved) = &saved {
        let read = store.get_messages(id, MessageQuery::new().after(saved.seq - 1).limit(1));
        let read = read.unwrap().remove(0);
        assert_eq!(
            read.content.to_json(),
            content.to_json(),
            "a content came back bent"
        );
        if said.is_json {
            assert_eq!(
                *read.content.to_json(),
                *said.text.trim_matches([' ', '\t', '\r', '\n'])
            );
        }
    }
    word(saved)
}

fn word<T: std::fmt::Debug>(outcome: convostore::Result<T>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            assert_ne!(error.code(), ErrorCode::Storage, "{error}");
            error.code().as_str().to_owned()
        }
    }
}
