//! The sockets of a server, bound. Must never take a connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;

use crate::config::settings::Config;
use crate::tls;

use super::start_error::StartError;

/// What is listened on.
pub(super) struct Sockets {
    pub(super) plain: Option<TcpListener>,
    pub(super) tls: Option<(TcpListener, TlsAcceptor)>,
    pub(super) dev_cert: Option<PathBuf>,
}

impl Sockets {
    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        let backlog = config.listen.backlog;
        let plain = config.listen.plain.map(|address| listen(address, backlog)).transpose()?;
        let mut sockets = Self { plain, tls: None, dev_cert: None };
        let Some(address) = config.listen.tls else { return Ok(sockets) };
        if let Some(loaded) = load_tls(config).await? {
            let acceptor = TlsAcceptor::from(loaded.config);
            sockets.tls = Some((listen(address, backlog)?, acceptor));
            sockets.dev_cert = loaded.dev_cert;
        }
        Ok(sockets)
    }
}

async fn load_tls(config: &Config) -> Result<Option<tls::Tls>, StartError> {
    let (settings, data) = (config.tls.clone(), config.store.data.clone());
    let loading = spawn_blocking(move || tls::load(&settings, Path::new(&data)));
    Ok(loading.await.expect("loading a certificate does not panic")?)
}

fn listen(address: SocketAddr, backlog: u32) -> Result<TcpListener, StartError> {
    let bind = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A server that was killed is to come back at once on its own port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(backlog)
    };
    bind().map_err(|source| StartError::Listen { address, source })
}
