//! Python values as JSON text: compact, non-ASCII kept, NaN refused; the bytes that `JSON.stringify` writes for the same value.
//!
//! One difference is meant: a whole `float` below 1e21 keeps its `.0`, since Python, unlike JavaScript, tells `1.0` from `1`.

use std::fmt::Write as _;

use pyo3::PyTypeInfo as _;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::{JsonText, digits};
use crate::error;

/// What fits without asking for room: a number, a bracket, a name that JSON has.
const SMALL: usize = 64;

/// As deep as the core allows.
const MAX_DEPTH: usize = 128;

/// The JSON text of a value.
///
/// Errors: `invalid_argument` for types that JSON has no form for, for keys that are no `str`, NaN, infinities, nesting deeper than 128, and for
/// more bytes than `most`, as soon as there are that many: a few lists that hold each other can stand for any number.
pub(crate) fn encode(
    what: &'static str,
    most: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<String> {
    let mut writer = Writer {
        out: String::with_capacity(64),
        what,
        most,
    };
    writer.value(value, 0)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    what: &'static str,
    most: usize,
}

impl Writer {
    /// Makes room for so many bytes more, and a little. Memory that is not there is an exception, not the end of the process.
    fn room(&mut self, py: Python<'_>, bytes: usize) -> PyResult<()> {
        if self.out.len().saturating_add(bytes) > self.most {
            return Err(error::invalid(
                py,
                &format!(
                    "the {} has more than {} bytes as JSON",
                    self.what, self.most
                ),
            ));
        }
        self.out
            .try_reserve(bytes.saturating_add(SMALL))
            .map_err(|_| PyMemoryError::new_err("no memory for the JSON text"))
    }

    fn value(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
        self.room(value.py(), 0)?;
        if let Ok(text) = value.cast::<PyString>() {
            self.string(text)
        } else if value.is_none() {
            self.out.push_str("null");
            Ok(())
        } else if let Ok(truth) = value.cast::<PyBool>() {
            self.out
                .push_str(if truth.is_true() { "true" } else { "false" });
            Ok(())
        } else if let Ok(number) = value.cast::<PyInt>() {
            self.integer(number)
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number)
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.dict(dict, depth)
        } else if let Ok(list) = value.cast::<PyList>() {
            self.array(list.iter(), value, depth)
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.array(tuple.iter(), value, depth)
        } else {
            Err(self.unknown(value))
        }
    }

    fn unknown(&self, value: &Bound<'_, PyAny>) -> PyErr {
        let py = value.py();
        let name = match value.get_type().fully_qualified_name() {
            Ok(name) => name.to_string(),
            Err(e) => return e,
        };
        let hint = if value.is_instance_of::<JsonText>() {
            "; a JsonText stands for a whole value, not for a part of one"
        } else {
            ""
        };
        error::invalid(
            py,
            &format!(
                "the {} holds a value of type {name}, which JSON has no form for{hint}",
                self.what
            ),
        )
    }

    fn deeper(&self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<usize> {
        if depth < MAX_DEPTH {
            Ok(depth + 1)
        } else {
            Err(error::invalid(
                value.py(),
                &format!("the {} is nested deeper than {MAX_DEPTH} levels", self.what),
            ))
        }
    }

    fn array<'py>(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        value: &Bound<'py, PyAny>,
        depth: usize,
    ) -> PyResult<()> {
        let depth = self.deeper(value, depth)?;
        self.out.push('[');
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.value(&item, depth)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<()> {
        let depth = self.deeper(dict, depth)?;
        self.out.push('{');
        // Over a copy: another thread may change the dict meanwhile.
        for (i, pair) in dict.items().iter().enumerate() {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            let Ok(name) = key.cast::<PyString>() else {
                return Err(error::invalid(
                    dict.py(),
                    &format!(
                        "the {} holds a dict with a key of type {}; JSON's keys are str",
                        self.what,
                        key.get_type().fully_qualified_name()?
                    ),
                ));
            };
            if i > 0 {
                self.out.push(',');
            }
            self.string(name)?;
            self.out.push(':');
            self.value(&value, depth)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn string(&mut self, text: &Bound<'_, PyString>) -> PyResult<()> {
        let text_py = text.py();
        self.room(text_py, text.len()?)?;
        self.out.push('"');
        if let Ok(text) = text.to_str() {
            self.room(text_py, text.len())?;
            self.escaped(text);
        } else {
            let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
            self.wtf8(bytes.cast::<PyBytes>()?.as_bytes());
        }
        self.out.push('"');
        Ok(())
    }

    fn escaped(&mut self, text: &str) {
        let mut done = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.out.push_str(&text[done..at]);
            done = at + 1;
            match byte {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                0x08 => self.out.push_str("\\b"),
                0x0c => self.out.push_str("\\f"),
                other => {
                    let _ = write!(self.out, "\\u{other:04x}");
                }
            }
        }
        self.out.push_str(&text[done..]);
    }

    /// UTF-8 in which surrogates stand as three bytes each: two that make a pair are written as the character they mean, others as escapes.
    fn wtf8(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = rest.windows(3).position(|w| surrogate(w).is_some()) {
            let (before, from) = rest.split_at(at);
            self.escaped(&String::from_utf8_lossy(before));
            let high = surrogate(&from[..3]).unwrap_or(0);
            let low = from.get(3..6).and_then(surrogate).unwrap_or(0);
            if (0xd800..0xdc00).contains(&high) && low >= 0xdc00 {
                let point = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                self.out.push(char::from_u32(point).unwrap_or('\u{fffd}'));
                rest = &from[6..];
            } else {
                let _ = write!(self.out, "\\u{high:04x}");
                rest = &from[3..];
            }
        }
        self.escaped(&String::from_utf8_lossy(rest));
    }

    fn integer(&mut self, number: &Bound<'_, PyInt>) -> PyResult<()> {
        let py = number.py();
        if let Ok(small) = number.extract::<i64>() {
            let _ = write!(self.out, "{small}");
            return Ok(());
        }
        // By way of hexadecimal, which the interpreter's limit on long decimals leaves alone.
        let hex = PyInt::type_object(py)
            .call_method1("__format__", (number, "x"))?
            .extract::<String>()?;
        let (sign, hex) = match hex.strip_prefix('-') {
            Some(hex) => ("-", hex),
            None => ("", hex.as_str()),
        };
        let too_long = || {
            error::invalid(
                py,
                &format!(
                    "the {} holds an integer of more than {} digits",
                    self.what,
                    digits::MOST
                ),
            )
        };
        // A hexadecimal digit is worth about 1.2 decimal ones: what is far too long need not be converted to be counted.
        if hex.len() > digits::MOST / 6 * 5 {
            return Err(too_long());
        }
        let decimal = digits::to_decimal(hex);
        if decimal.len() > digits::MOST {
            return Err(too_long());
        }
        self.room(py, decimal.len())?;
        self.out.push_str(sign);
        self.out.push_str(&decimal);
        Ok(())
    }

    fn float(&mut self, number: &Bound<'_, PyFloat>) -> PyResult<()> {
        let number = number.value();
        if number.is_finite() {
            write_float(&mut self.out, number);
            return Ok(());
        }
        Python::attach(|py| {
            Err(error::invalid(
                py,
                &format!(
                    "the {} holds {number}, which JSON has no form for",
                    self.what
                ),
            ))
        })
    }
}

/// The surrogate that three bytes stand for.
fn surrogate(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [0xed, second @ 0xa0..=0xbf, third] => {
            Some(0xd000 | (u32::from(second & 0x3f) << 6) | u32::from(third & 0x3f))
        }
        _ => None,
    }
}

/// The shortest digits that give the number again, arranged as ECMAScript's Number::toString does.
fn write_float(out: &mut String, number: f64) {
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = mantissa.strip_prefix('-').map_or(mantissa, |positive| {
        out.push('-');
        positive
    });
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = exponent + 1; // where the point stands, counted from the first digit
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if (-5..=0).contains(&point) {
        out.push_str("0.");
        out.extend((0..-point).map(|_| '0'));
        out.push_str(&digits);
    } else if (1..=21).contains(&point) {
        if count <= point {
            out.push_str(&digits);
            out.extend((0..point - count).map(|_| '0'));
            out.push_str(".0");
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            let _ = write!(out, "{whole}.{fraction}");
        }
    } else {
        let (first, others) = digits.split_at(1);
        out.push_str(first);
        if !others.is_empty() {
            let _ = write!(out, ".{others}");
        }
        let _ = write!(out, "e{}{}", if exponent < 0 { "" } else { "+" }, exponent);
    }
}
