//! Lifecycles.

use convostore::{Lifecycle, Result, Store};

use crate::boxes::Answer;
use crate::convert::{Args, List};

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

/// `name`, `initial`, `statuses`, `moves` as from, to, from, to, …, `final_statuses`; back comes the definition, its moves as pairs.
pub(crate) fn define_lifecycle(store: &Store, mut given: Args) -> Result<Answer> {
    let mut lifecycle = Lifecycle::new(given.word(), given.word());
    let mut texts = || given.list().map(Args::texts).unwrap_or_default();
    lifecycle.statuses = texts();
    let mut ends = texts().into_iter();
    while let (Some(from), Some(to)) = (ends.next(), ends.next()) {
        lifecycle.moves.push((from, to));
    }
    lifecycle.final_statuses = texts();
    let defined = store.define_lifecycle(lifecycle)?;
    let mut list = List::new();
    add_lifecycle(&mut list, &defined);
    Ok(list.end())
}

/// All of them, each as [`define_lifecycle`] gives it back.
pub(crate) fn list_lifecycles(store: &Store, _: Args) -> Result<Answer> {
    let mut list = List::new();
    for lifecycle in &store.list_lifecycles()? {
        list.list(|list| add_lifecycle(list, lifecycle));
    }
    Ok(list.end())
}
