//! The bytes that JavaScript writes and reads in place, in the memory of WebAssembly.
//!
//! What is said in messages is most of what crosses. As JSON it would be escaped, copied, decoded as one large text and parsed, message by
//! message; here it is encoded or decoded once, from where it lies. `js/src/boxes.ts` is the other side.

use std::cell::Cell;

use convostore::{Message, NewMessage, Result};
use wasm_bindgen::prelude::*;

use crate::convert::{Args, content};
use crate::error::invalid;

/// An answer, until the next one.
pub(crate) type Answer = Vec<u8>;

/// An inbox of up to so many bytes is used again; a larger one is given back. `js/src/boxes.ts` reckons with it.
const LASTING: usize = 1 << 16;

thread_local! {
    static INBOX: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static OUTBOX: Cell<Answer> = const { Cell::new(Vec::new()) };
}

/// The memory that the addresses are of.
#[wasm_bindgen]
pub fn wasm_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Makes the inbox `size` bytes long; what is in it stays. Back comes where it is.
#[wasm_bindgen]
pub fn inbox(size: u32) -> u32 {
    let mut bytes = INBOX.take();
    bytes.resize(size as usize, 0);
    let at = address(&bytes);
    INBOX.set(bytes);
    at
}

/// How long the last answer is.
#[wasm_bindgen]
pub fn outbox_length() -> u32 {
    let bytes = OUTBOX.take();
    let length = bytes.len();
    OUTBOX.set(bytes);
    length as u32
}

/// Lets go of the last answer, which was large.
#[wasm_bindgen]
pub fn clear_outbox() {
    OUTBOX.take();
}

/// Puts an answer where JavaScript reads it, and says where that is.
pub(crate) fn put(answer: Answer) -> u32 {
    let at = address(&answer);
    OUTBOX.set(answer);
    at
}

fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// What a save says: `count` messages for a session, and a change of it where `update` is not empty.
pub(crate) struct Saying {
    pub(crate) session_id: String,
    /// For [`Args::update`].
    pub(crate) update: String,
    pub(crate) messages: Vec<NewMessage>,
}

impl Saying {
    /// Takes it out of the inbox: the lengths of session id and update, then for each message four numbers — the lengths of role, of body and
    /// of what [`Args::rest_of_message`] takes, and whether the body is JSON — and these texts. Session id and update lead the first texts.
    pub(crate) fn take(count: u32) -> Result<Self> {
        let inbox = INBOX.take();
        let saying = Self::read(&inbox, count as usize);
        if inbox.len() <= LASTING {
            INBOX.set(inbox);
        }
        saying.unwrap_or_else(|| Err(invalid("the messages cannot be read")))
    }

    fn read(inbox: &[u8], count: usize) -> Option<Result<Self>> {
        let mut inbox = Inbox(inbox);
        let (id, update) = (inbox.length()?, inbox.length()?);
        let mut row = inbox.row(count > 0)?;
        let mut saying = Self {
            session_id: inbox.text(id)?.to_owned(),
            update: inbox.text(update)?.to_owned(),
            messages: Vec::with_capacity(count),
        };
        for index in 0..count {
            if index > 0 {
                row = inbox.row(true)?;
            }
            let [role, body, rest, is_json] = row;
            let (role, body, rest) = (inbox.text(role)?, inbox.text(body)?, inbox.text(rest)?);
            match new_message(role, body, rest, is_json != 0) {
                Ok(message) => saying.messages.push(message),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(saying))
    }
}

/// What is left of the inbox.
struct Inbox<'a>(&'a [u8]);

impl<'a> Inbox<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn length(&mut self) -> Option<usize> {
        let bytes = self.bytes(4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    }

    /// The numbers of a message.
    fn row(&mut self, is_there: bool) -> Option<[usize; 4]> {
        let mut row = [0; 4];
        for number in row.iter_mut().filter(|_| is_there) {
            *number = self.length()?;
        }
        Some(row)
    }

    fn text(&mut self, length: usize) -> Option<&'a str> {
        str::from_utf8(self.bytes(length)?).ok()
    }
}

fn new_message(role: &str, body: &str, rest: &str, is_json: bool) -> Result<NewMessage> {
    let message = NewMessage::new(role, content(body.to_owned(), is_json)?);
    if rest.is_empty() {
        return Ok(message);
    }
    Args::parse(rest)?.rest_of_message(message)
}

/// What became of saved messages, four numbers each: what the caller does not know yet. A token count of −1 is none.
pub(crate) fn saved(messages: &[Message]) -> Answer {
    let mut out = Vec::with_capacity(messages.len() * 32);
    for message in messages {
        put_numbers(&mut out, message);
        put_number(&mut out, f64::from(u8::from(message.is_summary)));
    }
    out
}

/// Messages: how many, then for each its numbers, those of [`put_message`], and its texts.
pub(crate) fn page(messages: &[Message]) -> Answer {
    // Growing step by step would copy most of it twice.
    let bodies = messages
        .iter()
        .map(|message| message.content.body().len() + 48);
    let mut out = Vec::with_capacity(bodies.sum::<usize>() + 64);
    put_length(&mut out, messages.len());
    let mut roles = Vec::new();
    for message in messages {
        put_message(&mut out, message, &mut roles);
    }
    out
}

/// Three numbers, then lengths: of the body and, one more than that so that 0 is none, of the dedup key; the number of the role among those of the page;
/// whether the body is JSON (1) and the message a summary (2). A role that comes for the first time is a text of its own, behind its length.
fn put_message<'a>(out: &mut Answer, message: &'a Message, roles: &mut Vec<&'a str>) {
    put_numbers(out, message);
    let (body, role) = (message.content.body(), message.role.as_str());
    let key = message.dedup_key.as_deref();
    let known = roles.iter().position(|known| *known == role);
    let flags = usize::from(!message.content.is_text()) + 2 * usize::from(message.is_summary);
    put_length(out, body.len());
    put_length(out, key.map_or(0, |key| key.len() + 1));
    put_length(out, known.unwrap_or(roles.len()));
    put_length(out, flags);
    if known.is_none() {
        roles.push(role);
        put_length(out, role.len());
        out.extend_from_slice(role.as_bytes());
    }
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(key.unwrap_or_default().as_bytes());
}

/// `seq`, the time, and the token count, −1 where there is none.
fn put_numbers(out: &mut Answer, message: &Message) {
    put_number(out, message.seq as f64);
    put_number(out, message.created_at.as_millis() as f64);
    put_number(
        out,
        message.token_count.map_or(-1.0, |tokens| tokens as f64),
    );
}

fn put_number(out: &mut Answer, number: f64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_length(out: &mut Answer, length: usize) {
    out.extend_from_slice(&(length as u32).to_le_bytes());
}
