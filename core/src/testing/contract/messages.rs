//! Reading, inserting and deleting messages.

use super::rows::{
    T, all_messages, append, assert_sound, at, dedup, get, insert, new_row, row, said, say, seqs,
    to_append, write,
};
use super::{Case, Fixture};
use std::sync::Arc;

use crate::backend::{Appended, Backend, MAX_SEQ, MessageFilter, Take};
use crate::error::ErrorCode;
use crate::model::{Content, Message, Role};

pub(super) const CASES: &[Case] = &[
    (
        "messages of no session are nothing, of an empty one an empty list",
        absent_and_empty,
    ),
    (
        "messages are filtered by number, time, role and kind, and come oldest first",
        filters,
    ),
    (
        "messages are taken from either end of what the filter lets through",
        takes,
    ),
    (
        "delete_messages deletes its range and touches no session row",
        deletes,
    ),
    (
        "a number is not used again after its message was deleted",
        numbers_are_not_reused,
    ),
    (
        "a session that has given out all its numbers refuses, and nothing is written",
        numbers_end,
    ),
    (
        "insert_messages keeps numbers and touches no session row",
        inserts,
    ),
    (
        "a transaction reads its own messages among the rest",
        own_writes,
    ),
    (
        "a long history is read from both ends and in its middle",
        long_history,
    ),
];

fn absent_and_empty(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let filter = MessageFilter::default();
    assert_eq!(backend.messages(T, "absent", &filter).unwrap(), None);
    assert_eq!(backend.messages(T, "one", &filter).unwrap(), Some(vec![]));
}

/// Twelve messages: user and assistant by turns, every third a summary, at times that go down and up.
fn twelve(backend: &dyn Backend) -> Vec<Message> {
    insert(backend, row("one", "a", 1));
    let mut rows = Vec::new();
    for n in 1..=12_i64 {
        let mut new = said(&format!("text {n}"), 1);
        new.role = [Role::USER, Role::ASSISTANT][usize::from(n % 2 == 0)].clone();
        new.is_summary = n % 3 == 0;
        new.created_at = Some(at((n - 6).abs() * 10));
        rows.push(new);
    }
    append(backend, to_append("one", 1, rows));
    all_messages(backend, "one")
}

fn every_filter() -> Vec<MessageFilter> {
    let mut out = Vec::new();
    for after in [0, 1, 5, 12, 99, u64::MAX >> 1] {
        for before in [
            None,
            Some(0),
            Some(1),
            Some(6),
            Some(13),
            Some(u64::MAX >> 1),
        ] {
            for since in [None, Some(at(30)), Some(at(-1))] {
                for roles in [
                    None,
                    Some(vec![]),
                    Some(vec![Role::USER]),
                    Some(vec![Role::TOOL, Role::ASSISTANT]),
                ] {
                    for summaries in [None, Some(true), Some(false)] {
                        out.push(MessageFilter {
                            after,
                            before,
                            since,
                            roles: roles.clone(),
                            summaries,
                            take: Take::All,
                        });
                    }
                }
            }
        }
    }
    out
}

fn passes(filter: &MessageFilter, message: &Message) -> bool {
    message.seq > filter.after
        && filter.before.is_none_or(|before| message.seq < before)
        && filter.since.is_none_or(|since| message.created_at > since)
        && filter
            .roles
            .as_ref()
            .is_none_or(|roles| roles.contains(&message.role))
        && filter
            .summaries
            .is_none_or(|summaries| message.is_summary == summaries)
}

fn filters(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let all = twelve(&*backend);
    assert_eq!(seqs(&all), (1..=12).collect::<Vec<_>>());
    for filter in every_filter() {
        let expected: Vec<_> = all.iter().filter(|m| passes(&filter, m)).cloned().collect();
        let found = backend.messages(T, "one", &filter).unwrap().unwrap();
        assert_eq!(found, expected, "{filter:?}");
    }
}

