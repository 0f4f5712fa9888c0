//! Sessions.

use std::cell::RefCell;

use convostore::{CleanupQuery, CleanupSteps, Erasure, ListOrder, SessionQuery};
use wasm_bindgen::prelude::*;

use crate::convert::{Args, List, add_session, session_text, span};
use crate::error::{Out, Thrown, invalid};
use crate::store::CoreStore;

#[wasm_bindgen]
impl CoreStore {
    /// See [`Args::new_session`] for `new`.
    pub fn create_session(&self, now: f64, new: &str) -> Out<String> {
        let new = Args::parse(new)?.new_session()?;
        let session = self.at(now).create_session(new).out()?;
        Ok(session_text(&session))
    }

    /// See [`Args::new_session`] for `new`.
    pub fn get_or_create_session(&self, now: f64, new: &str) -> Out<String> {
        let new = Args::parse(new)?.new_session()?;
        let session = self.at(now).get_or_create_session(new).out()?;
        Ok(session_text(&session))
    }

    /// See [`Args::new_session`] for `new`.
    pub fn resume_session(&self, now: f64, new: &str, idle: Option<f64>) -> Out<String> {
        let new = Args::parse(new)?.new_session()?;
        let session = self.at(now).resume_session(new, idle.map(span)).out()?;
        Ok(session_text(&session))
    }

    /// By its id.
    pub fn get_session(&self, id: &str) -> Out<Option<String>> {
        let session = self.store.get_session(id).out()?;
        Ok(session.as_ref().map(session_text))
    }

    /// By its key.
    pub fn get_session_by_key(&self, scope: &str, key: &str) -> Out<Option<String>> {
        let session = self.store.get_session_by_key(scope, key).out()?;
        Ok(session.as_ref().map(session_text))
    }

    /// `scope`, `scope_prefix`, `owner`, `status`, `order`, `limit`, `cursor`. The next cursor, then the sessions, come back.
    pub fn list_sessions(&self, query: &str) -> Out<String> {
        let mut given = Args::parse(query)?;
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
            let order = ListOrder::from_name(&name)
                .ok_or_else(|| invalid("order must be activity or creation"))?;
            query = query.order(order);
        }
        if let Some(limit) = given.size() {
            query = query.limit(limit);
        }
        if let Some(cursor) = given.text() {
            query = query.cursor(cursor);
        }
        let page = self.store.list_sessions(query).out()?;
        let mut list = List::new();
        list.optional_text(page.next_cursor.as_deref());
        for session in &page.items {
            list.list(|list| add_session(list, session));
        }
        Ok(list.end())
    }

    /// `status`, `owner`, `metadata`, `merge_metadata`, `expected_revision`.
    pub fn update_session(&self, now: f64, id: &str, update: &str) -> Out<String> {
        let update = Args::parse(update)?.update()?;
        let session = self.at(now).update_session(id, update).out()?;
        Ok(session_text(&session))
    }

    /// Makes it active now.
    pub fn touch_session(&self, now: f64, id: &str) -> Out<String> {
        let session = self.at(now).touch_session(id).out()?;
        Ok(session_text(&session))
    }

    /// Whether there was one, and where erasing was asked for, why it is not complete (empty where it is).
    pub fn delete_session(&self, now: f64, id: &str, erase: bool) -> Out<String> {
        let deletion = self.at(now).delete_session(id, erase).out()?;
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

    /// `older_than`, `scope`, `status`, `dry_run`.
    pub fn begin_cleanup(&self, now: f64, query: &str) -> Out<CoreCleanup> {
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
        let steps = self.at(now).begin_cleanup(query).out()?;
        Ok(CoreCleanup(RefCell::new(steps)))
    }

    /// One transaction of a clean-up: sessions and messages deleted, or nothing where it is at its end.
    pub fn cleanup_step(&self, cleanup: &CoreCleanup) -> Out<Option<Vec<f64>>> {
        let mut steps = cleanup
            .0
            .try_borrow_mut()
            .map_err(|_| invalid("this clean-up is running"))?;
        let done = self.store.cleanup_step(&mut steps).out()?;
        Ok(done.map(|done| vec![done.sessions as f64, done.messages as f64]))
    }
}

/// Where a clean-up stands.
#[wasm_bindgen]
pub struct CoreCleanup(RefCell<CleanupSteps>);
