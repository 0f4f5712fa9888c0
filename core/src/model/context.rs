//! A context: one JSON object per scope, which outlives the scope's sessions.

use serde::{Deserialize, Serialize};

use super::JsonObject;
use crate::clock::Timestamp;

/// What is known of a scope, apart from any session of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Context {
    /// The scope, which is its identity.
    pub scope: String,
    /// The JSON object, verbatim.
    pub data: JsonObject,
    /// Grows with every change, from 1.
    pub revision: u64,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Context {
    /// A context as first written. For backends and tests.
    pub fn new(scope: impl Into<String>, data: JsonObject, created_at: Timestamp) -> Self {
        Self {
            scope: scope.into(),
            data,
            revision: 1,
            created_at,
            updated_at: created_at,
        }
    }
}

/// Which contexts to list: by bytes of their scopes, ascending.
#[derive(Debug, Clone, Default)]
pub struct ContextQuery {
    pub(crate) scope_prefix: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl ContextQuery {
    /// All contexts of the tenant, 50 to a page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those whose scope begins with these bytes.
    pub fn scope_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.scope_prefix = Some(prefix.into());
        self
    }

    /// How many to a page, 1 to 1,000. Default: 50.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on after the page that gave this cursor.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}
