//! Stands inside of a write transaction for as long as it lives.

use std::thread;
use std::time::Duration;

use convostore::backend::Backend as _;
use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};

use super::say;

/// `path`: says `holding` when it holds.
pub(super) fn run(args: &[&str]) {
    let [path] = args else { panic!("{args:?}") };
    let backend = SqliteBackend::open(path, SqliteOptions::new()).unwrap();
    let held = backend.write_alone("default", &mut |_| {
        say("holding");
        thread::sleep(Duration::from_secs(600));
        Ok(())
    });
    held.unwrap();
}
