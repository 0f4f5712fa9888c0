//! The process beside a test of the guarantees on PostgreSQL: it writes until it is killed, or until it is done.
//!
//! `URL SCHEMA write RUN SEED commit-first|acknowledge-first`, `URL SCHEMA load PROCESS THREADS COMMITS`
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

use convostore::backend::postgres::PostgresOptions;
use convostore::{
    JsonObject, MessageQuery, NewMessage, NewSession, Role, SaveOptions, SessionUpdate, Store,
    StoreOptions,
};
use reliability::Chance;

const THREADS: u32 = 4;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let [url, schema, task, rest @ ..] = &args[..] else {
        panic!("{args:?}")
    };
    let options = PostgresOptions::new().schema(*schema);
    let store = StoreOptions::new().postgres(options).connect(url).unwrap();
    say("ready");
    match (*task, rest) {
        ("write", [run, seed, order]) => write(&store, run, seed.parse().unwrap(), order),
        ("load", [process, threads, commits]) => load(
            &store,
            process.parse().unwrap(),
            threads.parse().unwrap(),
            commits.parse().unwrap(),
        ),
        _ => panic!("{args:?}"),
    }
}

/// In one write: of a process that dies, a line came whole or not at all.
fn say(line: &str) {
    let said = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    // The test is gone: so is what it wanted.
    if said.is_err() {
        std::process::exit(1);
    }
}

/// Says a line `session call` for each call that returned. The messages of a call are `call index of`.
fn write(store: &Store, run: &str, seed: u64, order: &str) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let mut chance = Chance::new(seed.rotate_left(number));
            scope.spawn(move || {
                for call in 0.. {
                    let session = chance.pick(&["shared", "also-shared"]);
                    let session = if chance.percent(50) {
                        session.to_owned()
                    } else {
                        format!("own-{number}")
                    };
                    let call = format!("{run}.{number}.{call}");
                    let done = format!("{session} {call}");
                    if order == "acknowledge-first" {
                        say(&done);
                    }
                    save(store, &session, &call, &mut chance);
                    if order == "commit-first" {
                        say(&done);
                    }
                }
            });
        }
    });
}

fn save(store: &Store, session: &str, call: &str, chance: &mut Chance) {
    let new = NewSession::new().id(session);
    store.get_or_create_session(new).unwrap();
    let of = chance.pick(&[1, 1, 2, 40]);
    let mut options = SaveOptions::new();
    if chance.percent(30) {
        let metadata = JsonObject::parse(format!(r#"{{"call":"{call}"}}"#)).unwrap();
        options = options.update(SessionUpdate::new().metadata(metadata));
    }
    let messages = (0..of).map(|index| {
        let message = NewMessage::new(Role::USER, format!("{call} {index} {of}"));
        match index {
            0 if chance.percent(20) => message.dedup_key(call),
            _ => message,
        }
    });
    let messages: Vec<_> = messages.collect();
    store.save_messages(session, messages, options).unwrap();
}

/// Reads, appends and changes, half of it in the session `hot`; in the end says how often which code came back.
fn load(store: &Store, process: u64, threads: u64, commits: u64) {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let codes = Mutex::new(BTreeMap::<String, u64>::new());
    thread::scope(|scope| {
        for thread in 0..threads {
            let codes = &codes;
            scope.spawn(move || {
                for number in 0..commits {
                    let session = match number % 2 {
                        0 => "hot".to_owned(),
                        _ => format!("cold-{}", (process * threads + thread + number) % 64),
                    };
                    let text = format!("{process}.{thread}.{number}");
                    let done = read_and_append(store, &session, &text, number);
                    let code = done.map_or_else(|error| error.code().as_str(), |()| "ok");
                    *codes.lock().unwrap().entry(code.to_owned()).or_default() += 1;
                }
            });
        }
    });
    for (code, times) in codes.into_inner().unwrap() {
        say(&format!("{code} {times}"));
    }
}

fn read_and_append(
    store: &Store,
    session: &str,
    text: &str,
    number: u64,
) -> convostore::Result<()> {
    store.get_messages(session, MessageQuery::new().last(1))?;
    store.save_message(session, NewMessage::new(Role::USER, text))?;
    if number.is_multiple_of(5) {
        let patch = JsonObject::parse(format!(r#"{{"number":{number}}}"#))?;
        store.update_session(session, SessionUpdate::new().merge_metadata(patch))?;
    }
    Ok(())
}
