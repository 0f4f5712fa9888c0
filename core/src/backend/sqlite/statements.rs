//! Holds the plan of every statement: those that the contract makes the backend run are recorded, and their plans compared with `plans.txt`.
//!
//! `CONVOSTORE_WRITE_PLANS=1 cargo test --lib statements` writes that file anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{SqliteBackend, SqliteOptions, migrate, sessions};
use crate::backend::{Backend, Position, RowOrder, ScopeFilter, SessionFilter};
use crate::clock::Timestamp;
use crate::lock;
use crate::testing::{Fixture, run_contract};

const HELD: &str = include_str!("plans.txt");
/// Files in a folder of this name are watched.
const WATCHED: &str = "watched";

static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Statements that may scan or sort, by how they begin, and why that is right.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM messages m WHERE NOT EXISTS",
        "`check` looks at everything",
    ),
    (
        "SELECT count(*) FROM session_metadata d WHERE NOT EXISTS",
        "`check` looks at everything",
    ),
];

/// Records what the connection runs, where its file is watched.
pub(super) fn watch(conn: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    if !path.components().any(|it| it.as_os_str() == WATCHED) {
        return Ok(());
    }
    let record = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            let sql = plain(&statement.sql());
            if is_ours(&sql) {
                lock(&RECORDED).insert(sql);
            }
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(record))
}

/// On one line.
fn plain(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether it has a plan, and is not one of those with which SQLite carries out `VACUUM`.
fn is_ours(sql: &str) -> bool {
    let has_plan = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE"]
        .iter()
        .any(|it| sql.starts_with(it));
    has_plan && !sql.contains("vacuum_db") && !sql.contains("sqlite_schema")
}

/// A backend in a file that is watched.
struct Watched(tempfile::TempDir);

impl Watched {
    fn open(&self) -> Arc<dyn Backend> {
        let folder = tempfile::tempdir_in(self.0.path()).unwrap().keep();
        let path = folder.join(WATCHED).join("s.db");
        Arc::new(SqliteBackend::open(path, SqliteOptions::new()).unwrap())
    }
}

impl Fixture for Watched {
    fn fresh(&self) -> Arc<dyn Backend> {
        self.open()
    }

    fn reopen(&self, _: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        None
    }
}

fn record_all() {
    let watched = Watched(tempfile::tempdir().unwrap());
    run_contract(&watched);
    let backend = watched.open();
    backend.check().unwrap();
    backend.size().unwrap();
    backend.erase().unwrap();
    backend.backup(&watched.0.path().join("copy.db")).unwrap();
    // Lists are put together of parts: all there can be.
    lock(&RECORDED).extend(lists());
}

fn lists() -> Vec<String> {
    let mut all = Vec::new();
    let scopes = [
        ScopeFilter::Any,
        ScopeFilter::Exactly("s".to_owned()),
        ScopeFilter::Prefix("s".to_owned()),
    ];
    let orders = [RowOrder::Activity, RowOrder::Creation, RowOrder::Id];
    let time = Timestamp::from_millis_clamped(5);
    let place = Position {
        last_active_at: time,
        created_at: time,
        id: "x".to_owned(),
    };
    for number in 0..8 {
        let given = |bit: u8, text: &str| (number & bit != 0).then(|| text.to_owned());
        for (scope, order) in scopes
            .iter()
            .flat_map(|scope| orders.map(|order| (scope, order)))
        {
            let filter = SessionFilter {
                scope: scope.clone(),
                owner: given(1, "o"),
                status: given(2, "active"),
                order,
                after: given(4, "").map(|_| place.clone()),
                limit: 50,
            };
            all.push(plain(&sessions::list_query("t", &filter).sql));
        }
    }
    all
}

fn plans(statements: &BTreeSet<String>) -> String {
    let conn = Connection::open_in_memory().unwrap();
    migrate::to_latest(&conn, "memory".as_ref()).unwrap();
    let (mut all, mut refused) = (String::new(), Vec::new());
    for sql in statements {
        let mut explained = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explained
            .raw_query()
            .mapped(|row| row.get::<_, String>(3))
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        writeln!(all, "{sql}").unwrap();
        for step in &steps {
            writeln!(all, "    {step}").unwrap();
            let is_dear = step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            // A scan of a bound list, a pragma or nothing looks at no table of ours.
            let is_table = !step.contains("VIRTUAL TABLE") && !step.contains("CONSTANT ROW");
            let excepted = EXCEPTIONS.iter().any(|(begin, _)| sql.starts_with(begin));
            if is_dear && is_table && !excepted {
                refused.push(format!("{sql}\n    {step}"));
            }
        }
        all.push('\n');
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    all
}

/// The statements that stand in the sources of this folder as a whole.
fn written() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend/sqlite");
    let mut all = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        // Two are tests; those of the third are only compiled, to probe the schema.
        let is_other = ["plans.rs", "statements.rs", "migrate.rs"]
            .iter()
            .any(|it| path.ends_with(it));
        if is_other || path.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        let literals = source.split('"').skip(1).step_by(2);
        all.extend(literals.map(plain).filter(|sql| is_ours(sql)));
    }
    all
}

#[test]
fn every_statement_has_the_plan_that_is_held() {
    record_all();
    let recorded = lock(&RECORDED).clone();
    for sql in written() {
        let is_run = recorded.iter().any(|it| it.contains(&sql));
        assert!(is_run, "no case of the contract runs this: {sql}");
    }
    let found = plans(&recorded);
    if std::env::var_os("CONVOSTORE_WRITE_PLANS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend/sqlite/plans.txt");
        fs::write(path, &found).unwrap();
        return;
    }
    for (found, held) in found.split("\n\n").zip(HELD.split("\n\n")) {
        assert_eq!(
            found, held,
            "a statement or its plan changed; see the module"
        );
    }
    assert_eq!(found.len(), HELD.len());
}
