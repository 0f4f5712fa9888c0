//! Errors: the core's become exceptions of `convostore._errors`, where their classes are defined.

use std::any::Any;
use std::error::Error as _;

use convostore::{Error, ErrorCode};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::json;

static ERROR_OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception for an error of the core.
pub(crate) fn raised(py: Python<'_>, e: &Error) -> PyErr {
    let exception = || -> PyResult<PyErr> {
        let details = PyDict::new(py);
        for (name, value) in e.details() {
            details.set_item(name, json::decode(py, &value.to_string())?)?;
        }
        let mut causes = Vec::new();
        let mut cause = e.source();
        while let Some(known) = cause {
            let told = known.to_string();
            if !e.message().contains(&told) && !causes.contains(&told) {
                causes.push(told);
            }
            cause = known.source();
        }
        make(py, e.code().as_str(), e.message(), &details, &causes)
    };
    exception().unwrap_or_else(|e| e)
}

/// An exception of the code `invalid_argument`.
pub(crate) fn invalid(py: Python<'_>, message: &str) -> PyErr {
    of(py, ErrorCode::InvalidArgument, message)
}

/// An exception of a code.
pub(crate) fn of(py: Python<'_>, code: ErrorCode, message: &str) -> PyErr {
    raised(py, &Error::new(code, message))
}

fn make(
    py: Python<'_>,
    code: &str,
    message: &str,
    details: &Bound<'_, PyDict>,
    causes: &[String],
) -> PyResult<PyErr> {
    let factory = ERROR_OF.get_or_try_init(py, || {
        let factory = py.import("convostore._errors")?.getattr("error_of")?;
        Ok::<_, PyErr>(factory.unbind())
    })?;
    let exception = factory.bind(py).call1((code, message, details, causes))?;
    Ok(PyErr::from_value(exception))
}

/// Leaves the core with an exception of a callable that the core called. The core calls clocks and id sources before it takes any lock, and
/// [`caught`] takes it up.
pub(crate) fn unwind(e: PyErr) -> ! {
    std::panic::resume_unwind(Box::new(e))
}

/// The exception for what unwound out of the core: that of a callable, or a defect.
pub(crate) fn caught(py: Python<'_>, payload: Box<dyn Any + Send>) -> PyErr {
    match payload.downcast::<PyErr>() {
        Ok(e) => *e,
        Err(payload) => {
            let place = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            of(
                py,
                ErrorCode::Storage,
                &format!("convostore failed inside; this is a defect, please report it: {place}"),
            )
        }
    }
}
