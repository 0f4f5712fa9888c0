//! Saves that are carried out together: what `AsyncStore` is made of, in every language.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::messages::saved_messages;
use super::{Store, guard};
use crate::backend::{Append, Appended, WaitingAppend};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Message, NewMessage};
use crate::rules::limits;

/// A save whose time is read, and nothing else of it done: to be carried out by whoever collects such saves, with [`Store::save_each`].
pub struct PreparedSave {
    store: Store,
    session_id: String,
    messages: Vec<NewMessage>,
    expected_revision: Option<u64>,
    now: Timestamp,
    since: Instant,
}

/// No text: it belongs in no log.
impl fmt::Debug for PreparedSave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedSave")
            .field("session_id", &self.session_id)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Whether saves that wait do well to wait together, for [`Store::save_each`]; otherwise each is better made by a thread of its own.
    #[doc(hidden)]
    pub fn has_one_writer(&self) -> bool {
        self.inner.backend.has_one_writer()
    }

    /// A save to be carried out later: as [`Store::save_messages`] with an expected revision or without. Reads the clock, and is fast: arguments
    /// are judged when it is carried out. Its wait limit begins now.
    #[doc(hidden)]
    pub fn prepare_save(
        &self,
        session_id: String,
        messages: Vec<NewMessage>,
        expected_revision: Option<u64>,
    ) -> Result<PreparedSave> {
        let (_entered, ..) = self.enter()?;
        Ok(PreparedSave {
            store: self.clone(),
            session_id,
            messages,
            expected_revision,
            now: self.now(),
            since: Instant::now(),
        })
    }

    /// Carries saves out, in their order, each as if alone: it happens whole or not at all, and its error is its own. Those of one backend share
    /// commits where it can. An answer for each.
    #[doc(hidden)]
    pub fn save_each(saves: Vec<PreparedSave>) -> Vec<Result<Vec<Message>>> {
        let mut answers = Vec::with_capacity(saves.len());
        let mut rest = saves.into_iter().peekable();
        while let Some(first) = rest.next() {
            let backend = Arc::clone(&first.store.inner.backend);
            let mut group = vec![first];
            let is_same = |save: &PreparedSave| Arc::ptr_eq(&save.store.inner.backend, &backend);
            while let Some(save) = rest.next_if(is_same) {
                group.push(save);
            }
            match guard::enter(&backend) {
                Ok(_entered) => {
                    let (appends, checked) = checked(group);
                    let appended = backend.append_each(appends);
                    answers.extend(matched(checked, appended));
                }
                Err(_) => answers.extend(group.iter().map(|_| Err(guard::reentrant()))),
            }
        }
        answers
    }
}

/// The appends to make, and for each save its append or what forbids it.
fn checked(saves: Vec<PreparedSave>) -> (Vec<WaitingAppend>, Vec<Result<Arc<Append>>>) {
    let mut appends = Vec::with_capacity(saves.len());
    let mut all = Vec::with_capacity(saves.len());
    for save in saves {
        let waited = save.since.elapsed();
        let tenant = save.store.inner.tenant.clone();
        let append = save.into_append().map(Arc::new);
        if let Ok(append) = &append {
            appends.push(WaitingAppend {
                tenant,
                append: Arc::clone(append),
                waited,
            });
        }
        all.push(append);
    }
    (appends, all)
}

/// Brings each save together with what became of its append.
fn matched(
    checked: Vec<Result<Arc<Append>>>,
    appended: Vec<Result<Appended>>,
) -> impl Iterator<Item = Result<Vec<Message>>> {
    let mut appended = appended.into_iter();
    checked.into_iter().map(move |append| {
        let append = append?;
        saved_messages(append, appended.next().ok_or_else(no_answer)??)
    })
}

fn no_answer() -> Error {
    Error::new(
        ErrorCode::Storage,
        "the backend gave fewer answers than it was given appends; this is a defect of the backend",
    )
}

impl PreparedSave {
    fn into_append(self) -> Result<Append> {
        limits::check("session_id", &self.session_id, 1, limits::SESSION_ID)?;
        for message in &self.messages {
            self.store.check_message(message)?;
        }
        let (id, revision) = (&self.session_id, self.expected_revision);
        Ok(self.store.append_of(id, self.messages, revision, self.now))
    }
}
