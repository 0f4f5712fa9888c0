//! The table that people read and the lines that programs read.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde_json::json;

use crate::Result;
use crate::measure::Medians;

/// Who is measured.
const OURS: &str = "convostore";

pub struct Report {
    suite: &'static str,
    table: Table,
    lines: Vec<serde_json::Value>,
}

impl Report {
    pub fn new(suite: &'static str) -> Self {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_header(["workload", OURS, "beside", "", "ratio", "goal", ""]);
        Self {
            suite,
            table,
            lines: Vec::new(),
        }
    }

    /// Our time over that of raw rusqlite, at most the goal.
    pub fn raw(&mut self, workload: &str, medians: &Medians, goal: f64) {
        self.pair(workload, "raw rusqlite", medians, goal);
    }

    /// Our time over another's, at most the goal.
    pub fn pair(&mut self, workload: &str, other: &str, medians: &Medians, goal: f64) {
        let (ours, theirs) = (micros(medians.ours), micros(medians.raw));
        self.line(workload, OURS, "median_us", ours, None);
        self.line(workload, other, "median_us", theirs, None);
        self.line(workload, OURS, "ratio", ours / theirs, Some(goal));
        self.row(
            workload,
            format!("{ours:.1} µs"),
            format!("{theirs:.1} µs"),
            other,
            format!("{:.2}", ours / theirs),
            format!("≤ {goal:.2}"),
            ours / theirs <= goal,
        );
    }

    /// A value that is at most the goal.
    pub fn at_most(&mut self, workload: &str, metric: &str, value: f64, goal: f64) {
        self.line(workload, OURS, metric, value, Some(goal));
        let (value_text, goal_text) = (
            format!("{} {metric}", short(value)),
            format!("≤ {}", short(goal)),
        );
        self.row(
            workload,
            value_text,
            String::new(),
            "",
            String::new(),
            goal_text,
            value <= goal,
        );
    }

    /// A value that is at least the goal.
    pub fn at_least(&mut self, workload: &str, metric: &str, value: f64, goal: f64) {
        self.line(workload, OURS, metric, value, Some(goal));
        let (value_text, goal_text) = (format!("{value:.1} {metric}"), format!("≥ {goal:.0}"));
        self.row(
            workload,
            value_text,
            String::new(),
            "",
            String::new(),
            goal_text,
            value >= goal,
        );
    }

    /// What the measures depend on, for those who read the results.
    pub fn about(&mut self, text: &str) {
        println!("{text}");
        self.line("about", text, "about", 0.0, None);
    }

    /// A value without a goal.
    pub fn plain(&mut self, workload: &str, metric: &str, value: f64) {
        self.line(workload, OURS, metric, value, None);
        self.table
            .add_row([workload, &format!("{value:.1} {metric}")]);
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of the table")]
    fn row(
        &mut self,
        workload: &str,
        ours: String,
        theirs: String,
        other: &str,
        ratio: String,
        goal: String,
        is_met: bool,
    ) {
        let verdict = if is_met { "met" } else { "missed" };
        self.table
            .add_row([workload, &ours, &theirs, other, &ratio, &goal, verdict]);
    }

    fn line(
        &mut self,
        workload: &str,
        contender: &str,
        metric: &str,
        value: f64,
        goal: Option<f64>,
    ) {
        self.lines.push(json!({
            "suite": self.suite, "workload": workload, "contender": contender, "metric": metric, "value": value, "goal": goal,
        }));
    }

    pub fn finish(self) -> Result<()> {
        println!("{}", self.table);
        let path = crate::measure::results()?;
        let mut file = File::options().create(true).append(true).open(&path)?;
        for line in self.lines {
            writeln!(file, "{line}")?;
        }
        println!("written to {}", path.display());
        Ok(())
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn short(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}
