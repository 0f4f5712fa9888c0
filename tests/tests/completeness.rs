//! Nothing public is left out: every operation and every error code appears in a scenario, or stands here with the test that shows it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use conformance::operations;
use conformance::scenario::{self, Scenario};
use convostore::ErrorCode;

/// Public functions of `Store` that are no operations on its data: ways to get one, and what it was opened with.
const NOT_OPERATIONS: [&str; 7] = [
    "open",
    "in_memory",
    "connect",
    "for_tenant",
    "on_primary",
    "tenant",
    "roles",
];

/// Operations that need what data cannot give, and the test that calls each.
const WITHOUT_SCENARIO: [(&str, &str, &str); 2] = [
    (
        "backup",
        "tests/tests/errors.rs",
        "a_backup_is_a_copy_and_overwrites_nothing",
    ),
    (
        "export_archive_to",
        "tests/tests/errors.rs",
        "an_archive_goes_into_a_file_of_its_own_and_overwrites_nothing",
    ),
];

/// Codes that data cannot cause, and the test that causes each.
const WITHOUT_DATA: [(ErrorCode, &str, &str); 12] = [
    (
        ErrorCode::Busy,
        "tests/tests/errors.rs",
        "a_writer_that_waits_longer_than_the_limit_is_busy",
    ),
    (
        ErrorCode::ReadOnly,
        "tests/tests/errors.rs",
        "what_may_not_be_written_is_read_only",
    ),
    (
        ErrorCode::PermissionDenied,
        "tests/tests/errors.rs",
        "a_path_that_cannot_be_is_permission_denied_and_named",
    ),
    (
        ErrorCode::DiskFull,
        "tests/tests/errors.rs",
        "no_space_left_is_disk_full_and_nothing_is_written",
    ),
    (
        ErrorCode::Unsupported,
        "tests/tests/errors.rs",
        "a_backup_of_memory_is_unsupported",
    ),
    (
        ErrorCode::LockLost,
        "core/tests/sqlite_lock_guard.rs",
        "work_that_runs_once_says_that_its_locks_were_lost",
    ),
    (
        ErrorCode::UnknownOutcome,
        "tests/tests/errors.rs",
        "an_outcome_that_is_unknown_is_settled_by_a_retry",
    ),
    (
        ErrorCode::Poisoned,
        "bindings-wasm/tests/robust.test.mjs",
        "exhausted memory poisons the instance",
    ),
    (
        ErrorCode::Reentrant,
        "tests/tests/errors.rs",
        "a_clock_that_calls_the_store_is_reentrant",
    ),
    (
        ErrorCode::Forked,
        "bindings-python/tests/test_processes.py",
        "assert e.code == \"forked\"",
    ),
    (
        ErrorCode::Storage,
        "tests/tests/errors.rs",
        "any_other_failure_below_is_storage_with_its_cause",
    ),
    // Of an archive data can cause it; of a file it cannot.
    (
        ErrorCode::UnsupportedSchema,
        "tests/tests/errors.rs",
        "a_newer_schema_is_unsupported_and_the_file_stays",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn scenarios() -> BTreeMap<String, Scenario> {
    let files = scenario::files();
    files
        .into_iter()
        .map(|(name, path)| (name, scenario::read(&path).unwrap()))
        .collect()
}

/// The public functions in the blocks `impl Store` of the core's store, but for those that are hidden.
fn public_functions() -> BTreeSet<String> {
    let folder = root().join("core/src/store");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let (mut inside, mut hidden) = (false, false);
        for line in text.lines() {
            match line {
                "impl Store {" => inside = true,
                "}" => inside = false,
                _ => {}
            }
            hidden |= line.trim() == "#[doc(hidden)]";
            if let Some(rest) = line.trim_start().strip_prefix("pub fn ").filter(|_| inside) {
                let end = rest.find(['(', '<']).unwrap();
                if !hidden {
                    found.insert(rest[..end].to_owned());
                }
                hidden = false;
            }
        }
    }
    found
}

#[test]
fn the_runner_knows_every_public_operation() {
    let mut expected: BTreeSet<String> = operations::NAMES.map(str::to_owned).into();
    expected.extend(WITHOUT_SCENARIO.map(|(name, ..)| name.to_owned()));
    expected.extend(NOT_OPERATIONS.map(str::to_owned));
    let public = public_functions();
    let missing: Vec<&String> = public.difference(&expected).collect();
    let gone: Vec<&String> = expected.difference(&public).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "public, but not known to the runner (tests/src/operations.rs): {missing:?}; known, but not public any more: {gone:?}"
    );
}

