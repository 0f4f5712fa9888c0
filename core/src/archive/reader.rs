//! Reading an archive, a line at a time. Nothing in it is believed.

use sha2::{Digest as _, Sha256};

use super::grammar::{Grammar, Verdict};
use super::line::{self, Line};
use super::{FORMAT, HEADER, VERSION};
use crate::backend::SessionRow;
use crate::error::{Error, ErrorCode, Result};
use crate::hex;
use crate::json::{Fields, Malformed};
use crate::model::{Content, Context, Lifecycle, Message};
use crate::rules::lifecycle;

/// The most bytes that a first line may have, be it of a version to come.
const MAX_HEADER: usize = 4096;

/// The most bytes of a message's line: a text of control characters takes six bytes for each of its own.
const MAX_LINE: usize = Content::MAX_BYTES * 6 + (64 << 10);

/// The most bytes of any other line: metadata of 4 MiB, each byte written as at most two, and a lifecycle all of whose names are long and strange.
const MAX_OTHER_LINE: usize = 16 << 20;

/// A buffer longer than this is not kept for the next line.
const KEPT_BUFFER: usize = 1 << 20;

/// Reads rows in their order.
pub(crate) struct Reader<'a> {
    input: Input<'a>,
    /// The present line, without its end.
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    hash: Sha256,
    grammar: Grammar,
}

/// A row of an archive.
#[derive(Debug)]
pub(crate) enum Entry {
    Lifecycle(Lifecycle),
    Context(Context),
    Session(SessionRow),
    /// Of the session before it.
    Message(Message),
}

/// Fills a buffer with the next bytes, and says how many they are; none at the end.
pub(crate) type Take<'a> = dyn FnMut(&mut [u8]) -> Result<usize> + 'a;

