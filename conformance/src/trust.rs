//! Whom to trust behind TLS 1.3. Must never trust everybody.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// How to know a server behind TLS.
pub struct Tls {
    /// What is trusted, and which versions are spoken.
    pub config: Arc<ClientConfig>,
    /// The name that its certificate has.
    pub name: ServerName<'static>,
}

/// TLS to a server `host:port`, trusting the certificates in a file, or those of the system.
pub fn tls(server: &str, ca: Option<&Path>) -> Result<Tls, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has the cipher suites of TLS 1.3")
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| format!("{server}: {error}"))?;
    Ok(Tls { config: Arc::new(config), name })
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let Some(path) = ca else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| told(&error))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| told(&error))?;
        store.add(certificate).map_err(|error| told(&error))?;
    }
    if store.is_empty() {
        return Err(told(&"no certificate is in it"));
    }
    Ok(store)
}
