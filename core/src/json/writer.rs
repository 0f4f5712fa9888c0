//! Writing: compact, non-ASCII kept, as `JSON.stringify` and `json.dumps(ensure_ascii=False)` write it.

use super::plain_length;
use crate::clock::Timestamp;

/// Where JSON text goes. One that can fail remembers it, and takes no more.
pub(crate) trait Sink {
    fn put(&mut self, text: &str);
}

impl Sink for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// Gives the inside of the JSON string for a text, piece by piece.
fn escape(text: &str, each: &mut dyn FnMut(&str)) {
    let mut rest = text;
    loop {
        let length = plain_length(rest.as_bytes());
        let (plain, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        each(plain);
        let Some(byte) = after.bytes().next() else {
            return;
        };
        match byte {
            b'"' => each("\\\""),
            b'\\' => each("\\\\"),
            8 => each("\\b"),
            9 => each("\\t"),
            10 => each("\\n"),
            12 => each("\\f"),
            13 => each("\\r"),
            _ => {
                let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
                let mut code = String::from("\\u00");
                code.extend([digit(byte >> 4), digit(byte & 15)]);
                each(&code);
            }
        }
        rest = after.get(1..).unwrap_or_default();
    }
}

/// Appends the JSON string for a text.
pub fn put_text(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    if plain_length(text.as_bytes()) == text.len() {
        out.push_str(text);
    } else {
        escape(text, &mut |piece| out.push_str(piece));
    }
    out.push('"');
}

/// Appends a number.
pub fn put_number(out: &mut String, number: i64) {
    let (mut digits, mut at, mut left) = ([b'0'; 20], 20, number.unsigned_abs());
    while left > 0 || at == 20 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if number < 0 {
        out.push('-');
    }
    out.push_str(str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// An object, written member by member.
pub(crate) struct Object<'a> {
    out: &'a mut dyn Sink,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn new(out: &'a mut dyn Sink) -> Self {
        out.put("{");
        Self {
            out,
            is_empty: true,
        }
    }

    fn put(&mut self, text: &str) {
        self.out.put(text);
    }

    fn put_text(&mut self, text: &str) {
        self.put("\"");
        escape(text, &mut |piece| self.put(piece));
        self.put("\"");
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.put(",");
        }
        self.put_text(name);
        self.put(":");
    }

    /// A member whose value is JSON text.
    pub(crate) fn value(&mut self, name: &str, json: &str) {
        self.name(name);
        self.put(json);
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.put_text(text);
    }

    /// Nothing is written for nothing.
    pub(crate) fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.optional_number(name, Some(number));
    }

    /// Nothing is written for nothing.
    pub(crate) fn optional_number(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.value(name, &number.to_string());
        }
    }

    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.value(name, if flag { "true" } else { "false" });
    }

    pub(crate) fn time(&mut self, name: &str, time: Timestamp) {
        self.value(name, &time.as_millis().to_string());
    }

    /// A member that is a list of texts.
    pub(crate) fn texts(&mut self, name: &str, texts: &[String]) {
        self.name(name);
        self.list(texts.len(), &mut |object, index| {
            object.put_text(&texts[index]);
        });
    }

    /// A member that is a list of pairs of texts.
    pub(crate) fn pairs(&mut self, name: &str, pairs: &[(String, String)]) {
        self.name(name);
        self.list(pairs.len(), &mut |object, index| {
            let (a, b) = &pairs[index];
            object.put("[");
            object.put_text(a);
            object.put(",");
            object.put_text(b);
            object.put("]");
        });
    }

    fn list(&mut self, len: usize, each: &mut dyn FnMut(&mut Self, usize)) {
        self.put("[");
        for index in 0..len {
            if index > 0 {
                self.put(",");
            }
            each(self, index);
        }
        self.put("]");
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, name: &str, fill: &mut dyn FnMut(&mut Object<'_>)) {
        self.name(name);
        let mut inner = Object::new(self.out);
        fill(&mut inner);
        inner.end();
    }

    pub(crate) fn end(self) {
        self.out.put("}");
    }
}
