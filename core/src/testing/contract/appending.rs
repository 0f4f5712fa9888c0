//! Appending, rule by rule.

use super::rows::{
    all_messages, append, assert_sound, at, dedup, get, insert, keyed, new_row, row, said, say,
    seqs, to_append, write,
};
use super::{Case, Fixture};
use crate::backend::{Append, AppendRow, Appended, Backend, Continue, SavedRow, StartSession};
use crate::model::{Content, Message, Role};

pub(super) const CASES: &[Case] = &[
    ("rule 1: without the session nothing is written", no_session),
    (
        "rule 2: the same dedup key, role and content stand for a row",
        same_again,
    ),
    (
        "rule 2: another content or role under a dedup key is a conflict and nothing is written",
        dedup_conflict,
    ),
    ("rule 2: a dedup key counts within the batch", within_batch),
    (
        "rule 2: a dedup key lives as long as its message and in its session only",
        dedup_lives,
    ),
    (
        "rule 3: another revision is a conflict and nothing is written",
        revision,
    ),
    (
        "rule 3: where all rows are there already, the revision is not asked",
        revision_of_nothing,
    ),
    (
        "rule 4: rows get the next numbers, and their own time or the later of now and the activity",
        numbers_and_times,
    ),
    (
        "rule 5: counters, revision and times of the session",
        session_changes,
    ),
    (
        "rule 5: the clock stepping back moves no time back",
        clock_steps_back,
    ),
    (
        "rule 5: activity follows active_at of the written rows alone",
        active_at,
    ),
    (
        "rule 5: the preview is set once, from the row that it points to, if that was written",
        preview,
    ),
    ("an append without rows changes nothing", no_rows),
    ("all fields of a row come back", fields),
    ("appends in one transaction see one another", in_transaction),
];

const ONE: &str = "one";

fn with_session(fixture: &dyn Fixture) -> std::sync::Arc<dyn Backend> {
    let backend = fixture.fresh();
    insert(&*backend, keyed(ONE, "a", "k", 100));
    backend
}

fn rows(millis: i64, rows: Vec<AppendRow>) -> Append {
    to_append(ONE, millis, rows)
}

fn no_session(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let absent = to_append("absent", 1, vec![said("hello", 1)]);
    let demanding = Append {
        expected_revision: Some(1),
        ..absent.clone()
    };
    assert_eq!(append(&*backend, absent), Appended::NoSession);
    assert_eq!(append(&*backend, demanding), Appended::NoSession);
    assert_eq!(get(&*backend, "absent"), None);
}

fn same_again(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let first = append(&*backend, rows(200, vec![dedup("hello", "d", 200)]));
    assert_eq!(first, Appended::Saved(vec![new_row(1, 200)]));
    let session = get(&*backend, ONE);
    // Neither number of tokens nor times make another message of it.
    let mut again = dedup("hello", "d", 300);
    again.token_count = Some(5);
    again.is_summary = true;
    again.created_at = Some(at(7));
    let Appended::Saved(saved) = append(&*backend, rows(300, vec![again])) else {
        panic!("a retry was refused");
    };
    let mut expected = Message::new(1, Role::USER, "hello", at(200));
    expected.dedup_key = Some("d".to_owned());
    assert_eq!(saved, [SavedRow::Existing(Box::new(expected))]);
    assert_eq!(get(&*backend, ONE), session, "a retry changes nothing");
    let mixed = append(
        &*backend,
        rows(
            400,
            vec![said("x", 400), dedup("hello", "d", 400), said("y", 400)],
        ),
    );
    let Appended::Saved(saved) = mixed else {
        panic!("a retry among new rows was refused");
    };
    assert_eq!((&saved[0], &saved[2]), (&new_row(2, 400), &new_row(3, 400)));
    assert!(matches!(&saved[1], SavedRow::Existing(message) if message.seq == 1));
    assert_eq!(seqs(&all_messages(&*backend, ONE)), [1, 2, 3]);
    assert_sound(&*backend);
}

