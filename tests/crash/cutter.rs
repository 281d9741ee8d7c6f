//! A relay between a client and the server that can cut every connection through it, and that
//! stays where it is while the server comes back elsewhere.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A relay.
pub struct Cutter {
    address: SocketAddr,
    cuts: watch::Sender<u64>,
    target: watch::Sender<SocketAddr>,
    task: JoinHandle<()>,
}

impl Cutter {
    /// To the server at `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, target) = (watch::Sender::new(0), watch::Sender::new(target));
        let (cut, to) = (cuts.subscribe(), target.subscribe());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut cut, to) = (cut.clone(), *to.borrow());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = relay(client, to) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts, target, task }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Further connections go there.
    pub fn redirect(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(mut client: TcpStream, target: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // That either side breaks is what a relay is for.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
