//! Previews: the beginning of the message that tells what a session is about.

use crate::json::{bytes_of, elements, lossy_text_of, members};
use crate::model::{Content, NewMessage, Role};
use crate::rules::graphemes::last_end;
use crate::rules::json;

/// How many code points a preview has at most.
const MAX_CODE_POINTS: usize = 100;

/// Which message a session's preview is taken from. Either way it is the first such message that has text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PreviewRule {
    /// The first that is not of role system or developer. The default.
    #[default]
    FirstSpoken,
    /// Literally the first.
    First,
}

impl PreviewRule {
    /// The rule of that name: `first_spoken` or `first`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "first_spoken" => Some(Self::FirstSpoken),
            "first" => Some(Self::First),
            _ => None,
        }
    }

    fn lets_through(self, role: &Role) -> bool {
        match self {
            Self::First => true,
            Self::FirstSpoken => *role != Role::SYSTEM && *role != Role::DEVELOPER,
        }
    }
}

/// The preview that these messages give to a session that has none: index of the message, and preview.
pub(crate) fn of_messages(rule: PreviewRule, messages: &[NewMessage]) -> Option<(usize, String)> {
    messages
        .iter()
        .enumerate()
        .filter(|(_, message)| rule.lets_through(&message.role))
        .find_map(|(index, message)| Some((index, of_content(&message.content)?)))
}

/// The preview of one content, if it has any text. It holds no NUL: PostgreSQL's text could not, so it shows as U+FFFD.
pub(crate) fn of_content(content: &Content) -> Option<String> {
    let preview = if content.is_text() {
        cut(content.body()).to_owned()
    } else if json::is_string(content.body()) {
        cut(&lossy_text_of(content.body())).replace('\0', "\u{fffd}")
    } else {
        cut(&text_of_json(content.body())?).replace('\0', "\u{fffd}")
    };
    (!preview.is_empty()).then_some(preview)
}

/// The first non-empty string at `content`, `text`, `content[].text`, `parts[].content`, `parts[].text`: the forms that the
/// messages of the common APIs have. An array is read as if it stood at `content`.
fn text_of_json(json: &str) -> Option<String> {
    if elements(json).is_ok() {
        return in_elements(json, "text");
    }
    string_at(json, "content")
        .or_else(|| string_at(json, "text"))
        .or_else(|| in_elements(value_at(json, "content")?, "text"))
        .or_else(|| in_elements(value_at(json, "parts")?, "content"))
        .or_else(|| in_elements(value_at(json, "parts")?, "text"))
}

fn in_elements(json: &str, name: &str) -> Option<String> {
    elements(json)
        .ok()?
        .into_iter()
        .find_map(|element| string_at(element, name))
}

/// The last member of that name, as every decoder has it.
fn value_at<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    members(json)
        .ok()?
        .into_iter()
        .rev()
        .find(|(member, _)| bytes_of(member) == name.as_bytes())
        .map(|(_, value)| value)
}

fn string_at(json: &str, name: &str) -> Option<String> {
    let value = value_at(json, name)?;
    if !json::is_string(value) {
        return None;
    }
    let text = lossy_text_of(value);
    (!text.is_empty()).then_some(text)
}

/// At most 100 code points, ended at the last whole grapheme (UAX #29, extended). A single grapheme that is longer is cut.
fn cut(text: &str) -> &str {
    let bytes = text.as_bytes();
    let Some(start) = bytes.get(..=MAX_CODE_POINTS) else {
        return text; // so few bytes are as few code points
    };
    if start.is_ascii() {
        // Where all is ASCII, a grapheme is a byte but for CR LF.
        let splits_line_end = start.ends_with(b"\r\n");
        let end = MAX_CODE_POINTS - usize::from(splits_line_end);
        return text.get(..end).unwrap_or(text);
    }
    let Some((limit, _)) = text.char_indices().nth(MAX_CODE_POINTS) else {
        return text;
    };
    let end = last_end(text, limit).unwrap_or(limit);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_graphemes_whole() {
        let family = "👨‍👩‍👧"; // five code points, one grapheme
        let text = format!("{}{family}", "x".repeat(96));
        assert_eq!(cut(&text), "x".repeat(96));
        let text = format!("{}{family}", "x".repeat(95));
        assert_eq!(cut(&text), text);
        let text = format!("{}e\u{301}", "x".repeat(99));
        assert_eq!(cut(&text), "x".repeat(99));
        assert_eq!(cut(&format!("{}\r\n", "x".repeat(99))), "x".repeat(99));
        assert_eq!(cut(&"x".repeat(101)), "x".repeat(100));
        let zalgo = format!("a{}", "\u{301}".repeat(500));
        assert_eq!(cut(&zalgo).chars().count(), 100);
    }

    #[test]
    fn text_of_the_common_forms() {
        for (json, expected) in [
            (r#"{"content":"a","text":"b"}"#, Some("a")),
            (r#"{"content":"","text":"b"}"#, Some("b")),
            (
                r#"{"content":[{"type":"image"},{"type":"text","text":"c"}]}"#,
                Some("c"),
            ),
            (r#"{"kind":"request","parts":[{"content":"d"}]}"#, Some("d")),
            (r#"{"role":"user","parts":[{"text":"e"}]}"#, Some("e")),
            (r#"[{"type":"text","text":"f"}]"#, Some("f")),
            (r#"{"tool_calls":[]}"#, None),
            ("17", None),
            (r#""\u0041""#, Some("A")),
            (r#""\ud800""#, Some("\u{fffd}")),
            (r#""a\u0000b""#, Some("a\u{fffd}b")),
            (r#"{"text":"\u0000"}"#, Some("\u{fffd}")),
            (r#""""#, None),
        ] {
            let content = Content::json(json).unwrap();
            assert_eq!(of_content(&content).as_deref(), expected, "{json}");
        }
    }
}