fn dedup_conflict(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    append(
        &*backend,
        rows(200, vec![said("first", 200), dedup("hello", "d", 200)]),
    );
    let before = (get(&*backend, ONE), all_messages(&*backend, ONE));
    let conflict = Appended::DedupConflict {
        dedup_key: "d".to_owned(),
        seq: 2,
    };
    let mut other_role = dedup("hello", "d", 300);
    other_role.role = Role::ASSISTANT;
    let mut other_type = dedup("", "d", 300);
    other_type.content = Content::from_stored(false, "hello".to_owned());
    for other in [dedup("hello!", "d", 300), other_role, other_type] {
        let refused = append(
            &*backend,
            rows(300, vec![said("x", 300), other, said("y", 300)]),
        );
        assert_eq!(refused, conflict);
    }
    let mut demanding = rows(300, vec![dedup("other", "d", 300)]);
    demanding.expected_revision = Some(99);
    assert_eq!(
        append(&*backend, demanding),
        conflict,
        "rule 2 comes before rule 3"
    );
    assert_eq!((get(&*backend, ONE), all_messages(&*backend, ONE)), before);
}

fn within_batch(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let batch = vec![
        said("x", 200),
        dedup("a", "d", 200),
        dedup("a", "d", 200),
        dedup("b", "e", 200),
        dedup("a", "d", 200),
    ];
    let saved = append(&*backend, rows(200, batch.clone()));
    let expected = vec![
        new_row(1, 200),
        new_row(2, 200),
        SavedRow::SameAs(1),
        new_row(3, 200),
        SavedRow::SameAs(1),
    ];
    assert_eq!(saved, Appended::Saved(expected));
    let session = get(&*backend, ONE).unwrap();
    assert_eq!((session.session.message_count, session.last_seq), (3, 3));
    // Again: now they stand for messages from before the call, all of them.
    let Appended::Saved(saved) = append(&*backend, rows(300, batch[1..].to_vec())) else {
        panic!("a retry was refused");
    };
    let existing = |row: &SavedRow| match row {
        SavedRow::Existing(message) => message.seq,
        _ => 0,
    };
    assert_eq!(saved.iter().map(existing).collect::<Vec<_>>(), [2, 2, 3, 2]);
    let clash = vec![
        said("x", 400),
        dedup("c", "f", 400),
        said("z", 400),
        dedup("not c", "f", 400),
    ];
    let conflict = Appended::DedupConflict {
        dedup_key: "f".to_owned(),
        seq: 5,
    };
    assert_eq!(append(&*backend, rows(400, clash)), conflict);
    assert_eq!(get(&*backend, ONE), Some(session));
    assert_eq!(seqs(&all_messages(&*backend, ONE)), [1, 2, 3]);
}

fn dedup_lives(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    insert(&*backend, row("two", "a", 100));
    append(&*backend, rows(200, vec![dedup("hello", "d", 200)]));
    let elsewhere = append(
        &*backend,
        to_append("two", 200, vec![dedup("other", "d", 200)]),
    );
    assert_eq!(elsewhere, Appended::Saved(vec![new_row(1, 200)]));
    write(&*backend, |tx| tx.delete_messages(ONE, 1, 1).map(drop));
    let after = append(&*backend, rows(300, vec![dedup("other", "d", 300)]));
    assert_eq!(after, Appended::Saved(vec![new_row(2, 300)]));
    let case = append(&*backend, rows(300, vec![dedup("other", "D", 300)]));
    assert_eq!(
        case,
        Appended::Saved(vec![new_row(3, 300)]),
        "keys are bytes"
    );
    assert_sound(&*backend);
}

