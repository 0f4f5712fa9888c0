//! Contexts: one JSON object per scope.

use super::{Store, read};
use crate::backend::WriteTransaction;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::{Context, ContextQuery, JsonObject, Page};
use crate::rules::{limits, merge_patch, order};

impl Store {
    /// The context of a scope; `None` until it is first written.
    pub fn get_context(&self, scope: &str) -> Result<Option<Context>> {
        let (_entered, reader, tenant) = self.enter_reading()?;
        limits::check("scope", scope, 0, limits::SCOPE)?;
        read(reader, tenant, |tx| tx.context(scope))
    }

    /// Writes the context of a scope. An expected revision of 0 demands that there be none yet.
    ///
    /// Errors: `conflict` where the expected revision is not the present one.
    pub fn set_context(
        &self,
        scope: &str,
        data: JsonObject,
        expected_revision: Option<u64>,
    ) -> Result<Context> {
        self.change_context(scope, expected_revision, move |_| Ok(data.clone()))
    }

    /// Merges into the context of a scope by RFC 7396, beginning with `{}` where there is none.
    ///
    /// Errors: `conflict` where the expected revision is not the present one.
    pub fn merge_context(
        &self,
        scope: &str,
        patch: JsonObject,
        expected_revision: Option<u64>,
    ) -> Result<Context> {
        self.change_context(scope, expected_revision, move |old| {
            merge_patch::merge(old, &patch)
        })
    }

    /// Deletes the context of a scope. Whether there was one.
    pub fn delete_context(&self, scope: &str) -> Result<bool> {
        let (_entered, ..) = self.enter()?;
        limits::check("scope", scope, 0, limits::SCOPE)?;
        let scope = scope.to_owned();
        self.write(move |tx| tx.delete_context(&scope))
    }

    /// Contexts by bytes of their scopes, a page at a time.
    ///
    /// Errors: `invalid_argument`.
    #[expect(clippy::needless_pass_by_value, reason = "as all queries are passed")]
    pub fn list_contexts(&self, query: ContextQuery) -> Result<Page<Context>> {
        let (_entered, reader, tenant) = self.enter_reading()?;
        let limit = limits::page(query.limit)?;
        let prefix = query.scope_prefix.as_deref().unwrap_or_default();
        limits::check("scope", prefix, 0, limits::SCOPE)?;
        let after = match &query.cursor {
            Some(cursor) => Some(order::scope_position(cursor)?),
            None => None,
        };
        let mut items = read(reader, tenant, |tx| {
            tx.contexts(prefix, after.as_deref(), limit + 1)
        })?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|last| order::scope_cursor(&last.scope));
        Ok(Page::new(items, next_cursor))
    }

    fn change_context(
        &self,
        scope: &str,
        expected_revision: Option<u64>,
        new: impl Fn(&JsonObject) -> Result<JsonObject> + Send + 'static,
    ) -> Result<Context> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        limits::check("scope", scope, 0, limits::SCOPE)?;
        let scope = scope.to_owned();
        self.write(move |tx| change(tx, &scope, expected_revision, &new, now))
    }
}

fn change(
    tx: &mut dyn WriteTransaction,
    scope: &str,
    expected_revision: Option<u64>,
    new: &dyn Fn(&JsonObject) -> Result<JsonObject>,
    now: Timestamp,
) -> Result<Context> {
    let old = tx.context(scope)?;
    let revision = old.as_ref().map_or(0, |context| context.revision);
    if let Some(expected) = expected_revision.filter(|expected| *expected != revision) {
        return Err(Error::revision_conflict(expected, revision));
    }
    let context = match old {
        Some(mut context) => {
            context.data = new(&context.data)?;
            context.revision += 1;
            context.updated_at = context.updated_at.max(now);
            context
        }
        None => Context::new(scope, new(&JsonObject::default())?, now),
    };
    tx.put_context(&context)?;
    Ok(context)
}
