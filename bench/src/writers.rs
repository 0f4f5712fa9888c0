//! Many writers at once: what a durable message costs when its commit is shared.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Medians, Work, folder, in_turns};
use crate::raw::Raw;
use crate::report::Report;
use crate::workloads::{TEXT, now};
use crate::{Effort, Result};
use convostore::{AsyncStore, NewMessage, NewSession, Role, Store};

/// The argument with which this program is one of several writing processes.
pub const WRITER: &str = "--writer";
/// The argument with which this program measures on a slow disk only.
pub const SLOW: &str = "--slow-disk";
/// How many microseconds a sync of the slow disk takes longer.
const DELAY_US: &str = "1000";

/// What a message costs when many threads, tasks and processes write.
pub fn run(report: &mut Report, effort: &Effort) -> Result<()> {
    shared_commits(report, effort)?;
    tasks(report, effort)?;
    processes(report, effort)?;
    latencies(report, effort)?;
    for (who, factor) in ["threads", "tokio tasks"].iter().zip(on_slow_disk()?) {
        let workload =
            format!("messages a second of 64 {who} beside one thread, a sync 1 ms longer");
        report.at_least(&workload, "times", factor, 30.0);
    }
    Ok(())
}

/// A message of many threads beside one commit of one connection.
fn shared_commits(report: &mut Report, effort: &Effort) -> Result<()> {
    for threads in [20, 64] {
        let folder = tempfile::tempdir_in(folder()?)?;
        let swarm = Swarm::open(&folder.path().join("ours.db"), threads)?;
        let mut raw = Raw::open(&folder.path().join("raw.db"), "FULL")?;
        raw.create_session("session", "bench", now())?;
        let each = 10;
        let calls = u32::try_from(threads * each)?;
        let medians = in_turns(
            effort.rounds / 4,
            1,
            Box::new(|_| swarm.write(each)),
            Box::new(|_| {
                for _ in 0..each {
                    raw.append("session", "user", &[TEXT], now())?;
                }
                Ok(())
            }),
        )?;
        let medians = Medians {
            ours: medians.ours / calls,
            raw: medians.raw / u32::try_from(each)?,
        };
        report.raw(
            &format!("a message of {threads} threads beside one raw commit"),
            &medians,
            0.3,
        );
    }
    Ok(())
}

/// Threads with a session each on one store.
struct Swarm {
    store: Store,
    sessions: Vec<String>,
}

impl Swarm {
    fn open(path: &Path, threads: usize) -> Result<Self> {
        let store = Store::open(path)?;
        let session = || store.create_session(NewSession::new().scope("swarm"));
        let sessions = (0..threads)
            .map(|_| Ok(session()?.id))
            .collect::<Result<_>>()?;
        Ok(Self { store, sessions })
    }

    /// Each appends so many messages, one after the other.
    fn write(&self, each: usize) -> Result<()> {
        thread::scope(|scope| {
            let writing: Vec<_> = self
                .sessions
                .iter()
                .map(|id| {
                    scope.spawn(|| -> convostore::Result<()> {
                        for _ in 0..each {
                            self.store
                                .save_message(id, NewMessage::new(Role::USER, TEXT))?;
                        }
                        Ok(())
                    })
                })
                .collect();
            for thread in writing {
                thread.join().map_err(|_| "a writer panicked")??;
            }
            Ok(())
        })
    }
}

