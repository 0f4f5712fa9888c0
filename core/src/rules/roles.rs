//! Roles: the built-in ones, and those declared at open. Any other is an error, not a crash.

use crate::error::{Error, Result};
use crate::model::Role;
use crate::quoted::{joined, quoted};
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
        let known = joined(&known, ", ");
        let role = role.as_str();
        if !could_be_one(role) {
            return Err(Error::invalid(format!(
                "the role is not among the known ones, and not repeated here, since it is no plain word of at most {} bytes (is it the content?); known are {known}, and others can be declared when the store is opened",
                limits::ROLE
            ))
            .with("argument", "role"));
        }
        Err(Error::invalid(format!(
            "unknown role {role}; known are {known}, and others can be declared when the store is opened",
            role = quoted(&role),
        ))
        .with("argument", "role")
        .with("role", role))
    }
}

/// Whether an error may repeat it: a word of ASCII. Role and content stand side by side, and who takes one for the other is not to find the content in a
/// log. Many languages write whole sentences without a space, so what is a word cannot be told there.
fn could_be_one(role: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':');
    !role.is_empty() && role.len() <= limits::ROLE && role.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_the_built_in_ones_and_then_those_declared() {
        let all = Roles::new(vec![Role::from("critic")]).unwrap().all();
        let (last, built_in) = all.split_last().unwrap();
        assert_eq!(built_in, Role::BUILT_IN);
        assert_eq!(last.as_str(), "critic");
    }

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
            "geheim—secret",
            "secreté",
            &"secret".repeat(20),
        ] {
            assert!(!told(content).contains("secret"));
        }
    }
}
