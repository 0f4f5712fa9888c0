//! The members of an object that a record is read from.

use super::reader::{Malformed, elements, members, text_of};
use crate::clock::Timestamp;

/// Members by name. What is missing or of another type gives a default and is remembered: asked once, at the end.
pub(crate) struct Fields<'a> {
    members: Vec<(&'a str, &'a str)>,
    /// Records are read in the order in which they are written, so the next member is nearly always the one that is asked for.
    next: usize,
    is_sound: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(json: &'a str) -> Result<Self, Malformed> {
        Ok(Self {
            members: members(json)?,
            next: 0,
            is_sound: true,
        })
    }

    /// The value of that name as JSON text.
    pub(crate) fn value(&mut self, name: &str) -> Option<&'a str> {
        if let Some((_, value)) = self
            .members
            .get(self.next)
            .filter(|member| member.0 == name)
        {
            self.next += 1;
            return Some(value);
        }
        let found = self.members.iter().find(|member| member.0 == name);
        found.map(|(_, value)| *value)
    }

    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name).filter(|value| *value != "null")?;
        let text = text_of(value);
        self.is_sound &= text.is_some();
        text.map(Into::into)
    }

    pub(crate) fn text(&mut self, name: &str) -> String {
        let text = self.optional_text(name);
        self.is_sound &= text.is_some();
        text.unwrap_or_default()
    }

    pub(crate) fn optional_number(&mut self, name: &str) -> Option<u64> {
        let value = self.value(name).filter(|value| *value != "null")?;
        let number = value.parse().ok();
        self.is_sound &= number.is_some();
        number
    }

    pub(crate) fn number(&mut self, name: &str) -> u64 {
        let number = self.optional_number(name);
        self.is_sound &= number.is_some();
        number.unwrap_or_default()
    }

    /// No, where it is missing.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let value = self.value(name).unwrap_or("false");
        self.is_sound &= value == "true" || value == "false";
        value == "true"
    }

    pub(crate) fn time(&mut self, name: &str) -> Timestamp {
        let time = self.value(name).and_then(time_of);
        self.is_sound &= time.is_some();
        time.unwrap_or(Timestamp::MIN)
    }

    /// The elements of a list, each as `read` reads it.
    pub(crate) fn list<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let list = self.value(name).and_then(|json| elements(json).ok());
        let list = list.and_then(|list| list.into_iter().map(read).collect::<Option<Vec<T>>>());
        self.is_sound &= list.is_some();
        list.unwrap_or_default()
    }

    /// Whether all that was asked for was there, as asked for.
    pub(crate) fn are_sound(&self) -> bool {
        self.is_sound
    }
}

/// The time that a number of milliseconds stands for.
fn time_of(json: &str) -> Option<Timestamp> {
    Timestamp::from_millis(json.parse().ok()?).ok()
}