/// Tasks of tokio: one alone, which is to wait for nobody, and many.
fn tasks(report: &mut Report, effort: &Effort) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let folder = tempfile::tempdir_in(folder()?)?;
    let swarm = Swarm::open(&folder.path().join("one.db"), 1)?;
    let (store, id) = (AsyncStore::from(swarm.store.clone()), &swarm.sessions[0]);
    let message = || NewMessage::new(Role::USER, TEXT);
    let medians = in_turns(
        effort.rounds,
        20,
        Box::new(|_| {
            runtime.block_on(store.save_message(id, message()))?;
            Ok(())
        }),
        Box::new(|_| {
            let (store, id) = (swarm.store.clone(), id.clone());
            let save = move || store.save_message(&id, NewMessage::new(Role::USER, TEXT));
            runtime.block_on(async { runtime.spawn_blocking(save).await })??;
            Ok(())
        }),
    )?;
    report.pair(
        "a message of one tokio task",
        "Store in spawn_blocking",
        &medians,
        1.1,
    );

    let swarm = Swarm::open(&folder.path().join("many.db"), 64)?;
    let store = AsyncStore::from(swarm.store.clone());
    let mut raw = Raw::open(&folder.path().join("raw.db"), "FULL")?;
    raw.create_session("session", "bench", now())?;
    let medians = in_turns(
        effort.rounds / 4,
        1,
        Box::new(|_| runtime.block_on(write_in_tasks(&store, &swarm.sessions, 10))),
        Box::new(|_| {
            for _ in 0..10 {
                raw.append("session", "user", &[TEXT], now())?;
            }
            Ok(())
        }),
    )?;
    let medians = Medians {
        ours: medians.ours / 640,
        raw: medians.raw / 10,
    };
    report.raw(
        "a message of 64 tokio tasks beside one raw commit",
        &medians,
        0.3,
    );
    Ok(())
}

/// A task for each session, which appends so many messages one after the other.
async fn write_in_tasks(store: &AsyncStore, sessions: &[String], each: usize) -> Result<()> {
    let save = |id: &String| {
        let (store, id) = (store.clone(), id.clone());
        tokio::spawn(async move {
            for _ in 0..each {
                let message = NewMessage::new(Role::USER, TEXT);
                store.save_message(&id, message).await?;
            }
            Ok::<_, convostore::Error>(())
        })
    };
    let saving: Vec<_> = sessions.iter().map(save).collect();
    for task in saving {
        task.await??;
    }
    Ok(())
}

/// Several processes with a thread each beside one process with as many threads.
fn processes(report: &mut Report, effort: &Effort) -> Result<()> {
    const PROCESSES: usize = 8;
    let each = 50;
    let folder = tempfile::tempdir_in(folder()?)?;
    let swarm = Swarm::open(&folder.path().join("threads.db"), PROCESSES)?;
    let path = folder.path().join("processes.db");
    let mut writers = (0..PROCESSES)
        .map(|_| Writer::start(&path, each))
        .collect::<Result<Vec<_>>>()?;
    let medians = in_turns(
        effort.rounds / 8,
        1,
        Box::new(|_| {
            writers.iter_mut().try_for_each(Writer::go)?;
            writers.iter_mut().try_for_each(Writer::wait)
        }),
        Box::new(|_| swarm.write(each)),
    )?;
    for mut writer in writers {
        writer.end()?;
    }
    let calls = u32::try_from(PROCESSES * each)?;
    let medians = Medians {
        ours: medians.ours / calls,
        raw: medians.raw / calls,
    };
    report.pair(
        "a message of 8 processes beside 8 threads of one",
        "8 threads of one process",
        &medians,
        1.25,
    );
    Ok(())
}

/// A writing process, told line by line to begin.
struct Writer {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Writer {
    fn start(path: &Path, each: usize) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(WRITER)
            .arg(path)
            .arg(each.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut writer = Self { child, answers };
        writer.wait()?;
        Ok(writer)
    }

    fn go(&mut self) -> Result<()> {
        let orders = self.child.stdin.as_mut().ok_or("no pipe")?;
        Ok(orders.write_all(b"go\n")?)
    }

    fn wait(&mut self) -> Result<()> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line == "done\n" {
            Ok(())
        } else {
            Err("a writing process ended".into())
        }
    }

    fn end(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        if self.child.wait()?.success() {
            Ok(())
        } else {
            Err("a writing process failed".into())
        }
    }
}

