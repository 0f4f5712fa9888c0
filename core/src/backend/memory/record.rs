//! Records: row changes in the form in which keepers keep them, and the format of their keys.

use crate::error::{Error, ErrorCode, Result};
use crate::quoted::quoted;

/// One change of one row, or the deletion of a range of rows: what a keeper keeps.
///
/// Keys and values are text. The order of changes counts; a later record with the same key replaces the earlier one. A keeper
/// stores them in a map from keys to values, or in a journal, and need not understand them.
///
/// # Format, version 1
///
/// A key is `v1`, the tenant and what follows, separated by spaces. In the names, each character up to `!` (white space,
/// control characters and `!` itself) is written as `!` and two hexadecimal digits, so sorted keys are in order of the names.
///
/// | key | value |
/// |---|---|
/// | `v1 TENANT c SCOPE` | a context: a JSON object, in it `data` as a string |
/// | `v1 TENANT l NAME` | a lifecycle: a JSON object |
/// | `v1 TENANT s ID a` | a session without its metadata: a JSON object |
/// | `v1 TENANT s ID b` | its metadata, verbatim; `{}` where there is no such record |
/// | `v1 TENANT s ID m SEQ` | a message, SEQ in 16 hexadecimal digits: a JSON object, in it the content as `text`, or as `json` in a string |
///
/// So all of a session lies together, its messages in order of `seq`, and the record of a session comes before what belongs to it,
/// in a range of keys as in the changes of a write.
#[derive(Clone, PartialEq, Eq)]
pub enum Record {
    /// The value is kept under the key, in place of what was.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The key and its value are deleted, if they are there.
    Delete {
        /// The key.
        key: String,
    },
    /// All keys with `first <= key <= last` are deleted. Both begin alike but for an ASCII ending, so it is the same range by bytes
    /// and by UTF-16 units, as IndexedDB orders.
    DeleteRange {
        /// The first key.
        first: String,
        /// The last key.
        last: String,
    },
}

impl Record {
    /// The key, or the first of the range: what an error names.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
            Self::DeleteRange { first, .. } => first,
        }
    }
}

/// Without the value, which may hold a message.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "Put({key:?}, {} bytes)", value.len()),
            Self::Delete { key } => write!(f, "Delete({key:?})"),
            Self::DeleteRange { first, last } => write!(f, "DeleteRange({first:?} ..= {last:?})"),
        }
    }
}

/// The version of the format, which leads every key.
const VERSION: &str = "v1";

/// What a key names, within a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Context(String),
    Lifecycle(String),
    Session(String),
    Metadata(String),
    Message(String, u64),
}

fn key(tenant: &str, kind: char, name: &str) -> String {
    let mut out = String::with_capacity(tenant.len() + name.len() + 32);
    out.push_str(VERSION);
    out.push(' ');
    escape(&mut out, tenant);
    out.push(' ');
    out.push(kind);
    out.push(' ');
    escape(&mut out, name);
    out
}

pub(super) fn context_key(tenant: &str, scope: &str) -> String {
    key(tenant, 'c', scope)
}

pub(super) fn lifecycle_key(tenant: &str, name: &str) -> String {
    key(tenant, 'l', name)
}

pub(super) fn session_key(tenant: &str, id: &str) -> String {
    key(tenant, 's', id) + " a"
}

pub(super) fn metadata_key(tenant: &str, id: &str) -> String {
    key(tenant, 's', id) + " b"
}

pub(super) fn message_key(tenant: &str, id: &str, seq: u64) -> String {
    format!("{} m {seq:016x}", key(tenant, 's', id))
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        if c <= '!' {
            let code = c as u32;
            out.push('!');
            out.extend(
                [code / 16, code % 16].map(|digit| char::from_digit(digit, 16).unwrap_or('0')),
            );
        } else {
            out.push(c);
        }
    }
}

/// The name that [`escape`] wrote; nothing where it cannot have written that.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '!' {
            let code = rest.next()?.to_digit(16)? * 16 + rest.next()?.to_digit(16)?;
            out.push(char::from_u32(code).filter(|c| *c <= '!')?);
        } else {
            out.push(c);
        }
    }
    Some(out)
}

