//! The table that people read and the lines that programs read.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde_json::json;

use crate::Result;
use crate::measure::Medians;

pub struct Report {
    suite: &'static str,
    table: Table,
    lines: Vec<serde_json::Value>,
}

impl Report {
    pub fn new(suite: &'static str) -> Self {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
            "workload",
            "convostore",
            "raw rusqlite",
            "ratio",
            "goal",
            "",
        ]);
        Self {
            suite,
            table,
            lines: Vec::new(),
        }
    }

    pub fn ratio(&mut self, workload: &str, medians: &Medians, goal: f64) {
        let ratio = medians.ours.as_secs_f64() / medians.raw.as_secs_f64();
        self.table.add_row([
            workload.to_owned(),
            micros(medians.ours),
            micros(medians.raw),
            format!("{ratio:.2}"),
            format!("≤ {goal:.2}"),
            verdict(ratio <= goal).to_owned(),
        ]);
        self.line(
            workload,
            "convostore",
            "median_us",
            medians.ours.as_secs_f64() * 1e6,
        );
        self.line(
            workload,
            "raw rusqlite",
            "median_us",
            medians.raw.as_secs_f64() * 1e6,
        );
        self.line(workload, "convostore", "ratio", ratio);
    }

    pub fn value(&mut self, workload: &str, metric: &str, value: f64, goal: f64) {
        self.table.add_row([
            workload.to_owned(),
            format!("{value:.0} {metric}"),
            String::new(),
            String::new(),
            format!("≤ {goal:.0}"),
            verdict(value <= goal).to_owned(),
        ]);
        self.line(workload, "convostore", metric, value);
    }

    fn line(&mut self, workload: &str, contender: &str, metric: &str, value: f64) {
        self.lines.push(json!({
            "suite": self.suite, "workload": workload, "contender": contender, "metric": metric, "value": value,
        }));
    }

    pub fn finish(self) -> Result<()> {
        println!("{}", self.table);
        let path = crate::measure::folder()?.join("results.jsonl");
        let mut file = File::options().create(true).append(true).open(&path)?;
        for line in self.lines {
            writeln!(file, "{line}")?;
        }
        println!("written to {}", path.display());
        Ok(())
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