fn takes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let all = twelve(&*backend);
    for mut filter in every_filter() {
        let expected: Vec<_> = all.iter().filter(|m| passes(&filter, m)).cloned().collect();
        for n in [0_usize, 1, 3, 50] {
            let number = n as u64;
            filter.take = Take::First(number);
            let first = backend.messages(T, "one", &filter).unwrap().unwrap();
            assert_eq!(first, expected[..n.min(expected.len())], "{filter:?}");
            filter.take = Take::Last(number);
            let last = backend.messages(T, "one", &filter).unwrap().unwrap();
            assert_eq!(
                last,
                expected[expected.len().saturating_sub(n)..],
                "{filter:?}"
            );
        }
    }
    let huge = MessageFilter {
        take: Take::Last(u64::MAX >> 1),
        ..MessageFilter::default()
    };
    assert_eq!(backend.messages(T, "one", &huge).unwrap().unwrap(), all);
}

fn deletes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    twelve(&*backend);
    let session = get(&*backend, "one");
    let deleted = |first, last| {
        let mut count = 0;
        write(&*backend, |tx| {
            count = tx.delete_messages("one", first, last)?;
            Ok(())
        });
        count
    };
    assert_eq!(deleted(20, 30), 0);
    assert_eq!(deleted(8, 7), 0);
    assert_eq!(deleted(0, 2), 2);
    assert_eq!(deleted(1, 3), 1);
    assert_eq!(deleted(6, 6), 1);
    assert_eq!(deleted(6, 6), 0);
    assert_eq!(
        seqs(&all_messages(&*backend, "one")),
        [4, 5, 7, 8, 9, 10, 11, 12]
    );
    assert_eq!(deleted(11, u64::MAX >> 1), 2);
    assert_eq!(deleted(0, u64::MAX >> 1), 6);
    assert_eq!(all_messages(&*backend, "one"), vec![]);
    assert_eq!(get(&*backend, "one"), session);
    write(&*backend, |tx| {
        assert_eq!(tx.delete_messages("absent", 0, 9)?, 0);
        Ok(())
    });
    assert_sound(&*backend);
}

fn numbers_are_not_reused(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    say(&*backend, "one", 2, &["a", "b", "c"]);
    write(&*backend, |tx| tx.delete_messages("one", 3, 3).map(drop));
    let next = append(&*backend, to_append("one", 3, vec![said("d", 3)]));
    assert_eq!(next, Appended::Saved(vec![new_row(4, 3)]));
    write(&*backend, |tx| tx.delete_messages("one", 1, 99).map(drop));
    let next = append(&*backend, to_append("one", 4, vec![said("e", 4)]));
    assert_eq!(next, Appended::Saved(vec![new_row(5, 4)]));
    assert_eq!(seqs(&all_messages(&*backend, "one")), [5]);
}

fn inserts(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let mut one = row("one", "a", 1);
    one.last_seq = 40;
    insert(&*backend, one.clone());
    let mut keyed = Message::new(7, "critic", Content::json("[1]").unwrap(), at(9));
    keyed.dedup_key = Some("d".to_owned());
    keyed.token_count = Some(3);
    keyed.is_summary = true;
    let later = Message::new(30, Role::TOOL, "later", at(3));
    let earlier = Message::new(2, Role::USER, "earlier", at(8));
    write(&*backend, |tx| {
        tx.insert_messages("one", &[keyed.clone(), later.clone()])
    });
    write(&*backend, |tx| {
        tx.insert_messages("one", std::slice::from_ref(&earlier))
    });
    write(&*backend, |tx| tx.insert_messages("one", &[]));
    assert_eq!(get(&*backend, "one"), Some(one));
    assert_eq!(
        all_messages(&*backend, "one"),
        [earlier, keyed.clone(), later]
    );
    let retry = append(
        &*backend,
        to_append("one", 50, vec![dedup("other", "d", 50)]),
    );
    let conflict = Appended::DedupConflict {
        dedup_key: "d".to_owned(),
        seq: 7,
    };
    assert_eq!(retry, conflict, "an inserted message holds its dedup key");
    let next = append(&*backend, to_append("one", 50, vec![said("next", 50)]));
    assert_eq!(next, Appended::Saved(vec![new_row(41, 50)]));
    assert_sound(&*backend);
}

