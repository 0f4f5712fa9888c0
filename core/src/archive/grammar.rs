//! What may follow what in an archive, and whether its numbers fit.

use std::sync::Arc;

use super::rows;
use super::sequence::Sequence;
use crate::backend::SessionRow;
use crate::error::Error;
use crate::model::{Context, Lifecycle, Message};
use crate::ordered::Table;
use crate::quoted::quoted;
use crate::rules::lifecycle;

/// Judges the rows of an archive in their order. What it refuses leaves no trace in it, so that a writer may leave a row out.
#[derive(Debug)]
pub(super) struct Grammar {
    stage: Stage,
    /// The name, scope or id of the last row of this stage.
    last: Option<String>,
    /// The built-in ones and those of the archive: few, so they may be held.
    lifecycles: Table<Lifecycle>,
    session: Option<Open>,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Lifecycles,
    Contexts,
    Sessions,
}

/// The session whose messages are expected.
#[derive(Debug)]
struct Open {
    message_count: u64,
    sequence: Sequence,
}

/// How many rows there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lifecycles: u64,
    pub(crate) contexts: u64,
    pub(crate) sessions: u64,
    pub(crate) messages: u64,
}

/// Taken, or a sentence that says what is wrong.
pub(super) type Verdict = Result<(), String>;

impl Grammar {
    pub(super) fn new() -> Self {
        let mut lifecycles = Table::default();
        for known in lifecycle::all_built_in() {
            lifecycles.insert(Arc::from(known.name.as_str()), known);
        }
        Self {
            stage: Stage::Lifecycles,
            last: None,
            lifecycles,
            session: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The lifecycle of that name, as this archive has it.
    pub(super) fn known_lifecycle(&self, name: &str) -> Option<&Lifecycle> {
        self.lifecycles.get(name)
    }

    pub(super) fn lifecycle(&mut self, definition: &Lifecycle) -> Verdict {
        rows::check_lifecycle(definition).map_err(|e| sentence(&e))?;
        self.advance(Stage::Lifecycles, &definition.name)?;
        let name = Arc::from(definition.name.as_str());
        self.lifecycles.insert(name, definition.clone());
        self.counts.lifecycles += 1;
        Ok(())
    }

    pub(super) fn context(&mut self, context: &Context) -> Verdict {
        rows::check_context(context).map_err(|e| sentence(&e))?;
        self.advance(Stage::Contexts, &context.scope)?;
        self.counts.contexts += 1;
        Ok(())
    }

    pub(super) fn session(&mut self, row: &SessionRow) -> Verdict {
        self.check_complete()?;
        let lifecycle = self.lifecycles.get(&row.session.lifecycle);
        let problems = rows::session_problems(row, lifecycle);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        self.advance(Stage::Sessions, &row.session.id)?;
        self.session = Some(Open {
            message_count: row.session.message_count,
            sequence: Sequence::new(row),
        });
        self.counts.sessions += 1;
        Ok(())
    }

    /// A message whose content is known to be what it says.
    pub(super) fn message(&mut self, message: &Message) -> Verdict {
        let Some(open) = &mut self.session else {
            return Err("a message comes before any session".to_owned());
        };
        rows::check_message_frame(message).map_err(|e| sentence(&e))?;
        open.sequence.accept(message)?;
        self.counts.messages += 1;
        Ok(())
    }

    /// Whether the last session has all its messages.
    pub(super) fn check_complete(&self) -> Verdict {
        let Some(open) = &self.session else {
            return Ok(());
        };
        let count = open.sequence.count();
        if count == open.message_count {
            return Ok(());
        }
        Err(format!(
            "the session {} counts {} messages, but {count} are there",
            quoted(&self.last.as_deref().unwrap_or_default()),
            open.message_count
        ))
    }

    fn advance(&mut self, stage: Stage, key: &str) -> Verdict {
        if stage < self.stage {
            return Err("the order is lifecycles, contexts, sessions".to_owned());
        }
        if stage == self.stage && self.last.as_deref().is_some_and(|last| key <= last) {
            return Err(format!(
                "{key} does not come after the one before, by bytes",
                key = quoted(&key)
            ));
        }
        self.stage = stage;
        self.last = Some(key.to_owned());
        Ok(())
    }
}

fn sentence(error: &Error) -> String {
    error.message().to_owned()
}
