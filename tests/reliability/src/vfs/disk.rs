//! What a disk may hold after the power was cut, worked out from a log.
//!
//! A disk keeps what it confirmed. Of all else — the writes to a file since its last `fsync`, the names made or removed in a folder since the
//! folder's — any part may be there, in any order: whole, not at all, or some of its sectors of 512 bytes. A file may also have grown
//! without what was written there, which is zeros then.

use std::collections::BTreeMap;

use super::Event;
use crate::Chance;

/// The files of a folder, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a disk writes at once.
const SECTOR: usize = 512;

/// How a disk loses what it has not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it: it is not the power but the process that ends.
    Nothing,
    /// All of it.
    All,
    /// So many changes in a hundred, and as many are torn.
    Some(u64),
}

/// A disk, as far as a log goes.
#[derive(Debug, Clone)]
pub struct Disk<'a> {
    files: Vec<File<'a>>,
    /// The names that the disk has confirmed.
    names: BTreeMap<String, usize>,
    /// The names as the process sees them.
    seen: BTreeMap<String, usize>,
    pending: Vec<Name>,
    acknowledged: usize,
}

#[derive(Debug, Clone, Default)]
struct File<'a> {
    confirmed: Vec<u8>,
    pending: Vec<Change<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Size(usize),
}

#[derive(Debug, Clone)]
enum Name {
    Made(String, usize),
    Removed(String),
}

impl<'a> Disk<'a> {
    /// A disk that has confirmed these files.
    pub fn new(base: &Files) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            seen: BTreeMap::new(),
            pending: Vec::new(),
            acknowledged: 0,
        };
        for (name, bytes) in base {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(File {
                confirmed: bytes.clone(),
                pending: Vec::new(),
            });
        }
        disk.seen.clone_from(&disk.names);
        disk
    }

    /// How many operations were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// Whether it has confirmed everything.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.files.iter().all(|file| file.pending.is_empty())
    }

    /// What happens next. `chance` decides what is left of a file that the disk failed to confirm.
    pub fn happens(&mut self, event: &'a Event, chance: &mut Chance) {
        match event {
            Event::Create(name) => {
                self.seen.insert(name.clone(), self.files.len());
                self.pending
                    .push(Name::Made(name.clone(), self.files.len()));
                self.files.push(File::default());
            }
            Event::Write { name, offset, data } => {
                let offset = usize::try_from(*offset).unwrap();
                self.change(name, Change::Write(offset, data));
            }
            Event::Truncate { name, size } => {
                self.change(name, Change::Size(usize::try_from(*size).unwrap()));
            }
            Event::Sync(name) => {
                if let Some(file) = self.file(name) {
                    for change in std::mem::take(&mut file.pending) {
                        change.apply(&mut file.confirmed);
                    }
                }
            }
            Event::SyncFailed(name) => {
                if let Some(file) = self.file(name) {
                    file.confirmed = file.after(Cut::Some(40), chance);
                    file.pending.clear();
                }
            }
            Event::Delete(name) => {
                self.seen.remove(name);
                self.pending.push(Name::Removed(name.clone()));
            }
            Event::SyncFolder => {
                let pending = std::mem::take(&mut self.pending);
                apply_names(&mut self.names, &pending, |_| true);
            }
            Event::Acknowledged(number) => self.acknowledged = *number,
        }
    }

    fn change(&mut self, name: &str, change: Change<'a>) {
        if let Some(file) = self.file(name) {
            file.pending.push(change);
        }
    }

    fn file(&mut self, name: &str) -> Option<&mut File<'a>> {
        let number = *self.seen.get(name)?;
        self.files.get_mut(number)
    }

    /// The files after a cut at this moment.
    pub fn image(&self, cut: Cut, chance: &mut Chance) -> Files {
        let mut names = self.names.clone();
        apply_names(&mut names, &self.pending, |_| match cut {
            Cut::Nothing => true,
            Cut::All => false,
            Cut::Some(lost) => !chance.percent(lost),
        });
        let image = |(name, file): (String, usize)| (name, self.files[file].after(cut, chance));
        names.into_iter().map(image).collect()
    }
}

