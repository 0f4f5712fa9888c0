//! Reads and appends by many threads, as busy as it can.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use convostore::{JsonObject, MessageQuery, NewMessage, Role, SessionUpdate, Store, StoreOptions};
use rusqlite::{Connection, ErrorCode as SqliteCode};
use serde_json::json;

use super::{hear, say};

/// The sessions that are not everybody's.
pub const COLD: u64 = 64;

/// `path process threads commits store|deferred`: says `ready`, waits for a line, and in the end says what came of it.
pub(super) fn run(args: &[&str]) {
    let [path, process, threads, commits, how] = args else {
        panic!("{args:?}")
    };
    let (process, threads) = (process.parse().unwrap(), threads.parse::<u64>().unwrap());
    let commits: u64 = commits.parse().unwrap();
    let store = StoreOptions::new().open(path).unwrap();
    say("ready");
    hear();
    let outcome = Mutex::new(Outcome::default());
    thread::scope(|scope| {
        for thread in 0..threads {
            let (store, outcome) = (&store, &outcome);
            let me = Me { process, thread };
            scope.spawn(move || match *how {
                "store" => me.by_the_store(store, commits, outcome),
                _ => me.deferred(Path::new(path), commits, outcome),
            });
        }
    });
    let outcome = outcome.into_inner().unwrap();
    say(&json!({ "codes": outcome.codes, "micros": outcome.micros }).to_string());
}

/// How often which code came back, and how long each success took.
#[derive(Default)]
struct Outcome {
    codes: BTreeMap<String, u64>,
    micros: Vec<u64>,
}

struct Me {
    process: u64,
    thread: u64,
}

impl Me {
    /// The hot session, or one of the cold ones.
    fn session(&self, number: u64) -> String {
        if number.is_multiple_of(2) {
            return "hot".to_owned();
        }
        // Each thread walks over all of them, so that they meet here as well.
        format!(
            "cold-{}",
            (self.process * 8 + self.thread + number / 2) % COLD
        )
    }

    fn by_the_store(&self, store: &Store, commits: u64, outcome: &Mutex<Outcome>) {
        for number in 0..commits {
            let session = self.session(number);
            let text = format!("{}.{}.{number}", self.process, self.thread);
            let begun = Instant::now();
            let done = read_and_append(store, &session, text, number);
            note(
                outcome,
                begun,
                done.err().map(|error| error.code().as_str().to_owned()),
            );
        }
    }

    /// As a program does that begins its transactions with a read.
    fn deferred(&self, path: &Path, commits: u64, outcome: &Mutex<Outcome>) {
        let conn = Connection::open(path).unwrap();
        conn.busy_timeout(Duration::from_secs(30)).unwrap();
        for number in 0..commits {
            let begun = Instant::now();
            let done = deferred(&conn, &self.session(number));
            if done.is_err() {
                let _ = conn.execute_batch("ROLLBACK");
            }
            note(outcome, begun, done.err().map(|error| code_of(&error)));
        }
    }
}

fn note(outcome: &Mutex<Outcome>, begun: Instant, error: Option<String>) {
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let mut outcome = outcome.lock().unwrap();
    if error.is_none() {
        outcome.micros.push(micros);
    }
    *outcome
        .codes
        .entry(error.unwrap_or_else(|| "ok".to_owned()))
        .or_default() += 1;
}

fn read_and_append(
    store: &Store,
    session: &str,
    text: String,
    number: u64,
) -> convostore::Result<()> {
    store.get_messages(session, MessageQuery::new().last(1))?;
    store.save_message(session, NewMessage::new(Role::USER, text))?;
    if number.is_multiple_of(10) {
        // Reads and writes in one transaction.
        let patch = JsonObject::parse(format!(r#"{{"number":{number}}}"#))?;
        store.update_session(session, SessionUpdate::new().merge_metadata(patch))?;
    }
    Ok(())
}

fn deferred(conn: &Connection, session: &str) -> rusqlite::Result<()> {
    conn.execute_batch("BEGIN DEFERRED")?;
    let (no, last): (i64, i64) = conn.query_row(
        "SELECT no, last_seq FROM sessions WHERE tenant = 'default' AND id = ?1",
        [session],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    conn.execute(
        "INSERT INTO messages (id, role, is_summary, is_text, created_at, content) VALUES (?1, 'user', 0, 1, 0, 'x')",
        [(no << 32) + last + 1],
    )?;
    conn.execute(
        "UPDATE sessions SET last_seq = last_seq + 1 WHERE no = ?1",
        [no],
    )?;
    conn.execute_batch("COMMIT")
}

fn code_of(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(SqliteCode::DatabaseBusy) => "busy".to_owned(),
        _ => error.to_string(),
    }
}
