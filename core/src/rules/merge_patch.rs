//! JSON Merge Patch, RFC 7396, on JSON text: what the patch does not name stays as it is, to the digit.

use std::sync::Arc;

use crate::error::Result;
use crate::json;
use crate::model::JsonObject;
use crate::ordered::{Item, Place, Sorted};

/// `target` with `patch` merged in. Members keep their place; new ones come last, in the patch's order.
pub(crate) fn merge(target: &JsonObject, patch: &JsonObject) -> Result<JsonObject> {
    JsonObject::parse(merge_values(Some(target.as_str()), patch.as_str()))
}

fn merge_values(target: Option<&str>, patch: &str) -> String {
    let Ok(changes) = json::members(patch) else {
        return patch.to_owned(); // no object
    };
    let members = target.and_then(|target| json::members(target).ok());
    let mut object = Object::default();
    for (name, value) in members.unwrap_or_default() {
        object.set(name, &mut |_| Some(value.to_owned()));
    }
    for (name, change) in changes {
        object.set(name, &mut |old| {
            (change != "null").then(|| merge_values(old, change))
        });
    }
    object.write()
}

/// An object under way: its members in order, found by the bytes of their names.
#[derive(Default)]
struct Object<'a> {
    /// The inside of the name and the value as JSON text; nothing where a member was removed.
    members: Vec<Option<(&'a str, String)>>,
    places: Sorted,
}

impl<'a> Object<'a> {
    /// Gives the member of that name the value that `new` makes of its old one; none removes it.
    fn set(&mut self, json_name: &'a str, new: &mut dyn FnMut(Option<&str>) -> Option<String>) {
        let name = identity(json_name);
        let place = self.places.value(&name);
        let Some(place) = place.and_then(|place| usize::try_from(place).ok()) else {
            if let Some(value) = new(None) {
                let place = self.members.len() as u64;
                self.places.insert(Item::new(0, 0, name, place));
                self.members.push(Some((json_name, value)));
            }
            return;
        };
        let Some(member) = self.members.get_mut(place) else {
            return;
        };
        let old = member.take();
        let value = new(old.as_ref().map(|(_, value)| value.as_str()));
        let present = old.map_or(json_name, |(name, _)| name);
        *member = value.map(|value| (present, value));
        if member.is_none() {
            self.places.remove(Place::of(&name)); // one of that name that comes later comes last
        }
    }

    fn write(&self) -> String {
        let mut out = String::from("{");
        for (name, value) in self.members.iter().flatten() {
            if out.len() > 1 {
                out.push(',');
            }
            out.push('"');
            out.push_str(name);
            out.push_str("\":");
            out.push_str(value);
        }
        out.push('}');
        out
    }
}

/// What makes a name the same as another: its bytes, each as a character, since halves of surrogate pairs have none.
fn identity(json_name: &str) -> Arc<str> {
    let bytes = json::bytes_of(json_name);
    let text: String = bytes.into_iter().map(char::from).collect();
    Arc::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 MiB of members are merged in one go, inside a write transaction: the time must not grow with their square. With a look at all members
    /// for each, this took minutes.
    #[test]
    fn many_members() {
        let members: Vec<String> = (0..300_000).map(|n| format!("\"m{n}\":1")).collect();
        let target = JsonObject::parse(format!("{{{}}}", members.join(","))).unwrap();
        let removed: Vec<String> = (0..150_000).map(|n| format!("\"m{n}\":null")).collect();
        let patch = JsonObject::parse(format!("{{{}}}", removed.join(","))).unwrap();
        let merged = merge(&target, &patch).unwrap();
        assert_eq!(merged.as_str().matches(':').count(), 150_000);
    }

    /// The test cases of RFC 7396, appendix A, whose target and patch are objects, and some of our own.
    #[test]
    fn cases() {
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (
                r#"{ "n" : 1.0e400 , "b":1}"#,
                r#"{"b":12345678901234567890}"#,
                r#"{"n":1.0e400,"b":12345678901234567890}"#,
            ),
            (r#"{"\u0061":1}"#, r#"{"a":2}"#, r#"{"\u0061":2}"#),
            (r#"{"a":1,"a":2}"#, r#"{"b":3}"#, r#"{"a":2,"b":3}"#),
            ("{}", r#"{"__proto__":{"x":1}}"#, r#"{"__proto__":{"x":1}}"#),
        ] {
            let merged = merge(
                &JsonObject::parse(target).unwrap(),
                &JsonObject::parse(patch).unwrap(),
            )
            .unwrap();
            assert_eq!(merged.as_str(), expected, "{target} + {patch}");
        }
    }
}
