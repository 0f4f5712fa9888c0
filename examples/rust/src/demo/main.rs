//! The main job on real input: conversations with tool calls are saved turn by turn, resumed by another process, listed, shown,
//! exported, imported elsewhere, and compared value by value.

mod compare;
mod conversations;
mod save;
mod show;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::{Parser, Subcommand};
use convostore::{ExportOptions, ImportOptions, Store};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(
    about = "Saves conversations as an agent would, and takes them through everything convostore does."
)]
struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// All steps, the first two in processes of their own.
    Run {
        /// Conversations, a JSON object {"id", "messages"} a line.
        input: PathBuf,
        /// The folder for the results; what an earlier run left there is replaced.
        folder: PathBuf,
    },
    /// Saves the first half of each conversation, then ends.
    Save { input: PathBuf, database: PathBuf },
    /// Finds each conversation again and saves its rest.
    Resume { input: PathBuf, database: PathBuf },
}

fn main() -> Result<()> {
    match Arguments::parse().step {
        Step::Run { input, folder } => run(&input, &folder),
        Step::Save { input, database } => save::first_half(&input, &database),
        Step::Resume { input, database } => save::second_half(&input, &database),
    }
}

fn run(input: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let database = folder.join("sessions.db");
    let archive = folder.join("conversations.convostore");

    headline("1. One process saves the first half of each conversation, and ends");
    in_a_process_of_its_own("save", input, &database)?;
    headline("2. Another process finds the sessions again and saves the rest");
    in_a_process_of_its_own("resume", input, &database)?;

    let store = Store::open(&database)?;
    headline("3. The sessions, latest activity first");
    show::sessions(&store)?;
    headline("4. One of them");
    show::conversation(&store)?;

    headline("5. The archive");
    export(&store, &archive)?;
    let memory = Store::in_memory()?;
    import(&memory, &archive, "memory")?;
    let second = Store::open(folder.join("imported.db"))?;
    import(&second, &archive, "a second SQLite file")?;

    headline("6. Compared value by value");
    compare::with_input(input, &store)?;
    compare::stores("memory", &store, &memory)?;
    compare::stores("the second SQLite file", &store, &second)?;
    compare::archives(&archive, &[&memory, &second])?;

    headline("7. Sizes");
    show::sizes(&store, &database, &archive)?;
    for store in [store, memory, second] {
        let check = store.check()?;
        if !check.is_sound() {
            return Err(format!("the store is not sound: {:?}", check.problems).into());
        }
        store.close()?;
    }
    println!("Every store is sound. The archive is {}", archive.display());
    Ok(())
}

fn headline(text: &str) {
    println!("\n── {text}");
}

fn in_a_process_of_its_own(step: &str, input: &Path, database: &Path) -> Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .arg(step)
        .args([input, database])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the step {step} failed: {status}").into())
    }
}

fn export(store: &Store, archive: &Path) -> Result<()> {
    let start = Instant::now();
    let report = store.export_archive_to(archive, ExportOptions::new())?;
    println!(
        "exported {} sessions and {} messages, {} in {:.0} ms ({:.0} MB/s)",
        report.sessions,
        report.messages,
        show::bytes(report.bytes),
        start.elapsed().as_secs_f64() * 1e3,
        rate(report.bytes, start),
    );
    Ok(())
}

fn import(store: &Store, archive: &Path, into: &str) -> Result<()> {
    let open = || -> Result<_> { Ok(std::io::BufReader::new(std::fs::File::open(archive)?)) };
    let would = store.import_archive(open()?, ImportOptions::new().dry_run(true))?;
    let start = Instant::now();
    let report = store.import_archive(open()?, ImportOptions::new())?;
    println!(
        "imported {} of {} messages into {into} in {:.0} ms ({:.0} MB/s)",
        report.messages,
        would.messages,
        start.elapsed().as_secs_f64() * 1e3,
        rate(report.bytes, start),
    );
    Ok(())
}

fn rate(bytes: u64, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}
