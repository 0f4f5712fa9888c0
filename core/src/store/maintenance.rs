//! The store as a whole: how much there is, and a copy of it.

use std::path::Path;

use super::{Store, read};
use crate::error::Result;
use crate::model::Stats;

impl Store {
    /// How much there is in the store.
    pub fn stats(&self) -> Result<Stats> {
        let (_entered, reader, tenant) = self.enter_reading()?;
        let totals = read(reader, tenant, |tx| tx.totals())?;
        Ok(Stats {
            sessions: totals.sessions,
            messages: totals.messages,
            contexts: totals.contexts,
            bytes: self.inner.backend.size()?,
        })
    }

    /// Copies the whole store, all tenants, as it is at one moment, to a new file that only its owner can read. Writers go on meanwhile.
    ///
    /// Errors: `already_exists` where there is such a file; `permission_denied`; `unsupported` in memory, where
    /// [`Store::export_archive`] serves.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        let (_entered, backend, _) = self.enter()?;
        backend.backup(path.as_ref())
    }
}
