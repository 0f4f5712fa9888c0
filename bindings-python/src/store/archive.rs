//! The archive of a store: everything that it holds, in one portable file, given as a path or as a binary file of Python's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use convostore::{Error, ErrorCode, ExportOptions, ImportOptions};
use pyo3::exceptions::{PyBlockingIOError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::maintenance::path_of;
use super::{Place, Store};
use crate::error;
use crate::model::{ExportReport, ImportReport};

/// How many bytes go over the border at a time.
const CHUNK: usize = 256 << 10;

#[pymethods]
impl Store {
    /// Writes everything that the store holds of its tenant, as it is at one moment, to one portable file that any store in any
    /// language reads. The tenant's name is not told. The same rows give the same bytes, whatever wrote them.
    ///
    /// Args:
    ///     archive: A path, str or os.PathLike, at which there is no file yet (it is made readable by its owner alone); or a file that is
    ///         open for writing bytes.
    ///     tolerant: Saves what can be read of a damaged store and lists what cannot.
    ///
    /// Returns: an ExportReport.
    ///
    /// Errors: already_exists where there is a file at the path; permission_denied; disk_full; corrupted unless tolerant. What the file's own
    /// write raises is raised again. What was written until then is no archive; at a path it is removed.
    ///
    ///     print(store.export_archive("sessions.convostore").messages)
    #[pyo3(signature = (archive, *, tolerant=false))]
    fn export_archive(
        &self,
        py: Python<'_>,
        archive: &Bound<'_, PyAny>,
        tolerant: bool,
    ) -> PyResult<ExportReport> {
        let options = ExportOptions::new().tolerant(tolerant);
        if let Some(path) = path_in(archive)? {
            let exported = self.run(py, |store| to_path(store, &path, options))?;
            return Ok(exported.into());
        }
        check_file(archive, intern!(py, "write"))?;
        let trouble = Trouble::default();
        let mut file = BufWriter::with_capacity(CHUNK, PyFile::new(archive, &trouble));
        let exported = self.run(py, |store| store.export_archive(&mut file, options));
        // After a failure the rest is not to be written once more when the buffer is dropped.
        let (_, _rest) = file.into_parts();
        trouble.or(exported).map(ExportReport::from)
    }

    /// Reads an archive and adds what it holds, all or nothing.
    ///
    /// A session, context or lifecycle that is there already and the same in all that it holds is left as it is; so importing twice does no
    /// harm. One that is there and differs is a conflict, and nothing is imported. Other writers wait meanwhile, so do not read from a slow source.
    ///
    /// Args:
    ///     archive: A path, str or os.PathLike; or a file that is open for reading bytes (one that cannot seek, which may be slow, is read into memory first).
    ///     dry_run: Reads and checks everything and reports what an import would do, but changes nothing.
    ///
    /// Returns: an ImportReport.
    ///
    /// Errors: invalid_argument where it is no archive; unsupported_schema where a newer version wrote it; corrupted where it is
    /// damaged or incomplete; conflict; permission_denied where the path cannot be read. What the file's own read raises is raised again.
    ///
    ///     store.import_archive("sessions.convostore", dry_run=True)
    #[pyo3(signature = (archive, *, dry_run=false))]
    fn import_archive(
        &self,
        py: Python<'_>,
        archive: &Bound<'_, PyAny>,
        dry_run: bool,
    ) -> PyResult<ImportReport> {
        let options = ImportOptions::new().dry_run(dry_run);
        if let Some(path) = path_in(archive)? {
            if self.is_own_file(&path) {
                return Err(error::invalid(
                    py,
                    "that is the file of this very store, which is no archive",
                ));
            }
            let imported = self.run(py, |store| {
                let file = File::open(&path).map_err(|e| failed("read", &path, e))?;
                if file.metadata().is_ok_and(|about| about.is_dir()) {
                    return Err(failed("read", &path, io::ErrorKind::IsADirectory.into()));
                }
                store.import_archive(BufReader::with_capacity(CHUNK, file), options)
            })?;
            return Ok(imported.into());
        }
        check_file(archive, intern!(py, "read"))?;
        let seekable = intern!(py, "seekable");
        if archive.hasattr(seekable)? && archive.call_method0(seekable)?.is_truthy()? {
            let trouble = Trouble::default();
            let file = PyFile::new(archive, &trouble);
            let imported = self.run(py, |store| {
                store.import_archive(BufReader::with_capacity(CHUNK, &file), options)
            });
            return trouble.or(imported).map(ImportReport::from);
        }
        let bytes = archive.call_method0(intern!(py, "read"))?;
        let bytes = bytes
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("the file gives no bytes; open it in binary mode"))?
            .as_bytes();
        let imported = self.run(py, |store| {
            store.import_archive(Cursor::new(bytes), options)
        })?;
        Ok(imported.into())
    }
}

