//! Names in the sentences of errors.

use std::fmt::{self, Write};

/// A name as an error repeats it: in quotes, and with nothing in it that a log or a terminal would obey instead of show.
///
/// `{:?}` does as much, but brings tables of all of Unicode along, which the npm package pays for by the byte.
pub(crate) struct Quoted<'a>(&'a str);

/// See [`Quoted`].
pub(crate) fn quoted<T: AsRef<str> + ?Sized>(name: &T) -> Quoted<'_> {
    Quoted(name.as_ref())
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                c if is_hidden(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// Names beside each other. `join` of the standard library is more code for each kind of name.
pub(crate) fn joined<T: AsRef<str>>(names: &[T], between: &str) -> String {
    let mut out = String::new();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        out.push_str(name.as_ref());
    }
    out
}

/// Control characters, and those that change how what follows is laid out.
fn is_hidden(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_the_standard_library_would() {
        for c in (0..0x3000)
            .chain(0xfe00..0x1_0000)
            .chain(0xe_0000..0xe_0100)
        {
            let Some(c) = char::from_u32(c) else { continue };
            let name = format!("a{c}b");
            let shown = quoted(&name).to_string();
            // What is not assigned, or is a mark that sits on another sign, it escapes too; here that is shown.
            assert!(
                shown == format!("{name:?}") || shown == format!("\"a{c}b\""),
                "{c:?}"
            );
            assert!(shown.chars().all(|c| !c.is_control()), "{c:?}");
        }
        assert_eq!(
            quoted("ü\u{9b}\u{202e}\n\"\\").to_string(),
            "\"ü\\u{9b}\\u{202e}\\n\\\"\\\\\""
        );
        assert_eq!(quoted("漢 😀 e\u{301}").to_string(), "\"漢 😀 e\u{301}\"");
    }
}
