//! Writes into a file whose locks another process has just lost.

use std::path::Path;
use std::thread;
use std::time::Duration;

use convostore::{NewMessage, Role, StoreOptions};
use rusqlite::Connection;

use super::{hear, say};

/// `path`, and then for each line `crate text`, `program text` or `hold text`: appends, and says `ok` or what was in the way.
pub(super) fn run(args: &[&str]) {
    let [path] = args else { panic!("{args:?}") };
    let path = Path::new(path);
    while let Some(line) = hear() {
        let (how, text) = line.split_once(' ').unwrap();
        let done = match how {
            "crate" => by_this_crate(path, text),
            "program" => by_another_program(path, text, Duration::ZERO),
            _ => by_another_program(path, text, Duration::from_millis(5)),
        };
        say(&done.err().unwrap_or_else(|| "ok".to_owned()));
    }
}

fn by_this_crate(path: &Path, text: &str) -> Result<(), String> {
    let append = || {
        let options = StoreOptions::new().wait_limit(Duration::from_millis(100));
        let store = options.open(path)?;
        store.save_message("one", NewMessage::new(Role::USER, text))?;
        store.close()
    };
    append().map_err(|error: convostore::Error| error.code().as_str().to_owned())
}

/// One that knows nothing of this crate's turns, and may hold the lock that was another's for a while.
fn by_another_program(path: &Path, text: &str, hold: Duration) -> Result<(), String> {
    let append = || {
        let conn = Connection::open(path)?;
        conn.busy_timeout(Duration::from_millis(100))?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        conn.execute(
            "INSERT INTO messages (id, role, is_summary, is_text, created_at, content)
               SELECT (no << 32) + last_seq + 1, 'user', 0, 1, created_at, ?1 FROM sessions WHERE id = 'one'",
            [text],
        )?;
        thread::sleep(hold);
        conn.execute_batch(
            "UPDATE sessions SET last_seq = last_seq + 1, message_count = message_count + 1, revision = revision + 1 WHERE id = 'one';
             COMMIT",
        )
    };
    append().map_err(|error: rusqlite::Error| error.to_string())
}