impl Store {
    /// Whether the path is that of the store's own file or one beside it. To open and close it would drop SQLite's locks, so it is looked
    /// at from outside.
    fn is_own_file(&self, path: &Path) -> bool {
        let Place::File(own) = &self.place else {
            return false;
        };
        ["", "-wal", "-shm"].iter().any(|suffix| {
            let mut own = own.clone().into_os_string();
            own.push(suffix);
            is_same_file(Path::new(&own), path)
        })
    }
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// The path, if it is one.
fn path_in(archive: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let is_path = archive.is_instance_of::<PyString>()
        || archive.hasattr(intern!(archive.py(), "__fspath__"))?;
    if is_path {
        path_of(archive).map(Some)
    } else {
        Ok(None)
    }
}

/// An exception where it is no file, by the method that is needed.
fn check_file(archive: &Bound<'_, PyAny>, method: &Bound<'_, PyString>) -> PyResult<()> {
    if archive.hasattr(method)? {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "an archive is a path, or a file with a method {method} for bytes, not {}",
        archive.get_type().fully_qualified_name()?
    )))
}

fn to_path(
    store: &convostore::Store,
    path: &Path,
    options: ExportOptions,
) -> convostore::Result<convostore::ExportReport> {
    let mut open = OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let file = open.open(path).map_err(|e| failed("create", path, e))?;
    let mut writer = BufWriter::with_capacity(CHUNK, file);
    let exported = store
        .export_archive(&mut writer, options)
        .and_then(|report| {
            let synced = writer.get_ref().sync_all();
            synced.map_err(|e| failed("write", path, e))?;
            Ok(report)
        });
    if exported.is_err() {
        // What went wrong is the caller's news; a rest that cannot be removed is not.
        let _ = fs::remove_file(path);
    }
    exported
}

fn failed(action: &str, path: &Path, e: io::Error) -> Error {
    let code = match e.kind() {
        io::ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => ErrorCode::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Storage,
    };
    Error::new(code, format!("could not {action} {}: {e}", path.display()))
        .with("path", path.to_string_lossy().into_owned())
        .with_source(e)
}

/// The exception of a Python file, kept on its way through the core.
#[derive(Default)]
struct Trouble(Arc<Mutex<Option<PyErr>>>);

impl Trouble {
    /// The exception of the file, if there was one, else the result.
    fn or<T>(self, result: PyResult<T>) -> PyResult<T> {
        let exception = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, exception) {
            (Err(_), Some(exception)) => Err(exception),
            (result, _) => result,
        }
    }
}

/// A binary file of Python's, for the core to read or write.
struct PyFile {
    file: Py<PyAny>,
    trouble: Arc<Mutex<Option<PyErr>>>,
}

impl PyFile {
    fn new(file: &Bound<'_, PyAny>, trouble: &Trouble) -> Self {
        Self {
            file: file.clone().unbind(),
            trouble: Arc::clone(&trouble.0),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> io::Result<T> {
        let done = Python::try_attach(|py| work(self.file.bind(py)));
        match done {
            Some(Ok(value)) => Ok(value),
            Some(Err(exception)) => {
                let kind = io::Error::other("the Python file raised an exception");
                *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(exception);
                Err(kind)
            }
            None => Err(io::Error::other("the interpreter is going down")),
        }
    }
}

impl Read for &PyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|file| {
            let bytes = file.call_method1(intern!(file.py(), "read"), (buffer.len(),))?;
            let bytes = bytes.cast::<PyBytes>()?.as_bytes();
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
    }
}

impl Write for PyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|file| {
            let written = file.call_method1(
                intern!(file.py(), "write"),
                (PyBytes::new(file.py(), bytes),),
            )?;
            // A raw file may take less than it is given, and says so; others may say nothing. A raw one that says nothing took nothing.
            if written.is_none() {
                let raw = file.py().import("io")?.getattr("RawIOBase")?;
                if file.is_instance(&raw)? {
                    return Err(PyBlockingIOError::new_err(
                        "the file is in non-blocking mode, and could not take more at once",
                    ));
                }
                return Ok(bytes.len());
            }
            match written.extract::<usize>() {
                Ok(count) if count <= bytes.len() => Ok(count),
                _ => Err(PyValueError::new_err(format!(
                    "the file's write() was given {} bytes and says that it took another number, or none that can be",
                    bytes.len()
                ))),
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|file| {
            if file.hasattr(intern!(file.py(), "flush"))? {
                file.call_method0(intern!(file.py(), "flush"))?;
            }
            Ok(())
        })
    }
}