fn own_writes(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    twelve(&*backend);
    write(&*backend, |tx| {
        assert_eq!(tx.delete_messages("one", 3, 10)?, 8);
        let back = Message::new(5, Role::USER, "back", at(1));
        tx.insert_messages("one", &[back])?;
        tx.append(&to_append("one", 99, vec![said("new", 99)]))?;
        let mut filter = MessageFilter::default();
        let mut read = |filter: &MessageFilter| seqs(&tx.messages("one", filter).unwrap().unwrap());
        assert_eq!(read(&filter), [1, 2, 5, 11, 12, 13]);
        filter.take = Take::Last(3);
        assert_eq!(read(&filter), [11, 12, 13]);
        filter.before = Some(12);
        assert_eq!(read(&filter), [2, 5, 11]);
        filter.take = Take::First(2);
        filter.after = 1;
        assert_eq!(read(&filter), [2, 5]);
        assert_eq!(tx.delete_messages("one", 5, 13)?, 4);
        assert_eq!(tx.delete_messages("one", 5, 13)?, 0);
        Ok(())
    });
    assert_eq!(seqs(&all_messages(&*backend, "one")), [1, 2]);
    assert_sound(&*backend);
}

fn numbers_end(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let mut row = row("one", "a", 1);
    row.last_seq = MAX_SEQ - 1;
    insert(&*backend, row);
    append(&*backend, to_append("one", 2, vec![said("last", 2)]));
    let more = Arc::new(to_append("one", 3, vec![said("more", 3)]));
    let refused = backend.append(T, more).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(seqs(&all_messages(&*backend, "one")), [MAX_SEQ]);
    assert_eq!(get(&*backend, "one").unwrap().session.message_count, 1);
    assert_sound(&*backend);
}

fn long_history(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    for batch in 0..10 {
        let rows = (0..100).map(|n| said(&format!("{batch}-{n}"), 1)).collect();
        append(&*backend, to_append("one", 1, rows));
    }
    let read = |after, before, take| {
        let filter = MessageFilter {
            after,
            before,
            take,
            ..MessageFilter::default()
        };
        seqs(&backend.messages(T, "one", &filter).unwrap().unwrap())
    };
    assert_eq!(read(0, None, Take::All), (1..=1000).collect::<Vec<_>>());
    assert_eq!(read(0, None, Take::Last(3)), [998, 999, 1000]);
    // Contents of three bytes each.
    let page = |rows, bytes| read(0, None, Take::Page { rows, bytes });
    assert_eq!(page(3, u64::MAX), [1, 2, 3]);
    assert_eq!(page(10, 1), [1], "one at least, however large");
    assert_eq!(page(10, 6), [1, 2]);
    assert_eq!(page(10, 7), [1, 2, 3]);
    assert!(page(0, 7).is_empty());
    assert_eq!(read(499, Some(503), Take::All), [500, 501, 502]);
    assert_eq!(read(127, None, Take::First(3)), [128, 129, 130]);
    write(&*backend, |tx| {
        assert_eq!(tx.delete_messages("one", 0, 700)?, 700);
        assert_eq!(tx.delete_messages("one", 800, 950)?, 151);
        Ok(())
    });
    let left: Vec<u64> = (701..800).chain(951..=1000).collect();
    assert_eq!(read(0, None, Take::All), left);
    assert_eq!(read(750, Some(953), Take::Last(3)), [799, 951, 952]);
    assert_sound(&*backend);
}
