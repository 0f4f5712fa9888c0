//! Reading an archive's rows into a store.

use super::pages::{Damage, Messages, Next, Pages};
use crate::archive::{Entry, Reader};
use crate::backend::{Continue, SessionRow, StartSession, Started, WriteTransaction};
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Context, ImportReport, Lifecycle, Message};
use crate::quoted::quoted;
use crate::rules::lifecycle;

/// Messages are inserted so many at a time, or fewer if they are large.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// Reads the archive to its end, digest included, and writes its rows.
///
/// A conflict with what is there already is told only after the archive has proved whole: a damaged one shall be called damaged.
pub(super) fn import(
    tx: &mut dyn WriteTransaction,
    reader: &mut Reader<'_>,
) -> Result<ImportReport> {
    let mut import = Import {
        tx,
        report: ImportReport::default(),
        session: Present::None,
        conflict: None,
    };
    while let Some(entry) = reader.read()? {
        if import.conflict.is_none() {
            import.entry(entry)?;
        }
    }
    import.end_session()?;
    match import.conflict {
        Some(conflict) => Err(conflict),
        None => Ok(ImportReport {
            bytes: reader.bytes(),
            ..import.report
        }),
    }
}

struct Import<'a> {
    tx: &'a mut dyn WriteTransaction,
    report: ImportReport,
    session: Present,
    conflict: Option<Error>,
}

/// The session whose messages are being read.
enum Present {
    None,
    /// It is new.
    Added(Batch),
    /// It was there already, and is compared.
    There(Box<Pages<Messages>>, String),
}

struct Batch {
    session_id: String,
    messages: Vec<Message>,
    bytes: usize,
}

impl Import<'_> {
    fn entry(&mut self, entry: Entry) -> Result<()> {
        match entry {
            Entry::Lifecycle(lifecycle) => self.lifecycle(&lifecycle),
            Entry::Context(context) => self.context(&context),
            Entry::Session(row) => self.session(row),
            Entry::Message(message) => self.message(message),
        }
    }

    fn lifecycle(&mut self, definition: &Lifecycle) -> Result<()> {
        let there = match lifecycle::built_in(&definition.name) {
            Some(built_in) => Some(built_in),
            None => self.tx.lifecycle(&definition.name)?,
        };
        match there {
            None => {
                self.tx.insert_lifecycle(definition)?;
                self.report.lifecycles += 1;
            }
            Some(there) if lifecycle::same(&there, definition) => self.report.unchanged += 1,
            Some(_) => self.conflict = Some(lifecycle::redefined(&definition.name)),
        }
        Ok(())
    }

    fn context(&mut self, context: &Context) -> Result<()> {
        match self.tx.context(&context.scope)? {
            None => {
                self.tx.put_context(context)?;
                self.report.contexts += 1;
            }
            Some(there) if there == *context => self.report.unchanged += 1,
            Some(_) => {
                let scope = context.scope.as_str();
                let what = format!("the context of the scope {scope}", scope = quoted(&scope));
                self.conflict = Some(differs(&what).with("scope", scope));
            }
        }
        Ok(())
    }

    fn session(&mut self, row: SessionRow) -> Result<()> {
        self.end_session()?;
        if self.conflict.is_some() {
            return Ok(());
        }
        // Found or added by one question: of a storage behind a network each is a round trip.
        let start = StartSession {
            find: Continue::SameId,
            row,
        };
        let started = self.tx.start_session(&start)?;
        let row = start.row;
        let session_id = row.session.id.clone();
        match started {
            Started::Created => {
                self.report.sessions += 1;
                self.session = Present::Added(Batch {
                    session_id,
                    messages: Vec::new(),
                    bytes: 0,
                });
            }
            Started::Continued(there) if there == row => {
                let id = session_id.clone();
                self.session = Present::There(Box::new(Pages::new(Messages { session_id })), id);
            }
            Started::KeyTaken => self.conflict = Some(key_taken(&row)),
            Started::IdTaken | Started::Continued(_) => {
                self.conflict = Some(session_differs(&session_id));
            }
        }
        Ok(())
    }

    fn message(&mut self, message: Message) -> Result<()> {
        match &mut self.session {
            Present::None => {}
            Present::Added(batch) => {
                self.report.messages += 1;
                batch.bytes += message.content.body().len();
                batch.messages.push(message);
                if batch.messages.len() >= BATCH_ROWS || batch.bytes >= BATCH_BYTES {
                    batch.insert(self.tx)?;
                }
            }
            Present::There(messages, id) => {
                let there = messages.next(&mut *self.tx, &mut Damage::fails())?;
                if !matches!(there, Next::Row(there) if there == message) {
                    self.conflict = Some(session_differs(id));
                }
            }
        }
        Ok(())
    }

    fn end_session(&mut self) -> Result<()> {
        if self.conflict.is_some() {
            return Ok(());
        }
        match std::mem::replace(&mut self.session, Present::None) {
            Present::None => {}
            Present::Added(mut batch) => batch.insert(self.tx)?,
            Present::There(mut messages, id) => {
                match messages.next(&mut *self.tx, &mut Damage::fails())? {
                    Next::End => self.report.unchanged += 1,
                    _ => self.conflict = Some(session_differs(&id)),
                }
            }
        }
        Ok(())
    }
}

impl Batch {
    fn insert(&mut self, tx: &mut dyn WriteTransaction) -> Result<()> {
        if !self.messages.is_empty() {
            tx.insert_messages(&self.session_id, &self.messages)?;
            self.messages.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}

fn differs(what: &str) -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!("{what} is there already and differs from the archive's; nothing was imported"),
    )
}

fn session_differs(id: &str) -> Error {
    differs(&format!("the session {id}", id = quoted(&id))).with("session_id", id)
}

fn key_taken(row: &SessionRow) -> Error {
    let session = &row.session;
    let key = session.key.as_deref().unwrap_or_default();
    Error::new(
        ErrorCode::Conflict,
        format!(
            "the archive's session {} has the key {key} in the scope {}, which another session has already; nothing was imported",
            quoted(&session.id),
            quoted(&session.scope),
            key = quoted(&key),
        ),
    )
    .with("session_id", session.id.as_str())
    .with("scope", session.scope.as_str())
    .with("key", key)
}
