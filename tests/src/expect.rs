//! Whether a result is as expected.

use serde_json::Value;

use crate::answer::{Answer, shorten};

/// The first place where the result is not as expected, if there is one.
pub fn mismatch(actual: &Answer, expected: &Value) -> Option<String> {
    at("result", actual, expected)
}

fn at(path: &str, actual: &Answer, expected: &Value) -> Option<String> {
    if let Some((form, argument)) = form(expected) {
        return match form {
            "$any" => (*actual == Answer::Nothing)
                .then(|| format!("{path}: expected something, got null")),
            "$not" => at(path, actual, argument).is_none().then(|| {
                format!(
                    "{path}: expected anything but {}",
                    shorten(&argument.to_string())
                )
            }),
            "$length" => length_mismatch(path, actual, argument),
            "$json" => {
                let matches = matches!(actual, Answer::Json(text) if Some(text.as_str()) == argument.as_str());
                (!matches).then(|| {
                    let text = argument.as_str().unwrap_or("(no text)");
                    format!(
                        "{path}: expected the JSON text {}, got {}",
                        shorten(text),
                        actual.brief()
                    )
                })
            }
            other => Some(format!("{path}: {other} is no form of an expectation")),
        };
    }
    match (actual, expected) {
        (Answer::Object(members), Value::Object(expected)) => {
            expected.iter().find_map(|(name, expected)| {
                let path = format!("{path}.{name}");
                match members.get(name.as_str()) {
                    Some(actual) => at(&path, actual, expected),
                    None => Some(format!("{path}: there is no such member")),
                }
            })
        }
        (Answer::List(items), Value::Array(expected)) => {
            if items.len() != expected.len() {
                return Some(format!(
                    "{path}: expected {} elements, got {}: {}",
                    expected.len(),
                    items.len(),
                    actual.brief()
                ));
            }
            items
                .iter()
                .zip(expected)
                .enumerate()
                .find_map(|(index, (item, expected))| {
                    at(&format!("{path}.{index}"), item, expected)
                })
        }
        _ => (!equal(actual, expected)).then(|| {
            format!(
                "{path}: expected {}, got {}",
                shorten(&expected.to_string()),
                actual.brief()
            )
        }),
    }
}

/// `{ "$name": argument }`, alone in its object.
fn form(expected: &Value) -> Option<(&str, &Value)> {
    let object = expected.as_object()?;
    let (name, argument) = object.iter().next()?;
    (object.len() == 1 && name.starts_with('$')).then_some((name, argument))
}

fn equal(actual: &Answer, expected: &Value) -> bool {
    match (actual, expected) {
        (Answer::Nothing, Value::Null) => true,
        (Answer::Bool(a), Value::Bool(b)) => a == b,
        (Answer::Number(a), Value::Number(b)) => b.as_i128() == Some(*a),
        (Answer::Text(a), Value::String(b)) => a == b,
        (Answer::Json(text), expected) => {
            serde_json::from_str::<Value>(text).is_ok_and(|actual| actual == *expected)
        }
        _ => false,
    }
}

fn length_mismatch(path: &str, actual: &Answer, expected: &Value) -> Option<String> {
    let length = match actual {
        Answer::List(items) => items.len(),
        Answer::Text(text) => text.chars().count(),
        Answer::Json(json) => match serde_json::from_str(json) {
            Ok(Value::String(text)) => text.chars().count(),
            Ok(Value::Array(items)) => items.len(),
            _ => return Some(format!("{path}: has no length: {}", actual.brief())),
        },
        _ => return Some(format!("{path}: has no length: {}", actual.brief())),
    };
    (expected.as_u64() != Some(length as u64)).then(|| {
        format!(
            "{path}: expected a length of {expected}, got {length}: {}",
            actual.brief()
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::record;

    #[test]
    fn a_mismatch_says_where() {
        let actual =
            record! { id: "s1", count: 2_u64, content: Answer::Json(r#"{"n":1.0}"#.to_owned()) };
        for (expected, at) in [
            (json!({ "id": "s1", "count": 2 }), None),
            (
                json!({ "id": { "$any": true }, "content": { "n": 1.0 } }),
                None,
            ),
            (json!({ "content": { "$json": r#"{"n":1.0}"# } }), None),
            (json!({ "id": { "$length": 2 } }), None),
            (json!({ "id": { "$not": "s2" } }), None),
            (json!({ "count": 3 }), Some("result.count")),
            (
                json!({ "content": { "$json": r#"{"n":1}"# } }),
                Some("result.content"),
            ),
            (json!({ "content": {} }), Some("result.content")),
            (json!({ "cuont": 2 }), Some("result.cuont")),
            (
                json!({ "id": { "$not": { "$any": true } } }),
                Some("result.id"),
            ),
            (json!([]), Some("result")),
        ] {
            let found = mismatch(&actual, &expected);
            assert_eq!(
                found.as_deref().map(|text| text.split(':').next().unwrap()),
                at,
                "{expected}: {found:?}"
            );
        }
    }
}
