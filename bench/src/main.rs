//! convostore beside raw rusqlite, in one run, interleaved: medians, ratios, and goals.
//!
//! Raw means: prepared statements, the same tables and durability, `BEGIN IMMEDIATE; UPDATE … RETURNING; INSERT; COMMIT` for an
//! append, and reads that build the same owned records. Machines are noisy, so only the ratio of two contenders that took turns is worth anything.
//!
//! `convostore-bench [--quick]` prints a table and writes `target/bench/results.jsonl`, a line `{suite, workload, contender, metric, value}` each.

mod measure;
mod raw;
mod report;
mod sizes;
mod workloads;

use std::error::Error;

use report::Report;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much to do.
pub struct Effort {
    /// Messages in the large file.
    large: u64,
    /// How often the contenders take turns.
    rounds: usize,
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let effort = if quick {
        Effort {
            large: 50_000,
            rounds: 40,
        }
    } else {
        Effort {
            large: 1_000_000,
            rounds: 200,
        }
    };
    let mut report = Report::new("rust");
    println!(
        "SQLite {}, one sync of this disk takes {:.0} µs",
        rusqlite::version(),
        measure::disk_sync()?.as_secs_f64() * 1e6
    );
    workloads::durable_writes(&mut report, &effort)?;
    for messages in [10_000, effort.large] {
        workloads::at_size(&mut report, &effort, messages)?;
    }
    sizes::run(&mut report)?;
    report.finish()
}
