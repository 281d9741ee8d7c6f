//! Makes a connection: TCP, and TLS 1.3 if it is asked for. Must never speak the protocol.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{Config, Roots, TlsConfig};
use crate::error::ConfigError;

/// A stream of bytes to a server and back.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection in the making.
pub(crate) type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send>>;

/// Makes connections, for [`Client::start_over`](crate::Client::start_over).
pub struct Dial(Box<dyn FnMut() -> Dialing + Send>);

impl Dial {
    /// Makes connections by calling `dial`, once for each.
    pub fn new<F, T>(mut dial: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport + 'static,
    {
        Self(Box::new(move || {
            let dialed = dial();
            Box::pin(async move { Ok(Box::new(dialed.await?) as Box<dyn Transport>) })
        }))
    }

    /// Connects as `config` says.
    pub(crate) fn of(config: &Config) -> Result<Self, ConfigError> {
        let server = config.server.clone();
        let Some(tls) = &config.tls else {
            return Ok(Self::new(move || connect(server.clone())));
        };
        let connector = TlsConnector::from(Arc::new(tls_config(tls)?));
        let name = server_name(tls, &server)?;
        Ok(Self::new(move || {
            let (server, connector, name) = (server.clone(), connector.clone(), name.clone());
            async move { connector.connect(name, connect(server).await?).await }
        }))
    }

    pub(crate) fn dial(&mut self) -> Dialing {
        (self.0)()
    }
}

async fn connect(server: String) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    // What belongs together is written at once, so there is nothing to wait for.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn tls_config(tls: &TlsConfig) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has the cipher suites of TLS 1.3")
        .with_root_certificates(roots(&tls.roots)?)
        .with_no_client_auth();
    Ok(config)
}

fn roots(roots: &Roots) -> Result<RootCertStore, ConfigError> {
    let unreadable =
        |error: &dyn std::fmt::Display| ConfigError::Roots { detail: error.to_string() };
    let mut store = RootCertStore::empty();
    let found = match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            if let (true, Some(error)) = (found.certs.is_empty(), found.errors.first()) {
                return Err(unreadable(error));
            }
            // The system's own store may hold some that rustls does not read.
            store.add_parsable_certificates(found.certs);
            Vec::new()
        }
        Roots::PemFile(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(&error))?,
        Roots::Pem(text) => CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(&error))?,
    };
    for certificate in found {
        store.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if store.is_empty() {
        return Err(unreadable(&"there are none"));
    }
    Ok(store)
}

fn server_name(tls: &TlsConfig, server: &str) -> Result<ServerName<'static>, ConfigError> {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = tls.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned())
        .map_err(|_| ConfigError::ServerName { name: name.to_owned() })
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Dial")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str, given: Option<&str>) -> Result<ServerName<'static>, ConfigError> {
        let mut tls = TlsConfig::system();
        tls.server_name = given.map(ToOwned::to_owned);
        server_name(&tls, server)
    }

    #[test]
    fn the_certificate_is_for_the_host_unless_another_name_is_given() {
        assert_eq!(name("boat.example:7583", None).unwrap().to_str(), "boat.example");
        assert_eq!(name("[::1]:7583", None).unwrap().to_str(), "::1");
        assert_eq!(name("10.0.0.1:7583", Some("boat")).unwrap().to_str(), "boat");
        assert!(name("not a name:1", None).is_err());
    }

    #[test]
    fn roots_that_hold_nothing_are_refused() {
        let empty = Roots::Pem(bytes::Bytes::from_static(b"nothing here"));
        assert!(matches!(roots(&empty), Err(ConfigError::Roots { .. })));
        let missing = Roots::PemFile("/nowhere/ca.pem".into());
        assert!(matches!(roots(&missing), Err(ConfigError::Roots { .. })));
    }
}
