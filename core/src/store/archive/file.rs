//! An archive as a file of its own.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorCode, Result};
use crate::model::ExportReport;

/// Writes a new file that only its owner can read, and sees to it that it is on disk; when anything fails, none is left.
pub(super) fn create(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<ExportReport>,
) -> Result<ExportReport> {
    let mut file = open_new(path).map_err(|e| failed(path, e))?;
    let written = write(&mut file).and_then(|report| {
        file.sync_all().map_err(|e| failed(path, e))?;
        sync_folder(path);
        Ok(report)
    });
    if written.is_err() {
        drop(file);
        // What went wrong before is what the caller has to know.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// So that the new name lasts too, where folders can be synchronised.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
        io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => ErrorCode::PermissionDenied,
        _ => ErrorCode::Storage,
    };
    Error::new(code, format!("cannot write {}: {error}", path.display()))
        .with("path", path.to_string_lossy().into_owned())
        .with_source(error)
}
