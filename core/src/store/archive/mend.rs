//! What a tolerant export does with a damaged session, so that its messages can be archived.

use std::sync::Arc;

use super::pages::{Damage, Messages, Next, Pages, Sessions};
use crate::archive::{Sequence, rows};
use crate::backend::{ReadTransaction, SessionRow};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::{JsonObject, Lifecycle, Session};
use crate::ordered::{Item, Sorted};
use crate::quoted::quoted;
use crate::rules::lifecycle;

/// What can be read of the messages of a session.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) count: u64,
    /// The `seq` of the last one.
    pub(super) last_seq: u64,
    /// When the first one and the latest one were created.
    times: Option<(Timestamp, Timestamp)>,
    /// What cannot be read, a sentence each.
    pub(super) unreadable: Vec<String>,
}

/// Reads the messages of a session once, to know what will be written.
pub(super) fn survey(tx: &mut dyn ReadTransaction, damage: &mut Damage, id: &str) -> Result<Found> {
    let mut found = Found::default();
    let mut sequence = Sequence::any();
    let mut messages = Pages::new(Messages {
        session_id: id.to_owned(),
    });
    loop {
        match messages.next(tx, damage)? {
            Next::Row(message) => {
                let sound = rows::check_message(&message).map_err(|e| e.message().to_owned());
                if let Err(problem) = sound.and_then(|()| sequence.accept(&message)) {
                    found.unreadable.push(format!(
                        "message {} of the session {id} was left out: {problem}",
                        message.seq,
                        id = quoted(&id)
                    ));
                    continue;
                }
                found.count += 1;
                found.last_seq = message.seq;
                let at = message.created_at;
                let (first, latest) = found.times.unwrap_or((at, at));
                found.times = Some((first.min(at), latest.max(at)));
            }
            Next::Unreadable { after, last } => {
                found.unreadable.push(unreadable_messages(id, after, last));
            }
            Next::End => return Ok(found),
        }
    }
}

/// What cannot be read, in words.
pub(in crate::store) fn unreadable_messages(id: &str, after: u64, last: Option<u64>) -> String {
    match last {
        Some(last) if last == after + 1 => {
            format!(
                "message {last} of the session {id} cannot be read",
                id = quoted(&id)
            )
        }
        Some(last) => format!(
            "messages {} to {last} of the session {id} cannot be read",
            after + 1,
            id = quoted(&id)
        ),
        None => format!(
            "the messages after {after} of the session {id} cannot be read",
            id = quoted(&id)
        ),
    }
}

/// Changes what does not fit, and says what that was.
pub(super) fn mend(
    row: &mut SessionRow,
    lifecycle: Option<&Lifecycle>,
    found: &Found,
) -> Vec<String> {
    let mut changes = mend_counters(row, found);
    changes.extend(rows::session_problems(row, lifecycle));
    if changes.is_empty() {
        return changes;
    }
    mend_status(row, lifecycle);
    let session = &mut row.session;
    session.updated_at = session.updated_at.max(session.created_at);
    session.last_active_at = session.last_active_at.max(session.created_at);
    if rows::check_metadata(row).is_err() {
        row.session.metadata = JsonObject::default();
    }
    if rows::check_preview(row).is_err() {
        row.session.preview = None;
        row.preview_seq = None;
    }
    if rows::check_counters(row).is_err() {
        row.session.revision = 1;
    }
    if rows::check_names(row).is_err() {
        row.session.key = None;
        row.session.owner = None;
    }
    changes
}

/// Where messages are missing, that is told of them and need not be told again.
fn mend_counters(row: &mut SessionRow, found: &Found) -> Vec<String> {
    let mut changes = Vec::new();
    let counted = row.session.message_count;
    if counted != found.count && found.unreadable.is_empty() {
        changes.push(format!(
            "it counts {counted} messages, but {} are there",
            found.count
        ));
    }
    row.session.message_count = found.count;
    let last_seq = row.last_seq.min(rows::MAX_SEQ).max(found.last_seq);
    if row.last_seq != last_seq {
        changes.push(format!(
            "its last seq is {}; it was taken as {last_seq}",
            row.last_seq
        ));
        row.last_seq = last_seq;
    }
    changes
}

/// A status that no lifecycle explains becomes the first one of the default lifecycle.
fn mend_status(row: &mut SessionRow, lifecycle: Option<&Lifecycle>) {
    if let Some(lifecycle) = lifecycle {
        row.is_final = lifecycle::is_final(lifecycle, &row.session.status);
    }
    if rows::check_status(row, lifecycle).is_err() {
        let like = fresh(String::new(), row.session.created_at);
        row.session.lifecycle = like.lifecycle;
        row.session.status = like.status;
        row.is_final = false;
    }
}

/// A record for messages whose own cannot be read.
pub(super) fn stand_in(id: String, found: &Found) -> SessionRow {
    let (first, latest) = found.times.unwrap_or((Timestamp::MIN, Timestamp::MIN));
    let mut session = fresh(id, first);
    session.updated_at = latest;
    session.last_active_at = latest;
    session.message_count = found.count;
    SessionRow {
        session,
        last_seq: found.last_seq,
        preview_seq: None,
        is_final: false,
    }
}

fn fresh(id: String, created_at: Timestamp) -> Session {
    let default = lifecycle::built_in(lifecycle::DEFAULT);
    let status = default.map(|default| default.initial).unwrap_or_default();
    Session::new(id, "", lifecycle::DEFAULT, status, created_at)
}

/// The defined lifecycles that readable sessions have, by name, read one by one.
pub(super) fn lifecycles_in_use(
    tx: &mut dyn ReadTransaction,
    damage: &mut Damage,
    unreadable: &mut Vec<String>,
) -> Result<Vec<Lifecycle>> {
    let mut names = Sorted::default();
    let mut sessions = Pages::new(Sessions);
    loop {
        match sessions.next(tx, damage)? {
            Next::Row(row) => {
                names.insert(Item::new(0, 0, Arc::from(row.session.lifecycle), 0));
            }
            Next::Unreadable { .. } => {}
            Next::End => break,
        }
    }
    let mut lifecycles = Vec::new();
    for Item { name, .. } in names.items() {
        let read = tx.lifecycle(name);
        match damage.pass(read)? {
            Some(lifecycle) => lifecycles.extend(lifecycle),
            None => unreadable.push(format!(
                "the lifecycle {name} cannot be read",
                name = quoted(&name)
            )),
        }
    }
    Ok(lifecycles)
}
