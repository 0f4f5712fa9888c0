//! Appending: one statement that judges, numbers and writes, and answers with what it judged by; here the same judgement is read from that.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::super::query::{Query, Schema, number};
use super::super::row::{Columns, MESSAGE};
use super::sessions;
use crate::backend::{Append, AppendRow, Appended, Lookup, SavedRow};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::Message;

/// What became of the attempt.
pub(in super::super) enum Attempt {
    Done(Appended),
    /// Another writer of the session came first, after this statement's snapshot: to be run again, behind the lock.
    Overtaken,
}

pub(in super::super) fn append(schema: &Schema, tenant: &str, append: &Append) -> Result<Query> {
    if append.rows.is_empty() {
        return Ok(sessions::find(
            schema,
            tenant,
            Lookup::Id(&append.session_id),
        ));
    }
    if has_keys(append) {
        keyed(schema, tenant, append)
    } else {
        plain(schema, tenant, append)
    }
}

fn has_keys(append: &Append) -> bool {
    append.rows.iter().any(|row| row.dedup_key.is_some())
}

/// What is written either way. `$1` tenant, `$2` session, `$3` now, `$4` expected revision, `$5` preview.
const SET: &str = "updated_at = greatest(s.updated_at, $3), append_floor = greatest(s.last_active_at, $3), revision = s.revision + 1, \
     preview = CASE WHEN s.preview IS NULL THEN $5 ELSE s.preview END";

const INSERT: &str = "INSERT INTO {schema}.messages (tenant, session_id, seq, created_at, token_count, is_text, is_summary, role, dedup_key, content)";

impl Attempt {
    pub(in super::super) fn done(self) -> Option<Appended> {
        match self {
            Self::Done(appended) => Some(appended),
            Self::Overtaken => None,
        }
    }
}

/// Without dedup keys every row is written, and nothing but the session's row has to be looked at: nothing at all before the update, where no revision is expected.
///
/// The update waits for the session's other writers and then works on the newest row, so a plain append is never overtaken.
fn plain(schema: &Schema, tenant: &str, append: &Append) -> Result<Query> {
    let (before, answer) = match append.expected_revision {
        Some(_) => (
            "before AS (SELECT revision, last_seq FROM {schema}.sessions WHERE tenant = $1 AND id = $2), ",
            "b.revision, b.last_seq, c.base, c.floor FROM (SELECT 1) o LEFT JOIN before b ON true LEFT JOIN changed c ON true",
        ),
        None => (
            "",
            "NULL::bigint, NULL::bigint, c.base, c.floor FROM changed c",
        ),
    };
    let given = if append.rows.len() == 1 {
        GIVEN_ONE
    } else {
        GIVEN_SEVERAL
    };
    let sql = format!(
        "WITH {before}changed AS (UPDATE {{schema}}.sessions s SET {SET}, message_count = s.message_count + $7, last_seq = s.last_seq + $7, \
         last_active_at = greatest(s.last_active_at, $8), \
         preview_seq = CASE WHEN s.preview IS NULL AND $5 IS NOT NULL THEN s.last_seq + $6 ELSE s.preview_seq END \
         WHERE s.tenant = $1 AND s.id = $2 AND ($4 IS NULL OR s.revision = $4) \
         RETURNING s.last_seq - $7 AS base, s.append_floor AS floor), \
         written AS ({INSERT} SELECT $1, $2, c.base + i.n, coalesce(i.created_at, c.floor), i.token_count, i.is_text, i.is_summary, i.role, NULL, i.content \
         FROM changed c, {given}) \
         SELECT {answer}"
    );
    let active = append.rows.iter().map(|row| row.active_at).max();
    let query = head(Query::new(schema, &sql), tenant, append)?
        .bind(number(append.rows.len() as u64)?)
        .bind(active.unwrap_or(Timestamp::MIN));
    match append.rows.as_slice() {
        [row] => values(query, row),
        rows => columns(query, rows),
    }
}

/// Several rows cross column by column, so that one statement serves any number of them. One crosses as values: to unpack arrays for a single row costs the
/// server 7 to 25 us, measured.
const GIVEN_SEVERAL: &str = "unnest($9, $10, $11, $12, $13, $14) WITH ORDINALITY \
     AS i(created_at, token_count, is_text, is_summary, role, content, n)";

const GIVEN_ONE: &str = "(SELECT $9 AS created_at, $10 AS token_count, $11 AS is_text, $12 AS is_summary, $13 AS role, $14 AS content, 1 AS n) AS i";

