//! A lifecycle: the statuses a session can have, and the moves between them.

use serde::{Deserialize, Serialize};

use crate::json::{Fields, Object, elements, text_of};

/// A named set of statuses and the moves that are allowed between them. Kept in the store, so that every program on it agrees.
///
/// The rules on it are in `rules::lifecycle`: a definition is checked when it is defined, a move when a session is updated.
///
/// ```
/// use convostore::{Lifecycle, NewSession, SessionUpdate, Store};
/// let store = Store::in_memory()?;
/// store.define_lifecycle(
///     Lifecycle::new("review", "open").status("merged").status("open").allow("open", "merged").final_status("merged"),
/// )?;
/// let session = store.create_session(NewSession::new().lifecycle("review"))?;
/// store.update_session(&session.id, SessionUpdate::new().status("merged"))?;
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Lifecycle {
    /// Its name, unique in the tenant: 1 to 64 bytes.
    pub name: String,
    /// The status of a new session.
    pub initial: String,
    /// All statuses, each 1 to 64 bytes.
    pub statuses: Vec<String>,
    /// The allowed moves, `(from, to)`.
    pub moves: Vec<(String, String)>,
    /// The statuses that end a session: no move leads out of them, and `resume_session` does not continue a session in one.
    pub final_statuses: Vec<String>,
}

impl Lifecycle {
    /// A lifecycle whose only status is the initial one.
    pub fn new(name: impl Into<String>, initial: impl Into<String>) -> Self {
        let initial = initial.into();
        Self {
            name: name.into(),
            statuses: vec![initial.clone()],
            initial,
            moves: Vec::new(),
            final_statuses: Vec::new(),
        }
    }

    /// The same with one more status; one that it has already is not added again.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        let status = status.into();
        if !self.statuses.contains(&status) {
            self.statuses.push(status);
        }
        self
    }

    /// The same with one more move; its ends become statuses if they are not.
    pub fn allow(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        let (from, to) = (from.into(), to.into());
        let mut out = self.status(from.clone()).status(to.clone());
        out.moves.push((from, to));
        out
    }

    /// The same with a status that ends a session.
    pub fn final_status(self, status: impl Into<String>) -> Self {
        let status = status.into();
        let mut out = self.status(status.clone());
        out.final_statuses.push(status);
        out
    }

    /// Writes its members, in the one order that archives and records have.
    pub(crate) fn write(&self, out: &mut Object<'_>) {
        out.text("name", &self.name);
        out.text("initial", &self.initial);
        out.texts("statuses", &self.statuses);
        out.pairs("moves", &self.moves);
        out.texts("final_statuses", &self.final_statuses);
    }

    /// Reads what [`Lifecycle::write`] wrote.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let (name, initial) = (fields.text("name"), fields.text("initial"));
        let statuses = fields.list("statuses", text);
        let moves = fields.list("moves", |json| {
            let ends = texts(json)?.try_into().ok();
            ends.map(|[from, to]: [String; 2]| (from, to))
        });
        Self {
            name,
            initial,
            statuses,
            moves,
            final_statuses: fields.list("final_statuses", text),
        }
    }
}

fn text(json: &str) -> Option<String> {
    text_of(json).map(Into::into)
}

fn texts(json: &str) -> Option<Vec<String>> {
    elements(json).ok()?.into_iter().map(text).collect()
}
