//! A handshake over loopback with the certificate for development, and what is refused. Must
//! never trust more than that one certificate.

use rustls::version::TLS12;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const DEV: TlsSettings = TlsSettings { cert: None, key: None, dev: true };

fn files(cert: &Path, key: &Path) -> TlsSettings {
    TlsSettings { cert: Some(cert.to_owned()), key: Some(key.to_owned()), dev: false }
}

fn client(ca: &Path, version: &'static SupportedProtocolVersion) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Sends a word to a server with `tls` and gives what comes back, reversed.
async fn talk(tls: &Tls, connector: TlsConnector, name: &str) -> io::Result<[u8; 4]> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
    let answering = tokio::spawn(async move {
        let (socket, _) = listener.accept().await?;
        let mut stream = acceptor.accept(socket).await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        word.reverse();
        stream.write_all(&word).await?;
        stream.shutdown().await
    });
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = async {
        let socket = TcpStream::connect(address).await?;
        let mut stream = connector.connect(name, socket).await?;
        stream.write_all(b"boat").await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        Ok(word)
    };
    let answer = client.await;
    let answered = answering.await.unwrap();
    assert_eq!(answer.is_ok(), answered.is_ok(), "{answer:?} {answered:?}");
    answer
}

#[tokio::test]
async fn the_development_certificate_is_good_for_this_machine_over_tls_13() {
    let folder = tempfile::tempdir().unwrap();
    let tls = load(&DEV, folder.path()).unwrap().unwrap();
    let ca = tls.dev_cert.clone().unwrap();
    for name in DEV_NAMES {
        assert_eq!(talk(&tls, client(&ca, &TLS13), name).await.unwrap(), *b"taob", "{name}");
    }
    assert!(talk(&tls, client(&ca, &TLS13), "elsewhere.example").await.is_err());
}

#[tokio::test]
async fn tls_12_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tls = load(&DEV, folder.path()).unwrap().unwrap();
    let ca = tls.dev_cert.clone().unwrap();
    let error = talk(&tls, client(&ca, &TLS12), "localhost").await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

#[test]
fn the_development_certificate_is_kept_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let cert = || fs::read(data.join(DEV_CERT_FILE)).unwrap();
    load(&DEV, &data).unwrap();
    let first = cert();
    load(&DEV, &data).unwrap();
    assert_eq!(cert(), first);
    #[cfg(unix)]
    {
        let key = fs::metadata(data.join(DEV_KEY_FILE)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    }
    // A pair of which one half was lost is made anew as a pair.
    fs::remove_file(data.join(DEV_KEY_FILE)).unwrap();
    load(&DEV, &data).unwrap();
    assert_ne!(cert(), first);
}

#[test]
fn files_are_used_where_they_are_named_and_nothing_is_made() {
    let made = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    load(&DEV, made.path()).unwrap();
    let (cert, key) = (made.path().join(DEV_CERT_FILE), made.path().join(DEV_KEY_FILE));
    let tls = load(&files(&cert, &key), data.path()).unwrap().unwrap();
    assert_eq!(tls.dev_cert, None);
    assert!(load(&TlsSettings::default(), data.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_with_the_files_is_told() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        load(&DEV, folder.path()).unwrap();
    }
    let error = |cert: &Path, key: &Path| load(&files(cert, key), one.path()).unwrap_err();
    let (cert, key) = (one.path().join(DEV_CERT_FILE), one.path().join(DEV_KEY_FILE));
    let others = other.path().join(DEV_KEY_FILE);
    let rubbish = one.path().join("rubbish");
    fs::write(&rubbish, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();

    assert!(matches!(error(&cert, &others), TlsError::Mismatch { .. }));
    let swapped = error(&key, &cert);
    assert!(matches!(swapped, TlsError::NotPem { wanted: "certificate", .. }), "{swapped}");
    let no_key = error(&cert, &cert);
    assert!(matches!(no_key, TlsError::NotPem { wanted: "private key", .. }), "{no_key}");
    assert!(matches!(error(&rubbish, &key), TlsError::Unusable { .. }));
    let gone = one.path().join("gone");
    for error in [error(&gone, &key), error(&cert, &gone)] {
        assert!(matches!(&error, TlsError::Unreadable { path, .. } if *path == gone), "{error}");
    }
}

#[test]
fn a_check_finds_what_is_wrong_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    check(&DEV, folder.path()).unwrap();
    check(&TlsSettings::default(), folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    load(&DEV, folder.path()).unwrap();
    let (cert, key) = (folder.path().join(DEV_CERT_FILE), folder.path().join(DEV_KEY_FILE));
    check(&DEV, folder.path()).unwrap();
    check(&files(&cert, &key), folder.path()).unwrap();
    let wrong = check(&files(&cert, &cert), folder.path());
    assert!(matches!(wrong, Err(TlsError::NotPem { .. })), "{wrong:?}");
    fs::write(&key, "rubbish").unwrap();
    let spoilt = check(&DEV, folder.path());
    assert!(matches!(spoilt, Err(TlsError::NotPem { .. })), "{spoilt:?}");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = load(&DEV, &file.join("data")).unwrap_err();
    assert!(matches!(error, TlsError::Unwritable { .. }), "{error}");
}
