//! convostore on PostgreSQL beside prepared statements on the same tables, in one run, in turns: medians, ratios, and goals.
//!
//! `scripts/postgres.sh cargo run --release -p convostore-bench --bin postgres-bench -- [--quick] [--large MESSAGES]` prints a table and adds its lines to
//! `target/bench/results.jsonl`. The server of that script does not sync its disk, so nothing hides what the client costs.

#[path = "../measure.rs"]
#[allow(dead_code, reason = "shared with the bench on SQLite")]
mod measure;
#[path = "../report.rs"]
#[allow(dead_code, reason = "shared with the bench on SQLite")]
mod report;

mod fill;
mod latency;
mod raw;
mod workloads;

use std::error::Error;

use convostore::backend::postgres::PostgresOptions;
use convostore::{Store, StoreOptions};

use report::Report;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A message of 300 bytes.
pub const TEXT: &str = "I looked at the log of last night. The nightly job stopped at 02:14 because the disk of the second worker was full; \
the files of the previous week had not been rotated. I freed 4 GB, started the job again, and it ended at 02:51 without errors. \
Shall I set up the rotation so it will not happen again?";
const _: () = assert!(TEXT.len() == 300);

/// Where the server is, and the schema that both contenders use.
pub struct Place {
    /// Without a password: it is the server of `scripts/postgres.sh`.
    pub url: String,
    pub schema: String,
}

impl Place {
    fn store(&self, url: &str) -> Result<Store> {
        let options = PostgresOptions::new().schema(&self.schema);
        Ok(StoreOptions::new().postgres(options).connect(url)?)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().position(|argument| argument == name);
    let large = match given("--large") {
        Some(at) => arguments.get(at + 1).ok_or("--large MESSAGES")?.parse()?,
        None => 1_000_000,
    };
    let rounds = if given("--quick").is_some() { 30 } else { 150 };
    let url = std::env::var("CONVOSTORE_TEST_POSTGRES_URL")
        .map_err(|_| "run this under scripts/postgres.sh")?;
    let mut report = Report::new("rust-postgres");
    for messages in [10_000, large] {
        let place = Place {
            url: url.clone(),
            schema: format!("bench_{messages}_{}", std::process::id()),
        };
        let ids = fill::fill(&place, messages)?;
        workloads::at_size(&mut report, &place, &ids, messages, rounds)?;
        if messages == 10_000 {
            workloads::at_a_distance(&mut report, &place, &ids, rounds / 3)?;
            workloads::many_writers(&mut report, &place, rounds / 10)?;
        }
    }
    report.finish()
}
