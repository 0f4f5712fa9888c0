//! Appends that waited together: one transaction for all, each for itself.

use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use super::database::Database;
use super::error::{SqliteError, SqliteResult};
use super::job::{Job, Outcome, Task};
use super::queue::GROUP;
use crate::backend::{Appended, WaitingAppend};
use crate::error::Result;

/// One that has no answer yet.
struct Open {
    append: WaitingAppend,
    deadline: Instant,
    /// Its place among those handed in.
    at: usize,
}

type Answer = (usize, Result<Appended>);

/// See [`Backend::append_each`](crate::backend::Backend::append_each). Each waits for others no longer than `wait`, of which it may have spent
/// some already.
pub(super) fn append_each(
    database: &Database,
    wait: Duration,
    appends: Vec<WaitingAppend>,
) -> Vec<Result<Appended>> {
    let now = Instant::now();
    let mut answers = Vec::with_capacity(appends.len());
    let mut group = Vec::with_capacity(appends.len().min(GROUP));
    for (at, append) in appends.into_iter().enumerate() {
        let deadline = now + wait.saturating_sub(append.waited);
        group.push(Open {
            append,
            deadline,
            at,
        });
        if group.len() == GROUP {
            do_group(database, std::mem::take(&mut group), &mut answers);
        }
    }
    do_group(database, group, &mut answers);
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn do_group(database: &Database, mut open: Vec<Open>, answers: &mut Vec<Answer>) {
    while let Some(soonest) = open.iter().map(|it| it.deadline).min() {
        match together(database, &open, soonest) {
            Ok(appended) => {
                let places = open.iter().map(|it| it.at);
                answers.extend(places.zip(appended.into_iter().map(Ok)));
                return;
            }
            // The others may still wait.
            Err(SqliteError::Busy | SqliteError::Unwanted) => {
                let is_over = |it: &Open| it.deadline <= soonest;
                for it in open.iter().filter(|it| is_over(it)) {
                    answers.push((it.at, Err(SqliteError::Busy.into())));
                }
                open.retain(|it| !is_over(it));
            }
            Err(SqliteError::UnknownOutcome) => {
                let unknown = |it: &Open| (it.at, Err(SqliteError::UnknownOutcome.into()));
                answers.extend(open.iter().map(unknown));
                return;
            }
            Err(error) => return apart(database, open, error, answers),
        }
    }
}

/// What stopped the whole transaction may be the doing of one of them: on a disk that is almost full, of a large one.
fn apart(database: &Database, open: Vec<Open>, error: SqliteError, answers: &mut Vec<Answer>) {
    if let [only] = &*open {
        answers.push((only.at, Err(error.into())));
        return;
    }
    for one in open {
        do_group(database, vec![one], answers);
    }
}

/// All in one transaction. An error where that was not made.
fn together(database: &Database, open: &[Open], deadline: Instant) -> SqliteResult<Vec<Appended>> {
    let job = match open {
        [only] => Job::One {
            tenant: only.append.tenant.clone(),
            task: Task::Append(only.append.append.clone()),
        },
        open => Job::AppendEach(open.iter().map(|it| it.append.clone()).collect()),
    };
    let ran = database.submit(job, deadline);
    match ran.unwrap_or_else(|panic| resume_unwind(panic))? {
        Outcome::Appended(appended) => Ok(vec![appended]),
        Outcome::AppendedEach(each) => Ok(each),
        _ => Err(SqliteError::Unsuitable("a result of another kind of write")),
    }
}