/// Bytes as they come.
struct Input<'a> {
    take: &'a mut Take<'a>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl<'a> Input<'a> {
    fn new(take: &'a mut Take<'a>) -> Self {
        Self {
            take,
            buffer: vec![0; 64 << 10],
            at: 0,
            end: 0,
        }
    }

    /// What comes next, as far as it is there; nothing at the end.
    fn ahead(&mut self) -> Result<&[u8]> {
        if self.at >= self.end {
            self.at = 0;
            self.end = (self.take)(&mut self.buffer)?;
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }
}

impl<'a> Reader<'a> {
    /// Reads the first line.
    ///
    /// Errors: `invalid_argument` where it is no archive, `unsupported_schema` where it is one of a newer version, `corrupted`.
    pub(crate) fn new(take: &'a mut Take<'a>) -> Result<Self> {
        let mut reader = Self {
            input: Input::new(take),
            line: Vec::new(),
            number: 0,
            bytes: 0,
            hash: Sha256::new(),
            grammar: Grammar::new(),
        };
        let complete = reader.read_line(MAX_HEADER)?;
        reader.check_header(complete)?;
        reader.hash_line();
        Ok(reader)
    }

    /// The next row; nothing when the archive is complete and its digest right.
    ///
    /// Errors: `corrupted`, with the number of the line.
    pub(crate) fn read(&mut self) -> Result<Option<Entry>> {
        if !self.read_line(MAX_LINE)? {
            return Err(self.incomplete());
        }
        // Taken out, so that the row may borrow from it while the grammar judges; and put back, to be used again.
        let line = std::mem::take(&mut self.line);
        let entry = self.entry(&line);
        self.line = line;
        match entry {
            Ok(Some(entry)) => {
                self.hash_line();
                Ok(Some(entry))
            }
            Ok(None) => self.check_nothing_follows().map(|()| None),
            Err(problem) => Err(self.damaged(&problem)),
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a line of at most `max` bytes. Whether it has an end.
    fn read_line(&mut self, max: usize) -> Result<bool> {
        self.line.clear();
        self.line.shrink_to(KEPT_BUFFER);
        self.number += 1;
        while self.line.len() < max {
            let ahead = self.input.ahead()?;
            let left = max - self.line.len();
            let part = ahead.get(..left).unwrap_or(ahead);
            let end = part.iter().position(|byte| *byte == b'\n');
            let (text, _) = part.split_at(end.unwrap_or(part.len()));
            self.line.extend_from_slice(text);
            let read = end.map_or(part.len(), |end| end + 1);
            self.input.at += read;
            self.bytes += read as u64;
            if end.is_some() || read == 0 {
                return Ok(end.is_some());
            }
        }
        Ok(false)
    }

    fn check_header(&self, complete: bool) -> Result<()> {
        if complete && self.line == HEADER.as_bytes() {
            return Ok(());
        }
        if !complete {
            let begun = !self.line.is_empty() && HEADER.as_bytes().starts_with(&self.line);
            return Err(if begun { self.incomplete() } else { foreign() });
        }
        // What can be known of a first line of any version.
        let text = std::str::from_utf8(&self.line).unwrap_or_default();
        let Ok(mut header) = Fields::of(text) else {
            return Err(foreign());
        };
        let (format, version) = (header.text("format"), header.number("version"));
        Err(if !header.are_sound() || format != FORMAT {
            foreign()
        } else if version > VERSION {
            newer(version)
        } else {
            self.damaged("is not the first line of an archive of version 1")
        })
    }

    /// The row of a line; nothing for the last line. Else a sentence that says what is wrong.
    fn entry(&mut self, line: &[u8]) -> Result<Option<Entry>, String> {
        if line.len() > MAX_OTHER_LINE && !line.starts_with(br#"{"message":"#) {
            return Err("is too long".to_owned());
        }
        let line = std::str::from_utf8(line).map_err(|e| no_line(e.valid_up_to()))?;
        let (kind, mut fields) = line::split(line).map_err(|Malformed { at, .. }| no_line(at))?;
        let entry = match kind {
            "lifecycle" => Entry::Lifecycle(Lifecycle::read(&mut fields)),
            "context" => Entry::Context(line::read_context(&mut fields)),
            "session" => {
                let mut row = line::read_session(&mut fields);
                let known = self.grammar.known_lifecycle(&row.session.lifecycle);
                row.is_final =
                    known.is_some_and(|known| lifecycle::is_final(known, &row.session.status));
                Entry::Session(row)
            }
            "message" => match line::read_message(&mut fields) {
                Ok(Some(message)) => Entry::Message(message),
                Ok(None) => return Err("has not one content, text or json".to_owned()),
                Err(e) => return Err(is_wrong(e.message())),
            },
            "end" => {
                self.check_end(&mut fields, line)?;
                return Ok(None);
            }
            _ => return Err(no_row()),
        };
        if !fields.are_sound() {
            return Err(no_row());
        }
        self.judge(&entry).map_err(|problem| is_wrong(&problem))?;
        if entry.line().is(line) {
            Ok(Some(entry))
        } else {
            Err(not_canonical())
        }
    }

    fn judge(&mut self, entry: &Entry) -> Verdict {
        match entry {
            Entry::Lifecycle(lifecycle) => self.grammar.lifecycle(lifecycle),
            Entry::Context(context) => self.grammar.context(context),
            Entry::Session(row) => self.grammar.session(row),
            Entry::Message(message) => self.grammar.message(message),
        }
    }

    fn check_end(&mut self, end: &mut Fields<'_>, line: &str) -> Verdict {
        let (counts, told) = line::read_end(end).ok_or_else(no_row)?;
        let complete = self.grammar.check_complete();
        complete.map_err(|problem| is_wrong(&problem))?;
        if counts != self.grammar.counts() {
            return Err("counts other rows than there are".to_owned());
        }
        let sha256 = hex::encode(&self.hash.clone().finalize());
        if told != sha256 {
            return Err(
                "has another digest than the lines before it: they were changed".to_owned(),
            );
        }
        if Line::End(counts, &sha256).is(line) {
            Ok(())
        } else {
            Err(not_canonical())
        }
    }

    fn check_nothing_follows(&mut self) -> Result<()> {
        if self.input.ahead()?.is_empty() {
            Ok(())
        } else {
            Err(self.damaged("is the last one, but something follows it"))
        }
    }

    fn hash_line(&mut self) {
        self.hash.update(&self.line);
        self.hash.update(b"\n");
    }

    fn incomplete(&self) -> Error {
        if self.line.len() >= MAX_LINE {
            return self.damaged("is too long");
        }
        self.damaged("has no end: the archive is incomplete")
    }

    fn damaged(&self, problem: &str) -> Error {
        let number = self.number;
        Error::new(
            ErrorCode::Corrupted,
            format!("the archive is damaged; its line {number} {problem}"),
        )
        .with("line", number)
    }
}

impl Entry {
    fn line(&self) -> Line<'_> {
        match self {
            Self::Lifecycle(lifecycle) => Line::Lifecycle(lifecycle),
            Self::Context(context) => Line::Context(context),
            Self::Session(row) => Line::Session(row),
            Self::Message(message) => Line::Message(message),
        }
    }
}

/// The line is not quoted: only the place is told.
fn no_line(at: usize) -> String {
    let column = at + 1;
    format!("is not what a line of an archive can be, at column {column}")
}

fn no_row() -> String {
    "is not what a line of an archive can be: a member is missing or of another type".to_owned()
}

fn is_wrong(problem: &str) -> String {
    format!("is wrong: {problem}")
}

fn not_canonical() -> String {
    "is written in another way than the one of the format".to_owned()
}

fn foreign() -> Error {
    Error::new(
        ErrorCode::InvalidArgument,
        "this is not a convostore archive",
    )
    .with("argument", "archive")
}

fn newer(version: u64) -> Error {
    Error::new(
        ErrorCode::UnsupportedSchema,
        format!("the archive is of version {version}, this library reads up to {VERSION}; import it with a newer one"),
    )
    .with("version", version)
}

#[cfg(test)]
mod tests;
