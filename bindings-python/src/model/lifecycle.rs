//! Lifecycles.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::shown;
use crate::text::{Text, Texts};

/// Moves as pairs of (from, to).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Moves(pub(crate) Vec<(String, String)>);

impl<'py> FromPyObject<'_, 'py> for Moves {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let mut moves = Vec::new();
        for item in value.try_iter()? {
            let Texts(ends) = item?.extract()?;
            let Ok([from, to]) = <[String; 2]>::try_from(ends) else {
                return Err(crate::error::invalid(
                    value.py(),
                    "a move is a pair of statuses: (from, to)",
                ));
            };
            moves.push((from, to));
        }
        Ok(Self(moves))
    }
}

impl<'py> IntoPyObject<'py> for &Moves {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        PyTuple::new(py, &self.0)
    }
}

/// A named set of statuses and the moves that are allowed between them. Kept in the store, so that every program on it agrees.
#[pyclass(frozen, eq, hash, module = "convostore")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Lifecycle {
    /// Its name, unique in the tenant: 1 to 64 bytes.
    #[pyo3(get)]
    name: String,
    /// The status of a new session.
    #[pyo3(get)]
    initial: String,
    statuses: Texts,
    moves: Moves,
    final_statuses: Texts,
}

impl From<convostore::Lifecycle> for Lifecycle {
    fn from(of: convostore::Lifecycle) -> Self {
        Self {
            name: of.name,
            initial: of.initial,
            statuses: Texts(of.statuses),
            moves: Moves(of.moves),
            final_statuses: Texts(of.final_statuses),
        }
    }
}

#[pymethods]
impl Lifecycle {
    #[new]
    fn new(
        name: Text,
        initial: Text,
        statuses: Texts,
        moves: Moves,
        final_statuses: Texts,
    ) -> Self {
        Self {
            name: name.0,
            initial: initial.0,
            statuses,
            moves,
            final_statuses,
        }
    }

    #[classattr]
    fn __match_args__() -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ) {
        ("name", "initial", "statuses", "moves", "final_statuses")
    }

    /// All statuses, each 1 to 64 bytes.
    #[getter]
    fn statuses(&self) -> Texts {
        self.statuses.clone()
    }

    /// The allowed moves, (from, to).
    #[getter]
    fn moves<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (&self.moves).into_pyobject(py)
    }

    /// The statuses that end a session: no move leads out of them, and resume_session does not continue a session in one.
    #[getter]
    fn final_statuses(&self) -> Texts {
        self.final_statuses.clone()
    }

    /// All fields in a new dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("name", &self.name)?;
        dict.set_item("initial", &self.initial)?;
        dict.set_item("statuses", &self.statuses)?;
        dict.set_item("moves", &self.moves)?;
        dict.set_item("final_statuses", &self.final_statuses)?;
        Ok(dict)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut fields = Vec::new();
        for name in ["name", "initial", "statuses", "moves", "final_statuses"] {
            fields.push(format!("{name}={}", shown(&slf.getattr(name)?)?));
        }
        Ok(format!("Lifecycle({})", fields.join(", ")))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let of = slf.get();
        let fields = [
            (&of.name).into_pyobject(py)?.into_any(),
            (&of.initial).into_pyobject(py)?.into_any(),
            (&of.statuses).into_pyobject(py)?.into_any(),
            (&of.moves).into_pyobject(py)?.into_any(),
            (&of.final_statuses).into_pyobject(py)?.into_any(),
        ];
        Ok((slf.get_type().into_any(), PyTuple::new(py, fields)?))
    }
}
