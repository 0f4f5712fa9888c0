//! Contents of 16 MiB: how many copies of one are in memory at once while it is written and read.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use convostore::{MessageQuery, NewMessage, NewSession, Role, Store};

use crate::measure::folder;
use crate::report::Report;
use crate::{Effort, Result};

/// The argument with which this program does one thing and says how much memory that took.
pub const CHILD: &str = "--big";
const BYTES: usize = 16 << 20;

pub fn run(report: &mut Report, _: &Effort) -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("peak memory is told by Linux only");
        return Ok(());
    }
    let folder = tempfile::tempdir_in(folder()?)?;
    let path = folder.path().join("big.db");
    // One copy on each side of the border and SQLite's page cache of 2 MB. Written, the caller's own is not copied but moved: one is bound, one is
    // in the row that SQLite puts together. Read, one is SQLite's and one the caller's.
    for (what, goal) in [("write", 2.2), ("read", 2.2)] {
        let output = Command::new(env::current_exe()?)
            .args([CHILD, what])
            .arg(&path)
            .output()?;
        let copies: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
        let workload = format!("{what} 16 MiB: memory beyond what was there");
        report.at_most(
            &workload,
            "times the content",
            (copies * 100.0).round() / 100.0,
            goal,
        );
    }
    Ok(())
}

/// Writes or reads the content, and prints by how many times its size memory grew meanwhile.
pub fn child(what: &str, path: &Path) -> Result<()> {
    let store = Store::open(path)?;
    let new = NewSession::new().scope("big").key("big");
    let id = store.get_or_create_session(new)?.id;
    let content = (what == "write").then(|| "x".repeat(BYTES));
    fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS:")?;
    match content {
        Some(content) => drop(store.save_message(&id, NewMessage::new(Role::TOOL, content))?),
        None => drop(store.get_messages(&id, MessageQuery::new())?),
    }
    println!("{}", (status("VmHWM:")? - before) / BYTES as f64);
    Ok(())
}

/// Bytes, by a line of `/proc/self/status`.
fn status(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no such line")?
        .parse()?;
    Ok(kilobytes * 1024.0)
}
