//! `AsyncStore`: saves that wait at the same time share a commit, and each is for itself all the same.
#![cfg(all(feature = "sqlite", feature = "tokio", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use convostore::backend::sqlite::{SqliteBackend, SqliteOptions};
use convostore::backend::{Backend, WaitingAppend};
use convostore::{
    AsyncStore, ErrorCode, MessageQuery, NewMessage, NewSession, Role, SaveOptions, Store,
    StoreOptions, SystemClock, Timestamp,
};
use tokio::runtime::{Builder, Runtime};

/// A store, and its backend to look at from behind.
struct Fixture {
    backend: Arc<SqliteBackend>,
    store: AsyncStore,
    folder: tempfile::TempDir,
}

fn fixture(options: SqliteOptions, store: StoreOptions) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let backend = Arc::new(SqliteBackend::open(folder.path().join("s.db"), options).unwrap());
    let store = store.with_backend(backend.clone()).unwrap().into();
    Fixture {
        backend,
        store,
        folder,
    }
}

fn plain() -> Fixture {
    fixture(SqliteOptions::new(), StoreOptions::new())
}

impl Fixture {
    fn session(&self) -> String {
        let new = NewSession::new().scope("s");
        self.store.store().create_session(new).unwrap().id
    }

    fn texts(&self, id: &str) -> Vec<String> {
        texts(self.store.store(), id)
    }

    /// Holds the turn to write until told.
    fn hold(&self) -> Held {
        let (begun, has_begun) = channel();
        let (end, ends) = channel();
        let backend = Arc::clone(&self.backend);
        let thread = thread::spawn(move || {
            let held = backend.write_alone("t", &mut |_| {
                begun.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            });
            held.unwrap();
        });
        has_begun.recv().unwrap();
        Held { end, thread }
    }

    fn wal_pages(&self) -> u64 {
        wal_pages(self.folder.path())
    }
}

fn wal_pages(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("s.db-wal")).unwrap().len() / 4096
}

fn texts(store: &Store, id: &str) -> Vec<String> {
    let messages = store.get_messages(id, MessageQuery::new()).unwrap();
    let text = |message: &convostore::Message| message.content.as_text().unwrap().into_owned();
    messages.iter().map(text).collect()
}

