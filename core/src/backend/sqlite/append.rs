//! Appending messages: the hottest path. One look at the session's row, one change of it, one insert per message.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::error::{SqliteError, SqliteResult};
use super::messages::{self, NewRow};
use super::values::{SessionNo, signed, time_at, unsigned_at};
use crate::backend::{Append, AppendRow, Appended, SavedRow};
use crate::clock::Timestamp;
use crate::model::{Content, Message, Role};

/// What an append needs to know of its session.
struct Head {
    no: SessionNo,
    last_seq: u64,
    revision: u64,
    updated_at: Timestamp,
    last_active_at: Timestamp,
    has_preview: bool,
}

/// What is to become of a row.
enum Fate {
    Write,
    Existing(Box<Message>),
    SameAs(usize),
}

/// Appends messages to a session, as [`Append`] says.
pub(super) fn append(conn: &Connection, tenant: &str, append: &Append) -> SqliteResult<Appended> {
    let Some(head) = head(conn, tenant, &append.session_id)? else {
        return Ok(Appended::NoSession);
    };
    let fates = match fates(conn, &head, &append.rows)? {
        Ok(fates) => fates,
        Err(conflict) => return Ok(conflict),
    };
    let written = fates.as_ref().map_or(append.rows.len(), |fates| {
        fates
            .iter()
            .filter(|fate| matches!(fate, Fate::Write))
            .count()
    });
    if written == 0 {
        return Ok(Appended::Saved(saved(fates, &[])));
    }
    if append
        .expected_revision
        .is_some_and(|expected| expected != head.revision)
    {
        return Ok(Appended::Conflict {
            revision: head.revision,
        });
    }
    let new = insert_rows(conn, &head, append, fates.as_deref())?;
    update_head(conn, &head, append, &new)?;
    Ok(Appended::Saved(saved(fates, &new)))
}

fn head(conn: &Connection, tenant: &str, id: &str) -> SqliteResult<Option<Head>> {
    const WHAT: &str = "session";
    let mut statement = conn.prepare_cached(
        "SELECT no, last_seq, revision, updated_at, last_active_at, preview IS NOT NULL FROM sessions WHERE tenant = ?1 AND id = ?2",
    )?;
    let mut rows = statement.query([tenant, id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Head {
        no: SessionNo::new(row.get(0)?)?,
        last_seq: unsigned_at(row, 1, WHAT)?,
        revision: unsigned_at(row, 2, WHAT)?,
        updated_at: time_at(row, 3, WHAT)?,
        last_active_at: time_at(row, 4, WHAT)?,
        has_preview: row.get(5)?,
    }))
}

/// What becomes of each row, or the conflict; nothing where no row has a dedup key, so all are written.
fn fates(
    conn: &Connection,
    head: &Head,
    rows: &[AppendRow],
) -> SqliteResult<Result<Option<Vec<Fate>>, Appended>> {
    if rows.iter().all(|row| row.dedup_key.is_none()) {
        return Ok(Ok(None));
    }
    let mut next_seq = head.last_seq + 1;
    // The rows of this batch that will be written under a key: index and `seq`.
    let mut earlier: HashMap<&str, (usize, u64)> = HashMap::new();
    let mut fates = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let fate = match &row.dedup_key {
            Some(key) => match fate_by_key(conn, head, rows, row, key, &earlier)? {
                Ok(fate) => fate,
                Err(seq) => {
                    return Ok(Err(Appended::DedupConflict {
                        dedup_key: key.clone(),
                        seq,
                    }));
                }
            },
            None => Fate::Write,
        };
        if matches!(fate, Fate::Write) {
            if let Some(key) = &row.dedup_key {
                earlier.insert(key, (index, next_seq));
            }
            next_seq += 1;
        }
        fates.push(fate);
    }
    Ok(Ok(Some(fates)))
}

/// What becomes of a row with a dedup key; `Err` with the `seq` of the message that has the key and is another.
fn fate_by_key(
    conn: &Connection,
    head: &Head,
    rows: &[AppendRow],
    row: &AppendRow,
    key: &str,
    earlier: &HashMap<&str, (usize, u64)>,
) -> SqliteResult<Result<Fate, u64>> {
    if let Some(&(index, seq)) = earlier.get(key) {
        let same = rows
            .get(index)
            .is_some_and(|first| is_same(row, &first.role, &first.content));
        return Ok(if same {
            Ok(Fate::SameAs(index))
        } else {
            Err(seq)
        });
    }
    Ok(match messages::with_dedup_key(conn, head.no, key)? {
        None => Ok(Fate::Write),
        Some(message) if is_same(row, &message.role, &message.content) => {
            Ok(Fate::Existing(Box::new(message)))
        }
        Some(message) => Err(message.seq),
    })
}

