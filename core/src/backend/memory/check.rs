//! Whether the indexes say what the rows say.

use super::entry::Entry;
use super::table::{Ranks, Stored, Tables, by_activity, by_creation};

/// What is wrong, a sentence each.
///
/// They name nothing: whoever asks may be of another tenant.
pub(super) fn problems(tables: &Tables) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |what: String| out.push(what);
    let mut messages = 0;
    for stored in tables.sessions.values() {
        messages += stored.log.len() as u64;
        check_session(tables, stored, &mut say);
    }
    if messages != tables.messages {
        say(format!(
            "{} messages are counted, {messages} are there",
            tables.messages
        ));
    }
    check_sizes(tables, &mut say);
    out
}

fn check_session(tables: &Tables, stored: &Stored, say: &mut dyn FnMut(String)) {
    let row = &stored.row;
    let scope = tables.scopes.get(&row.scope);
    let ranked = |ranks: Option<&Ranks>| {
        ranks.is_some_and(|ranks| {
            ranks.activity.get(by_activity(row)).is_some()
                && ranks.creation.get(by_creation(row)).is_some()
        })
    };
    let owner_ranked = row
        .owner
        .as_ref()
        .is_none_or(|owner| ranked(tables.owners.get(owner)));
    if !ranked(Some(&tables.all)) || !ranked(scope.map(|scope| &scope.ranks)) || !owner_ranked {
        say("a session is missing in an index".to_owned());
    }
    let found = row
        .key
        .as_ref()
        .map(|key| tables.slot_of(&row.scope, key) == tables.sessions.slot(&row.id));
    if found == Some(false) {
        say("a session is not found by its key".to_owned());
    }
    check_log(stored, say);
}

fn check_log(stored: &Stored, say: &mut dyn FnMut(String)) {
    let seqs = || stored.log.range(0, u64::MAX).map(|entry| entry.seq);
    if !seqs().is_sorted_by(|a, b| a < b) || seqs().count() != stored.log.len() {
        say("the messages of a session are out of order".to_owned());
    }
    let keyed = stored
        .log
        .range(0, u64::MAX)
        .filter(|entry| entry.dedup_key().is_some());
    let found = |entry: &Entry| {
        let key = entry.dedup_key();
        key.and_then(|key| stored.dedup.value(key)) == Some(entry.seq)
    };
    let (right, all) = keyed.fold((0, 0), |(right, all), entry| {
        (right + usize::from(found(entry)), all + 1)
    });
    if right != all || stored.dedup.len() != all {
        say("the dedup keys of a session are not those of its messages".to_owned());
    }
}

/// Each session was found in each index; so an index that is longer has what is no session.
fn check_sizes(tables: &Tables, say: &mut dyn FnMut(String)) {
    let sessions = tables.sessions.len();
    let rows = || tables.sessions.values().map(|stored| &stored.row);
    let owned = rows().filter(|row| row.owner.is_some()).count();
    let keyed = rows().filter(|row| row.key.is_some()).count();
    let in_scopes = tables.scopes.values().map(|scope| &scope.ranks);
    let keys: usize = tables.scopes.values().map(|scope| scope.keys.len()).sum();
    let sound = lengths([&tables.all].into_iter()) == (sessions, sessions)
        && lengths(in_scopes) == (sessions, sessions)
        && lengths(tables.owners.values()) == (owned, owned)
        && keys == keyed;
    if !sound {
        say("an index holds what is no session".to_owned());
    }
}

fn lengths<'a>(ranks: impl Iterator<Item = &'a Ranks>) -> (usize, usize) {
    ranks.fold((0, 0), |(activity, creation), ranks| {
        (
            activity + ranks.activity.len(),
            creation + ranks.creation.len(),
        )
    })
}
