//! A server in between, which counts how often the client waits and can cut the connection in the middle.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

#[path = "waits.rs"]
mod waits;
use waits::{Said, Waits};

/// How long a client may say nothing before it has said all that it is to. It is at work just then, so only one that waits comes to it.
const SILENCE: Duration = Duration::from_secs(20);

/// An `ErrorResponse` as PgBouncer makes it where the server's connection is lost under a client: it knows of no statement that it would belong to.
const CRASHED: &[u8] = b"E\x00\x00\x00\x29SFATAL\0C08P01\0Mserver conn crashed?\0\0";

/// The last letters of a commit, and of its answer: `CommandComplete` with this tag.
const COMMITTED: &[u8] = b"COMMIT\0";

#[derive(Default)]
struct Seen {
    waits: Waits,
    /// How long who waits is left to it.
    silence: Mutex<Option<Duration>>,
    /// How many pieces the client sent: what one write of it, or several close upon each other, came to.
    pieces: AtomicU64,
    /// Cut the connection instead of handing on the answer to a commit.
    cut_at_commit: AtomicBool,
    /// Answer a commit, and all that is said with it, as a pooler does that lost its server's connection.
    break_at_commit: AtomicBool,
    is_breaking: AtomicBool,
    /// The server is to keep no time: the names of its limits are replaced by names of nothing.
    disarm: AtomicBool,
    /// Cut the connection instead of handing on what the client sends next.
    cut_at_request: AtomicBool,
    /// Hand on nothing more once the client has said this, and keep the connection.
    keep_back: Mutex<Option<&'static str>>,
    streams: Mutex<Vec<UnixStream>>,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    folder: Arc<TempDir>,
    seen: Arc<Seen>,
}

impl Proxy {
    /// In front of the server's socket in that folder.
    pub(crate) fn before(server: &Path) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let seen = Arc::new(Seen::default());
        let (server, shared) = (server.join(".s.PGSQL.5432"), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                // Where it is away just now, so are we.
                let Ok(server) = UnixStream::connect(&server) else {
                    continue;
                };
                shared.hold(&client, &server);
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let seen = Arc::clone(&shared);
                thread::spawn(move || seen.requests(from, to));
                let seen = Arc::clone(&shared);
                thread::spawn(move || seen.answers(server, client));
            }
        });
        Self {
            folder: Arc::new(folder),
            seen,
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Whether the client waits once for each of these, as what it says last before, and never else. Gives the pieces in which all came that it said.
    #[allow(dead_code, reason = "not every test counts")]
    pub(crate) fn waits_for(
        &self,
        ends: &[&'static str],
        work: impl FnOnce(),
    ) -> Result<u64, String> {
        let before = self.seen.pieces.load(Ordering::SeqCst);
        self.seen.waits.expect(ends);
        work();
        self.seen.waits.judge()?;
        Ok(self.seen.pieces.load(Ordering::SeqCst) - before)
    }

    /// To see soon that a client waits where it is known to.
    #[allow(dead_code, reason = "not every test counts")]
    pub(crate) fn be_quick(&self) {
        *self.seen.silence.lock().unwrap() = Some(Duration::from_millis(200));
    }

    pub(crate) fn cut_at_commit(&self) {
        self.seen.cut_at_commit.store(true, Ordering::SeqCst);
    }

    pub(crate) fn break_at_commit(&self) {
        self.seen.break_at_commit.store(true, Ordering::SeqCst);
    }

    pub(crate) fn cut_at_request(&self) {
        self.seen.cut_at_request.store(true, Ordering::SeqCst);
    }

    /// From now on the server does not hear who says this word, nor what that one says later.
    pub(crate) fn keep_back(&self, word: &'static str) {
        *self.seen.keep_back.lock().unwrap() = Some(word);
    }

    /// From now on the server does not hear how long a statement may take.
    pub(crate) fn disarm(&self) {
        self.seen.disarm.store(true, Ordering::SeqCst);
    }

    /// Ends all connections that are open.
    pub(crate) fn cut_all(&self) {
        for stream in self.seen.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Seen {
    fn hold(&self, client: &UnixStream, server: &UnixStream) {
        let mut streams = self.streams.lock().unwrap();
        streams.push(client.try_clone().unwrap());
        streams.push(server.try_clone().unwrap());
    }

    fn requests(&self, mut from: UnixStream, mut to: UnixStream) {
        let mut buffer = vec![0; 1 << 20];
        let mut is_kept = false;
        let mut said = Said::default();
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            self.pieces.fetch_add(1, Ordering::SeqCst);
            is_kept = is_kept || self.is_to_be_kept(&buffer[..n]);
            if is_kept {
                continue;
            }
            if self.disarm.load(Ordering::SeqCst) {
                for name in [&b"statement_timeout"[..], b"lock_timeout"] {
                    rename(&mut buffer[..n], name);
                }
            }
            let commits = contains(&buffer[..n], COMMITTED);
            if commits && self.break_at_commit.swap(false, Ordering::SeqCst) {
                self.is_breaking.store(true, Ordering::SeqCst);
            }
            let requests = said.hear(&buffer[..n]);
            self.waits.heard(requests, said.is_amid());
            if self.cut_at_request.swap(false, Ordering::SeqCst)
                || to.write_all(&buffer[..n]).is_err()
            {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn is_to_be_kept(&self, said: &[u8]) -> bool {
        let word = *self.keep_back.lock().unwrap();
        word.is_some_and(|word| contains(said, word.as_bytes()))
    }

    fn answers(&self, mut from: UnixStream, mut to: UnixStream) {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let silence = self.silence.lock().unwrap().unwrap_or(SILENCE);
            self.waits.before_answering(silence);
            let answer = &buffer[..n];
            let committed = contains(answer, COMMITTED);
            let cut = committed && self.cut_at_commit.swap(false, Ordering::SeqCst);
            if self.is_breaking.load(Ordering::SeqCst) {
                if !committed {
                    continue;
                }
                self.is_breaking.store(false, Ordering::SeqCst);
                let _ = to.write_all(CRASHED);
                break;
            }
            if cut || to.write_all(answer).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|it| it == word)
}

/// Makes the name of a setting one that means nothing, of the same length.
fn rename(bytes: &mut [u8], name: &[u8]) {
    let found: Vec<usize> = bytes
        .windows(name.len())
        .enumerate()
        .filter_map(|(at, window)| (window == name).then_some(at))
        .collect();
    for at in found {
        bytes[at..at + 2].copy_from_slice(b"x.");
    }
}
