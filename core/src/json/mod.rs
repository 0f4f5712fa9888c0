//! JSON as text: read piece by piece, and written. RFC 8259.
//!
//! What an application's own types read and write goes through serde. All else, the records of this crate and the arguments of its bindings, goes
//! through here: one reader and one writer for everything, where serde compiles one for each type. An npm package is paid for by the byte.

mod fields;
mod reader;
mod writer;

pub(crate) use fields::Fields;
pub use reader::{Malformed, Reader, unescape};
pub(crate) use reader::{bytes_of, lossy_text_of};
pub(crate) use reader::{elements, members, text_of};
pub(crate) use writer::{Object, Sink};
pub use writer::{put_number, put_text};

/// How many bytes at the start stand for themselves in a JSON string: no control character, quote or backslash. Eight at a time, since nearly all of
/// what a history holds passes through here.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        let (quote, backslash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let is_quote = quote.wrapping_sub(ONES) & !quote;
        let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
        if (below_space | is_quote | is_backslash) & HIGH != 0 {
            break;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or(rest);
    for byte in rest {
        if *byte < 0x20 || *byte == b'"' || *byte == b'\\' {
            break;
        }
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests;
