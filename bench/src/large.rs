//! Large files: nothing grows beyond what SQLite itself does.

use std::path::Path;

use convostore::backend::sqlite::Durability;
use convostore::{MessageQuery, NewSession, SessionQuery, Store, StoreOptions};

use crate::measure::{folder, in_turns};
use crate::raw::Raw;
use crate::report::Report;
use crate::workloads::{at_size, fill, now};
use crate::{Effort, Result};

/// Sizes in messages, unless the arguments name others; the largest takes 8 GB of disk for its two files.
const SIZES: [u64; 4] = [1_000, 100_000, 1_000_000, 10_000_000];
const SESSIONS: u64 = 1_000_000;

pub fn run(report: &mut Report, effort: &Effort) -> Result<()> {
    let given: Vec<u64> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let sizes = if given.is_empty() { &SIZES } else { &*given };
    for messages in sizes {
        at_size(report, effort, *messages)?;
    }
    if given.is_empty() {
        many_sessions(report, effort)?;
        opening(report, effort)?;
    }
    Ok(())
}

/// A million sessions.
fn many_sessions(report: &mut Report, effort: &Effort) -> Result<()> {
    let folder = tempfile::tempdir_in(folder()?)?;
    let (ours, raws) = (folder.path().join("ours.db"), folder.path().join("raw.db"));
    let store = StoreOptions::new()
        .durability(Durability::Normal)
        .open(&ours)?;
    for number in 0..SESSIONS {
        let new = NewSession::new().scope(format!("scope-{}", number % 1000));
        store.create_session(new.key(number.to_string()))?;
    }
    store.backup(&raws)?;
    store.close()?;
    let store = Store::open(&ours)?;
    let mut raw = Raw::open(&raws, "FULL")?;
    let at = format!("of {SESSIONS} sessions");
    let medians = in_turns(
        effort.rounds,
        4,
        Box::new(|_| {
            store.list_sessions(SessionQuery::new())?;
            Ok(())
        }),
        Box::new(|_| {
            raw.list_50()?;
            Ok(())
        }),
    )?;
    report.raw(&format!("list 50 {at}"), &medians, 1.5);
    let name = |call: u64| {
        let number = call * 7919 % SESSIONS;
        (format!("scope-{}", number % 1000), number.to_string())
    };
    let medians = in_turns(
        effort.rounds,
        20,
        Box::new(|call| {
            let (scope, key) = name(call);
            let new = NewSession::new().scope(scope).key(key);
            store.get_or_create_session(new)?;
            Ok(())
        }),
        Box::new(|call| {
            let (scope, key) = name(call);
            raw.get_or_create(&scope, &key, now())?;
            Ok(())
        }),
    )?;
    report.raw(
        &format!("get or create an existing one {at}"),
        &medians,
        1.5,
    );
    Ok(())
}

/// Opening a file and reading the last 20 messages of a session: a large one beside a small one.
fn opening(report: &mut Report, effort: &Effort) -> Result<()> {
    let folder = tempfile::tempdir_in(folder()?)?;
    let (large, small) = (
        folder.path().join("large.db"),
        folder.path().join("small.db"),
    );
    let in_large = fill(&large, 2_900_000)?.long;
    let in_small = fill(&small, 2_000)?.long;
    let open = |path: &Path, id: &str| -> Result<()> {
        let store = Store::open(path)?;
        store.get_messages(id, MessageQuery::new().last(20))?;
        store.close()?;
        Ok(())
    };
    let medians = in_turns(
        effort.rounds,
        1,
        Box::new(|_| open(&large, &in_large)),
        Box::new(|_| open(&small, &in_small)),
    )?;
    let size = |path: &Path| -> Result<f64> { Ok(std::fs::metadata(path)?.len() as f64 / 1e6) };
    let workload = format!(
        "open a file of {:.0} MB and read 20 messages",
        size(&large)?
    );
    let other = format!("a file of {:.1} MB", size(&small)?);
    report.pair(&workload, &other, &medians, 1.15);
    Ok(())
}
