//! The rows of sessions: found, listed, started, changed.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, params_from_iter};

use super::error::{SqliteError, SqliteResult};
use super::values::{
    MAX_SEQ, SessionNo, bool_at, end_of_prefix, limit, optional_unsigned_at, signed, time_at,
    unsigned_at,
};
use crate::backend::{
    Continue, Lookup, RowOrder, ScopeFilter, SessionFilter, SessionRow, StartSession, Started,
};
use crate::error::Error;
use crate::model::{JsonObject, Session};

/// The metadata that needs no row.
const NO_METADATA: &str = "{}";

/// Every query for whole sessions begins with this; [`session_row`] reads its columns.
macro_rules! select_sessions {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.scope, s.key, s.owner, s.lifecycle, s.status, s.is_final, s.message_count, s.last_seq, s.revision,",
            " s.created_at, s.updated_at, s.last_active_at, s.preview_seq, s.preview, d.metadata",
            " FROM sessions s LEFT JOIN session_metadata d ON d.session_no = s.no ",
            $rest
        )
    };
}

fn session_row(row: &Row<'_>) -> SqliteResult<SessionRow> {
    const WHAT: &str = "session";
    let session = Session {
        id: row.get(0)?,
        scope: row.get(1)?,
        key: row.get(2)?,
        owner: row.get(3)?,
        lifecycle: row.get(4)?,
        status: row.get(5)?,
        metadata: row
            .get::<_, Option<String>>(15)?
            .map_or_else(JsonObject::default, JsonObject::from_stored),
        preview: row.get(14)?,
        message_count: unsigned_at(row, 7, WHAT)?,
        revision: unsigned_at(row, 9, WHAT)?,
        created_at: time_at(row, 10, WHAT)?,
        updated_at: time_at(row, 11, WHAT)?,
        last_active_at: time_at(row, 12, WHAT)?,
    };
    Ok(SessionRow {
        session,
        last_seq: unsigned_at(row, 8, WHAT)?,
        preview_seq: optional_unsigned_at(row, 13, WHAT)?,
        is_final: bool_at(row, 6, WHAT)?,
    })
}

/// The session with that id or key.
pub(super) fn find(
    conn: &Connection,
    tenant: &str,
    lookup: Lookup<'_>,
) -> SqliteResult<Option<SessionRow>> {
    match lookup {
        Lookup::Id(id) => {
            let mut statement =
                conn.prepare_cached(select_sessions!("WHERE s.tenant = ?1 AND s.id = ?2"))?;
            first(statement.query([tenant, id])?)
        }
        Lookup::Key { scope, key } => {
            let mut statement = conn.prepare_cached(select_sessions!(
                "WHERE s.tenant = ?1 AND s.scope = ?2 AND s.key = ?3"
            ))?;
            first(statement.query([tenant, scope, key])?)
        }
    }
}

fn first(mut rows: rusqlite::Rows<'_>) -> SqliteResult<Option<SessionRow>> {
    rows.next()?.map(session_row).transpose()
}

/// How many messages the session with that id has.
pub(super) fn message_count(
    conn: &Connection,
    tenant: &str,
    id: &str,
) -> SqliteResult<Option<u64>> {
    let mut statement =
        conn.prepare_cached("SELECT message_count FROM sessions WHERE tenant = ?1 AND id = ?2")?;
    let mut rows = statement.query([tenant, id])?;
    rows.next()?
        .map(|row| unsigned_at(row, 0, "session"))
        .transpose()
}

/// The number of the session with that id.
pub(super) fn number(conn: &Connection, tenant: &str, id: &str) -> SqliteResult<Option<SessionNo>> {
    let mut statement =
        conn.prepare_cached("SELECT no FROM sessions WHERE tenant = ?1 AND id = ?2")?;
    let no = statement
        .query_row([tenant, id], |row| row.get(0))
        .optional()?;
    no.map(SessionNo::new).transpose()
}

/// As [`number`], where the contract says that there is such a session.
pub(super) fn known_number(conn: &Connection, tenant: &str, id: &str) -> SqliteResult<SessionNo> {
    number(conn, tenant, id)?.ok_or_else(|| Error::no_session(id).into())
}

/// A query put together from constant parts; values are bound, never written into it.
pub(super) struct Query<'a> {
    pub(super) sql: String,
    pub(super) values: Vec<ToSqlOutput<'a>>,
}

impl<'a> Query<'a> {
    /// Adds a part that binds one value per `?`, in order.
    fn add(&mut self, part: &'static str, values: impl IntoIterator<Item = ToSqlOutput<'a>>) {
        self.sql.push_str(part);
        self.values.extend(values);
    }
}

