//! A page of a listing.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString, PyTuple};

use super::shown;
use crate::text::Text;

/// One page of a listing, and where the next one begins.
///
/// A page is iterated and counted as its items are:
///
///     for session in store.list_sessions(scope="C042"):
///         print(session.id)
#[pyclass(frozen, module = "convostore", generic)]
pub(crate) struct Page {
    items: Py<PyTuple>,
    next_cursor: Option<String>,
}

impl Page {
    pub(crate) fn of<T, R>(py: Python<'_>, page: convostore::Page<T>) -> PyResult<Self>
    where
        R: From<T> + pyo3::PyClass + Into<PyClassInitializer<R>>,
    {
        let mut items = Vec::with_capacity(page.items.len());
        for item in page.items {
            items.push(Bound::new(py, R::from(item))?);
        }
        Ok(Self {
            items: PyTuple::new(py, items)?.unbind(),
            next_cursor: page.next_cursor,
        })
    }
}

#[pymethods]
impl Page {
    #[new]
    fn new(py: Python<'_>, items: &Bound<'_, PyAny>, next_cursor: Option<Text>) -> PyResult<Self> {
        if items.is_instance_of::<PyString>() {
            return Err(crate::error::invalid(
                py,
                "the items of a page are records, but one str was given",
            ));
        }
        let items = items.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        Ok(Self {
            items: PyTuple::new(py, items)?.unbind(),
            next_cursor: next_cursor.map(|cursor| cursor.0),
        })
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("items", "next_cursor")
    }

    /// The records of this page.
    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        self.items.bind(py).clone()
    }

    /// What to give as `cursor` for the next page; None where this is the last.
    #[getter]
    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    /// The items as dicts, and the cursor, in a new dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let items = PyList::empty(py);
        for item in self.items.bind(py) {
            items.append(item.call_method0("to_dict")?)?;
        }
        let dict = PyDict::new(py);
        dict.set_item("items", items)?;
        dict.set_item("next_cursor", self.next_cursor())?;
        Ok(dict)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.items.bind(py).try_iter()
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.items.bind(py).len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.items.bind(index.py()).as_any().get_item(index)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Page(items={}, next_cursor={})",
            shown(self.items.bind(py).as_any())?,
            super::optional(py, self.next_cursor())?
        ))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(false);
        };
        let other = other.get();
        Ok(
            self.next_cursor == other.next_cursor
                && self.items.bind(py).eq(other.items.bind(py))?,
        )
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.items.bind(py).hash()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> (Bound<'py, PyAny>, (Bound<'py, PyTuple>, Option<String>)) {
        let of = slf.get();
        (
            slf.get_type().into_any(),
            (of.items(slf.py()), of.next_cursor.clone()),
        )
    }
}
