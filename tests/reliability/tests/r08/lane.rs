//! A process that looks at damaged things.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reliability::files::{beside, remove};
use reliability::{NoAnswer, Worker};
use serde_json::Value;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
/// For something that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);

/// A process that looks at damaged things, and where they lie.
pub(super) struct Lane {
    folder: PathBuf,
    worker: Worker,
    count: u64,
}

impl Lane {
    pub(super) fn new(folder: PathBuf) -> Self {
        let worker = Worker::start(WORKER, &[&"damaged"]);
        Self {
            folder,
            worker,
            count: 0,
        }
    }

    pub(super) fn look_at(
        &mut self,
        database: &[u8],
        wal: Option<&[u8]>,
    ) -> Result<Value, &'static str> {
        self.count += 1;
        let path = self.folder.join(format!("{}.db", self.count));
        fs::write(&path, database).unwrap();
        if let Some(wal) = wal {
            fs::write(beside(&path, "-wal"), wal).unwrap();
        }
        let seen = self.ask("database", &path);
        remove(&path);
        seen
    }

    pub(super) fn import(&mut self, archive: &[u8]) -> Result<Value, &'static str> {
        let path = self.folder.join("archive");
        fs::write(&path, archive).unwrap();
        self.ask("archive", &path)
    }

    fn ask(&mut self, kind: &str, path: &Path) -> Result<Value, &'static str> {
        let answer = self
            .worker
            .ask(&format!("{kind} {}", path.display()), LIMIT);
        let wrong = match answer {
            Ok(answer) => {
                let answer: Value = serde_json::from_str(&answer).unwrap();
                if answer.get("panic").is_none() {
                    return Ok(answer);
                }
                "it panicked"
            }
            Err(NoAnswer::TooLong) => "it hung",
            Err(NoAnswer::Died) => "it died",
        };
        self.worker = Worker::start(WORKER, &[&"damaged"]);
        Err(wrong)
    }
}
