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

/// `name`, `initial`, `statuses` or null for those that the others name, `moves` as from, to, from, to, …, `final_statuses`; back comes the
/// definition, its moves as pairs.
pub(crate) fn define_lifecycle(store: &Store, mut given: Args) -> Result<Answer> {
    let mut lifecycle = Lifecycle::new(given.word(), given.word());
    let mut texts = || given.list().map(Args::texts);
    let statuses = texts();
    let ends = texts().unwrap_or_default();
    let moves = ends
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()));
    let final_statuses = texts().unwrap_or_default();
    if let Some(statuses) = statuses {
        lifecycle.statuses = statuses;
        lifecycle.moves = moves.collect();
        lifecycle.final_statuses = final_statuses;
    } else {
        lifecycle = moves.fold(lifecycle, |it, (from, to)| it.allow(from, to));
        lifecycle = final_statuses
            .into_iter()
            .fold(lifecycle, Lifecycle::final_status);
    }
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
