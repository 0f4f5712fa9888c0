//! How far a step is, from what goes through the reader or writer that the store is given.

use std::io::{self, Read, Write};

/// Says on the error stream, at each tenth, how far a step is.
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    tenths: u64,
}

impl Progress {
    pub fn new(what: &'static str, total: u64) -> Self {
        Self {
            what,
            total,
            done: 0,
            tenths: 0,
        }
    }

    fn add(&mut self, more: u64) {
        self.done += more;
        // The header and the last line of an archive are no rows: never beyond the end.
        let tenths = (self.done.min(self.total) * 10)
            .checked_div(self.total)
            .unwrap_or(10);
        if tenths > self.tenths {
            self.tenths = tenths;
            eprintln!("{} {} %", self.what, tenths * 10);
        }
    }
}

/// A writer of an archive whose lines are counted.
pub struct Rows<W> {
    inner: W,
    progress: Progress,
}

impl<W> Rows<W> {
    pub fn new(inner: W, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<W: Write> Write for Rows<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let lines = bytes[..written].iter().filter(|byte| **byte == b'\n');
        self.progress.add(lines.count() as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader whose bytes are counted.
pub struct Watched<R> {
    inner: R,
    progress: Progress,
}

impl<R> Watched<R> {
    pub fn new(inner: R, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}
