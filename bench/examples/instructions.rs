//! For `scripts/instructions.sh`: does one thing so many times, for a program that counts instructions.
//!
//! `instructions [raw_]append|load|get_or_create|count|resume FOLDER TIMES`; `raw_…` is the same on rusqlite itself.

use std::error::Error;
use std::path::Path;

use convostore::backend::sqlite::Durability;
use convostore::{
    Clock, MessageQuery, NewMessage, NewSession, Role, SaveOptions, Store, StoreOptions,
    SystemClock,
};

#[allow(dead_code, reason = "not all of it is wanted here")]
#[path = "../src/raw.rs"]
mod raw;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TEXT: &str = "I looked at the log of last night. The nightly job stopped at 02:14 because the disk of the second worker was full.";
const IDLE_LIMIT: i64 = 4 * 3_600_000;

fn now() -> i64 {
    SystemClock.now().as_millis()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder, times] = arguments.as_slice() else {
        return Err("usage: instructions [raw_]WHAT FOLDER TIMES".into());
    };
    let path = Path::new(folder).join(format!("{what}-{times}.db"));
    let store = StoreOptions::new()
        .durability(Durability::Normal)
        .clock(|| SystemClock.now())
        .open(&path)?;
    let session = store.create_session(NewSession::new().scope("s").key("k"))?;
    let thousand = (0..1000).map(|_| message()).collect();
    store.save_messages(&session.id, thousand, SaveOptions::new())?;
    let times = times.parse()?;
    match what.strip_prefix("raw_") {
        None => ours(what, &store, &session.id, times),
        Some(what) => {
            store.close()?;
            raws(what, raw::Raw::open(&path, "NORMAL")?, &session.id, times)
        }
    }
}

fn message() -> NewMessage {
    NewMessage::new(Role::USER, TEXT)
}

fn ours(what: &str, store: &Store, id: &str, times: u64) -> Result<()> {
    for _ in 0..times {
        match what {
            "append" => drop(store.save_message(id, message())?),
            "load" => drop(store.get_messages(id, MessageQuery::new().limit(1000))?),
            "get_or_create" => {
                drop(store.get_or_create_session(NewSession::new().scope("s").key("k"))?);
            }
            "count" => drop(store.count_messages(id)?),
            "resume" => drop(store.resume_session(NewSession::new().scope("s"), None)?),
            other => return Err(format!("no such thing: {other}").into()),
        }
    }
    Ok(())
}

fn raws(what: &str, mut raw: raw::Raw, id: &str, times: u64) -> Result<()> {
    for _ in 0..times {
        match what {
            "append" => drop(raw.append(id, "user", &[TEXT], now())?),
            "load" => drop(raw.load(id)?),
            "get_or_create" => drop(raw.get_or_create("s", "k", now())?),
            "count" => drop(raw.count(id)?),
            "resume" => drop(raw.resume("s", now() - IDLE_LIMIT)?),
            other => return Err(format!("no such thing: {other}").into()),
        }
    }
    Ok(())
}