fn revision(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    say(&*backend, ONE, 200, &["a"]);
    let mut demanding = rows(300, vec![said("b", 300)]);
    for wrong in [0, 1, 3] {
        demanding.expected_revision = Some(wrong);
        let refused = append(&*backend, demanding.clone());
        assert_eq!(refused, Appended::Conflict { revision: 2 });
    }
    assert_eq!(seqs(&all_messages(&*backend, ONE)), [1]);
    demanding.expected_revision = Some(2);
    assert_eq!(
        append(&*backend, demanding.clone()),
        Appended::Saved(vec![new_row(2, 300)])
    );
    assert_eq!(
        append(&*backend, demanding),
        Appended::Conflict { revision: 3 }
    );
}

fn revision_of_nothing(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    append(
        &*backend,
        rows(200, vec![dedup("a", "d", 200), dedup("b", "e", 200)]),
    );
    let mut again = rows(
        300,
        vec![
            dedup("a", "d", 300),
            dedup("b", "e", 300),
            dedup("a", "d", 300),
        ],
    );
    again.expected_revision = Some(1);
    let before = get(&*backend, ONE);
    assert!(matches!(append(&*backend, again.clone()), Appended::Saved(saved) if saved.len() == 3));
    assert_eq!(get(&*backend, ONE), before);
    again.rows.push(said("new", 300));
    assert_eq!(append(&*backend, again), Appended::Conflict { revision: 2 });
    let empty = Append {
        expected_revision: Some(77),
        ..rows(300, vec![])
    };
    assert_eq!(append(&*backend, empty), Appended::Saved(vec![]));
}

fn numbers_and_times(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let mut old = said("old", 100);
    old.created_at = Some(at(-5_000));
    let saved = append(
        &*backend,
        rows(200, vec![said("a", 150), old, said("b", 150)]),
    );
    let expected = vec![new_row(1, 200), new_row(2, -5_000), new_row(3, 200)];
    assert_eq!(saved, Appended::Saved(expected));
    let times: Vec<_> = all_messages(&*backend, ONE)
        .iter()
        .map(|m| m.created_at)
        .collect();
    assert_eq!(times, [at(200), at(-5_000), at(200)]);
}

fn session_changes(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let before = get(&*backend, ONE).unwrap();
    say(&*backend, ONE, 200, &["a", "b", "c"]);
    let mut expected = before;
    expected.last_seq = 3;
    expected.session.message_count = 3;
    expected.session.revision = 2;
    expected.session.updated_at = at(200);
    expected.session.last_active_at = at(200);
    assert_eq!(get(&*backend, ONE), Some(expected));
    write(&*backend, |tx| tx.delete_messages(ONE, 2, 3).map(drop));
    say(&*backend, ONE, 300, &["d"]);
    let after = get(&*backend, ONE).unwrap();
    assert_eq!(
        (after.last_seq, after.session.message_count),
        (4, 4),
        "deleting touches no row"
    );
    assert_eq!(
        seqs(&all_messages(&*backend, ONE)),
        [1, 4],
        "a number is never used twice"
    );
}

fn clock_steps_back(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    say(&*backend, ONE, 500, &["a"]);
    let saved = append(&*backend, rows(50, vec![said("b", 50), said("c", 50)]));
    assert_eq!(
        saved,
        Appended::Saved(vec![new_row(2, 500), new_row(3, 500)])
    );
    let session = get(&*backend, ONE).unwrap().session;
    assert_eq!(
        (session.updated_at, session.last_active_at),
        (at(500), at(500))
    );
    assert_eq!(session.revision, 3);
}

fn active_at(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    // Old data coming in: it changes the session now, but makes it active then.
    append(&*backend, rows(900, vec![said("a", 300), said("b", 200)]));
    let session = get(&*backend, ONE).unwrap().session;
    assert_eq!(
        (session.updated_at, session.last_active_at),
        (at(900), at(300))
    );
    append(&*backend, rows(910, vec![said("c", 250)]));
    assert_eq!(get(&*backend, ONE).unwrap().session.last_active_at, at(300));
    append(&*backend, rows(920, vec![dedup("d", "d", 320)]));
    // A row that is not written makes nothing active.
    append(
        &*backend,
        rows(930, vec![said("e", 310), dedup("d", "d", 930)]),
    );
    let session = get(&*backend, ONE).unwrap().session;
    assert_eq!(
        (session.updated_at, session.last_active_at),
        (at(930), at(320))
    );
}

