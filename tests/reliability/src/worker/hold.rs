//! Stands inside of a transaction for as long as it lives.

use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{Backend as _, Lookup};

use super::say;

/// `path write|read`: says `holding` when it holds.
pub(super) fn run(args: &[&str]) {
    let [path, how] = args else {
        panic!("{args:?}")
    };
    let backend = SqliteBackend::open(path, SqliteOptions::new()).unwrap();
    let held = match *how {
        "write" => backend.write_alone("default", &mut |_| {
            hold();
            Ok(())
        }),
        _ => backend.read("default", &mut |view| {
            // It is the first look that settles what is seen.
            view.session(Lookup::Id("any"))?;
            hold();
            Ok(())
        }),
    };
    held.unwrap();
}

fn hold() {
    say("holding");
    thread::sleep(Duration::from_secs(600));
}
