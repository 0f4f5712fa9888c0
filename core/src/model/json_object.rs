//! A JSON object kept verbatim: a session's metadata, a scope's context.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::Result;
use crate::rules::json;

/// A JSON object, kept **verbatim** as text: a session's metadata, a scope's context. `{}` by default.
///
/// `Debug` shows the size alone.
///
/// ```
/// use convostore::JsonObject;
/// let draft = JsonObject::parse(r#"{"title":"Crash","votes":12345678901234567890}"#)?;
/// assert_eq!(draft.as_str(), r#"{"title":"Crash","votes":12345678901234567890}"#);
/// assert_eq!(JsonObject::parse("[]").unwrap_err().code().as_str(), "invalid_argument");
/// # Ok::<(), convostore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonObject(String);

impl JsonObject {
    /// The most bytes that an object may have: 4 MiB.
    pub const MAX_BYTES: usize = 4 << 20;

    /// An object given as JSON text.
    ///
    /// Errors: `invalid_argument` where it is no JSON object, nested deeper than 128, or larger than
    /// [`JsonObject::MAX_BYTES`].
    pub fn parse(json: impl Into<String>) -> Result<Self> {
        let json = json.into();
        json::check_object("object", &json, Self::MAX_BYTES)?;
        Ok(Self(json))
    }

    /// An object given as something that serde can write, encoded compactly.
    ///
    /// Errors: as [`JsonObject::parse`].
    pub fn value<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::parse(json::encode("object", value)?)
    }

    /// From a stored row. For backends: nothing is checked.
    pub fn from_stored(json: String) -> Self {
        Self(json)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Reads the object into a type of yours.
    ///
    /// Errors: `invalid_argument` where it does not fit that type.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        json::decode("object", &self.0)
    }
}

impl Default for JsonObject {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonObject({} bytes)", self.0.len())
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(serde::de::Error::custom)
    }
}