/// With dedup keys: rows whose key is known are not written, and one that says something else forbids them all.
///
/// The known ones are looked up key by key (a join might read the whole session) and with the statement's snapshot. If the session changed after it was taken, nothing is written
/// (the revisions differ), and the statement is run again behind the lock.
fn keyed(schema: &Schema, tenant: &str, append: &Append) -> Result<Query> {
    let sql = format!(
        "WITH given AS (SELECT * FROM unnest($7, $8, $9, $10, $11, $12, $13, $14, $15) WITH ORDINALITY \
         AS i(created_at, token_count, is_text, is_summary, role, content, dedup_key, active_at, repeats, n)), \
         before AS (SELECT revision, last_seq FROM {{schema}}.sessions WHERE tenant = $1 AND id = $2), \
         known AS (SELECT m.* FROM (SELECT DISTINCT dedup_key FROM given WHERE dedup_key IS NOT NULL) w, LATERAL (SELECT {MESSAGE} FROM {{schema}}.messages m \
         WHERE m.tenant = $1 AND m.session_id = $2 AND m.dedup_key = w.dedup_key LIMIT 1) m), \
         fresh AS (SELECT g.*, row_number() OVER (ORDER BY g.n) AS place FROM given g \
         WHERE NOT g.repeats AND NOT EXISTS (SELECT 1 FROM known k WHERE k.dedup_key = g.dedup_key)), \
         plan AS (SELECT count(*) AS n, max(active_at) AS active, max(place) FILTER (WHERE n = $6) AS preview_place FROM fresh \
         WHERE NOT $16 AND NOT EXISTS (SELECT 1 FROM given g JOIN known k ON k.dedup_key = g.dedup_key \
         WHERE k.role <> g.role OR k.is_text <> g.is_text OR k.content <> g.content)), \
         changed AS (UPDATE {{schema}}.sessions s SET {SET_KEYED}, message_count = s.message_count + p.n, last_seq = s.last_seq + p.n, \
         last_active_at = greatest(s.last_active_at, p.active), \
         preview_seq = CASE WHEN s.preview IS NULL AND $5 IS NOT NULL AND p.preview_place IS NOT NULL THEN s.last_seq + p.preview_place ELSE s.preview_seq END \
         FROM plan p, before b \
         WHERE s.tenant = $1 AND s.id = $2 AND p.n > 0 AND s.revision = b.revision AND ($4 IS NULL OR s.revision = $4) \
         RETURNING s.last_seq - p.n AS base, s.append_floor AS floor), \
         written AS ({INSERT} SELECT $1, $2, c.base + f.place, coalesce(f.created_at, c.floor), f.token_count, f.is_text, f.is_summary, f.role, f.dedup_key, f.content \
         FROM changed c, fresh f) \
         SELECT b.revision, b.last_seq, c.base, c.floor, m.* FROM (SELECT 1) o LEFT JOIN before b ON true LEFT JOIN changed c ON true LEFT JOIN known m ON true"
    );
    let batch = Batch::of(&append.rows);
    let query = head(Query::new(schema, &sql), tenant, append)?;
    Ok(columns(query, &append.rows)?
        .bind(
            append
                .rows
                .iter()
                .map(|row| row.dedup_key.clone())
                .collect::<Vec<_>>(),
        )
        .bind(
            append
                .rows
                .iter()
                .map(|row| row.active_at.as_millis())
                .collect::<Vec<_>>(),
        )
        .bind(batch.first.iter().map(Option::is_some).collect::<Vec<_>>())
        .bind(batch.clashes))
}

const SET_KEYED: &str = "updated_at = greatest(s.updated_at, $3), append_floor = greatest(s.last_active_at, $3), revision = s.revision + 1, \
     preview = CASE WHEN s.preview IS NULL AND p.preview_place IS NOT NULL THEN $5 ELSE s.preview END";

/// `$1` to `$6`; the last is the place of the preview's row, from 1.
fn head(query: Query, tenant: &str, append: &Append) -> Result<Query> {
    let preview = append.preview.as_ref();
    let place = preview
        .map(|(index, _)| number(*index as u64 + 1))
        .transpose()?;
    Ok(query
        .bind(tenant)
        .bind(append.session_id.as_str())
        .bind(append.now)
        .bind(append.expected_revision.map(number).transpose()?)
        .bind(preview.map(|(_, text)| text.as_str()))
        .bind(place))
}

/// The rows, column by column.
fn columns(query: Query, rows: &[AppendRow]) -> Result<Query> {
    let tokens: Result<Vec<_>> = rows
        .iter()
        .map(|row| row.token_count.map(number).transpose())
        .collect();
    Ok(query
        .bind(
            rows.iter()
                .map(|row| row.created_at.map(Timestamp::as_millis))
                .collect::<Vec<_>>(),
        )
        .bind(tokens?)
        .bind(
            rows.iter()
                .map(|row| row.content.is_text())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.is_summary).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| row.role.as_str().to_owned())
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| row.content.body().to_owned())
                .collect::<Vec<_>>(),
        ))
}

/// The one row, in the order of [`columns`].
fn values(query: Query, row: &AppendRow) -> Result<Query> {
    Ok(query
        .bind(row.created_at.map(Timestamp::as_millis))
        .bind(row.token_count.map(number).transpose()?)
        .bind(row.content.is_text())
        .bind(row.is_summary)
        .bind(row.role.as_str())
        .bind(row.content.body()))
}

