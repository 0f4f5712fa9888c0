//! JSON text as Python values, as `json.loads` gives them, but of integers of more digits than the interpreter's own limit too.
//!
//! The text was checked when it was stored; if it is damaged nevertheless, the error says `corrupted` and quotes nothing.

use convostore::ErrorCode;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use super::digits;
use crate::error;

/// As deep as the core allows.
const MAX_DEPTH: usize = 128;
/// So many digits fit into an `i64` whatever they are.
const SMALL: usize = 18;
/// So many digits the interpreter converts whatever its limit is set to.
const MEDIUM: usize = 600;

/// The value of a JSON text. Of names that come twice the last one counts; lone surrogates are kept.
pub(crate) fn decode<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    let mut reader = Reader {
        py,
        text: json,
        bytes: json.as_bytes(),
        at: 0,
    };
    let value = reader.value(0)?;
    reader.space();
    if reader.at == json.len() {
        Ok(value)
    } else {
        Err(reader.damaged())
    }
}

struct Reader<'a, 'py> {
    py: Python<'py>,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'py> Reader<'_, 'py> {
    fn damaged(&self) -> PyErr {
        error::of(
            self.py,
            ErrorCode::Corrupted,
            &format!("a stored JSON text is damaged at byte {}", self.at),
        )
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space, not yet taken.
    fn peek(&mut self) -> PyResult<u8> {
        self.space();
        self.bytes
            .get(self.at)
            .copied()
            .ok_or_else(|| self.damaged())
    }

    fn take(&mut self, byte: u8) -> PyResult<()> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.damaged())
        }
    }

    fn value(&mut self, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        if depth > MAX_DEPTH {
            return Err(self.damaged());
        }
        let py = self.py;
        match self.peek()? {
            b'"' => Ok(self.string()?.into_any()),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word("true", PyBool::new(py, true).to_owned().into_any()),
            b'f' => self.word("false", PyBool::new(py, false).to_owned().into_any()),
            b'n' => self.word("null", py.None().into_bound(py)),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.damaged())
        }
    }

    fn array(&mut self, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
        } else {
            loop {
                items.push(self.value(depth + 1)?);
                if self.peek()? == b',' {
                    self.at += 1;
                } else {
                    self.take(b']')?;
                    break;
                }
            }
        }
        Ok(PyList::new(self.py, items)?.into_any())
    }

    fn object(&mut self, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        self.at += 1;
        let dict = PyDict::new(self.py);
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                self.peek()?;
                let name = self.string()?;
                self.take(b':')?;
                let value = self.value(depth + 1)?;
                dict.set_item(name, value)?;
                if self.peek()? == b',' {
                    self.at += 1;
                } else {
                    self.take(b'}')?;
                    break;
                }
            }
        }
        Ok(dict.into_any())
    }

    fn string(&mut self) -> PyResult<Bound<'py, PyString>> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.damaged());
        }
        let start = self.at + 1;
        let special = |byte: &u8| matches!(byte, b'"' | b'\\');
        let length = self.bytes[start..].iter().position(special);
        let end = start + length.ok_or_else(|| self.damaged())?;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(PyString::new(self.py, &self.text[start..end]));
        }
        let mut out = self.bytes[start..end].to_vec();
        self.at = end;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => self.escape(&mut out)?,
                Some(_) => {
                    let rest = &self.bytes[self.at..];
                    let plain = rest.iter().position(special).unwrap_or(rest.len());
                    out.extend_from_slice(&rest[..plain]);
                    self.at += plain;
                }
                None => return Err(self.damaged()),
            }
        }
        self.text_of(&out)
    }

    /// UTF-8 in which lone surrogates may stand as three bytes each.
    fn text_of(&self, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(PyString::new(self.py, text));
        }
        let text = PyBytes::new(self.py, bytes)
            .call_method1(intern!(self.py, "decode"), ("utf-8", "surrogatepass"))?;
        Ok(text.cast_into()?)
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> PyResult<()> {
        let Some(kind) = self.bytes.get(self.at + 1) else {
            return Err(self.damaged());
        };
        let byte = match kind {
            b'"' | b'\\' | b'/' => *kind,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'u' => return self.unicode_escape(out),
            _ => return Err(self.damaged()),
        };
        out.push(byte);
        self.at += 2;
        Ok(())
    }

    /// A `\uXXXX`, with a second one where both make a pair.
    fn unicode_escape(&mut self, out: &mut Vec<u8>) -> PyResult<()> {
        let mut point = self.code_unit(self.at).ok_or_else(|| self.damaged())?;
        self.at += 6;
        if (0xd800..0xdc00).contains(&point)
            && let Some(low @ 0xdc00..0xe000) = self.code_unit(self.at)
        {
            self.at += 6;
            point = 0x1_0000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
        if let Some(character) = char::from_u32(point) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            // A lone surrogate: 1110xxxx 10xxxxxx 10xxxxxx, each at most 0xef.
            let bits = |shift: u32, mask: u32| u8::try_from((point >> shift) & mask).unwrap_or(0);
            out.extend([
                0xe0 | bits(12, 0xf),
                0x80 | bits(6, 0x3f),
                0x80 | bits(0, 0x3f),
            ]);
        }
        Ok(())
    }

    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> PyResult<Bound<'py, PyAny>> {
        let rest = &self.bytes[self.at..];
        let number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest
            .iter()
            .position(|byte| !number(byte))
            .unwrap_or(rest.len());
        let text = &self.text[self.at..self.at + length];
        let value = if text.contains(['.', 'e', 'E']) {
            let number: f64 = text.parse().map_err(|_| self.damaged())?;
            PyFloat::new(self.py, number).into_any()
        } else {
            self.integer(text)?
        };
        self.at += length;
        Ok(value)
    }

    fn integer(&self, text: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        if text.len() <= SMALL {
            let number: i64 = text.parse().map_err(|_| self.damaged())?;
            return Ok(PyInt::new(py, number).into_any());
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.damaged());
        }
        let int = py.get_type::<PyInt>();
        if digits.len() <= MEDIUM {
            return int.call1((text,));
        }
        if digits.len() > digits::MOST {
            return Err(error::invalid(
                py,
                &format!(
                    "a stored integer has {} digits, of which at most {} are converted; its JSON text can be read as it is",
                    digits.len(),
                    digits::MOST
                ),
            ));
        }
        let value = int.call1((digits::to_hex(digits), 16))?;
        if text.starts_with('-') {
            value.neg()
        } else {
            Ok(value)
        }
    }
}
