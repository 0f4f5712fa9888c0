use unicode_segmentation::UnicodeSegmentation as _;

use super::*;

/// Whether no grapheme ends between the two.
fn joins(before: &str, after: &str) -> bool {
    let text = [before, after].concat();
    text.grapheme_indices(true)
        .all(|(start, _)| start != before.len())
}

/// The letter for a code point from 0x7f on, by what unicode-segmentation does with it.
fn kind_by_probes(c: char) -> char {
    const PICTOGRAPH: &str = "\u{1f600}";
    const CONSONANT: &str = "\u{915}";
    let c = c.to_string();
    let after = |before: &str| [before, &c].concat();
    if joins("a", &c) {
        return if joins(&after(PICTOGRAPH), PICTOGRAPH) {
            'Z'
        } else if !joins(&(after(PICTOGRAPH) + "\u{200d}"), PICTOGRAPH) {
            'S'
        } else if joins(&after(CONSONANT), CONSONANT) {
            'L'
        } else if joins(&after("\u{915}\u{94d}"), CONSONANT) {
            'E'
        } else {
            'J'
        };
    }
    if !joins(&c, "\u{301}") {
        'C'
    } else if joins(&c, "a") {
        'P'
    } else if joins("\u{1f1e6}", &c) {
        'R'
    } else if joins("\u{1f600}\u{200d}", &c) {
        'X'
    } else if joins("\u{915}\u{94d}", &c) {
        'I'
    } else if joins(&c, "\u{1100}") {
        'l'
    } else if joins("\u{1161}", &c) {
        if joins("\u{1100}", &c) { 'v' } else { 't' }
    } else {
        'a'
    }
}

/// The table as unicode-segmentation has it. Planes in which nothing is assigned are one run.
fn derived() -> String {
    let code_points = (table::START..0x4_0000).chain(0xe_0000..0xe_2000);
    let kinds = std::thread::scope(|scope| {
        let all: Vec<u32> = code_points.collect();
        let parts: Vec<_> = all
            .chunks(0x1_0000)
            .map(|part| {
                let part = part.to_owned();
                scope.spawn(move || -> Vec<(u32, char)> {
                    let kind = |code| char::from_u32(code).map_or('a', kind_by_probes);
                    part.into_iter().map(|code| (code, kind(code))).collect()
                })
            })
            .collect();
        let parts = parts.into_iter().map(|part| part.join().unwrap());
        parts.flatten().collect::<Vec<_>>()
    });
    let mut runs: Vec<(u32, char)> = Vec::new();
    for (code, kind) in kinds {
        if runs.last().is_none_or(|(_, last)| *last != kind) {
            runs.push((code, kind));
        }
    }
    let mut out = String::new();
    for (at, (start, kind)) in runs.iter().enumerate() {
        let length = runs.get(at + 1).map_or(1, |(next, _)| next - start);
        if length > 1 {
            out += &length.to_string();
        }
        out.push(*kind);
    }
    out
}

#[test]
fn the_table_is_that_of_unicode_segmentation() {
    let derived = derived();
    assert_eq!(table::RUNS, derived, "the table must be as on the right");
}

#[test]
fn ends_are_where_unicode_segmentation_has_them() {
    // What has rules of its own, and some of each kind.
    let some: Vec<char> = "a\r\n\u{1}\u{7f}é\u{301}\u{300}\u{200c}\u{200d}\u{600}\u{903}\u{915}\u{94d}\u{93c}\u{1100}\u{1161}\u{11a8}가각\u{1f1e6}\u{1f1ff}👨👩\u{1f3fb}❤\u{fe0f}\u{d4d}\u{d15}字\u{e0020}\u{e0100}"
        .chars()
        .collect();
    let mut seed = 17_u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % n
    };
    for _ in 0..20_000 {
        let length = 2 + below(9);
        let text: String = (0..length).map(|_| some[below(some.len())]).collect();
        let ends: Vec<usize> = text
            .grapheme_indices(true)
            .map(|(start, _)| start)
            .filter(|start| *start > 0)
            .collect();
        for (limit, _) in text.char_indices() {
            let expected = ends.iter().copied().rfind(|end| *end <= limit);
            assert_eq!(last_end(&text, limit), expected, "{text:?} to {limit}");
        }
    }
}
