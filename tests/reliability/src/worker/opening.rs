//! Opens files that others open at the same moment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use convostore::{NewMessage, NewSession, Role, Store};

use super::{hear, say};

/// `process`, and then for each line `microseconds-since-1970 path`: opens it at that moment, appends, closes, and says `ok` or an error.
pub(super) fn run(args: &[&str]) {
    let [process] = args else { panic!("{args:?}") };
    while let Some(line) = hear() {
        let (moment, path) = line.split_once(' ').unwrap();
        wait_until(moment.parse().unwrap());
        match open_and_append(path, process) {
            Ok(()) => say("ok"),
            Err(error) => say(&format!("{error}")),
        }
    }
}

/// Without sleeping at the end, so that all begin at once.
fn wait_until(micros: u64) {
    let moment = UNIX_EPOCH + Duration::from_micros(micros);
    while SystemTime::now() < moment {
        std::hint::spin_loop();
    }
}

fn open_and_append(path: &str, process: &str) -> convostore::Result<()> {
    let store = Store::open(path)?;
    let shared = store.get_or_create_session(NewSession::new().scope("all").key("shared"))?;
    store.save_message(&shared.id, NewMessage::new(Role::USER, process))?;
    let own = store.create_session(NewSession::new().id(process).scope("own"))?;
    store.save_message(&own.id, NewMessage::new(Role::USER, process))?;
    // Half of them leave it to the end of the last clone.
    if process.parse::<u64>().is_ok_and(|it| it.is_multiple_of(2)) {
        store.close()?;
    }
    Ok(())
}
