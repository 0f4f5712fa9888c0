//! Messages, and those that are to be saved.

use std::sync::{Mutex, PoisonError};

use convostore::NewMessage;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::{hash_of, member, only_members, optional, quoted};
use crate::clock::{Moment, to_datetime};
use crate::error;
use crate::json::{self, JsonText};
use crate::text::{Count, Text};

/// One entry of a session. Its identity is (session id, seq).
#[pyclass(frozen, eq, module = "convostore")]
#[derive(PartialEq)]
pub(crate) struct Message(convostore::Message);

impl From<convostore::Message> for Message {
    fn from(message: convostore::Message) -> Self {
        Self(message)
    }
}

#[pymethods]
impl Message {
    #[new]
    fn new(
        seq: Count,
        role: Text,
        content: &Bound<'_, PyAny>,
        token_count: Option<Count>,
        is_summary: bool,
        dedup_key: Option<Text>,
        created_at: Moment,
    ) -> PyResult<Self> {
        let mut message =
            convostore::Message::new(seq.0, role.0, json::content(content)?, created_at.0);
        message.token_count = token_count.map(|tokens| tokens.0);
        message.is_summary = is_summary;
        message.dedup_key = dedup_key.map(|key| key.0);
        Ok(Self(message))
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            [
                "seq",
                "role",
                "content",
                "token_count",
                "is_summary",
                "dedup_key",
                "created_at",
            ],
        )
    }

    /// Its number in the session: 1, 2, 3 …, never used twice, not even after a deletion. The order.
    #[getter]
    fn seq(&self) -> u64 {
        self.0.seq
    }

    /// Who speaks.
    #[getter]
    fn role<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        role_of(py, self.0.role.as_str())
    }

    /// What is said: a str where it is text, else the JSON value, decoded anew each time: keep it in a variable.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::content_value(py, &self.0.content)
    }

    /// The content's JSON text, verbatim.
    #[getter]
    fn content_json(&self) -> std::borrow::Cow<'_, str> {
        self.0.content.to_json()
    }

    /// How many tokens it has, where the caller counted.
    #[getter]
    fn token_count(&self) -> Option<u64> {
        self.0.token_count
    }

    /// Whether it stands for earlier messages.
    #[getter]
    fn is_summary(&self) -> bool {
        self.0.is_summary
    }

    /// The key that makes a retry safe, where one was given.
    #[getter]
    fn dedup_key(&self) -> Option<&str> {
        self.0.dedup_key.as_deref()
    }

    /// When it was created. It informs; seq orders.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.created_at)
    }

    /// All fields in a new dict: the content decoded, the time as aware datetime.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item(intern!(py, "seq"), self.seq())?;
        dict.set_item(intern!(py, "role"), self.role(py))?;
        dict.set_item(intern!(py, "content"), self.content(py)?)?;
        dict.set_item(intern!(py, "token_count"), self.token_count())?;
        dict.set_item(intern!(py, "is_summary"), self.is_summary())?;
        dict.set_item(intern!(py, "dedup_key"), self.dedup_key())?;
        dict.set_item(intern!(py, "created_at"), self.created_at(py)?)?;
        Ok(dict)
    }

    /// The content is shown by its size: it belongs in no log.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let of = &self.0;
        Ok(format!(
            "Message(seq={}, role={}, content=<{} bytes of {}>, token_count={}, is_summary={}, dedup_key={}, created_at={})",
            of.seq,
            quoted(py, of.role.as_str())?,
            of.content.body().len(),
            if of.content.is_text() { "text" } else { "JSON" },
            of.token_count
                .map_or_else(|| "None".to_owned(), |tokens| tokens.to_string()),
            if of.is_summary { "True" } else { "False" },
            optional(py, of.dedup_key.as_deref())?,
            of.created_at,
        ))
    }

    fn __hash__(&self) -> u64 {
        hash_of((self.0.seq, self.0.created_at, self.0.content.body().len()))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let of = slf.get();
        let content = if of.0.content.is_text() {
            of.content(py)?
        } else {
            JsonText::of(of.0.content.body())
                .into_pyobject(py)?
                .into_any()
        };
        let fields = [
            of.seq().into_pyobject(py)?.into_any(),
            of.role(py).into_any(),
            content,
            of.token_count().into_pyobject(py)?,
            of.is_summary().into_pyobject(py)?.to_owned().into_any(),
            of.dedup_key().into_pyobject(py)?,
            of.created_at(py)?,
        ];
        Ok((slf.get_type().into_any(), PyTuple::new(py, fields)?))
    }
}

