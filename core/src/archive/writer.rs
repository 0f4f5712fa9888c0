//! Writing an archive, in constant memory but for the dedup keys of one session.

use sha2::{Digest as _, Sha256};

use super::grammar::{Counts, Grammar, Verdict};
use super::line::Line;
use super::{HEADER, rows};
use crate::backend::SessionRow;
use crate::error::{Error, ErrorCode, Result};
use crate::hex;
use crate::json::Sink;
use crate::model::{Context, Lifecycle, Message};

/// How much is gathered before it is handed to the writer below.
const BUFFER: usize = 64 << 10;

/// Takes the next bytes of an archive.
pub(crate) type Give<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Writes rows in their order. A row that may not stand there is refused and not written.
pub(crate) struct Writer<'a> {
    out: Output<'a>,
    grammar: Grammar,
}

/// Why a row was not written.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It may not stand in an archive there: a sentence says why. The archive can go on without it.
    Row(String),
    /// Writing failed, and the archive with it.
    Failed(Error),
}

impl Refused {
    /// As an error: a row that may not stand in an archive is damaged. `what` names it.
    pub(crate) fn into_error(self, what: impl FnOnce() -> String) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Row(problem) => {
                Error::new(ErrorCode::Corrupted, format!("{}: {problem}", what()))
            }
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'a> Writer<'a> {
    /// Writes the first line.
    pub(crate) fn new(give: &'a mut Give<'a>) -> Self {
        let mut writer = Self {
            out: Output {
                give,
                buffer: Vec::with_capacity(BUFFER),
                hash: Sha256::new(),
                bytes: 0,
                given: Ok(()),
            },
            grammar: Grammar::new(),
        };
        writer.out.put(HEADER);
        writer.out.put("\n");
        writer
    }

    /// Whether a lifecycle of that name can be referred to.
    pub(crate) fn known_lifecycle(&self, name: &str) -> Option<&Lifecycle> {
        self.grammar.known_lifecycle(name)
    }

    pub(crate) fn lifecycle(&mut self, lifecycle: &Lifecycle) -> Result<(), Refused> {
        let verdict = self.grammar.lifecycle(lifecycle);
        self.write(verdict, &Line::Lifecycle(lifecycle))
    }

    pub(crate) fn context(&mut self, context: &Context) -> Result<(), Refused> {
        let verdict = self.grammar.context(context);
        self.write(verdict, &Line::Context(context))
    }

    /// Its messages follow, as many as its `message_count` says.
    pub(crate) fn session(&mut self, row: &SessionRow) -> Result<(), Refused> {
        let verdict = self.grammar.session(row);
        self.write(verdict, &Line::Session(row))
    }

    pub(crate) fn message(&mut self, message: &Message) -> Result<(), Refused> {
        let sound = rows::check_message(message).map_err(|e| e.message().to_owned());
        let verdict = sound.and_then(|()| self.grammar.message(message));
        self.write(verdict, &Line::Message(message))
    }

    /// Whether the session written last has as many messages as it says.
    pub(crate) fn check_complete(&self) -> Result<(), Refused> {
        self.grammar.check_complete().map_err(Refused::Row)
    }

    /// Writes the last line, and says how many rows and bytes there are.
    pub(crate) fn end(mut self) -> Result<(Counts, u64), Refused> {
        self.check_complete()?;
        let counts = self.grammar.counts();
        let sha256 = hex::encode(&self.out.hash.clone().finalize());
        self.write(Ok(()), &Line::End(counts, &sha256))?;
        self.out.empty_buffer();
        self.out.given?;
        Ok((counts, self.out.bytes))
    }

    fn write(&mut self, verdict: Verdict, line: &Line<'_>) -> Result<(), Refused> {
        verdict.map_err(Refused::Row)?;
        line.write(&mut self.out);
        self.out.put("\n");
        let given = std::mem::replace(&mut self.out.given, Ok(()));
        given.map_err(Refused::Failed)
    }
}

/// Where the archive goes, behind a buffer that is dropped and not given when something fails.
struct Output<'a> {
    give: &'a mut Give<'a>,
    buffer: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    /// How giving went; after a failure nothing more is given.
    given: Result<()>,
}

impl Output<'_> {
    fn empty_buffer(&mut self) {
        if self.given.is_ok() {
            self.given = (self.give)(&self.buffer);
        }
        self.buffer.clear();
    }
}

impl Sink for Output<'_> {
    fn put(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.empty_buffer();
        }
        if bytes.len() <= BUFFER {
            self.buffer.extend_from_slice(bytes);
        } else if self.given.is_ok() {
            self.given = (self.give)(bytes);
        }
    }
}
