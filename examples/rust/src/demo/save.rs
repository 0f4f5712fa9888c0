//! What an agent does: find the session of a conversation, and save each turn as it comes.

use std::path::Path;
use std::time::Instant;

use convostore::{MessageQuery, NewMessage, NewSession, Role, SaveOptions, SessionUpdate, Store};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;

use crate::Result;
use crate::conversations::{self, Conversation};

const SCOPE: &str = "support/airline";

pub fn first_half(input: &Path, database: &Path) -> Result<()> {
    save(input, database, |conversation| {
        0..conversation.messages.len() / 2
    })
}

pub fn second_half(input: &Path, database: &Path) -> Result<()> {
    save(input, database, |conversation| {
        conversation.messages.len() / 2..conversation.messages.len()
    })
}

fn save(
    input: &Path,
    database: &Path,
    part: impl Fn(&Conversation) -> std::ops::Range<usize>,
) -> Result<()> {
    let conversations = conversations::read(input)?;
    let store = Store::open(database)?;
    let total: usize = conversations.iter().map(|c| part(c).len()).sum();
    let progress = progress(total);
    let start = Instant::now();
    let mut found = 0;
    for conversation in &conversations {
        let new = NewSession::new().scope(SCOPE).key(&conversation.id);
        let session = store.get_or_create_session(new)?;
        let part = part(conversation);
        // What is there already is what the process before saved; this is also how a retry would know where to go on.
        let known = store.get_messages(&session.id, MessageQuery::new().last(1))?;
        let last_seq = known.last().map_or(0, |message| message.seq);
        if last_seq != part.start as u64 {
            return Err(format!(
                "{} has {last_seq} messages, not {}",
                conversation.id, part.start
            )
            .into());
        }
        found += u64::from(session.message_count > 0);
        for turn in turns(&conversation.messages[part.clone()])? {
            let options = SaveOptions::new().update(SessionUpdate::new().status("active"));
            progress.inc(turn.len() as u64);
            store.save_messages(&session.id, turn, options)?;
        }
    }
    progress.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{total} messages of {} conversations ({found} resumed), saved durably turn by turn in {seconds:.2} s: {:.0} messages/s",
        conversations.len(),
        total as f64 / seconds,
    );
    store.close()?;
    Ok(())
}

/// A turn begins where the user speaks; its messages are saved together, all or none.
fn turns(messages: &[Box<RawValue>]) -> Result<Vec<Vec<NewMessage>>> {
    let mut turns: Vec<Vec<NewMessage>> = Vec::new();
    for raw in messages {
        let (role, content) = conversations::message(raw)?;
        if turns.is_empty() || role == Role::USER {
            turns.push(Vec::new());
        }
        if let Some(turn) = turns.last_mut() {
            turn.push(NewMessage::new(role, content));
        }
    }
    Ok(turns)
}

fn progress(total: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} messages, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total as u64).with_style(style)
}
