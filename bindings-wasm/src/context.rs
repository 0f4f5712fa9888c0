//! Contexts.

use convostore::{ContextQuery, JsonObject, Result, Store};

use crate::boxes::Answer;
use crate::convert::{Args, List, add_context, context_text, or_null};

/// `scope`. Null where it was never written.
pub(crate) fn get_context(store: &Store, mut given: Args) -> Result<Answer> {
    let context = store.get_context(&given.word())?;
    Ok(or_null(context.as_ref(), context_text))
}

/// `scope`, `data`, `expected_revision`.
pub(crate) fn set_context(store: &Store, mut given: Args) -> Result<Answer> {
    let (scope, data) = (given.word(), JsonObject::parse(given.word())?);
    let context = store.set_context(&scope, data, given.whole())?;
    Ok(context_text(&context))
}

/// `scope`, `patch`, `expected_revision`.
pub(crate) fn merge_context(store: &Store, mut given: Args) -> Result<Answer> {
    let (scope, patch) = (given.word(), JsonObject::parse(given.word())?);
    let context = store.merge_context(&scope, patch, given.whole())?;
    Ok(context_text(&context))
}

/// `scope`. Whether there was one, 1 or 0.
pub(crate) fn delete_context(store: &Store, mut given: Args) -> Result<Answer> {
    Ok(List::of(&[store.delete_context(&given.word())?.into()]))
}

/// `scope_prefix`, `limit`, `cursor`. The next cursor, then the members of all contexts, come back.
pub(crate) fn list_contexts(store: &Store, mut given: Args) -> Result<Answer> {
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
    let page = store.list_contexts(query)?;
    let mut list = List::new();
    list.optional_text(page.next_cursor.as_deref());
    for context in &page.items {
        add_context(&mut list, context);
    }
    Ok(list.end())
}
