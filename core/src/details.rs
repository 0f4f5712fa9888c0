//! The details of an error: names and values for programs.

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use crate::json;

/// The value of a detail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// A text: an id, a scope, a name, a path.
    Text(String),
    /// A whole number: a `seq`, a revision, a line.
    Number(i64),
}

impl Detail {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }

    /// The number, where it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Number(number) => Some(*number),
        }
    }
}

/// As JSON text.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        match self {
            Self::Text(text) => json::put_text(&mut out, text),
            Self::Number(number) => json::put_number(&mut out, *number),
        }
        f.write_str(&out)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Cow<'_, str>> for Detail {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<u64> for Detail {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i32> for Detail {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl PartialEq<str> for Detail {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<&str> for Detail {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<i64> for Detail {
    fn eq(&self, number: &i64) -> bool {
        self.as_i64() == Some(*number)
    }
}

/// Names and values that belong to an error's message, by name. `details["session_id"]` panics where there is no such detail;
/// [`Details::get`] does not.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Details(Vec<(&'static str, Detail)>);

impl Details {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Detail> {
        self.iter()
            .find(|detail| detail.0 == name)
            .map(|(_, value)| value)
    }

    /// Whether there is one of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, (&'static str, Detail)> {
        self.0.iter()
    }

    /// Adds one, in place of that of the same name.
    pub(crate) fn insert(&mut self, name: &'static str, value: Detail) {
        let at = self.0.iter().position(|(other, _)| *other >= name);
        let at = at.unwrap_or(self.0.len());
        match self.0.get_mut(at) {
            Some(there) if there.0 == name => there.1 = value,
            _ => self.0.insert(at, (name, value)),
        }
    }
}

impl<'a> IntoIterator for &'a Details {
    type Item = &'a (&'static str, Detail);
    type IntoIter = std::slice::Iter<'a, (&'static str, Detail)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Index<&str> for Details {
    type Output = Detail;

    #[expect(
        clippy::expect_used,
        reason = "as an index of the standard library does"
    )]
    fn index(&self, name: &str) -> &Detail {
        self.get(name).expect("there is no such detail")
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().map(|(name, value)| (name, value));
        f.debug_map().entries(entries).finish()
    }
}
