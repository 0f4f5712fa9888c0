//! Contexts.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{hash_of, quoted};
use crate::clock::{Moment, to_datetime};
use crate::json::{self, JsonText, Metadata};
use crate::text::{Count, Text};

/// What is known of a scope, apart from any session of it.
#[pyclass(frozen, eq, module = "convostore")]
#[derive(PartialEq)]
pub(crate) struct Context(convostore::Context);

impl From<convostore::Context> for Context {
    fn from(context: convostore::Context) -> Self {
        Self(context)
    }
}

#[pymethods]
impl Context {
    #[new]
    fn new(
        scope: Text,
        data: Metadata,
        revision: Count,
        created_at: Moment,
        updated_at: Moment,
    ) -> Self {
        let mut context = convostore::Context::new(scope.0, data.0, created_at.0);
        context.revision = revision.0;
        context.updated_at = updated_at.0;
        Self(context)
    }

    #[classattr]
    fn __match_args__() -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ) {
        ("scope", "data", "revision", "created_at", "updated_at")
    }

    /// The scope, which is its identity.
    #[getter]
    fn scope(&self) -> &str {
        &self.0.scope
    }

    /// The JSON object, decoded anew each time: keep it in a variable.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::decode(py, self.0.data.as_str())
    }

    /// The object's JSON text, verbatim.
    #[getter]
    fn data_json(&self) -> &str {
        self.0.data.as_str()
    }

    /// Grows with every change, from 1.
    #[getter]
    fn revision(&self) -> u64 {
        self.0.revision
    }

    /// When it was first written.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.created_at)
    }

    /// When it was last written.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.updated_at)
    }

    /// All fields in a new dict: data decoded, times as aware datetimes.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("scope", self.scope())?;
        dict.set_item("data", self.data(py)?)?;
        dict.set_item("revision", self.revision())?;
        dict.set_item("created_at", self.created_at(py)?)?;
        dict.set_item("updated_at", self.updated_at(py)?)?;
        Ok(dict)
    }

    /// The data is shown by its size: it belongs in no log.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Context(scope={}, data=<{} bytes>, revision={}, created_at={}, updated_at={})",
            quoted(py, &self.0.scope)?,
            self.0.data.as_str().len(),
            self.0.revision,
            self.0.created_at,
            self.0.updated_at,
        ))
    }

    fn __hash__(&self) -> u64 {
        hash_of((&self.0.scope, self.0.revision, self.0.updated_at))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let of = slf.get();
        let data = JsonText::of(of.data_json());
        let fields = [
            of.scope().into_pyobject(py)?.into_any(),
            data.into_pyobject(py)?.into_any(),
            of.revision().into_pyobject(py)?.into_any(),
            of.created_at(py)?,
            of.updated_at(py)?,
        ];
        Ok((slf.get_type().into_any(), PyTuple::new(py, fields)?))
    }
}
