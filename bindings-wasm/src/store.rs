//! A database in memory, the stores on it, and the write that waits to be kept.

use std::sync::Arc;

use convostore::backend::Backend;
use convostore::backend::memory::{MemoryBackend, Record};
use convostore::{Error, ErrorCode, IdScheme, PreviewRule, Result, Store, StoreOptions};
use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::boxes::Answer;
use crate::clock::{CallClock, JsIds};
use crate::convert::{Args, List};
use crate::error::{Out, Thrown, invalid, thrown};
use crate::{boxes, context, lifecycle, message, session};

/// The rows of all tenants. Where they are kept, each write waits until it is said to be kept.
#[wasm_bindgen]
pub struct CoreDatabase {
    backend: Arc<MemoryBackend>,
    clock: CallClock,
}

impl CoreDatabase {
    fn open(&self, options: &str, ids: Option<Function>) -> Result<CoreStore> {
        let mut given = Args::parse(options)?;
        let mut options = StoreOptions::new().clock(self.clock.clone());
        if let Some(tenant) = given.text() {
            options = options.tenant(tenant);
        }
        if let Some(name) = given.text() {
            let scheme = IdScheme::from_name(&name).ok_or_else(|| {
                invalid("ids must be uuid7, uuid4, timestamp or a function").with("argument", "ids")
            })?;
            options = options.id_scheme(scheme);
        }
        if let Some(ids) = ids {
            options = options.ids(JsIds::new(ids));
        }
        if let Some(name) = given.text() {
            let rule = match name.as_str() {
                "first_spoken" => PreviewRule::FirstSpoken,
                "first" => PreviewRule::First,
                _ => {
                    return Err(invalid("preview must be first_spoken or first")
                        .with("argument", "preview"));
                }
            };
            options = options.preview(rule);
        }
        if let Some(roles) = given.list() {
            options = options.roles(roles.texts());
        }
        let store = options.with_backend(self.backend.clone())?;
        Ok(CoreStore {
            store,
            clock: self.clock.clone(),
        })
    }
}

#[wasm_bindgen]
impl CoreDatabase {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    pub fn new(is_kept: bool) -> Self {
        let backend = if is_kept {
            MemoryBackend::prepared()
        } else {
            MemoryBackend::new()
        };
        Self {
            backend: Arc::new(backend),
            clock: CallClock::default(),
        }
    }

    /// A store on it, with an id source of JavaScript where one is given. `tenant`, `ids`, `preview`, `roles`.
    pub fn store(&self, options: &str, ids: Option<Function>) -> Out<CoreStore> {
        self.open(options, ids).out()
    }
    /// The write that waits to be kept, as bytes for a file; nothing where none waits.
    pub fn pending_bytes(&self) -> Option<Vec<u8>> {
        let records = self.backend.pending()?;
        let mut out = Vec::new();
        for record in &records {
            encode(record, &mut out);
        }
        Some(out)
    }

    /// The write that waits to be kept, as a JSON list: `p`, key, value; `d`, key; `r`, first key, last key; and so on.
    pub fn pending_text(&self) -> Option<String> {
        let records = self.backend.pending()?;
        let mut flat = List::new();
        for record in &records {
            let (kind, first, second) = parts(record);
            flat.text(kind);
            flat.text(first);
            if let Some(text) = second {
                flat.text(text);
            }
        }
        Some(flat.end_text())
    }

    /// Makes the write that waits visible.
    pub fn commit(&self) -> Out<bool> {
        self.backend.commit_pending().out()
    }

    /// Drops the write that waits.
    pub fn abort(&self) -> bool {
        self.backend.abort_pending()
    }

    /// Applies what [`CoreDatabase::pending_bytes`] or [`CoreDatabase::snapshot`] wrote.
    pub fn load_bytes(&self, bytes: &[u8]) -> Out<()> {
        make_room();
        let mut rest = bytes;
        let mut is_damaged = false;
        let records = std::iter::from_fn(|| {
            if rest.is_empty() {
                return None;
            }
            let record = decode(&mut rest);
            is_damaged = record.is_none();
            record
        });
        self.backend.load(records).out()?;
        if is_damaged {
            return Err(thrown(&Error::new(
                ErrorCode::Corrupted,
                "the file holds bytes that are no record",
            )));
        }
        Ok(())
    }

    /// Applies what [`CoreDatabase::pending_text`] wrote.
    pub fn load_text(&self, text: &str) -> Out<()> {
        make_room();
        let mut flat = Args::parse(text).out()?.texts().into_iter();
        let records = std::iter::from_fn(|| {
            Some(match flat.next()?.as_str() {
                "p" => Record::Put {
                    key: flat.next()?,
                    value: flat.next()?,
                },
                "d" => Record::Delete { key: flat.next()? },
                _ => Record::DeleteRange {
                    first: flat.next()?,
                    last: flat.next()?,
                },
            })
        });
        self.backend.load(records).out()
    }

    /// Gives all rows to `each`, in pieces of about `size` bytes, for [`CoreDatabase::load_bytes`]. Where `each` throws, it stops and is an error.
    pub fn snapshot(&self, size: u32, each: &Function) -> Out<()> {
        let size = size as usize;
        let mut piece = Vec::new();
        let give = |piece: &[u8]| {
            let bytes = js_sys::Uint8Array::from(piece);
            let given = each.call1(&JsValue::UNDEFINED, &bytes);
            given.map(drop).map_err(|_| {
                Error::new(
                    ErrorCode::Storage,
                    "the rows could not be written to their new place",
                )
            })
        };
        self.backend
            .snapshot_records(&mut |record| {
                encode(&record, &mut piece);
                if piece.len() >= size {
                    give(&piece)?;
                    piece.clear();
                }
                Ok(())
            })
            .out()?;
        if piece.is_empty() {
            Ok(())
        } else {
            give(&piece).out()
        }
    }

