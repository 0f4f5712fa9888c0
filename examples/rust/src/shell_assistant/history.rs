//! The conversations as this program speaks of them, on convostore: the store that it no longer has to write.

use std::path::Path;
use std::time::Duration;

use convostore::{
    AsyncStore, Cleanup, CleanupQuery, Content, IdScheme, Message, MessageQuery, NewMessage,
    NewSession, PreviewRule, Result, Role, Session, SessionQuery, StoreOptions, Timestamp,
};

pub struct History {
    store: AsyncStore,
}

impl History {
    pub async fn open(path: &Path) -> Result<Self> {
        let options = StoreOptions::new()
            .id_scheme(IdScheme::Timestamp)
            .preview(PreviewRule::First);
        Ok(Self {
            store: AsyncStore::open_with(options, path).await?,
        })
    }

    pub async fn create_session(&self, working_dir: &str) -> Result<Session> {
        self.store
            .create_session(NewSession::new().scope(working_dir))
            .await
    }

    /// The directory's conversation if it idled for less than four hours, else a new one.
    pub async fn get_or_create_session(&self, working_dir: &str) -> Result<Session> {
        self.store
            .resume_session(NewSession::new().scope(working_dir), None)
            .await
    }

    pub async fn get_session(&self, id: &str) -> Result<Option<Session>> {
        self.store.get_session(id).await
    }

    pub async fn list_sessions(&self, working_dir: &str, limit: usize) -> Result<Vec<Session>> {
        let query = SessionQuery::new().scope(working_dir).limit(limit);
        Ok(self.store.list_sessions(query).await?.items)
    }

    pub async fn update_session_timestamp(&self, id: &str) -> Result<Session> {
        self.store.touch_session(id).await
    }

    pub async fn delete_session(&self, id: &str) -> Result<bool> {
        Ok(self.store.delete_session(id, false).await?.deleted)
    }

    pub async fn cleanup_old_sessions(&self, age: Duration, dry_run: bool) -> Result<Cleanup> {
        let query = CleanupQuery::new().older_than(age).dry_run(dry_run);
        self.store.cleanup_sessions(query).await
    }

    pub async fn save_message(
        &self,
        id: &str,
        role: Role,
        content: Content,
        token_count: u64,
    ) -> Result<Message> {
        let message = NewMessage::new(role, content).token_count(token_count);
        self.store.save_message(id, message).await
    }

    pub async fn save_summary(&self, id: &str, text: String) -> Result<Message> {
        self.store.save_summary(id, text, None).await
    }

    pub async fn get_messages(&self, id: &str) -> Result<Vec<Message>> {
        self.store.get_messages(id, MessageQuery::new()).await
    }

    pub async fn get_messages_since(&self, id: &str, moment: Timestamp) -> Result<Vec<Message>> {
        let query = MessageQuery::new().since(moment);
        self.store.get_messages(id, query).await
    }

    pub async fn count_messages(&self, id: &str) -> Result<u64> {
        self.store.count_messages(id).await
    }

    pub async fn delete_messages_before(&self, id: &str, before: u64) -> Result<u64> {
        self.store.delete_messages_before(id, before).await
    }

    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}
