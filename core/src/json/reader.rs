//! Reading.

use std::borrow::Cow;

use super::plain_length;

/// How deep arrays and objects may be nested.
const MAX_DEPTH: u32 = 128;

/// That a text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// After so many bytes.
    pub at: usize,
    /// Whether it is only nested too deep.
    pub is_too_deep: bool,
}

type Read<T> = Result<T, Malformed>;

/// Reads JSON values one after the other.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// The arrays and objects around a place: a bit for each, set for an object.
#[derive(Default)]
struct Open {
    kinds: u128,
    depth: u32,
}

impl Open {
    fn push(&mut self, is_object: bool) -> bool {
        self.kinds = self.kinds << 1 | u128::from(is_object);
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.kinds & 1 == 1)
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }
}

impl<'a> Reader<'a> {
    /// At the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads a text that is one value and nothing else, to its end.
    pub fn check(text: &'a str) -> Read<()> {
        let mut reader = Self::new(text);
        reader.value()?;
        reader.end()
    }

    /// The first byte of the next token.
    pub fn peek(&mut self) -> Option<u8> {
        self.next();
        self.byte()
    }

    /// The next value as JSON text; its syntax and depth are checked.
    pub fn value(&mut self) -> Read<&'a str> {
        let (mut open, start) = (Open::default(), self.next());
        loop {
            match self.byte() {
                Some(bracket @ (b'{' | b'[')) => {
                    let is_object = bracket == b'{';
                    self.at += 1;
                    if !open.push(is_object) {
                        return self.wrong(true);
                    }
                    if !self.takes(closing(is_object)) {
                        self.name_if(is_object)?;
                        self.next();
                        continue;
                    }
                    open.pop();
                }
                Some(b'"') => self.string().map(drop)?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => self.number()?,
            }
            // A value has ended; with it maybe those around it.
            while let Some(is_object) = open.last() {
                if self.takes(b',') {
                    self.name_if(is_object)?;
                    break;
                }
                if !self.takes(closing(is_object)) {
                    return self.wrong(false);
                }
                open.pop();
            }
            if open.depth == 0 {
                return Ok(self.since(start));
            }
            self.next();
        }
    }

    /// Refuses what follows.
    pub fn end(&mut self) -> Read<()> {
        if self.next() < self.text.len() {
            return self.wrong(false);
        }
        Ok(())
    }

    /// The place of the next token.
    fn next(&mut self) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.at
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong<T>(&self, is_too_deep: bool) -> Read<T> {
        Err(Malformed {
            at: self.at,
            is_too_deep,
        })
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Whether the next token is this one, which is taken.
    pub fn takes(&mut self, token: u8) -> bool {
        self.next();
        let is_it = self.byte() == Some(token);
        self.at += usize::from(is_it);
        is_it
    }

    fn word(&mut self, word: &str) -> Read<()> {
        for byte in word.bytes() {
            self.exactly(byte)?;
        }
        Ok(())
    }

    fn exactly(&mut self, byte: u8) -> Read<()> {
        if self.byte() != Some(byte) {
            return self.wrong(false);
        }
        self.at += 1;
        Ok(())
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return self.wrong(false);
        }
        Ok(())
    }

    fn number(&mut self) -> Read<()> {
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// The inside of a string, which comes next; see [`unescape`].
    pub fn string(&mut self) -> Read<&'a str> {
        self.exactly(b'"')?;
        let start = self.at;
        loop {
            self.at += plain_length(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    let inside = self.since(start);
                    self.at += 1;
                    return Ok(inside);
                }
                Some(b'\\') => self.escape()?,
                _ => return self.wrong(false),
            }
        }
    }

    fn escape(&mut self) -> Read<()> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.wrong(false);
                    }
                    self.at += 1;
                }
                Ok(())
            }
            _ => self.wrong(false),
        }
    }

    /// The inside of a member's name, where one stands.
    fn name_if(&mut self, is_object: bool) -> Read<&'a str> {
        if !is_object {
            return Ok("");
        }
        self.next();
        let name = self.string()?;
        if self.takes(b':') {
            Ok(name)
        } else {
            self.wrong(false)
        }
    }

    /// The values of an array, or the names (the insides of their strings) and values of an object.
    fn parts(mut self, is_object: bool) -> Read<Vec<(&'a str, &'a str)>> {
        let mut parts = Vec::new();
        if !self.takes(if is_object { b'{' } else { b'[' }) {
            return self.wrong(false);
        }
        if !self.takes(closing(is_object)) {
            loop {
                parts.push((self.name_if(is_object)?, self.value()?));
                if self.takes(b',') {
                    continue;
                }
                if self.takes(closing(is_object)) {
                    break;
                }
                return self.wrong(false);
            }
        }
        self.end()?;
        Ok(parts)
    }
}

fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// The elements of an array, as JSON text.
pub(crate) fn elements(json: &str) -> Read<Vec<&str>> {
    let parts = Reader::new(json).parts(false)?;
    Ok(parts.into_iter().map(|(_, value)| value).collect())
}

/// The members of an object in their order: the inside of the name's string, and the value as JSON text.
pub(crate) fn members(json: &str) -> Read<Vec<(&str, &str)>> {
    Reader::new(json).parts(true)
}

/// The inside of a string whose syntax was checked.
fn inside_of(json: &str) -> Option<&str> {
    json.trim_ascii().strip_prefix('"')?.strip_suffix('"')
}

/// The text of a string whose syntax was checked; nothing where it is another value or holds half of a surrogate pair.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    unescape(inside_of(json)?)
}

/// The text that the inside of a string stands for; nothing where it holds half of a surrogate pair.
pub fn unescape(inside: &str) -> Option<Cow<'_, str>> {
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    String::from_utf8(unescaped(inside, false))
        .ok()
        .map(Cow::Owned)
}

/// The text of a string whose syntax was checked, U+FFFD in the place of each half of a surrogate pair.
pub(crate) fn lossy_text_of(json: &str) -> String {
    let bytes = unescaped(inside_of(json).unwrap_or_default(), true);
    String::from_utf8(bytes).unwrap_or_default()
}

/// The bytes of the inside of a string, halves of surrogate pairs as WTF-8 has them.
pub(crate) fn bytes_of(inside: &str) -> Vec<u8> {
    unescaped(inside, false)
}

fn unescaped(inside: &str, is_lossy: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (kind, after) = match escape {
            [_, kind, after @ ..] => (*kind, after),
            _ => (0, &[][..]),
        };
        rest = after;
        match kind {
            b'u' => put_code(&mut out, code(&mut rest), is_lossy),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            byte => out.push(byte),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// The code point after `\u`; of two halves of a pair, the pair.
fn code(rest: &mut &[u8]) -> u32 {
    let high = unit(rest);
    if (0xd800..0xdc00).contains(&high)
        && let Some(mut after) = rest.strip_prefix(b"\\u")
    {
        let low = unit(&mut after);
        if (0xdc00..0xe000).contains(&low) {
            *rest = after;
            return 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    high
}

fn unit(rest: &mut &[u8]) -> u32 {
    let Some((digits, after)) = rest.split_first_chunk::<4>() else {
        return 0;
    };
    *rest = after;
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default();
    digits.iter().fold(0, |code, byte| code << 4 | digit(byte))
}

fn six_bits(code: u32) -> u8 {
    u8::try_from(code & 0x3f | 0x80).unwrap_or_default()
}

fn put_code(out: &mut Vec<u8>, code: u32, is_lossy: bool) {
    let half = [0xed, six_bits(code >> 6), six_bits(code)];
    match char::from_u32(code) {
        None if !is_lossy => out.extend_from_slice(&half),
        known => {
            let known = known.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(known.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
