//! Sessions: start, list, change, clean up.

use serde_json::json;

use super::answers::{page, session_answer};
use super::arguments::{flag, number, object, page_limit, read_cursor, text};
use super::contexts::merge;
use super::{Args, Result, Session, Tenant};
use crate::answer::{Answer, record};

impl Tenant {
    pub(super) fn start(
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

    pub(super) fn matching(&self, args: &Args) -> Vec<&Session> {
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

    pub(super) fn list_sessions(&self, args: &Args) -> Result<Answer> {
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

    pub(super) fn cleanup(&mut self, args: &Args, now: i64) -> Answer {
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
    pub(super) fn update(&mut self, id: &str, args: &Args, now: i64) -> Result<()> {
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
}

impl Session {
    /// The greatest comes first.
    pub(super) fn place(&self, order: &str) -> (i64, i64, &str) {
        match order {
            "activity" => (self.last_active_at, self.created_at, &self.id),
            _ => (self.created_at, 0, &self.id),
        }
    }

    pub(super) fn changed(&mut self, now: i64) {
        self.revision += 1;
        self.updated_at = self.updated_at.max(now);
    }

    pub(super) fn expect_revision(&self, expected: Option<i64>) -> Result<()> {
        match expected {
            Some(expected) if u64::try_from(expected).unwrap() != self.revision => Err("conflict"),
            _ => Ok(()),
        }
    }
}
