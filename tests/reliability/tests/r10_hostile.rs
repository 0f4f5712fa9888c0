//! R10: hostile archives, filters, cursors, contents, ids and keys: the fuzzer's corpus once more, and what they cost in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use convostore::{ExportOptions, ImportOptions, Store};
use peak_alloc::PeakAlloc;
use reliability::hostile::{HARNESSES, Harness};
use reliability::{Chance, Effort, Verdict, seed};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

#[test]
fn the_corpus_does_no_harm() {
    let seed = seed();
    let effort = Effort::new(4_000, u64::MAX);
    let (mut runs, mut violations) = (0, 0);
    let mut corpora = Vec::new();
    for (name, harness) in HARNESSES {
        let corpus = corpus(name);
        println!("R10: {} inputs for {name}", corpus.len());
        for (path, bytes) in &corpus {
            violations += u64::from(!holds(harness, bytes, path));
            runs += 1;
        }
        corpora.push((harness, corpus));
    }
    // And inputs near them, without a fuzzer's eyes.
    let mut chance = Chance::new(seed);
    while effort.goes_on(runs) {
        for (harness, corpus) in &corpora {
            let bytes = near(corpus, &mut chance);
            violations += u64::from(!holds(*harness, &bytes, &format!("{bytes:?}")));
            runs += 1;
        }
    }
    Verdict {
        guarantee: "R10 corpus",
        runs,
        violations,
        control_violations: None,
    }
    .record();
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there is no corpus for {name}");
    files
}

/// Whether the harness comes to its end, and with little memory.
fn holds(harness: Harness, bytes: &[u8], what: &str) -> bool {
    let before = start_measuring();
    let ended = catch_unwind(|| harness(bytes)).is_ok();
    let taken = taken(before);
    let fits = taken <= allowed(bytes.len());
    if !ended || !fits {
        println!("R10: {what}: it ended {ended}, {taken} bytes of memory");
    }
    ended && fits
}

fn start_measuring() -> usize {
    MEMORY.reset_peak_usage();
    MEMORY.current_usage()
}

fn taken(before: usize) -> usize {
    MEMORY.peak_usage().saturating_sub(before)
}

fn allowed(input: usize) -> usize {
    64 * MIB + 16 * input
}

/// One of the corpus, with a few bytes changed or two of them joined.
fn near(corpus: &[(String, Vec<u8>)], chance: &mut Chance) -> Vec<u8> {
    let mut some = || {
        let index = usize::try_from(chance.below(corpus.len() as u64)).unwrap();
        corpus[index].1.clone()
    };
    let (mut bytes, other) = (some(), some());
    if chance.percent(20) {
        let half = bytes.len() / 2;
        bytes.truncate(half);
        bytes.extend(&other[other.len() / 2..]);
    }
    for _ in 0..chance.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = usize::try_from(chance.below(bytes.len() as u64)).unwrap();
        match chance.below(3) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, u8::try_from(chance.below(256)).unwrap()),
        }
    }
    bytes
}

/// Large inputs of the shapes that cost most: of each size, how much memory it takes to refuse or to take them.
#[test]
fn large_archives_take_memory_in_proportion() {
    let header = "{\"format\":\"convostore-archive\",\"version\":1}\n";
    let session = "{\"session\":{\"id\":\"a\",\"scope\":\"\",\"lifecycle\":\"agent\",\"status\":\"created\",\"metadata\":\"{}\",";
    let shapes: [(&str, String); 7] = [
        ("one line", "x".repeat(24 * MIB)),
        (
            "opened brackets",
            format!("{session}\"x\":{}", "[".repeat(24 * MIB)),
        ),
        (
            "opened objects",
            format!("{session}\"x\":{}", "{\"a\":".repeat(5 * MIB)),
        ),
        (
            "escapes",
            format!("{{\"context\":{{\"scope\":\"{}", "\\u0001".repeat(4 * MIB)),
        ),
        (
            "numbers",
            format!(
                "{{\"lifecycle\":{{\"name\":\"a\",\"initial\":{}",
                "9".repeat(24 * MIB)
            ),
        ),
        ("short lines", "{}\n".repeat(8 * MIB)),
        (
            "statuses",
            format!(
                "{{\"lifecycle\":{{\"name\":\"a\",\"initial\":\"b\",\"statuses\":[{}",
                "\"b\",".repeat(6 * MIB)
            ),
        ),
    ];
    let (mut runs, mut violations) = (0, 0);
    for (shape, lines) in shapes {
        let bytes = format!("{header}{lines}").into_bytes();
        violations += measure(shape, &bytes);
        runs += 1;
    }
    for (shape, bytes) in [
        ("many messages", many_messages()),
        ("a large content", large_content()),
    ] {
        violations += measure(shape, &bytes);
        runs += 1;
    }
    Verdict {
        guarantee: "R10 memory",
        runs,
        violations,
        control_violations: None,
    }
    .record();
}

/// Into memory, which then holds what was taken, and into a file.
fn measure(shape: &str, bytes: &[u8]) -> u64 {
    let folder = conformance::world::temporary_folder();
    let stores = [
        Store::in_memory().unwrap(),
        Store::open(folder.path().join("store.db")).unwrap(),
    ];
    let mut violations = 0;
    for store in stores {
        let before = start_measuring();
        let imported = store.import_archive(bytes, ImportOptions::new()).is_ok();
        let taken = taken(before);
        println!(
            "R10: {shape}, {} MiB, taken {imported}: {} MiB of memory",
            bytes.len() / MIB,
            taken / MIB
        );
        violations += u64::from(taken > allowed(bytes.len()));
    }
    violations
}

fn many_messages() -> Vec<u8> {
    let store = Store::in_memory().unwrap();
    let id = store
        .create_session(convostore::NewSession::new())
        .unwrap()
        .id;
    for _ in 0..40 {
        let messages = (0..1000).map(|_| convostore::NewMessage::new("user", "x"));
        store
            .save_messages(&id, messages.collect(), convostore::SaveOptions::new())
            .unwrap();
    }
    exported(&store)
}

fn large_content() -> Vec<u8> {
    let store = Store::in_memory().unwrap();
    let id = store
        .create_session(convostore::NewSession::new())
        .unwrap()
        .id;
    let text = "\u{1}".repeat(4 * MIB);
    store
        .save_message(&id, convostore::NewMessage::new("user", text))
        .unwrap();
    exported(&store)
}

fn exported(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store
        .export_archive(&mut bytes, ExportOptions::new())
        .unwrap();
    bytes
}
