//! Asking the server to break a statement off: by a connection of its own, as PostgreSQL has it.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the asking may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How the server is reached for it.
#[derive(Clone)]
pub(super) enum Canceller {
    Plain,
    Tls(MakeRustlsConnect),
}

impl Canceller {
    /// Asks. What comes of it is seen from how the statement ends.
    pub(super) async fn cancel(self, token: CancelToken) {
        let asked = async move {
            match self {
                Self::Plain => token.cancel_query(NoTls).await,
                Self::Tls(tls) => token.cancel_query(tls).await,
            }
        };
        let _ = timeout(LIMIT, asked).await;
    }
}
