//! The store for tokio: the same operations, never blocking the executor.

mod line;

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use line::Line;
use tokio::runtime::Handle;

use crate::error::{Error, ErrorCode, Result};
use crate::model::{
    Cleanup, CleanupQuery, Content, Context, ContextQuery, Deletion, ExportOptions, ExportReport,
    ImportOptions, ImportReport, JsonObject, Lifecycle, Message, MessageQuery, NewMessage,
    NewSession, Page, SaveOptions, Session, SessionQuery, SessionUpdate, Stats, StoreCheck,
};
use crate::store::messages::{one, summary};
use crate::store::{MessageStream, Store, StoreOptions};

/// A [`Store`] for tokio: the same operations under the same names, each carried out on tokio's threads for blocking work, so
/// the executor is never blocked. Saves that wait at the same time, of whichever task, session and tenant, share a commit; a task that is alone waits
/// for nobody.
///
/// A future that is dropped before it is ready leaves nothing half done: the operation it began happens whole, or, where it had not begun,
/// not at all. Needs a tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use convostore::{AsyncStore, MessageQuery, NewMessage, NewSession, Role};
/// let folder = tempfile::tempdir()?;
/// let store = AsyncStore::open(folder.path().join("sessions.db")).await?;
/// let session = store.resume_session(NewSession::new().scope("/home/ada/project"), None).await?;
/// store.save_message(&session.id, NewMessage::new(Role::USER, "list the files")).await?;
/// assert_eq!(store.count_messages(&session.id).await?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AsyncStore {
    store: Store,
    line: Arc<Line>,
}

impl fmt::Debug for AsyncStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncStore").field(&self.store).finish()
    }
}

impl From<Store> for AsyncStore {
    fn from(store: Store) -> Self {
        Self {
            store,
            line: Arc::default(),
        }
    }
}