fn is_same(row: &AppendRow, role: &Role, content: &Content) -> bool {
    row.role == *role && row.content == *content
}

/// A row that was written.
#[derive(Clone, Copy)]
struct Written {
    index: usize,
    seq: u64,
    created_at: Timestamp,
}

fn insert_rows(
    conn: &Connection,
    head: &Head,
    append: &Append,
    fates: Option<&[Fate]>,
) -> SqliteResult<Vec<Written>> {
    let mut statement = messages::insert_statement(conn)?;
    let mut written = Vec::with_capacity(append.rows.len());
    let default_time = append.now.max(head.last_active_at);
    let mut seq = head.last_seq;
    for (index, row) in append.rows.iter().enumerate() {
        if !is_written(fates, index) {
            continue;
        }
        seq = seq.checked_add(1).ok_or(SqliteError::Damaged("session"))?;
        let created_at = row.created_at.unwrap_or(default_time);
        let new = NewRow {
            id: head.no.message_id(seq)?,
            role: &row.role,
            is_summary: row.is_summary,
            content: &row.content,
            token_count: row.token_count,
            created_at: created_at.as_millis(),
            dedup_key: row.dedup_key.as_deref(),
        };
        messages::insert(&mut statement, &new)?;
        written.push(Written {
            index,
            seq,
            created_at,
        });
    }
    Ok(written)
}

fn is_written(fates: Option<&[Fate]>, index: usize) -> bool {
    fates.is_none_or(|fates| matches!(fates.get(index), Some(Fate::Write)))
}

/// Brings the session's row up to date with the messages written.
fn update_head(
    conn: &Connection,
    head: &Head,
    append: &Append,
    written: &[Written],
) -> SqliteResult<()> {
    let count = signed(written.len() as u64, "message_count")?;
    let updated_at = head.updated_at.max(append.now).as_millis();
    let last_active_at = written
        .iter()
        .filter_map(|new| append.rows.get(new.index))
        .map(|row| row.active_at)
        .fold(head.last_active_at, Timestamp::max)
        .as_millis();
    let preview = new_preview(head, append, written);
    if let Some((seq, text)) = preview {
        conn.prepare_cached(
            "UPDATE sessions SET message_count = message_count + ?2, last_seq = last_seq + ?2, revision = revision + 1,
               updated_at = ?3, last_active_at = ?4, preview_seq = ?5, preview = ?6 WHERE no = ?1",
        )?
        .execute(params![
            head.no.get(),
            count,
            updated_at,
            last_active_at,
            signed(seq, "seq")?,
            text
        ])?;
    } else {
        conn.prepare_cached(
            "UPDATE sessions SET message_count = message_count + ?2, last_seq = last_seq + ?2, revision = revision + 1,
               updated_at = ?3, last_active_at = ?4 WHERE no = ?1",
        )?
        .execute(params![head.no.get(), count, updated_at, last_active_at])?;
    }
    Ok(())
}

/// The preview and its `seq`, where the session gets one by this.
fn new_preview<'a>(head: &Head, append: &'a Append, written: &[Written]) -> Option<(u64, &'a str)> {
    if head.has_preview {
        return None;
    }
    let (index, text) = append.preview.as_ref()?;
    let row = written.iter().find(|new| new.index == *index)?;
    Some((row.seq, text))
}

/// The answer for each row of the batch.
fn saved(fates: Option<Vec<Fate>>, written: &[Written]) -> Vec<SavedRow> {
    let mut new = written.iter().map(|row| SavedRow::New {
        seq: row.seq,
        created_at: row.created_at,
    });
    let Some(fates) = fates else {
        return new.collect();
    };
    fates
        .into_iter()
        .filter_map(|fate| match fate {
            Fate::Write => new.next(),
            Fate::Existing(message) => Some(SavedRow::Existing(message)),
            Fate::SameAs(index) => Some(SavedRow::SameAs(index)),
        })
        .collect()
}
