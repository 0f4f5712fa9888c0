//! Appending: first what becomes of each row, then, if nothing is in the way, all of them at once.

use super::entry::{Entry, Said};
use super::history::History;
use super::row::{Row, shared};
use super::transaction::Transaction;
use crate::backend::{Append, AppendRow, Appended, MAX_SEQ, SavedRow};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ordered::{Item, Sorted};

/// See [`Append`].
pub(super) fn append(transaction: &mut Transaction<'_>, append: &Append) -> Result<Appended> {
    let Some((row, history)) = transaction.row_and_history(&append.session_id) else {
        return Ok(Appended::NoSession);
    };
    let saved = match judge(row, &history, append) {
        Ok(saved) => saved,
        Err(refused) => return Ok(refused),
    };
    let is_written = |saved: &SavedRow| matches!(saved, SavedRow::New { .. });
    if !saved.iter().any(is_written) {
        return Ok(Appended::Saved(saved));
    }
    if let Some(expected) = append.expected_revision
        && expected != row.revision
    {
        return Ok(Appended::Conflict {
            revision: row.revision,
        });
    }
    let highest = saved.iter().filter_map(|row| match row {
        SavedRow::New { seq, .. } => Some(*seq),
        _ => None,
    });
    if highest.max() > Some(MAX_SEQ) {
        return Err(Error::invalid(
            "the session has given out all its numbers, 2^32 - 1; go on in a new one",
        ));
    }
    write(transaction, append, &saved)?;
    Ok(Appended::Saved(saved))
}

/// What becomes of each row; the refusal where a dedup key forbids them all.
fn judge(row: &Row, history: &History<'_>, append: &Append) -> Result<Vec<SavedRow>, Appended> {
    let mut next = row.last_seq + 1;
    let mut saved = Vec::with_capacity(append.rows.len());
    // The index of the row with each key.
    let mut batch = Sorted::default();
    let time = append.now.max(row.last_active_at);
    for (index, new) in append.rows.iter().enumerate() {
        let double = match &new.dedup_key {
            Some(key) => double_of(key, new, history, &batch, append, &saved)?,
            None => None,
        };
        saved.push(double.unwrap_or_else(|| {
            let seq = next;
            next += 1;
            if let Some(key) = new.dedup_key.as_deref() {
                batch.insert(Item::new(0, 0, key.into(), index as u64));
            }
            SavedRow::New {
                seq,
                created_at: new.created_at.unwrap_or(time),
            }
        }));
    }
    Ok(saved)
}

/// What stands already for a row with that dedup key.
fn double_of(
    key: &str,
    new: &AppendRow,
    history: &History<'_>,
    batch: &Sorted,
    append: &Append,
    saved: &[SavedRow],
) -> Result<Option<SavedRow>, Appended> {
    let conflict = |seq| Appended::DedupConflict {
        dedup_key: key.to_owned(),
        seq,
    };
    if let Some(entry) = history.with_dedup_key(key) {
        return if entry.says(&new.role, &new.content) {
            Ok(Some(SavedRow::Existing(Box::new(entry.to_message()))))
        } else {
            Err(conflict(entry.seq))
        };
    }
    let Some(index) = batch
        .value(key)
        .and_then(|index| usize::try_from(index).ok())
    else {
        return Ok(None);
    };
    match (append.rows.get(index), saved.get(index)) {
        (Some(first), _) if first.role == new.role && first.content == new.content => {
            Ok(Some(SavedRow::SameAs(index)))
        }
        (_, Some(SavedRow::New { seq, .. })) => Err(conflict(*seq)),
        _ => Ok(None),
    }
}

fn write(transaction: &mut Transaction<'_>, append: &Append, saved: &[SavedRow]) -> Result<()> {
    let change = transaction.change(&append.session_id)?;
    let mut active = Timestamp::MIN;
    let mut written = 0;
    for (new, fate) in append.rows.iter().zip(saved) {
        if let SavedRow::New { seq, created_at } = fate {
            change.add(entry(*seq, *created_at, new));
            active = active.max(new.active_at);
            written += 1;
        }
    }
    change.row_changed = true;
    if let Some(row) = &mut change.row {
        row.message_count += written;
        row.last_seq += written;
        row.revision += 1;
        row.updated_at = row.updated_at.max(append.now);
        row.last_active_at = row.last_active_at.max(active);
        set_preview(row, append, saved);
    }
    Ok(())
}

fn entry(seq: u64, created_at: Timestamp, new: &AppendRow) -> Entry {
    let said = Said {
        role: &new.role,
        content: &new.content,
        token_count: new.token_count,
        is_summary: new.is_summary,
        dedup_key: new.dedup_key.as_deref(),
    };
    Entry::new(seq, created_at, &said)
}

fn set_preview(row: &mut Row, append: &Append, saved: &[SavedRow]) {
    if row.preview.is_some() {
        return;
    }
    if let Some((index, text)) = &append.preview
        && let Some(SavedRow::New { seq, .. }) = saved.get(*index)
    {
        row.preview = shared(Some(text));
        row.preview_seq = Some(*seq);
    }
}
