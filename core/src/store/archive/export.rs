//! Writing a store's rows into an archive.

use super::mend;
use super::pages::{Contexts, Damage, Messages, Next, Pages, Sessions};
use crate::archive::{Give, Keys, Refused, Writer};
use crate::backend::{Lookup, ReadTransaction, SessionRow};
use crate::error::{Error, ErrorCode, Result};
use crate::model::ExportReport;
use crate::quoted::quoted;

/// Writes all rows that the transaction sees.
pub(super) fn export(
    tx: &mut dyn ReadTransaction,
    give: &mut Give<'_>,
    tolerant: bool,
) -> Result<ExportReport> {
    let mut export = Export {
        tx,
        writer: Writer::new(give),
        damage: if tolerant {
            Damage::is_passed()
        } else {
            Damage::fails()
        },
        tolerant,
        keys: Keys::default(),
        unreadable: Vec::new(),
    };
    export.lifecycles()?;
    export.contexts()?;
    export.sessions()?;
    export.end()
}

struct Export<'a> {
    tx: &'a mut dyn ReadTransaction,
    writer: Writer<'a>,
    damage: Damage,
    tolerant: bool,
    /// The scopes and keys of the sessions so far, where no index can be trusted.
    keys: Keys,
    unreadable: Vec<String>,
}

