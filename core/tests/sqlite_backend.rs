//! The SQLite backend through the `Backend` trait: what the file is, who may use it, and what survives.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use convostore::backend::sqlite::{Durability, SqliteBackend, SqliteOptions};
use convostore::backend::{
    Append, AppendRow, Appended, Backend, Continue, Lookup, MAX_SEQ, MessageFilter, Position,
    RowOrder, SavedRow, ScopeFilter, SessionFilter, SessionRow, StartSession, Started, Take,
};
use convostore::{
    Content, Context, Error, ErrorCode, JsonObject, Message, Role, Session, Timestamp,
};

const T: &str = "tenant";

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn open(path: &Path) -> SqliteBackend {
    SqliteBackend::open(path, SqliteOptions::new()).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn session(id: &str) -> SessionRow {
    SessionRow {
        session: Session::new(id, "scope", "agent", "created", at(1_000)),
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    }
}

fn start(backend: &dyn Backend, id: &str) {
    let row = session(id);
    let find = Continue::Never;
    let started = backend.start_session(T, Arc::new(StartSession { find, row }));
    assert_eq!(started.unwrap(), Started::Created);
}

fn row(text: &str) -> AppendRow {
    AppendRow {
        role: Role::USER,
        content: Content::text(text),
        token_count: None,
        is_summary: false,
        dedup_key: None,
        created_at: None,
        active_at: at(2_000),
    }
}

fn keyed(text: &str, key: &str) -> AppendRow {
    AppendRow {
        dedup_key: Some(key.to_owned()),
        ..row(text)
    }
}

fn rows(session_id: &str, rows: Vec<AppendRow>) -> Arc<Append> {
    Arc::new(Append {
        session_id: session_id.to_owned(),
        rows,
        now: at(2_000),
        expected_revision: None,
        preview: None,
    })
}

fn append(backend: &dyn Backend, id: &str, text: &str) -> Result<u64, Error> {
    match backend.append(T, rows(id, vec![row(text)]))? {
        Appended::Saved(saved) => match saved.first() {
            Some(SavedRow::New { seq, .. }) => Ok(*seq),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn texts(backend: &dyn Backend, id: &str) -> Vec<String> {
    let messages = backend.messages(T, id, &MessageFilter::default()).unwrap();
    let messages = messages.unwrap_or_default().into_iter();
    messages.map(|it| it.content.body().to_owned()).collect()
}

fn code<V: std::fmt::Debug>(result: Result<V, Error>) -> ErrorCode {
    result.unwrap_err().code()
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let folder = Folder::new();
    let path = folder.path("a/b/store.db");
    let backend = open(&path);
    let mut row = session("one");
    row.session.metadata = JsonObject::parse(r#"{"a": 1.0}"#).unwrap();
    row.session.key = Some("key".to_owned());
    let find = Continue::SameKey;
    let start = Arc::new(StartSession { find, row });
    assert_eq!(
        backend.start_session(T, Arc::clone(&start)).unwrap(),
        Started::Created
    );
    assert_eq!(append(&backend, "one", "hello").unwrap(), 1);
    backend.close().unwrap();
    backend.close().unwrap();
    assert_eq!(code(append(&backend, "one", "late")), ErrorCode::Closed);
    assert!(!folder.path("a/b/store.db-wal").exists());

    let backend = open(&path);
    assert!(matches!(
        backend.start_session(T, start).unwrap(),
        Started::Continued(_)
    ));
    let found = backend
        .session(
            T,
            Lookup::Key {
                scope: "scope",
                key: "key",
            },
        )
        .unwrap()
        .unwrap();
    assert_eq!(found.session.metadata.as_str(), r#"{"a": 1.0}"#);
    assert_eq!(
        (
            found.session.message_count,
            found.session.revision,
            found.last_seq
        ),
        (1, 2, 1)
    );
    assert_eq!(found.session.last_active_at, at(2_000));
    assert_eq!(texts(&backend, "one"), ["hello"]);
    assert_eq!(backend.session("other", Lookup::Id("one")).unwrap(), None);
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.path("made/by/us/store.db");
    let backend = open(&path);
    start(&backend, "one");
    let copy = folder.path("copy.db");
    backend.backup(&copy).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&copy), 0o600);
    for name in ["made", "made/by", "made/by/us"] {
        assert_eq!(mode(&folder.path(name)), 0o700, "{name}");
    }
}

#[test]
fn no_path_is_read_as_a_uri() {
    let folder = Folder::new();
    for name in ["file:x?mode=memory", ":memory:", "a%20b", "c?mode=ro"] {
        let path = folder.path(name);
        start(&open(&path), "one");
        assert!(path.is_file(), "{name}");
        assert!(open(&path).session(T, Lookup::Id("one")).unwrap().is_some());
    }
    let options = SqliteOptions::new();
    assert_eq!(
        code(SqliteBackend::open("", options.clone())),
        ErrorCode::InvalidArgument
    );
    let error = SqliteBackend::open(folder.path(""), options).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PermissionDenied);
    assert!(error.details().contains_key("path"));
}

fn refused(path: &Path, expected: ErrorCode) {
    let before = fs::read(path).unwrap();
    assert_eq!(
        code(SqliteBackend::open(path, SqliteOptions::new())),
        expected
    );
    assert!(fs::read(path).unwrap() == before, "the file was changed");
}

#[test]
fn a_file_that_is_not_ours_stays_as_it_is() {
    let folder = Folder::new();
    for (name, sql) in [
        ("tables.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)"),
        (
            "id.db",
            "PRAGMA application_id = 7; PRAGMA user_version = 1",
        ),
        ("version.db", "PRAGMA user_version = 1"),
        ("wal.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)"),
        (
            "newer.db",
            "PRAGMA application_id = 0x636f6e76; PRAGMA user_version = 999; CREATE TABLE t (a)",
        ),
    ] {
        let path = folder.path(name);
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch(sql).unwrap();
        conn.close().unwrap();
        refused(&path, ErrorCode::UnsupportedSchema);
        assert!(!folder.path(&format!("{name}-wal")).exists());
    }
    let text = folder.path("text.db");
    fs::write(&text, "this is no database, but a text of more than a hundred bytes, so that nobody takes it for a short one: it goes on and on").unwrap();
    refused(&text, ErrorCode::Corrupted);
    let empty = folder.path("empty.db");
    fs::write(&empty, "").unwrap();
    start(&open(&empty), "one");
}

#[test]
fn many_open_a_fresh_path_at_once() {
    for _ in 0..10 {
        let folder = Folder::new();
        let path = folder.path("new/store.db");
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for number in 0..8 {
                let (path, barrier) = (&path, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let backend = open(path);
                    start(&backend, &format!("session {number}"));
                });
            }
        });
        let filter = SessionFilter {
            limit: 100,
            ..SessionFilter::default()
        };
        assert_eq!(open(&path).sessions(T, &filter).unwrap().len(), 8);
    }
}

