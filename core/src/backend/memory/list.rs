//! Lists of sessions: an index of the committed ones, merged with what the transaction changed.

use std::cmp::Ordering;

use super::overlay::Overlay;
use super::row::Row;
use super::table::{Ranks, Tables, by_activity, by_creation, place_of};
use crate::backend::{RowOrder, ScopeFilter, SessionFilter, SessionRow};

/// What the filter lets through, in its order.
pub(super) fn sessions(
    tables: &Tables,
    overlay: &Overlay,
    filter: &SessionFilter,
) -> Vec<SessionRow> {
    let mut changed = changed_rows(overlay, filter);
    changed.truncate(filter.limit);
    let mut changed = changed.into_iter().peekable();
    let mut out = Vec::new();
    committed_rows(tables, filter, &mut |row| {
        if out.len() < filter.limit && !overlay.sessions.contains(&row.id) && passes(filter, row) {
            while out.len() < filter.limit
                && let Some(before) =
                    changed.next_if(|changed| compare(filter.order, changed, row).is_lt())
            {
                out.push(before.to_session_row());
            }
            if out.len() < filter.limit {
                out.push(row.to_session_row());
            }
        }
        out.len() < filter.limit
    });
    let left = filter.limit - out.len();
    out.extend(changed.take(left).map(Row::to_session_row));
    out
}

/// The sessions that the transaction touched, a handful as a rule.
fn changed_rows<'a>(overlay: &'a Overlay, filter: &SessionFilter) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> = Vec::new();
    for row in overlay
        .sessions
        .values()
        .filter_map(|change| change.row.as_ref())
    {
        if passes(filter, row) && is_after(filter, row) {
            let at = rows.partition_point(|other| compare(filter.order, other, row).is_lt());
            rows.insert(at, row);
        }
    }
    rows
}

/// The committed sessions from the filter's position on, in its order, for as long as `each` wants more; also such as it does not let through
/// where no index fits it.
fn committed_rows<'a>(
    tables: &'a Tables,
    filter: &SessionFilter,
    each: &mut dyn FnMut(&'a Row) -> bool,
) {
    if filter.order == RowOrder::Id {
        let start = filter.after.as_ref();
        let rows = match start {
            Some(after) => tables.sessions.from(&after.id, true),
            None => tables.sessions.iter(),
        };
        let mut rows = rows.map(|(_, stored)| &stored.row);
        while let Some(row) = rows.next()
            && each(row)
        {}
        return;
    }
    let Some(ranks) = index(tables, filter) else {
        return;
    };
    let ranks = ranks.by(filter.order);
    let mut slots = match &filter.after {
        Some(after) => ranks.before(place_of(filter.order, after)),
        None => ranks.items(),
    };
    while let Some(slot) = slots.next_back()
        && tables.row_at(slot.value).is_some_and(&mut *each)
    {}
}

/// The narrowest index that holds all that the filter lets through; none where there can be no such session.
fn index<'a>(tables: &'a Tables, filter: &SessionFilter) -> Option<&'a Ranks> {
    match (&filter.scope, &filter.owner) {
        (ScopeFilter::Exactly(scope), _) => tables.scopes.get(scope).map(|scope| &scope.ranks),
        (_, Some(owner)) => tables.owners.get(owner),
        (ScopeFilter::Any | ScopeFilter::Prefix(_), None) => Some(&tables.all),
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
    let place = place_of(filter.order, after);
    match filter.order {
        RowOrder::Activity => by_activity(row) < place,
        RowOrder::Creation => by_creation(row) < place,
        RowOrder::Id => *row.id > *after.id,
    }
}

fn compare(order: RowOrder, a: &Row, b: &Row) -> Ordering {
    match order {
        RowOrder::Id => a.id.cmp(&b.id),
        RowOrder::Creation => by_creation(b).cmp(&by_creation(a)),
        RowOrder::Activity => by_activity(b).cmp(&by_activity(a)),
    }
}
