//! What a careful programmer writes on rusqlite: the same tables, prepared statements, the same records.

use std::path::Path;

use convostore::{Content, JsonObject, Message, Session, Timestamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::Result;

const SCHEMA: &str = include_str!("../../core/src/backend/sqlite/migrations/001_initial.sql");
const TENANT: &str = "default";

pub struct Raw {
    conn: Connection,
}

impl Raw {
    /// Opens the file; makes the tables where there are none.
    pub fn open(path: &Path, synchronous: &str) -> Result<Self> {
        let fresh = !path.exists();
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", synchronous)?;
        conn.pragma_update(None, "secure_delete", true)?;
        // Who looks at what a short read costs finds this: without it a statement is compiled anew whenever what is bound changes.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.set_prepared_statement_cache_capacity(64);
        if fresh {
            conn.execute_batch(SCHEMA)?;
        }
        Ok(Self { conn })
    }

    /// Inserts a session.
    pub fn create_session(&self, id: &str, scope: &str, now: i64) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO sessions (tenant, id, scope, lifecycle, status, is_final, message_count, last_seq, revision, created_at, updated_at, last_active_at)
                 VALUES (?1, ?2, ?3, 'agent', 'created', 0, 0, 0, 1, ?4, ?4, ?4)",
            )?
            .execute(params![TENANT, id, scope, now])?;
        Ok(())
    }

    /// `BEGIN IMMEDIATE; UPDATE … RETURNING; INSERT …; COMMIT`.
    pub fn append(&mut self, id: &str, role: &str, texts: &[&str], now: i64) -> Result<i64> {
        // As prepared as all else: `BEGIN` and `COMMIT` go through rusqlite's own transaction.
        let tx = Transaction::new(&mut self.conn, TransactionBehavior::Immediate)?;
        let count = i64::try_from(texts.len())?;
        let preview: String = texts[0].chars().take(100).collect();
        let (no, last) = tx
            .prepare_cached(
                "UPDATE sessions SET message_count = message_count + ?3, last_seq = last_seq + ?3, revision = revision + 1,
                   updated_at = max(updated_at, ?4), last_active_at = max(last_active_at, ?4),
                   preview_seq = coalesce(preview_seq, last_seq + 1), preview = coalesce(preview, ?5)
                 WHERE tenant = ?1 AND id = ?2 RETURNING no, last_seq",
            )?
            .query_row(params![TENANT, id, count, now, preview], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT INTO messages (id, role, is_summary, is_text, created_at, content) VALUES (?1, ?2, 0, 1, ?3, ?4)",
            )?;
            for (index, text) in texts.iter().enumerate() {
                let seq = last - count + 1 + i64::try_from(index)?;
                insert.execute(params![(no << 32) | seq, role, now, text])?;
            }
        }
        tx.commit()?;
        Ok(last)
    }

    pub fn load(&self, id: &str) -> Result<Vec<Message>> {
        self.messages(
            "SELECT m.id & 4294967295, role, is_summary, is_text, token_count, m.created_at, dedup_key, content FROM messages m
             WHERE m.id > ?1 << 32 AND m.id < (?1 + 1) << 32 ORDER BY m.id",
            self.no(id)?,
        )
    }

    pub fn last_20(&self, id: &str) -> Result<Vec<Message>> {
        let mut messages = self.messages(
            "SELECT m.id & 4294967295, role, is_summary, is_text, token_count, m.created_at, dedup_key, content FROM messages m
             WHERE m.id > ?1 << 32 AND m.id < (?1 + 1) << 32 ORDER BY m.id DESC LIMIT 20",
            self.no(id)?,
        )?;
        messages.reverse();
        Ok(messages)
    }

    pub fn count(&self, id: &str) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached("SELECT message_count FROM sessions WHERE tenant = ?1 AND id = ?2")?
            .query_row([TENANT, id], |row| row.get(0))?)
    }

    /// The latest session of the scope, if it was active after that.
    pub fn resume(&self, scope: &str, active_after: i64) -> Result<Session> {
        let mut statement = self.conn.prepare_cached(
            "SELECT s.id, scope, key, owner, lifecycle, status, message_count, revision, created_at, updated_at, last_active_at, preview, metadata
             FROM sessions s LEFT JOIN session_metadata d ON d.session_no = s.no
             WHERE tenant = ?1 AND scope = ?2 AND last_active_at > ?3 AND NOT is_final
             ORDER BY last_active_at DESC, created_at DESC, s.id DESC LIMIT 1",
        )?;
        Ok(statement.query_row(params![TENANT, scope, active_after], session)?)
    }

    fn no(&self, id: &str) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached("SELECT no FROM sessions WHERE tenant = ?1 AND id = ?2")?
            .query_row([TENANT, id], |row| row.get(0))?)
    }

    fn messages(&self, sql: &str, no: i64) -> Result<Vec<Message>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let messages = statement.query_map([no], message)?;
        Ok(messages.collect::<std::result::Result<_, _>>()?)
    }

    pub fn list_50(&self) -> Result<Vec<Session>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT s.id, scope, key, owner, lifecycle, status, message_count, revision, created_at, updated_at, last_active_at, preview, metadata
             FROM sessions s LEFT JOIN session_metadata d ON d.session_no = s.no
             WHERE tenant = ?1 ORDER BY last_active_at DESC, created_at DESC, s.id DESC LIMIT 50",
        )?;
        let sessions = statement.query_map([TENANT], session)?;
        Ok(sessions.collect::<std::result::Result<_, _>>()?)
    }

    /// The session that is there; a write transaction begins only where there is none.
    pub fn get_or_create(&mut self, scope: &str, key: &str, now: i64) -> Result<Session> {
        if let Some(session) = by_key(&self.conn, scope, key)? {
            return Ok(session);
        }
        let tx = Transaction::new(&mut self.conn, TransactionBehavior::Immediate)?;
        let session = match by_key(&tx, scope, key)? {
            Some(session) => session,
            None => {
                let id = format!("raw-{scope}-{key}");
                tx.prepare_cached(
                    "INSERT INTO sessions (tenant, id, scope, key, lifecycle, status, is_final, message_count, last_seq, revision, created_at, updated_at, last_active_at)
                     VALUES (?1, ?2, ?3, ?4, 'agent', 'created', 0, 0, 0, 1, ?5, ?5, ?5)",
                )?
                .execute(params![TENANT, id, scope, key, now])?;
                Session::new(id, scope, "agent", "created", Timestamp::from_millis(now)?)
            }
        };
        tx.commit()?;
        Ok(session)
    }
}