fn text(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn integer(value: i64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(value))
}

pub(super) fn list_query<'a>(tenant: &'a str, filter: &'a SessionFilter) -> Query<'a> {
    let mut query = Query {
        sql: String::with_capacity(640),
        values: Vec::with_capacity(10),
    };
    query.add(select_sessions!("WHERE s.tenant = ?"), [text(tenant)]);
    add_filters(&mut query, filter);
    add_position(&mut query, filter);
    query.add(
        match filter.order {
            RowOrder::Activity => {
                " ORDER BY s.last_active_at DESC, s.created_at DESC, s.id DESC LIMIT ?"
            }
            RowOrder::Creation => " ORDER BY s.created_at DESC, s.id DESC LIMIT ?",
            RowOrder::Id => " ORDER BY s.id LIMIT ?",
        },
        [integer(limit(filter.limit as u64))],
    );
    query
}

fn add_filters<'a>(query: &mut Query<'a>, filter: &'a SessionFilter) {
    match &filter.scope {
        ScopeFilter::Any => {}
        ScopeFilter::Exactly(scope) => query.add(" AND s.scope = ?", [text(scope)]),
        // The unary plus keeps the planner on the index of the order: a range of scopes would have to be sorted.
        ScopeFilter::Prefix(prefix) => query.add(
            " AND +s.scope >= ? AND +s.scope < ?",
            [text(prefix), end_of_prefix(prefix)],
        ),
    }
    if let Some(owner) = &filter.owner {
        query.add(" AND s.owner = ?", [text(owner)]);
    }
    if let Some(status) = &filter.status {
        query.add(" AND s.status = ?", [text(status)]);
    }
}

fn add_position<'a>(query: &mut Query<'a>, filter: &'a SessionFilter) {
    let Some(after) = &filter.after else { return };
    let created_at = integer(after.created_at.as_millis());
    match filter.order {
        RowOrder::Activity => query.add(
            " AND (s.last_active_at, s.created_at, s.id) < (?, ?, ?)",
            [
                integer(after.last_active_at.as_millis()),
                created_at,
                text(&after.id),
            ],
        ),
        RowOrder::Creation => query.add(
            " AND (s.created_at, s.id) < (?, ?)",
            [created_at, text(&after.id)],
        ),
        RowOrder::Id => query.add(" AND s.id > ?", [text(&after.id)]),
    }
}

/// The sessions that the filter lets through.
pub(super) fn list(
    conn: &Connection,
    tenant: &str,
    filter: &SessionFilter,
) -> SqliteResult<Vec<SessionRow>> {
    let query = list_query(tenant, filter);
    let mut statement = conn.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(query.values))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(session_row(row)?);
    }
    Ok(out)
}

/// The session that `start` continues, if there is one.
pub(super) fn continued(
    conn: &Connection,
    tenant: &str,
    start: &StartSession,
) -> SqliteResult<Option<SessionRow>> {
    let new = &start.row.session;
    match start.find {
        Continue::Never => Ok(None),
        Continue::SameId => find(conn, tenant, Lookup::Id(&new.id)),
        Continue::SameKey => match &new.key {
            Some(key) => find(
                conn,
                tenant,
                Lookup::Key {
                    scope: &new.scope,
                    key,
                },
            ),
            None => Ok(None),
        },
        Continue::Latest { active_after } => {
            let latest = latest(conn, tenant, &new.scope)?;
            Ok(latest.filter(|row| !row.is_final && row.session.last_active_at > active_after))
        }
    }
}

fn latest(conn: &Connection, tenant: &str, scope: &str) -> SqliteResult<Option<SessionRow>> {
    let mut statement = conn.prepare_cached(select_sessions!(
        "WHERE s.tenant = ?1 AND s.scope = ?2 ORDER BY s.last_active_at DESC, s.created_at DESC, s.id DESC LIMIT 1"
    ))?;
    first(statement.query([tenant, scope])?)
}

/// Continues a session or inserts the row.
pub(super) fn start(
    conn: &Connection,
    tenant: &str,
    start: &StartSession,
) -> SqliteResult<Started> {
    if let Some(row) = continued(conn, tenant, start)? {
        return Ok(Started::Continued(row));
    }
    if insert(conn, tenant, &start.row)? {
        return Ok(Started::Created);
    }
    if number(conn, tenant, &start.row.session.id)?.is_some() {
        Ok(Started::IdTaken)
    } else {
        Ok(Started::KeyTaken)
    }
}

