//! What operations on the whole store answer.

use convostore::Erasure;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::shown;
use crate::text::Texts;

/// A record of plain fields.
macro_rules! report {
    (
        $(#[$about:meta])*
        $name:ident { $( $(#[$field_about:meta])* $field:ident: $type:ty, )+ }
    ) => {
        $(#[$about])*
        #[pyclass(frozen, eq, hash, get_all, module = "convostore")]
        #[derive(PartialEq, Eq, Hash)]
        pub(crate) struct $name { $( $(#[$field_about])* $field: $type, )+ }

        #[pymethods]
        impl $name {
            #[new]
            fn new($( $field: $type ),+) -> Self {
                Self { $( $field ),+ }
            }

            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
                PyTuple::new(py, [$( stringify!($field) ),+])
            }

            /// All fields in a new dict.
            fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
                let dict = PyDict::new(slf.py());
                for name in [$( stringify!($field) ),+] {
                    dict.set_item(name, slf.getattr(name)?)?;
                }
                Ok(dict)
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                let mut fields = Vec::new();
                for name in [$( stringify!($field) ),+] {
                    fields.push(format!("{name}={}", shown(&slf.getattr(name)?)?));
                }
                Ok(format!("{}({})", stringify!($name), fields.join(", ")))
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
                let mut fields = Vec::new();
                for name in [$( stringify!($field) ),+] {
                    fields.push(slf.getattr(name)?);
                }
                Ok((slf.get_type().into_any(), PyTuple::new(slf.py(), fields)?))
            }
        }
    };
}

report! {
    /// What delete_session did.
    Deletion {
        /// Whether there was such a session.
        deleted: bool,
        /// Where erasing was asked for: "complete", or "pending" while something still holds the bytes.
        erasure: Option<String>,
        /// What still holds them.
        reason: Option<String>,
    }
}

report! {
    /// What cleanup_sessions deleted, or would delete.
    Cleanup {
        /// How many sessions.
        sessions: u64,
        /// How many messages in them.
        messages: u64,
    }
}

report! {
    /// How much there is in a store.
    Stats {
        /// Sessions of this tenant.
        sessions: u64,
        /// Messages of this tenant.
        messages: u64,
        /// Contexts of this tenant.
        contexts: u64,
        /// Bytes in the store's files, of all tenants; None in memory.
        bytes: Option<u64>,
    }
}

report! {
    /// What check found.
    StoreCheck {
        /// Sessions looked at.
        sessions: u64,
        /// Messages looked at.
        messages: u64,
        /// What is wrong, a sentence each; empty where the store is sound. At most 1,000 are listed.
        problems: Texts,
    }
}

#[pymethods]
impl StoreCheck {
    /// Whether nothing is wrong.
    #[getter]
    fn is_sound(&self) -> bool {
        self.problems.0.is_empty()
    }
}

report! {
    /// What export_archive wrote.
    ExportReport {
        /// Sessions written.
        sessions: u64,
        /// Messages written.
        messages: u64,
        /// Contexts written.
        contexts: u64,
        /// Lifecycles written; the built-in ones are known everywhere and not written.
        lifecycles: u64,
        /// Bytes written.
        bytes: u64,
        /// With tolerant: what could not be read, a sentence each.
        unreadable: Texts,
    }
}

report! {
    /// What import_archive did, or would do.
    ImportReport {
        /// Sessions added.
        sessions: u64,
        /// Messages added.
        messages: u64,
        /// Contexts added.
        contexts: u64,
        /// Lifecycles added.
        lifecycles: u64,
        /// Sessions, contexts and lifecycles that were there already, the same in all they hold.
        unchanged: u64,
        /// Bytes read.
        bytes: u64,
    }
}

impl From<convostore::Deletion> for Deletion {
    fn from(of: convostore::Deletion) -> Self {
        let (erasure, reason) = match of.erasure {
            None => (None, None),
            Some(Erasure::Complete) => (Some("complete"), None),
            Some(Erasure::Pending { reason }) => (Some("pending"), Some(reason)),
            Some(_) => (Some("pending"), None), // a way that this package does not know yet
        };
        Self {
            deleted: of.deleted,
            erasure: erasure.map(str::to_owned),
            reason,
        }
    }
}

impl From<convostore::Cleanup> for Cleanup {
    fn from(of: convostore::Cleanup) -> Self {
        Self::new(of.sessions, of.messages)
    }
}

impl From<convostore::Stats> for Stats {
    fn from(of: convostore::Stats) -> Self {
        Self::new(of.sessions, of.messages, of.contexts, of.bytes)
    }
}

impl From<convostore::StoreCheck> for StoreCheck {
    fn from(of: convostore::StoreCheck) -> Self {
        Self::new(of.sessions, of.messages, Texts(of.problems))
    }
}

impl From<convostore::ExportReport> for ExportReport {
    fn from(of: convostore::ExportReport) -> Self {
        Self {
            sessions: of.sessions,
            messages: of.messages,
            contexts: of.contexts,
            lifecycles: of.lifecycles,
            bytes: of.bytes,
            unreadable: Texts(of.unreadable),
        }
    }
}

impl From<convostore::ImportReport> for ImportReport {
    fn from(of: convostore::ImportReport) -> Self {
        Self {
            sessions: of.sessions,
            messages: of.messages,
            contexts: of.contexts,
            lifecycles: of.lifecycles,
            unchanged: of.unchanged,
            bytes: of.bytes,
        }
    }
}
