//! JSON as text: how it is checked and encoded, and when a JSON string is plain text. RFC 8259.
//!
//! The policy, the same in all languages: NUL and lone surrogates live in JSON strings as escapes (`\u0000`, `\ud800`) and are kept;
//! numbers of any size are kept digit by digit; duplicate names are kept, and whoever decodes them sees the last; NaN and
//! infinities are not JSON and refused.

use serde::de::{self, Deserialize};
use serde::ser::Serialize;

use crate::error::{Error, ErrorCode, Result};
use crate::json::{Malformed, Reader, put_text, text_of};

/// How deep arrays and objects may be nested.
const MAX_DEPTH: usize = 128;

/// Checks size, syntax and depth.
pub(crate) fn check(what: &'static str, json: &str, max_bytes: usize) -> Result<()> {
    if json.len() > max_bytes {
        return Err(Error::invalid(format!(
            "the {what} has {} bytes; at most {max_bytes} are allowed",
            json.len()
        ))
        .with("argument", what));
    }
    Reader::check(json).map_err(|malformed| no_json(what, json, malformed))
}

/// The text is not quoted: only the place is told.
fn no_json(what: &'static str, json: &str, malformed: Malformed) -> Error {
    if malformed.is_too_deep {
        return Error::invalid(format!(
            "the {what} is nested deeper than {MAX_DEPTH} levels"
        ))
        .with("argument", what);
    }
    let problem = if malformed.at < json.len() {
        "is no JSON"
    } else {
        "is incomplete JSON"
    };
    let read = json.as_bytes().get(..malformed.at).unwrap_or_default();
    let lines = read.split(|byte| *byte == b'\n').count();
    let column = read.iter().rev().take_while(|byte| **byte != b'\n').count();
    Error::invalid(format!(
        "the {what} {problem}, at line {} column {}",
        lines,
        column + 1
    ))
    .with("argument", what)
}

/// Checks size, syntax and depth, and that it is an object.
pub(crate) fn check_object(what: &'static str, json: &str, max_bytes: usize) -> Result<()> {
    check(what, json, max_bytes)?;
    if is_object(json) {
        Ok(())
    } else {
        Err(Error::invalid(format!("the {what} is no JSON object")).with("argument", what))
    }
}

/// The deepest nesting of a JSON text whose syntax was checked.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

pub(crate) fn is_string(json: &str) -> bool {
    json.trim_start().starts_with('"')
}

pub(crate) fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// Whether a text can be kept as plain text: PostgreSQL's cannot hold NUL.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}

/// The JSON string for a text: compact, non-ASCII kept, as `JSON.stringify` and `json.dumps(ensure_ascii=False)` write it.
pub(crate) fn encode_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    put_text(&mut out, text);
    out
}

/// The text of a checked JSON text that is a string, if that text gives the same JSON text again and can be kept as plain text.
pub(crate) fn plain_text_of(json: &str) -> Option<String> {
    if !json.starts_with('"') || !json.ends_with('"') {
        return None;
    }
    let text = text_of(json)?.into_owned();
    let is_same = !json.contains('\\') || encode_string(&text) == json;
    (is_plain(&text) && is_same).then_some(text)
}

/// A value as compact JSON text.
pub(crate) fn encode<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| {
        Error::invalid(format!("the {what} cannot be written as JSON")).with("argument", what)
    })
}

/// A stored JSON text as a value. The depth is checked again, since the storage may be damaged; so serde_json's own limit, one level lower, is off.
pub(crate) fn decode<'de, T: Deserialize<'de>>(what: &'static str, json: &'de str) -> Result<T> {
    if depth(json) > MAX_DEPTH {
        return Err(Error::new(
            ErrorCode::Corrupted,
            format!("the {what} is nested deeper than any that was saved; the storage is damaged"),
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.disable_recursion_limit();
    T::deserialize(&mut deserializer).map_err(|e| no_fit(what, &e))
}

/// What serde_json says can quote the text, so only the place is told.
fn no_fit(what: &'static str, e: &serde_json::Error) -> Error {
    let problem = match e.classify() {
        serde_json::error::Category::Data => "does not fit the type asked for",
        serde_json::error::Category::Eof => "is incomplete JSON",
        _ => "is no JSON",
    };
    Error::invalid(format!(
        "the {what} {problem}, at line {} column {}",
        e.line(),
        e.column()
    ))
    .with("argument", what)
}

/// A plain text as a value.
pub(crate) fn decode_text<'de, T: Deserialize<'de>>(
    what: &'static str,
    text: &'de str,
) -> Result<T> {
    let deserializer = de::value::BorrowedStrDeserializer::<de::value::Error>::new(text);
    T::deserialize(deserializer).map_err(|_| {
        Error::invalid(format!(
            "the {what} is text, which does not fit the type asked for"
        ))
        .with("argument", what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_outside_strings_only() {
        assert_eq!(depth(r#"{"a":["[[[",{"b":"\"{"}]}"#), 3);
        assert_eq!(depth("1"), 0);
    }

    #[test]
    fn plain_text_is_what_gives_the_same_json_again() {
        assert_eq!(plain_text_of(r#""a\nb""#).as_deref(), Some("a\nb"));
        for kept in [
            r#""\u0041""#,
            r#""\/""#,
            r#""\u0000""#,
            r#""\ud800""#,
            "1",
            r#" "a""#,
        ] {
            assert_eq!(plain_text_of(kept), None, "{kept}");
        }
    }

    #[test]
    fn the_deepest_allowed_can_be_decoded() {
        let json = format!("{}{}", "[".repeat(128), "]".repeat(128));
        check("content", &json, 1000).unwrap();
        decode::<serde_json::Value>("content", &json).unwrap();
        let deeper = format!("[{json}]");
        assert!(check("content", &deeper, 1000).is_err());
    }

    #[test]
    fn what_a_damaged_storage_holds_cannot_exhaust_the_stack() {
        let json = "[".repeat(1_000_000);
        let e = decode::<serde_json::Value>("content", &json).unwrap_err();
        assert_eq!(e.code(), ErrorCode::Corrupted);
    }

    #[test]
    fn no_error_quotes_the_content() {
        let e = check("content", r#"{"secret" "word"}"#, 1000).unwrap_err();
        let e2 = decode::<u64>("content", r#""secret""#).unwrap_err();
        for text in [format!("{e:?}"), format!("{e2:?}")] {
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn it_may_have_its_largest_size_and_no_byte_more() {
        assert!(check("content", "[1]", 3).is_ok());
        let said = check("content", "[1]", 2).unwrap_err();
        assert_eq!(
            said.message(),
            "the content has 3 bytes; at most 2 are allowed"
        );
    }

    #[test]
    fn where_it_is_no_json_is_told_by_line_and_column() {
        for (json, place) in [
            ("[1 2]", "is no JSON, at line 1 column 4"),
            ("[1,\n  2 3]", "is no JSON, at line 2 column 5"),
            ("[1,\n", "is incomplete JSON, at line 2 column 1"),
            ("", "is incomplete JSON, at line 1 column 1"),
        ] {
            let said = check("content", json, 1000).unwrap_err();
            assert_eq!(said.message(), format!("the content {place}"));
        }
    }
}
