//! Where graphemes end: UAX #29, extended, of Unicode 17.
//!
//! The crate unicode-segmentation, against which the tests hold this, does more than is needed here and has tables of 35 kilobytes; here it is
//! one of three, for the npm package is paid for by the byte.

mod table;

use std::sync::OnceLock;

/// Code points from `start` on, up to the next run, are of one kind; see [`table::RUNS`] for the letters.
struct Run {
    start: u32,
    kind: u8,
}

/// Between CR and LF is no end; otherwise both are controls.
const CR: u8 = b'\r';
const LF: u8 = b'\n';
/// Syllables of the Korean script, without and with a final consonant: too many runs for the table, and easily told.
const LV: u8 = b'y';
const LVT: u8 = b'w';

fn runs() -> &'static [Run] {
    static DECODED: OnceLock<Vec<Run>> = OnceLock::new();
    DECODED.get_or_init(|| {
        let (mut start, mut length, mut runs) = (table::START, 0, Vec::new());
        for byte in table::RUNS.bytes() {
            if byte.is_ascii_digit() {
                length = length * 10 + u32::from(byte - b'0');
            } else {
                runs.push(Run { start, kind: byte });
                start += length.max(1);
                length = 0;
            }
        }
        runs
    })
}

fn kind(c: char, runs: &[Run]) -> u8 {
    match u32::from(c) {
        0x0d => CR,
        0x0a => LF,
        0..0x20 => b'C',
        0x20..table::START => b'a',
        syllable @ 0xac00..0xd7a4 if (syllable - 0xac00).is_multiple_of(28) => LV,
        0xac00..0xd7a4 => LVT,
        code => {
            let next = runs.partition_point(|run| run.start <= code);
            let run = next.checked_sub(1).and_then(|at| runs.get(at));
            run.map_or(b'a', |run| run.kind)
        }
    }
}

/// What stands before a place, as far as it matters.
#[derive(Default)]
struct Before {
    kind: u8,
    /// 1 after a pictograph and what extends it, 2 if a joiner follows.
    pictograph: u8,
    /// 1 after an Indic consonant and what extends it, 2 if a linker is among that.
    consonant: u8,
    /// Whether the number of regional indicators is odd: they make flags in pairs.
    is_half_flag: bool,
}

impl Before {
    /// Whether a grapheme ends before a code point of that kind.
    fn ends(&self, after: u8) -> bool {
        match (self.kind, after) {
            (CR, LF) => false,
            (CR | LF | b'C', _) | (_, CR | LF | b'C') => true,
            (b'l', b'l' | b'v' | LV | LVT)
            | (b'v' | LV, b'v' | b't')
            | (b't' | LVT, b't')
            | (_, b'E' | b'L' | b'J' | b'Z' | b'S')
            | (b'P', _) => false,
            (_, b'I') => self.consonant < 2,
            (_, b'X') => self.pictograph < 2,
            (_, b'R') => !self.is_half_flag,
            _ => true,
        }
    }

    fn take(&mut self, kind: u8) {
        self.pictograph = match (kind, self.pictograph) {
            (b'X', _) | (b'E' | b'L' | b'J', 1) => 1,
            (b'Z', 1) => 2,
            _ => 0,
        };
        self.consonant = match (kind, self.consonant) {
            (b'I', _) => 1,
            (b'L', 1) => 2,
            (b'E' | b'L' | b'Z', before) => before,
            _ => 0,
        };
        self.is_half_flag = kind == b'R' && !self.is_half_flag;
        self.kind = kind;
    }
}

/// The end of the last grapheme that ends at that byte or before, which is inside the text; nothing where none does.
pub(crate) fn last_end(text: &str, limit: usize) -> Option<usize> {
    let runs = runs();
    let (mut before, mut last) = (Before::default(), None);
    for (at, c) in text.char_indices() {
        if at > limit {
            break;
        }
        let kind = kind(c, runs);
        if at > 0 && before.ends(kind) {
            last = Some(at);
        }
        before.take(kind);
    }
    last
}

#[cfg(test)]
mod tests;
