//! What the model's records are as answers.

use std::collections::BTreeSet;

use super::{Context, Lifecycle, Message, Session};
use crate::answer::{Answer, record};

pub(super) fn maybe(answer: Option<Answer>) -> Answer {
    answer.unwrap_or(Answer::Nothing)
}

pub(super) fn page(items: Vec<Answer>, cursor: Option<String>) -> Answer {
    record! { items: Answer::List(items), next_cursor: cursor }
}

pub(super) fn session_answer(session: &Session) -> Answer {
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

pub(super) fn message_answer(message: &Message) -> Answer {
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

pub(super) fn context_answer(scope: &str, context: &Context) -> Answer {
    record! {
        scope: scope,
        data: Answer::Json(context.data.to_string()),
        revision: context.revision,
        created_at: context.created_at,
        updated_at: context.updated_at,
    }
}

pub(super) fn lifecycle_answer(name: &str, lifecycle: &Lifecycle) -> Answer {
    let list = |items: &BTreeSet<String>| Answer::List(items.iter().map(Answer::from).collect());
    record! {
        name: name,
        initial: lifecycle.initial.as_str(),
        statuses: list(&lifecycle.statuses),
        moves: Answer::List(lifecycle.moves.iter().map(Answer::from).collect()),
        final_statuses: list(&lifecycle.finals),
    }
}
