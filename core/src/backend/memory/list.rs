//! Lists of sessions: an index of the committed ones, merged with what the transaction changed.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use super::history::merge;
use super::overlay::Overlay;
use super::row::Row;
use super::table::{Rank, Ranks, Tables};
use crate::backend::{Position, RowOrder, ScopeFilter, SessionFilter, SessionRow};

/// What the filter lets through, in its order.
pub(super) fn sessions(
    tables: &Tables,
    overlay: &Overlay,
    filter: &SessionFilter,
) -> Vec<SessionRow> {
    let changed = changed_rows(overlay, filter);
    let committed = committed_rows(tables, filter)
        .filter(|row| !overlay.sessions.contains_key(&row.id) && passes(filter, row));
    merge(committed, changed.into_iter(), |a, b| {
        compare(filter.order, a, b).is_lt()
    })
    .take(filter.limit)
    .map(Row::to_session_row)
    .collect()
}

/// The sessions that the transaction touched, a handful as a rule.
fn changed_rows<'a>(overlay: &'a Overlay, filter: &SessionFilter) -> Vec<&'a Row> {
    let rows = overlay
        .sessions
        .values()
        .filter_map(|change| change.row.as_ref());
    let mut rows: Vec<&Row> = rows
        .filter(|row| passes(filter, row) && is_after(filter, row))
        .collect();
    rows.sort_unstable_by(|a, b| compare(filter.order, a, b));
    rows
}

/// The committed sessions from the filter's position on, in its order; more than it lets through where no index fits it.
fn committed_rows<'a>(
    tables: &'a Tables,
    filter: &SessionFilter,
) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
    if filter.order == RowOrder::Id {
        let start = match &filter.after {
            Some(after) => Bound::Excluded(after.id.as_str()),
            None => Bound::Unbounded,
        };
        let rows = tables.sessions.range::<str, _>((start, Bound::Unbounded));
        return Box::new(rows.map(|(_, stored)| &stored.row));
    }
    let Some(ranks) = index(tables, filter) else {
        return Box::new(std::iter::empty());
    };
    let end = match &filter.after {
        Some(after) => Bound::Excluded(rank(filter.order, after)),
        None => Bound::Unbounded,
    };
    let ranks = ranks.by(filter.order).range((Bound::Unbounded, end)).rev();
    Box::new(ranks.filter_map(|rank| tables.sessions.get(&rank.id).map(|stored| &stored.row)))
}

/// The narrowest index that holds all that the filter lets through; none where there can be no such session.
fn index<'a>(tables: &'a Tables, filter: &SessionFilter) -> Option<&'a Ranks> {
    match (&filter.scope, &filter.owner) {
        (ScopeFilter::Exactly(scope), _) => {
            tables.scopes.get(scope.as_str()).map(|scope| &scope.ranks)
        }
        (_, Some(owner)) => tables.owners.get(owner.as_str()),
        (ScopeFilter::Any | ScopeFilter::Prefix(_), None) => Some(&tables.all),
    }
}

fn rank(order: RowOrder, position: &Position) -> Rank {
    let id = Arc::from(position.id.as_str());
    match order {
        RowOrder::Activity | RowOrder::Id => {
            Rank::by_activity(position.last_active_at, position.created_at, id)
        }
        RowOrder::Creation => Rank::by_creation(position.created_at, id),
    }
}

fn passes(filter: &SessionFilter, row: &Row) -> bool {
    let in_scope = match &filter.scope {
        ScopeFilter::Any => true,
        ScopeFilter::Exactly(scope) => *row.scope == **scope,
        ScopeFilter::Prefix(prefix) => row.scope.starts_with(prefix.as_str()),
    };
    in_scope
        && (filter.owner.is_none() || filter.owner.as_deref() == row.owner.as_deref())
        && filter
            .status
            .as_ref()
            .is_none_or(|status| *row.status == **status)
}

fn is_after(filter: &SessionFilter, row: &Row) -> bool {
    let Some(after) = &filter.after else {
        return true;
    };
    match filter.order {
        RowOrder::Activity => Rank::activity_of(row) < rank(filter.order, after),
        RowOrder::Creation => Rank::creation_of(row) < rank(filter.order, after),
        RowOrder::Id => *row.id > *after.id,
    }
}

fn compare(order: RowOrder, a: &Row, b: &Row) -> Ordering {
    let by_id = a.id.cmp(&b.id);
    let by_creation = a.created_at.cmp(&b.created_at).then(by_id);
    match order {
        RowOrder::Id => by_id,
        RowOrder::Creation => by_creation.reverse(),
        RowOrder::Activity => a
            .last_active_at
            .cmp(&b.last_active_at)
            .then(by_creation)
            .reverse(),
    }
}
