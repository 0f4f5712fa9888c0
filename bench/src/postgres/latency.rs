//! A network of our own: what goes through it comes half a millisecond later, each way.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::Result;

const ONE_WAY: Duration = Duration::from_micros(500);

pub struct Network {
    folder: TempDir,
    user: String,
    database: String,
}

impl Network {
    pub fn before(url: &str) -> Result<Self> {
        let config: Config = url.parse()?;
        let [Host::Unix(server)] = config.get_hosts() else {
            return Err("this needs a server on a socket".into());
        };
        let folder = tempfile::tempdir_in("/tmp")?;
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432"))?;
        let server = server.join(".s.PGSQL.5432");
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(pair) =
                    client.and_then(|client| Ok((client, UnixStream::connect(&server)?)))
                else {
                    continue;
                };
                let (client, server) = pair;
                if let (Ok(a), Ok(b)) = (client.try_clone(), server.try_clone()) {
                    thread::spawn(move || carry(a, b));
                    thread::spawn(move || carry(server, client));
                }
            }
        });
        Ok(Self {
            folder,
            user: config.get_user().unwrap_or_default().to_owned(),
            database: config.get_dbname().unwrap_or_default().to_owned(),
        })
    }

    pub fn url(&self) -> String {
        format!(
            "host={} user={} dbname={}",
            self.folder.path().display(),
            self.user,
            self.database
        )
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        thread::sleep(ONE_WAY);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
