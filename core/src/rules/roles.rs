//! Roles: the built-in ones, and those declared at open. Any other is an error, not a crash.

use crate::error::{Error, Result};
use crate::model::Role;
use crate::rules::limits;

/// The roles that a store accepts.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    declared: Vec<Role>,
}

impl Roles {
    pub(crate) fn new(declared: Vec<Role>) -> Result<Self> {
        for role in &declared {
            limits::check("role", role.as_str(), 1, limits::ROLE)?;
        }
        Ok(Self { declared })
    }

    /// The built-in ones, then the declared ones.
    pub(crate) fn all(&self) -> Vec<Role> {
        Role::BUILT_IN
            .iter()
            .chain(&self.declared)
            .cloned()
            .collect()
    }

    pub(crate) fn check(&self, role: &Role) -> Result<()> {
        if Role::BUILT_IN.contains(role) || self.declared.contains(role) {
            return Ok(());
        }
        let known: Vec<&str> = Role::BUILT_IN
            .iter()
            .chain(&self.declared)
            .map(Role::as_str)
            .collect();
        let shown: String = role.as_str().chars().take(limits::ROLE).collect();
        Err(Error::invalid(format!(
            "unknown role {shown:?}; known are {}, and others can be declared when the store is opened",
            known.join(", ")
        ))
        .with("role", shown))
    }
}
