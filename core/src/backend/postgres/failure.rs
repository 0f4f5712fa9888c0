//! What goes wrong below, in this backend's own words, and what that is to the caller.

use std::error::Error as _;
use std::io::ErrorKind;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use crate::error::{Error, ErrorCode};

/// A failure of the connection or the server. It never holds a URL, a parameter or the server's detail, which can quote rows.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("{message} (SQLSTATE {})", state.code())]
    Server { state: SqlState, message: String },
    #[error("the connection was lost before the transaction was committed")]
    Lost,
    #[error("the connection was lost during the commit")]
    Unknown,
    #[error("no connection to the server could be made: {0}")]
    Unreachable(String),
    #[error("no connection to the server could be made: it did not answer in time")]
    Silent,
    #[error("others held what was needed for longer than the wait limit")]
    Busy,
    #[error("another writer was faster, or the connection was lost")]
    Overtaken,
    #[error("the wait was given up")]
    Unwanted,
    #[error("the store was closed")]
    Closed,
    #[error("the server's answer is not what was asked for: {0}")]
    Answer(String),
}

impl Failure {
    /// Whether nothing was committed and another attempt may go better.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Lost | Self::Unreachable(_) | Self::Silent => true,
            Self::Server { state, .. } => is_transient(state),
            _ => false,
        }
    }

    /// Whether it says nothing of what the server did. Class 08 is a pooler's: where it loses its connection to the server it tells that as the answer
    /// to whatever waits for one, the server may have done all of it.
    pub(super) fn is_of_the_way(&self) -> bool {
        match self {
            Self::Lost => true,
            Self::Server { state, .. } => state.code().starts_with("08"),
            _ => false,
        }
    }

    /// Whether the connection is of no more use.
    pub(super) fn spoils_connection(&self) -> bool {
        match self {
            // A server that only reads may have been the one that writes: the next connection may lead to its successor.
            Self::Server { state, .. } => {
                ends_connection(state)
                    || is_stale_plan(state)
                    || *state == SqlState::READ_ONLY_SQL_TRANSACTION
            }
            Self::Closed => false,
            _ => true,
        }
    }

    /// Whether asking another server is of no use: the time is up, or the store was closed.
    pub(super) fn is_final_for_reads(&self) -> bool {
        match self {
            Self::Busy | Self::Unwanted | Self::Closed => true,
            Self::Server { state, .. } => matches!(state.code(), "57014" | "55P03"),
            _ => false,
        }
    }

    /// Whether the server broke a statement off because it was asked to.
    pub(super) fn is_broken_off(&self) -> bool {
        matches!(self, Self::Server { state, .. } if *state == SqlState::QUERY_CANCELED)
    }

    /// Whether all connections that we may have are taken.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Server { state, .. } if *state == SqlState::TOO_MANY_CONNECTIONS)
    }

    /// Whether the server does not let us in, or has no such database.
    pub(super) fn is_refusal(&self) -> bool {
        let Self::Server { state, .. } = self else {
            return false;
        };
        state.code().starts_with("28") || state.code() == "3D000"
    }

    /// Whether a row was there already: of another writer, whom this statement's snapshot did not show.
    pub(super) fn is_double(&self) -> bool {
        matches!(self, Self::Server { state, .. } if *state == SqlState::UNIQUE_VIOLATION)
    }

    /// Of an error that came before the commit was answered.
    pub(super) fn before_commit(error: &tokio_postgres::Error) -> Self {
        match Self::of_server(error) {
            Some(failure) => failure,
            None if error.is_closed() || has_io_error(error) => Self::Lost,
            // Conversions of parameters and rows; their text names types, not values.
            None => Self::Answer(error.to_string()),
        }
    }

    /// Of an error that answers the beginning of a transaction. A standby has no feature such as one that writes, as it says.
    pub(super) fn at_begin(error: &tokio_postgres::Error) -> Self {
        match Self::before_commit(error) {
            Self::Server { state, .. } if state == SqlState::FEATURE_NOT_SUPPORTED => {
                Self::Server {
                    state: SqlState::READ_ONLY_SQL_TRANSACTION,
                    message: "the server only reads, as a standby does; the URL must name the one that writes".to_owned(),
                }
            }
            failure => failure,
        }
    }

    /// Of an error that answers the commit itself.
    pub(super) fn at_commit(error: &tokio_postgres::Error) -> Self {
        match Self::of_server(error) {
            Some(Self::Server { state, .. }) if ends_connection(&state) => Self::Unknown,
            Some(failure) => failure,
            None => Self::Unknown,
        }
    }

    pub(super) fn of_server(error: &tokio_postgres::Error) -> Option<Self> {
        let answer = error.as_db_error()?;
        let state = answer.code().clone();
        // Of a value the server quotes what it does not like.
        let message = match state.code() {
            "22P05" | "22021" => {
                "the database's encoding does not have a character of it; the store needs a database with the encoding UTF8"
            }
            code if code.starts_with("22") => "the server refused a value",
            _ => answer.message(),
        };
        let message = message.to_owned();
        Some(Self::Server { state, message })
    }

    fn of_connecting(error: &tokio_postgres::Error) -> Self {
        if let Some(Self::Server { state, message }) = Self::of_server(error) {
            let message = refusal(&state).map_or(message, str::to_owned);
            return Self::Server { state, message };
        }
        // The kind of the I/O error alone: hosts and users are the caller's secret.
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return Self::Unreachable(match io.kind() {
                    ErrorKind::InvalidData => {
                        "TLS failed, or the server's certificate is not one of the roots' for that host".to_owned()
                    }
                    kind => kind.to_string(),
                });
            }
            cause = inner.source();
        }
        Self::Unreachable("the server refused, or the settings do not fit it".to_owned())
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Busy,
            // The hook fails where the server falls silent after the login.
            PoolError::Timeout(_) | PoolError::PostCreateHook(_) => Self::Silent,
            PoolError::Backend(error) => Self::of_connecting(&error),
            PoolError::Closed => Self::Closed,
            PoolError::NoRuntimeSpecified => {
                Self::Unreachable("the pool has no connection to give".to_owned())
            }
        }
    }
}

