//! Saves messages under their dedup keys, as often as it is told to.

use std::time::Duration;

use convostore::{ErrorCode, NewMessage, Role, Store, StoreOptions};

use super::{hear, say};

/// `path keyed|plain`, and then for each line a key: saves the message of that key once and says `key seq` or `key code`.
pub(super) fn run(args: &[&str]) {
    let [path, how] = args else {
        panic!("{args:?}")
    };
    let store = loop {
        // Opening too may meet somebody who holds the file.
        let options = StoreOptions::new().wait_limit(Duration::from_millis(20));
        match options.open(path) {
            Ok(store) => break store,
            Err(error) if error.code() == ErrorCode::Busy => {}
            Err(error) => panic!("{error}"),
        }
    };
    say("ready");
    while let Some(key) = hear() {
        say(&format!("{key} {}", save(&store, &key, *how == "keyed")));
    }
}

fn save(store: &Store, key: &str, keyed: bool) -> String {
    let mut message = NewMessage::new(Role::USER, format!("the message of {key}"));
    if keyed {
        message = message.dedup_key(key);
    }
    match store.save_message("one", message) {
        Ok(message) => message.seq.to_string(),
        Err(error) => error.code().as_str().to_owned(),
    }
}
