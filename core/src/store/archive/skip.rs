//! Past a row that cannot be read. Its key cannot be read either, but it can be found: asking for the row after a key fails as long as
//! the unreadable row is the next one, so its own key is the first with which it does not.
//!
//! Where several such rows follow one another, the last of them is found. Where readable ones stand between them, and the keys are far apart,
//! some of those can be passed over; whoever counts notices.

use crate::archive::rows::MAX_SEQ;
use crate::error::Result;
use crate::rules::limits;

/// Whether the row after a key can be read, or there is none.
pub(super) type Probe<'a, K> = dyn FnMut(&K) -> Result<bool> + 'a;

/// A key that can be searched for.
pub(in crate::store) trait Key: Clone + Ord {
    /// Before all others.
    fn first() -> Self;

    /// The key of the unreadable row after `after`; nothing where no key has anything readable after it.
    fn unreadable(after: &Self, probe: &mut Probe<'_, Self>) -> Result<Option<Self>>;
}

pub(super) fn unreadable<K: Key>(after: &K, probe: &mut Probe<'_, K>) -> Result<Option<K>> {
    K::unreadable(after, probe)
}

impl Key for u64 {
    fn first() -> Self {
        0
    }

    /// Numbers are dense, so the next ones are tried one by one; then with growing steps, and back by halves.
    fn unreadable(after: &Self, probe: &mut Probe<'_, Self>) -> Result<Option<Self>> {
        const ONE_BY_ONE: u64 = 1000;
        let (mut below, mut step) = (*after, 1);
        let mut found = loop {
            let next = below.saturating_add(step);
            if next >= MAX_SEQ {
                return Ok(None); // after the highest there is nothing, readable or not
            }
            if probe(&next)? {
                break next;
            }
            below = next;
            if below - *after > ONE_BY_ONE {
                step *= 2;
            }
        };
        while found - below > 1 {
            let middle = below + (found - below) / 2;
            if probe(&middle)? {
                found = middle;
            } else {
                below = middle;
            }
        }
        Ok(Some(found))
    }
}

/// Contexts begin with nothing, after which the empty scope comes.
impl Key for Option<String> {
    fn first() -> Self {
        None
    }

    fn unreadable(after: &Self, probe: &mut Probe<'_, Self>) -> Result<Option<Self>> {
        let mut text_probe = |key: &String| probe(&Some(key.clone()));
        let after = match after {
            Some(after) => after,
            None if text_probe(&String::new())? => return Ok(Some(Some(String::new()))),
            None => "",
        };
        Ok(text_after(after, limits::SCOPE, &mut text_probe)?.map(Some))
    }
}

impl Key for String {
    fn first() -> Self {
        String::new()
    }

