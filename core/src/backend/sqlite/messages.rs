//! The rows of messages: read, inserted, deleted.

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row, params};

use super::error::{SqliteError, SqliteResult};
use super::values::{
    MAX_SEQ, SessionNo, bool_at, limit, optional_unsigned_at, seq_of, signed, time_at,
};
use crate::backend::{MessageFilter, Take};
use crate::model::{Content, Message, Role};

/// One statement says both whether there is such a session (else no row) and which of its messages are let through (else one
/// row of nulls), so that it needs no transaction around it. ?3 and ?4 are the first and the last `seq`.
macro_rules! select_messages {
    ($filter:literal, $order:literal) => {
        concat!(
            "SELECT m.id, m.role, m.is_summary, m.is_text, m.token_count, m.created_at, m.dedup_key, m.content",
            " FROM sessions s LEFT JOIN messages m ON m.id BETWEEN (s.no << 32) + ?3 AND (s.no << 32) + ?4",
            $filter,
            " WHERE s.tenant = ?1 AND s.id = ?2 ORDER BY m.id ",
            $order,
            " LIMIT ?5"
        )
    };
}

macro_rules! with_filter {
    ($order:literal) => {
        select_messages!(
            " AND (?6 IS NULL OR m.created_at > ?6) AND (?7 IS NULL OR m.is_summary = ?7) AND (?8 IS NULL OR m.role IN (SELECT value FROM json_each(?8)))",
            $order
        )
    };
}

pub(super) const OLDEST: &str = select_messages!("", "ASC");
pub(super) const NEWEST: &str = select_messages!("", "DESC");
pub(super) const OLDEST_FILTERED: &str = with_filter!("ASC");
pub(super) const NEWEST_FILTERED: &str = with_filter!("DESC");

/// Reads the columns of [`select_messages`], the first of which is given.
fn message(id: i64, row: &Row<'_>) -> SqliteResult<Message> {
    const WHAT: &str = "message";
    let content = Content::from_stored(bool_at(row, 3, WHAT)?, row.get(7)?);
    Ok(Message {
        seq: seq_of(id)?,
        role: role_at(row, 1)?,
        content,
        token_count: optional_unsigned_at(row, 4, WHAT)?,
        is_summary: bool_at(row, 2, WHAT)?,
        dedup_key: row.get(6)?,
        created_at: time_at(row, 5, WHAT)?,
    })
}

/// The usual roles without an allocation.
fn role_at(row: &Row<'_>, column: usize) -> SqliteResult<Role> {
    let name = row.get_ref(column)?;
    let name = name
        .as_str()
        .map_err(|_| SqliteError::Damaged("message's role"))?;
    Ok(Role::from(name))
}

/// The messages of a session that the filter lets through, oldest first; nothing where there is no such session.
pub(super) fn list(
    conn: &Connection,
    tenant: &str,
    session_id: &str,
    filter: &MessageFilter,
) -> SqliteResult<Option<Vec<Message>>> {
    let first = filter.after.saturating_add(1);
    let last = filter
        .before
        .map_or(MAX_SEQ, |before| before.saturating_sub(1).min(MAX_SEQ));
    let (rows, newest_first) = match filter.take {
        Take::All => (i64::MAX, false),
        Take::First(n) | Take::Page { rows: n, .. } => (limit(n), false),
        Take::Last(n) => (limit(n), true),
    };
    if first > last || rows == 0 {
        let known = super::sessions::number(conn, tenant, session_id)?;
        return Ok(known.map(|_| Vec::new()));
    }
    let (first, last) = (signed(first, "seq")?, signed(last, "seq")?);
    let mut statement = conn.prepare_cached(sql_for(filter, newest_first))?;
    let result = if is_plain(filter) {
        statement.query(params![tenant, session_id, first, last, rows])?
    } else {
        let since = filter.since.map(crate::clock::Timestamp::as_millis);
        let roles = filter.roles.as_deref().map(json_of_roles).transpose()?;
        statement.query(params![
            tenant,
            session_id,
            first,
            last,
            rows,
            since,
            filter.summaries,
            roles
        ])?
    };
    let enough = match filter.take {
        Take::Page { bytes, .. } => bytes,
        _ => u64::MAX,
    };
    let mut found = collect(result, enough)?;
    if let Some(messages) = found.as_mut().filter(|_| newest_first) {
        messages.reverse();
    }
    Ok(found)
}

