//! Time as the store sees it: milliseconds since 1970 in UTC, and a clock that can be replaced.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::quoted::quoted;

/// A moment, in whole milliseconds UTC. Finer input is cut, not rounded.
///
/// Its range is the years 0001 to 9999, which Python's `datetime`, JavaScript's `Date` and RFC 3339 all can hold.
///
/// ```
/// use convostore::Timestamp;
/// let t: Timestamp = "2026-01-02T03:04:05.678Z".parse()?;
/// assert_eq!(t.as_millis(), 1_767_323_045_678);
/// assert_eq!(t.to_string(), "2026-01-02T03:04:05.678Z");
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first moment that can be stored, 0001-01-01T00:00:00.000Z.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000);
    /// The last moment that can be stored, 9999-12-31T23:59:59.999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// Errors: `invalid_argument` outside [`Timestamp::MIN`] ..= [`Timestamp::MAX`].
    pub fn from_millis(millis: i64) -> Result<Self> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(Error::invalid(format!(
                "{millis} milliseconds is outside the years 0001 to 9999"
            )))
        }
    }

    /// The nearest moment that can be stored.
    pub const fn from_millis_clamped(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `span` earlier, or [`Timestamp::MIN`].
    pub fn saturating_sub(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis_clamped(self.0.saturating_sub(millis))
    }

    /// The moment `span` later, or [`Timestamp::MAX`].
    pub fn saturating_add(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis_clamped(self.0.saturating_add(millis))
    }

    /// The same moment as chrono has it.
    pub fn to_datetime(self) -> DateTime<Utc> {
        // In range by construction: chrono holds far more than the years 0001 to 9999.
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = Error;

    /// Cuts to whole milliseconds, towards the past.
    fn try_from(moment: DateTime<Utc>) -> Result<Self> {
        Self::from_millis(moment.timestamp_millis())
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339.
    fn from_str(text: &str) -> Result<Self> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|e| {
            Error::invalid(format!(
                "{text} is no RFC 3339 time: {e}",
                text = quoted(&text)
            ))
        })?;
        Self::try_from(moment.with_timezone(&Utc))
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 with milliseconds and `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without chrono, whose calendar and formats would be a tenth of the npm package.
        let (year, month, day) = date(self.0.div_euclid(DAY));
        let millis = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        write!(
            f,
            "T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            millis % 1000
        )
    }
}

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// Year, month and day so many days after 1970-01-01. Years are counted from a March, so that a leap day is a year's last day; 400 of them have
/// always as many days.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March
    let day = day - (153 * month + 2) / 5 + 1;
    let is_next = month >= 10; // January and February
    let month = if is_next { month - 9 } else { month + 3 };
    (400 * era + year + i64::from(is_next), month, day)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As a number of milliseconds: the form of the archive and of the bindings.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_millis(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Tells the time. Any `Fn() -> Timestamp` is one.
///
/// The store reads it once per operation, on the caller's thread, before anything is locked. It must not call back into the
/// store (`reentrant`).
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// The machine's clock, the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis_clamped(system_millis())
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn system_millis() -> i64 {
    Utc::now().timestamp_millis()
}

/// As `Utc::now` reads it there, without the calendar.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole milliseconds, far below 2^53"
)]
fn system_millis() -> i64 {
    js_sys::Date::now() as i64
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;

    #[test]
    fn a_time_is_written_as_chrono_writes_it() {
        // Every day of what can be stored, at another time of the day each.
        let (first, last) = (Timestamp::MIN.0.div_euclid(DAY), Timestamp::MAX.0 / DAY);
        let mut of_day = 0;
        for day in first..=last {
            of_day = (of_day + 7_654_321) % DAY;
            let time = Timestamp::from_millis_clamped(day * DAY + of_day);
            let (year, month, day) = date(day);
            let at = time.to_datetime();
            let expected = (at.year().into(), at.month().into(), at.day().into());
            assert_eq!((year, month, day), expected);
            if day == 1 {
                let expected = at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
                assert_eq!(time.to_string(), expected);
            }
        }
        for time in [Timestamp::MIN, Timestamp::MAX] {
            let expected = time.to_datetime().format("%Y-%m-%dT%H:%M:%S%.3fZ");
            assert_eq!(time.to_string(), expected.to_string());
        }
    }
}
