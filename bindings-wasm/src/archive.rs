//! The archive.

use std::cell::RefCell;

use convostore::{Error, ErrorCode, ExportOptions, ImportOptions, Result};
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::boxes;
use crate::convert::List;
use crate::error::{Out, Thrown, invalid};
use crate::store::CoreStore;

/// How many bytes go over at a time.
const PIECE: usize = 256 << 10;

/// Hands what is written to JavaScript, in pieces.
struct Pieces<'a> {
    each: &'a Function,
    piece: Vec<u8>,
}

impl Pieces<'_> {
    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.give()?;
        }
        Ok(())
    }

    fn give(&mut self) -> Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let bytes = Uint8Array::from(self.piece.as_slice());
        self.piece.clear();
        let given = self.each.call1(&JsValue::UNDEFINED, &bytes);
        given
            .map(drop)
            .map_err(|_| Error::new(ErrorCode::Storage, "the archive could not be handed over"))
    }
}

#[wasm_bindgen]
impl CoreStore {
    /// Gives the archive to `each` in pieces; back comes the report: sessions, messages, contexts, lifecycles, bytes, then what could not be read.
    pub fn export_archive(&self, now: f64, tolerant: bool, each: &Function) -> Out<u32> {
        let mut pieces = Pieces {
            each,
            piece: Vec::new(),
        };
        let options = ExportOptions::new().tolerant(tolerant);
        let store = self.at(now);
        let report = store.export_archive_pieces(&mut |bytes| pieces.add(bytes), options);
        let report = report.out()?;
        pieces.give().out()?;
        let mut list = List::new();
        for n in [
            report.sessions,
            report.messages,
            report.contexts,
            report.lifecycles,
            report.bytes,
        ] {
            list.number(n);
        }
        report.unreadable.iter().for_each(|what| list.text(what));
        Ok(boxes::put(list.end()))
    }

    /// Sessions, messages, contexts and lifecycles that were added, what was unchanged, and the bytes read.
    pub fn import_archive(&self, now: f64, archive: &CoreArchive, dry_run: bool) -> Out<u32> {
        let bytes = archive.0.try_borrow();
        let bytes = bytes.map_err(|_| busy()).out()?;
        let options = ImportOptions::new().dry_run(dry_run);
        let mut rest = bytes.as_slice();
        let mut take = |buffer: &mut [u8]| {
            let (some, after) = rest.split_at(rest.len().min(buffer.len()));
            buffer
                .iter_mut()
                .zip(some)
                .for_each(|(to, from)| *to = *from);
            rest = after;
            Ok(some.len())
        };
        let store = self.at(now);
        let report = store.import_archive_pieces(&mut take, options).out()?;
        Ok(boxes::put(List::of(&[
            report.sessions,
            report.messages,
            report.contexts,
            report.lifecycles,
            report.unchanged,
            report.bytes,
        ])))
    }
}

/// An archive to import, gathered piece by piece: reading it does not wait, as JavaScript's streams would have to.
#[wasm_bindgen]
#[derive(Default)]
pub struct CoreArchive(RefCell<Vec<u8>>);

#[wasm_bindgen]
impl CoreArchive {
    /// With nothing in it yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a piece.
    pub fn push(&self, piece: &[u8]) -> Out<()> {
        let bytes = self.0.try_borrow_mut();
        let mut bytes = bytes.map_err(|_| busy()).out()?;
        bytes.extend_from_slice(piece);
        Ok(())
    }
}

fn busy() -> Error {
    invalid("this archive is being read")
}
