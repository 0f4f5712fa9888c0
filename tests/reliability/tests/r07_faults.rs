//! R7: faults of the disk lose nothing that was acknowledged, change nothing that was refused, and leave a store that works on once the
//! disk does: EIO, no space, short writes, confirmations that fail; once and for good; at the n-th call, for every n.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

#[path = "r07/confirmations.rs"]
mod confirmations;
#[path = "r07/disks.rs"]
mod disks;
#[path = "r07/ledger.rs"]
mod ledger;
#[path = "r07/works.rs"]
mod works;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use convostore::{Result, Store};
use reliability::Verdict;
use reliability::vfs::recording::{DATABASE, clear, read, scratch, write};
use reliability::vfs::{Fault, Faults, Watch, watch};

use ledger::Ledger;
use works::{WORKS, Work, append};

#[test]
fn faults_of_the_disk_lose_nothing_acknowledged() {
    let tally = Tally::default();
    let plans: Vec<(&Work, Fault, bool)> = WORKS
        .iter()
        .flat_map(|work| Fault::ALL.map(|fault| [(work, fault, false), (work, fault, true)]))
        .flatten()
        .chain([false, true].map(|for_good| (&works::LONG_WAL, Fault::Index, for_good)))
        .collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((work, fault, for_good)) =
                    plans.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    every_n(work, *fault, *for_good, &tally);
                }
            });
        }
    });
    for (work, runs) in tally.by_work.lock().unwrap().iter() {
        println!("{runs} runs of {work}");
    }
    Verdict {
        guarantee: "R7 faults",
        runs: tally.runs.into_inner(),
        violations: tally.violations.into_inner(),
        control_violations: None,
    }
    .record();
}

#[derive(Debug, Default)]
struct Tally {
    runs: AtomicU64,
    violations: AtomicU64,
    by_work: Mutex<BTreeMap<String, u64>>,
}

/// Lets the first call fail, then the second, and so on until there are no more.
fn every_n(work: &Work, fault: Fault, for_good: bool, tally: &Tally) {
    let base = (work.base)();
    let folder = scratch();
    let mut missed = 0;
    for nth in 1.. {
        write(folder.path(), &base);
        let (struck, problems) = run(work, Faults::new(fault, nth, for_good), folder.path());
        clear(folder.path());
        tally.runs.fetch_add(1, Ordering::SeqCst);
        *tally
            .by_work
            .lock()
            .unwrap()
            .entry(work.name.to_owned())
            .or_default() += 1;
        if !problems.is_empty() && tally.violations.fetch_add(1, Ordering::SeqCst) < 25 {
            let end = if for_good { "for good" } else { "once" };
            println!("{}, {fault:?} {end}, at {nth}: {problems:#?}", work.name);
        }
        // Of threads, one run makes a few calls more than another.
        missed = if struck { 0 } else { missed + 1 };
        if missed == 3 {
            return;
        }
    }
}

/// Works while the disk fails; whether it did, and what is wrong afterwards.
fn run(work: &Work, faults: Faults, folder: &Path) -> (bool, Vec<String>) {
    let faults = Arc::new(faults.with_checkpoint_after(work.checkpoint_after));
    let watching = watch(folder, Arc::clone(&faults) as Arc<dyn Watch>);
    let path = folder.join(DATABASE);
    let ledger = Ledger::default();
    if !work.opens {
        faults.mend();
    }
    let opened = Store::open(&path);
    ledger.did("opening", &opened);
    let opened = opened.ok();
    faults.start();
    if let Some(store) = &opened {
        (work.run)(store, &ledger, folder);
    }
    let struck = faults.has_struck();
    faults.mend();
    let mut problems = Vec::new();
    if let Some(store) = opened {
        problems.extend(killed_now(folder, &ledger));
        // The same handle works on.
        if let Err(error) = goes_on(&store, &ledger) {
            problems.push(format!("it does not work on: {error:?}"));
        }
        problems.extend(killed_now(folder, &ledger));
        if let Err(error) = store.close() {
            problems.push(format!("it does not close: {error:?}"));
        }
    }
    problems.extend(verified(&path, &ledger));
    drop(watching);
    (struck, problems)
}

fn goes_on(store: &Store, ledger: &Ledger) -> Result<()> {
    if store.get_session("after")?.is_none() {
        store.create_session(convostore::NewSession::new().id("after"))?;
    }
    append(store, ledger, "after", "afterwards")
}

/// What is found if the process ends now.
fn killed_now(folder: &Path, ledger: &Ledger) -> Vec<String> {
    let other = scratch();
    write(other.path(), &read(folder));
    let found = verified(&other.path().join(DATABASE), ledger);
    found
        .into_iter()
        .map(|it| format!("killed: {it}"))
        .collect()
}

/// What is wrong with what is found in the file.
fn verified(path: &Path, ledger: &Ledger) -> Vec<String> {
    let looked = || -> Result<_> {
        let store = Store::open(path)?;
        let mut problems = store.check()?.problems;
        problems.extend(ledger.disagreements(&store));
        store.close()?;
        Ok(problems)
    };
    looked().unwrap_or_else(|error| vec![format!("it does not open again: {error:?}")])
}
