//! JSON text from Python values and back: the border that contents, metadata and contexts cross.

mod decode;
mod digits;
mod encode;

use convostore::{Content, JsonObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

pub(crate) use decode::decode;
pub(crate) use encode::encode;

use crate::error;
use crate::text::Text;

/// JSON text to be kept as it is: digits, key order, white space and escapes. Anywhere a content, metadata or a context is given.
///
///     store.save_message(session_id, "user", JsonText('{"price": 1.10}'))
///
/// Args:
///     json: The JSON text. It is checked when it is saved, not here.
#[pyclass(frozen, eq, hash, module = "convostore", from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct JsonText {
    /// The JSON text.
    #[pyo3(get)]
    json: String,
}

#[pymethods]
impl JsonText {
    #[new]
    fn new(json: Text) -> Self {
        Self { json: json.0 }
    }

    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("json",)
    }

    fn __str__(&self) -> &str {
        &self.json
    }

    fn __repr__(&self) -> String {
        format!("JsonText(<{} bytes>)", self.json.len())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String,)) {
        (slf.get_type().into_any(), (slf.get().json.clone(),))
    }
}

impl JsonText {
    pub(crate) fn of(json: impl Into<String>) -> Self {
        Self { json: json.into() }
    }
}

/// A value as a content: a `str` is text, anything else JSON.
pub(crate) fn content(value: &Bound<'_, PyAny>) -> PyResult<Content> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>()
        && let Ok(text) = text.to_str()
    {
        return Ok(Content::text(text));
    }
    let json = match value.cast::<JsonText>() {
        Ok(verbatim) => verbatim.get().json.clone(),
        Err(_) => encode("content", Content::MAX_BYTES, value)?,
    };
    Content::json(json).map_err(|e| error::raised(py, &e))
}

/// A `dict` as an object: metadata or a context.
pub(crate) fn object(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<JsonObject> {
    let py = value.py();
    let json = match value.cast::<JsonText>() {
        Ok(verbatim) => verbatim.get().json.clone(),
        Err(_) if value.is_instance_of::<PyDict>() => encode(what, JsonObject::MAX_BYTES, value)?,
        Err(_) => {
            let given = value.get_type().fully_qualified_name()?;
            return Err(error::invalid(
                py,
                &format!("{what} is a dict (or a JsonText of an object), not {given}"),
            ));
        }
    };
    JsonObject::parse(json).map_err(|e| error::raised(py, &e))
}

/// A value as it is now, for who hands it to another thread: what cannot change is given back, anything else as its JSON text.
#[pyfunction]
#[pyo3(name = "_frozen")]
pub(crate) fn frozen<'py>(value: Bound<'py, PyAny>, what: &str) -> PyResult<Bound<'py, PyAny>> {
    if value.is_exact_instance_of::<PyString>()
        || value.is_none()
        || value.is_instance_of::<JsonText>()
    {
        return Ok(value);
    }
    let py = value.py();
    let json = match what {
        "content" => encode("content", Content::MAX_BYTES, &value)?,
        "data" => object("data", &value)?.as_str().to_owned(),
        "patch" => object("patch", &value)?.as_str().to_owned(),
        _ => object("metadata", &value)?.as_str().to_owned(),
    };
    Ok(JsonText::of(json).into_pyobject(py)?.into_any())
}

/// A metadata argument.
pub(crate) struct Metadata(pub(crate) JsonObject);

impl<'py> FromPyObject<'_, 'py> for Metadata {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        object("metadata", &value).map(Self)
    }
}

/// A content as a Python value: text as `str`, else the JSON value.
pub(crate) fn content_value<'py>(
    py: Python<'py>,
    content: &Content,
) -> PyResult<Bound<'py, PyAny>> {
    if content.is_text() {
        Ok(PyString::new(py, content.body()).into_any())
    } else {
        decode(py, content.body())
    }
}
