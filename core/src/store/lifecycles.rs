//! Lifecycles: define, list, and look up by name.

use std::sync::Arc;

use super::{Store, read};
use crate::backend::ReadTransaction;
use crate::error::Result;
use crate::model::Lifecycle;
use crate::rules::{lifecycle, limits};

impl Store {
    /// Defines a lifecycle, for all programs on the store. Defining it the same way again does nothing.
    ///
    /// Errors: `conflict` where the name is defined differently; `invalid_argument` where the definition is not sound.
    pub fn define_lifecycle(&self, definition: Lifecycle) -> Result<Lifecycle> {
        let (_entered, ..) = self.enter()?;
        lifecycle::check(&definition)?;
        if let Some(known) = lifecycle::built_in(&definition.name) {
            return same(known, &definition);
        }
        self.write(move |tx| match tx.lifecycle(&definition.name)? {
            Some(known) => same(known, &definition),
            None => {
                tx.insert_lifecycle(&definition)?;
                Ok(definition.clone())
            }
        })
    }

    /// All lifecycles, the built-in ones included, by bytes of their names.
    pub fn list_lifecycles(&self) -> Result<Vec<Lifecycle>> {
        let (_entered, reader, tenant) = self.enter_reading()?;
        let mut all = read(reader, tenant, |tx| tx.lifecycles())?;
        for built_in in lifecycle::all_built_in() {
            let at = all.partition_point(|other| other.name < built_in.name);
            all.insert(at, built_in);
        }
        Ok(all)
    }

    /// The lifecycle of that name; an error where nobody defined it.
    pub(super) fn lifecycle(&self, name: &str) -> Result<Arc<Lifecycle>> {
        match self.known_lifecycle(name) {
            Some(known) => Ok(known),
            None => {
                limits::check("lifecycle", name, 1, limits::LIFECYCLE)?;
                let found = self.read(|tx| self.lifecycle_in(tx, name))?;
                crate::lock(&self.inner.lifecycles).insert(Arc::from(name), Arc::clone(&found));
                Ok(found)
            }
        }
    }

    /// As [`Store::lifecycle`], inside a transaction.
    pub(super) fn lifecycle_in<T: ReadTransaction + ?Sized>(
        &self,
        tx: &mut T,
        name: &str,
    ) -> Result<Arc<Lifecycle>> {
        if let Some(known) = self.known_lifecycle(name) {
            return Ok(known);
        }
        let found = tx
            .lifecycle(name)?
            .ok_or_else(|| lifecycle::unknown(name))?;
        Ok(Arc::new(found))
    }

    /// Built-in ones are made once and kept too.
    fn known_lifecycle(&self, name: &str) -> Option<Arc<Lifecycle>> {
        let mut known = crate::lock(&self.inner.lifecycles);
        if let Some(lifecycle) = known.get(name) {
            return Some(Arc::clone(lifecycle));
        }
        let lifecycle = Arc::new(lifecycle::built_in(name)?);
        known.insert(Arc::from(name), Arc::clone(&lifecycle));
        Some(lifecycle)
    }
}

fn same(known: Lifecycle, definition: &Lifecycle) -> Result<Lifecycle> {
    if lifecycle::same(&known, definition) {
        Ok(known)
    } else {
        Err(lifecycle::redefined(&definition.name))
    }
}
