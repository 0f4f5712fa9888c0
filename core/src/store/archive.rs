//! The archive of a store: everything that it holds, in one portable file.

mod export;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod file;
mod import;
mod mend;
pub(super) mod pages;
mod skip;

use std::io::{self, Read, Write};

pub(super) use mend::unreadable_messages;

use super::{Store, no_output};
use crate::archive::{Give, Reader};
use crate::error::{Error, ErrorCode, Result};
use crate::model::{ExportOptions, ExportReport, ImportOptions, ImportReport};

impl Store {
    /// Writes everything that the store holds, as it is at one moment, in the format that FORMAT.md describes, and flushes the writer.
    /// The tenant's name is not told. The same rows give the same bytes, whatever the backend.
    ///
    /// It takes little memory, however much there is: a few messages at a time. Writers need not wait meanwhile, as far as the
    /// backend allows.
    ///
    /// With `tolerant` what cannot be read of a damaged store is left out and listed in the report. The archive is
    /// sound even so: counters fit what was written.
    ///
    /// Errors: `corrupted` where a row cannot be read or does not fit the others, unless `tolerant`; `disk_full`, or `storage` with the
    /// cause, where the writer fails. What was written until then is no archive.
    ///
    /// ```
    /// use convostore::{ExportOptions, ImportOptions, NewSession, Store};
    /// let store = Store::in_memory()?;
    /// store.create_session(NewSession::new().scope("C042"))?;
    /// let mut archive = Vec::new();
    /// let written = store.export_archive(&mut archive, ExportOptions::new())?;
    /// let other = Store::in_memory()?;
    /// let read = other.import_archive(archive.as_slice(), ImportOptions::new())?;
    /// assert_eq!((written.sessions, read.sessions), (1, 1));
    /// # Ok::<(), convostore::Error>(())
    /// ```
    pub fn export_archive(
        &self,
        mut writer: impl Write,
        options: ExportOptions,
    ) -> Result<ExportReport> {
        let (_entered, ..) = self.enter()?;
        self.export_to(&mut writer, options)
    }

    /// [`Store::export_archive`] piece by piece, for bindings whose other end is no [`Write`].
    #[doc(hidden)]
    pub fn export_archive_pieces(
        &self,
        give: &mut dyn FnMut(&[u8]) -> Result<()>,
        options: ExportOptions,
    ) -> Result<ExportReport> {
        let (_entered, ..) = self.enter()?;
        self.export(give, options)
    }

    /// [`Store::export_archive`] into a new file that only its owner can read, and that is on disk when this returns. When it fails, no file
    /// is left.
    ///
    /// Errors: `already_exists` where there is such a file; `permission_denied` or `read_only` with the path; and those of
    /// [`Store::export_archive`].
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub fn export_archive_to(
        &self,
        path: impl AsRef<std::path::Path>,
        options: ExportOptions,
    ) -> Result<ExportReport> {
        let (_entered, ..) = self.enter()?;
        file::create(path.as_ref(), |file| self.export_to(file, options))
    }

    /// Reads an archive and adds what it holds, all or nothing.
    ///
    /// A session, context or lifecycle that is there already and the same in all that it holds, messages and revision included, is left as it
    /// is; so importing twice does no harm. One that is there and differs is a `conflict`, and nothing is imported.
    ///
    /// The archive is read a line at a time, inside the transaction: other writers wait, so do not read from a slow source. Roles need
    /// not be declared in this store.
    ///
    /// Errors: `invalid_argument` where it is no archive; `unsupported_schema` where a newer version wrote it; `corrupted`, with the
    /// number of the line, where it is damaged, incomplete, or holds what no store can; `conflict` with the `session_id`, `scope` or
    /// `lifecycle`; `storage` with the cause where the reader fails.
    pub fn import_archive(
        &self,
        mut reader: impl Read,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        self.import_archive_pieces(&mut |buffer| read_some(&mut reader, buffer), options)
    }

    /// [`Store::import_archive`] piece by piece, for bindings whose other end is no [`Read`]: fills the buffer, and says how far; 0 at the end.
    #[doc(hidden)]
    pub fn import_archive_pieces(
        &self,
        take: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        let (_entered, backend, tenant) = self.enter()?;
        // Before the transaction: what is no archive need not keep writers waiting.
        let mut reader = Reader::new(take)?;
        let mut report = None;
        let done = backend.write_alone(tenant, &mut |tx| {
            report = Some(import::import(tx, &mut reader)?);
            if options.dry_run {
                Err(rolled_back())
            } else {
                Ok(())
            }
        });
        match (done, report) {
            (Ok(()), report) => report.ok_or_else(no_output),
            (Err(_), Some(report)) if options.dry_run => Ok(report),
            (Err(e), _) => Err(e),
        }
    }
}

impl Store {
    fn export_to(&self, writer: &mut dyn Write, options: ExportOptions) -> Result<ExportReport> {
        let report = self.export(
            &mut |bytes| writer.write_all(bytes).map_err(failed),
            options,
        )?;
        writer.flush().map_err(failed)?;
        Ok(report)
    }

    fn export(&self, give: &mut Give<'_>, options: ExportOptions) -> Result<ExportReport> {
        self.read(|tx| export::export(tx, give, options.tolerant))
    }
}

fn read_some(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(unreadable),
        }
    }
}

/// Ends the transaction of a dry run; it goes no further than to the end of [`Store::import_archive`].
fn rolled_back() -> Error {
    Error::new(ErrorCode::Storage, "a dry run was rolled back")
}

fn failed(error: io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Storage,
    };
    Error::new(
        code,
        format!("the archive cannot be written: {}", error.kind()),
    )
    .with_source(error)
}

/// A decompressor around the file tells of damage in these words.
fn unreadable(error: io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ErrorCode::Corrupted,
        _ => ErrorCode::Storage,
    };
    Error::new(
        code,
        format!("the archive cannot be read: {}", error.kind()),
    )
    .with_source(error)
}
