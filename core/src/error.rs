//! The one error type of the crate: a code that programs match on, a sentence that people read.

use std::fmt;

use crate::details::{Detail, Details};
use crate::quoted::quoted;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. The snake_case name ([`ErrorCode::as_str`]) is the contract, the same in Rust, Python and JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The session, or whatever else was named, does not exist.
    NotFound,
    /// The id or the `(scope, key)` of a session to create is taken.
    AlreadyExists,
    /// An argument is outside what is allowed; the message says which and what is allowed.
    InvalidArgument,
    /// The session's lifecycle does not allow this change of status.
    InvalidTransition,
    /// The revision demanded is not the present one, or a dedup key came back with another content, or a name is taken by another definition.
    Conflict,
    /// Others held the store for longer than the wait limit. Nothing was changed; it may be tried again.
    Busy,
    /// The store was closed.
    Closed,
    /// The store, its file or its folder may not be written.
    ReadOnly,
    /// A file or folder may not be opened, made or read.
    PermissionDenied,
    /// There is no space left for a write. Nothing was changed.
    DiskFull,
    /// The file or archive is damaged.
    Corrupted,
    /// The file or archive was written by a newer version, or the file is a database of another program. (What is no archive at all is
    /// `invalid_argument`.)
    UnsupportedSchema,
    /// The backend does not have this operation.
    Unsupported,
    /// Another SQLite in this process dropped the locks of this store; the write was not made and may be tried again.
    LockLost,
    /// The connection died, or the disk failed, during the commit: the write was made or not. A retry with the same dedup key settles it.
    UnknownOutcome,
    /// An earlier panic or a lack of memory left this instance unusable.
    Poisoned,
    /// A clock, an id source or a keeper called back into the store that was calling it.
    Reentrant,
    /// The store was opened before this process was forked off; open it again.
    Forked,
    /// Any other failure of the storage below.
    Storage,
}

impl ErrorCode {
    /// Every code, in the order of declaration.
    pub const ALL: &'static [ErrorCode] = &[
        Self::NotFound,
        Self::AlreadyExists,
        Self::InvalidArgument,
        Self::InvalidTransition,
        Self::Conflict,
        Self::Busy,
        Self::Closed,
        Self::ReadOnly,
        Self::PermissionDenied,
        Self::DiskFull,
        Self::Corrupted,
        Self::UnsupportedSchema,
        Self::Unsupported,
        Self::LockLost,
        Self::UnknownOutcome,
        Self::Poisoned,
        Self::Reentrant,
        Self::Forked,
        Self::Storage,
    ];

    /// The name by which programs know the code.
    ///
    /// ```
    /// assert_eq!(convostore::ErrorCode::NotFound.as_str(), "not_found");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidTransition => "invalid_transition",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::ReadOnly => "read_only",
            Self::PermissionDenied => "permission_denied",
            Self::DiskFull => "disk_full",
            Self::Corrupted => "corrupted",
            Self::UnsupportedSchema => "unsupported_schema",
            Self::Unsupported => "unsupported",
            Self::LockLost => "lock_lost",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Poisoned => "poisoned",
            Self::Reentrant => "reentrant",
            Self::Forked => "forked",
            Self::Storage => "storage",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed operation: a code for programs, a message for people, details for both, and the cause where there is one.
///
/// No content of a message and no secret appears in any part of it.
///
/// ```
/// # use convostore::{Store, ErrorCode};
/// let store = Store::in_memory()?;
/// let error = store.touch_session("no-such-session").unwrap_err();
/// assert_eq!(error.code(), ErrorCode::NotFound);
/// assert_eq!(error.details()["session_id"], "no-such-session");
/// # Ok::<(), convostore::Error>(())
/// ```
pub struct Error {
    // Boxed, so that a `Result` stays small on the hot paths.
    inner: Box<Inner>,
}

struct Inner {
    code: ErrorCode,
    message: String,
    details: Details,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `code`, with a sentence that says what was wrong and what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                code,
                message: message.into(),
                details: Details::default(),
                source: None,
            }),
        }
    }

    /// The same error with one more detail.
    pub fn with(mut self, name: &'static str, value: impl Into<Detail>) -> Self {
        self.inner.details.insert(name, value.into());
        self
    }

    /// The same error with its cause.
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn code(&self) -> ErrorCode {
        self.inner.code
    }

    /// A sentence for people. Its wording may change; match on [`Error::code`].
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Names and values that belong to the message, such as `session_id` or `revision`.
    pub fn details(&self) -> &Details {
        &self.inner.details
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    pub(crate) fn no_session(id: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("there is no session with the id {id}", id = quoted(&id)),
        )
        .with("session_id", id)
    }

    pub(crate) fn closed() -> Self {
        Self::new(
            ErrorCode::Closed,
            "the store was closed; open it again to use it",
        )
    }

    pub(crate) fn revision_conflict(expected: u64, revision: u64) -> Self {
        Self::new(
            ErrorCode::Conflict,
            format!("expected revision {expected}, but the present one is {revision}; read again and decide anew"),
        )
        .with("expected_revision", expected)
        .with("revision", revision)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.code, self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("code", &self.inner.code.as_str())
            .field("message", &self.inner.message);
        if !self.inner.details.is_empty() {
            out.field("details", &self.inner.details);
        }
        if let Some(source) = &self.inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
