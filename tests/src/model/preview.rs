//! Previews.

use serde_json::Value;

/// The preview of a content given as JSON text. It holds no NUL.
pub(super) fn preview(content: &str) -> Option<String> {
    let value: Value = serde_json::from_str(content).ok()?;
    let non_empty = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let first_at = |list: &str, name: &str| {
        let items = value.get(list)?.as_array()?;
        items.iter().find_map(|item| non_empty(item.get(name)?))
    };
    let text = non_empty(&value)
        .or_else(|| non_empty(value.get("content")?))
        .or_else(|| non_empty(value.get("text")?))
        .or_else(|| first_at("content", "text"))
        .or_else(|| first_at("parts", "content"))
        .or_else(|| first_at("parts", "text"))?;
    Some(cut(&text).replace('\0', "\u{fffd}"))
}

/// At most 100 code points, no grapheme cut, as far as the generated texts have graphemes of several.
pub(super) fn cut(text: &str) -> String {
    let points: Vec<char> = text.chars().collect();
    let mut end = points.len().min(100);
    let joined =
        |at: usize| matches!(points[at], '\u{301}' | '\u{200d}') || points[at - 1] == '\u{200d}';
    while end < points.len() && joined(end) {
        end -= 1;
    }
    points[..end].iter().collect()
}
