//! Reading a long history page by page.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::vec::IntoIter;

use convostore::ErrorCode;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::PyList;

use super::messages::records;
use crate::error;
use crate::model::Message;
use crate::wanted::detached;

/// How many messages are read at a time: as the core does.
const PAGE: usize = 256;

/// Messages of a session one by one, from stream_messages.
#[pyclass(frozen, module = "convostore")]
pub(crate) struct MessageStream {
    state: Mutex<State>,
    /// Who reads, since a thread that comes back to it from its own reading would wait for itself.
    reader: Mutex<Option<ThreadId>>,
}

struct State {
    stream: convostore::MessageStream,
    page: IntoIter<convostore::Message>,
    /// What ended the stream, told after the messages before it.
    error: Option<convostore::Error>,
}

impl State {
    /// Reads the next page. An error is kept until the messages before it are given.
    fn read(&mut self) {
        let mut page = Vec::new();
        while page.len() < PAGE {
            match self.stream.next() {
                Some(Ok(message)) => page.push(message),
                Some(Err(e)) => {
                    self.error = Some(e);
                    break;
                }
                None => break,
            }
        }
        self.page = page.into_iter();
    }
}

impl MessageStream {
    pub(super) fn new(stream: convostore::MessageStream) -> Self {
        Self {
            state: Mutex::new(State {
                stream,
                page: Vec::new().into_iter(),
                error: None,
            }),
            reader: Mutex::new(None),
        }
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Python<'_>, &mut State) -> PyResult<T>,
    ) -> PyResult<T> {
        let here = thread::current().id();
        if *lock(&self.reader) == Some(here) {
            return Err(error::of(
                py,
                ErrorCode::Reentrant,
                "the stream was asked for a message by what runs while it reads one, a handler of a signal say",
            ));
        }
        // Waits for another thread with the interpreter lock released.
        let mut state = self
            .state
            .lock_py_attached(py)
            .unwrap_or_else(PoisonError::into_inner);
        *lock(&self.reader) = Some(here);
        let done = work(py, &mut state);
        *lock(&self.reader) = None;
        done
    }
}

fn lock(reader: &Mutex<Option<ThreadId>>) -> std::sync::MutexGuard<'_, Option<ThreadId>> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl MessageStream {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        self.with(py, |py, state| {
            if state.page.len() == 0 && state.error.is_none() {
                detached(py, || {
                    state.read();
                    Ok(())
                })?;
            }
            match (state.page.next(), &state.error) {
                (Some(message), _) => Ok(Some(Message::from(message))),
                (None, Some(_)) => Err(state.error.take().map_or_else(
                    || error::invalid(py, "the stream has ended"),
                    |e| error::raised(py, &e),
                )),
                (None, None) => Ok(None),
            }
        })
    }

    /// The messages of the next page; an empty list at the end. For AsyncStore.
    fn _page<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let page = self.with(py, |py, state| {
            if let Some(e) = state.error.take() {
                return Err(error::raised(py, &e));
            }
            detached(py, || {
                state.read();
                Ok(())
            })?;
            if state.page.len() == 0
                && let Some(e) = state.error.take()
            {
                return Err(error::raised(py, &e));
            }
            Ok(std::mem::take(&mut state.page).collect::<Vec<_>>())
        })?;
        records(py, page)
    }
}
