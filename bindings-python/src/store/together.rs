//! Saves that are carried out together, for AsyncStore.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use convostore::{Error, ErrorCode, NewMessage};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Store;
use super::messages::records;
use crate::clock::Moment;
use crate::error;
use crate::model::{Message, new_message, new_messages};
use crate::text::{Count, Text};
use crate::wanted::detached;

/// A save as it was asked for, to be carried out by `_save_each`. Used once.
#[pyclass(frozen, module = "convostore._core", name = "_Save")]
pub(crate) struct Save {
    store: Py<Store>,
    session_id: String,
    expected_revision: Option<u64>,
    messages: Mutex<Vec<NewMessage>>,
    /// Whether its result is a message, not a list of them.
    is_one: bool,
}

#[pymethods]
#[allow(clippy::too_many_arguments, reason = "named arguments")]
impl Store {
    /// Whether saves that wait do well to wait together.
    #[getter(_has_one_writer)]
    fn has_one_writer(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(convostore::Store::has_one_writer)
    }

    /// As save_message, to be carried out later.
    #[pyo3(name = "_save_message", signature = (session_id, role, content, *, token_count=None, is_summary=false, dedup_key=None, created_at=None, expected_revision=None))]
    fn later_message(
        slf: Py<Self>,
        session_id: Text,
        role: Text,
        content: &Bound<'_, PyAny>,
        token_count: Option<Count>,
        is_summary: bool,
        dedup_key: Option<Text>,
        created_at: Option<Moment>,
        expected_revision: Option<Count>,
    ) -> PyResult<Save> {
        let message = new_message(
            &role,
            content,
            token_count,
            is_summary,
            dedup_key,
            created_at,
        )?;
        Ok(Save {
            store: slf,
            session_id: session_id.0,
            expected_revision: expected_revision.map(|revision| revision.0),
            messages: Mutex::new(vec![message]),
            is_one: true,
        })
    }

    /// As save_messages without an update (who has one does not wait together with others), to be carried out later.
    #[pyo3(name = "_save_messages", signature = (session_id, messages, *, expected_revision=None, update=None))]
    fn later_messages(
        slf: Py<Self>,
        session_id: Text,
        messages: &Bound<'_, PyAny>,
        expected_revision: Option<Count>,
        update: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Save> {
        debug_assert!(update.is_none());
        Ok(Save {
            store: slf,
            session_id: session_id.0,
            expected_revision: expected_revision.map(|revision| revision.0),
            messages: Mutex::new(new_messages(messages)?),
            is_one: false,
        })
    }
}

/// Carries saves out, in their order, each for itself. For each a pair: its result, and its error or None.
#[pyfunction]
#[pyo3(name = "_save_each")]
pub(crate) fn save_each<'py>(
    py: Python<'py>,
    saves: Vec<Bound<'py, Save>>,
) -> PyResult<Bound<'py, PyList>> {
    let asked: Vec<Asked<'_>> = saves.iter().map(|save| Asked::of(save.get())).collect();
    let outcomes = detached(py, || Ok(carry_out(asked)))?;
    let pairs = PyList::empty(py);
    for (save, outcome) in saves.iter().zip(outcomes) {
        let result = outcome
            .map_err(|refusal| refusal.raised(py))
            .and_then(|saved| result(py, saved, save.get().is_one));
        match result {
            Ok(result) => pairs.append((result, py.None()))?,
            Err(e) => pairs.append((py.None(), e.into_value(py)))?,
        }
    }
    Ok(pairs)
}

/// What a save needs while the interpreter lock is released.
struct Asked<'a> {
    store: convostore::Result<&'a convostore::Store>,
    session_id: &'a str,
    messages: Vec<NewMessage>,
    expected_revision: Option<u64>,
}

impl<'a> Asked<'a> {
    fn of(save: &'a Save) -> Self {
        let mut messages = save.messages.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            store: save.store.get().inner(),
            session_id: &save.session_id,
            messages: std::mem::take(&mut messages),
            expected_revision: save.expected_revision,
        }
    }
}

/// Why a save did not happen.
enum Refusal {
    Error(Error),
    /// What unwound out of its clock.
    Unwound(Box<dyn Any + Send>),
}

impl Refusal {
    fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Error(e) => error::raised(py, &e),
            Self::Unwound(payload) => error::caught(py, payload),
        }
    }
}

fn carry_out(asked: Vec<Asked<'_>>) -> Vec<Result<Vec<convostore::Message>, Refusal>> {
    let mut prepared = Vec::with_capacity(asked.len());
    let mut refusals = Vec::with_capacity(asked.len());
    for save in asked {
        let one = catch_unwind(AssertUnwindSafe(|| {
            let id = save.session_id.to_owned();
            save.store?
                .prepare_save(id, save.messages, save.expected_revision)
        }));
        refusals.push(match one {
            Ok(Ok(save)) => {
                prepared.push(save);
                None
            }
            Ok(Err(e)) => Some(Refusal::Error(e)),
            Err(payload) => Some(Refusal::Unwound(payload)),
        });
    }
    let mut saved = convostore::Store::save_each(prepared).into_iter();
    let outcome = |refusal| match refusal {
        Some(refusal) => Err(refusal),
        None => match saved.next() {
            Some(saved) => saved.map_err(Refusal::Error),
            None => Err(Refusal::Error(unanswered())),
        },
    };
    refusals.into_iter().map(outcome).collect()
}

fn result(
    py: Python<'_>,
    mut saved: Vec<convostore::Message>,
    is_one: bool,
) -> PyResult<Bound<'_, PyAny>> {
    if !is_one {
        return records(py, saved).map(Bound::into_any);
    }
    let message = saved
        .pop()
        .ok_or_else(|| error::raised(py, &unanswered()))?;
    Bound::new(py, Message::from(message)).map(Bound::into_any)
}

fn unanswered() -> Error {
    Error::new(
        ErrorCode::Storage,
        "a message was saved, but the core does not say which",
    )
}
