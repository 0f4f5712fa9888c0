//! Many messages, one flush: a transaction's beginning, its tenant, its statements and its commit leave together, and nothing is waited for
//! in between.
//!
//! Why BEGIN and COMMIT at all? A single statement would be a transaction by itself, and could set the tenant in a CTE of its own. But row-level
//! security compares with the setting wherever the plan happens to read it: nothing in SQL orders that after the CTE. A statement of its own,
//! before, is the only form that is right by the rules and not by the plan.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::{Row, Statement};

use super::failure::Failure;
use super::query::Query;

/// The rows of each statement, in order.
pub(super) type Answers = Vec<Vec<Row>>;

type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

/// What a transaction begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// One statement that reads: it has one snapshot anyhow.
    Read,
    /// Several that read: they share one.
    ReadMany,
    Write,
}

impl Access {
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN READ ONLY",
            Self::ReadMany => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

/// Whose rows, and how long a statement may take.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) tenant: String,
    pub(super) limit: Duration,
}

impl Setting {
    /// For this transaction alone, whoever uses the connection next. The server itself keeps the time: then what it cancels is known to have
    /// had no effect.
    pub(super) fn query(&self) -> Query {
        // Rounded up: nobody is told to be busy before the limit.
        let limit = self.limit.as_micros().div_ceil(1000);
        let limit = format!("{}ms", limit.clamp(1, i32::MAX as u128));
        let sql = "SELECT set_config('convostore.tenant', $1, true), set_config('lock_timeout', $2, true), set_config('statement_timeout', $2, true), set_config('row_security', 'on', true)";
        Query {
            sql: sql.to_owned(),
            values: Vec::new(),
            types: Vec::new(),
        }
        .bind(format!("={}", self.tenant))
        .bind(limit)
    }
}

/// What to send together.
pub(super) struct Flight {
    /// Whether it begins a transaction, and how.
    pub(super) begin: Option<(Access, Setting)>,
    pub(super) queries: Vec<Query>,
    pub(super) commit: bool,
    /// Whether statements are prepared once for each connection.
    pub(super) prepared: bool,
}

impl Flight {
    /// Sends everything and waits for all answers.
    pub(super) async fn fly(mut self, connection: &Object) -> Result<Answers, Failure> {
        let begin = self.begin.take();
        let skipped = usize::from(begin.is_some());
        if let Some((_, setting)) = &begin {
            self.queries.insert(0, setting.query());
        }
        let statements = self.prepare(connection).await?;
        if connection.is_closed() {
            return Err(Failure::Lost);
        }
        // From here to the first wait nothing else runs on this thread, so that all of it is one flush.
        let mut sent: Vec<Answer<'_>> = Vec::with_capacity(self.queries.len() + 2);
        if let Some((access, _)) = &begin {
            sent.push(Box::pin(command(connection, access.begin())));
        }
        for (index, query) in self.queries.iter().enumerate() {
            sent.push(Box::pin(ask(connection, statements.get(index), query)));
        }
        if self.commit {
            sent.push(Box::pin(command(connection, "COMMIT")));
        }
        let answers = all(sent).await;
        judge(answers, skipped * 2, self.commit)
    }

    /// Statements that this connection has prepared already cost nothing here.
    async fn prepare(&self, connection: &ClientWrapper) -> Result<Vec<Statement>, Failure> {
        let mut statements = Vec::with_capacity(self.queries.len());
        if self.prepared {
            for query in &self.queries {
                let prepared = connection
                    .prepare_typed_cached(&query.sql, &query.types)
                    .await;
                statements.push(prepared.map_err(|e| Failure::before_commit(&e))?);
            }
        }
        Ok(statements)
    }
}

async fn command(connection: &ClientWrapper, sql: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    connection.batch_execute(sql).await?;
    Ok(Vec::new())
}

async fn ask(
    connection: &ClientWrapper,
    statement: Option<&Statement>,
    query: &Query,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    match statement {
        Some(statement) => connection.query(statement, &query.parameters()).await,
        None => {
            connection
                .query_typed(&query.sql, &query.typed_parameters())
                .await
        }
    }
}

/// Polls all in order until all are answered. (Sending happens when each is polled first.)
async fn all(mut waiting: Vec<Answer<'_>>) -> Vec<Result<Vec<Row>, tokio_postgres::Error>> {
    let mut answers: Vec<Option<_>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_pending = false;
        for (future, answer) in waiting.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// The answers of the statements, or what went wrong first. An error of the server before the commit means that there was no commit: the
/// server answers it by rolling back. A connection that ends without a word of the server's, the commit sent, leaves everything open.
fn judge(
    answers: Vec<Result<Vec<Row>, tokio_postgres::Error>>,
    preamble: usize,
    commits: bool,
) -> Result<Answers, Failure> {
    let last = answers.len().saturating_sub(1);
    let mut rows = Vec::with_capacity(answers.len());
    for (index, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(answer) => rows.push(answer),
            Err(error) if commits && index == last => return Err(Failure::at_commit(&error)),
            Err(error) => {
                let failure = if index == 0 && preamble > 0 {
                    Failure::at_begin(&error)
                } else {
                    Failure::before_commit(&error)
                };
                return Err(match failure {
                    failure if commits && failure.is_of_the_way() => Failure::Unknown,
                    failure => failure,
                });
            }
        }
    }
    if commits {
        rows.pop();
    }
    rows.drain(..preamble.min(rows.len()));
    Ok(rows)
}