/// The tenant and what the key names.
pub(super) fn parse_key(key: &str) -> Result<(String, Name)> {
    let version = key.split(' ').next().unwrap_or_default();
    if version != VERSION {
        return Err(foreign(version));
    }
    parse_parts(key).ok_or_else(|| damaged(key, "its key is not well formed"))
}

fn parse_parts(key: &str) -> Option<(String, Name)> {
    let mut parts = key.split(' ').skip(1);
    let tenant = unescape(parts.next()?)?;
    let kind = parts.next()?;
    let name = unescape(parts.next()?)?;
    let name = match (kind, parts.next()) {
        ("c", None) => Name::Context(name),
        ("l", None) => Name::Lifecycle(name),
        ("s", Some("a")) => Name::Session(name),
        ("s", Some("b")) => Name::Metadata(name),
        ("s", Some("m")) => Name::Message(name, parse_seq(parts.next()?)?),
        _ => return None,
    };
    parts.next().is_none().then_some((tenant, name))
}

fn parse_seq(digits: &str) -> Option<u64> {
    let well_formed = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then(|| u64::from_str_radix(digits, 16).ok())?
}

fn foreign(version: &str) -> Error {
    let is_newer = version.strip_prefix('v').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let sentence = if is_newer {
        "a record was written by a newer version; open it with that version or a later one"
    } else {
        "a record is of another program"
    };
    Error::new(ErrorCode::UnsupportedSchema, sentence)
}

/// The error for a record that this program cannot have written.
pub(super) fn damaged(key: &str, what: &str) -> Error {
    Error::new(
        ErrorCode::Corrupted,
        format!("the record {key} is damaged: {what}", key = quoted(&key)),
    )
    .with("key", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_whatever_the_names_hold() {
        let names = [
            "",
            " ",
            "!",
            "a b!c",
            "\0\u{1}\n",
            "C042/1718.55",
            "Grüße 🦀",
            "m",
            "s a",
            "v2",
        ];
        for tenant in names {
            for name in names {
                let cases = [
                    (context_key(tenant, name), Name::Context(name.to_owned())),
                    (
                        lifecycle_key(tenant, name),
                        Name::Lifecycle(name.to_owned()),
                    ),
                    (session_key(tenant, name), Name::Session(name.to_owned())),
                    (metadata_key(tenant, name), Name::Metadata(name.to_owned())),
                    (
                        message_key(tenant, name, 42),
                        Name::Message(name.to_owned(), 42),
                    ),
                ];
                for (key, expected) in cases {
                    assert_eq!(parse_key(&key).unwrap(), (tenant.to_owned(), expected));
                }
            }
        }
    }

    #[test]
    fn keys_sort_as_names_and_numbers_do() {
        let mut names = ["a", "a b", "a!", "ab", "", "a\n", "é", "🦀", "A"];
        names.sort_unstable();
        let keys = names.map(|name| message_key("t", name, 7));
        assert!(keys.is_sorted());
        let seqs = [1, 2, 9, 10, 255, 256, (1 << 63) - 1, u64::MAX];
        assert!(seqs.map(|seq| message_key("t", "s", seq)).is_sorted());
        assert!(session_key("t", "s") < metadata_key("t", "s"));
        assert!(metadata_key("t", "s") < message_key("t", "s", 1));
    }

    #[test]
    fn what_is_not_ours_is_told_from_what_is_damaged() {
        let code = |key: &str| parse_key(key).unwrap_err().code();
        for foreign in ["", "x", "v2 t s id a", "V1 t s id a"] {
            assert_eq!(code(foreign), ErrorCode::UnsupportedSchema, "{foreign}");
        }
        let damaged = [
            "v1",
            "v1 t",
            "v1 t s id",
            "v1 t s id a more",
            "v1 t s id m 1",
            "v1 t s id m 000000000000000g",
            "v1 t s i!zz a",
            "v1 t s i!41 a",
            "v1 t q id",
            "v1 t c scope more",
        ];
        for damaged in damaged {
            assert_eq!(code(damaged), ErrorCode::Corrupted, "{damaged}");
        }
    }
}
