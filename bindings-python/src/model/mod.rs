//! The records: frozen, compared by what they hold, pickled as plain values.
//!
//! A record holds the core's own and converts what is asked for when it is asked for: loading a long history makes no Python object but
//! the records themselves.

mod context;
mod lifecycle;
mod message;
mod page;
mod report;
mod session;

use std::hash::{DefaultHasher, Hash, Hasher as _};

use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) use context::Context;
pub(crate) use lifecycle::{Lifecycle, Moves};
pub(crate) use message::{Message, NewMessages, new_message, new_messages};
pub(crate) use page::Page;
pub(crate) use report::{Cleanup, Deletion, ExportReport, ImportReport, Stats, StoreCheck};
pub(crate) use session::{Session, session_update, update_of};

/// A field as a record's `repr` shows it.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.repr()?.to_str()?.to_owned())
}

/// Text in quotes as Python writes it.
fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    shown(&text.into_pyobject(py)?.into_any())
}

fn optional(py: Python<'_>, text: Option<&str>) -> PyResult<String> {
    text.map_or_else(|| Ok("None".to_owned()), |text| quoted(py, text))
}

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The argument of that name in a dict that stands for named arguments; nothing where it is absent.
fn member<'py, T>(dict: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    match dict.get_item(name)? {
        Some(value) if !value.is_none() => value.extract::<T>().map(Some),
        _ => Ok(None),
    }
}

/// Refuses names that mean nothing, so that a slip of the pen is not lost.
fn only_members(dict: &Bound<'_, PyDict>, what: &str, known: &[&str]) -> PyResult<()> {
    for key in dict.keys() {
        let name = key.extract::<String>().unwrap_or_default();
        if !known.contains(&name.as_str()) {
            return Err(crate::error::invalid(
                dict.py(),
                &format!(
                    "{what} has the members {}; {} is none of them",
                    known.join(", "),
                    // What is no name may be a content that got to the wrong place, and belongs in no log.
                    if is_a_name(&name) {
                        &name
                    } else {
                        "what was given"
                    }
                ),
            ));
        }
    }
    Ok(())
}

fn is_a_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
