//! Lifecycles: the built-in ones, what a definition must be, and which moves are allowed.

use std::sync::Arc;

use crate::error::{Error, ErrorCode, Result};
use crate::model::Lifecycle;
use crate::ordered::{Item, Sorted};
use crate::quoted::{joined, quoted};
use crate::rules::limits;

/// The lifecycle of a session for which none is named.
pub(crate) const DEFAULT: &str = "agent";

/// How many statuses and moves a lifecycle may have.
const MAX_STATUSES: usize = 256;
const MAX_MOVES: usize = 4096;

/// The lifecycle of that name that every store has, if there is one.
pub(crate) fn built_in(name: &str) -> Option<Lifecycle> {
    match name {
        "agent" => Some(
            Lifecycle::new("agent", "created")
                .allow("created", "active")
                .allow("active", "paused")
                .allow("paused", "active")
                .allow("created", "terminated")
                .allow("active", "terminated")
                .allow("paused", "terminated")
                .final_status("terminated"),
        ),
        "ticket" => Some(
            Lifecycle::new("ticket", "collecting")
                .allow("collecting", "ready_to_sync")
                .allow("ready_to_sync", "synced")
                .final_status("synced"),
        ),
        _ => None,
    }
}

/// All lifecycles that every store has, by name.
pub(crate) fn all_built_in() -> Vec<Lifecycle> {
    ["agent", "ticket"]
        .into_iter()
        .filter_map(built_in)
        .collect()
}

/// Checks a definition.
pub(crate) fn check(lifecycle: &Lifecycle) -> Result<()> {
    limits::check("lifecycle name", &lifecycle.name, 1, limits::LIFECYCLE)?;
    let wrong = |problem: String| {
        Err(Error::invalid(format!(
            "the lifecycle {} {problem}",
            quoted(&lifecycle.name)
        ))
        .with("lifecycle", lifecycle.name.as_str()))
    };
    if lifecycle.statuses.len().max(lifecycle.final_statuses.len()) > MAX_STATUSES
        || lifecycle.moves.len() > MAX_MOVES
    {
        return wrong(format!(
            "is too large: at most {MAX_STATUSES} statuses and {MAX_MOVES} moves"
        ));
    }
    let mut known = Sorted::default();
    for status in &lifecycle.statuses {
        limits::check("status", status, 1, limits::STATUS)?;
        if !put(&mut known, status) {
            return wrong(format!(
                "names the status {status} twice",
                status = quoted(&status)
            ));
        }
    }
    let moves = lifecycle.moves.iter().flat_map(|(from, to)| [from, to]);
    let used = moves.chain(&lifecycle.final_statuses);
    for status in used.chain([&lifecycle.initial]) {
        if known.value(status).is_none() {
            let status = shortened(status);
            return wrong(format!(
                "uses {status}, which is not among its statuses",
                status = quoted(&status)
            ));
        }
    }
    for (from, to) in &lifecycle.moves {
        if lifecycle.final_statuses.contains(from) && from != to {
            return wrong(format!(
                "has a move from {from} to {to}, but {from} is final",
                from = quoted(&from),
                to = quoted(&to)
            ));
        }
    }
    Ok(())
}

/// Whether two definitions say the same. The order in which they say it does not matter.
pub(crate) fn same(a: &Lifecycle, b: &Lifecycle) -> bool {
    a.name == b.name && a.initial == b.initial && all_of(a).is_same(&all_of(b))
}

/// Adds a name to a set. Whether it was not in it.
fn put(set: &mut Sorted, name: &str) -> bool {
    set.insert(Item::new(0, 0, Arc::from(name), 0)).is_none()
}

/// All that a definition lists, as one set: names hold no NUL.
fn all_of(lifecycle: &Lifecycle) -> Sorted {
    let mut all = Sorted::default();
    for status in &lifecycle.statuses {
        put(&mut all, status);
    }
    for status in &lifecycle.final_statuses {
        put(&mut all, &joined(&["", status], "\0"));
    }
    for (from, to) in &lifecycle.moves {
        put(&mut all, &joined(&[from, to], "\0"));
    }
    all
}

/// The error for a name that stands for another definition already.
pub(crate) fn redefined(name: &str) -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!(
            "the lifecycle {name} is defined differently already; definitions never change, so choose another name",
            name = quoted(&name),
        ),
    )
    .with("lifecycle", name)
}

