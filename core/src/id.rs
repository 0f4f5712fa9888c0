//! Where the ids of new sessions come from.

use std::sync::Mutex;

use uuid::{ContextV7, Uuid};

use crate::clock::Timestamp;

/// Draws the id of a new session when the caller gives none. Any `Fn(Timestamp) -> String` is one.
///
/// Called on the caller's thread, once per operation that may create a session, before anything is locked. It must not call
/// back into the store (`reentrant`). An id that is taken makes the operation fail with `already_exists`.
pub trait IdSource: Send + Sync {
    /// A new id: 1 to 128 bytes without NUL. `now` is the operation's time.
    fn new_id(&self, now: Timestamp) -> String;
}

impl<F: Fn(Timestamp) -> String + Send + Sync> IdSource for F {
    fn new_id(&self, now: Timestamp) -> String {
        self(now)
    }
}

/// The built-in ways to make ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum IdScheme {
    /// UUID version 7 (RFC 9562): ids that sort by their time of creation, drawn from the operation's time. The default.
    #[default]
    UuidV7,
    /// UUID version 4 (RFC 9562): nothing but chance.
    UuidV4,
    /// `YYYY-MM-DD-HHMM-SSS` in UTC, where SSS are the milliseconds of the second. The form has no seconds, so ids of one
    /// minute can meet: then the next free SSS of that minute is taken, and when there is none, `-2`, `-3` … is added.
    Timestamp,
}

impl IdScheme {
    /// The scheme of that name: `uuid7`, `uuid4` or `timestamp`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uuid7" => Some(Self::UuidV7),
            "uuid4" => Some(Self::UuidV4),
            "timestamp" => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// Draws UUIDs version 7 that increase within this source, also within one millisecond.
pub(crate) struct UuidV7Source {
    context: Mutex<ContextV7>,
}

impl UuidV7Source {
    pub(crate) fn new() -> Self {
        Self {
            context: Mutex::new(ContextV7::new()),
        }
    }
}

impl IdSource for UuidV7Source {
    fn new_id(&self, now: Timestamp) -> String {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0); // before 1970 there is no UUID version 7
        let (seconds, nanos) = (millis / 1000, (millis % 1000) * 1_000_000);
        let context = crate::lock(&self.context);
        let time =
            uuid::Timestamp::from_unix(&*context, seconds, u32::try_from(nanos).unwrap_or(0));
        Uuid::new_v7(time).to_string()
    }
}

/// Draws UUIDs version 4.
pub(crate) struct UuidV4Source;

impl IdSource for UuidV4Source {
    fn new_id(&self, _now: Timestamp) -> String {
        Uuid::new_v4().to_string()
    }
}
