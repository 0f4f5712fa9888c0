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
        let known = known.join(", ");
        let role = role.as_str();
        if !could_be_one(role) {
            return Err(Error::invalid(format!(
                "the role is no word of at most {} bytes (is it the content?); known are {known}, and others can be declared when the store is opened",
                limits::ROLE
            )));
        }
        Err(Error::invalid(format!(
            "unknown role {role:?}; known are {known}, and others can be declared when the store is opened"
        ))
        .with("role", role))
    }
}

/// Whether an error may repeat it. Role and content stand side by side, and who takes one for the other is not to find the content in a log.
fn could_be_one(role: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "_-./:".contains(c);
    !role.is_empty() && role.len() <= limits::ROLE && role.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_repeats_a_role_but_not_a_content_in_its_place() {
        let roles = Roles::new(Vec::new()).unwrap();
        let told = |role: &str| {
            let error = roles.check(&Role::from(role)).unwrap_err();
            format!("{error} {:?}", error.details())
        };
        assert!(told("asistant").contains("asistant"));
        for content in [
            "my secret words",
            "secret\n",
            "{\"secret\":1}",
            &"secret".repeat(20),
        ] {
            assert!(!told(content).contains("secret"));
        }
    }
}
