//! A proxy between real clients and the real server that knows where frames begin and end, and does
//! to them what networks do, and worse. Must never change a byte of a frame.

mod link;
mod matrix;
mod mischief;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use self::matrix::{Cell, Direction, Fault, Matrix};

use self::link::Link;
use self::mischief::Mischief;

/// A proxy. Its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Mischief>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// To a server that is nowhere yet, with the faults of `matrix`.
    pub async fn start(matrix: Matrix) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mischief::new(matrix));
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Further connections go there; `None`: they are ended at once.
    pub fn lead_to(&self, server: Option<SocketAddr>) {
        self.shared.target.send_replace(server);
    }

    /// Waits until every cell was hit.
    pub async fn all_hit(&self) {
        let mut left = self.shared.left.subscribe();
        let none = left.wait_for(|left| *left == 0).await;
        none.expect("the sender lives as long as this proxy");
    }

    /// Ends all faults: connections with a fault that goes on are cut, and nothing more is done.
    pub fn calm(&self) {
        self.shared.matrix().calm();
        self.shared.calm.send_replace(true);
    }

    /// The faults as they stand.
    pub fn with_matrix<T>(&self, look: impl FnOnce(&Matrix) -> T) -> T {
        look(&self.shared.matrix())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Mischief>) {
    let mut links = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while links.try_join_next().is_some() {}
        links.spawn(Link::run(client, Arc::clone(&shared)));
    }
}
