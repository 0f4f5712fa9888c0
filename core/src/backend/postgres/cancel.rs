//! Asking the server to break a statement off: by a connection of its own, as PostgreSQL has it.
//!
//! The connection is closed by the server, not by us: PgBouncer 1.18 ends, with all its clients, when a client that asked it to cancel is gone
//! before it has passed that on.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the asking may take.
const LIMIT: Duration = Duration::from_secs(5);
const PORT: u16 = 5432;

/// How the server is reached for it.
#[derive(Clone)]
pub(super) struct Canceller {
    /// All that the connection may lead to. Only the right one knows what it is asked for; the others take no notice.
    places: Vec<Place>,
    tls: Option<MakeRustlsConnect>,
}

#[derive(Clone)]
struct Place {
    host: Host,
    /// Where the host is, if that was said beside its name.
    address: Option<String>,
    port: u16,
}

impl Canceller {
    pub(super) fn new(config: &Config, tls: Option<MakeRustlsConnect>) -> Self {
        let ports = config.get_ports();
        let addresses = config.get_hostaddrs();
        let place = |(index, host): (usize, &Host)| Place {
            host: host.clone(),
            address: addresses.get(index).map(ToString::to_string),
            // One port may stand for all hosts.
            port: *ports.get(index).or(ports.first()).unwrap_or(&PORT),
        };
        Self {
            places: config.get_hosts().iter().enumerate().map(place).collect(),
            tls,
        }
    }

    /// Asks. What comes of it is seen from how the statement ends.
    pub(super) async fn cancel(self, token: CancelToken) {
        let Self { places, tls } = self;
        let asked = async move {
            for place in places {
                // One that cannot be reached is not the one.
                let _ = place.ask(&token, tls.clone()).await;
            }
        };
        let _ = timeout(LIMIT, asked).await;
    }
}

impl Place {
    async fn ask(self, token: &CancelToken, tls: Option<MakeRustlsConnect>) -> Option<()> {
        match &self.host {
            #[cfg(unix)]
            Host::Unix(folder) => {
                let socket = folder.join(format!(".s.PGSQL.{}", self.port));
                let stream = Lingering(UnixStream::connect(socket).await.ok()?);
                token.cancel_query_raw(stream, NoTls).await.ok()
            }
            Host::Tcp(name) => {
                let address = self.address.as_deref().unwrap_or(name);
                let stream = TcpStream::connect((address, self.port)).await.ok()?;
                let stream = Lingering(stream);
                let Some(mut tls) = tls else {
                    return token.cancel_query_raw(stream, NoTls).await.ok();
                };
                let connect =
                    MakeTlsConnect::<Lingering<TcpStream>>::make_tls_connect(&mut tls, name);
                let connect = LingeringTls(connect.ok()?);
                token.cancel_query_raw(stream, connect).await.ok()
            }
        }
    }
}

/// A stream that is not shut down before the other end has closed it.
struct Lingering<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // Closed, in whatever way.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: TlsStream + Unpin> TlsStream for Lingering<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

/// Makes TLS streams that linger: else the end of the session would be announced first.
struct LingeringTls<T>(T);

impl<S, T> TlsConnect<S> for LingeringTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Stream: 'static,
    T::Error: 'static,
{
    type Stream = Lingering<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connecting = self.0.connect(stream);
        Box::pin(async move { connecting.await.map(Lingering) })
    }
}
