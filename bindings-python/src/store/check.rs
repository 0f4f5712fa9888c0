//! Whether a store is sound.

use pyo3::prelude::*;

use super::Store;
use crate::model::StoreCheck;

#[pymethods]
impl Store {
    /// Looks for damage, in the storage itself and in the rows of this tenant. It reads everything and changes nothing.
    ///
    /// Returns: a StoreCheck; export_archive with tolerant=True saves what can be read of a damaged store.
    ///
    ///     assert store.check().is_sound
    fn check(&self, py: Python<'_>) -> PyResult<StoreCheck> {
        self.run(py, convostore::Store::check).map(StoreCheck::from)
    }
}
