//! Raw rusqlite for the bench of another language: appends when it is told to, and says how long that took.
//!
//! `raw_append FILE full|normal TEXT`; a line `create ID` makes a session, a line `ID CALLS MESSAGES` appends so many messages so many times and
//! is answered with the nanoseconds of all calls.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[allow(dead_code, reason = "the appends alone are wanted here")]
#[path = "../src/raw.rs"]
mod raw;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())?)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, synchronous, text] = arguments.as_slice() else {
        return Err("usage: raw_append FILE full|normal TEXT".into());
    };
    let mut raw = raw::Raw::open(Path::new(file), synchronous)?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["create", id] => raw.create_session(id, "bench", now()?)?,
            [id, calls, messages] => {
                let texts = vec![text.as_str(); messages.parse()?];
                let begun = Instant::now();
                for _ in 0..calls.parse::<u64>()? {
                    raw.append(id, "user", &texts, now()?)?;
                }
                writeln!(stdout(), "{}", begun.elapsed().as_nanos())?;
            }
            _ => return Err(format!("not understood: {line}").into()),
        }
    }
    Ok(())
}