fn is_plain(filter: &MessageFilter) -> bool {
    filter.since.is_none() && filter.summaries.is_none() && filter.roles.is_none()
}

fn sql_for(filter: &MessageFilter, newest_first: bool) -> &'static str {
    match (is_plain(filter), newest_first) {
        (true, false) => OLDEST,
        (true, true) => NEWEST,
        (false, false) => OLDEST_FILTERED,
        (false, true) => NEWEST_FILTERED,
    }
}

fn json_of_roles(roles: &[Role]) -> SqliteResult<String> {
    serde_json::to_string(roles).map_err(|_| SqliteError::Unsuitable("the roles are no JSON"))
}

/// Reads rows until their contents have `enough` bytes together.
fn collect(mut rows: rusqlite::Rows<'_>, enough: u64) -> SqliteResult<Option<Vec<Message>>> {
    let (mut out, mut bytes) = (None, 0);
    while bytes < enough
        && let Some(row) = rows.next()?
    {
        let messages = out.get_or_insert_with(Vec::new);
        let ValueRef::Integer(id) = row.get_ref(0)? else {
            return Ok(out);
        };
        let message = message(id, row)?;
        bytes += message.content.body().len() as u64;
        messages.push(message);
    }
    Ok(out)
}

/// The living message of the session with that dedup key.
pub(super) fn with_dedup_key(
    conn: &Connection,
    no: SessionNo,
    key: &str,
) -> SqliteResult<Option<Message>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, role, is_summary, is_text, token_count, created_at, dedup_key, content FROM messages
         WHERE id >> 32 = ?1 AND dedup_key = ?2 AND dedup_key IS NOT NULL",
    )?;
    let mut rows = statement.query(params![no.get(), key])?;
    rows.next()?
        .map(|row| message(row.get(0)?, row))
        .transpose()
}

/// A message about to be inserted, by reference.
pub(super) struct NewRow<'a> {
    pub(super) id: i64,
    pub(super) role: &'a Role,
    pub(super) is_summary: bool,
    pub(super) content: &'a Content,
    pub(super) token_count: Option<u64>,
    pub(super) created_at: i64,
    pub(super) dedup_key: Option<&'a str>,
}

/// The statement that [`insert`] runs.
pub(super) fn insert_statement(conn: &Connection) -> SqliteResult<CachedStatement<'_>> {
    Ok(conn.prepare_cached(
        "INSERT INTO messages (id, role, is_summary, is_text, token_count, created_at, dedup_key, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?)
}

pub(super) fn insert(statement: &mut CachedStatement<'_>, row: &NewRow<'_>) -> SqliteResult<()> {
    let token_count = row
        .token_count
        .map(|tokens| signed(tokens, "token_count"))
        .transpose()?;
    statement.execute(params![
        row.id,
        row.role.as_str(),
        row.is_summary,
        row.content.is_text(),
        token_count,
        row.created_at,
        row.dedup_key,
        row.content.body(),
    ])?;
    Ok(())
}

/// Inserts messages with their own `seq`.
pub(super) fn insert_all(
    conn: &Connection,
    tenant: &str,
    session_id: &str,
    messages: &[Message],
) -> SqliteResult<()> {
    let no = super::sessions::known_number(conn, tenant, session_id)?;
    let mut statement = insert_statement(conn)?;
    for message in messages {
        let row = NewRow {
            id: no.message_id(message.seq)?,
            role: &message.role,
            is_summary: message.is_summary,
            content: &message.content,
            token_count: message.token_count,
            created_at: message.created_at.as_millis(),
            dedup_key: message.dedup_key.as_deref(),
        };
        insert(&mut statement, &row)?;
    }
    Ok(())
}

/// Deletes the messages with `first <= seq <= last` and says how many there were.
pub(super) fn delete(conn: &Connection, no: SessionNo, first: u64, last: u64) -> SqliteResult<u64> {
    if first > last || first > MAX_SEQ {
        return Ok(0);
    }
    let (first, last) = (no.message_id(first)?, no.message_id(last.min(MAX_SEQ))?);
    let deleted = conn
        .prepare_cached("DELETE FROM messages WHERE id BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    Ok(deleted as u64)
}
