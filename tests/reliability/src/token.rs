//! The text of a message that says itself what must be there with it.

/// What a writer wrote in one call: one message, or a batch, perhaps with an update of its session.
///
/// Each message's text is `run.thread.call:index/of`, with `u` behind it where the session was updated with it, and then filling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// `run.thread.call`, never given twice.
    pub call: String,
    /// Which message of the batch, from 0.
    pub index: usize,
    /// How many messages the batch has.
    pub of: usize,
    /// Whether the session's metadata got `{"call": …}` with it.
    pub with_update: bool,
}

impl Token {
    /// The text of the message, with as many bytes of filling.
    pub fn text(&self, filling: usize) -> String {
        let Self {
            call, index, of, ..
        } = self;
        let update = if self.with_update { "u" } else { "" };
        format!("{call}:{index}/{of}{update} {}", "x".repeat(filling))
    }

    /// The token in a message's text.
    pub fn of(text: &str) -> Option<Self> {
        let (token, _) = text.split_once(' ')?;
        let (call, place) = token.split_once(':')?;
        let (index, of) = place.split_once('/')?;
        Some(Self {
            call: call.to_owned(),
            index: index.parse().ok()?,
            of: of.trim_end_matches('u').parse().ok()?,
            with_update: of.ends_with('u'),
        })
    }
}
