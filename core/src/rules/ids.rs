//! Ids: what a session's id may be, and ids made of the time.

use crate::clock::Timestamp;

/// Ids of the form `YYYY-MM-DD-HHMM-SSS` (UTC, SSS milliseconds of the second) in the order in which they are tried: that of
/// `now`, then the next SSS of the same minute, then with `-2`, `-3` … added.
///
/// The form has no seconds, so two sessions of one minute can meet.
pub(crate) fn timestamp_candidates(now: Timestamp) -> impl Iterator<Item = String> {
    let minute = minute(now);
    let own = timestamp(now);
    (millis(now)..1000)
        .map(move |millis| format!("{minute}-{millis:03}"))
        .chain((2_u64..).map(move |n| format!("{own}-{n}")))
}

/// The first of them.
pub(crate) fn timestamp(now: Timestamp) -> String {
    format!("{}-{:03}", minute(now), millis(now))
}

fn minute(now: Timestamp) -> String {
    // As 2026-01-02T03:04:05.678Z has them.
    let text = now.to_string();
    let (date, hour, minute) = (text.get(..10), text.get(11..13), text.get(14..16));
    let parts = [date, hour.map(|_| "-"), hour, minute];
    parts.into_iter().flatten().collect()
}

/// The milliseconds of the second.
fn millis(now: Timestamp) -> i64 {
    now.as_millis().rem_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_free_millisecond_then_a_number() {
        let now: Timestamp = "2026-03-09T07:05:59.998Z".parse().unwrap();
        let ids: Vec<String> = timestamp_candidates(now).take(4).collect();
        assert_eq!(
            ids,
            [
                "2026-03-09-0705-998",
                "2026-03-09-0705-999",
                "2026-03-09-0705-998-2",
                "2026-03-09-0705-998-3"
            ]
        );
    }

    #[test]
    fn before_1970_milliseconds_count_forward() {
        let now: Timestamp = "1969-12-31T23:59:59.999Z".parse().unwrap();
        assert_eq!(
            timestamp_candidates(now).next().unwrap(),
            "1969-12-31-2359-999"
        );
    }
}
