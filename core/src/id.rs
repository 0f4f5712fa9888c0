//! Where the ids of new sessions come from.

use std::sync::Mutex;

use uuid::{Builder, Uuid};

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

/// Draws UUIDs version 7 that increase within this source, also within one millisecond and where the clock steps back: the bits after the time are a
/// counter, which begins anywhere in each millisecond, and chance.
pub(crate) struct UuidV7Source {
    last: Mutex<Option<Counted>>,
}

/// The time of the last one, and its counter.
#[derive(Clone, Copy)]
struct Counted {
    millis: u64,
    counter: u64,
}

/// A counter has so many bits; it begins in the lower half of what they hold.
const COUNTER_BITS: u32 = 42;

impl Counted {
    /// The one after `last`; `random` are the bits to begin with.
    fn after(last: Option<Self>, now: u64, random: u64) -> Self {
        let begun = |millis| Self {
            millis,
            counter: random >> (65 - COUNTER_BITS),
        };
        match last {
            Some(last) if now <= last.millis => {
                if last.counter + 1 == 1 << COUNTER_BITS {
                    return begun(last.millis + 1);
                }
                Self {
                    counter: last.counter + 1,
                    ..last
                }
            }
            _ => begun(now),
        }
    }
}

impl UuidV7Source {
    pub(crate) fn new() -> Self {
        Self {
            last: Mutex::new(None),
        }
    }
}

impl IdSource for UuidV7Source {
    fn new_id(&self, now: Timestamp) -> String {
        let now = u64::try_from(now.as_millis()).unwrap_or(0); // before 1970 there is no UUID version 7
        // One of version 4 is nothing but chance, apart from six bits that are not used here.
        let (random, second) = Uuid::new_v4().as_u64_pair();
        let [_, _, c0, c1, c2, c3, ..] = second.to_be_bytes();
        let counted = {
            let mut last = crate::lock(&self.last);
            let next = Counted::after(*last, now, random);
            *last.insert(next)
        };
        let [.., a0, a1] = (counted.counter >> 30).to_be_bytes();
        let [.., b0, b1, b2, b3] = (counted.counter & ((1 << 30) - 1)).to_be_bytes();
        let after = [a0, a1, b0, b1, b2, b3, c0, c1, c2, c3];
        let id = Builder::from_unix_timestamp_millis(counted.millis, &after).into_uuid();
        id.to_string()
    }
}

/// Draws UUIDs version 4.
pub(crate) struct UuidV4Source;

impl IdSource for UuidV4Source {
    fn new_id(&self, _now: Timestamp) -> String {
        Uuid::new_v4().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis_clamped(millis)
    }

    #[test]
    fn ids_of_version_7_rise_within_a_millisecond_and_when_the_clock_steps_back() {
        let source = UuidV7Source::new();
        let now = 1_772_000_000_000;
        let mut last = source.new_id(at(now));
        for n in 1..20_000 {
            let id = source.new_id(at(now + n / 1000 - n % 7));
            assert!(last < id, "{last} {id}");
            last = id;
        }
    }

    #[test]
    fn an_id_of_version_7_tells_its_time_and_is_one() {
        for millis in [-1, 0, 1, 1_772_000_000_123, Timestamp::MAX.as_millis()] {
            let id: Uuid = UuidV7Source::new().new_id(at(millis)).parse().unwrap();
            assert_eq!(id.get_version(), Some(uuid::Version::SortRand));
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            let told = (id.as_u128() >> 80) as i64;
            assert_eq!(told, millis.max(0));
        }
    }

    #[test]
    fn a_counter_that_is_used_up_goes_on_in_the_next_millisecond() {
        let full = Counted {
            millis: 5,
            counter: (1 << COUNTER_BITS) - 1,
        };
        let next = |last, now, random| {
            let next = Counted::after(Some(last), now, random);
            (next.millis, next.counter)
        };
        assert_eq!(next(full, 5, u64::MAX), (6, (1 << 41) - 1));
        let half = Counted::after(Some(full), 5, u64::MAX);
        assert_eq!(next(half, 5, 0), (6, 1 << 41));
        assert_eq!(next(half, 7, 0), (7, 0));
    }

    #[test]
    fn ids_of_different_sources_differ() {
        let ids: HashSet<String> = (0..2000)
            .map(|_| UuidV7Source::new().new_id(at(7)))
            .collect();
        assert_eq!(ids.len(), 2000);
        let bits = ids.iter().map(|id| id.parse::<Uuid>().unwrap().as_u128());
        // Each bit after the time is one in about half of them, but for those of version and variant, and the counter's first.
        let mut ones = [0; 80];
        for id in bits {
            for (place, count) in ones.iter_mut().enumerate() {
                *count += u32::from(id >> place & 1 == 1);
            }
        }
        let fixed = [79, 78, 77, 76, 75, 63, 62];
        for (place, count) in ones.iter().enumerate() {
            let is_chance = (700..1300).contains(count);
            assert_eq!(is_chance, !fixed.contains(&place), "bit {place}: {count}");
        }
    }
}
