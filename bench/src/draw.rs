//! The picture of the results: a row for each workload, a dot for each contender, as often as long as ours it took.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::measure::results;

const WIDTH: f64 = 960.0;
const LABELS: f64 = 400.0;
const ROW: f64 = 20.0;
/// How many characters fit beside each other.
const LINE: usize = 140;
/// The ends of the axis, and what stands on it.
const ENDS: (f64, f64) = (0.4, 400.0);
const TICKS: [f64; 7] = [0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 200.0];

/// Suites, whom each measures, and their titles.
const SUITES: [(&str, &str, &str); 5] = [
    ("rust", "convostore", "Rust"),
    ("python", "Store", "Python"),
    ("npm", "convostore", "Node"),
    ("rust-postgres", "convostore", "Rust on PostgreSQL"),
    ("python-postgres", "Store", "Python on PostgreSQL"),
];

/// Times by workload, in the order in which they were measured, and by contender.
type Rows = Vec<(String, BTreeMap<String, f64>)>;

/// Draws what the last run of each suite has left.
pub fn draw(picture: &Path) -> Result<()> {
    let text = std::fs::read_to_string(results()?)?;
    let lines: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<std::result::Result<_, _>>()?;
    let mut body = String::new();
    let mut y = 30.0;
    let mut told: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|it| it["metric"] == "about") {
        let about = line["contender"].as_str().unwrap_or_default();
        if told.contains(&about) {
            continue;
        }
        told.push(about);
        for line in wrapped(about) {
            writeln!(
                body,
                r#"<text x="12" y="{y}" class="small">{}</text>"#,
                escaped(&line)
            )?;
            y += 18.0;
        }
    }
    for (suite, ours, title) in SUITES {
        let rows = rows(&lines, suite, ours);
        if !rows.is_empty() {
            y = section(&mut body, y + 16.0, title, ours, &rows)?;
        }
    }
    let height = y + 12.0;
    let style = include_str!("draw.css");
    std::fs::write(
        picture,
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>How many times as long as convostore others take</title>\n<style>\n{style}</style>\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" class=\"ground\"/>\n{body}</svg>\n"
        ),
    )?;
    println!("drawn: {}", picture.display());
    Ok(())
}

/// In lines that fit into the picture.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The workloads of a suite that others were measured at too. Where ours was measured anew, others after it are compared to that.
fn rows(lines: &[Value], suite: &str, ours: &str) -> Rows {
    let mut rows: Rows = Vec::new();
    for line in lines {
        let (Some(workload), Some(contender), Some(value)) = (
            line["workload"].as_str(),
            line["contender"].as_str(),
            line["value"].as_f64(),
        ) else {
            continue;
        };
        if line["suite"] != suite || line["metric"] != "median_us" {
            continue;
        }
        let known = rows.iter_mut().rev().find(|(name, _)| name == workload);
        match known.filter(|_| contender != ours) {
            Some((_, times)) => drop(times.insert(contender.to_owned(), value)),
            None => rows.push((
                workload.to_owned(),
                BTreeMap::from([(contender.to_owned(), value)]),
            )),
        }
    }
    rows.retain(|(_, times)| times.contains_key(ours) && times.len() > 1);
    rows
}

fn section(body: &mut String, mut y: f64, title: &str, ours: &str, rows: &Rows) -> Result<f64> {
    let mut names: Vec<&String> = Vec::new();
    for name in rows.iter().flat_map(|(_, times)| times.keys()) {
        if name != ours && !names.contains(&name) {
            names.push(name);
        }
    }
    writeln!(
        body,
        r#"<text x="12" y="{y}" class="title">{title}: times as long as {ours} (left of 1: faster than we are)</text>"#
    )?;
    y += 20.0;
    let mut x = 16.0;
    for (number, name) in names.iter().enumerate() {
        let width = 26.0 + 7.0 * name.chars().count() as f64;
        if x + width > WIDTH {
            x = 16.0;
            y += 18.0;
        }
        writeln!(
            body,
            r#"<circle cx="{x}" cy="{}" r="5" class="c{}"/>"#,
            y - 4.0,
            number % 10
        )?;
        writeln!(
            body,
            r#"<text x="{}" y="{y}" class="small">{}</text>"#,
            x + 10.0,
            escaped(name)
        )?;
        x += width;
    }
    y += 12.0;
    let top = y;
    let bottom = top + ROW * rows.len() as f64;
    for tick in TICKS {
        let (x, class) = (place(tick), if tick == 1.0 { "one" } else { "grid" });
        writeln!(
            body,
            r#"<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" class="{class}"/>"#
        )?;
        writeln!(
            body,
            r#"<text x="{x}" y="{}" class="tick">{tick}</text>"#,
            bottom + 14.0
        )?;
    }
    for (workload, times) in rows {
        y += ROW;
        let own = times[ours];
        let label = format!("{workload}: {}", micros(own));
        writeln!(
            body,
            r#"<text x="{}" y="{}" class="label">{}</text>"#,
            LABELS - 12.0,
            y - 6.0,
            escaped(&label)
        )?;
        for (number, name) in names.iter().enumerate() {
            if let Some(time) = times.get(*name) {
                writeln!(
                    body,
                    r#"<circle cx="{:.1}" cy="{}" r="5" class="c{}"><title>{}: {} ({:.2} times)</title></circle>"#,
                    place(time / own),
                    y - 10.0,
                    number % 10,
                    escaped(name),
                    micros(*time),
                    time / own
                )?;
            }
        }
    }
    Ok(bottom + 26.0)
}

/// Where a ratio stands on the axis.
fn place(ratio: f64) -> f64 {
    let (low, high) = ENDS;
    let part = (ratio.clamp(low, high) / low).ln() / (high / low).ln();
    (LABELS + part * (WIDTH - LABELS - 20.0)).round()
}

fn micros(time: f64) -> String {
    match time {
        time if time < 10.0 => format!("{time:.1} µs"),
        time if time < 10_000.0 => format!("{time:.0} µs"),
        time => format!("{:.0} ms", time / 1000.0),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