impl AsyncStore {
    /// Opens the SQLite file at `path` with the default options; see [`Store::open`].
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(StoreOptions::new(), path).await
    }

    /// Opens the SQLite file at `path`; see [`StoreOptions::open`].
    #[cfg(feature = "sqlite")]
    pub async fn open_with(options: StoreOptions, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let store = blocking(move || options.open(path)).await?;
        Ok(store.into())
    }

    /// Connects to the PostgreSQL database at `url` with the default options; see [`Store::connect`].
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(StoreOptions::new(), url).await
    }

    /// Connects to the PostgreSQL database at `url`; see [`StoreOptions::connect`].
    #[cfg(all(
        feature = "postgres",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub async fn connect_with(options: StoreOptions, url: &str) -> Result<Self> {
        let url = url.to_owned();
        let store = blocking(move || options.connect(&url)).await?;
        Ok(store.into())
    }

    /// Opens a new, empty store in memory; see [`Store::in_memory`].
    pub fn in_memory() -> Result<Self> {
        Ok(StoreOptions::new().in_memory()?.into())
    }

    /// A store for another tenant on the same backend; see [`Store::for_tenant`].
    pub fn for_tenant(&self, tenant: impl Into<String>) -> Result<Self> {
        Ok(self.sharing(self.store.for_tenant(tenant)?))
    }

    /// A handle that reads what was written, not at a replica; see [`Store::on_primary`].
    pub fn on_primary(&self) -> Self {
        self.sharing(self.store.on_primary())
    }

    /// Another store on the same backend: their saves wait in one line.
    fn sharing(&self, store: Store) -> Self {
        Self {
            store,
            line: Arc::clone(&self.line),
        }
    }

    /// The store itself, for use outside of asynchronous code.
    pub fn store(&self) -> &Store {
        &self.store
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.clone();
        blocking(move || operation(&store)).await
    }

    /// Messages of a session one by one, oldest first; see [`Store::stream_messages`].
    pub async fn stream_messages(
        &self,
        session_id: &str,
        query: MessageQuery,
    ) -> Result<AsyncMessageStream> {
        let session_id = session_id.to_owned();
        let stream = self
            .run(move |store| store.stream_messages(&session_id, query))
            .await?;
        Ok(AsyncMessageStream {
            stream: Arc::new(Mutex::new(stream)),
        })
    }

    /// Creates a session. See [`Store::create_session`].
    pub async fn create_session(&self, new: NewSession) -> Result<Session> {
        self.run(move |store| store.create_session(new)).await
    }

    /// The session with that id. See [`Store::get_session`].
    pub async fn get_session(&self, id: &str) -> Result<Option<Session>> {
        let id = id.to_owned();
        self.run(move |store| store.get_session(&id)).await
    }

    /// The session with that key in that scope. See [`Store::get_session_by_key`].
    pub async fn get_session_by_key(&self, scope: &str, key: &str) -> Result<Option<Session>> {
        let scope = scope.to_owned();
        let key = key.to_owned();
        self.run(move |store| store.get_session_by_key(&scope, &key))
            .await
    }

    /// The session with that key or id; a new one where there is none. See [`Store::get_or_create_session`].
    pub async fn get_or_create_session(&self, new: NewSession) -> Result<Session> {
        self.run(move |store| store.get_or_create_session(new))
            .await
    }

    /// The scope's latest session, if it idled for less than the limit; else a new one. See [`Store::resume_session`].
    pub async fn resume_session(&self, new: NewSession, idle: Option<Duration>) -> Result<Session> {
        self.run(move |store| store.resume_session(new, idle)).await
    }

    /// Sessions, a page at a time. See [`Store::list_sessions`].
    pub async fn list_sessions(&self, query: SessionQuery) -> Result<Page<Session>> {
        self.run(move |store| store.list_sessions(query)).await
    }

    /// Changes a session; what is not given stays. See [`Store::update_session`].
    pub async fn update_session(&self, id: &str, update: SessionUpdate) -> Result<Session> {
        let id = id.to_owned();
        self.run(move |store| store.update_session(&id, update))
            .await
    }

    /// Makes the session active now. See [`Store::touch_session`].
    pub async fn touch_session(&self, id: &str) -> Result<Session> {
        let id = id.to_owned();
        self.run(move |store| store.touch_session(&id)).await
    }

    /// Deletes a session with its messages. See [`Store::delete_session`].
    pub async fn delete_session(&self, id: &str, erase: bool) -> Result<Deletion> {
        let id = id.to_owned();
        self.run(move |store| store.delete_session(&id, erase))
            .await
    }

    /// Deletes the sessions that were not active for long. See [`Store::cleanup_sessions`].
    pub async fn cleanup_sessions(&self, query: CleanupQuery) -> Result<Cleanup> {
        self.run(move |store| store.cleanup_sessions(query)).await
    }

    /// Saves one message. See [`Store::save_message`].
    pub async fn save_message(&self, session_id: &str, message: NewMessage) -> Result<Message> {
        let options = SaveOptions::new();
        one(self
            .save_messages(session_id, vec![message], options)
            .await?)
    }

    /// Saves messages, all or none. See [`Store::save_messages`].
    pub async fn save_messages(
        &self,
        session_id: &str,
        messages: Vec<NewMessage>,
        options: SaveOptions,
    ) -> Result<Vec<Message>> {
        let session_id = session_id.to_owned();
        if options.update.is_some() || !self.store.has_one_writer() {
            return self
                .run(move |store| store.save_messages(&session_id, messages, options))
                .await;
        }
        let runtime = runtime()?;
        let save = self
            .store
            .prepare_save(session_id, messages, options.expected_revision)?;
        self.line.save(&runtime, save).await
    }

    /// Saves a message that stands for earlier ones. See [`Store::save_summary`].
    pub async fn save_summary(
        &self,
        session_id: &str,
        content: impl Into<Content>,
        token_count: Option<u64>,
    ) -> Result<Message> {
        self.save_message(session_id, summary(content, token_count))
            .await
    }

    /// Messages of a session, oldest first. See [`Store::get_messages`].
    pub async fn get_messages(
        &self,
        session_id: &str,
        query: MessageQuery,
    ) -> Result<Vec<Message>> {
        let session_id = session_id.to_owned();
        self.run(move |store| store.get_messages(&session_id, query))
            .await
    }

    /// How many messages the session has. See [`Store::count_messages`].
    pub async fn count_messages(&self, session_id: &str) -> Result<u64> {
        let session_id = session_id.to_owned();
        self.run(move |store| store.count_messages(&session_id))
            .await
    }

    /// Removes the newest message and gives it back. See [`Store::pop_message`].
    pub async fn pop_message(&self, session_id: &str) -> Result<Option<Message>> {
        let session_id = session_id.to_owned();
        self.run(move |store| store.pop_message(&session_id)).await
    }

    /// Deletes the messages whose `seq` is below `before`. See [`Store::delete_messages_before`].
    pub async fn delete_messages_before(&self, session_id: &str, before: u64) -> Result<u64> {
        let session_id = session_id.to_owned();
        self.run(move |store| store.delete_messages_before(&session_id, before))
            .await
    }

    /// Deletes all messages of the session. See [`Store::clear_messages`].
    pub async fn clear_messages(&self, session_id: &str) -> Result<u64> {
        let session_id = session_id.to_owned();
        self.run(move |store| store.clear_messages(&session_id))
            .await
    }

    /// The context of a scope. See [`Store::get_context`].
    pub async fn get_context(&self, scope: &str) -> Result<Option<Context>> {
        let scope = scope.to_owned();
        self.run(move |store| store.get_context(&scope)).await
    }

    /// Writes the context of a scope. See [`Store::set_context`].
    pub async fn set_context(
        &self,
        scope: &str,
        data: JsonObject,
        expected_revision: Option<u64>,
    ) -> Result<Context> {
        let scope = scope.to_owned();
        self.run(move |store| store.set_context(&scope, data, expected_revision))
            .await
    }

    /// Merges into the context of a scope. See [`Store::merge_context`].
    pub async fn merge_context(
        &self,
        scope: &str,
        patch: JsonObject,
        expected_revision: Option<u64>,
    ) -> Result<Context> {
        let scope = scope.to_owned();
        self.run(move |store| store.merge_context(&scope, patch, expected_revision))
            .await
    }

    /// Deletes the context of a scope. See [`Store::delete_context`].
    pub async fn delete_context(&self, scope: &str) -> Result<bool> {
        let scope = scope.to_owned();
        self.run(move |store| store.delete_context(&scope)).await
    }

    /// Contexts, a page at a time. See [`Store::list_contexts`].
    pub async fn list_contexts(&self, query: ContextQuery) -> Result<Page<Context>> {
        self.run(move |store| store.list_contexts(query)).await
    }

    /// Defines a lifecycle. See [`Store::define_lifecycle`].
    pub async fn define_lifecycle(&self, definition: Lifecycle) -> Result<Lifecycle> {
        self.run(move |store| store.define_lifecycle(definition))
            .await
    }

    /// All lifecycles. See [`Store::list_lifecycles`].
    pub async fn list_lifecycles(&self) -> Result<Vec<Lifecycle>> {
        self.run(|store| store.list_lifecycles()).await
    }

    /// Writes the whole tenant as an archive. See [`Store::export_archive`].
    pub async fn export_archive(
        &self,
        writer: impl Write + Send + 'static,
        options: ExportOptions,
    ) -> Result<ExportReport> {
        self.run(move |store| store.export_archive(writer, options))
            .await
    }

    /// Writes the whole tenant as an archive into a new file that only its owner can read. See [`Store::export_archive_to`].
    pub async fn export_archive_to(
        &self,
        path: impl AsRef<Path>,
        options: ExportOptions,
    ) -> Result<ExportReport> {
        let path = path.as_ref().to_owned();
        self.run(move |store| store.export_archive_to(path, options))
            .await
    }

    /// Reads an archive into the store, all or nothing. See [`Store::import_archive`].
    pub async fn import_archive(
        &self,
        reader: impl Read + Send + 'static,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        self.run(move |store| store.import_archive(reader, options))
            .await
    }

    /// How much there is in the store. See [`Store::stats`].
    pub async fn stats(&self) -> Result<Stats> {
        self.run(|store| store.stats()).await
    }

    /// Whether the store is sound. See [`Store::check`].
    pub async fn check(&self) -> Result<StoreCheck> {
        self.run(|store| store.check()).await
    }

    /// Copies the whole store to a new file. See [`Store::backup`].
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref().to_owned();
        self.run(move |store| store.backup(path)).await
    }

    /// Closes the store and all its clones. See [`Store::close`].
    pub async fn close(&self) -> Result<()> {
        self.run(|store| store.close()).await
    }
}

/// Messages of a session one by one, from [`AsyncStore::stream_messages`].
#[derive(Debug)]
pub struct AsyncMessageStream {
    stream: Arc<Mutex<MessageStream>>,
}

impl AsyncMessageStream {
    /// The next message; `None` at the end. Dropping the future loses no message: the next call gives the same one.
    pub async fn next(&mut self) -> Option<Result<Message>> {
        let waits = crate::lock(&self.stream).needs_page();
        if waits {
            let stream = Arc::clone(&self.stream);
            // The page lands in the stream, not in this future, which may be dropped.
            let filled = blocking(move || crate::lock(&stream).fill()).await;
            if let Err(e) = filled {
                return Some(Err(e));
            }
        }
        crate::lock(&self.stream).next()
    }
}

/// Runs `operation` where it may block. It runs to its end, whatever becomes of the future.
async fn blocking<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime()?.spawn_blocking(operation).await {
        Ok(result) => result,
        Err(e) if e.is_cancelled() => Err(line::shut_down()),
        Err(e) => Err(line::panicked().with_source(e)),
    }
}

fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|e| {
        Error::new(
            ErrorCode::Storage,
            "an AsyncStore works inside a tokio runtime only; Store needs none",
        )
        .with_source(e)
    })
}
