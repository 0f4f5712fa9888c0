//! R5: processes open the file, write and close it, again and again, while somebody opens and closes the files in each of them; nothing acknowledged is
//! lost or damaged.
//!
//! Who opens first and who closes last does more to the files than any writer, and trusts in locks that are dropped.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use reliability::judge::{file_by_file, lost};
use reliability::{Effort, Verdict, Worker, seed};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// What each process writes to, and for how long.
const SESSIONS: [&str; 3] = ["one", "two", "three"];
const MILLIS: u64 = 400;

#[test]
fn many_open_and_close_and_somebody_comes_and_goes() {
    // Nothing is left to chance here but the moments.
    seed();
    let (files, violations) = run(Effort::new(12, 10_000), "guarded");
    let (_, lost) = run(Effort::new(4, 4), "unguarded");
    Verdict {
        guarantee: "R5 openings",
        runs: files,
        violations,
        control_violations: Some(lost),
    }
    .record();
}

fn run(effort: Effort, guard: &str) -> (u64, u64) {
    file_by_file(effort, &format!("R5 openings, {guard}"), || one_file(guard))
}

/// What was wrong in the end.
fn one_file(guard: &str) -> Vec<String> {
    let folder = conformance::world::temporary_folder();
    let path = folder.path().join("store.db");
    let millis = MILLIS.to_string();
    let workers = SESSIONS
        .map(|session| Worker::start(WORKER, &[&"visit", &path, &session, &millis, &guard]));
    let mut found = Vec::new();
    let acknowledged = workers.map(|worker| {
        let mut said = worker.finish();
        if said.pop().as_deref() != Some("done") {
            found.push("a process died".to_owned());
        }
        let (errors, texts) = said.into_iter().partition(|it| it.starts_with("error "));
        found.extend::<Vec<_>>(errors);
        texts
    });
    let acknowledged: Vec<_> = SESSIONS.into_iter().zip(acknowledged).collect();
    let lost = lost(&path, &acknowledged);
    found.extend(lost.unwrap_or_else(|error| vec![error.to_string()]));
    found
}
