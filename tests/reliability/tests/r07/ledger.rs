//! What a store answered, and whether what is found afterwards agrees.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use convostore::{ErrorCode, MessageQuery, Result, SessionQuery, Store};

/// What must be found of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was acknowledged.
    Kept,
    /// The answer was that nothing changed.
    Undone,
    /// The answer was that nobody knows.
    Open,
}

/// The answers, by session; each session is used by one thread.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    /// Batches of texts in the order in which they were handed in.
    batches: BTreeMap<String, Vec<(Vec<String>, Fate)>>,
    /// Sessions that were made together, all or none.
    made: Vec<(Vec<String>, Fate)>,
    deleted: Vec<(String, Fate)>,
    /// Sessions that a clean-up may have deleted, and must have where it was acknowledged.
    swept: Vec<(Vec<String>, Fate)>,
    problems: Vec<String>,
}

/// The answers that the documents allow for a fault of the disk.
const ALLOWED: &[ErrorCode] = &[
    ErrorCode::Closed,
    ErrorCode::DiskFull,
    ErrorCode::ReadOnly,
    ErrorCode::PermissionDenied,
    ErrorCode::Storage,
    ErrorCode::UnknownOutcome,
];

impl Ledger {
    fn with<T>(&self, act: impl FnOnce(&mut Answers) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fate<T>(&self, what: &str, answer: &Result<T>) -> Fate {
        match answer {
            Ok(_) => Fate::Kept,
            Err(error) if error.code() == ErrorCode::UnknownOutcome => Fate::Open,
            Err(error) => {
                if !ALLOWED.contains(&error.code()) {
                    self.problem(format!("{what} answered {error:?}"));
                }
                Fate::Undone
            }
        }
    }

    /// Something is wrong.
    pub(crate) fn problem(&self, what: String) {
        self.with(|it| it.problems.push(what));
    }

    /// Texts were saved in a session, in one operation.
    pub(crate) fn saved<T>(&self, session: &str, texts: Vec<String>, answer: &Result<T>) {
        let fate = self.fate("a save", answer);
        self.with(|it| {
            let batches = it.batches.entry(session.to_owned()).or_default();
            batches.push((texts, fate));
        });
    }

    /// As [`Ledger::saved`], for what was refused for good reason.
    pub(crate) fn refused(&self, session: &str, texts: Vec<String>) {
        self.with(|it| {
            let batches = it.batches.entry(session.to_owned()).or_default();
            batches.push((texts, Fate::Undone));
        });
    }

    /// Sessions were made, in one operation.
    pub(crate) fn made<T>(&self, ids: Vec<String>, answer: &Result<T>) {
        let fate = self.fate("making sessions", answer);
        self.with(|it| it.made.push((ids, fate)));
    }

    /// A session was deleted.
    pub(crate) fn deleted<T>(&self, id: &str, answer: &Result<T>) {
        let fate = self.fate("a deletion", answer);
        self.with(|it| it.deleted.push((id.to_owned(), fate)));
    }

    /// Sessions were cleaned up, in several transactions.
    pub(crate) fn swept<T>(&self, ids: Vec<String>, answer: &Result<T>) {
        let fate = self.fate("a clean-up", answer);
        self.with(|it| it.swept.push((ids, fate)));
    }

    /// Anything else was done.
    pub(crate) fn did<T>(&self, what: &str, answer: &Result<T>) {
        self.fate(what, answer);
    }

    /// What does not agree with what a sound store holds.
    pub(crate) fn disagreements(&self, store: &Store) -> Vec<String> {
        let held = match everything(store) {
            Ok(held) => held,
            Err(error) => return vec![format!("it cannot be read: {error:?}")],
        };
        self.with(|it| {
            let mut found = std::mem::take(&mut it.problems);
            for (session, batches) in &it.batches {
                // A session that could not be made holds nothing.
                let texts = held.get(session).map_or(&[][..], Vec::as_slice);
                found.extend(disagreement(session, texts, batches));
            }
            for (ids, fate) in &it.made {
                let there = ids.iter().filter(|id| held.contains_key(*id)).count();
                let agrees = match fate {
                    Fate::Kept => there == ids.len(),
                    Fate::Undone => there == 0,
                    Fate::Open => there == 0 || there == ids.len(),
                };
                if !agrees {
                    found.push(format!("{there} of sessions {ids:?} are there: {fate:?}"));
                }
            }
            for (id, fate) in &it.deleted {
                let agrees = match fate {
                    Fate::Kept => !held.contains_key(id),
                    Fate::Undone => held.contains_key(id),
                    Fate::Open => true,
                };
                if !agrees {
                    found.push(format!(
                        "the deletion of {id} is {fate:?}, but it is not so"
                    ));
                }
            }
            for (ids, fate) in &it.swept {
                let there = ids.iter().filter(|id| held.contains_key(*id)).count();
                if *fate == Fate::Kept && there > 0 {
                    found.push(format!("{there} sessions are there after a clean-up"));
                }
            }
            found
        })
    }
}

/// All texts of all sessions.
fn everything(store: &Store) -> Result<BTreeMap<String, Vec<String>>> {
    let mut held = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = SessionQuery::new().limit(200);
        if let Some(cursor) = cursor {
            query = query.cursor(cursor);
        }
        let page = store.list_sessions(query)?;
        for session in page.items {
            let messages = store.get_messages(&session.id, MessageQuery::new())?;
            let texts = messages.iter().map(|it| it.content.body().to_owned());
            held.insert(session.id.clone(), texts.collect());
        }
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(held),
        }
    }
}

/// Batches are found whole and in order, if they are to be found.
fn disagreement(
    session: &str,
    texts: &[String],
    batches: &[(Vec<String>, Fate)],
) -> Option<String> {
    let mut rest = texts;
    for (batch, fate) in batches {
        let is_next = rest.starts_with(batch);
        match fate {
            Fate::Kept if !is_next => {
                return Some(format!(
                    "{session}: {batch:?} was acknowledged and is not there"
                ));
            }
            Fate::Undone if is_next => {
                return Some(format!(
                    "{session}: {} was refused and is there",
                    named(batch)
                ));
            }
            _ => {}
        }
        if is_next {
            rest = &rest[batch.len()..];
        }
    }
    let rest = (!rest.is_empty()).then(|| named(rest))?;
    Some(format!("{session}: {rest} is there and was never whole"))
}

/// A batch, by its beginning.
fn named(batch: &[String]) -> String {
    let first = batch.first().map_or("", String::as_str);
    let first: String = first.chars().take(20).collect();
    format!("{first:?} and {} more", batch.len().saturating_sub(1))
}
