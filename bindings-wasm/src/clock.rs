//! The clock and the id source of JavaScript.
//!
//! The clock is read on the JavaScript side, once per operation, and its time handed in with the call. Ids are drawn only where a session may be
//! created, so the source is called from here.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use convostore::{Clock, IdSource, Timestamp};
use js_sys::Function;
use wasm_bindgen::JsValue;

/// Shows the time of the present call.
#[derive(Clone, Default)]
pub(crate) struct CallClock(Arc<AtomicI64>);

impl CallClock {
    pub(crate) fn set(&self, millis: f64) {
        self.0.store(millis as i64, Ordering::Relaxed);
    }
}

impl Clock for CallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis_clamped(self.0.load(Ordering::Relaxed))
    }
}

thread_local! {
    /// JavaScript functions belong to one thread and cannot be in an [`IdSource`], which any thread may call.
    static SOURCES: RefCell<Vec<(u32, Function)>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// Draws ids from a JavaScript function.
pub(crate) struct JsIds(u32);

impl JsIds {
    pub(crate) fn new(source: Function) -> Self {
        let slot = NEXT.get();
        NEXT.set(slot.wrapping_add(1));
        SOURCES.with_borrow_mut(|sources| sources.push((slot, source)));
        Self(slot)
    }
}

impl Drop for JsIds {
    fn drop(&mut self) {
        SOURCES.with_borrow_mut(|sources| sources.retain(|(slot, _)| *slot != self.0));
    }
}

impl IdSource for JsIds {
    /// Empty where the function threw or gave no text, which is no id: nothing is written, and the TypeScript side tells why.
    fn new_id(&self, _now: Timestamp) -> String {
        let source = SOURCES.with_borrow(|sources| {
            let source = sources.iter().find(|(slot, _)| *slot == self.0);
            source.map(|(_, source)| source.clone())
        });
        let drawn = source.and_then(|source| source.call0(&JsValue::UNDEFINED).ok());
        drawn.and_then(|id| id.as_string()).unwrap_or_default()
    }
}
