//! The commands: what a person asks for, carried out on the history.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use convostore::{Content, Message, Role, Session};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::Command;
use crate::assistant;
use crate::history::History;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub async fn run(store: Option<PathBuf>, command: Command) -> Result<()> {
    let history = History::open(&store.map_or_else(default_store, Ok)?).await?;
    let folder = std::env::current_dir()?;
    let scope = folder.to_string_lossy().into_owned();
    match command {
        Command::Ask { words } if words.is_empty() => {
            let mut lines = BufReader::new(tokio::io::stdin()).lines();
            while let Some(line) = lines.next_line().await? {
                ask(&history, &scope, &line).await?;
            }
        }
        Command::Ask { words } => ask(&history, &scope, &words.join(" ")).await?,
        Command::New => println!("{}", history.create_session(&scope).await?.id),
        Command::Sessions { limit } => list(&history.list_sessions(&scope, limit).await?),
        Command::Show { id, since } => show(&history, &scope, id, since).await?,
        Command::Keep { id } => {
            let session = history.update_session_timestamp(&id).await?;
            println!("{id} is active as of {}", session.last_active_at);
        }
        Command::Summarise { id, keep } => summarise(&history, &id, keep).await?,
        Command::Delete { id } => {
            let deleted = history.delete_session(&id).await?;
            println!(
                "{}",
                if deleted {
                    "deleted"
                } else {
                    "there is no such conversation"
                }
            );
        }
        Command::Clean { days, dry_run } => {
            let age = Duration::from_secs(days * 86_400);
            let done = history.cleanup_old_sessions(age, dry_run).await?;
            let verb = if dry_run { "would delete" } else { "deleted" };
            println!(
                "{verb} {} conversations with {} messages",
                done.sessions, done.messages
            );
        }
    }
    history.close().await?;
    Ok(())
}

fn default_store() -> Result<PathBuf> {
    let home =
        std::env::home_dir().ok_or("there is no home directory; name a file with --store")?;
    Ok(home.join(".shell-assistant").join("sessions.db"))
}

async fn ask(history: &History, scope: &str, question: &str) -> Result<()> {
    let session = history.get_or_create_session(scope).await?;
    let before = history.count_messages(&session.id).await?;
    if before > 0 {
        println!("[continuing {} with {before} messages]", session.id);
    } else {
        println!("[new conversation {}]", session.id);
    }
    save(history, &session.id, Role::USER, Content::text(question)).await?;
    for (role, content) in assistant::answer(question, scope.as_ref(), before) {
        if role == Role::ASSISTANT
            && let Some(text) = content.as_text()
        {
            println!("{text}");
        }
        save(history, &session.id, role, content).await?;
    }
    Ok(())
}

async fn save(history: &History, id: &str, role: Role, content: Content) -> Result<Message> {
    let tokens = assistant::tokens(&content);
    Ok(history.save_message(id, role, content, tokens).await?)
}

fn list(sessions: &[Session]) {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["id", "created", "last message", "first message"]);
    for session in sessions {
        table.add_row([
            session.id.clone(),
            session.created_at.to_string(),
            session.last_active_at.to_string(),
            session.preview.clone().unwrap_or_default(),
        ]);
    }
    println!("{table}");
}

async fn show(
    history: &History,
    scope: &str,
    id: Option<String>,
    since: Option<String>,
) -> Result<()> {
    let id = match id {
        Some(id) => id,
        None => match history.list_sessions(scope, 1).await?.first() {
            Some(session) => session.id.clone(),
            None => return Err("there is no conversation in this directory yet".into()),
        },
    };
    let session = history
        .get_session(&id)
        .await?
        .ok_or_else(|| format!("there is no conversation {id}"))?;
    let messages = match since {
        Some(moment) => history.get_messages_since(&id, moment.parse()?).await?,
        None => history.get_messages(&id).await?,
    };
    println!("{} in {}", session.id, session.scope);
    for message in messages {
        let mark = if message.is_summary { " (summary)" } else { "" };
        println!(
            "{:>4} {}{mark}: {}",
            message.seq,
            message.role,
            text(&message.content)
        );
    }
    Ok(())
}

fn text(content: &Content) -> String {
    content
        .as_text()
        .unwrap_or_else(|| content.to_json())
        .into_owned()
}

/// Keeps the newest messages and puts a summary of what came before them after them. A model would write it; here it is a list of beginnings.
async fn summarise(history: &History, id: &str, keep: u64) -> Result<()> {
    let messages = history.get_messages(id).await?;
    let older = messages.len().saturating_sub(usize::try_from(keep)?);
    let Some(first_kept) = messages.get(older).map(|message| message.seq) else {
        println!("nothing to summarise");
        return Ok(());
    };
    if older == 0 {
        println!("nothing to summarise");
        return Ok(());
    }
    let beginnings: Vec<String> = messages[..older]
        .iter()
        .filter(|message| message.role == Role::USER)
        .map(|message| text(&message.content).chars().take(60).collect())
        .collect();
    let summary = format!("Earlier the user asked: {}", beginnings.join("; "));
    history.save_summary(id, summary).await?;
    let deleted = history.delete_messages_before(id, first_kept).await?;
    println!("{deleted} messages became a summary");
    Ok(())
}
