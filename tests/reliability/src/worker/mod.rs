//! What the processes beside the tests do: the program `worker`, a task a file.

mod append;
mod damaged;
mod disturb;
mod erase;
mod hold;
mod load;
mod opening;
mod retry;
mod visit;
mod write;

pub use load::COLD;

use std::io::{BufRead as _, Write as _};

/// Runs the task that the arguments name.
pub fn run(args: &[String]) {
    let rest: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    match args.first().map(String::as_str) {
        Some("append") => append::run(&rest),
        Some("damaged") => damaged::run(),
        Some("disturb") => disturb::run(&rest),
        Some("erase") => erase::run(&rest),
        Some("hold") => hold::run(&rest),
        Some("load") => load::run(&rest),
        Some("opening") => opening::run(&rest),
        Some("retry") => retry::run(&rest),
        Some("visit") => visit::run(&rest),
        Some("write") => write::run(&rest),
        task => panic!("there is no task {task:?}"),
    }
}

/// Says a line to the test, in one write: of a process that dies, it came whole or not at all.
fn say(line: &str) {
    let said = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    // The test is gone: so is what it wanted.
    if said.is_err() {
        std::process::exit(1);
    }
}

/// The next line that the test says, until it has nothing more to say.
fn hear() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).unwrap();
    (read > 0).then(|| line.trim_end_matches('\n').to_owned())
}
