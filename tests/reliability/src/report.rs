//! What came of trying, kept as a line of `report.jsonl`.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

/// What came of trying a guarantee.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    /// Its row and, after a space, what of it: `R1`, `R1 python wheel`.
    pub guarantee: &'a str,
    /// How often it was tried.
    pub runs: u64,
    /// How often it did not hold.
    pub violations: u64,
    /// How often it did not hold with the protection off, where there is one to put off.
    pub control_violations: Option<u64>,
}

impl Verdict<'_> {
    /// Writes the line, then fails where the guarantee did not hold, or where the control shows that the test sees nothing.
    #[track_caller]
    pub fn record(self) {
        self.record_with(&json!({}));
    }

    /// As [`Verdict::record`], with how long somebody waited in microseconds, which is told and not judged: machines are noisy.
    #[track_caller]
    pub fn record_with_waits(self, waits: &[(&str, Duration)]) {
        let micros = waits.iter().map(|(which, wait)| (*which, wait.as_micros()));
        self.record_with(&json!({ "waits_us": micros.collect::<BTreeMap<_, _>>() }));
    }

    #[track_caller]
    fn record_with(self, more: &Value) {
        let mut line = json!({
            "guarantee": self.guarantee,
            "runs": self.runs,
            "violations": self.violations,
            "control_violations": self.control_violations,
        });
        let more = more.as_object().cloned().unwrap_or_default();
        line.as_object_mut().unwrap().extend(more);
        println!("{line}");
        let path = report();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        // In one write: tests of other languages append to the same file.
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
        assert_eq!(self.violations, 0, "{} did not hold", self.guarantee);
        assert_ne!(
            self.control_violations,
            Some(0),
            "{} held with the protection off too, so its test proves nothing",
            self.guarantee
        );
    }
}

/// Where the report is: `CONVOSTORE_REPORT`, else below the build's folder.
fn report() -> PathBuf {
    env::var_os("CONVOSTORE_REPORT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reliability/report.jsonl"),
        PathBuf::from,
    )
}

/// Says something past the test harness, which keeps what a test prints to itself where the test passes: that something was not tried is
/// to be read all the same.
pub fn say_aloud(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