#[test]
fn every_operation_succeeds_in_a_scenario_and_is_tried_when_closed() {
    let scenarios = scenarios();
    let steps = || scenarios.values().flat_map(|scenario| &scenario.steps);
    for name in operations::NAMES {
        assert!(
            steps().any(|step| step.call == name && step.error.is_none()),
            "{name} succeeds in no scenario"
        );
        let closed = |code: Option<&String>| code.is_some_and(|code| code == "closed");
        assert!(
            name == "close" || steps().any(|step| step.call == name && closed(step.error.as_ref())),
            "no scenario calls {name} on a closed store"
        );
    }
    for step in steps() {
        let known = operations::NAMES.contains(&step.call.as_str()) || step.call == "reopen";
        assert!(
            known || step.clock.is_some(),
            "there is no operation {:?}",
            step.call
        );
    }
}

#[test]
fn every_error_code_is_caused() {
    let scenarios = scenarios();
    let in_data: BTreeSet<&str> = scenarios
        .values()
        .flat_map(|scenario| &scenario.steps)
        .filter_map(|step| step.error.as_deref())
        .collect();
    for code in ErrorCode::ALL {
        let elsewhere = WITHOUT_DATA.iter().any(|(listed, ..)| listed == code);
        assert!(
            in_data.contains(code.as_str()) || elsewhere,
            "no scenario expects {code}, and no test stands for it"
        );
    }
    for code in in_data {
        assert!(
            ErrorCode::ALL.iter().any(|known| known.as_str() == code),
            "there is no code {code:?}"
        );
    }
}

#[test]
fn the_tests_that_stand_for_a_scenario_exist() {
    let tests = WITHOUT_DATA.iter().map(|(_, file, name)| (file, name));
    for (file, name) in tests.chain(WITHOUT_SCENARIO.iter().map(|(_, file, name)| (file, name))) {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        let is_rust = Path::new(file)
            .extension()
            .is_some_and(|extension| extension == "rs");
        let marked = if is_rust {
            format!("#[test]\nfn {name}()")
        } else {
            (*name).to_owned()
        };
        assert!(text.contains(&marked), "{file} has no test {name:?}");
    }
}

#[test]
fn titles_are_sentences_and_unlike() {
    let mut titles = BTreeMap::new();
    for (name, scenario) in scenarios() {
        let title = scenario.title;
        assert!(
            title.ends_with('.') && title.len() > 20,
            "{name}: the title is no sentence: {title:?}"
        );
        assert!(!scenario.steps.is_empty(), "{name} does nothing");
        let checks = scenario
            .steps
            .iter()
            .any(|step| step.expect.is_some() || step.error.is_some());
        assert!(checks, "{name} expects nothing");
        if let Some(other) = titles.insert(title, name.clone()) {
            panic!("{name} and {other} have one title");
        }
    }
}

/// The table at the end of the description of the four systems that the store stands in for: each of their methods has its scenario.
#[test]
fn every_method_of_the_four_systems_is_shown() {
    let scenarios = scenarios();
    for (system, methods) in [
        (
            "a",
            "create_tables get_or_create_session update_session get_session_by_thread list_sessions_by_channel channel_context",
        ),
        (
            "b",
            "initialize_db get_or_create_session save_messages get_messages",
        ),
        (
            "c",
            "create_session get_or_create_session get_session list_sessions update_session_timestamp delete_session cleanup_old_sessions \
             save_message save_summary get_messages get_messages_since count_messages delete_messages_before first_message_preview",
        ),
        ("d", "create get list update"),
    ] {
        for method in methods.split_whitespace() {
            let name = format!("systems/{system}_{method}");
            assert!(scenarios.contains_key(&name), "there is no scenario {name}");
        }
    }
}