    fn unreadable(after: &Self, probe: &mut Probe<'_, Self>) -> Result<Option<Self>> {
        text_after(after, limits::SESSION_ID, probe)
    }
}

/// The key is found character by character: first how much of it is as in `after`, then what follows.
fn text_after(
    after: &str,
    longest: usize,
    probe: &mut Probe<'_, String>,
) -> Result<Option<String>> {
    let Some((mut found, above)) = common_beginning(after, longest, probe)? else {
        return Ok(None);
    };
    let mut above = above;
    while found.len() <= longest {
        let next = next_char(&found, above, longest, probe)?;
        found.push(next);
        above = None;
        if probe(&found)? {
            return Ok(Some(found));
        }
    }
    Ok(Some(end_of(&found, longest)))
}

/// The longest beginning of `after` that the key has too, and the character above which it goes on.
fn common_beginning(
    after: &str,
    longest: usize,
    probe: &mut Probe<'_, String>,
) -> Result<Option<(String, Option<char>)>> {
    let (mut beginning, mut above) = (after.to_owned(), None);
    loop {
        if probe(&end_of(&beginning, longest))? {
            return Ok(Some((beginning, above)));
        }
        above = beginning.pop();
        if above.is_none() {
            return Ok(None);
        }
    }
}

/// The character after `beginning`, above `above`. ASCII is tried one by one, to pass over as little as possible.
fn next_char(
    beginning: &str,
    above: Option<char>,
    longest: usize,
    probe: &mut Probe<'_, String>,
) -> Result<char> {
    let mut ends = |code: u32| {
        // No character has the codes of surrogates; the next one stands for them.
        let character = char::from_u32(code).unwrap_or('\u{e000}');
        let found = probe(&end_of(&format!("{beginning}{character}"), longest))?;
        Ok::<_, crate::error::Error>((character, found))
    };
    let first = above.map_or(1, |above| u32::from(above) + 1);
    for code in first..0x80 {
        if let (character, true) = ends(code)? {
            return Ok(character);
        }
    }
    let (mut low, mut high) = (first.max(0x80), u32::from(char::MAX));
    while low < high {
        let middle = low + (high - low) / 2;
        if ends(middle)?.1 {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(char::from_u32(low).unwrap_or('\u{e000}'))
}

/// After all texts with that beginning and of that length.
fn end_of(beginning: &str, longest: usize) -> String {
    let room = longest.saturating_sub(beginning.len()) / char::MAX.len_utf8() + 1;
    let mut end = String::with_capacity(beginning.len() + room * 4);
    end.push_str(beginning);
    end.extend(std::iter::repeat_n(char::MAX, room));
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which keys are found as unreadable, after the given one.
    fn find<K: Key + Ord>(rows: &[(K, bool)], after: &K) -> Option<K> {
        unreadable(after, &mut |key: &K| {
            let next = rows.iter().find(|(row, _)| row > key);
            Ok(next.is_none_or(|(_, readable)| *readable))
        })
        .unwrap()
    }

    #[test]
    fn the_key_is_found_among_texts() {
        for key in [
            "b",
            "ab",
            "aab",
            "s-004",
            "ü",
            "z\u{10ffff}",
            "日本",
            "a\u{e000}",
            "a\u{1}",
        ] {
            for after in ["", "a", "aa"] {
                let key = key.to_owned();
                if *key <= *after {
                    continue;
                }
                let rows = [(key.clone(), false), ("\u{10ffff}a".to_owned(), true)];
                assert_eq!(
                    find(&rows, &after.to_owned()),
                    Some(key.clone()),
                    "{after:?} {key:?}"
                );
                assert_eq!(find(&rows[..1], &after.to_owned()), Some(key));
            }
        }
    }

    #[test]
    fn of_several_in_a_row_the_last_is_found() {
        let text = str::to_owned;
        let rows = [
            (text("s-1"), false),
            (text("s-2"), false),
            (text("s-3"), true),
            (text("s-4"), false),
        ];
        assert_eq!(find(&rows, &text("")), Some(text("s-2")));
        assert_eq!(find(&rows, &text("s-3")), Some(text("s-4")));
        let rows = [
            (3, false),
            (4, false),
            (5, true),
            (6, false),
            (90_000, true),
        ];
        assert_eq!(find(&rows, &0), Some(4));
        assert_eq!(find(&rows, &5), Some(6));
    }

    #[test]
    fn a_number_far_away_is_found() {
        for key in [1, 999, 1001, 5_000_000, MAX_SEQ / 3] {
            assert_eq!(find(&[(key, false)], &0), Some(key));
        }
    }

    #[test]
    fn a_number_far_away_costs_few_questions() {
        let mut questions = 0;
        let far = MAX_SEQ / 3;
        let found = u64::unreadable(&0, &mut |key| {
            questions += 1;
            Ok(*key >= far)
        });
        assert_eq!(found.unwrap(), Some(far));
        // A thousand one by one, and two for each doubling.
        assert!(questions < 1000 + 2 * 64, "{questions}");
    }

    #[test]
    fn the_empty_scope_can_be_the_unreadable_one() {
        let rows = [(Some(String::new()), false), (Some("a".to_owned()), true)];
        assert_eq!(find(&rows, &None), Some(Some(String::new())));
    }

    #[test]
    fn where_nothing_can_be_read_there_is_no_key() {
        let nothing = &mut |_: &String| Ok(false);
        assert_eq!(
            String::unreadable(&"abc".to_owned(), nothing).unwrap(),
            None
        );
        assert_eq!(u64::unreadable(&7, &mut |_| Ok(false)).unwrap(), None);
    }
}
