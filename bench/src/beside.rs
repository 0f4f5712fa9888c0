//! Readers and writers beside each other: what a paced writer costs a long read, and the reverse.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use convostore::{MessageQuery, NewMessage, Role, Store};

use crate::measure::{Medians, folder};
use crate::report::Report;
use crate::workloads::{TEXT, fill};
use crate::{Effort, Result};

const MESSAGES: u64 = 100_000;
/// Between two messages of the writer.
const PACE: Duration = Duration::from_millis(2);

pub fn run(report: &mut Report, effort: &Effort) -> Result<()> {
    let folder = tempfile::tempdir_in(folder()?)?;
    let path = folder.path().join("ours.db");
    let ids = fill(&path, MESSAGES)?;
    let store = Store::open(&path)?;
    let read = || -> Result<Duration> {
        let start = Instant::now();
        store.get_messages(&ids.long, MessageQuery::new())?;
        Ok(start.elapsed())
    };
    let write = || -> Result<Duration> {
        thread::sleep(PACE);
        let start = Instant::now();
        store.save_message(&ids.thousand, NewMessage::new(Role::USER, TEXT))?;
        Ok(start.elapsed())
    };
    let (mut reads, mut writes) = (Pair::default(), Pair::default());
    for _ in 0..(effort.rounds / 10).max(4) {
        reads.alone.push(read()?);
        for _ in 0..10 {
            writes.alone.push(write()?);
        }
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| -> Result<()> {
            let writing = scope.spawn(|| -> std::result::Result<Vec<Duration>, String> {
                let mut times = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    times.push(write().map_err(|error| error.to_string())?);
                }
                Ok(times)
            });
            let both = (0..3).map(|_| read()).collect::<Result<Vec<_>>>();
            is_over.store(true, Ordering::Relaxed);
            reads.beside.extend(both?);
            let times = writing.join().map_err(|_| "the writer panicked")??;
            writes.beside.extend(times);
            Ok(())
        })?;
    }
    report.pair(
        "a read of 50,000 messages beside a paced writer",
        "the same alone",
        &reads.medians(),
        1.5,
    );
    report.pair(
        "a paced write beside a read of 50,000 messages",
        "the same alone",
        &writes.medians(),
        1.5,
    );
    Ok(())
}

#[derive(Default)]
struct Pair {
    beside: Vec<Duration>,
    alone: Vec<Duration>,
}

impl Pair {
    fn medians(self) -> Medians {
        let [ours, raw] = [self.beside, self.alone].map(|mut times| {
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        });
        Medians { ours, raw }
    }
}
