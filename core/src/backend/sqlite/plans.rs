//! Holds the promise that lists cost what they return: each runs along an index, and nothing is sorted.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::{messages, migrate, sessions};
use crate::backend::{Position, RowOrder, ScopeFilter, SessionFilter};
use crate::clock::Timestamp;

fn database() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    migrate::to_latest(&conn, "memory".as_ref()).unwrap();
    conn
}

fn explain(conn: &Connection, sql: &str, values: Vec<ToSqlOutput<'_>>) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement
        .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
        .unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

fn plan(filter: &SessionFilter) -> String {
    let query = sessions::list_query("t", filter);
    explain(&database(), &query.sql, query.values)
}

fn filter(order: RowOrder, scope: ScopeFilter, owner: Option<&str>) -> SessionFilter {
    SessionFilter {
        scope,
        owner: owner.map(str::to_owned),
        order,
        limit: 50,
        ..SessionFilter::default()
    }
}

fn after(filter: &SessionFilter) -> SessionFilter {
    let place = Timestamp::from_millis_clamped(5);
    SessionFilter {
        after: Some(Position {
            last_active_at: place,
            created_at: place,
            id: "x".to_owned(),
        }),
        ..filter.clone()
    }
}

#[test]
fn lists_run_along_the_index_of_their_order() {
    use RowOrder::{Activity, Creation, Id};
    let one = || ScopeFilter::Exactly("s".to_owned());
    let prefix = || ScopeFilter::Prefix("s".to_owned());
    let activity = "(last_active_at,created_at,id)<(?,?,?)";
    let creation = "(created_at,id)<(?,?)";
    let cases = [
        (
            filter(Activity, ScopeFilter::Any, None),
            "sessions_by_activity (tenant=?",
            activity,
        ),
        (
            filter(Activity, one(), None),
            "sessions_by_scope_and_activity (tenant=? AND scope=?",
            activity,
        ),
        (
            filter(Activity, ScopeFilter::Any, Some("o")),
            "sessions_by_owner_and_activity (tenant=? AND owner=?",
            activity,
        ),
        (
            filter(Activity, prefix(), None),
            "sessions_by_activity (tenant=?",
            activity,
        ),
        (
            filter(Creation, ScopeFilter::Any, None),
            "sessions_by_creation (tenant=?",
            creation,
        ),
        (
            filter(Creation, one(), None),
            "sessions_by_scope_and_creation (tenant=? AND scope=?",
            creation,
        ),
        (
            filter(Creation, ScopeFilter::Any, Some("o")),
            "sessions_by_owner_and_creation (tenant=? AND owner=?",
            creation,
        ),
        (
            filter(Creation, prefix(), None),
            "sessions_by_creation (tenant=?",
            creation,
        ),
        (
            filter(Id, ScopeFilter::Any, None),
            "sessions_by_id (tenant=?",
            "id>?",
        ),
    ];
    for (filter, index, position) in cases {
        for (filter, position) in [(filter.clone(), ""), (after(&filter), position)] {
            let plan = plan(&filter);
            assert!(
                plan.contains(index) && plan.contains(position),
                "{filter:?}\n{plan}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}\n{plan}");
        }
    }
}

#[test]
fn lists_with_several_filters_sort_nothing() {
    for order in [RowOrder::Activity, RowOrder::Creation, RowOrder::Id] {
        for scope in [
            ScopeFilter::Any,
            ScopeFilter::Exactly("s".to_owned()),
            ScopeFilter::Prefix("s".to_owned()),
        ] {
            let mut filter = filter(order, scope, Some("o"));
            filter.status = Some("active".to_owned());
            let plan = plan(&after(&filter));
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}\n{plan}");
        }
    }
}

#[test]
fn messages_are_read_along_their_ids() {
    for (sql, values) in [
        (messages::OLDEST, 5),
        (messages::NEWEST, 5),
        (messages::OLDEST_FILTERED, 8),
        (messages::NEWEST_FILTERED, 8),
    ] {
        let null = ToSqlOutput::Borrowed(ValueRef::Null);
        let plan = explain(&database(), sql, vec![null; values]);
        assert!(
            plan.contains("sessions_by_id (tenant=? AND id=?)"),
            "{plan}"
        );
        assert!(
            plan.contains("INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