/// What a server that refuses a connection says is as in the URL: the host, the user, the database, settings. So it is said in other words, but where its own are fixed.
fn refusal(state: &SqlState) -> Option<&'static str> {
    Some(match state.code() {
        "28P01" => "the server refused the user or the password",
        "3D000" => "the server has no such database",
        "53300" => {
            "the connections that the server has for all, for the database or for the user are taken"
        }
        "42501" => "the user may not connect to the database, or not with these settings",
        code if code.starts_with("28") => "the server does not let that user in, or not from here",
        code if code.starts_with("57") => return None,
        _ => "the server refused the connection, or the settings in the URL",
    })
}

/// The one place where this backend's failures become the crate's errors.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = match &failure {
            Failure::Server { state, .. } => code_of(state),
            Failure::Lost | Failure::Unreachable(_) | Failure::Silent | Failure::Answer(_) => {
                ErrorCode::Storage
            }
            Failure::Unknown => ErrorCode::UnknownOutcome,
            Failure::Busy | Failure::Overtaken | Failure::Unwanted => ErrorCode::Busy,
            Failure::Closed => return Self::closed(),
        };
        Self::new(code, sentence(code, &failure))
    }
}

fn sentence(code: ErrorCode, failure: &Failure) -> String {
    match code {
        ErrorCode::UnknownOutcome => {
            "the connection was lost during the commit: the write was made or not; a retry with the same dedup_key settles it".to_owned()
        }
        ErrorCode::Busy => format!("nothing was changed, try again: {failure}"),
        _ => failure.to_string(),
    }
}

fn code_of(state: &SqlState) -> ErrorCode {
    match state.code() {
        "53100" => ErrorCode::DiskFull,
        "25006" => ErrorCode::ReadOnly,
        "42501" | "28000" | "28P01" => ErrorCode::PermissionDenied,
        // The check of `last_seq`, the only one that an argument can violate, among them.
        "22021" | "22P05" | "23514" => ErrorCode::InvalidArgument,
        "XX001" | "XX002" => ErrorCode::Corrupted,
        "3F000" | "42P01" | "42703" => ErrorCode::UnsupportedSchema,
        "40001" | "40P01" | "55P03" | "57014" | "53300" => ErrorCode::Busy,
        _ => ErrorCode::Storage,
    }
}

fn is_transient(state: &SqlState) -> bool {
    matches!(state.code(), "40001" | "40P01" | "53300")
        || ends_connection(state)
        || is_stale_plan(state)
}

/// The server ended the connection, or is about to.
fn ends_connection(state: &SqlState) -> bool {
    state.code().starts_with("08")
        || matches!(
            state.code(),
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04"
        )
}

/// A prepared statement does not fit any more: a migration went by, or a pooler gave us another server connection.
fn is_stale_plan(state: &SqlState) -> bool {
    matches!(state.code(), "0A000" | "26000")
}

fn has_io_error(error: &tokio_postgres::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}
