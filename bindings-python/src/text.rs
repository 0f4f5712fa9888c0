//! Small arguments: texts and counts, with errors of our own where Python's would say little.

use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PyString, PyTuple};

use crate::error;

/// A text argument.
#[derive(Clone, Default)]
pub(crate) struct Text(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = value.cast::<PyString>()?;
        match text.to_str() {
            Ok(text) => Ok(Self(text.to_owned())),
            Err(_) => Err(error::invalid(
                value.py(),
                "a text holds a lone surrogate, which only contents, metadata and contexts may",
            )),
        }
    }
}

/// A number argument that cannot be negative.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) u64);

impl<'py> FromPyObject<'_, 'py> for Count {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match value.extract::<u64>() {
            Ok(number) => Ok(Self(number)),
            Err(e) if e.is_instance_of::<pyo3::exceptions::PyOverflowError>(value.py()) => Err(
                error::invalid(value.py(), "a number is negative or above 2^64 - 1"),
            ),
            Err(e) => Err(e),
        }
    }
}

impl Count {
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// An argument for which `None` means something: not given is `...`.
#[derive(Clone, Default)]
pub(crate) enum Given {
    #[default]
    No,
    Yes(Option<String>),
}

impl<'py> FromPyObject<'_, 'py> for Given {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.is(PyEllipsis::get(value.py())) {
            return Ok(Self::No);
        }
        let text: Option<Text> = value.extract()?;
        Ok(Self::Yes(text.map(|text| text.0)))
    }
}

/// Several texts: any iterable of `str`, but not a `str` itself, which would give its letters. Given back as a tuple.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyString>() {
            return Err(error::invalid(
                value.py(),
                "several texts are wanted, a list of str, but one str was given",
            ));
        }
        let mut texts = Vec::new();
        for item in value.try_iter()? {
            texts.push(item?.extract::<Text>()?.0);
        }
        Ok(Self(texts))
    }
}

impl<'py> IntoPyObject<'py> for &Texts {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        PyTuple::new(py, &self.0)
    }
}

impl<'py> IntoPyObject<'py> for Texts {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        (&self).into_pyobject(py)
    }
}
