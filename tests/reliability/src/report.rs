//! What came of trying, kept as a line of `report.jsonl`.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

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
        let line = json!({
            "guarantee": self.guarantee,
            "runs": self.runs,
            "violations": self.violations,
            "control_violations": self.control_violations,
        });
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
