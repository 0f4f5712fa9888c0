//! What a row must be to stand in an archive or in a sound store: the rules that the operations keep, asked of one row at a time.
//!
//! What is returned are sentences that say what is wrong and never quote a content.

use crate::backend::SessionRow;
use crate::error::{Error, Result};
use crate::model::{Content, Context, JsonObject, Lifecycle, Message};
use crate::quoted::quoted;
use crate::rules::{json, lifecycle, limits};

pub(crate) use crate::backend::MAX_SEQ;

/// The highest revision that an archive may bring: half of what JavaScript can count, so that there is room to grow.
const MAX_REVISION: u64 = 1 << 52;

/// The most code points of a preview.
const MAX_PREVIEW: usize = 100;

/// Checks a lifecycle.
pub(crate) fn check_lifecycle(definition: &Lifecycle) -> Result<()> {
    lifecycle::check(definition)
}

/// Checks a context.
pub(crate) fn check_context(context: &Context) -> Result<()> {
    limits::check("scope", &context.scope, 0, limits::SCOPE)?;
    json::check_object("context", context.data.as_str(), JsonObject::MAX_BYTES)?;
    check_revision(context.revision)?;
    if context.updated_at < context.created_at {
        return Err(Error::invalid("it was updated before it was created"));
    }
    Ok(())
}

/// What is wrong with a session's row, given the lifecycle of that name, if there is one.
pub(crate) fn session_problems(row: &SessionRow, lifecycle: Option<&Lifecycle>) -> Vec<String> {
    let checks = [
        check_names(row),
        check_status(row, lifecycle),
        check_metadata(row),
        check_preview(row),
        check_counters(row),
        check_times(row),
    ];
    checks
        .into_iter()
        .filter_map(Result::err)
        .map(|e| e.message().to_owned())
        .collect()
}

/// Checks the session's id, scope, key and owner.
pub(crate) fn check_names(row: &SessionRow) -> Result<()> {
    let session = &row.session;
    limits::check("session_id", &session.id, 1, limits::SESSION_ID)?;
    limits::check("scope", &session.scope, 0, limits::SCOPE)?;
    limits::check_optional("key", session.key.as_deref(), limits::KEY)?;
    limits::check_optional("owner", session.owner.as_deref(), limits::OWNER)
}

/// Checks that the lifecycle is known, that the status is one of its, and that the mark of a final status fits.
pub(crate) fn check_status(row: &SessionRow, lifecycle: Option<&Lifecycle>) -> Result<()> {
    let session = &row.session;
    limits::check("lifecycle name", &session.lifecycle, 1, limits::LIFECYCLE)?;
    limits::check("status", &session.status, 1, limits::STATUS)?;
    let Some(lifecycle) = lifecycle else {
        return Err(Error::invalid(format!(
            "its lifecycle {} is not defined",
            quoted(&session.lifecycle)
        )));
    };
    lifecycle::check_status(lifecycle, &session.status)?;
    if row.is_final == lifecycle::is_final(lifecycle, &session.status) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "whether its status {} is final is marked wrongly",
        quoted(&session.status)
    )))
}

/// Checks that the metadata are a JSON object.
pub(crate) fn check_metadata(row: &SessionRow) -> Result<()> {
    let metadata = row.session.metadata.as_str();
    json::check_object("metadata", metadata, JsonObject::MAX_BYTES)
}

/// Checks that a preview has a source and the right length.
pub(crate) fn check_preview(row: &SessionRow) -> Result<()> {
    match (&row.session.preview, row.preview_seq) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(Error::invalid("its preview is of no message")),
        (None, Some(_)) => Err(Error::invalid(
            "the message of its preview is named, but there is no preview",
        )),
        (Some(_), Some(seq)) if seq == 0 || seq > row.last_seq => Err(Error::invalid(format!(
            "its preview is of message {seq}, which it never had"
        ))),
        (Some(preview), Some(_)) if preview.contains('\0') => Err(Error::invalid(
            "its preview contains NUL, which is not allowed",
        )),
        (Some(preview), Some(_)) => match preview.chars().count() {
            1..=MAX_PREVIEW => Ok(()),
            n => Err(Error::invalid(format!(
                "its preview has {n} code points; 1 to {MAX_PREVIEW} are allowed"
            ))),
        },
    }
}

/// Checks `message_count`, `last_seq` and `revision` in themselves.
pub(crate) fn check_counters(row: &SessionRow) -> Result<()> {
    if row.last_seq > MAX_SEQ {
        return Err(Error::invalid(format!(
            "its last seq is {}; at most {MAX_SEQ} is possible",
            row.last_seq
        )));
    }
    if row.session.message_count > row.last_seq {
        return Err(Error::invalid(format!(
            "it counts {} messages, but gave out only {} numbers",
            row.session.message_count, row.last_seq
        )));
    }
    check_revision(row.session.revision)
}

fn check_revision(revision: u64) -> Result<()> {
    if (1..=MAX_REVISION).contains(&revision) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "its revision is {revision}; it must be from 1 to {MAX_REVISION}"
    )))
}

