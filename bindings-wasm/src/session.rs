//! Sessions.

use std::cell::RefCell;

use convostore::{CleanupQuery, CleanupSteps, Erasure, ListOrder, Result, SessionQuery, Store};
use wasm_bindgen::prelude::*;

use crate::boxes::{self, Answer};
use crate::convert::{Args, List, add_session, or_null, session_text, span};
use crate::error::{Out, Thrown, invalid};
use crate::store::CoreStore;

/// See [`Args::new_session`].
pub(crate) fn create_session(store: &Store, mut given: Args) -> Result<Answer> {
    let session = store.create_session(given.new_session()?)?;
    Ok(session_text(&session))
}

/// See [`Args::new_session`].
pub(crate) fn get_or_create_session(store: &Store, mut given: Args) -> Result<Answer> {
    let session = store.get_or_create_session(given.new_session()?)?;
    Ok(session_text(&session))
}

/// See [`Args::new_session`]; then `idle`.
pub(crate) fn resume_session(store: &Store, mut given: Args) -> Result<Answer> {
    let new = given.new_session()?;
    let session = store.resume_session(new, given.number().map(span))?;
    Ok(session_text(&session))
}

/// `id`.
pub(crate) fn get_session(store: &Store, mut given: Args) -> Result<Answer> {
    let session = store.get_session(&given.word())?;
    Ok(or_null(session.as_ref(), session_text))
}

/// `scope`, `key`.
pub(crate) fn get_session_by_key(store: &Store, mut given: Args) -> Result<Answer> {
    let session = store.get_session_by_key(&given.word(), &given.word())?;
    Ok(or_null(session.as_ref(), session_text))
}

/// `scope`, `scope_prefix`, `owner`, `status`, `order`, `limit`, `cursor`. The next cursor, then the members of all sessions, come back.
pub(crate) fn list_sessions(store: &Store, mut given: Args) -> Result<Answer> {
    let mut query = SessionQuery::new();
    if let Some(scope) = given.text() {
        query = query.scope(scope);
    }
    if let Some(prefix) = given.text() {
        query = query.scope_prefix(prefix);
    }
    if let Some(owner) = given.text() {
        query = query.owner(owner);
    }
    if let Some(status) = given.text() {
        query = query.status(status);
    }
    if let Some(name) = given.text() {
        let order = ListOrder::from_name(&name).ok_or_else(|| {
            invalid("order must be activity or creation").with("argument", "order")
        })?;
        query = query.order(order);
    }
    if let Some(limit) = given.size() {
        query = query.limit(limit);
    }
    if let Some(cursor) = given.text() {
        query = query.cursor(cursor);
    }
    let page = store.list_sessions(query)?;
    let mut list = List::new();
    list.optional_text(page.next_cursor.as_deref());
    list.expect(page.items.len() * 300);
    for session in &page.items {
        add_session(&mut list, session);
    }
    Ok(list.end())
}

/// `id`, then see [`Args::update`].
pub(crate) fn update_session(store: &Store, mut given: Args) -> Result<Answer> {
    let id = given.word();
    let session = store.update_session(&id, given.update()?)?;
    Ok(session_text(&session))
}

/// `id`. Makes it active now.
pub(crate) fn touch_session(store: &Store, mut given: Args) -> Result<Answer> {
    let session = store.touch_session(&given.word())?;
    Ok(session_text(&session))
}

/// `id`, `erase`. Whether there was one, and where erasing was asked for, why it is not complete (empty where it is).
pub(crate) fn delete_session(store: &Store, mut given: Args) -> Result<Answer> {
    let deletion = store.delete_session(&given.word(), given.flag().unwrap_or_default())?;
    let mut list = List::new();
    list.flag(deletion.deleted);
    match deletion.erasure {
        None => {}
        Some(Erasure::Complete) => list.text(""),
        Some(Erasure::Pending { reason }) => list.text(&reason),
        Some(_) => list.text("it is not known whether the bytes are gone"),
    }
    Ok(list.end())
}

#[wasm_bindgen]
impl CoreStore {
    /// `older_than`, `scope`, `status`, `dry_run`.
    pub fn begin_cleanup(&self, now: f64, query: &str) -> Out<CoreCleanup> {
        let begin = || {
            let mut given = Args::parse(query)?;
            let mut query = CleanupQuery::new();
            if let Some(age) = given.number() {
                query = query.older_than(span(age));
            }
            if let Some(scope) = given.text() {
                query = query.scope(scope);
            }
            if let Some(status) = given.text() {
                query = query.status(status);
            }
            if let Some(dry_run) = given.flag() {
                query = query.dry_run(dry_run);
            }
            self.at(now).begin_cleanup(query)
        };
        Ok(CoreCleanup(RefCell::new(begin().out()?)))
    }

    /// One transaction of a clean-up: sessions and messages deleted, or null where it is at its end.
    pub fn cleanup_step(&self, cleanup: &CoreCleanup) -> Out<u32> {
        let step = || {
            let steps = cleanup.0.try_borrow_mut();
            let mut steps = steps.map_err(|_| invalid("this clean-up is running"))?;
            self.store.cleanup_step(&mut steps)
        };
        let done = step().out()?;
        Ok(boxes::put(or_null(done.as_ref(), |done| {
            List::of(&[done.sessions, done.messages])
        })))
    }
}

/// Where a clean-up stands.
#[wasm_bindgen]
pub struct CoreCleanup(RefCell<CleanupSteps>);
