//! Contexts, and merging.

use serde_json::{Value, json};

use super::answers::{context_answer, page};
use super::arguments::{number, page_limit, read_cursor, text};
use super::{Args, Context, Result, Tenant};
use crate::answer::Answer;

impl Tenant {
    pub(super) fn change_context(
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

    pub(super) fn list_contexts(&self, args: &Args) -> Result<Answer> {
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
}

/// RFC 7396.
pub(super) fn merge(target: Option<&Value>, patch: &Value) -> Option<Value> {
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
