//! A shell assistant: sessions belong to a working directory.
//!
//! Run it in two directories: each continues its own conversation when you come back within four hours, and begins a new one
//! after that. There is no model inside — a few built-in answers stand in for one, so that what is kept can be seen.

mod assistant;
mod commands;
mod history;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "shell-assistant",
    about = "A shell assistant whose conversations belong to the directory that you are in."
)]
struct Arguments {
    /// The file that keeps the conversations.
    #[arg(long, env = "SHELL_ASSISTANT_STORE", global = true)]
    store: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says something; continues this directory's conversation if it idled for less than four hours.
    Ask {
        /// What to say; without it, lines are read from standard input.
        words: Vec<String>,
    },
    /// Begins a new conversation in this directory.
    New,
    /// Lists this directory's conversations, the latest first.
    Sessions {
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Shows a conversation: the latest of this directory, or the one with that id.
    Show {
        id: Option<String>,
        /// Only what was said after this moment, such as 2026-01-31T08:00:00Z.
        #[arg(long)]
        since: Option<String>,
    },
    /// Marks a conversation as active now, so that it goes on for another four hours.
    Keep { id: String },
    /// Replaces all but the newest messages of a conversation by a summary.
    Summarise {
        id: String,
        /// How many of the newest messages to keep.
        #[arg(long, default_value_t = 4)]
        keep: u64,
    },
    /// Deletes a conversation.
    Delete { id: String },
    /// Deletes all conversations without activity for that long.
    Clean {
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// Only says what would be deleted.
        #[arg(long)]
        dry_run: bool,
    },
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments.store, arguments.command).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("shell-assistant: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}