#[test]
fn concurrent_appends_are_numbered_without_gaps() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    let backend = open(&path);
    start(&backend, "one");
    let mut seqs: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..50)
                        .map(|_| append(&backend, "one", "x").unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=400).collect::<Vec<_>>());
    let found = backend.session(T, Lookup::Id("one")).unwrap().unwrap();
    assert_eq!(
        (
            found.last_seq,
            found.session.message_count,
            found.session.revision
        ),
        (400, 400, 401)
    );
}

/// Holds the turn to write until `jobs` others are in line, as far as sleeping can tell, so that they become one group.
fn with_a_line<R: Send>(
    backend: &SqliteBackend,
    jobs: Vec<Box<dyn FnOnce() -> R + Send + '_>>,
) -> Vec<R> {
    let (entered, leave) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let gate = scope.spawn(|| {
            backend.write_alone(T, &mut |_| {
                entered.wait();
                leave.wait();
                Ok(())
            })
        });
        entered.wait();
        let threads: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                let thread = scope.spawn(job);
                thread::sleep(Duration::from_millis(10));
                thread
            })
            .collect();
        leave.wait();
        gate.join().unwrap().unwrap();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

#[test]
fn a_job_that_fails_in_a_group_takes_no_other_along() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    let result = |write: Result<(), Error>| write.map_err(|error| error.code());
    let good = || -> Box<dyn FnOnce() -> Result<(), ErrorCode> + Send + '_> {
        Box::new(|| result(append(&backend, "one", "good").map(drop)))
    };
    let failing = || -> Box<dyn FnOnce() -> Result<(), ErrorCode> + Send + '_> {
        Box::new(|| {
            result(backend.write(
                T,
                Box::new(|transaction| {
                    transaction.append(&rows("one", vec![row("bad")]))?;
                    Err(Error::new(ErrorCode::Conflict, "no"))
                }),
            ))
        })
    };
    let panicking = || -> Box<dyn FnOnce() -> Result<(), ErrorCode> + Send + '_> {
        Box::new(|| {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _ = backend.write(
                    T,
                    Box::new(|transaction| {
                        transaction.append(&rows("one", vec![row("worse")]))?;
                        std::panic::resume_unwind(Box::new("on purpose"))
                    }),
                );
            }));
            assert!(panicked.is_err());
            Ok(())
        })
    };
    let results = with_a_line(
        &backend,
        vec![good(), failing(), good(), panicking(), good(), failing()],
    );
    let no = Err(ErrorCode::Conflict);
    assert_eq!(results, [Ok(()), no, Ok(()), Ok(()), Ok(()), no]);
    assert_eq!(texts(&backend, "one"), ["good", "good", "good"]);
    assert_eq!(append(&backend, "one", "after").unwrap(), 4);
}

