//! R4: opening a new file is free of races.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use convostore::{MessageQuery, NewSession, Store};
use reliability::{Effort, Verdict, Worker};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const PROCESSES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn many_open_one_fresh_path_at_once() {
    let effort = Effort::new(500, 20_000);
    let folder = conformance::world::temporary_folder();
    let mut workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| Worker::start(WORKER, &[&"opening", &process.to_string()]))
        .collect();
    let (mut files, mut violations) = (0, 0);
    while effort.goes_on(files) {
        let home = folder.path().join(format!("{files}"));
        // Every third lies in folders that are not there yet.
        let path = match files % 3 {
            0 => home.join("a/b/store.db"),
            _ => home.with_extension("db"),
        };
        let found = open_at_once(&mut workers, &path);
        for violation in &found {
            println!("R4, file {files}: {violation}");
        }
        violations += found.len() as u64;
        reliability::files::remove(&path);
        let _ = std::fs::remove_dir_all(&home);
        files += 1;
    }
    for worker in workers {
        worker.finish();
    }
    Verdict {
        guarantee: "R4",
        runs: files,
        violations,
        control_violations: None,
    }
    .record();
}

fn open_at_once(workers: &mut [Worker], path: &Path) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let soon = (now + Duration::from_millis(1)).as_micros();
    for worker in workers.iter_mut() {
        worker.tell(&format!("{soon} {}", path.display()));
    }
    let mut found: Vec<String> = workers
        .iter()
        .map(|worker| worker.hear(PATIENCE).unwrap())
        .filter(|answer| answer != "ok")
        .collect();
    found.extend(wrong(path).unwrap_or_else(|error| vec![error.to_string()]));
    found
}

/// What is not there that each of them wrote.
fn wrong(path: &Path) -> convostore::Result<Vec<String>> {
    let store = Store::open(path)?;
    let mut found = store.check()?.problems;
    let shared = store.get_or_create_session(NewSession::new().scope("all").key("shared"))?;
    let messages = store.get_messages(&shared.id, MessageQuery::new())?;
    let mut texts: Vec<&str> = messages.iter().map(|it| it.content.body()).collect();
    texts.sort_unstable();
    if !texts
        .into_iter()
        .eq((0..PROCESSES).map(|it| it.to_string()))
    {
        found.push(format!(
            "{} messages of {PROCESSES} processes",
            messages.len()
        ));
    }
    for process in 0..PROCESSES {
        if store.count_messages(&process.to_string())? != 1 {
            found.push(format!("the session of process {process} is not complete"));
        }
    }
    store.close()?;
    Ok(found)
}
