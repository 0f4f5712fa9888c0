//! Contexts: one JSON object per scope.

use convostore::ContextQuery;
use pyo3::prelude::*;

use super::Store;
use crate::json;
use crate::model::{Context, Page};
use crate::text::{Count, Text};

#[pymethods]
impl Store {
    /// The context of a scope.
    ///
    /// Args:
    ///     scope: The scope.
    ///
    /// Returns: the Context, or None until it is first written.
    ///
    /// Errors: invalid_argument.
    ///
    ///     context = store.get_context("C042")
    fn get_context(&self, py: Python<'_>, scope: Text) -> PyResult<Option<Context>> {
        let found = self.run(py, |store| store.get_context(&scope.0))?;
        Ok(found.map(Context::from))
    }

    /// Writes the context of a scope.
    ///
    /// Args:
    ///     scope: The scope.
    ///     data: A dict (or JsonText).
    ///     expected_revision: Demands that the context's revision be this one; 0 demands that there be none yet.
    ///
    /// Returns: the Context as it is now.
    ///
    /// Errors: conflict where the expected revision is not the present one; invalid_argument.
    ///
    ///     store.set_context("C042", {"project": "OPS"})
    #[pyo3(signature = (scope, data, *, expected_revision=None))]
    fn set_context(
        &self,
        py: Python<'_>,
        scope: Text,
        data: &Bound<'_, PyAny>,
        expected_revision: Option<Count>,
    ) -> PyResult<Context> {
        let data = json::object("data", data)?;
        let expected = expected_revision.map(|revision| revision.0);
        self.run(py, |store| store.set_context(&scope.0, data, expected))
            .map(Context::from)
    }

    /// Merges into the context of a scope by RFC 7396, beginning with {} where there is none.
    ///
    /// Args:
    ///     scope: The scope.
    ///     patch: A dict (or JsonText): None removes a member, dicts are merged, anything else replaces.
    ///     expected_revision: Demands that the context's revision be this one; 0 demands that there be none yet.
    ///
    /// Returns: the Context as it is now.
    ///
    /// Errors: conflict where the expected revision is not the present one; invalid_argument.
    ///
    ///     store.merge_context("C042", {"components": {"ui": "ada"}})
    #[pyo3(signature = (scope, patch, *, expected_revision=None))]
    fn merge_context(
        &self,
        py: Python<'_>,
        scope: Text,
        patch: &Bound<'_, PyAny>,
        expected_revision: Option<Count>,
    ) -> PyResult<Context> {
        let patch = json::object("patch", patch)?;
        let expected = expected_revision.map(|revision| revision.0);
        self.run(py, |store| store.merge_context(&scope.0, patch, expected))
            .map(Context::from)
    }

    /// Deletes the context of a scope.
    ///
    /// Args:
    ///     scope: The scope.
    ///
    /// Returns: whether there was one.
    ///
    /// Errors: invalid_argument.
    ///
    ///     store.delete_context("C042")
    fn delete_context(&self, py: Python<'_>, scope: Text) -> PyResult<bool> {
        self.run(py, |store| store.delete_context(&scope.0))
    }

    /// Contexts by bytes of their scopes, a page at a time.
    ///
    /// Args:
    ///     scope_prefix: Only those whose scope begins so.
    ///     limit: How many to a page, 1 to 1,000. Default: 50.
    ///     cursor: The next_cursor of the page before.
    ///
    /// Returns: a Page of Context.
    ///
    /// Errors: invalid_argument.
    ///
    ///     for context in store.list_contexts(scope_prefix="/home/ada/"): ...
    #[pyo3(signature = (*, scope_prefix=None, limit=None, cursor=None))]
    fn list_contexts(
        &self,
        py: Python<'_>,
        scope_prefix: Option<Text>,
        limit: Option<Count>,
        cursor: Option<Text>,
    ) -> PyResult<Page> {
        let mut query = ContextQuery::new();
        if let Some(prefix) = scope_prefix {
            query = query.scope_prefix(prefix.0);
        }
        if let Some(limit) = limit {
            query = query.limit(limit.size());
        }
        if let Some(cursor) = cursor {
            query = query.cursor(cursor.0);
        }
        let page = self.run(py, |store| store.list_contexts(query))?;
        Page::of::<_, Context>(py, page)
    }
}
