//! How often the client waits for the server, by what it says and not by the pieces in which the bytes come.
//!
//! A test names how each flush is to end. Until the client has said that, it gets no answer: one that goes on without is one that did not wait. One
//! that waits before is found out, and so is one that says more than was expected. Time plays a part only for the first, and only to end the test.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// What each flush is to end with, and what came instead.
#[derive(Default)]
pub(super) struct Waits {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_counting: bool,
    /// The client has begun something that has not come to the end that was named.
    is_speaking: bool,
    ends: VecDeque<&'static str>,
    said: Vec<String>,
    wrong: Option<String>,
}

impl State {
    /// What it is told is passed on from here.
    fn is_wrong(&mut self, what: &str) {
        let said = self.said.join("\n  ");
        let next = self.ends.front().unwrap_or(&"no more");
        let text = format!("{what}; expected was {next:?} at the end of what it said:\n  {said}");
        self.wrong.get_or_insert(text);
    }

    fn holds_back(&self) -> bool {
        self.is_counting && self.is_speaking && self.wrong.is_none()
    }
}

impl Waits {
    pub(super) fn expect(&self, ends: &[&'static str]) {
        let ends = ends.iter().copied().collect();
        *self.state.lock().unwrap() = State {
            is_counting: true,
            ends,
            ..State::default()
        };
    }

    /// Whether the client waited once for each of the ends, and never else.
    pub(super) fn judge(&self) -> Result<(), String> {
        let mut state = self.state.lock().unwrap();
        if !state.ends.is_empty() {
            state.is_wrong("the client said less than it was to");
        }
        state.is_counting = false;
        self.changed.notify_all();
        state.wrong.take().map_or(Ok(()), Err)
    }

    /// What the client has sent, and those of its requests that are whole with it.
    pub(super) fn heard(&self, requests: Vec<String>, is_more_begun: bool) {
        let mut state = self.state.lock().unwrap();
        if !state.is_counting {
            return;
        }
        for request in requests {
            if state.ends.is_empty() {
                state.said.push(request);
                state.is_wrong("the client spoke once more");
                continue;
            }
            let is_end = request.ends_with(state.ends[0]);
            state.said.push(request);
            state.is_speaking = !is_end;
            if is_end {
                state.ends.pop_front();
            }
        }
        state.is_speaking |= is_more_begun;
        self.changed.notify_all();
    }

    /// Keeps an answer back while the client has more to say.
    pub(super) fn before_answering(&self, limit: Duration) {
        let state = self.state.lock().unwrap();
        let (mut state, waited) = self
            .changed
            .wait_timeout_while(state, limit, |state| state.holds_back())
            .unwrap();
        if waited.timed_out() && state.holds_back() {
            state.is_wrong("the client waited");
            self.changed.notify_all();
        }
    }
}

/// What one client says: its requests, each up to where the server is to answer, as the statements in it.
#[derive(Default)]
pub(super) struct Said {
    bytes: Vec<u8>,
    has_begun: bool,
    /// The statements that it has prepared.
    prepared: HashMap<String, String>,
    request: String,
}

impl Said {
    /// The requests that are whole now.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<String> {
        self.bytes.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some((kind, body)) = self.message() {
            match kind {
                b'Q' => self.request.push_str(&text(&body)),
                b'P' => {
                    let name = text(&body);
                    let statement = text(&body[name.len() + 1..]);
                    self.request.push_str(&statement);
                    self.prepared.insert(name, statement);
                }
                b'B' => {
                    let portal = text(&body);
                    let name = text(&body[portal.len() + 1..]);
                    let statement = self.prepared.get(&name).filter(|_| !name.is_empty());
                    self.request.push_str(statement.map_or("", String::as_str));
                }
                _ => {}
            }
            // The greeting and a password are answered as well.
            if matches!(kind, b'Q' | b'S' | b'p' | 0) {
                whole.push(std::mem::take(&mut self.request));
            }
        }
        whole
    }

    pub(super) fn is_amid(&self) -> bool {
        !(self.bytes.is_empty() && self.request.is_empty())
    }

    /// The next message that is there whole. The first of a connection has no kind.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(self.has_begun);
        let length = self.bytes.get(head..head + 4)?;
        let end = head + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if self.bytes.len() < end {
            return None;
        }
        let message: Vec<u8> = self.bytes.drain(..end).collect();
        let kind = if self.has_begun { message[0] } else { 0 };
        self.has_begun = true;
        Some((kind, message[head + 4..].to_vec()))
    }
}

/// Up to the NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