struct Held {
    end: std::sync::mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Held {
    fn release(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

fn said(text: impl Into<String>) -> NewMessage {
    NewMessage::new(Role::USER, text.into())
}

/// Lets every task that can run do so.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

const TASKS: usize = 200;

#[test]
fn saves_of_many_tasks_share_commits() {
    let grown = |together: bool| {
        let fixture = plain();
        let id = fixture.session();
        let before = fixture.wal_pages();
        if together {
            runtime().block_on(async {
                let held = fixture.hold();
                let save = |n: usize| {
                    let (store, id) = (fixture.store.clone(), id.clone());
                    let text = format!("{n}");
                    tokio::spawn(async move { store.save_message(&id, said(text)).await })
                };
                let saving: Vec<_> = (0..TASKS).map(save).collect();
                settle().await;
                held.release();
                for task in saving {
                    task.await.unwrap().unwrap();
                }
            });
        } else {
            for n in 0..TASKS {
                let store = fixture.store.store();
                store.save_message(&id, said(format!("{n}"))).unwrap();
            }
        }
        let mut texts = fixture.texts(&id);
        texts.sort_by_key(|text| text.parse::<usize>().unwrap());
        let expected: Vec<_> = (0..TASKS).map(|n| n.to_string()).collect();
        assert_eq!(texts, expected);
        fixture.wal_pages() - before
    };
    let (together, apart) = (grown(true), grown(false));
    // A commit writes each page that it touches: here two at least, of the session and of its messages.
    assert!(apart >= 2 * TASKS as u64, "{apart} pages");
    assert!(together <= 30, "{together} pages");
}

#[test]
fn each_save_has_its_own_outcome_and_tenant() {
    let fixture = plain();
    let id = fixture.session();
    let other = fixture.store.for_tenant("other").unwrap();
    let theirs = other.store().create_session(NewSession::new()).unwrap().id;
    runtime().block_on(async {
        let held = fixture.hold();
        let store = &fixture.store;
        let keyed = |text: &str| said(text).dedup_key("key");
        let late = SaveOptions::new().expected_revision(99);
        let saving = async {
            tokio::join!(
                store.save_message(&id, keyed("first")),
                store.save_message(&id, keyed("other")),
                store.save_message("absent", said("nothing")),
                store.save_message(&theirs, said("not mine")),
                other.save_message(&theirs, said("theirs")),
                store.save_messages(&id, vec![said("late")], late),
                store.save_message(&id, NewMessage::new("nobody", "no such role")),
                store.save_message(&id, keyed("first")),
                store.save_messages(&id, vec![said("a"), said("b")], SaveOptions::new()),
                store.save_summary(&id, "in short", Some(3)),
            )
        };
        let release = async {
            settle().await;
            held.release();
        };
        let (saved, ()) = tokio::join!(saving, release);
        let code = |result: convostore::Result<convostore::Message>| result.unwrap_err().code();
        assert_eq!(saved.0.unwrap().seq, 1);
        assert_eq!(code(saved.1), ErrorCode::Conflict);
        assert_eq!(code(saved.2), ErrorCode::NotFound);
        assert_eq!(code(saved.3), ErrorCode::NotFound);
        assert_eq!(saved.4.unwrap().seq, 1);
        assert_eq!(saved.5.unwrap_err().code(), ErrorCode::Conflict);
        assert_eq!(code(saved.6), ErrorCode::InvalidArgument);
        assert_eq!(saved.7.unwrap().seq, 1);
        assert_eq!(saved.8.unwrap()[1].seq, 3);
        assert!(saved.9.unwrap().is_summary);
    });
    assert_eq!(fixture.texts(&id), ["first", "a", "b", "in short"]);
    assert_eq!(texts(other.store(), &theirs), ["theirs"]);
}

#[test]
fn a_dropped_save_that_had_not_begun_does_not_happen() {
    let fixture = plain();
    let id = fixture.session();
    runtime().block_on(async {
        let held = fixture.hold();
        let save = |text: &'static str| {
            let (store, id) = (fixture.store.clone(), id.clone());
            tokio::spawn(async move { store.save_message(&id, said(text)).await })
        };
        let begun = save("begun");
        settle().await;
        let dropped = save("dropped");
        let kept = save("kept");
        settle().await;
        dropped.abort();
        begun.abort(); // too late: it happens whole
        assert!(dropped.await.unwrap_err().is_cancelled());
        held.release();
        kept.await.unwrap().unwrap();
    });
    assert_eq!(fixture.texts(&id), ["begun", "kept"]);
}

#[test]
fn each_waits_no_longer_than_the_limit() {
    let limit = Duration::from_millis(300);
    let fixture = fixture(SqliteOptions::new().wait_limit(limit), StoreOptions::new());
    let id = fixture.session();
    runtime().block_on(async {
        let held = fixture.hold();
        let save = |n: usize| {
            let (store, id) = (fixture.store.clone(), id.clone());
            tokio::spawn(async move { store.save_message(&id, said(n.to_string())).await })
        };
        let saving: Vec<_> = (0..20).map(save).collect();
        for task in saving {
            assert_eq!(task.await.unwrap().unwrap_err().code(), ErrorCode::Busy);
        }
        held.release();
        fixture
            .store
            .save_message(&id, said("after"))
            .await
            .unwrap();
    });
    assert_eq!(fixture.texts(&id), ["after"]);
}

#[test]
fn who_has_waited_enough_is_busy_and_the_others_are_not() {
    let fixture = plain();
    let id = fixture.session();
    let append = |text: &str, waited| WaitingAppend {
        tenant: fixture.store.store().tenant().to_owned(),
        append: Arc::new(convostore::backend::Append {
            session_id: id.clone(),
            rows: vec![convostore::backend::AppendRow {
                role: Role::USER,
                content: text.into(),
                token_count: None,
                is_summary: false,
                dedup_key: None,
                created_at: None,
                active_at: Timestamp::MIN,
            }],
            now: Timestamp::MIN,
            expected_revision: None,
            preview: None,
        }),
        waited,
    };
    let appends = vec![
        append("first", Duration::ZERO),
        append("too late", Duration::from_secs(60)),
        append("second", Duration::from_secs(1)),
    ];
    let held = fixture.hold();
    let backend = Arc::clone(&fixture.backend);
    let appending = thread::spawn(move || backend.append_each(appends));
    thread::sleep(Duration::from_millis(500));
    held.release();
    let answers = appending.join().unwrap();
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap_err().code(), ErrorCode::Busy);
    assert_eq!(fixture.texts(&id), ["first", "second"]);
}

#[test]
fn a_panicking_clock_harms_its_caller_alone() {
    let panics = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&panics);
    let clock = move || {
        assert!(!asked.load(Ordering::Relaxed), "the clock is broken");
        convostore::Clock::now(&SystemClock)
    };
    let fixture = fixture(SqliteOptions::new(), StoreOptions::new().clock(clock));
    let id = fixture.session();
    runtime().block_on(async {
        let held = fixture.hold();
        let save = |text: &'static str| {
            let (store, id) = (fixture.store.clone(), id.clone());
            tokio::spawn(async move { store.save_message(&id, said(text)).await })
        };
        let before = save("before");
        settle().await;
        panics.store(true, Ordering::Relaxed);
        assert!(save("broken").await.unwrap_err().is_panic());
        panics.store(false, Ordering::Relaxed);
        let after = save("after");
        settle().await;
        held.release();
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
    });
    assert_eq!(fixture.texts(&id), ["before", "after"]);
}

#[test]
fn a_runtime_that_has_ended_serves_nobody_and_stops_nobody() {
    let fixture = plain();
    let id = fixture.session();
    let ended = runtime();
    let handle = ended.handle().clone();
    ended.shutdown_background();
    let alive = runtime();
    let saved = {
        let _inside = handle.enter();
        let save = fixture.store.save_message(&id, said("first"));
        poll_to_its_end(save)
    };
    assert_eq!(saved.unwrap_err().code(), ErrorCode::Closed);
    let saved = alive.block_on(fixture.store.save_message(&id, said("second")));
    assert_eq!(saved.unwrap().seq, 1);
    assert_eq!(fixture.texts(&id), ["second"]);
}

/// Runs a future without a runtime of its own.
fn poll_to_its_end<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => thread::yield_now(),
        }
    }
}
