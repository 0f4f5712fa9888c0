//! The archive: its bytes, its way from any backend to any other, and what is done with a damaged one.
#![cfg(feature = "sqlite")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use convostore::backend::memory::MemoryBackend;
use convostore::backend::{Backend, Continue, SessionRow, StartSession};
use convostore::{
    Content, Error, ErrorCode, ExportOptions, ExportReport, ImportOptions, ImportReport,
    JsonObject, Lifecycle, Message, MessageQuery, NewMessage, NewSession, Role, SaveOptions,
    Session, SessionQuery, SessionUpdate, Store, StoreOptions, Timestamp,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn options() -> StoreOptions {
    let clock = Mutex::new(1_767_323_045_000);
    StoreOptions::new().clock(move || {
        let mut now = clock.lock().unwrap();
        *now += 1;
        Timestamp::from_millis(*now).unwrap()
    })
}

/// A store of each kind, empty. The folder goes with the last.
fn stores() -> (TempDir, Vec<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let file = options().open(folder.path().join("store.db")).unwrap();
    (folder, vec![options().in_memory().unwrap(), file])
}

fn export(store: &Store) -> Vec<u8> {
    let mut out = Vec::new();
    let report = store
        .export_archive(&mut out, ExportOptions::new())
        .unwrap();
    assert_eq!(report.bytes, out.len() as u64);
    out
}

fn import(store: &Store, archive: &[u8]) -> Result<ImportReport, Error> {
    store.import_archive(archive, ImportOptions::new())
}

fn memory() -> Store {
    Store::in_memory().unwrap()
}

/// Fails unless the archive is refused, with one of the codes, and leaves nothing.
fn refused(archive: &[u8], codes: &[ErrorCode]) -> Error {
    let store = memory();
    let error = import(&store, archive).unwrap_err();
    assert!(codes.contains(&error.code()), "{error:?}");
    assert_is_empty(&store);
    error
}

fn assert_is_empty(store: &Store) {
    let stats = store.stats().unwrap();
    assert_eq!((stats.sessions, stats.messages, stats.contexts), (0, 0, 0));
    assert_eq!(store.list_lifecycles().unwrap().len(), 2);
}

/// The archive of these lines, with the digest that fits.
fn archive_of(lines: &[&str], counts: [u64; 4]) -> Vec<u8> {
    use std::fmt::Write;
    let mut out = String::from("{\"format\":\"convostore-archive\",\"version\":1}\n");
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    let mut digest = String::new();
    for byte in Sha256::digest(&out) {
        write!(digest, "{byte:02x}").unwrap();
    }
    let [lifecycles, contexts, sessions, messages] = counts;
    writeln!(
        out,
        "{{\"end\":{{\"counts\":{{\"lifecycles\":{lifecycles},\"contexts\":{contexts},\"sessions\":{sessions},\"messages\":{messages}}},\"sha256\":\"{digest}\"}}}}"
    )
    .unwrap();
    out.into_bytes()
}

const LIFECYCLE: &str = r#"{"lifecycle":{"name":"review","initial":"open","statuses":["open","merged"],"moves":[["open","merged"]],"final_statuses":["merged"]}}"#;
const CONTEXT: &str = r#"{"context":{"scope":"C042","data":"{ \"a\" : \"\\u0041\" }","revision":1,"created_at":1767323045003,"updated_at":1767323045003}}"#;
const SESSION: &str = r#"{"session":{"id":"s-1","scope":"C042","key":"k \"1\"","owner":"ada","lifecycle":"review","status":"merged","metadata":"{\"n\":12345678901234567890}","preview":"Grüße\n","preview_seq":1,"message_count":2,"last_seq":3,"revision":5,"created_at":1767323045004,"updated_at":1767323045008,"last_active_at":1767323045006}}"#;
const MESSAGE_1: &str =
    r#"{"message":{"seq":1,"role":"user","text":"Grüße\n","created_at":1767323045005}}"#;
const MESSAGE_2: &str = r#"{"message":{"seq":2,"role":"assistant","json":"{\"b\": 1e400}","token_count":31,"is_summary":true,"dedup_key":"turn-1","created_at":-5}}"#;
const EMPTY_SESSION: &str = r#"{"session":{"id":"s-2","scope":"","lifecycle":"agent","status":"created","metadata":"{}","message_count":0,"last_seq":0,"revision":1,"created_at":1767323045009,"updated_at":1767323045009,"last_active_at":1767323045009}}"#;

fn small_archive() -> Vec<u8> {
    archive_of(
        &[
            LIFECYCLE,
            CONTEXT,
            SESSION,
            MESSAGE_1,
            MESSAGE_2,
            EMPTY_SESSION,
        ],
        [1, 1, 2, 2],
    )
}

fn fill_small(store: &Store) {
    let review = Lifecycle::new("review", "open")
        .allow("open", "merged")
        .final_status("merged");
    store.get_context("C042").unwrap();
    store.define_lifecycle(review).unwrap();
    store.touch_session("none").unwrap_err();
    store.touch_session("none").unwrap_err();
    let data = JsonObject::parse(r#"{ "a" : "\u0041" }"#).unwrap();
    store.set_context("C042", data, None).unwrap();
    let metadata = JsonObject::parse(r#"{"n":12345678901234567890}"#).unwrap();
    let new = NewSession::new()
        .id("s-1")
        .scope("C042")
        .key("k \"1\"")
        .owner("ada");
    store
        .create_session(new.lifecycle("review").metadata(metadata))
        .unwrap();
    store
        .save_message("s-1", NewMessage::new(Role::USER, "Grüße\n"))
        .unwrap();
    let call = Content::json(r#"{"b": 1e400}"#).unwrap();
    let call = NewMessage::new(Role::ASSISTANT, call)
        .token_count(31)
        .summary(true);
    let call = call
        .dedup_key("turn-1")
        .created_at(Timestamp::from_millis(-5).unwrap());
    let gone = NewMessage::new("tool", "gone");
    store
        .save_messages("s-1", vec![call, gone], SaveOptions::new())
        .unwrap();
    store.pop_message("s-1").unwrap();
    store
        .update_session("s-1", SessionUpdate::new().status("merged"))
        .unwrap();
    store.create_session(NewSession::new().id("s-2")).unwrap();
}

#[test]
fn the_bytes_of_a_small_archive() {
    let (_folder, stores) = stores();
    for store in stores {
        fill_small(&store);
        let archive = String::from_utf8(export(&store)).unwrap();
        assert_eq!(archive, String::from_utf8(small_archive()).unwrap());
    }
    assert!(String::from_utf8(small_archive()).unwrap().ends_with(
        "\"sha256\":\"eecf321afbd8a8e377c175d57b8c0bfb42ee0c86763c0b2f0f51b9612644bfec\"}}\n"
    ));
}

#[test]
fn an_empty_store_has_an_archive_too() {
    let archive = export(&memory());
    assert_eq!(archive, archive_of(&[], [0; 4]));
    assert_eq!(
        import(&memory(), &archive).unwrap().bytes,
        archive.len() as u64
    );
}

#[test]
fn the_tenant_is_not_told_and_another_one_can_import() {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let open = |tenant: &str| {
        options()
            .tenant(tenant)
            .with_backend(Arc::clone(&backend))
            .unwrap()
    };
    let acme = open("acme-the-tenant");
    assert_eq!(acme.tenant(), "acme-the-tenant");
    fill_small(&acme);
    let archive = export(&acme);
    assert!(!String::from_utf8_lossy(&archive).contains("acme-the-tenant"));
    let other = open("other");
    assert_eq!(export(&other), archive_of(&[], [0; 4]));
    import(&other, &archive).unwrap();
    assert_eq!(export(&other), archive);
    assert_eq!(export(&acme), archive);
}

/// Contents that parsers, databases and other languages would bend.
fn exotic() -> Vec<Content> {
    let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    let mut all = vec![
        Content::text(""),
        Content::text("a\0b"),
        Content::text("\u{1}\u{7f}\u{2028}\u{feff}\u{ffff}\u{10ffff}\"\\/\r\n\t"),
        Content::text("👨‍👩‍👧 e\u{301}"),
        Content::text("x".repeat(1 << 20)),
        Content::text("\u{1}".repeat(100_000)),
    ];
    for json in [
        r#""\u0041""#,
        r#""\ud800""#,
        r#""\ud800\ud800\udc00""#,
        r#""\u0000""#,
        r#""\/""#,
        r#""""#,
        r#""a""#,
        "18446744073709551616",
        "9007199254740993",
        "1e400",
        "-0",
        "-0.0",
        "1.0",
        "1E+2",
        "null",
        "true",
        "[]",
        "{}",
        r#"{"a":1,"a":2,"__proto__":3}"#,
        " { \"a\" :\n [ 1 ,\t2 ] }\r\n",
        &deep,
    ] {
        all.push(Content::json(json).unwrap());
    }
    all
}

fn fill_exotic(store: &Store) {
    fill_small(store);
    for (index, content) in exotic().into_iter().enumerate() {
        let id = format!("exotic-{}", index % 3);
        store
            .get_or_create_session(NewSession::new().id(&id))
            .unwrap();
        store
            .save_message(&id, NewMessage::new(Role::USER, content))
            .unwrap();
    }
    for scope in ["", "ü", "a/b", "a\u{10ffff}"] {
        let data = JsonObject::parse(" {\"n\" : 1e999, \"n\":\"\\u0000\\ud800\"} ").unwrap();
        store.set_context(scope, data, None).unwrap();
    }
    for id in ["cleared", "trimmed"] {
        store.create_session(NewSession::new().id(id)).unwrap();
        let of =
            |n: u32| NewMessage::new(Role::USER, format!("message {n}")).dedup_key(n.to_string());
        store
            .save_messages(id, (1..=40).map(of).collect(), SaveOptions::new())
            .unwrap();
    }
    store.clear_messages("cleared").unwrap();
    store.delete_messages_before("trimmed", 20).unwrap();
}

fn everything(store: &Store) -> Vec<(Session, Vec<Message>)> {
    let sessions = store
        .list_sessions(SessionQuery::new().limit(1000))
        .unwrap()
        .items;
    let of = |session: Session| {
        let messages = store
            .get_messages(&session.id, MessageQuery::new())
            .unwrap();
        (session, messages)
    };
    sessions.into_iter().map(of).collect()
}

#[test]
fn all_contents_come_back_to_the_byte_from_any_backend_to_any_other() {
    let (_folder, from) = stores();
    let mut archives = Vec::new();
    for store in &from {
        fill_exotic(store);
        archives.push(export(store));
    }
    assert!(
        archives[0] == archives[1],
        "the backends write different archives"
    );
    let (_folder, into) = stores();
    for (store, archive) in into.iter().zip(archives.iter().rev()) {
        let report = import(store, archive).unwrap();
        assert_eq!(
            (report.sessions, report.lifecycles, report.unchanged),
            (7, 1, 0)
        );
        assert_eq!(everything(store), everything(&from[0]));
        assert!(export(store) == *archive);
        assert!(store.check().unwrap().is_sound(), "{:?}", store.check());
        // Numbers go on where they were.
        let next = store
            .save_message("s-1", NewMessage::new(Role::USER, "next"))
            .unwrap();
        assert_eq!(next.seq, 4);
    }
}

#[test]
fn importing_twice_does_no_harm() {
    let (_folder, stores) = stores();
    let source = memory();
    fill_exotic(&source);
    let archive = export(&source);
    for store in stores {
        import(&store, &archive).unwrap();
        let again = import(&store, &archive).unwrap();
        assert_eq!(again.unchanged, 7 + 5 + 1);
        assert_eq!(
            (
                again.sessions,
                again.messages,
                again.contexts,
                again.lifecycles
            ),
            (0, 0, 0, 0)
        );
        assert!(export(&store) == archive);
    }
}

#[test]
fn a_dry_run_reports_the_same_and_changes_nothing() {
    let (_folder, stores) = stores();
    for store in stores {
        let dry = ImportOptions::new().dry_run(true);
        let would = store
            .import_archive(small_archive().as_slice(), dry)
            .unwrap();
        assert_is_empty(&store);
        assert_eq!(import(&store, &small_archive()).unwrap(), would);
        assert_eq!(
            (
                would.sessions,
                would.messages,
                would.contexts,
                would.lifecycles
            ),
            (2, 2, 1, 1)
        );
        let error = store.import_archive(&b"x"[..], dry).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}

/// Imports the small archive over a store in which something was changed.
fn conflict(change: impl Fn(&Store)) -> Error {
    let (_folder, stores) = stores();
    let mut last = None;
    for store in stores {
        change(&store);
        let before = export(&store);
        let error = import(&store, &small_archive()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Conflict, "{error:?}");
        assert!(export(&store) == before, "something was imported");
        let dry = ImportOptions::new().dry_run(true);
        let error = store
            .import_archive(small_archive().as_slice(), dry)
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Conflict);
        // A damaged archive is called damaged even here.
        let mut damaged = small_archive();
        let last_digit = damaged.len() - 5;
        damaged[last_digit] ^= 1;
        assert_eq!(
            import(&store, &damaged).unwrap_err().code(),
            ErrorCode::Corrupted
        );
        last = Some(error);
    }
    last.unwrap()
}

#[test]
fn what_is_there_and_differs_is_a_conflict_that_names_it() {
    let imported = |store: &Store| {
        import(store, &small_archive()).unwrap();
    };
    let error = conflict(|store| drop(store.create_session(NewSession::new().id("s-2")).unwrap()));
    assert_eq!(error.details()["session_id"], "s-2");
    let error = conflict(|store| {
        imported(store);
        store.touch_session("s-1").unwrap();
    });
    assert_eq!(error.details()["session_id"], "s-1");
    let error = conflict(|store| {
        drop(
            store
                .create_session(NewSession::new().id("x").scope("C042").key("k \"1\""))
                .unwrap(),
        );
    });
    assert_eq!(error.details()["key"], "k \"1\"");
    let error = conflict(|store| {
        drop(
            store
                .set_context("C042", JsonObject::default(), None)
                .unwrap(),
        );
    });
    assert_eq!(error.details()["scope"], "C042");
    let error = conflict(|store| {
        drop(
            store
                .define_lifecycle(Lifecycle::new("review", "open"))
                .unwrap(),
        );
    });
    assert_eq!(error.details()["lifecycle"], "review");
}

#[test]
fn messages_are_compared_too() {
    let store = memory();
    import(&store, &small_archive()).unwrap();
    let other = small_archive_with(&[(MESSAGE_1, &MESSAGE_1.replace("Grüße", "Grüsse"))]);
    let error = import(&store, &other).unwrap_err();
    assert_eq!(
        (error.code(), &error.details()["session_id"]),
        (ErrorCode::Conflict, &"s-1".into())
    );
}

#[test]
fn a_lifecycle_may_say_the_same_in_another_order_and_built_in_ones_cannot_be_redefined() {
    let store = memory();
    let lifecycle = Lifecycle::new("review", "open")
        .status("merged")
        .final_status("merged")
        .allow("open", "merged");
    store.define_lifecycle(lifecycle).unwrap();
    assert_eq!(import(&store, &small_archive()).unwrap().unchanged, 1);

    let ticket = r#"{"lifecycle":{"name":"ticket","initial":"collecting","statuses":["ready_to_sync","collecting","synced"],"moves":[["collecting","ready_to_sync"],["ready_to_sync","synced"]],"final_statuses":["synced"]}}"#;
    let same = archive_of(&[ticket], [1, 0, 0, 0]);
    assert_eq!(import(&memory(), &same).unwrap().unchanged, 1);
    let other = archive_of(&[&ticket.replace(r#"["synced"]}"#, "[]}")], [1, 0, 0, 0]);
    let error = refused(&other, &[ErrorCode::Conflict]);
    assert_eq!(error.details()["lifecycle"], "ticket");
}

const DAMAGED: &[ErrorCode] = &[
    ErrorCode::Corrupted,
    ErrorCode::InvalidArgument,
    ErrorCode::UnsupportedSchema,
];

#[test]
fn an_archive_cut_off_anywhere_is_refused() {
    let archive = small_archive();
    let header = archive.iter().position(|b| *b == b'\n').unwrap();
    for length in 0..archive.len() {
        let code = if length == 0 {
            ErrorCode::InvalidArgument
        } else {
            ErrorCode::Corrupted
        };
        let error = refused(&archive[..length], &[code]);
        assert!(length <= header || error.details().contains_key("line"));
    }
    let mut longer = archive;
    longer.push(b'\n');
    refused(&longer, &[ErrorCode::Corrupted]);
}

#[test]
fn an_archive_with_any_byte_changed_is_refused() {
    let archive = small_archive();
    for index in 0..archive.len() {
        for change in [
            1_u8,
            2,
            0x20,
            0x80,
            archive[index] ^ b'\n',
            archive[index] ^ b'"',
        ] {
            if change == 0 {
                continue;
            }
            let mut changed = archive.clone();
            changed[index] ^= change;
            refused(&changed, DAMAGED);
        }
    }
}

#[test]
fn what_is_no_archive_and_what_is_of_a_newer_version() {
    for foreign in [
        &b""[..],
        b"\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"SQLite format 3\0",
        b"{}\n",
        b"null\n",
        b"{\"format\":\"other\",\"version\":1}\n",
        b"\xef\xbb\xbf{\"format\":\"convostore-archive\",\"version\":1}\n",
        &[0xff; 4096],
        &[b'x'; 10_000],
    ] {
        let error = refused(foreign, &[ErrorCode::InvalidArgument]);
        assert!(
            error.message().contains("not a convostore archive"),
            "{error}"
        );
    }
    let newer = b"{\"format\":\"convostore-archive\",\"version\":2,\"compression\":\"none\"}\n{}\n";
    let error = refused(newer, &[ErrorCode::UnsupportedSchema]);
    assert_eq!(error.details()["version"], 2);
    refused(
        b"{\"format\":\"convostore-archive\",\"version\":0}\n",
        &[ErrorCode::Corrupted],
    );
    refused(
        b"{\"version\":1,\"format\":\"convostore-archive\"}\n",
        &[ErrorCode::Corrupted],
    );
}

fn small_archive_with(changes: &[(&str, &str)]) -> Vec<u8> {
    let lines = [
        LIFECYCLE,
        CONTEXT,
        SESSION,
        MESSAGE_1,
        MESSAGE_2,
        EMPTY_SESSION,
    ];
    let lines = lines.map(|line| {
        changes
            .iter()
            .find(|(from, _)| *from == line)
            .map_or(line, |(_, to)| to)
    });
    archive_of(&lines, [1, 1, 2, 2])
}

#[test]
fn what_no_store_can_hold_is_refused_though_the_digest_fits() {
    import(&memory(), &small_archive_with(&[])).unwrap();
    let long = |n: usize| "x".repeat(n);
    let changes: Vec<(&str, &str, String)> = vec![
        // Values.
        (
            SESSION,
            r#""status":"merged""#,
            r#""status":"closed""#.into(),
        ),
        (
            SESSION,
            r#""lifecycle":"review""#,
            r#""lifecycle":"other""#.into(),
        ),
        (SESSION, r#""id":"s-1""#, r#""id":"""#.into()),
        (SESSION, r#""id":"s-1""#, r#""id":"s-1\u0000""#.into()),
        (SESSION, r#""id":"s-1""#, format!(r#""id":"{}""#, long(129))),
        (
            SESSION,
            r#""scope":"C042""#,
            format!(r#""scope":"{}""#, long(1025)),
        ),
        (SESSION, r#""owner":"ada""#, r#""owner":"""#.into()),
        (SESSION, r#""owner":"ada""#, r#""owner":null"#.into()),
        (
            SESSION,
            r#""metadata":"{\"n\":12345678901234567890}""#,
            r#""metadata":"{\"n\":}""#.into(),
        ),
        (
            SESSION,
            r#""metadata":"{\"n\":12345678901234567890}""#,
            r#""metadata":"[]""#.into(),
        ),
        (
            SESSION,
            r#""preview":"Grüße\n""#,
            format!(r#""preview":"{}""#, long(101)),
        ),
        (
            SESSION,
            r#""preview":"Grüße\n""#,
            r#""preview":"a\u0000""#.into(),
        ),
        (SESSION, r#""preview":"Grüße\n","#, String::new()),
        (SESSION, r#""preview_seq":1,"#, String::new()),
        (SESSION, r#""preview_seq":1"#, r#""preview_seq":4"#.into()),
        (SESSION, r#""preview_seq":1"#, r#""preview_seq":0"#.into()),
        (
            SESSION,
            r#""message_count":2"#,
            r#""message_count":1"#.into(),
        ),
        (
            SESSION,
            r#""message_count":2"#,
            r#""message_count":3"#.into(),
        ),
        (SESSION, r#""last_seq":3"#, r#""last_seq":1"#.into()),
        (
            SESSION,
            r#""last_seq":3"#,
            r#""last_seq":4294967296"#.into(),
        ),
        (
            SESSION,
            r#""last_seq":3"#,
            r#""last_seq":18446744073709551615"#.into(),
        ),
        (SESSION, r#""revision":5"#, r#""revision":0"#.into()),
        (
            SESSION,
            r#""revision":5"#,
            r#""revision":9007199254740992"#.into(),
        ),
        (
            SESSION,
            r#""updated_at":1767323045008"#,
            r#""updated_at":1767323045003"#.into(),
        ),
        (
            SESSION,
            r#""last_active_at":1767323045006"#,
            r#""last_active_at":0"#.into(),
        ),
        (
            SESSION,
            r#""last_active_at":1767323045006"#,
            r#""last_active_at":253402300800000"#.into(),
        ),
        (MESSAGE_1, r#""role":"user""#, r#""role":"""#.into()),
        (
            MESSAGE_1,
            r#""role":"user""#,
            format!(r#""role":"{}""#, long(65)),
        ),
        (
            MESSAGE_1,
            r#""text":"Grüße\n""#,
            r#""text":"a\u0000""#.into(),
        ),
        (
            MESSAGE_1,
            r#""text":"Grüße\n""#,
            r#""json":"{\"a\"""#.into(),
        ),
        (MESSAGE_1, r#""text":"Grüße\n""#, r#""json":"""#.into()),
        (MESSAGE_1, r#""text":"Grüße\n""#, r#""json":"1 2""#.into()),
        (MESSAGE_1, r#""text":"Grüße\n""#, r#""json":"NaN""#.into()),
        (
            MESSAGE_1,
            r#""text":"Grüße\n""#,
            format!(r#""json":"{}""#, "[".repeat(129) + &"]".repeat(129)),
        ),
        (MESSAGE_1, r#""text":"Grüße\n","#, String::new()),
        (
            MESSAGE_1,
            r#""text":"Grüße\n""#,
            r#""text":"a","json":"1""#.into(),
        ),
        (
            MESSAGE_1,
            r#""created_at":1767323045005"#,
            r#""token_count":9007199254740992,"created_at":1767323045005"#.into(),
        ),
        (
            MESSAGE_1,
            r#""created_at":1767323045005"#,
            r#""dedup_key":"turn-1","created_at":1767323045005"#.into(),
        ),
        (
            MESSAGE_1,
            r#""created_at":1767323045005"#,
            r#""dedup_key":"","created_at":1767323045005"#.into(),
        ),
        (
            CONTEXT,
            r#""data":"{ \"a\" : \"\\u0041\" }""#,
            r#""data":"1""#.into(),
        ),
        (CONTEXT, r#""revision":1"#, r#""revision":0"#.into()),
        (
            CONTEXT,
            r#""updated_at":1767323045003"#,
            r#""updated_at":1"#.into(),
        ),
        (
            LIFECYCLE,
            r#""initial":"open""#,
            r#""initial":"begun""#.into(),
        ),
        (
            LIFECYCLE,
            r#"[["open","merged"]]"#,
            r#"[["merged","open"]]"#.into(),
        ),
        // Numbers and order of messages.
        (MESSAGE_1, r#""seq":1"#, r#""seq":0"#.into()),
        (MESSAGE_1, r#""seq":1"#, r#""seq":2"#.into()),
        (MESSAGE_1, r#""seq":1"#, r#""seq":3"#.into()),
        (MESSAGE_2, r#""seq":2"#, r#""seq":4"#.into()),
        // Another way to write the same.
        (MESSAGE_1, r#""seq":1"#, r#""seq": 1"#.into()),
        (MESSAGE_1, r#""seq":1"#, r#""seq":1.0"#.into()),
        (
            MESSAGE_1,
            r#""seq":1,"role":"user""#,
            r#""role":"user","seq":1"#.into(),
        ),
        (MESSAGE_1, r#""seq":1"#, r#""seq":1,"seq":1"#.into()),
        (MESSAGE_1, r#""seq":1"#, r#""seq":1,"extra":1"#.into()),
        (MESSAGE_1, "ü", r"\u00fc".into()),
        (MESSAGE_1, r"\n", r"\u000a".into()),
        (
            MESSAGE_1,
            r#""text":"Grüße\n""#,
            r#""json":"\"Grüße\\n\"""#.into(),
        ),
        (
            MESSAGE_1,
            r#""created_at":1767323045005"#,
            r#""is_summary":false,"created_at":1767323045005"#.into(),
        ),
        (
            MESSAGE_1,
            r#""created_at":1767323045005"#,
            r#""token_count":null,"created_at":1767323045005"#.into(),
        ),
        (
            MESSAGE_2,
            r#""created_at":-5"#,
            r#""created_at":-05"#.into(),
        ),
    ];
    for (line, from, to) in changes {
        assert!(line.contains(from), "{from}");
        let other = line.replace(from, &to);
        let error = refused(
            &small_archive_with(&[(line, &other)]),
            &[ErrorCode::Corrupted],
        );
        assert!(error.details().contains_key("line"), "{error:?}");
        for secret in ["Gr", "1e400", "12345678901234567890"] {
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_the_line() {
    let line = MESSAGE_1.replace(r#""seq":1"#, r#""seq":0"#);
    assert_ne!(line, MESSAGE_1);
    let error = refused(
        &small_archive_with(&[(MESSAGE_1, &line)]),
        &[ErrorCode::Corrupted],
    );
    assert_eq!(
        error.message(),
        "the archive is damaged; its line 5 is wrong: its seq is 0; it must be from 1 to 4294967295"
    );
}

#[test]
fn rows_out_of_order_and_counts_that_do_not_fit_are_refused() {
    let all = [
        LIFECYCLE,
        CONTEXT,
        SESSION,
        MESSAGE_1,
        MESSAGE_2,
        EMPTY_SESSION,
    ];
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)] {
        let mut lines = all;
        lines.swap(a, b);
        refused(&archive_of(&lines, [1, 1, 2, 2]), &[ErrorCode::Corrupted]);
    }
    for index in 0..4 {
        let mut counts = [1, 1, 2, 2];
        counts[index] += 1;
        refused(&archive_of(&all, counts), &[ErrorCode::Corrupted]);
    }
    for index in 0..all.len() {
        let twice = [&all[..=index], &all[index..]].concat();
        let kinds = [0, 1, 2, 3, 3, 2];
        let mut counts = [1, 1, 2, 2];
        counts[kinds[index]] += 1;
        refused(&archive_of(&twice, counts), &[ErrorCode::Corrupted]);
    }
    let end = String::from_utf8(archive_of(&[], [0; 4])).unwrap();
    let end = end.lines().last().unwrap();
    refused(
        &archive_of(&[LIFECYCLE, end], [1, 0, 0, 0]),
        &[ErrorCode::Corrupted],
    );
    for line in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"other":{}}"#,
        r#"{"session":{}}"#,
        r#""message""#,
        r#"{"message":[1]}"#,
    ] {
        refused(&archive_of(&[line], [0; 4]), &[ErrorCode::Corrupted]);
    }
    refused(
        &archive_of(&[MESSAGE_1], [0, 0, 0, 1]),
        &[ErrorCode::Corrupted],
    );
}

#[test]
fn two_sessions_of_one_key_are_refused_by_every_backend() {
    let second = SESSION
        .replace("s-1", "s-2")
        .replace(r#""message_count":2"#, r#""message_count":0"#);
    let archive = archive_of(
        &[LIFECYCLE, SESSION, MESSAGE_1, MESSAGE_2, &second],
        [1, 0, 2, 2],
    );
    let (_folder, stores) = stores();
    for store in stores {
        assert_eq!(
            import(&store, &archive).unwrap_err().code(),
            ErrorCode::Conflict
        );
        assert_is_empty(&store);
    }
}

#[test]
fn a_role_that_nobody_declared_can_be_imported() {
    let archive = small_archive_with(&[(MESSAGE_1, &MESSAGE_1.replace("user", "critic"))]);
    let store = memory();
    import(&store, &archive).unwrap();
    assert_eq!(export(&store), archive);
}

/// Gives or takes a byte at a time, and fails in the end.
struct Slow<'a> {
    archive: &'a [u8],
    is_interrupted: bool,
    fails: Option<io::ErrorKind>,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match (self.archive.split_first(), self.fails) {
            (Some((first, rest)), _) => {
                buffer[0] = *first;
                self.archive = rest;
                Ok(1)
            }
            (None, Some(kind)) => Err(kind.into()),
            (None, None) => Ok(0),
        }
    }
}

#[test]
fn readers_may_be_slow_interrupted_and_may_fail() {
    let archive = small_archive();
    let slow = |archive, fails| {
        let slow = Slow {
            archive,
            is_interrupted: false,
            fails,
        };
        memory().import_archive(slow, ImportOptions::new())
    };
    assert_eq!(slow(&archive, None).unwrap().sessions, 2);
    for (kind, code) in [
        (io::ErrorKind::ConnectionReset, ErrorCode::Storage),
        (io::ErrorKind::InvalidData, ErrorCode::Corrupted),
    ] {
        for length in [0, 10, 100, 700, archive.len()] {
            let error = slow(&archive[..length], Some(kind)).unwrap_err();
            assert_eq!(error.code(), code);
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}

struct Full(usize, io::ErrorKind);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(self.1.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writers_may_fail() {
    let store = memory();
    fill_exotic(&store);
    for room in [0, 1, 1000, 1_000_000] {
        for (kind, code) in [
            (io::ErrorKind::StorageFull, ErrorCode::DiskFull),
            (io::ErrorKind::BrokenPipe, ErrorCode::Storage),
        ] {
            let error = store
                .export_archive(Full(room, kind), ExportOptions::new())
                .unwrap_err();
            assert_eq!(error.code(), code);
            assert!(std::error::Error::source(&error).is_some());
        }
    }
    let enough = export(&store).len();
    store
        .export_archive(
            Full(enough, io::ErrorKind::StorageFull),
            ExportOptions::new(),
        )
        .unwrap();
}

/// Calls the store while it is being called by it.
struct Meddling(Store, Option<ErrorCode>);

impl Meddling {
    fn meddle(&mut self) {
        self.1 = self.0.stats().err().map(|e| e.code());
    }
}

impl Write for Meddling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.meddle();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Meddling {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.meddle();
        Ok(0)
    }
}

#[test]
fn neither_end_may_call_back_into_the_store() {
    let (_folder, stores) = stores();
    for store in stores {
        let mut end = Meddling(store.clone(), None);
        store
            .export_archive(&mut end, ExportOptions::new())
            .unwrap();
        assert_eq!(end.1.take(), Some(ErrorCode::Reentrant));
        store
            .import_archive(&mut end, ImportOptions::new())
            .unwrap_err();
        assert_eq!(end.1.take(), Some(ErrorCode::Reentrant));
    }
}

#[test]
fn a_file_of_its_own_is_private_and_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.convostore");
    let store = memory();
    fill_small(&store);
    let report = store
        .export_archive_to(&path, ExportOptions::new())
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(
        (report.bytes, &bytes),
        (bytes.len() as u64, &export(&store))
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let error = store
        .export_archive_to(&path, ExportOptions::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let nowhere = folder.path().join("none/all.convostore");
    let error = store
        .export_archive_to(nowhere, ExportOptions::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::PermissionDenied);
}

/// A row that no operation would write.
fn put_row(backend: &dyn Backend, row: SessionRow) {
    let row = Arc::new(StartSession {
        find: Continue::Never,
        row,
    });
    backend.start_session("default", row).unwrap();
}

fn row(id: &str) -> SessionRow {
    let session = Session::new(
        id,
        "",
        "agent",
        "active",
        Timestamp::from_millis(0).unwrap(),
    );
    SessionRow {
        session,
        last_seq: 0,
        preview_seq: None,
        is_final: false,
    }
}

#[test]
fn a_store_that_is_not_sound_is_exported_by_the_tolerant_only() {
    let backend = Arc::new(MemoryBackend::new());
    let store = options().with_backend(backend.clone()).unwrap();
    fill_small(&store);
    let mut odd = row("odd");
    odd.session.lifecycle = "lost".into();
    odd.session.metadata = JsonObject::from_stored("[".into());
    odd.session.message_count = 7;
    odd.session.preview = Some("of nothing".into());
    odd.is_final = true;
    put_row(&*backend, odd);
    let message =
        |seq, content| Message::new(seq, "user", content, Timestamp::from_millis(9).unwrap());
    let broken = Content::from_stored(false, "{secret".into());
    backend
        .write_alone("default", &mut |tx| {
            tx.insert_messages(
                "odd",
                &[
                    message(1, "one".into()),
                    message(2, broken.clone()),
                    message(5, "five".into()),
                ],
            )
        })
        .unwrap();

    let error = store
        .export_archive(io::sink(), ExportOptions::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupted, "{error:?}");

    let (archive, report) = tolerant(&store);
    assert!(
        report
            .unreadable
            .iter()
            .any(|s| s.contains("message 2 of the session \"odd\"")),
        "{report:?}"
    );
    assert!(
        report.unreadable.iter().all(|s| !s.contains("secret")),
        "{report:?}"
    );
    let copy = memory();
    import(&copy, &archive).unwrap();
    assert!(copy.check().unwrap().is_sound());
    let texts: Vec<u64> = copy
        .get_messages("odd", MessageQuery::new())
        .unwrap()
        .iter()
        .map(|m| m.seq)
        .collect();
    assert_eq!(texts, [1, 5]);
    assert_eq!(copy.get_session("odd").unwrap().unwrap().message_count, 2);
    assert_eq!(
        copy.get_session("s-1").unwrap(),
        store.get_session("s-1").unwrap()
    );
}

#[test]
fn a_session_with_more_messages_than_it_counts_makes_no_plain_archive() {
    let backend = Arc::new(MemoryBackend::new());
    let store = options().with_backend(backend.clone()).unwrap();
    let mut row = row("s");
    row.last_seq = 2;
    row.session.message_count = 1;
    put_row(&*backend, row);
    let at = Timestamp::from_millis(9).unwrap();
    let messages = [1, 2].map(|seq| Message::new(seq, "user", "text", at));
    backend
        .write_alone("default", &mut |tx| tx.insert_messages("s", &messages))
        .unwrap();
    let error = store
        .export_archive(io::sink(), ExportOptions::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupted);
    let (archive, _) = tolerant(&store);
    let copy = memory();
    import(&copy, &archive).unwrap();
    assert!(copy.check().unwrap().is_sound());
}

#[test]
fn pieces_give_the_same_archive() {
    let store = memory();
    fill_small(&store);
    let mut pieces = Vec::new();
    let mut give = |piece: &[u8]| {
        pieces.extend_from_slice(piece);
        Ok(())
    };
    let report = store
        .export_archive_pieces(&mut give, ExportOptions::new())
        .unwrap();
    assert_eq!(report.bytes, pieces.len() as u64);
    assert_eq!(pieces, export(&store));
}

fn tolerant(store: &Store) -> (Vec<u8>, ExportReport) {
    let mut archive = Vec::new();
    let report = store
        .export_archive(&mut archive, ExportOptions::new().tolerant(true))
        .unwrap();
    (archive, report)
}

#[test]
fn the_tolerant_export_of_a_sound_store_is_the_plain_one() {
    let (_folder, stores) = stores();
    for store in stores {
        fill_exotic(&store);
        let (archive, report) = tolerant(&store);
        assert_eq!(report.unreadable, [""; 0]);
        assert!(archive == export(&store));
    }
}

#[test]
fn many_messages_and_large_ones() {
    let (_folder, stores) = stores();
    for store in stores {
        let id = store.create_session(NewSession::new()).unwrap().id;
        for batch in 0..20 {
            let of =
                |n| NewMessage::new(Role::USER, format!("{n}")).dedup_key(format!("{batch}-{n}"));
            store
                .save_messages(&id, (0..1000).map(of).collect(), SaveOptions::new())
                .unwrap();
        }
        store
            .save_message(&id, NewMessage::new(Role::TOOL, "x".repeat(4 << 20)))
            .unwrap();
        let archive = export(&store);
        let copy = memory();
        let report = import(&copy, &archive).unwrap();
        assert_eq!(report.messages, 20_001);
        assert!(export(&copy) == archive);
        assert_eq!(import(&copy, &archive).unwrap().unchanged, 1);
    }
}
