//! Lifecycles: define and list.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Store;
use crate::model::{Lifecycle, Moves};
use crate::text::{Text, Texts};

#[pymethods]
impl Store {
    /// Defines a lifecycle, for all programs on the store. Defining it the same way again does nothing.
    ///
    /// Args:
    ///     name: Its name: 1 to 64 bytes.
    ///     initial: The status of a new session.
    ///     statuses: All statuses. Default: those that the other arguments name.
    ///     moves: The allowed moves, pairs of (from, to).
    ///     final_statuses: The statuses that end a session.
    ///
    /// Returns: the Lifecycle.
    ///
    /// Errors: conflict where the name is defined differently; invalid_argument where the definition is not sound.
    ///
    ///     store.define_lifecycle("review", "open", moves=[("open", "merged")], final_statuses=["merged"])
    #[pyo3(
        signature = (name, initial, *, statuses=None, moves=Moves::default(), final_statuses=Texts::default()),
        text_signature = "($self, name, initial, *, statuses=None, moves=(), final_statuses=())"
    )]
    fn define_lifecycle(
        &self,
        py: Python<'_>,
        name: Text,
        initial: Text,
        statuses: Option<Texts>,
        moves: Moves,
        final_statuses: Texts,
    ) -> PyResult<Lifecycle> {
        let mut definition = convostore::Lifecycle::new(name.0, initial.0);
        if let Some(Texts(statuses)) = statuses {
            definition.statuses = statuses;
            definition.moves = moves.0;
            definition.final_statuses = final_statuses.0;
        } else {
            for (from, to) in moves.0 {
                definition = definition.allow(from, to);
            }
            for status in final_statuses.0 {
                definition = definition.final_status(status);
            }
        }
        self.run(py, |store| store.define_lifecycle(definition))
            .map(Lifecycle::from)
    }

    /// All lifecycles, the built-in ones included, by bytes of their names.
    ///
    /// Returns: a list of Lifecycle.
    ///
    ///     names = [lifecycle.name for lifecycle in store.list_lifecycles()]
    fn list_lifecycles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let lifecycles = self.run(py, convostore::Store::list_lifecycles)?;
        let mut records = Vec::with_capacity(lifecycles.len());
        for lifecycle in lifecycles {
            records.push(Bound::new(py, Lifecycle::from(lifecycle))?);
        }
        PyList::new(py, records)
    }
}
