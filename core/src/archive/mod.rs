//! The archive: a portable file of what one tenant's store holds. FORMAT.md describes it; this is that format, and nothing else: no
//! backend, no clock.
//!
//! One [`grammar::Grammar`] judges what is written and what is read, so that nothing can be exported that could not be imported (but that
//! keys do not repeat is, in a sound store, left to its indexes).

mod grammar;
mod line;
mod reader;
pub(crate) mod rows;
mod sequence;
mod writer;

pub(crate) use reader::{Entry, Reader};
pub(crate) use sequence::{Keys, Sequence};
pub(crate) use writer::{Give, Refused, Writer};

/// The name of the format, in the first line of every archive.
const FORMAT: &str = "convostore-archive";

/// The version of the format that this crate writes, and the newest that it reads.
const VERSION: u64 = 1;

/// The first line, without its end.
const HEADER: &str = r#"{"format":"convostore-archive","version":1}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_format_and_version() {
        let header: serde_json::Value = serde_json::from_str(HEADER).unwrap();
        assert_eq!(header["format"], FORMAT);
        assert_eq!(header["version"], VERSION);
    }
}
