//! For `scripts/instructions.sh`: does one thing so many times, for a program that counts instructions.
//!
//! `instructions append|load|get_or_create FOLDER TIMES`

use std::error::Error;
use std::path::Path;

use convostore::backend::sqlite::Durability;
use convostore::{
    Clock, MessageQuery, NewMessage, NewSession, Role, SaveOptions, StoreOptions, SystemClock,
};

const TEXT: &str = "I looked at the log of last night. The nightly job stopped at 02:14 because the disk of the second worker was full.";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder, times] = arguments.as_slice() else {
        return Err("usage: instructions append|load|get_or_create FOLDER TIMES".into());
    };
    let path = Path::new(folder).join(format!("{what}-{times}.db"));
    let store = StoreOptions::new()
        .durability(Durability::Normal)
        .clock(|| SystemClock.now())
        .open(path)?;
    let session = store.create_session(NewSession::new().scope("s").key("k"))?;
    let say = || NewMessage::new(Role::USER, TEXT);
    let thousand = (0..1000).map(|_| say()).collect();
    store.save_messages(&session.id, thousand, SaveOptions::new())?;
    for _ in 0..times.parse()? {
        match what.as_str() {
            "append" => drop(store.save_message(&session.id, say())?),
            "load" => drop(store.get_messages(&session.id, MessageQuery::new().limit(1000))?),
            "get_or_create" => {
                store.get_or_create_session(NewSession::new().scope("s").key("k"))?;
            }
            other => return Err(format!("no such thing: {other}").into()),
        }
    }
    Ok(())
}
