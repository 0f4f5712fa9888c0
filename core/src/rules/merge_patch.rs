//! JSON Merge Patch, RFC 7396, on JSON text: what the patch does not name stays as it is, to the digit.

use crate::error::Result;
use crate::model::JsonObject;
use crate::rules::json;

/// `target` with `patch` merged in. Members keep their place; new ones come last, in the patch's order.
pub(crate) fn merge(target: &JsonObject, patch: &JsonObject) -> Result<JsonObject> {
    JsonObject::parse(merge_values(Some(target.as_str()), patch.as_str()))
}

/// A member under way: its name's bytes to compare by, name and value as JSON text.
struct Slot<'a> {
    name: Vec<u8>,
    json_name: &'a str,
    value: String,
}

fn merge_values(target: Option<&str>, patch: &str) -> String {
    let Some(changes) = json::members(patch) else {
        return patch.to_owned();
    };
    let mut slots: Vec<Slot<'_>> = Vec::new();
    for (name, value) in target.and_then(json::members).unwrap_or_default() {
        set(&mut slots, name.get(), |_| Some(value.get().to_owned()));
    }
    for (name, change) in changes {
        set(&mut slots, name.get(), |old| {
            (change.get() != "null").then(|| merge_values(old, change.get()))
        });
    }
    write(&slots)
}

/// Gives the member of that name the value that `new` makes of its old one; none removes it.
fn set<'a>(
    slots: &mut Vec<Slot<'a>>,
    json_name: &'a str,
    new: impl FnOnce(Option<&str>) -> Option<String>,
) {
    let name = json::string_bytes(json_name);
    match slots.iter().position(|slot| slot.name == name) {
        Some(index) => match new(Some(&slots[index].value)) {
            Some(value) => slots[index].value = value,
            None => {
                slots.remove(index);
            }
        },
        None => {
            if let Some(value) = new(None) {
                slots.push(Slot {
                    name,
                    json_name,
                    value,
                });
            }
        }
    }
}

fn write(slots: &[Slot<'_>]) -> String {
    let mut out = String::from("{");
    for (index, slot) in slots.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(slot.json_name);
        out.push(':');
        out.push_str(&slot.value);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