impl Export<'_> {
    fn lifecycles(&mut self) -> Result<()> {
        let listed = self.tx.lifecycles();
        let lifecycles = if let Some(lifecycles) = self.damage.pass(listed)? {
            lifecycles
        } else {
            let how = "the list of lifecycles cannot be read; those that sessions have were read one by one";
            self.unreadable.push(how.to_owned());
            mend::lifecycles_in_use(self.tx, &mut self.damage, &mut self.unreadable)?
        };
        for lifecycle in lifecycles {
            let written = self.writer.lifecycle(&lifecycle);
            self.accept(written, || {
                format!("the lifecycle {}", quoted(&lifecycle.name))
            })?;
        }
        Ok(())
    }

    fn contexts(&mut self) -> Result<()> {
        let mut contexts = Pages::new(Contexts);
        loop {
            match contexts.next(self.tx, &mut self.damage)? {
                Next::Row(context) => {
                    let written = self.writer.context(&context);
                    self.accept(written, || {
                        format!("the context of {}", quoted(&context.scope))
                    })?;
                }
                Next::Unreadable {
                    last: Some(last), ..
                } => {
                    let scope = last.unwrap_or_default();
                    self.unreadable.push(format!(
                        "the context of {scope} cannot be read",
                        scope = quoted(&scope)
                    ));
                }
                Next::Unreadable { after, last: None } => {
                    let after = after.unwrap_or_default();
                    self.unreadable.push(format!(
                        "contexts after that of {after} cannot be read",
                        after = quoted(&after)
                    ));
                }
                Next::End => return Ok(()),
            }
        }
    }

    fn sessions(&mut self) -> Result<()> {
        let mut sessions = Pages::new(Sessions);
        let mut seen = 0;
        loop {
            match sessions.next(self.tx, &mut self.damage)? {
                Next::Row(row) => {
                    seen += 1;
                    self.session(row)?;
                }
                Next::Unreadable { last: Some(id), .. } => {
                    seen += 1;
                    self.unreadable_session(id)?;
                }
                Next::Unreadable { after, last: None } => {
                    self.unreadable.push(format!(
                        "sessions after {after} cannot be read",
                        after = quoted(&after)
                    ));
                }
                Next::End => break,
            }
        }
        self.missing_sessions(seen)
    }

    /// Of unreadable rows beside each other only one is found; the others are at least counted.
    fn missing_sessions(&mut self, seen: u64) -> Result<()> {
        if self.unreadable.is_empty() {
            return Ok(());
        }
        let totals = self.tx.totals();
        if let Some(totals) = self.damage.pass(totals)? {
            let missing = totals.sessions.saturating_sub(seen);
            if missing > 0 {
                self.unreadable
                    .push(format!("{missing} more sessions cannot be read"));
            }
        }
        Ok(())
    }

    fn session(&mut self, mut row: SessionRow) -> Result<()> {
        if self.tolerant {
            self.mend(&mut row)?;
        } else {
            self.check_key(&row)?;
        }
        self.write_session(&row)
    }

    /// Two sessions of one key could not be imported. The index finds one of them, so this needs no memory.
    fn check_key(&mut self, row: &SessionRow) -> Result<()> {
        let session = &row.session;
        let Some(key) = &session.key else {
            return Ok(());
        };
        let scope = &session.scope;
        let found = self.tx.session(Lookup::Key { scope, key })?;
        if found.is_some_and(|found| found.session.id == session.id) {
            return Ok(());
        }
        let what = format!(
            "the session {} is not the one that its key finds",
            quoted(&session.id)
        );
        Err(Error::new(ErrorCode::Corrupted, what).with("session_id", session.id.as_str()))
    }

    /// Changes what has to be changed for the session to be archived: its counters are to fit the messages that can be read.
    fn mend(&mut self, row: &mut SessionRow) -> Result<()> {
        let id = row.session.id.clone();
        let found = mend::survey(self.tx, &mut self.damage, &id)?;
        let lifecycle = self.writer.known_lifecycle(&row.session.lifecycle);
        let mut changes = mend::mend(row, lifecycle, &found);
        let session = &mut row.session;
        if let Some(key) = &session.key
            && !self.keys.insert(&[&session.scope, key])
        {
            session.key = None;
            changes.push("its key is that of an earlier session too".to_owned());
        }
        self.unreadable.extend(found.unreadable);
        let changes = changes.into_iter();
        self.unreadable.extend(
            changes
                .map(|change| format!("the session {id} was changed: {change}", id = quoted(&id))),
        );
        Ok(())
    }

    fn unreadable_session(&mut self, id: String) -> Result<()> {
        let found = mend::survey(self.tx, &mut self.damage, &id)?;
        if found.count == 0 {
            self.unreadable
                .push(format!("the session {id} cannot be read", id = quoted(&id)));
            return Ok(());
        }
        let row = mend::stand_in(id, &found);
        self.unreadable.push(format!(
            "the record of the session {} cannot be read; its {} messages were saved under a new record, without scope, key, owner and metadata",
            quoted(&row.session.id),
            found.count,
        ));
        self.unreadable.extend(found.unreadable);
        self.write_session(&row)
    }

    fn write_session(&mut self, row: &SessionRow) -> Result<()> {
        let id = &row.session.id;
        let written = self.writer.session(row);
        if !self.accept(written, || format!("the session {id}", id = quoted(&id)))? {
            return Ok(());
        }
        let mut messages = Pages::new(Messages {
            session_id: id.clone(),
        });
        let mut left = row.session.message_count;
        // A damaged file can give, the second time, what the first time it did not; that came too late to be counted.
        while left > 0 || !self.tolerant {
            match messages.next(self.tx, &mut self.damage)? {
                Next::Row(message) => {
                    // What is refused here of a damaged store was refused, and listed, in the survey before.
                    let written = self.writer.message(&message);
                    let what = || {
                        format!(
                            "message {} of the session {id}",
                            message.seq,
                            id = quoted(&id)
                        )
                    };
                    if passed(written, self.tolerant, what)?.is_none() {
                        left = left.saturating_sub(1);
                    }
                }
                Next::Unreadable { .. } => {}
                Next::End => break,
            }
        }
        let complete = self.writer.check_complete();
        complete.map_err(|e| e.into_error(|| "the store is damaged".to_owned()))
    }

    /// Whether a row was written. One that may not stand in an archive is listed, or an error.
    fn accept(&mut self, written: Result<(), Refused>, what: impl Fn() -> String) -> Result<bool> {
        match passed(written, self.tolerant, &what)? {
            None => Ok(true),
            Some(problem) => {
                self.unreadable
                    .push(format!("{} was left out: {problem}", what()));
                Ok(false)
            }
        }
    }

    fn end(self) -> Result<ExportReport> {
        let end = self.writer.end();
        let (counts, bytes) =
            end.map_err(|e| e.into_error(|| "the store is damaged".to_owned()))?;
        Ok(ExportReport {
            sessions: counts.sessions,
            messages: counts.messages,
            contexts: counts.contexts,
            lifecycles: counts.lifecycles,
            bytes,
            unreadable: self.unreadable,
        })
    }
}

/// Why a row was refused, where that may be passed.
fn passed(
    written: Result<(), Refused>,
    tolerant: bool,
    what: impl Fn() -> String,
) -> Result<Option<String>, Error> {
    match written {
        Ok(()) => Ok(None),
        Err(Refused::Row(problem)) if tolerant => Ok(Some(problem)),
        Err(refused) => Err(refused.into_error(what)),
    }
}
