//! TLS: who is spoken to is who was meant, or nobody is.
#![cfg(all(feature = "postgres", feature = "testing", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "postgres/cluster.rs"]
mod cluster;
#[path = "postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

use std::net::TcpListener;
use std::path::PathBuf;

use cluster::{Beside, Cluster};
use convostore::backend::postgres::PostgresOptions;
use convostore::{Error, ErrorCode, NewSession, Store, StoreOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Those who vouch for a server, and a file that says so.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &tempfile::TempDir, name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }
}

struct Secure {
    beside: Beside,
    port: u16,
    right: Authority,
    wrong: Authority,
    _folder: tempfile::TempDir,
}

/// A server on TCP that speaks TLS with a certificate for `localhost`, and nothing else.
fn secure(name: &str) -> Option<Secure> {
    server::url()?;
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (
        Authority::new(&folder, "right"),
        Authority::new(&folder, "wrong"),
    );
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &right.issuer)
        .unwrap();
    let beside = Cluster::own()?.another(name);
    beside.cluster.write("server.crt", &certificate.pem());
    beside.cluster.write("server.key", &key.serialize_pem());
    let allowed =
        "local all all trust\nhostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n";
    beside.cluster.write("pg_hba.conf", allowed);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    beside.start(&format!(
        "-c ssl=on -c listen_addresses=localhost -c port={port}"
    ));
    Some(Secure {
        beside,
        port,
        right,
        wrong,
        _folder: folder,
    })
}

impl Secure {
    /// `settings` is the end of the URL. A database that is there in every cluster will do.
    fn connect(
        &self,
        host: &str,
        settings: &str,
        authority: Option<&Authority>,
    ) -> Result<Store, Error> {
        let mut options = PostgresOptions::new();
        if let Some(authority) = authority {
            options = options.root_certificates(&authority.file);
        }
        let url = format!(
            "postgresql://postgres@{host}:{}/postgres{settings}",
            self.port
        );
        StoreOptions::new().postgres(options).connect(&url)
    }

    /// How many of our connections are encrypted, and how many there are.
    fn encrypted(&self) -> Vec<String> {
        let url = format!(
            "host={} port={} user=postgres dbname=postgres",
            self.beside.cluster.socket().display(),
            self.port
        );
        let sql = "SELECT count(*) FILTER (WHERE s.ssl) || ' of ' || count(*) \
             FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'convostore'";
        server::Sql::connect(&url).run(sql).unwrap()
    }
}

#[test]
fn a_server_that_is_vouched_for_is_spoken_to_in_secret() {
    let Some(server) = secure("tls_right") else {
        return;
    };
    for settings in [
        "?sslmode=require",
        "?sslmode=verify-full",
        "?sslmode=verify-ca",
        "",
    ] {
        let store = server
            .connect("localhost", settings, Some(&server.right))
            .unwrap();
        store.create_session(NewSession::new()).unwrap();
        assert_eq!(server.encrypted(), ["1 of 1"], "{settings}");
        store.close().unwrap();
        drop(store);
        while server.encrypted() != ["0 of 0"] {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn any_other_server_is_refused() {
    let Some(server) = secure("tls_wrong") else {
        return;
    };
    for settings in [
        "?sslmode=require",
        "?sslmode=verify-full",
        "?sslmode=prefer",
        "",
    ] {
        // Vouched for by others, by nobody this machine knows, and not under this name.
        for (host, authority) in [
            ("localhost", Some(&server.wrong)),
            ("localhost", None),
            ("127.0.0.1", Some(&server.right)),
        ] {
            let error = server.connect(host, settings, authority).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Storage, "{error:?}");
            assert!(error.message().contains("TLS"), "{error:?}");
            assert!(!format!("{error:?}").contains("localhost"), "{error:?}");
        }
    }
    // The server itself refuses to speak openly: what was accepted above was encrypted.
    let error = server
        .connect("localhost", "?sslmode=disable", None)
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::PermissionDenied, "{error:?}");
}

#[test]
fn a_file_without_certificates_is_an_argument_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "nothing").unwrap();
    for path in [folder.path().join("none"), empty] {
        let options = PostgresOptions::new().root_certificates(path);
        let connected = StoreOptions::new()
            .postgres(options)
            .connect("postgresql://x@localhost/x?sslmode=require");
        let error = connected.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert_eq!(error.details()["argument"], "root_certificates");
    }
}