fn preview(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let preview_of = || {
        let row = get(&*backend, ONE).unwrap();
        (row.session.preview, row.preview_seq)
    };
    append(&*backend, rows(200, vec![dedup("sys", "d", 200)]));
    assert_eq!(preview_of(), (None, None));
    let with = |index, text: &str, batch| Append {
        preview: Some((index, text.to_owned())),
        ..rows(300, batch)
    };
    append(
        &*backend,
        with(
            0,
            "not written",
            vec![dedup("sys", "d", 300), said("x", 300)],
        ),
    );
    assert_eq!(preview_of(), (None, None));
    append(
        &*backend,
        with(
            1,
            "third",
            vec![dedup("sys", "d", 300), said("third", 300), said("y", 300)],
        ),
    );
    assert_eq!(preview_of(), (Some("third".to_owned()), Some(3)));
    append(&*backend, with(0, "later", vec![said("later", 300)]));
    assert_eq!(preview_of(), (Some("third".to_owned()), Some(3)));
}

fn no_rows(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let before = get(&*backend, ONE);
    assert_eq!(
        append(&*backend, rows(900, vec![])),
        Appended::Saved(vec![])
    );
    assert_eq!(get(&*backend, ONE), before);
}

fn fields(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    let full = AppendRow {
        role: Role::from("critic"),
        content: Content::json(r#" { "b":1, "a":[1.0,1E2] } "#).unwrap(),
        token_count: Some((1 << 53) - 1),
        is_summary: true,
        dedup_key: Some("Schlüssel 🔑".to_owned()),
        created_at: Some(at(-1)),
        active_at: at(300),
    };
    append(&*backend, rows(300, vec![full.clone(), said("plain", 300)]));
    let mut expected = Message::new(1, "critic", full.content, at(-1));
    expected.token_count = full.token_count;
    expected.is_summary = true;
    expected.dedup_key = full.dedup_key;
    let plain = Message::new(2, Role::USER, "plain", at(300));
    assert_eq!(all_messages(&*backend, ONE), [expected, plain]);
}

fn in_transaction(fixture: &dyn Fixture) {
    let backend = with_session(fixture);
    append(&*backend, rows(150, vec![dedup("zero", "z", 150)]));
    write(&*backend, |tx| {
        let first = tx.append(&rows(200, vec![dedup("a", "d", 200)]))?;
        assert_eq!(first, Appended::Saved(vec![new_row(2, 200)]));
        let Appended::Saved(again) = tx.append(&rows(
            300,
            vec![
                dedup("a", "d", 300),
                dedup("zero", "z", 300),
                said("b", 300),
            ],
        ))?
        else {
            panic!("a retry was refused");
        };
        assert!(matches!(&again[0], SavedRow::Existing(message) if message.seq == 2));
        assert!(matches!(&again[1], SavedRow::Existing(message) if message.seq == 1));
        assert_eq!(again[2], new_row(3, 300));
        tx.delete_messages(ONE, 1, 2)?;
        let freed = tx.append(&rows(400, vec![dedup("b", "d", 400), dedup("c", "z", 400)]))?;
        assert_eq!(
            freed,
            Appended::Saved(vec![new_row(4, 400), new_row(5, 400)])
        );
        tx.start_session(&StartSession {
            find: Continue::Never,
            row: row("two", "a", 1),
        })?;
        let mut to_new = to_append("two", 400, vec![said("x", 400)]);
        to_new.expected_revision = Some(1);
        assert_eq!(tx.append(&to_new)?, Appended::Saved(vec![new_row(1, 400)]));
        Ok(())
    });
    assert_eq!(seqs(&all_messages(&*backend, ONE)), [3, 4, 5]);
    assert_eq!(seqs(&all_messages(&*backend, "two")), [1]);
    assert_sound(&*backend);
}
