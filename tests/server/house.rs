//! A server of one's own, in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "search")]
use futures_util::future::BoxFuture;
use packetboat::config::settings::Config;
use packetboat::metrics::Metrics;
use packetboat::server::{Server, StartError};
use packetboat::store::health::Failure;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server, and the folder of its store.
pub struct House {
    pub address: SocketAddr,
    pub tls: Option<SocketAddr>,
    pub metrics: Arc<Metrics>,
    pub config: Config,
    /// Waits for the index of search.
    #[cfg(feature = "search")]
    pub caught_up: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Failure>>,
}

/// The settings of a test: any port, the given folder.
pub fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.listen.plain = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.store.data = folder.join("data");
    // A disk that is busy with other tests must not look like a peer that does not acknowledge.
    config.limits.retry_ms = 600_000;
    config.limits.heartbeat_ms = 600_000;
    config.limits.handshake_ms = 60_000;
    // Nor like a disk that hangs.
    config.store.stall_ms = 300_000;
    config
}

impl House {
    /// With the defaults.
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        Self::start(folder, config).await.unwrap()
    }

    pub async fn start(folder: TempDir, config: Config) -> Result<Self, StartError> {
        let server = Server::start(&config).await?;
        let bound = server.bound();
        let (address, tls) = (bound.plain.unwrap(), bound.tls);
        let metrics = server.metrics();
        #[cfg(feature = "search")]
        let caught_up = Box::new(server.index_caught_up());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            tls,
            metrics,
            config,
            #[cfg(feature = "search")]
            caught_up,
            folder,
            stop: Some(stop),
            running,
        })
    }

    /// Asks the server to stop, without waiting for it.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops the server, waits for its end, and keeps the store.
    pub async fn close(mut self) -> (TempDir, Config) {
        self.stop();
        self.running.await.unwrap().unwrap();
        (self.folder, self.config)
    }

    /// Stops the server and starts it again on the same store.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with settings changed.
    pub async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let (folder, mut config) = self.close().await;
        change(&mut config);
        Self::start(folder, config).await.unwrap()
    }
}
