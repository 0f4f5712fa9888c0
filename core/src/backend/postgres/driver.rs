//! Who speaks to the server: as a rule the thread that asks.
//!
//! The trait is synchronous. Its caller drives the connections itself while it waits, so a call costs no hand-over between threads, which took as long as
//! the server's own work. Of several callers one drives for all. Inside tokio's runtimes, where driving another one panics, and for what nobody
//! waits for, a thread of the backend's own drives, as long as there is such work.
//!
//! The runtime runs one task at a time, whoever drives it. So what a task sends before it first waits goes out in **one flush**: the
//! connection's own task cannot run in between.

use std::future::Future;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinError;
use tokio::time::timeout;

use super::failure::Failure;
use crate::error::{Error, ErrorCode, Result};
use crate::{lock, wanted};

pub(super) struct Driver {
    /// There until it is dropped.
    shared: Option<Arc<Shared>>,
    handle: Handle,
    /// The process it was started in: threads do not survive a fork.
    process: u32,
}

struct Shared {
    runtime: Runtime,
    handed: Arc<Handed>,
}

/// What the backend's own thread is to drive.
#[derive(Default)]
struct Handed {
    state: Mutex<State>,
    /// Something was handed over, or all is over.
    called: Condvar,
    /// Nothing is handed over any more, or all is over.
    done: Notify,
}

#[derive(Default)]
struct State {
    tasks: usize,
    is_over: bool,
}

/// A task counts until this is dropped. (It must not hold the runtime, which holds it.)
struct Counted(Arc<Handed>);

impl Driver {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| no_thread(&e))?;
        let handle = runtime.handle().clone();
        let shared = Arc::new(Shared {
            runtime,
            handed: Arc::default(),
        });
        let own = Arc::clone(&shared);
        thread::Builder::new()
            .name("convostore-postgres".to_owned())
            .spawn(move || {
                own.handed.drive(&own.runtime);
                end(own);
            })
            .map_err(|e| no_thread(&e))?;
        Ok(Self {
            shared: Some(shared),
            handle,
            process: std::process::id(),
        })
    }

    /// `forked` where this is a child of the process that opened the store.
    pub(super) fn check_process(&self) -> Result<()> {
        if self.process == std::process::id() {
            Ok(())
        } else {
            Err(Error::new(
                ErrorCode::Forked,
                "the store was opened before this process was forked off; open it again here",
            ))
        }
    }

    /// Runs a task and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        match self.driven_here() {
            Some(runtime) => outcome(runtime.block_on(async { tokio::spawn(task).await })),
            None => self.hand_over(task).recv().unwrap_or(Err(Failure::Closed)),
        }
    }

    /// As [`Driver::run`], but where it is wanted no longer, `stop` says what comes of it; nothing means to go on waiting.
    pub(super) fn run_while_wanted<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
        stop: impl FnOnce() -> Option<Failure>,
    ) -> Result<T, Failure> {
        let slice = wanted::slice(Duration::MAX);
        if slice == Duration::MAX {
            return self.run(task);
        }
        let Some(runtime) = self.driven_here() else {
            return wait_while_wanted(&self.hand_over(task), slice, stop);
        };
        let mut joined = self.handle.spawn(task);
        loop {
            let waited = runtime.block_on(async { timeout(slice, &mut joined).await });
            match waited {
                Ok(joined) => return outcome(joined),
                Err(_) if wanted::is_wanted() => {}
                Err(_) => break,
            }
        }
        match stop() {
            Some(failure) => Err(failure),
            None => outcome(runtime.block_on(joined)),
        }
    }

    /// Has a task run without waiting for it.
    pub(super) fn leave(&self, task: impl Future<Output = Result<(), Failure>> + Send + 'static) {
        drop(self.hand_over(task));
    }

    /// The runtime, where this thread may drive it.
    fn driven_here(&self) -> Option<&Runtime> {
        let shared = self.shared.as_ref()?;
        Handle::try_current().is_err().then_some(&shared.runtime)
    }

    fn hand_over<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Receiver<Result<T, Failure>> {
        let (done, outcome) = mpsc::sync_channel(1);
        if let Some(shared) = &self.shared {
            lock(&shared.handed.state).tasks += 1;
            let counted = Counted(Arc::clone(&shared.handed));
            self.handle.spawn(async move {
                // Where nobody waits any longer, nobody is told.
                let _ = done.send(task.await);
                drop(counted);
            });
            shared.handed.called.notify_one();
        }
        outcome
    }
}

impl Handed {
    /// Drives whenever there is something to drive, until all is over.
    fn drive(&self, runtime: &Runtime) {
        loop {
            let mut state = lock(&self.state);
            while state.tasks == 0 && !state.is_over {
                state = self
                    .called
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_over {
                return;
            }
            drop(state);
            runtime.block_on(async {
                while self.has_work() {
                    self.done.notified().await;
                }
            });
        }
    }

    fn has_work(&self) -> bool {
        let state = lock(&self.state);
        state.tasks > 0 && !state.is_over
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.tasks -= 1;
        if state.tasks == 0 {
            self.0.done.notify_one();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            lock(&shared.handed.state).is_over = true;
            shared.handed.called.notify_one();
            shared.handed.done.notify_one();
            end(shared);
        }
    }
}

/// Lets be done what came since somebody drove last: that a connection was closed is known then.
pub(super) async fn catch_up() {
    // Once to look what came, once for those whom it concerns.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Who holds it last ends it, without waiting: that may be inside another runtime.
fn end(shared: Arc<Shared>) {
    if let Some(shared) = Arc::into_inner(shared) {
        shared.runtime.shutdown_background();
    }
}

fn wait_while_wanted<T>(
    handed: &Receiver<Result<T, Failure>>,
    slice: Duration,
    stop: impl FnOnce() -> Option<Failure>,
) -> Result<T, Failure> {
    loop {
        match handed.recv_timeout(slice) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Closed),
            Err(RecvTimeoutError::Timeout) if wanted::is_wanted() => {}
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    match stop() {
        Some(failure) => Err(failure),
        None => handed.recv().unwrap_or(Err(Failure::Closed)),
    }
}

fn outcome<T>(joined: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    joined.unwrap_or(Err(Failure::Closed))
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::new(
        ErrorCode::Storage,
        format!(
            "the thread for PostgreSQL could not be started: {}",
            error.kind()
        ),
    )
}
