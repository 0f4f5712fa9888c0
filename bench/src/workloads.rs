//! What agents do all day, done by both.

use std::path::Path;

use convostore::backend::sqlite::Durability;
use convostore::{
    Clock, MessageQuery, NewMessage, NewSession, Role, SaveOptions, SessionQuery, Store,
    StoreOptions, SystemClock,
};
use indicatif::ProgressBar;

use crate::measure::{Work, folder, in_turns};
use crate::raw::Raw;
use crate::report::Report;
use crate::{Effort, Result};

/// A message of 300 bytes, as long as many are.
pub const TEXT: &str = "I looked at the log of last night. The nightly job stopped at 02:14 because the disk of the second worker was full; \
the files of the previous week had not been rotated. I freed 4 GB, started the job again, and it ended at 02:51 without errors. \
Shall I set up the rotation so it will not happen again?";
const _: () = assert!(TEXT.len() == 300);

pub fn now() -> i64 {
    SystemClock.now().as_millis()
}

pub fn run(report: &mut Report, effort: &Effort) -> Result<()> {
    durable_writes(report, effort)?;
    for messages in [10_000, effort.large] {
        at_size(report, effort, messages)?;
    }
    Ok(())
}

/// Appends and batches on small files, at both durabilities.
fn durable_writes(report: &mut Report, effort: &Effort) -> Result<()> {
    for (name, durability, synchronous) in [
        ("full", Durability::Full, "FULL"),
        ("normal", Durability::Normal, "NORMAL"),
    ] {
        let folder = tempfile::tempdir_in(folder()?)?;
        let store = StoreOptions::new()
            .durability(durability)
            .open(folder.path().join("ours.db"))?;
        let mut raw = Raw::open(&folder.path().join("raw.db"), synchronous)?;
        let session = store.create_session(NewSession::new().scope("bench"))?;
        raw.create_session(&session.id, "bench", now())?;
        writes(
            report,
            effort,
            &format!("at {name}"),
            &store,
            &mut raw,
            &session.id,
        )?;
    }
    Ok(())
}

fn writes(
    report: &mut Report,
    effort: &Effort,
    at: &str,
    store: &Store,
    raw: &mut Raw,
    id: &str,
) -> Result<()> {
    let medians = in_turns(
        effort.rounds,
        20,
        Box::new(|_| {
            store.save_message(id, NewMessage::new(Role::USER, TEXT))?;
            Ok(())
        }),
        Box::new(|_| {
            raw.append(id, "user", &[TEXT], now())?;
            Ok(())
        }),
    )?;
    report.raw(&format!("append one {at}"), &medians, 1.15);

    let medians = in_turns(
        effort.rounds,
        4,
        Box::new(|_| {
            let batch = vec![NewMessage::new(Role::USER, TEXT); 50];
            store.save_messages(id, batch, SaveOptions::new())?;
            Ok(())
        }),
        Box::new(|_| {
            raw.append(id, "user", &[TEXT; 50], now())?;
            Ok(())
        }),
    )?;
    report.raw(&format!("append 50 {at}"), &medians, 1.2);
    Ok(())
}

