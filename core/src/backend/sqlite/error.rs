//! What can go wrong in this backend, and the one place where it becomes the crate's error.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

use crate::error::{Error, ErrorCode};

pub(super) type SqliteResult<T> = Result<T, SqliteError>;

/// An error of this backend. None of its texts holds a bound value, so none holds what a message says.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteError {
    #[error("SQLite refused: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot open {}: {source}", path.display())]
    Open {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} cannot be written: its file or its folder is read-only", .0.display())]
    ReadOnlyFile(PathBuf),
    #[error("{} exists already; a copy is written to a new file only", .0.display())]
    TargetExists(PathBuf),
    #[error("{} is a database of another program and was left as it is", .0.display())]
    ForeignFile(PathBuf),
    #[error("{} has schema {found}, this version knows up to {known}; it was left as it is, open it with a newer version", path.display())]
    NewerSchema {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("{} has several names (hard links), and each would have a write-ahead log of its own; remove the others, or open a copy", .0.display())]
    Linked(PathBuf),
    #[error("{} was moved, removed or replaced while it was open; put it back beside its -wal, or open it again", .0.display())]
    Moved(PathBuf),
    #[error("{} was emptied while it was open", .0.display())]
    Emptied(PathBuf),
    #[error("{} is too short to be a database and was left as it is", .0.display())]
    TooShort(PathBuf),
    #[error("a stored {0} holds a value that cannot be right")]
    Damaged(&'static str),
    #[error("{0} is outside what the SQLite backend can number")]
    OutOfRange(&'static str),
    #[error("others held the store for longer than the wait limit; nothing was changed")]
    Busy,
    #[error("others held the store until the wait was given up; nothing was changed")]
    Unwanted,
    #[error(
        "another SQLite in this process dropped this store's locks; nothing was changed and it may be tried again"
    )]
    LockLost,
    #[error(
        "the commit was disturbed; the write was made or not: read, or retry with the same dedup key"
    )]
    UnknownOutcome,
    #[error(
        "the store was opened before this process was forked off; open it again in this process"
    )]
    Forked,
    #[error(
        "this process was forked off while its parent used SQLite, which cannot be used here for that; fork when no thread is inside a store, or start a new process (exec, spawn)"
    )]
    ForkedInside,
    #[error("SQLite {found} is too old: versions before 3.51.3 can lose data in WAL mode")]
    TooOld { found: &'static str },
    #[error("{0}")]
    Unsuitable(&'static str),
    #[error(transparent)]
    Given(#[from] Error),
}

impl SqliteError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The same error, naming the file that was being opened.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::Sqlite(source) => Self::Open {
                path: path.to_owned(),
                source,
            },
            named => named,
        }
    }

    /// The error of SQLite underneath, if it is one.
    fn sqlite(&self) -> Option<&ffi::Error> {
        match self {
            Self::Sqlite(error) | Self::Open { source: error, .. } => match error {
                rusqlite::Error::SqliteFailure(error, _)
                | rusqlite::Error::SqlInputError { error, .. } => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether others are in the way, and waiting may help.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
            || self.sqlite().is_some_and(|error| {
                matches!(
                    error.extended_code & 0xff,
                    ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL
                )
            })
    }

    /// Whether the connection that reported it is better not used again.
    pub(super) fn spoils_connection(&self) -> bool {
        self.sqlite().is_some_and(|error| {
            matches!(
                error.extended_code & 0xff,
                ffi::SQLITE_IOERR
                    | ffi::SQLITE_CORRUPT
                    | ffi::SQLITE_NOTADB
                    | ffi::SQLITE_NOMEM
                    | ffi::SQLITE_CANTOPEN
                    | ffi::SQLITE_READONLY
            )
        })
    }

    /// Whether it leaves open if a commit that reported it reached the disk: what `fsync` failed on may be written or not, and the WAL's
    /// index comes after the WAL, in which a recovery finds the commit.
    pub(super) fn leaves_commit_open(&self) -> bool {
        self.sqlite().is_some_and(|error| {
            matches!(
                error.extended_code,
                ffi::SQLITE_IOERR_FSYNC
                    | ffi::SQLITE_IOERR_DIR_FSYNC
                    | ffi::SQLITE_IOERR_SHMOPEN
                    | ffi::SQLITE_IOERR_SHMSIZE
                    | ffi::SQLITE_IOERR_SHMMAP
                    | ffi::SQLITE_IOERR_NOMEM
                    | ffi::SQLITE_NOMEM
            )
        })
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Sqlite(error) => code_of(error),
            Self::Open { source, .. } => code_of(source),
            Self::Io { source, .. } => code_of_io(source),
            Self::ReadOnlyFile(_) => ErrorCode::ReadOnly,
            Self::TargetExists(_) => ErrorCode::AlreadyExists,
            Self::ForeignFile(_) | Self::NewerSchema { .. } => ErrorCode::UnsupportedSchema,
            Self::Damaged(_) | Self::Emptied(_) | Self::TooShort(_) => ErrorCode::Corrupted,
            Self::OutOfRange(_) => ErrorCode::InvalidArgument,
            Self::Busy | Self::Unwanted => ErrorCode::Busy,
            Self::LockLost => ErrorCode::LockLost,
            Self::UnknownOutcome => ErrorCode::UnknownOutcome,
            Self::Forked | Self::ForkedInside => ErrorCode::Forked,
            Self::TooOld { .. } | Self::Unsuitable(_) | Self::Linked(_) | Self::Moved(_) => {
                ErrorCode::Storage
            }
            Self::Given(error) => error.code(),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Open { path, .. }
            | Self::Io { path, .. }
            | Self::NewerSchema { path, .. }
            | Self::ReadOnlyFile(path)
            | Self::TargetExists(path)
            | Self::Linked(path)
            | Self::Moved(path)
            | Self::Emptied(path)
            | Self::TooShort(path)
            | Self::ForeignFile(path) => Some(path),
            _ => None,
        }
    }
}

