//! Arguments: taken, and refused.

use serde_json::Value;

use super::{Args, Result};

/// The first and the last moment that can be stored.
const BEGINNING: i64 = -62_135_596_800_000;
const END: i64 = 253_402_300_799_999;

pub(super) fn text<'a>(args: &'a Args, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str)
}

pub(super) fn number(args: &Args, name: &str) -> Option<i64> {
    args.get(name).and_then(Value::as_i64)
}

pub(super) fn flag(args: &Args, name: &str) -> bool {
    args.get(name).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn strings(args: &Args, name: &str) -> Vec<String> {
    let items = args.get(name).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn json_text(value: &Value) -> String {
    let text = value.get("$json").and_then(Value::as_str);
    text.map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn object(value: &Value) -> Result<Value> {
    serde_json::from_str(&json_text(value))
        .ok()
        .filter(Value::is_object)
        .ok_or("invalid_argument")
}

/// Lengths and NUL, and times.
pub(super) fn check_texts(args: &Args) -> Result<()> {
    for (name, min, max) in [
        ("id", 1, 128),
        ("session_id", 1, 128),
        ("scope", 0, 1024),
        ("scope_prefix", 0, 1024),
        ("key", 1, 512),
        ("owner", 1, 256),
        ("dedup_key", 1, 256),
        ("name", 1, 64),
    ] {
        if let Some(text) = text(args, name)
            && (!(min..=max).contains(&text.len()) || text.contains('\0'))
        {
            return Err("invalid_argument");
        }
    }
    for name in ["created_at", "since"] {
        if number(args, name).is_some_and(|moment| !(BEGINNING..=END).contains(&moment)) {
            return Err("invalid_argument");
        }
    }
    Ok(())
}

pub(super) fn check_update(args: &Args) -> Result<()> {
    check_texts(args)?;
    let mut given = 0;
    for name in ["metadata", "merge_metadata"] {
        if let Some(value) = args.get(name).filter(|value| !value.is_null()) {
            object(value)?;
            given += 1;
        }
    }
    if given == 2 {
        Err("invalid_argument")
    } else {
        Ok(())
    }
}

pub(super) fn check_role(role: &str) -> Result<()> {
    match role {
        "user" | "assistant" | "model" | "system" | "developer" | "tool" | "critic" => Ok(()),
        _ => Err("invalid_argument"),
    }
}

pub(super) fn page_limit(args: &Args) -> Result<usize> {
    match number(args, "limit").unwrap_or(50) {
        limit @ 1..=1000 => Ok(usize::try_from(limit).unwrap()),
        _ => Err("invalid_argument"),
    }
}

/// The model's own cursors: `["activity", last_active_at, created_at, id]`.
pub(super) fn read_cursor(order: &str, cursor: &str) -> Result<(i64, i64, String)> {
    match serde_json::from_str::<(String, i64, i64, String)>(cursor) {
        Ok((of, a, b, last)) if of == order => Ok((a, b, last)),
        _ => Err("invalid_argument"),
    }
}