/// Whether the row was inserted; not where its id or its key is taken.
fn insert(conn: &Connection, tenant: &str, row: &SessionRow) -> SqliteResult<bool> {
    let session = &row.session;
    let mut statement = conn.prepare_cached(
        "INSERT INTO sessions (tenant, id, scope, key, owner, lifecycle, status, is_final, message_count, last_seq, revision,
           created_at, updated_at, last_active_at, preview_seq, preview)
         VALUES (:tenant, :id, :scope, :key, :owner, :lifecycle, :status, :is_final, :message_count, :last_seq, :revision,
           :created_at, :updated_at, :last_active_at, :preview_seq, :preview)
         ON CONFLICT DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":tenant": tenant,
        ":id": session.id,
        ":scope": session.scope,
        ":key": session.key,
        ":owner": session.owner,
        ":lifecycle": session.lifecycle,
        ":status": session.status,
        ":is_final": row.is_final,
        ":message_count": signed(session.message_count, "message_count")?,
        ":last_seq": checked_seq(row.last_seq)?,
        ":revision": signed(session.revision, "revision")?,
        ":created_at": session.created_at.as_millis(),
        ":updated_at": session.updated_at.as_millis(),
        ":last_active_at": session.last_active_at.as_millis(),
        ":preview_seq": row.preview_seq.map(checked_seq).transpose()?,
        ":preview": session.preview,
    })?;
    if inserted == 0 {
        return Ok(false);
    }
    let no = SessionNo::new(conn.last_insert_rowid())?;
    if session.metadata.as_str() != NO_METADATA {
        put_metadata(conn, no, &session.metadata)?;
    }
    Ok(true)
}

fn checked_seq(seq: u64) -> SqliteResult<i64> {
    if seq > MAX_SEQ {
        return Err(SqliteError::OutOfRange(
            "the number of messages in one session",
        ));
    }
    signed(seq, "seq")
}

/// Replaces the row of the session in all but id, scope, key and metadata.
pub(super) fn update(conn: &Connection, tenant: &str, row: &SessionRow) -> SqliteResult<()> {
    let session = &row.session;
    let mut statement = conn.prepare_cached(
        "UPDATE sessions SET owner = :owner, lifecycle = :lifecycle, status = :status, is_final = :is_final,
           message_count = :message_count, last_seq = :last_seq, revision = :revision, created_at = :created_at,
           updated_at = :updated_at, last_active_at = :last_active_at, preview_seq = :preview_seq, preview = :preview
         WHERE tenant = :tenant AND id = :id",
    )?;
    let changed = statement.execute(named_params! {
        ":tenant": tenant,
        ":id": session.id,
        ":owner": session.owner,
        ":lifecycle": session.lifecycle,
        ":status": session.status,
        ":is_final": row.is_final,
        ":message_count": signed(session.message_count, "message_count")?,
        ":last_seq": checked_seq(row.last_seq)?,
        ":revision": signed(session.revision, "revision")?,
        ":created_at": session.created_at.as_millis(),
        ":updated_at": session.updated_at.as_millis(),
        ":last_active_at": session.last_active_at.as_millis(),
        ":preview_seq": row.preview_seq.map(checked_seq).transpose()?,
        ":preview": session.preview,
    })?;
    if changed == 0 {
        return Err(Error::no_session(&session.id).into());
    }
    Ok(())
}

/// Replaces the session's metadata.
pub(super) fn update_metadata(
    conn: &Connection,
    tenant: &str,
    id: &str,
    metadata: &JsonObject,
) -> SqliteResult<()> {
    let no = known_number(conn, tenant, id)?;
    if metadata.as_str() == NO_METADATA {
        delete_metadata(conn, no)
    } else {
        put_metadata(conn, no, metadata)
    }
}

fn put_metadata(conn: &Connection, no: SessionNo, metadata: &JsonObject) -> SqliteResult<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO session_metadata (session_no, metadata) VALUES (?1, ?2)",
    )?
    .execute(params![no.get(), metadata.as_str()])?;
    Ok(())
}

fn delete_metadata(conn: &Connection, no: SessionNo) -> SqliteResult<()> {
    conn.prepare_cached("DELETE FROM session_metadata WHERE session_no = ?1")?
        .execute([no.get()])?;
    Ok(())
}

/// Deletes the session with its metadata and messages. Whether there was one.
pub(super) fn delete(conn: &Connection, tenant: &str, id: &str) -> SqliteResult<bool> {
    let Some(no) = number(conn, tenant, id)? else {
        return Ok(false);
    };
    super::messages::delete(conn, no, 0, MAX_SEQ)?;
    delete_metadata(conn, no)?;
    conn.prepare_cached("DELETE FROM sessions WHERE no = ?1")?
        .execute([no.get()])?;
    Ok(true)
}
