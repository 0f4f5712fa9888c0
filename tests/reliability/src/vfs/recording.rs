//! A store's life, recorded: what reached the disk, what was acknowledged when, and what the store held then.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use convostore::backend::sqlite::Durability;
use convostore::{ExportOptions, Store, StoreOptions};
use tempfile::TempDir;

use super::{Event, Files, Recorder, watch};

/// The name of the database in a recorded folder.
pub const DATABASE: &str = "store.db";

/// A recorded life.
#[derive(Debug)]
pub struct Recording {
    /// The files that it began with.
    pub base: Files,
    /// What happened.
    pub events: Vec<Event>,
    /// What the store held at the beginning and after each acknowledgement: [`digest`].
    pub states: Vec<u64>,
    /// Copies that were acknowledged: the number of the acknowledgement, the file, what it holds.
    pub copies: Vec<(usize, String, u64)>,
}

/// How a store is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// As the store is told.
    pub durability: Durability,
    /// After how many pages the WAL is moved into the database; SQLite's own number unless told.
    pub checkpoint_after: Option<i32>,
    /// A pragma that gets another value than the product gives it.
    pub pragma: Option<(&'static str, &'static str)>,
}

/// A store that is being recorded.
#[derive(Debug)]
pub struct Recorded {
    folder: TempDir,
    recorder: Arc<Recorder>,
    durability: Durability,
    store: Option<Store>,
    states: Vec<u64>,
    copies: Vec<(usize, String, u64)>,
}

impl Recorded {
    /// The store.
    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Where a file of the folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the store, closing it first where it is open.
    pub fn open(&mut self) {
        self.close();
        let options = StoreOptions::new().durability(self.durability);
        self.store = Some(options.open(self.path(DATABASE)).unwrap());
    }

    /// Closes the store.
    pub fn close(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().unwrap();
        }
    }

    /// The store has just acknowledged something.
    pub fn acknowledged(&mut self) {
        self.recorder.acknowledged();
        self.states.push(digest(self.store()));
    }

    /// The store has just acknowledged a copy of itself.
    pub fn copied_to(&mut self, name: &str) {
        self.acknowledged();
        let held = self.states.last().unwrap();
        self.copies
            .push((self.states.len() - 1, name.to_owned(), *held));
    }
}

/// Records what `live` does with a store over these files. It is not open yet.
pub fn record(base: Files, setting: Setting, live: impl FnOnce(&mut Recorded)) -> Recording {
    let folder = scratch();
    // What it holds is found out on a copy, which is then removed.
    let held = judge(folder.path(), &base).unwrap();
    write(folder.path(), &base);
    let mut recorder =
        Recorder::new(folder.path(), &base).with_checkpoint_after(setting.checkpoint_after);
    if let Some((name, value)) = setting.pragma {
        recorder = recorder.with_pragma(name, value);
    }
    let recorder = Arc::new(recorder);
    let watching = watch(
        folder.path(),
        Arc::clone(&recorder) as Arc<dyn super::Watch>,
    );
    let mut subject = Recorded {
        folder,
        recorder: Arc::clone(&recorder),
        durability: setting.durability,
        store: None,
        states: vec![held],
        copies: Vec::new(),
    };
    live(&mut subject);
    subject.close();
    drop(watching);
    Recording {
        base,
        events: recorder.take(),
        states: subject.states,
        copies: subject.copies,
    }
}

/// Writes files into a folder, looks at them through a store as [`look`] does, and removes them.
pub fn judge(folder: &Path, files: &Files) -> Result<u64, String> {
    write(folder, files);
    let found = look(&folder.join(DATABASE));
    clear(folder);
    found
}

/// What the store in a file holds, or what is wrong with it: it must open, and `check` must find nothing.
pub fn look(database: &Path) -> Result<u64, String> {
    let open = || -> convostore::Result<_> {
        let options = StoreOptions::new().wait_limit(Duration::from_secs(5));
        let store = options.open(database)?;
        let problems = store.check()?.problems;
        let held = export(&store)?;
        store.close()?;
        Ok((problems, held))
    };
    match open() {
        Ok((problems, held)) if problems.is_empty() => Ok(held),
        Ok((problems, _)) => Err(format!("check: {}", problems.join("; "))),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// All that a store holds for its tenant, in one number.
pub fn digest(store: &Store) -> u64 {
    export(store).unwrap()
}

fn export(store: &Store) -> convostore::Result<u64> {
    let mut archive = Vec::new();
    store.export_archive(&mut archive, ExportOptions::new())?;
    let mut hasher = DefaultHasher::new();
    archive.hash(&mut hasher);
    Ok(hasher.finish())
}

/// A new folder, in memory where the machine has a place for that.
pub fn scratch() -> TempDir {
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("convostore-");
        builder
    };
    builder()
        .tempdir_in("/dev/shm")
        .or_else(|_| builder().tempdir())
        .unwrap()
}

/// Writes files into a folder.
pub fn write(folder: &Path, files: &Files) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Reads the files of a folder, but for the WAL's index.
pub fn read(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.map(|entry| entry.file_name().into_string().unwrap());
    let files = files.filter(|name| !name.ends_with("-shm"));
    files
        .map(|name| (name.clone(), fs::read(folder.join(name)).unwrap()))
        .collect()
}

/// Removes all files of a folder.
pub fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}
