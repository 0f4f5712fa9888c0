//! The thread that speaks to the server.
//!
//! The trait is synchronous and may be called from anywhere, from within tokio's runtimes too, where blocking on another runtime panics. So
//! the backend has a runtime of its own on a thread of its own, and callers wait on a plain channel. There is a second gain: the runtime has
//! one thread, so what a task sends before it first waits goes out in **one flush** — the connection's own task cannot run in between.

use std::future::Future;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::failure::Failure;
use crate::error::{Error, ErrorCode, Result};
use crate::wanted;

pub(super) struct Driver {
    handle: Handle,
    /// The process it was started in: threads do not survive a fork.
    process: u32,
    /// Dropped with the driver, which ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Driver {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| no_thread(&e))?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("convostore-postgres".to_owned())
            .spawn(move || {
                // Either way it is over: nothing is ever sent.
                let _ = runtime.block_on(ended);
                runtime.shutdown_background();
            })
            .map_err(|e| no_thread(&e))?;
        Ok(Self {
            handle,
            process: std::process::id(),
            _alive: alive,
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

    /// Runs a task on the thread and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.begin(task).recv().unwrap_or(Err(Failure::Closed))
    }

    /// As [`Driver::run`], but where it is wanted no longer, `stop` says what comes of it; nothing means to go on waiting.
    pub(super) fn run_while_wanted<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
        stop: impl FnOnce() -> Option<Failure>,
    ) -> Result<T, Failure> {
        let outcome = self.begin(task);
        loop {
            match outcome.recv_timeout(wanted::slice(Duration::MAX)) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Closed),
                Err(RecvTimeoutError::Timeout) if wanted::is_wanted() => {}
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        match stop() {
            Some(failure) => Err(failure),
            None => outcome.recv().unwrap_or(Err(Failure::Closed)),
        }
    }

    fn begin<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Receiver<Result<T, Failure>> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Where nobody waits any longer, nobody is told.
            let _ = done.send(task.await);
        });
        outcome
    }

    /// Has a task run on the thread without waiting for it.
    pub(super) fn leave(&self, task: impl Future<Output = Result<(), Failure>> + Send + 'static) {
        self.handle.spawn(task);
    }
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