fn apply_names(
    names: &mut BTreeMap<String, usize>,
    pending: &[Name],
    mut is_kept: impl FnMut(&Name) -> bool,
) {
    for change in pending.iter().filter(|change| is_kept(change)) {
        match change {
            Name::Made(name, file) => names.insert(name.clone(), *file),
            Name::Removed(name) => names.remove(name),
        };
    }
}

impl File<'_> {
    fn after(&self, cut: Cut, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.confirmed.clone();
        for change in &self.pending {
            match cut {
                Cut::Nothing => change.apply(&mut bytes),
                Cut::All => {}
                Cut::Some(lost) => match chance.below(100) {
                    it if it < lost => {}
                    it if it < 2 * lost => change.tear(&mut bytes, chance),
                    _ => change.apply(&mut bytes),
                },
            }
        }
        bytes
    }
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => put(bytes, *offset, data),
            Self::Size(size) => bytes.resize(*size, 0),
        }
    }

    /// Some of its sectors; of a new size, only the growth or nothing.
    fn tear(&self, bytes: &mut Vec<u8>, chance: &mut Chance) {
        match self {
            Self::Write(offset, data) => {
                if chance.percent(30) {
                    grow(bytes, offset + data.len());
                }
                let mut at = 0;
                while at < data.len() {
                    // Up to the end of the sector of the file.
                    let end = data.len().min(at + SECTOR - (offset + at) % SECTOR);
                    if chance.percent(50) {
                        put(bytes, offset + at, &data[at..end]);
                    }
                    at = end;
                }
            }
            Self::Size(size) => grow(bytes, *size),
        }
    }
}

fn grow(bytes: &mut Vec<u8>, size: usize) {
    if bytes.len() < size {
        bytes.resize(size, 0);
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    grow(bytes, offset + data.len());
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, data: &[u8]) -> Event {
        Event::Write {
            name: name.to_owned(),
            offset: 0,
            data: data.to_vec(),
        }
    }

    #[test]
    fn what_was_confirmed_is_kept_and_nothing_else() {
        let mut chance = Chance::new(1);
        let events = [
            Event::Create("a".to_owned()),
            write("a", b"one"),
            Event::Sync("a".to_owned()),
            Event::SyncFolder,
            write("a", b"two"),
            Event::Create("b".to_owned()),
        ];
        let mut disk = Disk::new(&Files::new());
        for event in &events {
            disk.happens(event, &mut chance);
        }
        let kept = disk.image(Cut::All, &mut chance);
        assert_eq!(kept, Files::from([("a".to_owned(), b"one".to_vec())]));
        let seen = disk.image(Cut::Nothing, &mut chance);
        assert_eq!(seen["a"], b"two");
        assert!(seen.contains_key("b"));
    }

    #[test]
    fn a_torn_write_is_whole_sectors() {
        let mut chance = Chance::new(7);
        let mut torn = false;
        for _ in 0..100 {
            let mut bytes = vec![0; 2048];
            Change::Write(256, &[1; 1500]).tear(&mut bytes, &mut chance);
            assert!(bytes[..256].iter().all(|byte| *byte == 0));
            for sector in bytes[512..1536].chunks(SECTOR) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
            torn |= bytes[512] != bytes[1024];
        }
        assert!(torn);
    }

    #[test]
    fn after_a_failed_confirmation_a_later_one_means_nothing_for_what_was_before() {
        let events = [
            Event::Create("a".to_owned()),
            Event::SyncFolder,
            write("a", &[1; 512]),
            Event::SyncFailed("a".to_owned()),
            Event::Sync("a".to_owned()),
        ];
        let lost = (0..50).filter(|seed| {
            let mut chance = Chance::new(*seed);
            let mut disk = Disk::new(&Files::new());
            for event in &events {
                disk.happens(event, &mut chance);
            }
            disk.image(Cut::Nothing, &mut chance)["a"].is_empty()
        });
        assert!(lost.count() > 0);
    }
}