/// What a writing process does: at each line that it reads, so many messages.
pub fn be_writer(path: &Path, each: usize) -> Result<()> {
    let swarm = Swarm::open(path, 1)?;
    println!("done");
    for line in std::io::stdin().lines() {
        line?;
        for _ in 0..each {
            swarm
                .store
                .save_message(&swarm.sessions[0], NewMessage::new(Role::USER, TEXT))?;
        }
        println!("done");
    }
    Ok(())
}

/// How long a task waits for its message to be durable, with more and more tasks.
fn latencies(report: &mut Report, effort: &Effort) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    for tasks in [1, 8, 64, 512] {
        let folder = tempfile::tempdir_in(folder()?)?;
        let each = (effort.rounds * 50 / tasks).clamp(20, 2000);
        let mut times =
            runtime.block_on(append_latencies(folder.path().join("ours.db"), tasks, each))?;
        times.sort_unstable();
        for (metric, part) in [("p50_us", 50), ("p99_us", 99)] {
            let time = times[(times.len() - 1) * part / 100];
            report.plain(
                &format!("append, {tasks} tasks at once"),
                metric,
                time.as_secs_f64() * 1e6,
            );
        }
    }
    Ok(())
}

async fn append_latencies(path: PathBuf, tasks: usize, each: usize) -> Result<Vec<Duration>> {
    let store = AsyncStore::open(path).await?;
    let mut sessions = Vec::new();
    for _ in 0..tasks {
        let new = NewSession::new().scope("swarm");
        sessions.push(store.create_session(new).await?);
    }
    let mut running = Vec::new();
    for session in sessions {
        let store = store.clone();
        running.push(tokio::spawn(async move {
            let mut times = Vec::with_capacity(each);
            for _ in 0..each {
                let start = Instant::now();
                store
                    .save_message(&session.id, NewMessage::new(Role::USER, TEXT))
                    .await?;
                times.push(start.elapsed());
            }
            Ok::<_, convostore::Error>(times)
        }));
    }
    let mut times = Vec::new();
    for task in running {
        times.extend(task.await??);
    }
    Ok(times)
}

/// How many times the messages a second of one writer 64 have on a slow disk; nothing where no such disk can be had.
fn on_slow_disk() -> Result<Vec<f64>> {
    let library = folder()?.join("slow_sync.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("slow_sync.c");
    let built = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    if !cfg!(target_os = "linux") || !built.is_ok_and(|status| status.success()) {
        println!("no slow disk here: it needs Linux and a C compiler");
        return Ok(Vec::new());
    }
    let output = Command::new(env::current_exe()?)
        .arg(SLOW)
        .env("LD_PRELOAD", library.canonicalize()?)
        .env("CONVOSTORE_SYNC_DELAY_US", DELAY_US)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the run on a slow disk failed".into());
    }
    let factors = String::from_utf8(output.stdout)?;
    Ok(factors
        .lines()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?)
}

/// What [`on_slow_disk`] asks for, printed: 64 threads beside one, and 64 tasks beside one.
pub fn compare_here() -> Result<()> {
    const ALONE: usize = 20;
    const EACH: usize = 80;
    let folder = tempfile::tempdir_in(folder()?)?;
    let one = Swarm::open(&folder.path().join("one.db"), 1)?;
    let many = Swarm::open(&folder.path().join("many.db"), 64)?;
    let store = AsyncStore::from(many.store.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let threads: Work<'_> = Box::new(|_| many.write(EACH));
    let tasks: Work<'_> =
        Box::new(|_| runtime.block_on(write_in_tasks(&store, &many.sessions, EACH)));
    for swarm in [threads, tasks] {
        let medians = in_turns(5, 1, swarm, Box::new(|_| one.write(ALONE)))?;
        let all = (64 * EACH) as f64 / medians.ours.as_secs_f64();
        println!("{}", all / (ALONE as f64 / medians.raw.as_secs_f64()));
    }
    Ok(())
}
