//! Contexts.

use convostore::{ContextQuery, JsonObject};
use wasm_bindgen::prelude::*;

use crate::convert::{Args, List, add_context, context_text};
use crate::error::{Out, Thrown};
use crate::store::CoreStore;

fn revision(given: Option<f64>) -> Option<u64> {
    given.map(|revision| revision as u64)
}

#[wasm_bindgen]
impl CoreStore {
    /// Nothing where it was never written.
    pub fn get_context(&self, scope: &str) -> Out<Option<String>> {
        let context = self.store.get_context(scope).out()?;
        Ok(context.as_ref().map(context_text))
    }

    /// Replaces it.
    pub fn set_context(
        &self,
        now: f64,
        scope: &str,
        data: String,
        expected_revision: Option<f64>,
    ) -> Out<String> {
        let data = JsonObject::parse(data).out()?;
        let expected = revision(expected_revision);
        let context = self.at(now).set_context(scope, data, expected).out()?;
        Ok(context_text(&context))
    }

    /// Merges into it.
    pub fn merge_context(
        &self,
        now: f64,
        scope: &str,
        patch: String,
        expected_revision: Option<f64>,
    ) -> Out<String> {
        let patch = JsonObject::parse(patch).out()?;
        let expected = revision(expected_revision);
        let context = self.at(now).merge_context(scope, patch, expected).out()?;
        Ok(context_text(&context))
    }

    /// Whether there was one.
    pub fn delete_context(&self, now: f64, scope: &str) -> Out<bool> {
        self.at(now).delete_context(scope).out()
    }

    /// `scope_prefix`, `limit`, `cursor`. The next cursor, then the contexts, come back.
    pub fn list_contexts(&self, query: &str) -> Out<String> {
        let mut given = Args::parse(query)?;
        let mut query = ContextQuery::new();
        if let Some(prefix) = given.text() {
            query = query.scope_prefix(prefix);
        }
        if let Some(limit) = given.size() {
            query = query.limit(limit);
        }
        if let Some(cursor) = given.text() {
            query = query.cursor(cursor);
        }
        let page = self.store.list_contexts(query).out()?;
        let mut list = List::new();
        list.optional_text(page.next_cursor.as_deref());
        for context in &page.items {
            list.list(|list| add_context(list, context));
        }
        Ok(list.end())
    }
}
