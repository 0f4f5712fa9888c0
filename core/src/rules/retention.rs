//! Retention: which sessions a clean-up deletes.

use std::time::Duration;

use crate::backend::Position;
use crate::clock::Timestamp;

/// How many sessions a clean-up deletes in one transaction, so that writers are not kept waiting.
pub(crate) const BATCH: usize = 100;

/// The rule *delete if now − `last_active_at` > age*, as the place in the order of activity after which exactly the sessions
/// to delete come: none is active at it and created before time began.
pub(crate) fn delete_after(now: Timestamp, age: Duration) -> Position {
    Position {
        last_active_at: now.saturating_sub(age),
        created_at: Timestamp::MIN,
        id: String::new(),
    }
}
