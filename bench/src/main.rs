//! convostore beside raw rusqlite, in one run, interleaved: medians, ratios, and goals.
//!
//! Raw means: prepared statements, the same tables and durability, `BEGIN IMMEDIATE; UPDATE … RETURNING; INSERT; COMMIT` for an
//! append, and reads that build the same owned records. Machines are noisy, so only the ratio of two contenders that took turns is worth anything.
//!
//! `convostore-bench [--quick] [--only workloads|writers|beside|big|sizes]`, or `--large [MESSAGES …]` for large files, prints a table and writes `target/bench/results.jsonl`, a line `{suite, workload, contender, metric, value, goal}` each;
//! `convostore-bench --draw FILE.svg` draws it.

mod beside;
mod big;
mod draw;
mod large;
mod measure;
mod raw;
mod report;
mod sizes;
mod workloads;
mod writers;

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

type Suite = fn(&mut Report, &Effort) -> Result<()>;

const SUITES: &[(&str, Suite)] = &[
    ("workloads", workloads::run),
    ("writers", writers::run),
    ("beside", beside::run),
    ("big", big::run),
    ("sizes", sizes::run),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(writers::WRITER) => {
            return writers::be_writer(arguments[1].as_ref(), arguments[2].parse()?);
        }
        Some(writers::SLOW) => return writers::compare_here(),
        Some(big::CHILD) => return big::child(&arguments[1], arguments[2].as_ref()),
        Some("--draw") => return draw::draw(arguments[1].as_ref()),
        _ => {}
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
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
    report.about(&format!(
        "convostore {}, SQLite {}; durable (synchronous=FULL) where a row does not say normal",
        env!("CARGO_PKG_VERSION"),
        rusqlite::version(),
    ));
    report.about(&format!(
        "{} {}, {} CPUs; one sync of the disk takes {:.0} µs",
        std::env::consts::OS,
        std::env::consts::ARCH,
        std::thread::available_parallelism()?,
        measure::disk_sync()?.as_secs_f64() * 1e6
    ));
    if arguments.iter().any(|argument| argument == "--large") {
        large::run(&mut report, &effort)?;
        return report.finish();
    }
    let only = arguments.iter().position(|it| it == "--only");
    let only = only.and_then(|at| arguments.get(at + 1));
    for (name, run) in SUITES {
        if only.is_none_or(|only| only == name) {
            run(&mut report, &effort)?;
        }
    }
    report.finish()
}
