//! Idling: when a scope's latest session is continued.

use std::time::Duration;

use crate::clock::Timestamp;

/// How long a session may idle and still be continued, unless told: four hours.
pub(crate) const DEFAULT_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// The cut-off of the rule *continue if now − `last_active_at` < limit*: a session is continued if it was active strictly after it.
pub(crate) fn active_after(now: Timestamp, limit: Duration) -> Timestamp {
    now.saturating_sub(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_exactly_a_session_is_not_continued() {
        let now = Timestamp::from_millis(100_000).unwrap();
        let cut_off = active_after(now, Duration::from_secs(1));
        let active = |millis| Timestamp::from_millis(millis).unwrap() > cut_off;
        assert!(active(99_001));
        assert!(!active(99_000));
    }
}
