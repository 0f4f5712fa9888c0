//! Lifecycles.

use convostore::Lifecycle;
use wasm_bindgen::prelude::*;

use crate::convert::{Args, List};
use crate::error::{Out, Thrown};
use crate::store::CoreStore;

fn add_lifecycle(list: &mut List, lifecycle: &Lifecycle) {
    let texts = |texts: &[String], list: &mut List| {
        list.list(|list| texts.iter().for_each(|text| list.text(text)));
    };
    list.text(&lifecycle.name);
    list.text(&lifecycle.initial);
    texts(&lifecycle.statuses, list);
    list.list(|list| {
        for (from, to) in &lifecycle.moves {
            list.list(|list| [from, to].into_iter().for_each(|status| list.text(status)));
        }
    });
    texts(&lifecycle.final_statuses, list);
}

#[wasm_bindgen]
impl CoreStore {
    /// `name`, `initial`, `statuses`, `moves` as from, to, from, to, …, `final_statuses`; back comes the definition, its moves as pairs.
    pub fn define_lifecycle(&self, now: f64, definition: &str) -> Out<String> {
        let mut given = Args::parse(definition)?;
        let name = given.text().unwrap_or_default();
        let mut lifecycle = Lifecycle::new(name, given.text().unwrap_or_default());
        let mut texts = || given.list().map(Args::texts).unwrap_or_default();
        lifecycle.statuses = texts();
        lifecycle.moves = texts()
            .chunks_exact(2)
            .map(|ends| (ends[0].clone(), ends[1].clone()))
            .collect();
        lifecycle.final_statuses = texts();
        let defined = self.at(now).define_lifecycle(lifecycle).out()?;
        let mut list = List::new();
        add_lifecycle(&mut list, &defined);
        Ok(list.end())
    }

    /// All of them, each as [`CoreStore::define_lifecycle`] gives it back.
    pub fn list_lifecycles(&self) -> Out<String> {
        let mut list = List::new();
        for lifecycle in &self.store.list_lifecycles().out()? {
            list.list(|list| add_lifecycle(list, lifecycle));
        }
        Ok(list.end())
    }
}
