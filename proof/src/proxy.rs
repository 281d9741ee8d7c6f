//! A proxy between real clients and the real server that knows where frames begin and end, and does
//! to them what networks do, and worse. Must never change a byte of a frame.

mod link;
mod matrix;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use packetboat_proto::packet::Kind;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use self::matrix::{Cell, Direction, Fault, Matrix};

use self::link::Link;
use crate::history::Device;

/// A proxy. Its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// Where the server is now.
    target: watch::Sender<Option<SocketAddr>>,
    matrix: Mutex<Matrix>,
    /// Hits that are still to come.
    left: watch::Sender<usize>,
    /// Once true, no fault goes on.
    calm: watch::Sender<bool>,
    /// The last frame of each kind from earlier connections of each device.
    earlier: Mutex<HashMap<Device, HashMap<Kind, Bytes>>>,
}

impl Proxy {
    /// To a server that is nowhere yet, with the faults of `matrix`.
    pub async fn start(matrix: Matrix) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: watch::Sender::new(None),
            left: watch::Sender::new(matrix.left()),
            matrix: Mutex::new(matrix),
            calm: watch::Sender::new(false),
            earlier: Mutex::default(),
        });
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

impl Shared {
    fn matrix(&self) -> MutexGuard<'_, Matrix> {
        // A draw is counted in one go.
        self.matrix.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let target = *self.target.borrow();
        TcpStream::connect(target.ok_or(io::ErrorKind::ConnectionRefused)?).await
    }

    fn draw(&self, direction: Direction, kind: Kind, may_replay: bool) -> Option<Fault> {
        let mut matrix = self.matrix();
        let fault = matrix.draw(direction, kind, may_replay);
        self.left.send_replace(matrix.left());
        fault
    }

    fn take(&self, direction: Direction, kind: Kind, fault: Fault) -> bool {
        let mut matrix = self.matrix();
        let taken = matrix.take(direction, kind, fault);
        self.left.send_replace(matrix.left());
        taken
    }

    fn throw(&self, low: u64, high: u64) -> u64 {
        self.matrix().dice().between(low, high)
    }

    /// A frame of that kind from an earlier connection of the device.
    fn earlier(&self, device: &Device, kind: Kind) -> Option<Bytes> {
        self.memory().get(device)?.get(&kind).cloned()
    }

    /// A connection of the device has ended.
    fn remember(&self, device: Device, frames: HashMap<Kind, Bytes>) {
        self.memory().entry(device).or_default().extend(frames);
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<Device, HashMap<Kind, Bytes>>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut links = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while links.try_join_next().is_some() {}
        links.spawn(Link::run(client, Arc::clone(&shared)));
    }
}