#[test]
fn an_append_that_fails_in_a_group_takes_no_other_along() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    let mut full = session("full");
    full.last_seq = MAX_SEQ - 1;
    let start = StartSession {
        find: Continue::Never,
        row: full,
    };
    backend.start_session(T, Arc::new(start)).unwrap();
    let append = |id: &'static str, texts: Vec<&'static str>| {
        let backend = &backend;
        let rows = rows(id, texts.into_iter().map(row).collect());
        let job = move || backend.append(T, rows).map(drop);
        Box::new(move || job().map_err(|error| error.code()))
            as Box<dyn FnOnce() -> Result<(), ErrorCode> + Send>
    };
    // There is a number for its first row, and none for its second.
    let too_many = || append("full", vec!["fits", "does not"]);
    let good = || append("one", vec!["good"]);
    let results = with_a_line(&backend, vec![good(), too_many(), good(), too_many()]);
    let no = Err(ErrorCode::InvalidArgument);
    assert_eq!(results, [Ok(()), no, Ok(()), no]);
    assert_eq!(texts(&backend, "one"), ["good", "good"]);
    assert_eq!(texts(&backend, "full"), Vec::<String>::new());
}

#[test]
fn a_write_that_waited_too_long_is_busy_and_never_happens() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    let backend = open(&path);
    start(&backend, "one");
    let hasty = SqliteBackend::open(
        &path,
        SqliteOptions::new().wait_limit(Duration::from_millis(50)),
    )
    .unwrap();
    backend
        .write_alone(T, &mut |_| {
            thread::scope(|scope| {
                assert_eq!(
                    scope
                        .spawn(|| code(append(&hasty, "one", "late")))
                        .join()
                        .unwrap(),
                    ErrorCode::Busy
                );
            });
            Ok(())
        })
        .unwrap();
    // The same from another process, as near as one process comes to it.
    let other = rusqlite::Connection::open(folder.path("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(code(append(&hasty, "one", "late")), ErrorCode::Busy);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(append(&hasty, "one", "now").unwrap(), 1);
    assert_eq!(texts(&backend, "one"), ["now"]);
}

#[test]
fn a_write_that_fails_leaves_nothing_even_if_the_closure_says_it_is_fine() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    let result = backend.write(
        T,
        Box::new(|transaction| {
            let twice = [
                Message::new(1, "user", "a", at(1)),
                Message::new(1, "user", "b", at(1)),
            ];
            assert!(transaction.insert_messages("one", &twice).is_err());
            Ok(())
        }),
    );
    assert_eq!(code(result), ErrorCode::Storage);
    assert!(texts(&backend, "one").is_empty());
    let far = [Message::new(1 << 32, "user", "a", at(1))];
    let result = backend.write_alone(T, &mut |transaction| {
        transaction.insert_messages("one", &far)
    });
    assert_eq!(code(result), ErrorCode::InvalidArgument);
}

