//! An id source that is a Python callable.

use convostore::{IdSource, Timestamp};
use pyo3::prelude::*;

use crate::{clock, error};

/// A Python callable that is given the operation's time and gives the id of a new session.
pub(crate) struct CallableIds(pub(crate) Py<PyAny>);

impl IdSource for CallableIds {
    fn new_id(&self, now: Timestamp) -> String {
        let drawn = Python::try_attach(|py| {
            let id = self.0.bind(py).call1((clock::to_datetime(py, now)?,))?;
            Ok(id.extract::<crate::text::Text>()?.0)
        });
        match drawn {
            Some(Ok(id)) => id,
            Some(Err(e)) => error::unwind(e),
            None => String::new(), // the interpreter is going down; the store refuses an empty id
        }
    }
}
