//! Messages that a transaction inserts, gathered over its sessions: an archive of many short sessions then costs a statement a megabyte and
//! not one a session. They are sent with what comes next.
//!
//! COPY would be no way in: PostgreSQL refuses it where row-level security is in force, as it is here for the tables' owner too. Through a temporary
//! table every row would be written twice: 2.3 to 3.6 s for 100,000 messages of 300 bytes, for which these statements take the server 1.9 s.

use super::query::{Query, Schema, number};
use crate::error::Result;
use crate::model::Message;

/// When they are enough for a statement.
const ENOUGH_ROWS: usize = 4096;
const ENOUGH_BYTES: usize = 1 << 20;

/// Column by column.
#[derive(Default)]
pub(super) struct PendingMessages {
    /// Each once, in their order.
    sessions: Vec<String>,
    session_ids: Vec<String>,
    seqs: Vec<i64>,
    times: Vec<i64>,
    tokens: Vec<Option<i64>>,
    are_texts: Vec<bool>,
    are_summaries: Vec<bool>,
    roles: Vec<String>,
    dedup_keys: Vec<Option<String>>,
    contents: Vec<String>,
    bytes: usize,
}

impl PendingMessages {
    pub(super) fn add(&mut self, session_id: &str, messages: &[Message]) -> Result<()> {
        if self.sessions.last().is_none_or(|last| last != session_id) {
            self.sessions.push(session_id.to_owned());
        }
        for message in messages {
            self.session_ids.push(session_id.to_owned());
            self.seqs.push(number(message.seq)?);
            self.times.push(message.created_at.as_millis());
            self.tokens
                .push(message.token_count.map(number).transpose()?);
            self.are_texts.push(message.content.is_text());
            self.are_summaries.push(message.is_summary);
            self.roles.push(message.role.as_str().to_owned());
            self.dedup_keys.push(message.dedup_key.clone());
            self.contents.push(message.content.body().to_owned());
            self.bytes += message.content.body().len();
        }
        Ok(())
    }

    pub(super) fn are_enough(&self) -> bool {
        self.seqs.len() >= ENOUGH_ROWS || self.bytes >= ENOUGH_BYTES
    }

    /// A statement that inserts them and answers with the sessions that are not there; nothing where there are no messages.
    pub(super) fn take(&mut self, schema: &Schema, tenant: &str) -> Option<Query> {
        if self.seqs.is_empty() {
            return None;
        }
        let all = std::mem::take(self);
        let sql = "WITH written AS (INSERT INTO {schema}.messages \
             (tenant, session_id, seq, created_at, token_count, is_text, is_summary, role, dedup_key, content) \
             SELECT $1, i.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11) AS i) \
             SELECT g.id FROM unnest($2) AS g(id) \
             WHERE NOT EXISTS (SELECT 1 FROM {schema}.sessions s WHERE s.tenant = $1 AND s.id = g.id)";
        Some(
            Query::new(schema, sql)
                .bind(tenant)
                .bind(all.sessions)
                .bind(all.session_ids)
                .bind(all.seqs)
                .bind(all.times)
                .bind(all.tokens)
                .bind(all.are_texts)
                .bind(all.are_summaries)
                .bind(all.roles)
                .bind(all.dedup_keys)
                .bind(all.contents),
        )
    }
}
