//! The Python package: convert, release the interpreter lock, call the core, map errors. No rule of the store is written here.
//!
//! The files have the names that they have in the core. What is public in Python is said in `python/convostore`.
#![allow(
    clippy::needless_pass_by_value,
    reason = "arguments are made for the call"
)]

mod clock;
mod error;
mod fork;
mod id;
mod json;
mod model;
mod store;
mod text;
mod wanted;

use pyo3::prelude::*;

// No wheel of the stable ABI loads on a free-threaded interpreter; one built there from source switches the lock on again, as
// long as nobody has shown that all of this is sound without.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::fork::{after_fork_in_child, after_fork_in_parent, before_fork};
    #[pymodule_export]
    use crate::json::{JsonText, frozen};
    #[pymodule_export]
    use crate::model::{
        Cleanup, Context, Deletion, ExportReport, ImportReport, Lifecycle, Message, NewMessages,
        Page, Session, Stats, StoreCheck,
    };
    #[pymodule_export]
    use crate::store::{MessageStream, Save, Store, save_each};

    #[pymodule_export]
    use crate::wanted::at_exit;
}
