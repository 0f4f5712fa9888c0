//! The public operations by name, with arguments as data.

use std::collections::BTreeMap;

use convostore::{Error, ExportOptions, ImportOptions, SaveOptions, Store};
use serde_json::{Map, Value};

use crate::answer::{Answer, list, maybe, page};
use crate::arguments::Args;

/// What a call gave: its result and, of an export, the archive.
#[derive(Debug)]
pub struct Done {
    /// The result.
    pub answer: Answer,
    /// The archive's bytes.
    pub archive: Option<Vec<u8>>,
}

/// Why a call gave no result.
#[derive(Debug)]
pub enum Stop {
    /// The store refused.
    Error(Error),
    /// The scenario is wrong.
    Scenario(String),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Error(e)
    }
}

type Result<T> = std::result::Result<T, Stop>;

/// The bytes of archives by the names they were kept under.
pub type Archives = BTreeMap<String, Vec<u8>>;

/// All operations that [`call`] knows.
pub const NAMES: [&str; 31] = [
    "create_session",
    "get_session",
    "get_session_by_key",
    "get_or_create_session",
    "resume_session",
    "list_sessions",
    "update_session",
    "touch_session",
    "delete_session",
    "cleanup_sessions",
    "save_message",
    "save_messages",
    "save_summary",
    "get_messages",
    "stream_messages",
    "count_messages",
    "pop_message",
    "delete_messages_before",
    "clear_messages",
    "get_context",
    "set_context",
    "merge_context",
    "delete_context",
    "list_contexts",
    "define_lifecycle",
    "list_lifecycles",
    "export_archive",
    "import_archive",
    "stats",
    "check",
    "close",
];

/// Calls one operation. References in the arguments are resolved already.
#[allow(clippy::too_many_lines, reason = "one table of all operations")]
pub fn call(
    store: &Store,
    name: &str,
    args: Map<String, Value>,
    archives: &Archives,
) -> Result<Done> {
    let mut args = Args(args);
    let mut archive = None;
    let answer = match name {
        "create_session" => Answer::from(&store.create_session(args.new_session()?)?),
        "get_session" => maybe(store.get_session(&args.text("id")?)?.as_ref()),
        "get_session_by_key" => maybe(
            store
                .get_session_by_key(&args.text("scope")?, &args.text("key")?)?
                .as_ref(),
        ),
        "get_or_create_session" => (&store.get_or_create_session(args.new_session()?)?).into(),
        "resume_session" => {
            let idle = args.span("idle")?;
            (&store.resume_session(args.new_session()?, idle)?).into()
        }
        "list_sessions" => page(&store.list_sessions(args.session_query()?)?),
        "update_session" => {
            let id = args.text("id")?;
            (&store.update_session(&id, args.session_update()?)?).into()
        }
        "touch_session" => (&store.touch_session(&args.text("id")?)?).into(),
        "delete_session" => {
            let erase = args.flag("erase")?.unwrap_or(false);
            (&store.delete_session(&args.text("id")?, erase)?).into()
        }
        "cleanup_sessions" => (&store.cleanup_sessions(args.cleanup_query()?)?).into(),
        "save_message" => {
            let id = args.text("session_id")?;
            match args.number("expected_revision")? {
                None => (&store.save_message(&id, args.new_message()?)?).into(),
                Some(revision) => {
                    // In Rust a single message at a revision is a batch of one.
                    let options = SaveOptions::new().expected_revision(revision);
                    (&store.save_messages(&id, vec![args.new_message()?], options)?[0]).into()
                }
            }
        }
        "save_messages" => {
            let id = args.text("session_id")?;
            let messages = args.new_messages()?;
            list(&store.save_messages(&id, messages, args.save_options()?)?)
        }
        "save_summary" => {
            let id = args.text("session_id")?;
            let tokens = args.number("token_count")?;
            (&store.save_summary(&id, args.content()?, tokens)?).into()
        }
        "get_messages" => {
            let id = args.text("session_id")?;
            list(&store.get_messages(&id, args.message_query()?)?)
        }
        "stream_messages" => {
            let id = args.text("session_id")?;
            let stream = store.stream_messages(&id, args.message_query()?)?;
            list(&stream.collect::<convostore::Result<Vec<_>>>()?)
        }
        "count_messages" => store.count_messages(&args.text("session_id")?)?.into(),
        "pop_message" => maybe(store.pop_message(&args.text("session_id")?)?.as_ref()),
        "delete_messages_before" => {
            let id = args.text("session_id")?;
            store
                .delete_messages_before(&id, args.required("before", Args::number)?)?
                .into()
        }
        "clear_messages" => store.clear_messages(&args.text("session_id")?)?.into(),
        "get_context" => maybe(store.get_context(&args.text("scope")?)?.as_ref()),
        "set_context" => {
            let scope = args.text("scope")?;
            let data = args.required("data", Args::object)?;
            (&store.set_context(&scope, data, args.number("expected_revision")?)?).into()
        }
        "merge_context" => {
            let scope = args.text("scope")?;
            let patch = args.required("patch", Args::object)?;
            (&store.merge_context(&scope, patch, args.number("expected_revision")?)?).into()
        }
        "delete_context" => store.delete_context(&args.text("scope")?)?.into(),
        "list_contexts" => page(&store.list_contexts(args.context_query()?)?),
        "define_lifecycle" => (&store.define_lifecycle(args.lifecycle()?)?).into(),
        "list_lifecycles" => list(&store.list_lifecycles()?),
        "export_archive" => {
            let options = ExportOptions::new().tolerant(args.flag("tolerant")?.unwrap_or(false));
            let mut bytes = Vec::new();
            let report = store.export_archive(&mut bytes, options)?;
            archive = Some(bytes);
            (&report).into()
        }
        "import_archive" => {
            let bytes = args.archive(archives)?;
            let options = ImportOptions::new().dry_run(args.flag("dry_run")?.unwrap_or(false));
            (&store.import_archive(bytes.as_slice(), options)?).into()
        }
        "stats" => (&store.stats()?).into(),
        "check" => (&store.check()?).into(),
        "close" => {
            store.close()?;
            Answer::Nothing
        }
        other => return Err(Stop::Scenario(format!("there is no operation {other:?}"))),
    };
    args.end()?;
    Ok(Done { answer, archive })
}
