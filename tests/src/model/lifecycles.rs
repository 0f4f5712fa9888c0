//! Lifecycles.

use std::collections::BTreeSet;

use serde_json::json;

use super::answers::lifecycle_answer;
use super::arguments::{strings, text};
use super::{Args, Lifecycle, Result, Tenant};
use crate::answer::Answer;

impl Tenant {
    pub(super) fn define_lifecycle(&mut self, args: &Args) -> Result<Answer> {
        let name = text(args, "name").unwrap();
        let listed: Vec<String> = strings(args, "statuses");
        let moves = args.get("moves").cloned().unwrap_or(json!([]));
        let new = Lifecycle {
            initial: text(args, "initial").unwrap().to_owned(),
            statuses: listed.iter().cloned().collect(),
            moves: serde_json::from_value(moves).unwrap(),
            finals: strings(args, "final_statuses").into_iter().collect(),
        };
        let known = |status: &String| new.statuses.contains(status);
        let sound = new.statuses.len() == listed.len()
            && listed.iter().all(|status| (1..=64).contains(&status.len()))
            && known(&new.initial)
            && new.finals.iter().all(known)
            && new.moves.iter().all(|(from, to)| known(from) && known(to))
            && new
                .moves
                .iter()
                .all(|(from, to)| from == to || !new.finals.contains(from));
        if !sound {
            return Err("invalid_argument");
        }
        match self.lifecycle(name) {
            Some(old) if old != new => return Err("conflict"),
            Some(_) => {}
            None => {
                self.lifecycles.insert(name.to_owned(), new.clone());
            }
        }
        Ok(lifecycle_answer(name, &new))
    }
}

pub(super) fn built_in(name: &str) -> Option<Lifecycle> {
    let set = |words: &str| {
        words
            .split(' ')
            .map(str::to_owned)
            .collect::<BTreeSet<String>>()
    };
    let moves = |words: &str| {
        let step = |word: &str| {
            word.split_once('>')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        };
        words.split(' ').filter_map(step).collect()
    };
    match name {
        "agent" => Some(Lifecycle {
            initial: "created".to_owned(),
            statuses: set("created active paused terminated"),
            moves: moves(
                "created>active active>paused paused>active created>terminated active>terminated paused>terminated",
            ),
            finals: set("terminated"),
        }),
        "ticket" => Some(Lifecycle {
            initial: "collecting".to_owned(),
            statuses: set("collecting ready_to_sync synced"),
            moves: moves("collecting>ready_to_sync ready_to_sync>synced"),
            finals: set("synced"),
        }),
        _ => None,
    }
}
