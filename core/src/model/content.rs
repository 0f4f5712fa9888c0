//! What a message says: plain text or any JSON value, kept verbatim.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::Result;
use crate::rules::json;

/// The content of a message: plain text or any JSON value, **verbatim** — digits, key order, white space and escapes come back
/// as they went in. Never interpreted, except for previews.
///
/// A JSON string *is* text: `Content::json(r#""hi""#)` equals `Content::text("hi")`. Equal contents are those with the same
/// JSON text, so `1.0` and `1` differ, and so do `"A"` and `"\u0041"`.
///
/// `Debug` shows the size alone: contents belong in no log.
///
/// ```
/// use convostore::Content;
/// let text = Content::text("Grüße");
/// assert_eq!(text.to_json(), r#""Grüße""#);
/// let big = Content::json(r#"{"n":12345678901234567890123}"#)?;
/// assert_eq!(big.to_json(), r#"{"n":12345678901234567890123}"#);
/// assert_eq!(Content::json("{oops").unwrap_err().code().as_str(), "invalid_argument");
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Content {
    is_text: bool,
    /// The text itself where `is_text`, else the JSON text.
    body: String,
}

impl Content {
    /// The most bytes that a content may have, counted as it is stored: 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;

    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if json::is_plain(&text) {
            Self {
                is_text: true,
                body: text,
            }
        } else {
            Self {
                is_text: false,
                body: json::encode_string(&text),
            }
        }
    }

    /// A JSON value given as JSON text.
    ///
    /// Errors: `invalid_argument` where it is no JSON (RFC 8259; NaN is none), nested deeper than 128, or larger than
    /// [`Content::MAX_BYTES`].
    pub fn json(json: impl Into<String>) -> Result<Self> {
        let json = json.into();
        json::check("content", &json, Self::MAX_BYTES)?;
        Ok(Self::from_checked_json(json))
    }

    /// A value given as something that serde can write, encoded compactly.
    ///
    /// Errors: as [`Content::json`].
    pub fn value<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::json(json::encode("content", value)?)
    }

    fn from_checked_json(json: String) -> Self {
        match json::plain_text_of(&json) {
            Some(text) => Self {
                is_text: true,
                body: text,
            },
            None => Self {
                is_text: false,
                body: json,
            },
        }
    }

    /// From the two columns of a stored row, see [`Content::is_text`] and [`Content::body`]. For backends: nothing is checked.
    pub fn from_stored(is_text: bool, body: String) -> Self {
        Self { is_text, body }
    }

    /// Whether [`Content::body`] is the text itself, and not JSON text.
    ///
    /// A JSON string is kept as JSON text where its text could not give the same JSON text again (`"\u0041"`), or holds NUL or a
    /// lone surrogate, which not every backend's text can. [`Content::as_text`] sees through this.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// The text or the JSON text, as it is stored.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The stored form, taken apart: `(is_text, body)`.
    pub fn into_stored(self) -> (bool, String) {
        (self.is_text, self.body)
    }

    /// The text, where the content is a JSON string; nothing where it is another JSON value, or holds a lone surrogate, which
    /// no Rust string can.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        if self.is_text {
            Some(Cow::Borrowed(&self.body))
        } else if json::is_string(&self.body) {
            crate::json::text_of(&self.body)
        } else {
            None
        }
    }

    /// The JSON text, whatever the content is.
    pub fn to_json(&self) -> Cow<'_, str> {
        if self.is_text {
            Cow::Owned(json::encode_string(&self.body))
        } else {
            Cow::Borrowed(&self.body)
        }
    }

    /// Reads the content into a type of yours.
    ///
    /// Errors: `invalid_argument` where it does not fit that type.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        if self.is_text {
            json::decode_text("content", &self.body)
        } else {
            json::decode("content", &self.body)
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_text { "text" } else { "JSON" };
        write!(f, "Content({} bytes of {kind})", self.body.len())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// As the JSON value itself, verbatim with `serde_json`.
impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_text {
            serializer.serialize_str(&self.body)
        } else {
            let raw: &RawValue =
                serde_json::from_str(&self.body).map_err(serde::ser::Error::custom)?;
            raw.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::json(raw.get()).map_err(serde::de::Error::custom)
    }
}
