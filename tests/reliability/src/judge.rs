//! What is left of what was acknowledged.

use std::collections::HashSet;
use std::path::Path;

use convostore::{MessageQuery, Store};

/// What of the acknowledged is not there once, and what the store finds wrong with itself.
pub fn lost(path: &Path, acknowledged: &[(&str, Vec<String>)]) -> convostore::Result<Vec<String>> {
    let store = Store::open(path)?;
    let mut found = store.check()?.problems;
    for (session, acknowledged) in acknowledged {
        let messages = store.get_messages(session, MessageQuery::new())?;
        let texts: HashSet<&str> = messages.iter().map(|it| it.content.body()).collect();
        if texts.len() != messages.len() {
            found.push(format!("{session}: a message is there twice"));
        }
        let of = acknowledged.len();
        let lost = acknowledged
            .iter()
            .filter(|it| !texts.contains(it.as_str()));
        match lost.count() {
            0 => {}
            lost => found.push(format!("{session}: {lost} of {of} lost")),
        }
    }
    Ok(found)
}
