//! A log of all that reaches the files of a folder, in order.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Call, Files, Watch};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file was made; its name is in the folder.
    Create(String),
    /// Bytes were written.
    Write {
        /// The file.
        name: String,
        /// Where.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
    },
    /// A file was cut, or made longer.
    Truncate {
        /// The file.
        name: String,
        /// Its size since.
        size: u64,
    },
    /// The disk confirmed what was written to a file.
    Sync(String),
    /// The disk was asked to confirm and failed: what was not confirmed before is there or not, and no later confirmation means it.
    SyncFailed(String),
    /// A name was removed.
    Delete(String),
    /// The disk confirmed which names are in the folder.
    SyncFolder,
    /// The store acknowledged an operation: the number of those until now.
    Acknowledged(usize),
}

/// Writes the log.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    log: Mutex<Log>,
    pragmas: Vec<(&'static str, &'static str)>,
    checkpoint_after: Option<i32>,
}

#[derive(Debug, Default)]
struct Log {
    names: HashSet<String>,
    events: Vec<Event>,
    acknowledged: usize,
}

impl Recorder {
    /// For a folder that holds these files.
    pub fn new(folder: &Path, base: &Files) -> Self {
        let log = Log {
            names: base.keys().cloned().collect(),
            ..Log::default()
        };
        Self {
            folder: folder.canonicalize().unwrap(),
            log: Mutex::new(log),
            pragmas: Vec::new(),
            checkpoint_after: None,
        }
    }

    /// Gives a pragma another value than the product does.
    #[must_use]
    pub fn with_pragma(mut self, name: &'static str, value: &'static str) -> Self {
        self.pragmas.push((name, value));
        self
    }

    /// Has the WAL moved into the database after so many pages.
    #[must_use]
    pub fn with_checkpoint_after(mut self, pages: Option<i32>) -> Self {
        self.checkpoint_after = pages;
        self
    }

    /// Notes that the store has acknowledged one more operation.
    pub fn acknowledged(&self) {
        let mut log = self.log();
        log.acknowledged += 1;
        let number = log.acknowledged;
        log.events.push(Event::Acknowledged(number));
    }

    /// Notes that the disk did not confirm a file.
    pub fn sync_failed(&self, path: &Path) {
        if let Some(name) = self.name(path) {
            self.log().events.push(Event::SyncFailed(name));
        }
    }

    /// What happened so far, taken out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.log().events)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, path: &Path) -> Option<String> {
        let name = path.strip_prefix(&self.folder).ok()?.to_str()?;
        // The index of the WAL means nothing after the machine has stopped.
        (!name.is_empty() && !name.ends_with("-shm")).then(|| name.to_owned())
    }
}

impl Watch for Recorder {
    fn after(&self, path: &Path, call: Call<'_>) {
        let Some(name) = self.name(path) else { return };
        let mut log = self.log();
        let event = match call {
            Call::Open if log.names.insert(name.clone()) => Event::Create(name),
            Call::Write { offset, data } => Event::Write {
                name,
                offset,
                data: data.to_vec(),
            },
            Call::Truncate { size } => Event::Truncate { name, size },
            Call::Delete if log.names.remove(&name) => Event::Delete(name),
            _ => return,
        };
        log.events.push(event);
    }

    fn synced(&self, path: &Path) {
        if path == self.folder {
            self.log().events.push(Event::SyncFolder);
        } else if let Some(name) = self.name(path) {
            self.log().events.push(Event::Sync(name));
        }
    }

    fn pragma(&self, name: &str) -> Option<&'static str> {
        let found = self.pragmas.iter().find(|(of, _)| *of == name);
        found.map(|(_, value)| *value)
    }

    fn checkpoint_after(&self) -> Option<i32> {
        self.checkpoint_after
    }
}
