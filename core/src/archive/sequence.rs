//! The messages of one session, one after the other: numbers that grow, dedup keys that do not repeat.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use crate::backend::SessionRow;
use crate::model::Message;
use crate::ordered::{Item, Sorted};

/// Judges the messages of a session in their order.
#[derive(Debug)]
pub(crate) struct Sequence {
    last_seq: u64,
    last: u64,
    count: u64,
    keys: Option<Keys>,
}

/// Keys that may not repeat. Of each are kept 128 bits of a keyed hash, so that many cost little; that two meet there is out of the
/// question, on purpose too.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: Sorted,
    no_name: Arc<str>,
    hashers: (RandomState, RandomState),
}

impl Keys {
    /// Whether the key was not there before.
    pub(crate) fn insert(&mut self, key: impl Hash) -> bool {
        let (a, b) = &self.hashers;
        let (a, b) = (a.hash_one(&key), b.hash_one(&key));
        let name = Arc::clone(&self.no_name);
        let item = Item::new(a.cast_signed(), b.cast_signed(), name, 0);
        self.seen.insert(item).is_none()
    }
}

impl Sequence {
    /// Before the first message of that session. Without `keys`, that they do not repeat is left to the backend they come from.
    pub(crate) fn new(row: &SessionRow, keys: bool) -> Self {
        Self {
            last_seq: row.last_seq,
            last: 0,
            count: 0,
            keys: keys.then(Keys::default),
        }
    }

    /// Before the first message of a session of which nothing else is known.
    pub(crate) fn any() -> Self {
        Self {
            last_seq: super::rows::MAX_SEQ,
            last: 0,
            count: 0,
            keys: Some(Keys::default()),
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
        if let (Some(keys), Some(key)) = (&mut self.keys, &message.dedup_key)
            && !keys.insert(key)
        {
            return Err(format!(
                "its dedup key {key:?} is that of an earlier message of the session"
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
