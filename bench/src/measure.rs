//! Two contenders that take turns.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Result;

/// What one contender does, so many times; it is told the number of the call.
pub type Work<'a> = Box<dyn FnMut(u64) -> Result<()> + 'a>;

/// Median times of one call of each.
pub struct Medians {
    pub ours: Duration,
    pub raw: Duration,
}

/// Lets both work in turns, `calls` calls a turn, beginning with another one each round.
pub fn in_turns<'a>(
    rounds: usize,
    calls: u64,
    mut ours: Work<'a>,
    mut raw: Work<'a>,
) -> Result<Medians> {
    let mut times: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    let mut next = 0;
    for round in 0..rounds + 2 {
        for turn in 0..2 {
            let who = (round + turn) % 2;
            let work = if who == 0 { &mut ours } else { &mut raw };
            let start = Instant::now();
            for call in 0..calls {
                work(next + call)?;
            }
            let time = start.elapsed() / u32::try_from(calls)?;
            if round >= 2 {
                times[who].push(time); // the first two rounds warm caches
            }
        }
        next += calls;
    }
    let [ours, raw] = times.map(median);
    Ok(Medians { ours, raw })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The median time of appending 4 KiB to a file and syncing it.
pub fn disk_sync() -> Result<Duration> {
    let mut file = tempfile::NamedTempFile::new_in(folder()?)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let start = Instant::now();
        file.as_file().sync_data()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// Where the files of a run are: beside the build, on the disk that a user would have, not in memory; or where `CONVOSTORE_BENCH_FOLDER` says.
pub fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os("CONVOSTORE_BENCH_FOLDER");
    let folder = folder.map_or_else(|| PathBuf::from("target/bench"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Where the results of all languages are.
pub fn results() -> Result<PathBuf> {
    Ok(folder()?.join("results.jsonl"))
}
