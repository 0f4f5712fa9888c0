//! What a careful programmer writes on tokio-postgres: the same tables, prepared statements, the same records, one flush for each thing done.
//!
//! In two forms. [`Tenant::InEachTransaction`] promises what the store does: the tenant is set in each transaction, so that a pooler may stand in
//! between, and begin, setting, statement and commit leave in one flush. [`Tenant::Once`] promises less: it is set for the connection, and a
//! statement is its own transaction.

use convostore::{Content, Message, Session, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::{Place, Result};

/// When the tenant is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    InEachTransaction,
    Once,
}

pub struct Raw {
    runtime: Runtime,
    client: Client,
    tenant: Tenant,
    set: Statement,
    append: Statement,
    load: Statement,
    list: Statement,
}

const SET: &str = "SELECT set_config('convostore.tenant', $1, true), set_config('lock_timeout', $2, true), set_config('statement_timeout', $2, true)";

const APPEND: &str = "WITH changed AS (UPDATE {}.sessions SET message_count = message_count + $3, last_seq = last_seq + $3, revision = revision + 1, \
     updated_at = greatest(updated_at, $4), last_active_at = greatest(last_active_at, $4), \
     preview_seq = coalesce(preview_seq, last_seq + 1), preview = coalesce(preview, $5) \
     WHERE tenant = $1 AND id = $2 RETURNING last_seq), \
     written AS (INSERT INTO {}.messages (tenant, session_id, seq, created_at, is_text, is_summary, role, content) \
     SELECT $1, $2, c.last_seq - $3 + i.n, $4, true, false, $6, i.content FROM changed c, unnest($7::text[]) WITH ORDINALITY AS i(content, n)) \
     SELECT last_seq FROM changed";

const LOAD: &str = "SELECT seq, created_at, token_count, is_text, is_summary, role, dedup_key, content FROM {}.messages \
     WHERE tenant = $1 AND session_id = $2 ORDER BY seq";

const LIST: &str = "SELECT s.id, s.scope, s.key, s.owner, s.lifecycle, s.status, s.message_count, s.revision, s.created_at, s.updated_at, \
     s.last_active_at, s.preview, d.metadata \
     FROM {}.sessions s LEFT JOIN {}.session_metadata d ON d.tenant = s.tenant AND d.id = s.id WHERE s.tenant = $1 \
     ORDER BY s.last_active_at DESC, s.created_at DESC, s.id DESC LIMIT 50";

impl Raw {
    pub fn connect(place: &Place, url: &str, tenant: Tenant) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let filled = |sql: &str| sql.replace("{}", &place.schema);
        let (client, set, append, load, list) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client
                .batch_execute("SET plan_cache_mode = force_generic_plan")
                .await?;
            if tenant == Tenant::Once {
                let set = "SET convostore.tenant = '=default'";
                client.batch_execute(set).await?;
            }
            let set = client.prepare(SET).await?;
            let append = client.prepare(&filled(APPEND)).await?;
            let load = client.prepare(&filled(LOAD)).await?;
            let list = client.prepare(&filled(LIST)).await?;
            Ok::<_, tokio_postgres::Error>((client, set, append, load, list))
        })?;
        Ok(Self {
            runtime,
            client,
            tenant,
            set,
            append,
            load,
            list,
        })
    }

    fn query(
        &self,
        begin: &str,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let client = &self.client;
        if self.tenant == Tenant::Once {
            return Ok(self.runtime.block_on(client.query(statement, values))?);
        }
        // All are sent before the first is waited for.
        let setting: [&(dyn ToSql + Sync); 2] = [&"=default", &"30000ms"];
        let (_, _, rows, _) = self.runtime.block_on(async {
            tokio::try_join!(
                client.batch_execute(begin),
                client.query(&self.set, &setting),
                client.query(statement, values),
                client.batch_execute("COMMIT"),
            )
        })?;
        Ok(rows)
    }

    pub fn append(&self, id: &str, role: &str, texts: &[&str], now: i64) -> Result<i64> {
        let count = i64::try_from(texts.len())?;
        let preview: String = texts[0].chars().take(100).collect();
        let rows = self.query(
            "BEGIN",
            &self.append,
            &[&"default", &id, &count, &now, &preview, &role, &texts],
        )?;
        Ok(rows.first().ok_or("no such session")?.get(0))
    }

    pub fn load(&self, id: &str) -> Result<Vec<Message>> {
        let rows = self.query("BEGIN READ ONLY", &self.load, &[&"default", &id])?;
        Ok(rows.iter().map(message).collect())
    }

    pub fn list_50(&self) -> Result<Vec<Session>> {
        let rows = self.query("BEGIN READ ONLY", &self.list, &[&"default"])?;
        Ok(rows.iter().map(session).collect())
    }
}

fn message(row: &Row) -> Message {
    let content = Content::from_stored(row.get(3), row.get(7));
    let created_at = Timestamp::from_millis_clamped(row.get(1));
    let role: String = row.get(5);
    let mut message = Message::new(
        row.get::<_, i64>(0).unsigned_abs(),
        role,
        content,
        created_at,
    );
    message.token_count = row.get::<_, Option<i64>>(2).map(i64::unsigned_abs);
    message.is_summary = row.get(4);
    message.dedup_key = row.get(6);
    message
}

fn session(row: &Row) -> Session {
    let text = |index: usize| row.get::<_, String>(index);
    let time = |index: usize| Timestamp::from_millis_clamped(row.get(index));
    let mut session = Session::new(text(0), text(1), text(4), text(5), time(8));
    session.key = row.get(2);
    session.owner = row.get(3);
    session.message_count = row.get::<_, i64>(6).unsigned_abs();
    session.revision = row.get::<_, i64>(7).unsigned_abs();
    session.updated_at = time(9);
    session.last_active_at = time(10);
    session.preview = row.get(11);
    if let Some(metadata) = row.get::<_, Option<String>>(12) {
        session.metadata = convostore::JsonObject::from_stored(metadata);
    }
    session
}