impl From<SqliteError> for Error {
    fn from(error: SqliteError) -> Self {
        if let SqliteError::Given(given) = error {
            return given;
        }
        let mut out = Error::new(error.code(), error.to_string());
        if let Some(path) = error.path() {
            out = out.with("path", path.to_string_lossy().into_owned());
        }
        if let Some(sqlite) = error.sqlite() {
            out = out.with("sqlite_code", sqlite.extended_code);
        }
        out.with_source(error)
    }
}

fn code_of(error: &rusqlite::Error) -> ErrorCode {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(error, Some(msg)) | E::SqlInputError { error, msg, .. } => {
            if lacks_schema(*error, msg) {
                ErrorCode::Corrupted
            } else {
                code_of_sqlite(*error)
            }
        }
        E::SqliteFailure(error, None) => code_of_sqlite(*error),
        // What a row holds does not fit its column.
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => ErrorCode::Corrupted,
        E::NulError(_) | E::InvalidPath(_) => ErrorCode::InvalidArgument,
        _ => ErrorCode::Storage,
    }
}

/// Whether a statement names what the file does not have. The statements are constant, so it is the file that is wrong; SQLite has
/// no code for this, only its message.
fn lacks_schema(error: ffi::Error, message: &str) -> bool {
    error.extended_code == ffi::SQLITE_ERROR
        && ["no such table", "no such column", "no such index"]
            .iter()
            .any(|lacks| message.starts_with(lacks))
}

fn code_of_sqlite(error: ffi::Error) -> ErrorCode {
    match error.extended_code & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => ErrorCode::Busy,
        ffi::SQLITE_FULL => ErrorCode::DiskFull,
        ffi::SQLITE_READONLY => ErrorCode::ReadOnly,
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => ErrorCode::PermissionDenied,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => ErrorCode::Corrupted,
        _ => ErrorCode::Storage,
    }
}

fn code_of_io(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => ErrorCode::PermissionDenied,
        io::ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
        _ => ErrorCode::Storage,
    }
}
