//! The check of one session and its messages.

use super::Check;
use crate::archive::{Sequence, rows};
use crate::backend::{Lookup, SessionRow};
use crate::error::Result;
use crate::model::Message;
use crate::quoted::quoted;
use crate::rules::preview;
use crate::store::archive::pages::{Messages, Next, Pages};
use crate::store::archive::unreadable_messages;

impl Check<'_> {
    pub(super) fn session(&mut self, row: &SessionRow) -> Result<()> {
        let lifecycle = self.lifecycle(&row.session.lifecycle)?;
        for problem in rows::session_problems(row, lifecycle.as_ref()) {
            self.say(row, &problem);
        }
        self.lookups(row)?;
        self.session_messages(row)
    }

    fn say(&mut self, row: &SessionRow, problem: &str) {
        let id = &row.session.id;
        self.problems
            .say(format!("the session {id}: {problem}", id = quoted(&id)));
    }

    /// Whether it is found by its id, and by its key in its scope.
    fn lookups(&mut self, row: &SessionRow) -> Result<()> {
        let session = &row.session;
        let by_id = Lookup::Id(&session.id);
        if !self.finds(by_id, row)? {
            self.say(row, "it is not found by its id");
        }
        if let Some(key) = &session.key {
            let scope = &session.scope;
            if !self.finds(Lookup::Key { scope, key }, row)? {
                self.say(row, "it is not found by its key");
            }
        }
        Ok(())
    }

    fn finds(&mut self, lookup: Lookup<'_>, row: &SessionRow) -> Result<bool> {
        let found = self.tx.session(lookup);
        let found = self.damage.pass(found)?.flatten();
        Ok(found.as_ref() == Some(row))
    }

    fn session_messages(&mut self, row: &SessionRow) -> Result<()> {
        let id = &row.session.id;
        let mut sequence = Sequence::new(row);
        let mut messages = Pages::new(Messages {
            session_id: id.clone(),
        });
        let (mut count, mut complete) = (0, true);
        loop {
            match messages.next(self.tx, &mut self.damage)? {
                Next::Row(message) => {
                    count += 1;
                    self.message(row, &message, &mut sequence);
                }
                Next::Unreadable { after, last } => {
                    complete = false;
                    self.problems.say(unreadable_messages(id, after, last));
                }
                Next::End => break,
            }
        }
        self.messages += count;
        let counted = row.session.message_count;
        if complete && counted != count {
            self.say(
                row,
                &format!("it counts {counted} messages, but {count} are there"),
            );
        }
        Ok(())
    }

    fn message(&mut self, row: &SessionRow, message: &Message, sequence: &mut Sequence) {
        let sound = rows::check_message(message).map_err(|e| e.message().to_owned());
        if let Err(problem) = sound.and_then(|()| sequence.accept(message)) {
            let (seq, id) = (message.seq, &row.session.id);
            self.problems.say(format!(
                "message {seq} of the session {id}: {problem}",
                id = quoted(&id)
            ));
        } else if row.preview_seq == Some(message.seq) && !is_preview(row, message) {
            self.say(
                row,
                &format!("its preview is not that of message {}", message.seq),
            );
        }
    }
}

/// Whether the preview is that of the message. Where a grapheme ends changes with Unicode's versions, so of a long text one version may
/// have taken a little more than another.
fn is_preview(row: &SessionRow, message: &Message) -> bool {
    const LONG: usize = 64;
    let stored = row.session.preview.as_deref().unwrap_or_default();
    let made = preview::of_content(&message.content).unwrap_or_default();
    let (short, long) = if stored.len() < made.len() {
        (stored, made.as_str())
    } else {
        (made.as_str(), stored)
    };
    short == long || (long.starts_with(short) && short.chars().count() > LONG)
}