fn by_key(conn: &Connection, scope: &str, key: &str) -> Result<Option<Session>> {
    let mut statement = conn.prepare_cached(
        "SELECT s.id, scope, key, owner, lifecycle, status, message_count, revision, created_at, updated_at, last_active_at, preview, metadata
         FROM sessions s LEFT JOIN session_metadata d ON d.session_no = s.no WHERE tenant = ?1 AND scope = ?2 AND key = ?3",
    )?;
    let mut sessions = statement.query_map([TENANT, scope, key], session)?;
    Ok(sessions.next().transpose()?)
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let content = Content::from_stored(row.get(3)?, row.get(7)?);
    let created_at = Timestamp::from_millis_clamped(row.get(5)?);
    let seq = row.get::<_, i64>(0)?.unsigned_abs();
    let mut message = Message::new(seq, row.get_ref(1)?.as_str()?, content, created_at);
    message.is_summary = row.get(2)?;
    message.token_count = row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs);
    message.dedup_key = row.get(6)?;
    Ok(message)
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let time = |index| row.get(index).map(Timestamp::from_millis_clamped);
    let (id, scope): (String, String) = (row.get(0)?, row.get(1)?);
    let (lifecycle, status): (String, String) = (row.get(4)?, row.get(5)?);
    let mut session = Session::new(id, scope, lifecycle, status, time(8)?);
    session.key = row.get(2)?;
    session.owner = row.get(3)?;
    session.message_count = row.get::<_, i64>(6)?.unsigned_abs();
    session.revision = row.get::<_, i64>(7)?.unsigned_abs();
    session.updated_at = time(9)?;
    session.last_active_at = time(10)?;
    session.preview = row.get(11)?;
    if let Some(metadata) = row.get(12)? {
        session.metadata = JsonObject::from_stored(metadata);
    }
    Ok(session)
}