#[test]
fn dedup_keys_are_judged_row_by_row() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    start(&backend, "two");
    let saved = backend
        .append(
            T,
            rows("one", vec![keyed("a", "k"), row("b"), keyed("a", "k")]),
        )
        .unwrap();
    let Appended::Saved(saved) = saved else {
        panic!("{saved:?}")
    };
    assert_eq!(saved.get(2), Some(&SavedRow::SameAs(0)));
    let again = backend
        .append(T, rows("one", vec![keyed("a", "k"), row("c")]))
        .unwrap();
    let Appended::Saved(again) = again else {
        panic!("{again:?}")
    };
    assert!(matches!(again.first(), Some(SavedRow::Existing(message)) if message.seq == 1));
    assert!(matches!(again.get(1), Some(SavedRow::New { seq: 3, .. })));
    let conflict = |seq| Appended::DedupConflict {
        dedup_key: "k".to_owned(),
        seq,
    };
    assert_eq!(
        backend
            .append(T, rows("one", vec![row("x"), keyed("z", "k")]))
            .unwrap(),
        conflict(1)
    );
    assert_eq!(
        backend
            .append(
                T,
                rows("two", vec![row("x"), keyed("a", "k"), keyed("z", "k")])
            )
            .unwrap(),
        conflict(2)
    );
    assert_eq!(texts(&backend, "one"), ["a", "b", "c"]);
    assert!(texts(&backend, "two").is_empty());
}

#[test]
fn messages_are_filtered_and_taken_from_either_end() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "before");
    start(&backend, "one");
    start(&backend, "behind");
    append(&backend, "before", "x").unwrap();
    append(&backend, "behind", "x").unwrap();
    let row = |n: i64| AppendRow {
        role: if n % 2 == 0 {
            Role::ASSISTANT
        } else {
            Role::USER
        },
        created_at: Some(at(n)),
        is_summary: n == 5,
        ..row(&n.to_string())
    };
    backend
        .append(T, rows("one", (1..=9).map(row).collect()))
        .unwrap();
    let seqs = |filter: MessageFilter| -> Vec<u64> {
        let found = backend.messages(T, "one", &filter).unwrap().unwrap();
        found.into_iter().map(|it| it.seq).collect()
    };
    let all = MessageFilter::default;
    assert_eq!(seqs(all()).len(), 9);
    assert_eq!(
        seqs(MessageFilter {
            take: Take::Last(2),
            ..all()
        }),
        [8, 9]
    );
    assert_eq!(
        seqs(MessageFilter {
            take: Take::First(2),
            after: 3,
            ..all()
        }),
        [4, 5]
    );
    assert_eq!(
        seqs(MessageFilter {
            take: Take::Last(2),
            before: Some(4),
            ..all()
        }),
        [2, 3]
    );
    assert_eq!(
        seqs(MessageFilter {
            since: Some(at(7)),
            ..all()
        }),
        [8, 9]
    );
    assert_eq!(
        seqs(MessageFilter {
            roles: Some(vec![Role::ASSISTANT]),
            take: Take::Last(2),
            ..all()
        }),
        [6, 8]
    );
    assert_eq!(
        seqs(MessageFilter {
            summaries: Some(true),
            ..all()
        }),
        [5]
    );
    assert_eq!(
        seqs(MessageFilter {
            summaries: Some(false),
            take: Take::First(1),
            ..all()
        }),
        [1]
    );
    for nothing in [
        MessageFilter {
            after: u64::MAX,
            ..all()
        },
        MessageFilter {
            before: Some(0),
            ..all()
        },
        MessageFilter {
            take: Take::Last(0),
            ..all()
        },
        MessageFilter {
            roles: Some(Vec::new()),
            ..all()
        },
        MessageFilter {
            after: 5,
            before: Some(6),
            ..all()
        },
    ] {
        assert!(seqs(nothing).is_empty());
    }
    assert_eq!(backend.messages(T, "none", &all()).unwrap(), None);
    assert_eq!(backend.messages("other", "one", &all()).unwrap(), None);
}

