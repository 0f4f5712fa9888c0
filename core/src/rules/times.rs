//! Times: what moves `created_at`, `updated_at` and `last_active_at`. Stored times never step back, whatever the clock does.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::Session;

/// Up to when a message makes its session active: until it was created, but not into the future.
pub(crate) fn active_at(created_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    created_at.map_or(now, |created_at| created_at.min(now))
}

/// When a session that starts now was created.
pub(crate) fn session_created_at(given: Option<Timestamp>, now: Timestamp) -> Result<Timestamp> {
    match given {
        Some(given) if given > now => Err(Error::invalid(format!(
            "created_at {given} is later than now, {now}; a session cannot be created in the future"
        ))
        .with("argument", "created_at")),
        Some(given) => Ok(given),
        None => Ok(now),
    }
}

/// The session or its messages change now.
pub(crate) fn changed(session: &mut Session, now: Timestamp) {
    session.revision += 1;
    session.updated_at = session.updated_at.max(now);
}

/// The session is touched now.
pub(crate) fn touched(session: &mut Session, now: Timestamp) {
    changed(session, now);
    session.last_active_at = session.last_active_at.max(now);
}
