//! Tables of a size, filled by the server itself, past row-level security: as its superuser.

use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use crate::{Place, Result, TEXT};

pub struct Ids {
    /// A session of 1,000 messages.
    pub thousand: String,
    /// Sessions to write to: one of each contender.
    pub ours: String,
    pub raws: String,
}

/// 10,000 sessions; the first has 1,000 messages, the others share the rest, in the order in which they would have been written in turns.
pub fn fill(place: &Place, messages: u64) -> Result<Ids> {
    // Makes the schema.
    place.store(&place.url)?.close()?;
    let rounds = messages.saturating_sub(1000).div_ceil(9_997).max(1);
    let schema = &place.schema;
    let sql = format!(
        "SET search_path = {schema}; SET synchronous_commit = off;
         INSERT INTO sessions (tenant, id, scope, lifecycle, status, is_final, preview, preview_seq, message_count, last_seq, revision, created_at, updated_at, last_active_at)
         SELECT 'default', 's' || n, 'scope-' || n % 100, 'agent', 'created', false, 'text', 1, c, c, 2, n, n, n
         FROM (SELECT n, CASE WHEN n = 0 THEN 1000 WHEN n < 3 THEN 0 ELSE {rounds} END AS c FROM generate_series(0, 9999) AS n) AS s;
         INSERT INTO messages (tenant, session_id, seq, created_at, is_text, is_summary, role, content)
         SELECT 'default', 's0', n, n, true, false, 'user', '{TEXT}' FROM generate_series(1, 1000) AS n;
         INSERT INTO messages (tenant, session_id, seq, created_at, is_text, is_summary, role, content)
         SELECT 'default', 's' || n, round, round, true, false, 'assistant', '{TEXT}'
         FROM generate_series(1, {rounds}) AS round, generate_series(3, 9999) AS n;
         VACUUM ANALYZE"
    );
    let config: Config = place.url.parse()?;
    let [Host::Unix(folder)] = config.get_hosts() else {
        return Err("this needs a server of our own, as scripts/postgres.sh starts it".into());
    };
    let mut superuser = Config::new();
    superuser
        .host_path(folder)
        .user("postgres")
        .dbname("convostore");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (client, connection) = superuser.connect(NoTls).await?;
        tokio::spawn(connection);
        // One by one: several in one message are one transaction, in which there is no VACUUM.
        for statement in sql.split(";\n").chain(["CHECKPOINT"]) {
            client.batch_execute(statement).await?;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    Ok(Ids {
        thousand: "s0".to_owned(),
        ours: "s1".to_owned(),
        raws: "s2".to_owned(),
    })
}