#[test]
fn sessions_are_listed_in_every_order_page_by_page() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    for n in 0..30_i64 {
        let mut row = session(&format!("{:02}", (n * 7) % 30));
        row.session.scope = ["a", "ab", "b"][usize::try_from(n % 3).unwrap()].to_owned();
        row.session.owner = (n % 2 == 0).then(|| "o".to_owned());
        row.session.created_at = at(n % 5);
        row.session.last_active_at = at(n % 4);
        backend
            .start_session(
                T,
                Arc::new(StartSession {
                    find: Continue::Never,
                    row,
                }),
            )
            .unwrap();
    }
    for order in [RowOrder::Activity, RowOrder::Creation, RowOrder::Id] {
        for scope in [
            ScopeFilter::Any,
            ScopeFilter::Exactly("a".to_owned()),
            ScopeFilter::Prefix("a".to_owned()),
        ] {
            for owner in [None, Some("o".to_owned())] {
                let filter = SessionFilter {
                    scope: scope.clone(),
                    owner,
                    order,
                    limit: 100,
                    ..SessionFilter::default()
                };
                let all = backend.sessions(T, &filter).unwrap();
                let mut paged = Vec::new();
                let mut filter = SessionFilter { limit: 4, ..filter };
                loop {
                    let page = backend.sessions(T, &filter).unwrap();
                    let Some(last) = page.last().map(|it| it.session.clone()) else {
                        break;
                    };
                    filter.after = Some(Position {
                        last_active_at: last.last_active_at,
                        created_at: last.created_at,
                        id: last.id,
                    });
                    paged.extend(page);
                }
                assert_eq!(paged, all);
                let key = |row: &SessionRow| {
                    let it = &row.session;
                    match order {
                        RowOrder::Activity => {
                            (Some(it.last_active_at), Some(it.created_at), it.id.clone())
                        }
                        RowOrder::Creation => (None, Some(it.created_at), it.id.clone()),
                        RowOrder::Id => (None, None, it.id.clone()),
                    }
                };
                let keys: Vec<_> = all.iter().map(key).collect();
                let mut sorted = keys.clone();
                sorted.sort();
                if order != RowOrder::Id {
                    sorted.reverse();
                }
                assert_eq!(keys, sorted);
                let expected = match filter.scope {
                    ScopeFilter::Any => 30,
                    ScopeFilter::Exactly(_) => 10,
                    ScopeFilter::Prefix(_) => 20,
                };
                assert_eq!(
                    all.len(),
                    if filter.owner.is_some() {
                        expected / 2
                    } else {
                        expected
                    }
                );
            }
        }
    }
}

#[test]
fn contexts_are_listed_by_the_bytes_of_their_scopes() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    let scopes = ["", "a", "a\u{7f}", "aa", "a\u{10ffff}x", "b", "ä"];
    for scope in scopes {
        let context = Context::new(scope, JsonObject::default(), at(1));
        backend
            .write(
                T,
                Box::new(move |transaction| transaction.put_context(&context)),
            )
            .unwrap();
    }
    let list = |prefix: &str, after: Option<&str>| {
        let mut out = Vec::new();
        backend
            .read(T, &mut |transaction| {
                out = transaction
                    .contexts(prefix, after, 100)?
                    .into_iter()
                    .map(|it| it.scope)
                    .collect();
                Ok(())
            })
            .unwrap();
        out
    };
    assert_eq!(
        list("", None),
        ["", "a", "aa", "a\u{7f}", "a\u{10ffff}x", "b", "ä"]
    );
    assert_eq!(list("a", None), ["a", "aa", "a\u{7f}", "a\u{10ffff}x"]);
    assert_eq!(list("a", Some("aa")), ["a\u{7f}", "a\u{10ffff}x"]);
    assert_eq!(list("b", Some("a")), ["b"]);
    assert!(list("a", Some("c")).is_empty());
}

#[test]
fn a_reader_sees_one_state_and_holds_up_no_writer() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    append(&backend, "one", "a").unwrap();
    backend
        .read(T, &mut |transaction| {
            assert_eq!(transaction.totals()?.messages, 1);
            append(&backend, "one", "b")?;
            assert_eq!(transaction.totals()?.messages, 1);
            Ok(())
        })
        .unwrap();
    assert_eq!(texts(&backend, "one").len(), 2);
}

fn find_in_files(folder: &Folder, word: &str) -> usize {
    let files = fs::read_dir(folder.folder.path()).unwrap();
    files
        .filter(|file| {
            let bytes = fs::read(file.as_ref().unwrap().path()).unwrap();
            bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        })
        .count()
}

