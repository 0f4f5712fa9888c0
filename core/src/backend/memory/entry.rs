//! A message as memory holds it: 48 bytes and its text, on a 64-bit machine.

use std::sync::Arc;

use super::row::shared;
use crate::clock::Timestamp;
use crate::model::{Content, Message, Role};

/// One message.
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) created_at: Timestamp,
    /// Exactly as long as the content: a history is not edited.
    body: Box<str>,
    /// What few messages have.
    extra: Option<Box<Extra>>,
    /// The index in [`Role::BUILT_IN`], or [`OTHER_ROLE`].
    role: u8,
    is_text: bool,
    pub(super) is_summary: bool,
}

#[derive(Default)]
struct Extra {
    token_count: Option<u64>,
    dedup_key: Option<Arc<str>>,
    role: Option<Role>,
}

/// The role is in the extra part.
const OTHER_ROLE: u8 = u8::MAX;

/// What a message says of itself, apart from its number and time.
pub(super) struct Said<'a> {
    pub(super) role: &'a Role,
    pub(super) content: &'a Content,
    pub(super) token_count: Option<u64>,
    pub(super) is_summary: bool,
    pub(super) dedup_key: Option<&'a str>,
}

impl Entry {
    pub(super) fn new(seq: u64, created_at: Timestamp, said: &Said<'_>) -> Self {
        let role = role_index(said.role);
        let extra = Extra {
            token_count: said.token_count,
            dedup_key: shared(said.dedup_key),
            role: (role == OTHER_ROLE).then(|| said.role.clone()),
        };
        let is_plain =
            extra.token_count.is_none() && extra.dedup_key.is_none() && extra.role.is_none();
        Self {
            seq,
            created_at,
            body: Box::from(said.content.body()),
            extra: (!is_plain).then(|| Box::new(extra)),
            role,
            is_text: said.content.is_text(),
            is_summary: said.is_summary,
        }
    }

    pub(super) fn of(message: &Message) -> Self {
        Self::new(
            message.seq,
            message.created_at,
            &Said {
                role: &message.role,
                content: &message.content,
                token_count: message.token_count,
                is_summary: message.is_summary,
                dedup_key: message.dedup_key.as_deref(),
            },
        )
    }

    pub(super) fn role(&self) -> Role {
        match Role::BUILT_IN.get(usize::from(self.role)) {
            Some(role) => role.clone(),
            None => self
                .extra
                .as_ref()
                .and_then(|extra| extra.role.clone())
                .unwrap_or(Role::USER),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.is_text
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    pub(super) fn token_count(&self) -> Option<u64> {
        self.extra.as_ref().and_then(|extra| extra.token_count)
    }

    pub(super) fn dedup_key(&self) -> Option<&Arc<str>> {
        self.extra
            .as_ref()
            .and_then(|extra| extra.dedup_key.as_ref())
    }

    /// Whether role and content are these.
    pub(super) fn says(&self, role: &Role, content: &Content) -> bool {
        self.is_text == content.is_text()
            && self.body.as_ref() == content.body()
            && self.role() == *role
    }

    pub(super) fn to_message(&self) -> Message {
        let content = Content::from_stored(self.is_text, self.body.as_ref().to_owned());
        let mut message = Message::new(self.seq, self.role(), content, self.created_at);
        message.is_summary = self.is_summary;
        message.token_count = self.token_count();
        message.dedup_key = self.dedup_key().map(|key| key.as_ref().to_owned());
        message
    }
}

fn role_index(role: &Role) -> u8 {
    Role::BUILT_IN
        .iter()
        .position(|known| known == role)
        .and_then(|index| u8::try_from(index).ok())
        .unwrap_or(OTHER_ROLE)
}
