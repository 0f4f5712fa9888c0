//! The messages of one session, one after the other: numbers that grow, dedup keys that do not repeat.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::backend::SessionRow;
use crate::model::Message;
use crate::ordered::{Item, Sorted};
use crate::quoted::quoted;

/// Judges the messages of a session in their order.
#[derive(Debug)]
pub(crate) struct Sequence {
    last_seq: u64,
    last: u64,
    count: u64,
    keys: Keys,
}

/// Keys that may not repeat. Of each are kept 128 bits of its SHA-256, so that many cost little; that two meet there is out of the question, on
/// purpose too. (The digest of an archive has the same code; another hash would be more of it in a browser.)
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: Sorted,
    no_name: Arc<str>,
}

impl Keys {
    /// Whether the key was not there before. It is made of parts.
    pub(crate) fn insert(&mut self, key: &[&str]) -> bool {
        let mut hash = Sha256::new();
        for part in key {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut halves = digest.as_chunks::<8>().0.iter().copied();
        let mut half = || halves.next().map_or(0, i64::from_le_bytes);
        let item = Item::new(half(), half(), Arc::clone(&self.no_name), 0);
        self.seen.insert(item).is_none()
    }
}

impl Sequence {
    /// Before the first message of that session.
    pub(crate) fn new(row: &SessionRow) -> Self {
        Self {
            last_seq: row.last_seq,
            last: 0,
            count: 0,
            keys: Keys::default(),
        }
    }

    /// Before the first message of a session of which nothing else is known.
    pub(crate) fn any() -> Self {
        Self {
            last_seq: super::rows::MAX_SEQ,
            last: 0,
            count: 0,
            keys: Keys::default(),
        }
    }

    /// Takes the next message, or says why it cannot be the next one.
    pub(crate) fn accept(&mut self, message: &Message) -> Result<(), String> {
        if message.seq <= self.last {
            return Err(format!("its seq {} comes after {}", message.seq, self.last));
        }
        if message.seq > self.last_seq {
            return Err(format!(
                "its seq {} is above the last one that its session gave out, {}",
                message.seq, self.last_seq
            ));
        }
        if let Some(key) = &message.dedup_key
            && !self.keys.insert(&[key])
        {
            return Err(format!(
                "its dedup key {key} is that of an earlier message of the session",
                key = quoted(&key)
            ));
        }
        self.last = message.seq;
        self.count += 1;
        Ok(())
    }

    /// How many messages were taken.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}
