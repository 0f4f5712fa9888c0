//! Whether a store is sound: its files, and the invariants of its rows.

mod session;

use super::Store;
use super::archive::pages::{Contexts, Damage, Next, Pages, Sessions};
use crate::archive::rows;
use crate::backend::{Position, ReadTransaction, RowOrder, SessionFilter, SessionRow};
use crate::error::{ErrorCode, Result};
use crate::model::{Lifecycle, StoreCheck};
use crate::quoted::quoted;
use crate::rules::{lifecycle, order};

/// How many problems are listed.
const MAX_PROBLEMS: usize = 1000;

/// How many sessions are read at a time when they are only counted.
const PAGE: usize = 100;

impl Store {
    /// Looks for damage: first in the storage itself, as far as the backend can tell, then in the rows of this tenant — whether counters
    /// fit the messages, numbers grow, previews are those of their messages, statuses belong to their lifecycles, contents are valid, and
    /// every session is found by its id and key and in the lists. It reads everything and changes nothing.
    ///
    /// What is wrong is said in words, with ids and without contents; `export_archive`, `tolerant`, saves what can be read. That nothing
    /// is wrong does not mean that nobody has changed a message: there are no digests inside a store.
    ///
    /// ```
    /// let store = convostore::Store::in_memory()?;
    /// assert!(store.check()?.is_sound());
    /// # Ok::<(), convostore::Error>(())
    /// ```
    pub fn check(&self) -> Result<StoreCheck> {
        let (_entered, backend, _) = self.enter()?;
        let mut problems = Problems::default();
        match backend.check() {
            Ok(found) => found.into_iter().for_each(|problem| problems.say(problem)),
            Err(e) if e.code() == ErrorCode::Corrupted => problems.say(e.message().to_owned()),
            Err(e) => return Err(e),
        }
        let checked = self.read(|tx| {
            let mut rows = Check {
                tx,
                damage: Damage::is_passed(),
                problems: Problems(problems.0.clone()),
                sessions: 0,
                messages: 0,
            };
            rows.run()?;
            Ok(StoreCheck {
                sessions: rows.sessions,
                messages: rows.messages,
                problems: rows.problems.0,
            })
        });
        match checked {
            // Not even a transaction can be begun.
            Err(e) if e.code() == ErrorCode::Corrupted => {
                problems.say(e.message().to_owned());
                Ok(StoreCheck {
                    problems: problems.0,
                    ..StoreCheck::default()
                })
            }
            checked => checked,
        }
    }
}

/// What is wrong, a sentence each.
#[derive(Debug, Default)]
struct Problems(Vec<String>);

impl Problems {
    fn say(&mut self, problem: String) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(problem);
        }
    }
}

/// The check of one tenant's rows.
struct Check<'a> {
    tx: &'a mut dyn ReadTransaction,
    damage: Damage,
    problems: Problems,
    sessions: u64,
    messages: u64,
}

