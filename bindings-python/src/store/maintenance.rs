//! The store as a whole: how much there is, and a copy of it.

use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Store;
use crate::error;
use crate::model::Stats;

/// What a path says, given as `str` or `os.PathLike`.
pub(super) fn of_a_path<'py>(path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let path = path.py().import("os")?.call_method1("fspath", (path,))?;
    path.cast_into().map_err(|_| {
        PyTypeError::new_err(
            "a path is given as str or os.PathLike; os.fsdecode makes a str of bytes",
        )
    })
}

/// A path as the rest of Python understands it, `~` included.
pub(super) fn path_of(path: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let py = path.py();
    let os_path = py.import("os.path")?;
    let path = os_path.call_method1("expanduser", (of_a_path(path)?,))?;
    let path: PathBuf = path.extract().map_err(|e: PyErr| {
        if e.is_instance_of::<PyUnicodeEncodeError>(py) {
            error::invalid(
                py,
                "a path holds a character that no name of a file can hold",
            )
        } else {
            e
        }
    })?;
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(error::invalid(py, "a path is empty or holds NUL"));
    }
    Ok(path)
}

#[pymethods]
impl Store {
    /// How much there is in the store.
    ///
    /// Returns: Stats.
    ///
    ///     print(store.stats().messages)
    fn stats(&self, py: Python<'_>) -> PyResult<Stats> {
        self.run(py, convostore::Store::stats).map(Stats::from)
    }

    /// Copies the whole store, all tenants, as it is at one moment, to a new file that only its owner can read. Writers go on meanwhile.
    ///
    /// Args:
    ///     path: The new file, as str or os.PathLike.
    ///
    /// Errors: already_exists where there is such a file; permission_denied; unsupported in memory, where export_archive serves.
    ///
    ///     store.backup("/backup/sessions.db")
    fn backup(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let path = path_of(path)?;
        self.run(py, |store| store.backup(&path))
    }
}
