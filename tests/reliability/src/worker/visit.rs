//! Opens, writes and closes, again and again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::{ErrorCode, NewMessage, NewSession, Role, StoreOptions};

use super::say;
use crate::files::Disturbance;

/// `path session millis guarded|unguarded`: while somebody in this process opens and closes the files, says the text of each message that is
/// acknowledged, or `error` and what it was.
pub(super) fn run(args: &[&str]) {
    let [path, session, millis, guard] = args else {
        panic!("{args:?}")
    };
    let path = Path::new(path);
    let until = Instant::now() + Duration::from_millis(millis.parse().unwrap());
    let _disturbed = Disturbance::of(path, Duration::from_micros(300));
    for number in 0.. {
        if Instant::now() > until {
            break;
        }
        if let Err(error) = visit(path, session, number, *guard == "guarded") {
            let code = error.code();
            if !matches!(code, ErrorCode::LockLost | ErrorCode::UnknownOutcome) {
                say(&format!("error {error}"));
            }
        }
    }
    say("done");
}

fn visit(path: &Path, session: &str, number: u32, guarded: bool) -> convostore::Result<()> {
    let mut options = SqliteOptions::new().durability(Durability::Normal);
    if !guarded {
        options = options.without_lock_guard();
    }
    let backend = SqliteBackend::open(path, options)?;
    let store = StoreOptions::new().with_backend(Arc::new(backend))?;
    store.get_or_create_session(NewSession::new().id(session))?;
    for part in 0..2 {
        let text = format!("{session} {number}/{part}");
        store.save_message(session, NewMessage::new(Role::USER, &*text))?;
        say(&text);
    }
    store.close()
}