impl Check<'_> {
    fn run(&mut self) -> Result<()> {
        self.lifecycles()?;
        let contexts = self.contexts()?;
        self.all_sessions()?;
        self.lists()?;
        self.totals(contexts)
    }

    /// What was read; where damage prevents it, that is a problem.
    fn pass<T>(&mut self, read: Result<T>, what: impl FnOnce() -> String) -> Result<Option<T>> {
        let read = self.damage.pass(read)?;
        if read.is_none() {
            self.problems.say(format!("{} cannot be read", what()));
        }
        Ok(read)
    }

    fn lifecycles(&mut self) -> Result<()> {
        let listed = self.tx.lifecycles();
        let listed = self.pass(listed, || "the list of lifecycles".to_owned())?;
        let mut last: Option<String> = None;
        for definition in listed.unwrap_or_default() {
            if let Err(e) = rows::check_lifecycle(&definition) {
                self.problems.say(e.message().to_owned());
            }
            let name = definition.name;
            if lifecycle::built_in(&name).is_some() {
                self.problems.say(format!(
                    "the lifecycle {name} is built in, but defined too",
                    name = quoted(&name)
                ));
            }
            if last.is_some_and(|last| last >= name) {
                self.problems.say(format!(
                    "the lifecycle {name} is not listed in order",
                    name = quoted(&name)
                ));
            }
            last = Some(name);
        }
        Ok(())
    }

    fn lifecycle(&mut self, name: &str) -> Result<Option<Lifecycle>> {
        if let Some(built_in) = lifecycle::built_in(name) {
            return Ok(Some(built_in));
        }
        let read = self.tx.lifecycle(name);
        let read = self.pass(read, || {
            format!("the lifecycle {name}", name = quoted(&name))
        })?;
        Ok(read.flatten())
    }

    /// How many there are.
    fn contexts(&mut self) -> Result<u64> {
        let mut contexts = Pages::new(Contexts);
        let mut count = 0;
        loop {
            match contexts.next(self.tx, &mut self.damage)? {
                Next::Row(context) => {
                    count += 1;
                    if let Err(e) = rows::check_context(&context) {
                        let scope = &context.scope;
                        self.problems.say(format!(
                            "the context of {scope}: {}",
                            e.message(),
                            scope = quoted(&scope)
                        ));
                    }
                }
                Next::Unreadable {
                    last: Some(scope), ..
                } => {
                    count += 1;
                    let scope = scope.unwrap_or_default();
                    self.problems.say(format!(
                        "the context of {scope} cannot be read",
                        scope = quoted(&scope)
                    ));
                }
                Next::Unreadable { after, last: None } => {
                    let after = after.unwrap_or_default();
                    self.problems.say(format!(
                        "contexts after that of {after} cannot be read",
                        after = quoted(&after)
                    ));
                }
                Next::End => return Ok(count),
            }
        }
    }

    fn all_sessions(&mut self) -> Result<()> {
        let mut sessions = Pages::new(Sessions);
        let mut last = String::new();
        loop {
            match sessions.next(self.tx, &mut self.damage)? {
                Next::Row(row) => {
                    if row.session.id <= last {
                        let id = &row.session.id;
                        self.problems.say(format!(
                            "the session {id} is not listed in order",
                            id = quoted(&id)
                        ));
                    }
                    last.clone_from(&row.session.id);
                    self.sessions += 1;
                    self.session(&row)?;
                }
                Next::Unreadable { last: Some(id), .. } => {
                    self.sessions += 1;
                    self.problems.say(format!(
                        "the record of the session {id} cannot be read",
                        id = quoted(&id)
                    ));
                }
                Next::Unreadable { after, last: None } => {
                    self.problems.say(format!(
                        "sessions after {after} cannot be read",
                        after = quoted(&after)
                    ));
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// Every session is in the lists; since those cannot have others, it is enough to count.
    fn lists(&mut self) -> Result<()> {
        for (order, name) in [
            (RowOrder::Activity, "activity"),
            (RowOrder::Creation, "creation"),
        ] {
            let count = self.count_in(order);
            let count = self.pass(count, || format!("the list of sessions by {name}"))?;
            if let Some(count) = count.filter(|count| *count != self.sessions) {
                let sessions = self.sessions;
                self.problems.say(format!(
                    "there are {sessions} sessions, but {count} in the list by {name}"
                ));
            }
        }
        Ok(())
    }

    fn count_in(&mut self, order: RowOrder) -> Result<u64> {
        let mut filter = SessionFilter {
            order,
            limit: PAGE,
            ..SessionFilter::default()
        };
        let mut count = 0;
        loop {
            let page = self.tx.sessions(&filter)?;
            count += page.len() as u64;
            match page.last() {
                Some(last)
                    if page.len() == PAGE && comes_after(order, last, filter.after.as_ref()) =>
                {
                    filter.after = Some(order::position(&last.session));
                }
                _ => return Ok(count),
            }
        }
    }

    fn totals(&mut self, contexts: u64) -> Result<()> {
        let totals = self.tx.totals();
        let Some(totals) = self.pass(totals, || "the number of rows".to_owned())? else {
            return Ok(());
        };
        let found = [
            ("sessions", totals.sessions, self.sessions),
            ("messages", totals.messages, self.messages),
            ("contexts", totals.contexts, contexts),
        ];
        for (what, total, found) in found {
            if total != found {
                self.problems.say(format!(
                    "{total} {what} are counted, but {found} were found"
                ));
            }
        }
        Ok(())
    }
}

/// Whether a list went on, and not in circles.
fn comes_after(order: RowOrder, last: &SessionRow, before: Option<&Position>) -> bool {
    let key = |p: &Position| (p.last_active_at, p.created_at, p.id.clone());
    let last = order::position(&last.session);
    before.is_none_or(|before| match order {
        RowOrder::Activity => key(&last) < key(before),
        RowOrder::Creation => (last.created_at, &last.id) < (before.created_at, &before.id),
        RowOrder::Id => last.id > before.id,
    })
}
