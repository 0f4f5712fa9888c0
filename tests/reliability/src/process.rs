//! A process beside the test: it is told things by lines, tells things by lines, and dies when it is to.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that runs the program `worker` of this crate. It is killed when this is dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// What was asked was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// It took longer than allowed.
    TooLong,
    /// The process is gone.
    Died,
}

impl Worker {
    /// Starts `program`, which is `env!("CARGO_BIN_EXE_worker")` to a test, with its arguments.
    pub fn start(program: &str, args: &[&dyn AsRef<OsStr>]) -> Self {
        let mut child = Command::new(program)
            .args(args.iter().map(|it| it.as_ref()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // Read at once, so that what was said before a death is there after it.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            input,
            lines,
        }
    }

    /// Sends a line. Nothing happens where the process is gone.
    pub fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// The next line that it says.
    pub fn hear(&self, limit: Duration) -> Result<String, NoAnswer> {
        self.lines.recv_timeout(limit).map_err(|error| match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => NoAnswer::TooLong,
            std::sync::mpsc::RecvTimeoutError::Disconnected => NoAnswer::Died,
        })
    }

    /// Sends a line and waits for the one that answers it.
    pub fn ask(&mut self, line: &str, limit: Duration) -> Result<String, NoAnswer> {
        self.tell(line);
        self.hear(limit)
    }

    /// Kills it (SIGKILL), and gives the lines that it said and nobody heard.
    pub fn kill(mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.lines.iter().collect()
    }

    /// Tells it that nothing more will come, waits for its end, and gives the lines that nobody heard.
    pub fn finish(mut self) -> Vec<String> {
        drop(self.input.take());
        let lines = self.lines.iter().collect();
        let _ = self.child.wait();
        lines
    }

    /// Stops it in the middle of whatever it does (SIGSTOP).
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
