//! Messages: save, read, remove.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::answers::message_answer;
use super::arguments::{check_role, check_texts, check_update, flag, json_text, number, text};
use super::preview::preview;
use super::{Args, Message, Result, Session, Tenant};
use crate::answer::Answer;

impl Tenant {
    pub(super) fn save(&mut self, args: &Args, now: i64) -> Result<Answer> {
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

    pub(super) fn read_messages(&mut self, args: &Args) -> Result<Answer> {
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

    pub(super) fn pop(&mut self, id: &str, now: i64) -> Result<Answer> {
        let session = self.session(id)?;
        let Some(newest) = session.messages.pop() else {
            return Ok(Answer::Nothing);
        };
        session.preview.take_if(|(seq, _)| *seq == newest.seq);
        session.changed(now);
        Ok(message_answer(&newest))
    }
}

impl Session {
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

    pub(super) fn delete(&mut self, now: i64, which: impl Fn(&Message) -> bool) -> u64 {
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
    pub(super) fn read(args: &Value) -> Result<Self> {
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
