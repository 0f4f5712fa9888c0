//! The shell assistant as a person uses it, in two directories.

use std::path::Path;
use std::process::Command;

fn run(store: &Path, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shell-assistant"))
        .current_dir(folder)
        .arg("--store")
        .arg(store)
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The id between "[continuing ", "[new conversation " and what follows.
fn id(said: &str) -> String {
    let line = said.lines().next().unwrap().trim_matches(['[', ']']);
    let words: Vec<&str> = line.split(' ').collect();
    words[if words[0] == "continuing" { 1 } else { 2 }].to_owned()
}

#[test]
fn two_directories_have_conversations_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let (a, b) = (home.path().join("a"), home.path().join("b"));
    for folder in [&a, &b] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("notes.txt"), "x").unwrap();
    }
    let store = home.path().join("hidden/sessions.db");
    let run = |folder: &Path, arguments: &[&str]| run(&store, folder, arguments);

    let first = run(&a, &["ask", "which files are here?"]);
    assert!(first.starts_with("[new conversation"), "{first}");
    assert!(first.contains("notes.txt"), "{first}");
    let other = run(&b, &["ask", "hello"]);
    assert_ne!(id(&first), id(&other));

    let again = run(&a, &["ask", "how many messages?"]);
    assert_eq!(
        id(&first),
        id(&again),
        "the directory's conversation goes on"
    );
    assert!(again.contains("4 messages"), "{again}");

    let list = run(&a, &["sessions"]);
    assert!(
        list.contains("which files are here?") && !list.contains("hello"),
        "{list}"
    );

    let fresh = run(&a, &["new"]);
    assert_eq!(
        run(&a, &["sessions", "--limit", "1"])
            .matches(fresh.trim())
            .count(),
        1
    );
    run(&a, &["keep", &id(&first)]);
    assert_eq!(id(&first), id(&run(&a, &["ask", "still there?"])));

    let shown = run(&a, &["show", &id(&first)]);
    assert!(
        shown.contains("   1 user: which files are here?"),
        "{shown}"
    );
    let none = run(
        &a,
        &["show", &id(&first), "--since", "2100-01-01T00:00:00Z"],
    );
    assert!(!none.contains("user:"), "{none}");

    assert_eq!(
        run(&a, &["summarise", &id(&first), "--keep", "2"]),
        "6 messages became a summary\n"
    );
    let shown = run(&a, &["show", &id(&first)]);
    assert!(
        shown.contains("system (summary): Earlier the user asked: which files"),
        "{shown}"
    );

    assert!(run(&a, &["clean", "--days", "1"]).starts_with("deleted 0 "));
    std::thread::sleep(std::time::Duration::from_millis(5)); // "longer ago than 0 days" needs a moment to pass
    assert!(run(&a, &["clean", "--days", "0", "--dry-run"]).starts_with("would delete 3 "));
    assert_eq!(run(&a, &["delete", &id(&first)]), "deleted\n");
    assert!(run(&a, &["clean", "--days", "0"]).starts_with("deleted 2 "));
}

#[test]
fn what_goes_wrong_is_said_in_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shell-assistant"))
        .args([
            "--store",
            home.path().join("s.db").to_str().unwrap(),
            "keep",
            "nobody",
        ])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors,
        "shell-assistant: not_found: there is no session with the id \"nobody\"\n"
    );
}
