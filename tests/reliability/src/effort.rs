//! How often a guarantee is tried.

use std::env;
use std::time::{Duration, Instant};

/// How often a thing is tried: a short number of times, or as many as a time allows.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    end: Option<Instant>,
    most: u64,
}

impl Effort {
    /// `short` times, unless `CONVOSTORE_SOAK_SECONDS` asks for as many as fit into that time, at most `long`.
    pub fn new(short: u64, long: u64) -> Self {
        match number("CONVOSTORE_SOAK_SECONDS") {
            None => Self {
                end: None,
                most: short,
            },
            Some(seconds) => Self {
                end: Some(Instant::now() + Duration::from_secs(seconds)),
                most: long,
            },
        }
    }

    /// Whether the long mode runs.
    pub fn is_long(&self) -> bool {
        self.end.is_some()
    }

    /// Whether it goes on after `done` tries. One is always made.
    pub fn goes_on(&self, done: u64) -> bool {
        done == 0 || done < self.most && self.end.is_none_or(|end| Instant::now() < end)
    }
}

/// The seed to begin with, printed so that a failure can be had again: `CONVOSTORE_SEED`, or 2026, or in the long mode the time.
pub fn seed() -> u64 {
    let seed = number("CONVOSTORE_SEED").unwrap_or_else(|| {
        if number("CONVOSTORE_SOAK_SECONDS").is_some() {
            let now = std::time::SystemTime::now();
            now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        } else {
            2026
        }
    });
    println!("CONVOSTORE_SEED={seed}");
    seed
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is to be a whole number")),
    )
}
