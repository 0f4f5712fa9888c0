//! Where the database is: paths, folders, the file and its mode.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{SqliteError, SqliteResult};
use crate::error::Error;

/// What tells one file from all others on this machine, by whatever path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    /// Device and inode; the path says nothing, since there may be several.
    #[cfg(unix)]
    inode: (u64, u64),
    #[cfg(not(unix))]
    path: PathBuf,
}

/// A database file that exists: its real path and its identity.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
}

/// The least that an SQLite database has: one page of the smallest size.
const SMALLEST: u64 = 512;

/// What was made for a database that is not there yet.
#[derive(Debug, Default)]
pub(super) struct Made {
    file: Option<PathBuf>,
    /// The innermost first.
    folders: Vec<PathBuf>,
}

impl Made {
    /// Removes it again, unless somebody has put something into it. What cannot be removed stays: the error that led here counts.
    pub(super) fn undo(&self) {
        if let Some(file) = &self.file
            && fs::metadata(file).is_ok_and(|it| it.len() == 0)
        {
            let _ = fs::remove_file(file);
        }
        for folder in &self.folders {
            // Only where it is empty.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Finds the file, and makes it and its folders where they are missing.
///
/// The caller holds a lock of this process over it: the descriptor that makes the file is closed here, which would drop the
/// locks of a connection that another thread has opened on it meanwhile.
pub(super) fn prepare(path: &Path) -> SqliteResult<(Place, Made)> {
    let path = absolute(path)?;
    let mut made = Made::default();
    match make(&path, &mut made).and_then(|()| locate(&path)) {
        Ok(place) => Ok((place, made)),
        Err(error) => {
            made.undo();
            Err(error)
        }
    }
}

/// Makes the file and its folders where they are missing, and notes them.
fn make(path: &Path, made: &mut Made) -> SqliteResult<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        let missing = folder.ancestors().take_while(|it| !it.exists());
        made.folders = missing.map(Path::to_owned).collect();
        make_folders(folder)?;
        confirm_names(&made.folders)?;
    }
    match create_private(path) {
        Ok(()) => {
            made.file = Some(path.to_owned());
            Ok(())
        }
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(SqliteError::io("create", path, error)),
    }
}

/// The file at `path`, links followed: SQLite names the WAL after the real path.
pub(super) fn locate(path: &Path) -> SqliteResult<Place> {
    let real = path
        .canonicalize()
        .map_err(|error| SqliteError::io("find", path, error))?;
    let metadata = fs::metadata(&real).map_err(|error| SqliteError::io("find", &real, error))?;
    if !metadata.is_file() {
        let error = io::Error::new(io::ErrorKind::IsADirectory, "it is no file");
        return Err(SqliteError::io("open", &real, error));
    }
    // By its size alone: opening and closing it would drop the locks of a connection of this process.
    if (1..SMALLEST).contains(&metadata.len()) {
        return Err(SqliteError::TooShort(real));
    }
    if has_several_names(&metadata) {
        return Err(SqliteError::Linked(real));
    }
    Ok(Place {
        id: file_id(&real, &metadata),
        path: real,
    })
}

/// Whether the file has other hard links: who opens it by one of them looks for the WAL beside that name, and finds none or another.
#[cfg(unix)]
fn has_several_names(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_several_names(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn file_id(_path: &Path, metadata: &fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    FileId {
        inode: (metadata.dev(), metadata.ino()),
    }
}

#[cfg(not(unix))]
fn file_id(path: &Path, _metadata: &fs::Metadata) -> FileId {
    FileId {
        path: path.to_owned(),
    }
}

/// An absolute path is never read as a URI, whatever it looks like, and never means a database in memory.
pub(super) fn absolute(path: &Path) -> SqliteResult<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(Error::invalid("the path of the store is empty").into());
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::invalid("the path of the store holds NUL").into());
    }
    std::path::absolute(path).map_err(|error| SqliteError::io("find", path, error))
}

/// Makes the folder and those above it, for the owner alone. Folders that are there are left as they are.
fn make_folders(folder: &Path) -> SqliteResult<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| {
        // A file stands where a folder should be.
        let error = match error.kind() {
            io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
            _ => error,
        };
        SqliteError::io("create the folder", folder, error)
    })
}

/// Has the disk confirm the names of new folders: SQLite sees to those inside the database's folder, but a power cut could take that one.
fn confirm_names(folders: &[PathBuf]) -> SqliteResult<()> {
    for holder in folders.iter().filter_map(|folder| folder.parent()) {
        // Where folders cannot be opened (by this user, or on this system at all) there is no way to ask.
        if let Ok(opened) = File::open(holder) {
            let confirmed = opened.sync_all();
            confirmed.map_err(|error| SqliteError::io("write", holder, error))?;
        }
    }
    Ok(())
}

/// Makes an empty file for the owner alone; SQLite gives WAL and SHM the mode of the database.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// The path of a file beside the database, such as its `-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