/// Checks that nothing happened to it before it was created.
pub(crate) fn check_times(row: &SessionRow) -> Result<()> {
    let session = &row.session;
    if session.updated_at < session.created_at {
        return Err(Error::invalid("it was updated before it was created"));
    }
    if session.last_active_at < session.created_at {
        return Err(Error::invalid("it was active before it was created"));
    }
    Ok(())
}

/// Checks a message in itself.
pub(crate) fn check_message(message: &Message) -> Result<()> {
    check_message_frame(message)?;
    let content = &message.content;
    if content.is_text() {
        Ok(())
    } else {
        json::check("content", content.body(), Content::MAX_BYTES)
    }
}

/// As [`check_message`], for one whose content is known to be JSON or text as it says.
pub(crate) fn check_message_frame(message: &Message) -> Result<()> {
    if message.seq == 0 || message.seq > MAX_SEQ {
        return Err(Error::invalid(format!(
            "its seq is {}; it must be from 1 to {MAX_SEQ}",
            message.seq
        )));
    }
    limits::check("role", message.role.as_str(), 1, limits::ROLE)?;
    limits::check_optional("dedup_key", message.dedup_key.as_deref(), limits::DEDUP_KEY)?;
    if message.token_count.is_some_and(|n| n > limits::TOKEN_COUNT) {
        return Err(Error::invalid("its token_count is above 2^53 - 1"));
    }
    let (bytes, max) = (message.content.body().len(), Content::MAX_BYTES);
    if bytes > max {
        return Err(Error::invalid(format!(
            "its content has {bytes} bytes; at most {max} are allowed"
        )));
    }
    if message.content.is_text() && !json::is_plain(message.content.body()) {
        return Err(Error::invalid(
            "its text holds NUL, which only JSON text can",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis_clamped(millis)
    }

    fn row(change: impl FnOnce(&mut SessionRow)) -> SessionRow {
        let mut row = SessionRow {
            session: crate::model::Session::new("s", "", "default", "active", at(5)),
            last_seq: MAX_SEQ,
            preview_seq: None,
            is_final: false,
        };
        change(&mut row);
        row
    }

    fn message(change: impl FnOnce(&mut Message)) -> Result<()> {
        let mut message = Message::new(1, "user", Content::text("x"), at(5));
        change(&mut message);
        check_message_frame(&message)
    }

    #[test]
    fn numbers_may_be_at_their_limits_and_not_beyond() {
        assert!(message(|it| it.seq = 0).is_err());
        assert!(message(|it| it.seq = 1).is_ok());
        assert!(message(|it| it.seq = MAX_SEQ).is_ok());
        assert!(message(|it| it.seq = MAX_SEQ + 1).is_err());
        assert!(message(|it| it.token_count = Some(limits::TOKEN_COUNT)).is_ok());
        assert!(message(|it| it.token_count = Some(limits::TOKEN_COUNT + 1)).is_err());
        for (revision, is_sound) in [
            (0, false),
            (1, true),
            (1 << 52, true),
            ((1 << 52) + 1, false),
        ] {
            let row = row(|it| it.session.revision = revision);
            assert_eq!(check_counters(&row).is_ok(), is_sound, "{revision}");
        }
        assert!(check_counters(&row(|it| it.last_seq = MAX_SEQ + 1)).is_err());
        assert!(check_counters(&row(|it| it.session.message_count = MAX_SEQ)).is_ok());
        let counts_too_many = row(|it| (it.last_seq, it.session.message_count) = (7, 8));
        assert!(check_counters(&counts_too_many).is_err());
    }

    #[test]
    fn a_content_may_have_its_largest_size_and_no_byte_more() {
        let largest = "x".repeat(Content::MAX_BYTES);
        let larger = format!("{largest}x");
        assert!(message(|it| it.content = Content::text(largest)).is_ok());
        assert!(message(|it| it.content = Content::text(larger)).is_err());
    }

    #[test]
    fn the_times_of_a_row_may_be_one_and_the_same() {
        assert!(check_times(&row(|_| {})).is_ok());
        assert!(check_times(&row(|it| it.session.updated_at = at(4))).is_err());
        assert!(check_times(&row(|it| it.session.last_active_at = at(4))).is_err());
    }

    #[test]
    fn a_preview_has_a_source_that_was_there_and_at_most_100_code_points() {
        let preview = |text: Option<String>, seq| {
            check_preview(&row(|it| {
                it.last_seq = 3;
                it.session.preview = text;
                it.preview_seq = seq;
            }))
        };
        let of = |count| Some("é".repeat(count));
        assert!(preview(None, None).is_ok());
        for seq in [1, 3] {
            assert!(preview(of(1), Some(seq)).is_ok(), "{seq}");
        }
        for seq in [0, 4] {
            assert!(preview(of(1), Some(seq)).is_err(), "{seq}");
        }
        assert!(preview(of(MAX_PREVIEW), Some(1)).is_ok());
        assert!(preview(of(MAX_PREVIEW + 1), Some(1)).is_err());
        assert!(preview(of(0), Some(1)).is_err());
        assert!(preview(of(1), None).is_err());
        assert!(preview(None, Some(1)).is_err());
    }
}
