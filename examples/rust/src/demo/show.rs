//! What a person sees: tables of sessions and messages, sizes.

use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use convostore::{Message, MessageQuery, SessionQuery, Store};

use crate::Result;

const SHOWN: usize = 12;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(120)
        .set_header(header);
    table
}

pub fn sessions(store: &Store) -> Result<()> {
    let page = store.list_sessions(SessionQuery::new().limit(SHOWN))?;
    let mut out = table(&["key", "status", "messages", "last active", "preview"]);
    for session in &page.items {
        out.add_row([
            session.key.as_deref().unwrap_or("–"),
            &session.status,
            &session.message_count.to_string(),
            &session.last_active_at.to_string(),
            session.preview.as_deref().unwrap_or("–"),
        ]);
    }
    println!("{out}");
    let all = store.stats()?.sessions;
    if page.next_cursor.is_some() {
        println!("… and {} more", all - page.items.len() as u64);
    }
    Ok(())
}

pub fn conversation(store: &Store) -> Result<()> {
    let page = store.list_sessions(SessionQuery::new().limit(1))?;
    let Some(session) = page.items.first() else {
        println!("no sessions");
        return Ok(());
    };
    let mut out = table(&["seq", "role", "content"]);
    for message in store.stream_messages(&session.id, MessageQuery::new().limit(SHOWN as u64))? {
        let message = message?;
        out.add_row([
            message.seq.to_string(),
            message.role.to_string(),
            shortened(&message, 300),
        ]);
    }
    println!("{out}");
    println!(
        "{} of {} messages of {}",
        SHOWN.min(session.message_count as usize),
        session.message_count,
        session.key.as_deref().unwrap_or(&session.id)
    );
    Ok(())
}

fn shortened(message: &Message, code_points: usize) -> String {
    let text = match message.content.as_text() {
        Some(text) => text,
        None => message.content.to_json(),
    };
    if text.chars().count() <= code_points {
        return text.into_owned();
    }
    text.chars().take(code_points).chain(['…']).collect()
}

pub fn sizes(store: &Store, database: &Path, archive: &Path) -> Result<()> {
    let stats = store.stats()?;
    let contents: u64 = contents(store)?;
    let (database, archive) = (file_size(database)?, file_size(archive)?);
    let mut out = table(&["what", "bytes", "per message"]);
    for (what, size) in [
        ("contents themselves", contents),
        ("SQLite file", database),
        ("archive", archive),
    ] {
        let per_message = size as f64 / stats.messages.max(1) as f64;
        out.add_row([what, &bytes(size), &format!("{per_message:.0}")]);
    }
    println!("{out}");
    Ok(())
}

fn contents(store: &Store) -> Result<u64> {
    let mut total = 0;
    for session in crate::compare::all_sessions(store)? {
        for message in store.stream_messages(&session.id, MessageQuery::new())? {
            total += message?.content.body().len() as u64;
        }
    }
    Ok(total)
}

fn file_size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

pub fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