/// The error for a name that nobody defined.
pub(crate) fn unknown(name: &str) -> Error {
    Error::invalid(format!(
        "there is no lifecycle {name}; the built-in ones are agent and ticket, others come by define_lifecycle",
        name = quoted(&name),
    ))
    .with("argument", "lifecycle")
    .with("lifecycle", name)
}

/// So much of a status as an error repeats: it may be of any length.
fn shortened(status: &str) -> String {
    status.chars().take(limits::STATUS).collect()
}

/// Whether a session of that status has ended.
pub(crate) fn is_final(lifecycle: &Lifecycle, status: &str) -> bool {
    lifecycle.final_statuses.iter().any(|s| s == status)
}

/// Checks that a new session can begin with that status.
pub(crate) fn check_status(lifecycle: &Lifecycle, status: &str) -> Result<()> {
    if lifecycle.statuses.iter().any(|s| s == status) {
        return Ok(());
    }
    let status = shortened(status);
    Err(Error::invalid(format!(
        "the lifecycle {} has no status {status}; it has {}",
        quoted(&lifecycle.name),
        joined(&lifecycle.statuses, ", "),
        status = quoted(&status)
    ))
    .with("argument", "status")
    .with("lifecycle", lifecycle.name.as_str()))
}

/// Checks a move. The present status again is no move and always allowed.
pub(crate) fn check_move(lifecycle: &Lifecycle, from: &str, to: &str) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let mut allowed = Vec::new();
    for (a, b) in &lifecycle.moves {
        if a == from {
            if b == to {
                return Ok(());
            }
            allowed.push(b.as_str());
        }
    }
    let possible = if allowed.is_empty() {
        "none".to_owned()
    } else {
        joined(&allowed, ", ")
    };
    let to = shortened(to);
    Err(Error::new(
        ErrorCode::InvalidTransition,
        format!(
            "the lifecycle {} does not allow the move from {from} to {to}; possible from {from}: {possible}",
            quoted(&lifecycle.name),
            from = quoted(&from),
            to = quoted(&to),
        ),
    )
    .with("lifecycle", lifecycle.name.as_str())
    .with("from", from)
    .with("to", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_lifecycles_are_sound() {
        for lifecycle in all_built_in() {
            check(&lifecycle).unwrap();
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_status_of_any_length() {
        let lifecycle = Lifecycle::new("x", "a");
        let long = "s".repeat(1_000_000);
        let mut unlisted = lifecycle.clone();
        unlisted.initial = long.clone();
        for error in [
            check_status(&lifecycle, &long).unwrap_err(),
            check_move(&lifecycle, "a", &long).unwrap_err(),
            check(&unlisted).unwrap_err(),
        ] {
            assert!(error.message().len() < 1000);
        }
    }

    #[test]
    fn a_definition_may_say_the_same_in_another_order() {
        let a = Lifecycle::new("x", "a").allow("a", "b").allow("b", "a");
        let b = Lifecycle::new("x", "a").allow("b", "a").allow("a", "b");
        assert!(same(&a, &b));
        assert!(!same(&a, &b.clone().final_status("c")));
        let mut begins_elsewhere = b.clone();
        begins_elsewhere.initial = "b".to_owned();
        assert!(!same(&a, &begins_elsewhere));
    }

    #[test]
    fn a_definition_has_its_most_statuses_and_moves_and_no_more() {
        let of = |statuses: usize, moves: usize, finals: usize| {
            let mut lifecycle = Lifecycle::new("x", "0");
            lifecycle.statuses = (0..statuses).map(|it| it.to_string()).collect();
            lifecycle.final_statuses = vec!["1".to_owned(); finals];
            lifecycle.moves = vec![("0".to_owned(), "1".to_owned()); moves];
            check(&lifecycle)
        };
        of(MAX_STATUSES, MAX_MOVES, MAX_STATUSES).unwrap();
        for (statuses, moves, finals) in [
            (MAX_STATUSES + 1, 0, 0),
            (2, MAX_MOVES + 1, 0),
            (2, 0, MAX_STATUSES + 1),
        ] {
            let error = of(statuses, moves, finals).unwrap_err();
            assert!(error.message().contains("too large"), "{error}");
        }
    }

    #[test]
    fn a_final_status_may_stay_and_go_nowhere() {
        let stays = Lifecycle::new("x", "a").final_status("b").allow("b", "b");
        check(&stays).unwrap();
        check(&stays.allow("b", "a")).unwrap_err();
    }
}
