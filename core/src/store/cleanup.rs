//! Cleaning up: sessions that nobody used for long are deleted, in short transactions.

use super::Store;
use crate::backend::{ScopeFilter, SessionFilter};
use crate::error::Result;
use crate::model::{Cleanup, CleanupQuery};
use crate::rules::{limits, order, retention};

impl Store {
    /// Deletes the sessions whose last activity is longer ago than `older_than`, in short transactions, so that writers are not kept
    /// waiting; with `dry_run` only counts them. Contexts stay.
    ///
    /// Sessions that were deleted before an error stay deleted.
    pub fn cleanup_sessions(&self, query: CleanupQuery) -> Result<Cleanup> {
        let mut total = Cleanup::default();
        let mut step = self.begin_cleanup(query)?;
        while let Some(done) = self.cleanup_step(&mut step)? {
            total.sessions += done.sessions;
            total.messages += done.messages;
        }
        Ok(total)
    }

    /// The steps of [`Store::cleanup_sessions`], for bindings that settle one transaction before the next.
    #[doc(hidden)]
    pub fn begin_cleanup(&self, query: CleanupQuery) -> Result<CleanupSteps> {
        let (_entered, ..) = self.enter()?;
        let now = self.now();
        let scope = match &query.scope {
            Some(scope) => {
                limits::check("scope", scope, 0, limits::SCOPE)?;
                ScopeFilter::Exactly(scope.clone())
            }
            None => ScopeFilter::Any,
        };
        limits::check_optional("status", query.status.as_deref(), limits::STATUS)?;
        Ok(CleanupSteps {
            filter: SessionFilter {
                scope,
                status: query.status,
                after: Some(retention::delete_after(now, query.older_than)),
                limit: retention::BATCH,
                ..SessionFilter::default()
            },
            dry_run: query.dry_run,
            done: false,
        })
    }

    /// One transaction of a clean-up; `None` when there is nothing left to do.
    #[doc(hidden)]
    pub fn cleanup_step(&self, steps: &mut CleanupSteps) -> Result<Option<Cleanup>> {
        let (_entered, backend, tenant) = self.enter()?;
        if steps.done {
            return Ok(None);
        }
        let filter = steps.filter.clone();
        let rows = if steps.dry_run {
            backend.sessions(tenant, &filter)?
        } else {
            self.write(move |tx| {
                let rows = tx.sessions(&filter)?;
                for row in &rows {
                    tx.delete_session(&row.session.id)?;
                }
                Ok(rows)
            })?
        };
        steps.done = rows.len() < steps.filter.limit;
        if let Some(last) = rows.last().filter(|_| steps.dry_run) {
            steps.filter.after = Some(order::position(&last.session));
        }
        Ok(Some(Cleanup {
            sessions: rows.len() as u64,
            messages: rows.iter().map(|row| row.session.message_count).sum(),
        }))
    }
}

/// Where a clean-up stands.
#[doc(hidden)]
#[derive(Debug)]
pub struct CleanupSteps {
    filter: SessionFilter,
    dry_run: bool,
    done: bool,
}