#[test]
fn erasing_leaves_no_byte_in_any_file() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    // The test itself reads the files, so it closes descriptors of them.
    let backend = SqliteBackend::open(&path, SqliteOptions::new().without_lock_guard()).unwrap();
    start(&backend, "one");
    let secret = "a secret that nobody else has ".repeat(1_000);
    for _ in 0..20 {
        append(&backend, "one", &secret).unwrap();
    }
    assert!(find_in_files(&folder, "a secret that") > 0);
    backend
        .write(
            T,
            Box::new(|transaction| transaction.delete_session("one").map(drop)),
        )
        .unwrap();
    backend
        .read(T, &mut |transaction| {
            transaction.totals()?;
            assert!(matches!(
                backend.erase()?,
                convostore::Erasure::Pending { .. }
            ));
            Ok(())
        })
        .unwrap();
    assert_eq!(backend.erase().unwrap(), convostore::Erasure::Complete);
    assert_eq!(find_in_files(&folder, "a secret that"), 0);
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    let folder = Folder::new();
    let backend = open(&folder.path("store.db"));
    start(&backend, "one");
    append(&backend, "one", "a").unwrap();
    let copy = folder.path("it's a copy.db");
    backend.backup(&copy).unwrap();
    append(&backend, "one", "b").unwrap();
    assert_eq!(texts(&open(&copy), "one"), ["a"]);
    assert_eq!(code(backend.backup(&copy)), ErrorCode::AlreadyExists);
    assert_eq!(
        code(backend.backup(&folder.path("no/folder.db"))),
        ErrorCode::PermissionDenied
    );
    assert_eq!(backend.check().unwrap(), Vec::<String>::new());
    assert!(backend.size().unwrap().unwrap() > 4096);
}

#[test]
fn a_check_finds_orphans_and_damaged_rows_are_errors() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    let backend = open(&path);
    start(&backend, "one");
    append(&backend, "one", "a").unwrap();
    backend.close().unwrap();
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("INSERT INTO session_metadata VALUES (99, '{}'); UPDATE sessions SET revision = -1; UPDATE messages SET is_text = 7; INSERT INTO messages VALUES (1, 'user', 0, 1, NULL, 1, NULL, 'x')").unwrap();
    conn.close().unwrap();
    let backend = open(&path);
    assert_eq!(backend.check().unwrap().len(), 2);
    assert_eq!(
        code(backend.session(T, Lookup::Id("one"))),
        ErrorCode::Corrupted
    );
    assert_eq!(
        code(backend.messages(T, "one", &MessageFilter::default())),
        ErrorCode::Corrupted
    );
    assert_eq!(code(append(&backend, "one", "b")), ErrorCode::Corrupted);
}

#[test]
fn handles_of_one_process_share_the_file_and_outlive_each_other() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    let first =
        SqliteBackend::open(&path, SqliteOptions::new().durability(Durability::Normal)).unwrap();
    start(&first, "one");
    let second = open(&path);
    first.close().unwrap();
    assert_eq!(append(&second, "one", "a").unwrap(), 1);
    let third = open(&path);
    assert_eq!(append(&third, "one", "b").unwrap(), 2);
    drop(second);
    assert_eq!(texts(&third, "one"), ["a", "b"]);
}

#[test]
fn an_idle_store_writes_nothing() {
    let folder = Folder::new();
    let path = folder.path("store.db");
    let backend = SqliteBackend::open(&path, SqliteOptions::new().without_lock_guard()).unwrap();
    start(&backend, "one");
    backend.session(T, Lookup::Id("one")).unwrap();
    let state = || {
        ["store.db", "store.db-wal"]
            .map(|name| fs::metadata(folder.path(name)).unwrap().modified().unwrap())
    };
    let before = state();
    for _ in 0..10 {
        backend
            .sessions(
                T,
                &SessionFilter {
                    limit: 5,
                    ..SessionFilter::default()
                },
            )
            .unwrap();
        backend.append(T, rows("none", vec![row("x")])).unwrap();
        drop(open(&path));
    }
    thread::sleep(Duration::from_millis(50));
    assert_eq!(state(), before);
}