    /// How many bytes [`CoreDatabase::snapshot`] would give.
    pub fn snapshot_size(&self) -> Out<f64> {
        let mut piece = Vec::new();
        let mut size = 0;
        self.backend
            .snapshot_records(&mut |record| {
                encode(&record, &mut piece);
                size += piece.len();
                piece.clear();
                Ok(())
            })
            .out()?;
        Ok(size as f64)
    }

    /// Closes all stores on it.
    pub fn close(&self) -> Out<()> {
        self.backend.close().out()
    }
}

/// What kind of record it is, and its texts.
fn parts(record: &Record) -> (&'static str, &str, Option<&str>) {
    match record {
        Record::Put { key, value } => ("p", key, Some(value)),
        Record::Delete { key } => ("d", key, None),
        Record::DeleteRange { first, last } => ("r", first, Some(last)),
    }
}

/// A record as bytes: its kind, and its texts, each after its length.
fn encode(record: &Record, out: &mut Vec<u8>) {
    let (kind, first, second) = parts(record);
    out.extend(kind.as_bytes());
    for text in [Some(first), second].into_iter().flatten() {
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
}

fn decode(rest: &mut &[u8]) -> Option<Record> {
    let (kind, after) = rest.split_first()?;
    *rest = after;
    let key = decode_text(rest)?;
    Some(match kind {
        b'p' => Record::Put {
            key,
            value: decode_text(rest)?,
        },
        b'd' => Record::Delete { key },
        b'r' => Record::DeleteRange {
            first: key,
            last: decode_text(rest)?,
        },
        _ => return None,
    })
}

fn decode_text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// A store for one tenant. Its operations are in the files named after what they are about.
#[wasm_bindgen]
pub struct CoreStore {
    pub(crate) store: Store,
    pub(crate) clock: CallClock,
}

impl CoreStore {
    /// The store, with its clock set for this call.
    pub(crate) fn at(&self, now: f64) -> &Store {
        make_room();
        self.clock.set(now);
        &self.store
    }
}

#[wasm_bindgen]
impl CoreStore {
    /// A store for another tenant on the same database.
    pub fn for_tenant(&self, tenant: String) -> Out<CoreStore> {
        Ok(CoreStore {
            store: self.store.for_tenant(tenant).out()?,
            clock: self.clock.clone(),
        })
    }

    /// Runs an operation: the time, and its arguments as a JSON list. What comes back is JSON text, in the outbox, or a page of messages. One function for most of them, since each
    /// costs the same glue, here and in JavaScript.
    pub fn run(&self, operation: &str, now: f64, arguments: &str) -> Out<u32> {
        let run: fn(&Store, Args) -> Result<Answer> = match operation {
            "create_session" => session::create_session,
            "get_or_create_session" => session::get_or_create_session,
            "resume_session" => session::resume_session,
            "get_session" => session::get_session,
            "get_session_by_key" => session::get_session_by_key,
            "list_sessions" => session::list_sessions,
            "update_session" => session::update_session,
            "touch_session" => session::touch_session,
            "delete_session" => session::delete_session,
            "save_summary" => message::save_summary,
            "count_messages" => message::count_messages,
            "pop_message" => message::pop_message,
            "delete_messages_before" => message::delete_messages_before,
            "clear_messages" => message::clear_messages,
            "get_context" => context::get_context,
            "set_context" => context::set_context,
            "merge_context" => context::merge_context,
            "delete_context" => context::delete_context,
            "list_contexts" => context::list_contexts,
            "define_lifecycle" => lifecycle::define_lifecycle,
            "list_lifecycles" => lifecycle::list_lifecycles,
            "check" => check,
            _ => stats,
        };
        let given = Args::parse(arguments);
        let answer = given.and_then(|given| run(self.at(now), given));
        Ok(boxes::put(answer.out()?))
    }
}

/// Sessions and messages looked at, then what is wrong.
fn check(store: &Store, _: Args) -> Result<Answer> {
    let found = store.check()?;
    let mut list = List::new();
    list.number(found.sessions);
    list.number(found.messages);
    found.problems.iter().for_each(|problem| list.text(problem));
    Ok(list.end())
}

/// Sessions, messages and contexts of this tenant.
fn stats(store: &Store, _: Args) -> Result<Answer> {
    let stats = store.stats()?;
    Ok(List::of(&[stats.sessions, stats.messages, stats.contexts]))
}

/// Lets memory grow by an eighth where it has grown since the last call. The allocator alone asks for a page at a time, and each time costs the
/// engine a time in proportion to all of it, so that the cost of an append would grow with the history. What is not used yet takes no memory
/// of the machine.
fn make_room() {
    #[cfg(target_arch = "wasm32")]
    {
        const PAGE: usize = 1 << 16;
        let size = || core::arch::wasm32::memory_size::<0>() * PAGE;
        if size() > ROOM.get() {
            let mut room = Vec::<u8>::new();
            // Where there is no room for so much there may be for what is needed.
            let _ = room.try_reserve_exact((size() / 8).clamp(1 << 20, 1 << 26));
            std::hint::black_box(&room);
            drop(room);
            ROOM.set(size());
        }
    }
}

#[cfg(target_arch = "wasm32")]
thread_local! {
    /// How large memory was when it was last looked at.
    static ROOM: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        LAST_PANIC.set(Some(panic.to_string()));
    }));
}

thread_local! {
    static LAST_PANIC: std::cell::Cell<Option<String>> = const { std::cell::Cell::new(None) };
}

/// What the panic said after which this instance must not be used any more.
#[wasm_bindgen]
pub fn take_panic() -> Option<String> {
    LAST_PANIC.take()
}
