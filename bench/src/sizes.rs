//! What a message takes on disk, and what an open store writes while nobody asks it to.

use std::time::Duration;

use convostore::{NewMessage, NewSession, Role, SaveOptions, Store};

use crate::measure::folder;
use crate::report::Report;
use crate::workloads::TEXT;
use crate::{Effort, Result};

pub fn run(report: &mut Report, _: &Effort) -> Result<()> {
    let folder = tempfile::tempdir_in(folder()?)?;
    let path = folder.path().join("one.db");
    let one = bytes_per_message(&path, 1)?;
    report.at_most(
        "disk, one long session",
        "bytes a message of 300",
        one,
        400.0,
    );
    let many = bytes_per_message(&folder.path().join("many.db"), 100)?;
    report.at_most(
        "disk, 100 sessions in turns",
        "bytes a message of 300",
        many,
        400.0,
    );

    let store = Store::open(&path)?;
    store.stats()?;
    let before = written()?;
    std::thread::sleep(Duration::from_secs(3));
    report.at_most(
        "open and idle for 3 s",
        "bytes written",
        (written()? - before) as f64,
        0.0,
    );
    Ok(())
}

fn bytes_per_message(path: &std::path::Path, sessions: usize) -> Result<f64> {
    let store = Store::open(path)?;
    let ids: std::result::Result<Vec<String>, _> = (0..sessions)
        .map(|_| {
            store
                .create_session(NewSession::new())
                .map(|session| session.id)
        })
        .collect();
    let ids = ids?;
    let messages = 100_000;
    let batch = if sessions == 1 { 1000 } else { 1 };
    for turn in 0..messages / batch {
        let batch = vec![NewMessage::new(Role::USER, TEXT); batch];
        store.save_messages(&ids[turn % sessions], batch, SaveOptions::new())?;
    }
    store.close()?;
    Ok(std::fs::metadata(path)?.len() as f64 / messages as f64)
}

/// Bytes that this process has sent to the disk. 0 where the system does not tell.
fn written() -> Result<u64> {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(line.map_or(Ok(0), str::parse)?)
}