/// The role as a `str`; the usual ones are there already.
fn role_of<'py>(py: Python<'py>, role: &str) -> Bound<'py, PyString> {
    match role {
        "user" => intern!(py, "user").clone(),
        "assistant" => intern!(py, "assistant").clone(),
        "model" => intern!(py, "model").clone(),
        "system" => intern!(py, "system").clone(),
        "tool" => intern!(py, "tool").clone(),
        other => PyString::new(py, other),
    }
}

/// Messages to save as they were when they were given, for who hands them to another thread. Used once.
#[pyclass(frozen, module = "convostore._core", name = "_NewMessages")]
pub(crate) struct NewMessages(Mutex<Vec<NewMessage>>);

#[pymethods]
impl NewMessages {
    #[new]
    fn new(messages: &Bound<'_, PyAny>) -> PyResult<Self> {
        new_messages(messages).map(Mutex::new).map(Self)
    }
}

/// A message to save, of separate arguments.
pub(crate) fn new_message(
    role: &Text,
    content: &Bound<'_, PyAny>,
    token_count: Option<Count>,
    is_summary: bool,
    dedup_key: Option<Text>,
    created_at: Option<Moment>,
) -> PyResult<NewMessage> {
    let mut message = NewMessage::new(role.0.as_str(), json::content(content)?).summary(is_summary);
    if let Some(tokens) = token_count {
        message = message.token_count(tokens.0);
    }
    if let Some(key) = dedup_key {
        message = message.dedup_key(key.0);
    }
    if let Some(moment) = created_at {
        message = message.created_at(moment.0);
    }
    Ok(message)
}

/// Messages to save: dicts with the names of `save_message`'s arguments, or records.
pub(crate) fn new_messages(messages: &Bound<'_, PyAny>) -> PyResult<Vec<NewMessage>> {
    if let Ok(frozen) = messages.cast::<NewMessages>() {
        let mut frozen = frozen
            .get()
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        return Ok(std::mem::take(&mut *frozen));
    }
    if let Ok(list) = messages.cast::<PyList>() {
        return list.iter().map(|one| from_value(&one)).collect();
    }
    if messages.is_instance_of::<PyDict>() {
        return Err(error::invalid(
            messages.py(),
            "messages are given as a list; one message alone goes to save_message",
        ));
    }
    messages.try_iter()?.map(|one| from_value(&one?)).collect()
}

fn from_value(value: &Bound<'_, PyAny>) -> PyResult<NewMessage> {
    if let Ok(dict) = value.cast::<PyDict>() {
        return from_dict(dict);
    }
    if let Ok(record) = value.cast::<Message>() {
        return Ok(from_record(&record.get().0));
    }
    Err(error::invalid(
        value.py(),
        &format!(
            "a message is a dict or a Message, not {}",
            value.get_type().fully_qualified_name()?
        ),
    ))
}

/// What a dict that is a message may hold.
const MEMBERS: [&str; 6] = [
    "role",
    "content",
    "token_count",
    "is_summary",
    "dedup_key",
    "created_at",
];

fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<NewMessage> {
    let py = dict.py();
    let missing = |name| {
        error::invalid(
            py,
            &format!("a message needs a member {name:?}, which is missing"),
        )
    };
    let role = dict
        .get_item(intern!(py, "role"))?
        .ok_or_else(|| missing("role"))?;
    let content = dict
        .get_item(intern!(py, "content"))?
        .ok_or_else(|| missing("content"))?;
    let role: Text = role.extract()?;
    if dict.len() == 2 {
        return Ok(NewMessage::new(role.0, json::content(&content)?));
    }
    only_members(dict, "a message", &MEMBERS)?;
    new_message(
        &role,
        &content,
        member(dict, "token_count")?,
        match dict.get_item("is_summary")? {
            Some(is_summary) => is_summary.extract()?,
            None => false,
        },
        member(dict, "dedup_key")?,
        member(dict, "created_at")?,
    )
}

/// A record as it is, but for its number: its time and dedup key go with it.
fn from_record(record: &convostore::Message) -> NewMessage {
    let mut message = NewMessage::new(record.role.clone(), record.content.clone())
        .summary(record.is_summary)
        .created_at(record.created_at);
    if let Some(tokens) = record.token_count {
        message = message.token_count(tokens);
    }
    if let Some(key) = &record.dedup_key {
        message = message.dedup_key(key);
    }
    message
}
