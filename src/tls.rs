//! TLS 1.3 by rustls with ring: from the operator's files, or with a certificate made for
//! development and kept in the data folder. Must never speak an older version, nor let the
//! private key be read by others.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey as Pair, generate_simple_self_signed};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{Error as RustlsError, InconsistentKeys};
use thiserror::Error;

use crate::config::settings::TlsSettings;

/// The file in the data folder with the certificate made for development.
pub const DEV_CERT_FILE: &str = "tls-dev-cert.pem";
/// The file in the data folder with its private key.
pub const DEV_KEY_FILE: &str = "tls-dev-key.pem";

/// Who the certificate made for development is for.
const DEV_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has not what it should have, in PEM form.
    #[error("{} has no {wanted} in PEM form: {source}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should have.
        wanted: &'static str,
        /// What the parser said.
        source: PemError,
    },
    /// The key is another certificate's.
    #[error("the key {} does not belong to the certificate {}", key.display(), cert.display())]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that cannot be used.
    #[error("{} and {} cannot be used: {source}", cert.display(), key.display())]
    Unusable {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What rustls said.
        source: RustlsError,
    },
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// What the TLS address is served with.
#[derive(Clone, Debug)]
pub struct Tls {
    /// For `tokio_rustls::TlsAcceptor`.
    pub config: Arc<ServerConfig>,
    /// The certificate that was made for development, if it is one: clients are told to trust it.
    pub dev_cert: Option<PathBuf>,
}

/// What the settings ask for; `None` if they ask for no TLS. `data` is where a certificate made
/// for development is kept.
pub fn load(settings: &TlsSettings, data: &Path) -> Result<Option<Tls>, TlsError> {
    match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => Ok(Some(Tls { config: from_files(cert, key)?, dev_cert: None })),
        _ if settings.dev => {
            let (cert, key) = (data.join(DEV_CERT_FILE), data.join(DEV_KEY_FILE));
            if !(cert.exists() && key.exists()) {
                make_dev_pair(&cert, &key)?;
            }
            Ok(Some(Tls { config: from_files(&cert, &key)?, dev_cert: Some(cert) }))
        }
        _ => Ok(None),
    }
}

/// Finds what `load` would find wrong with the files that there are, and makes none.
pub fn check(settings: &TlsSettings, data: &Path) -> Result<(), TlsError> {
    let is_there = |name| data.join(name).exists();
    let to_be_made = settings.dev && !(is_there(DEV_CERT_FILE) && is_there(DEV_KEY_FILE));
    if to_be_made { Ok(()) } else { load(settings, data).map(drop) }
}

fn from_files(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let not_pem = |path: &Path, wanted, source| {
        let path = path.to_owned();
        TlsError::NotPem { path, wanted, source }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.map_err(|source| not_pem(cert, "certificate", source))?;
    if chain.is_empty() {
        return Err(not_pem(cert, "certificate", PemError::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|source| not_pem(key, "private key", source))?;

    let fault = |source| {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        match source {
            RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { cert, key }
            }
            source => TlsError::Unusable { cert, key, source },
        }
    };
    let provider = Arc::new(default_provider());
    let certified = CertifiedKey::from_der(chain, private, &provider).map_err(fault)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(fault)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

fn make_dev_pair(cert: &Path, key: &Path) -> Result<(), TlsError> {
    let Pair { cert: made, signing_key } = generate_simple_self_signed(DEV_NAMES.map(Into::into))?;
    for (path, text, mode) in [(key, signing_key.serialize_pem(), 0o600), (cert, made.pem(), 0o644)]
    {
        write_whole(path, &text, mode)
            .map_err(|source| TlsError::Unwritable { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// Writes a file beside its name and then gives it the name, so that it is whole or not there.
fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension("draft");
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests;
