//! The input: conversations in the form that chat completion APIs have, a JSON object a line.

use std::path::Path;

use convostore::{Content, Role};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Result;

#[derive(Deserialize)]
pub struct Conversation {
    pub id: String,
    /// Each message as its own JSON text, so that it is saved verbatim.
    pub messages: Vec<Box<RawValue>>,
}

pub fn read(input: &Path) -> Result<Vec<Conversation>> {
    let text = std::fs::read_to_string(input)
        .map_err(|e| format!("cannot read {}: {e}", input.display()))?;
    let conversations: std::result::Result<_, _> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(serde_json::from_str)
        .collect();
    Ok(conversations?)
}

/// What a message says: a plain text where it is nothing more, else the whole object, tool calls and all.
pub fn message(raw: &RawValue) -> Result<(Role, Content)> {
    #[derive(Deserialize)]
    struct Plain {
        role: String,
        content: Option<String>,
        #[serde(flatten)]
        more: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
    }
    let plain: Plain = serde_json::from_str(raw.get())?;
    let content = match plain.content {
        Some(text) if plain.more.is_empty() => Content::text(text),
        _ => Content::json(raw.get())?,
    };
    Ok((plain.role.into(), content))
}
