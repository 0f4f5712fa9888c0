//! TLS, by rustls. Certificates and host names are always verified.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, crypto};

use crate::error::{Error, ErrorCode, Result};

/// The configuration, with the roots of that file or the machine's.
pub(super) fn config(roots: Option<&Path>) -> Result<ClientConfig> {
    let roots = match roots {
        Some(path) => roots_of_file(path)?,
        None => roots_of_machine(),
    };
    // The provider is named, so that nothing depends on what the rest of the process installed as the default.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::new(ErrorCode::Storage, "TLS could not be set up"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn roots_of_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // A machine without roots is told so when a certificate has to be verified.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn roots_of_file(path: &Path) -> Result<RootCertStore> {
    let unreadable = || {
        Error::invalid("the file of root certificates cannot be read, or is not in PEM form")
            .with("argument", "root_certificates")
            .with("path", path.to_string_lossy())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
        let certificate = certificate.map_err(|_| unreadable())?;
        roots.add(certificate).map_err(|_| unreadable())?;
    }
    if roots.is_empty() {
        return Err(unreadable());
    }
    Ok(roots)
}