/// What rows of one batch are to each other.
struct Batch {
    /// For each row the earlier one with its dedup key.
    first: Vec<Option<usize>>,
    /// Whether two rows of one key say different things. Then nothing is ever written: whatever the session has under that key, one of
    /// them differs from it.
    clashes: bool,
}

impl Batch {
    fn of(rows: &[AppendRow]) -> Self {
        let mut keys = BTreeMap::new();
        let mut batch = Self {
            first: Vec::with_capacity(rows.len()),
            clashes: false,
        };
        for (index, row) in rows.iter().enumerate() {
            let first = row.dedup_key.as_deref().and_then(|key| {
                let first = *keys.entry(key).or_insert(index);
                (first != index).then_some(first)
            });
            let earlier = first.and_then(|first| rows.get(first));
            batch.clashes |= earlier.is_some_and(|earlier| !says_same(earlier, row));
            batch.first.push(first);
        }
        batch
    }
}

fn says_same(a: &AppendRow, b: &AppendRow) -> bool {
    a.role == b.role && a.content == b.content
}

/// What the statement answered.
struct Answer {
    /// Revision and last number in the snapshot, where there is such a session.
    before: Option<(u64, u64)>,
    /// The last number before the rows written, and their time, where they were written.
    written: Option<(u64, Timestamp)>,
    known: BTreeMap<String, Message>,
}

impl Answer {
    fn of(rows: &[Row], keyed: bool) -> Result<Self> {
        let mut answer = Self {
            before: None,
            written: None,
            known: BTreeMap::new(),
        };
        for row in rows {
            let mut columns = Columns::of(row);
            let (revision, last_seq) = (columns.optional_number()?, columns.optional_number()?);
            let (base, floor) = (columns.optional_number()?, columns.take::<Option<i64>>()?);
            answer.before = revision.zip(last_seq);
            answer.written = base.zip(floor.map(Timestamp::from_millis_clamped));
            if keyed && let Some(message) = columns.message()? {
                answer
                    .known
                    .insert(message.dedup_key.clone().unwrap_or_default(), message);
            }
        }
        Ok(answer)
    }
}

/// The outcome, by the rules of [`Append`].
pub(in super::super) fn read(append: &Append, rows: &[Row]) -> Result<Attempt> {
    if append.rows.is_empty() {
        let found = !rows.is_empty();
        return Ok(Attempt::Done(if found {
            Appended::Saved(Vec::new())
        } else {
            Appended::NoSession
        }));
    }
    let mut answer = Answer::of(rows, has_keys(append))?;
    let (revision, last_seq) = match (answer.before, answer.written) {
        (Some(before), _) => before,
        // Not asked for, or made after the snapshot: the update saw it.
        (None, Some((base, _))) => (0, base),
        (None, None) => return Ok(Attempt::Done(Appended::NoSession)),
    };
    let (base, floor) = answer.written.unwrap_or((last_seq, append.now));
    let saved = match judge(append, base, floor, &mut answer.known) {
        Ok(saved) => saved,
        Err(conflict) => return Ok(Attempt::Done(conflict)),
    };
    let writes = saved.iter().any(|row| matches!(row, SavedRow::New { .. }));
    Ok(match append.expected_revision {
        _ if answer.written.is_some() || !writes => Attempt::Done(Appended::Saved(saved)),
        Some(expected) if expected != revision => Attempt::Done(Appended::Conflict { revision }),
        _ => Attempt::Overtaken,
    })
}

fn judge(
    append: &Append,
    base: u64,
    floor: Timestamp,
    known: &mut BTreeMap<String, Message>,
) -> Result<Vec<SavedRow>, Appended> {
    let batch = Batch::of(&append.rows);
    let mut saved: Vec<SavedRow> = Vec::with_capacity(append.rows.len());
    let mut next = base + 1;
    for (row, first) in append.rows.iter().zip(&batch.first) {
        let conflict = |seq| Appended::DedupConflict {
            dedup_key: row.dedup_key.clone().unwrap_or_default(),
            seq,
        };
        let message = row.dedup_key.as_ref().and_then(|key| known.get(key));
        let fate = if let Some(message) = message {
            if message.role != row.role || message.content != row.content {
                return Err(conflict(message.seq));
            }
            SavedRow::Existing(Box::new(message.clone()))
        } else if let Some(first) = first {
            let seq = match saved.get(*first) {
                Some(SavedRow::New { seq, .. }) => *seq,
                _ => 0,
            };
            if !append
                .rows
                .get(*first)
                .is_some_and(|earlier| says_same(earlier, row))
            {
                return Err(conflict(seq));
            }
            SavedRow::SameAs(*first)
        } else {
            next += 1;
            SavedRow::New {
                seq: next - 1,
                created_at: row.created_at.unwrap_or(floor),
            }
        };
        saved.push(fate);
    }
    Ok(saved)
}
