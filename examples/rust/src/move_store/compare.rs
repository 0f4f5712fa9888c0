//! A second archive is compared with the first as it is written, and kept nowhere.

use std::io::{self, BufReader, Read, Write};

use convostore::ExportReport;

use crate::Result;

/// A writer that refuses what differs from what it reads.
pub struct Compared<R> {
    first: BufReader<R>,
    /// As many bytes of the first as were written last.
    expected: Vec<u8>,
    bytes: u64,
    differs: bool,
}

impl<R: Read> Compared<R> {
    pub fn with(first: R) -> Self {
        Self {
            first: BufReader::new(first),
            expected: Vec::new(),
            bytes: 0,
            differs: false,
        }
    }

    /// How many bytes both have, if all are the same.
    pub fn finish(mut self, exported: convostore::Result<ExportReport>) -> Result<u64> {
        if self.differs {
            return Err(format!(
                "the target holds something else than the source, from byte {} of the archive on; it had data of its own, or somebody wrote meanwhile",
                self.bytes
            )
            .into());
        }
        exported?;
        if self.first.read(&mut [0])? > 0 {
            return Err("the target holds less than the source".into());
        }
        Ok(self.bytes)
    }
}

impl<R: Read> Write for Compared<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.expected.resize(bytes.len(), 0);
        let is_same = match self.first.read_exact(&mut self.expected) {
            Ok(()) => self.expected == bytes,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        if !is_same {
            self.differs = true;
            return Err(io::Error::other("the archives differ"));
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
