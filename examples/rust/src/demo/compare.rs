//! Nothing may have changed on the way: every value is compared.

use std::path::Path;

use convostore::{ExportOptions, ListOrder, MessageQuery, Session, SessionQuery, Store};

use crate::Result;
use crate::conversations;

pub fn all_sessions(store: &Store) -> Result<Vec<Session>> {
    let mut all = Vec::new();
    let mut query = SessionQuery::new().order(ListOrder::Creation).limit(1000);
    loop {
        let page = store.list_sessions(query.clone())?;
        all.extend(page.items);
        match page.next_cursor {
            Some(cursor) => query = query.cursor(cursor),
            None => return Ok(all),
        }
    }
}

/// The store holds what the input said, to the byte.
pub fn with_input(input: &Path, store: &Store) -> Result<()> {
    let mut values = 0;
    for conversation in conversations::read(input)? {
        let session = store
            .get_session_by_key("support/airline", &conversation.id)?
            .ok_or_else(|| format!("{} is missing", conversation.id))?;
        let kept = store.get_messages(&session.id, MessageQuery::new())?;
        if kept.len() != conversation.messages.len() {
            return Err(format!("{} has {} messages", conversation.id, kept.len()).into());
        }
        for (kept, raw) in kept.iter().zip(&conversation.messages) {
            if (kept.role.clone(), kept.content.clone()) != conversations::message(raw)? {
                return Err(format!("message {} of {} differs", kept.seq, conversation.id).into());
            }
            values += 1;
        }
    }
    println!("the store and the input agree in {values} messages");
    Ok(())
}

/// Two stores hold the same: sessions whole, messages whole.
pub fn stores(name: &str, a: &Store, b: &Store) -> Result<()> {
    let sessions = all_sessions(a)?;
    if sessions != all_sessions(b)? {
        return Err(format!("the sessions in {name} differ").into());
    }
    let mut values = sessions.len();
    for session in &sessions {
        let of = |store: &Store| store.get_messages(&session.id, MessageQuery::new());
        let messages = of(a)?;
        if messages != of(b)? {
            return Err(format!("the messages of {} in {name} differ", session.id).into());
        }
        values += messages.len();
    }
    println!("the store and {name} agree in {values} records");
    Ok(())
}

/// What the others export is the same archive, byte for byte.
pub fn archives(archive: &Path, others: &[&Store]) -> Result<()> {
    let first = std::fs::read(archive)?;
    for other in others {
        let mut again = Vec::new();
        other.export_archive(&mut again, ExportOptions::new())?;
        if again != first {
            return Err("an archive of the imported store differs".into());
        }
    }
    println!("{} further archives are the same to the byte", others.len());
    Ok(())
}