/// Reads, and an append, on a file of that many messages; both contenders have the same file.
pub fn at_size(report: &mut Report, effort: &Effort, messages: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(folder()?)?;
    let (ours, raws) = (folder.path().join("ours.db"), folder.path().join("raw.db"));
    let ids = fill(&ours, messages)?;
    Store::open(&ours)?.backup(&raws)?;
    let store = Store::open(&ours)?;
    let raw = Raw::open(&raws, "FULL")?;
    let at = format!("at {messages} messages");
    let rounds = effort.rounds;

    let mut pair = |workload: &str, calls, goal, ours: Work<'_>, raw: Work<'_>| -> Result<()> {
        let medians = in_turns(rounds, calls, ours, raw)?;
        report.raw(&format!("{workload} {at}"), &medians, goal);
        Ok(())
    };
    pair(
        "load 1,000",
        1,
        1.25,
        Box::new(|_| {
            same(
                store
                    .get_messages(&ids.thousand, MessageQuery::new())?
                    .len(),
                1000,
            )
        }),
        Box::new(|_| same(raw.load(&ids.thousand)?.len(), 1000)),
    )?;
    pair(
        "last 20 of the longest",
        10,
        1.5,
        Box::new(|_| {
            same(
                store
                    .get_messages(&ids.long, MessageQuery::new().last(20))?
                    .len(),
                20,
            )
        }),
        Box::new(|_| same(raw.last_20(&ids.long)?.len(), 20)),
    )?;
    pair(
        "list 50 of 10,000",
        4,
        1.5,
        Box::new(|_| same(store.list_sessions(SessionQuery::new())?.items.len(), 50)),
        Box::new(|_| same(raw.list_50()?.len(), 50)),
    )?;
    pair(
        "count of the longest",
        20,
        1.5,
        Box::new(|_| same(store.count_messages(&ids.long)?.min(1) as usize, 1)),
        Box::new(|_| same(raw.count(&ids.long)?.min(1) as usize, 1)),
    )?;
    let mut raw = raw;
    let medians = in_turns(
        rounds,
        20,
        Box::new(|_| {
            let new = NewSession::new().scope("resumed");
            let session = store.resume_session(new, None)?;
            same(session.message_count as usize, 0)
        }),
        Box::new(|_| {
            let session = raw.resume("resumed", now() - 4 * 3_600_000)?;
            same(session.message_count as usize, 0)
        }),
    )?;
    report.raw(&format!("resume an active one {at}"), &medians, 1.5);
    let medians = in_turns(
        rounds,
        20,
        Box::new(|call| {
            let key = (call % 5_000).to_string();
            let session = store.get_or_create_session(NewSession::new().scope("keyed").key(key))?;
            same(session.message_count as usize, 0)
        }),
        Box::new(|call| {
            let session = raw.get_or_create("keyed", &(call % 5_000).to_string(), now())?;
            same(session.message_count as usize, 0)
        }),
    )?;
    report.raw(
        &format!("get or create an existing one {at}"),
        &medians,
        1.5,
    );
    if messages > 10_000 {
        writes(report, effort, &at, &store, &mut raw, &ids.long)?;
    }
    Ok(())
}

fn same(got: usize, expected: usize) -> Result<()> {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{got} rows, not {expected}").into())
    }
}

pub struct Ids {
    /// A session of 1,000 messages.
    pub thousand: String,
    /// The longest session.
    pub long: String,
}

/// 10,000 sessions, half of them with keys, and messages up to the number wanted.
pub fn fill(path: &Path, messages: u64) -> Result<Ids> {
    let store = StoreOptions::new()
        .durability(Durability::Normal)
        .open(path)?;
    let progress = ProgressBar::new(messages);
    let mut others = Vec::new();
    store.create_session(NewSession::new().scope("resumed"))?;
    for number in 0..10_000 {
        let new = if number % 2 == 0 {
            NewSession::new()
                .scope("keyed")
                .key((number / 2).to_string())
        } else {
            NewSession::new().scope(format!("scope-{}", number % 100))
        };
        let session = store.create_session(new)?;
        if number % 2 == 1 {
            others.push(session.id);
        }
    }
    let batch = |id: &str, count: u64| -> Result<()> {
        let messages = (0..count)
            .map(|_| NewMessage::new(Role::ASSISTANT, TEXT))
            .collect();
        store.save_messages(id, messages, SaveOptions::new())?;
        progress.inc(count);
        Ok(())
    };
    let ids = Ids {
        thousand: others[0].clone(),
        long: others[1].clone(),
    };
    batch(&ids.thousand, 1000)?;
    let long = match messages {
        0..1_000_000 => messages.saturating_sub(1000).min(100_000) / 2,
        _ => 100_000,
    };
    for _ in 0..long.div_ceil(1000) {
        batch(&ids.long, 1000.min(long))?;
    }
    let ids = if long == 0 {
        Ids {
            long: ids.thousand.clone(),
            ..ids
        }
    } else {
        ids
    };
    let mut left = messages.saturating_sub(1000 + long);
    // In turns of a few messages, so that sessions lie between each other as they do in life; of more where that would take too long.
    let few = if messages > 1_000_000 { 100 } else { 10 };
    while left > 0 {
        for id in &others[2..] {
            let count = left.min(few);
            if count == 0 {
                break;
            }
            batch(id, count)?;
            left -= count;
        }
    }
    progress.finish_and_clear();
    store.close()?;
    Ok(ids)
}
