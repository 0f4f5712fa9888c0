//! Sessions, and what is said of one when it is changed.

use convostore::SessionUpdate;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{hash_of, member, only_members, optional, quoted};
use crate::clock::{Moment, to_datetime};
use crate::json::{self, JsonText, Metadata};
use crate::text::{Count, Given, Text};

/// One conversation.
#[pyclass(frozen, eq, module = "convostore")]
#[derive(PartialEq)]
pub(crate) struct Session(convostore::Session);

impl From<convostore::Session> for Session {
    fn from(session: convostore::Session) -> Self {
        Self(session)
    }
}

#[pymethods]
impl Session {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "a record's fields")]
    fn new(
        id: Text,
        scope: Text,
        key: Option<Text>,
        owner: Option<Text>,
        lifecycle: Text,
        status: Text,
        metadata: Metadata,
        preview: Option<Text>,
        message_count: Count,
        revision: Count,
        created_at: Moment,
        updated_at: Moment,
        last_active_at: Moment,
    ) -> Self {
        let mut session =
            convostore::Session::new(id.0, scope.0, lifecycle.0, status.0, created_at.0);
        session.key = key.map(|key| key.0);
        session.owner = owner.map(|owner| owner.0);
        session.metadata = metadata.0;
        session.preview = preview.map(|preview| preview.0);
        session.message_count = message_count.0;
        session.revision = revision.0;
        session.updated_at = updated_at.0;
        session.last_active_at = last_active_at.0;
        Self(session)
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            [
                "id",
                "scope",
                "key",
                "owner",
                "lifecycle",
                "status",
                "metadata",
                "preview",
                "message_count",
                "revision",
                "created_at",
                "updated_at",
                "last_active_at",
            ],
        )
    }

    /// Unique within the tenant: 1 to 128 bytes.
    #[getter]
    fn id(&self) -> &str {
        &self.0.id
    }

    /// The place the session belongs to, free text: a channel, a working directory, a project.
    #[getter]
    fn scope(&self) -> &str {
        &self.0.scope
    }

    /// The session's name inside its scope, where it has one; (scope, key) is unique.
    #[getter]
    fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Whom it belongs to, free text.
    #[getter]
    fn owner(&self) -> Option<&str> {
        self.0.owner.as_deref()
    }

    /// The name of the lifecycle whose moves its status follows.
    #[getter]
    fn lifecycle(&self) -> &str {
        &self.0.lifecycle
    }

    /// The present status.
    #[getter]
    fn status(&self) -> &str {
        &self.0.status
    }

    /// The application's own JSON object, decoded anew each time: keep it in a variable.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::decode(py, self.0.metadata.as_str())
    }

    /// The metadata's JSON text, verbatim.
    #[getter]
    fn metadata_json(&self) -> &str {
        self.0.metadata.as_str()
    }

    /// The beginning of the first message that is not of role system or developer and has text: at most 100 code points.
    #[getter]
    fn preview(&self) -> Option<&str> {
        self.0.preview.as_deref()
    }

    /// How many messages it has now.
    #[getter]
    fn message_count(&self) -> u64 {
        self.0.message_count
    }

    /// Grows with every change to the session or its messages, from 1.
    #[getter]
    fn revision(&self) -> u64 {
        self.0.revision
    }

    /// When it was created.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.created_at)
    }

    /// When it or its messages changed last.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.updated_at)
    }

    /// When it was last active: created, given a message, or touched.
    #[getter]
    fn last_active_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.last_active_at)
    }

    /// All fields in a new dict: metadata decoded, times as aware datetimes.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id", self.id())?;
        dict.set_item("scope", self.scope())?;
        dict.set_item("key", self.key())?;
        dict.set_item("owner", self.owner())?;
        dict.set_item("lifecycle", self.lifecycle())?;
        dict.set_item("status", self.status())?;
        dict.set_item("metadata", self.metadata(py)?)?;
        dict.set_item("preview", self.preview())?;
        dict.set_item("message_count", self.message_count())?;
        dict.set_item("revision", self.revision())?;
        dict.set_item("created_at", self.created_at(py)?)?;
        dict.set_item("updated_at", self.updated_at(py)?)?;
        dict.set_item("last_active_at", self.last_active_at(py)?)?;
        Ok(dict)
    }

    /// Metadata and preview are shown by their sizes: they belong in no log.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let of = &self.0;
        let preview = of.preview.as_ref().map_or_else(
            || "None".to_owned(),
            |preview| format!("<{} characters>", preview.chars().count()),
        );
        Ok(format!(
            "Session(id={}, scope={}, key={}, owner={}, lifecycle={}, status={}, metadata=<{} bytes>, preview={preview}, \
             message_count={}, revision={}, created_at={}, updated_at={}, last_active_at={})",
            quoted(py, &of.id)?,
            quoted(py, &of.scope)?,
            optional(py, of.key.as_deref())?,
            optional(py, of.owner.as_deref())?,
            quoted(py, &of.lifecycle)?,
            quoted(py, &of.status)?,
            of.metadata.as_str().len(),
            of.message_count,
            of.revision,
            of.created_at,
            of.updated_at,
            of.last_active_at,
        ))
    }

    fn __hash__(&self) -> u64 {
        hash_of((&self.0.id, self.0.revision, self.0.updated_at))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let of = slf.get();
        let metadata = JsonText::of(of.metadata_json());
        let fields = [
            of.id().into_pyobject(py)?.into_any(),
            of.scope().into_pyobject(py)?.into_any(),
            of.key().into_pyobject(py)?,
            of.owner().into_pyobject(py)?,
            of.lifecycle().into_pyobject(py)?.into_any(),
            of.status().into_pyobject(py)?.into_any(),
            metadata.into_pyobject(py)?.into_any(),
            of.preview().into_pyobject(py)?,
            of.message_count().into_pyobject(py)?.into_any(),
            of.revision().into_pyobject(py)?.into_any(),
            of.created_at(py)?,
            of.updated_at(py)?,
            of.last_active_at(py)?,
        ];
        Ok((slf.get_type().into_any(), PyTuple::new(py, fields)?))
    }
}

/// What a dict that is an update may hold.
const MEMBERS: [&str; 5] = [
    "status",
    "owner",
    "metadata",
    "merge_metadata",
    "expected_revision",
];

/// An update given as a dict, as `save_messages` takes it.
pub(crate) fn session_update(dict: &Bound<'_, PyDict>) -> PyResult<SessionUpdate> {
    only_members(dict, "an update", &MEMBERS)?;
    let owner = match dict.get_item("owner")? {
        Some(owner) => owner.extract()?,
        None => Given::No,
    };
    Ok(update_of(
        member(dict, "status")?,
        owner,
        member(dict, "metadata")?,
        member(dict, "merge_metadata")?,
        member(dict, "expected_revision")?,
    ))
}

/// An update of those arguments that are given.
pub(crate) fn update_of(
    status: Option<Text>,
    owner: Given,
    metadata: Option<Metadata>,
    merge_metadata: Option<Metadata>,
    expected_revision: Option<Count>,
) -> SessionUpdate {
    let mut update = SessionUpdate::new();
    if let Some(status) = status {
        update = update.status(status.0);
    }
    if let Given::Yes(owner) = owner {
        update = update.owner(owner);
    }
    if let Some(metadata) = metadata {
        update = update.metadata(metadata.0);
    }
    if let Some(patch) = merge_metadata {
        update = update.merge_metadata(patch.0);
    }
    if let Some(revision) = expected_revision {
        update = update.expected_revision(revision.0);
    }
    update
}
