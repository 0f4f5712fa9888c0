//! A control that may cost the process it runs in.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

/// Set in the process of the control.
const CONTROL: &str = "CONVOSTORE_CONTROL";
const SEEN: &str = "violations seen: ";

/// Whether this process is a control.
pub fn is_control() -> bool {
    std::env::var_os(CONTROL).is_some()
}

/// Says what the control has seen, as its last line.
pub fn say_seen(violations: u64) {
    println!("{SEEN}{violations}");
}

/// Runs the test of that name in a process of its own, which finds [`is_control`] true and says what it has seen. To lose the process is a violation
/// too.
pub fn control_of(test: &str, seed: u64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CONTROL, "1")
        .env("CONVOSTORE_SEED", seed.to_string())
        .env_remove("CONVOSTORE_SOAK_SECONDS")
        .output()
        .unwrap();
    if let Some(signal) = output.status.signal() {
        println!("{test}, protection off: killed by signal {signal}");
        return 1;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let found = said.lines().find_map(|line| line.split_once(SEEN));
    let (_, violations) = found.unwrap_or_else(|| {
        let cause = String::from_utf8_lossy(&output.stderr);
        panic!("the control failed: {said}{cause}")
    });
    violations.parse().unwrap()
}
