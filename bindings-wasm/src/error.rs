//! Errors, as the TypeScript side turns them into its classes.

use convostore::{Error, ErrorCode};
use wasm_bindgen::JsValue;

use crate::convert::List;

/// What a function that JavaScript calls returns.
pub(crate) type Out<T> = Result<T, JsValue>;

/// The error as JSON text: code, message, cause or null, then names and values of the details.
pub(crate) fn thrown(error: &Error) -> JsValue {
    let mut list = List::new();
    list.text(error.code().as_str());
    list.text(error.message());
    match std::error::Error::source(error) {
        Some(source) => list.text(&source.to_string()),
        None => list.raw("null"),
    }
    for (name, value) in error.details() {
        list.text(name);
        list.raw(&value.to_string());
    }
    JsValue::from_str(&list.end_text())
}

/// An error about an argument that the TypeScript side let through.
pub(crate) fn invalid(message: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// Maps the core's error.
pub(crate) trait Thrown<T> {
    fn out(self) -> Out<T>;
}

impl<T> Thrown<T> for convostore::Result<T> {
    fn out(self) -> Out<T> {
        self.map_err(|error| thrown(&error))
    }
}
