//! Moves a store from one storage to another, a SQLite file to PostgreSQL or back, by an archive: in constant memory, with progress, and compared in
//! the end.
//!
//! `move-store sessions.db postgresql://agents@db.example/agents`, or the other way round. Nobody should write to the source meanwhile: the archive
//! holds what was there when it was begun. The source is left as it is. Moving again after an interruption does no harm: what is in the
//! target already, and the same, is left as it is.

mod compare;
mod progress;

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use convostore::backend::postgres::PostgresOptions;
use convostore::{ExportOptions, ImportOptions, Stats, Store, StoreOptions};

use compare::Compared;
use progress::{Progress, Rows, Watched};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(about = "Moves a store from one storage to another, and compares.")]
struct Arguments {
    /// From where: the path of a SQLite file or a URL postgresql://…
    #[arg(env = "CONVOSTORE_SOURCE", hide_env_values = true)]
    source: String,
    /// Where to. In an environment variable a password is not seen by others on the machine.
    #[arg(env = "CONVOSTORE_TARGET", hide_env_values = true)]
    target: String,
    /// The archive in between, a new file. It stays.
    #[arg(long, default_value = "moved.convostore")]
    archive: PathBuf,
    /// Whose data.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// The schema in PostgreSQL.
    #[arg(long, default_value = "convostore")]
    schema: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let source = open(&arguments, &arguments.source)?;
    let stats = source.stats()?;
    export(&source, &stats, &arguments.archive)?;
    source.close()?;

    let target = open(&arguments, &arguments.target)?;
    import(&target, &arguments.archive)?;
    compare(&target, &stats, &arguments.archive)?;
    target.close()?;
    if let Some(bytes) = peak_memory() {
        println!("at most {bytes} bytes of memory");
    }
    Ok(())
}

fn open(arguments: &Arguments, place: &str) -> Result<Store> {
    let options = StoreOptions::new().tenant(&arguments.tenant);
    let is_url = ["postgresql://", "postgres://"]
        .iter()
        .any(|scheme| place.starts_with(scheme));
    Ok(if is_url {
        let postgres = PostgresOptions::new().schema(&arguments.schema);
        options.postgres(postgres).connect(place)?
    } else {
        options.open(place)?
    })
}

/// An archive has a line for each row, so the lines written say how far it is.
fn export(source: &Store, stats: &Stats, archive: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(archive)
        .map_err(|e| format!("{}: {e}", archive.display()))?;
    let rows = Rows::new(&mut file, Progress::new("exported", rows(stats)));
    let report = source.export_archive(rows, ExportOptions::new())?;
    file.flush()?;
    file.sync_all()?;
    println!(
        "exported {} sessions, {} messages and {} contexts, {} bytes",
        report.sessions, report.messages, report.contexts, report.bytes
    );
    Ok(())
}

fn import(target: &Store, archive: &Path) -> Result<()> {
    let file = File::open(archive)?;
    let progress = Progress::new("imported", file.metadata()?.len());
    let reader = Watched::new(BufReader::new(file), progress);
    let report = target.import_archive(reader, ImportOptions::new())?;
    println!(
        "imported {} sessions, {} messages and {} contexts; {} records were there already",
        report.sessions, report.messages, report.contexts, report.unchanged
    );
    Ok(())
}

/// The same rows give the same bytes, whatever the storage.
fn compare(target: &Store, stats: &Stats, archive: &Path) -> Result<()> {
    let mut compared = Compared::with(File::open(archive)?);
    let rows = Rows::new(&mut compared, Progress::new("compared", rows(stats)));
    let exported = target.export_archive(rows, ExportOptions::new());
    let bytes = compared.finish(exported)?;
    println!("source and target are the same in all {bytes} bytes of their archives");
    Ok(())
}

fn rows(stats: &Stats) -> u64 {
    stats.sessions + stats.messages + stats.contexts
}

/// What the process took at most, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
