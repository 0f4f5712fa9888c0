//! What is left of what was acknowledged.

use std::collections::HashSet;
use std::path::Path;

use convostore::{MessageQuery, Store};

use crate::Effort;

/// Tries file after file, says what was wrong with each, and gives how many were tried and how much was wrong.
pub fn file_by_file(
    effort: Effort,
    what: &str,
    mut one_file: impl FnMut() -> Vec<String>,
) -> (u64, u64) {
    let (mut files, mut violations) = (0, 0);
    while effort.goes_on(files) {
        let found = one_file();
        // One damaged file can have thousands.
        for violation in found.iter().take(5) {
            println!("{what}, file {files}: {violation}");
        }
        violations += found.len() as u64;
        files += 1;
    }
    (files, violations)
}

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
