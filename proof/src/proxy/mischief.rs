//! What all connections through a proxy share: where the server is, which faults are still to be
//! done, and what is kept to be replayed. Must never be locked across an await.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use packetboat_proto::packet::Kind;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::matrix::{Direction, Fault, Matrix};
use crate::history::Device;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Mischief {
    /// Where the server is now.
    pub(super) target: watch::Sender<Option<SocketAddr>>,
    matrix: Mutex<Matrix>,
    /// Hits that are still to come.
    pub(super) left: watch::Sender<usize>,
    /// Once true, no fault goes on.
    pub(super) calm: watch::Sender<bool>,
    /// The last frame of each kind from earlier connections of each device.
    earlier: Mutex<HashMap<Device, HashMap<Kind, Bytes>>>,
}

impl Mischief {
    pub(super) fn new(matrix: Matrix) -> Self {
        Self {
            target: watch::Sender::new(None),
            left: watch::Sender::new(matrix.left()),
            matrix: Mutex::new(matrix),
            calm: watch::Sender::new(false),
            earlier: Mutex::default(),
        }
    }

    pub(super) fn matrix(&self) -> MutexGuard<'_, Matrix> {
        // A draw is counted in one go.
        self.matrix.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let target = *self.target.borrow();
        TcpStream::connect(target.ok_or(io::ErrorKind::ConnectionRefused)?).await
    }

    pub(super) fn draw(&self, direction: Direction, kind: Kind, may_replay: bool) -> Option<Fault> {
        let mut matrix = self.matrix();
        let fault = matrix.draw(direction, kind, may_replay);
        self.left.send_replace(matrix.left());
        fault
    }

    pub(super) fn take(&self, direction: Direction, kind: Kind, fault: Fault) -> bool {
        let mut matrix = self.matrix();
        let taken = matrix.take(direction, kind, fault);
        self.left.send_replace(matrix.left());
        taken
    }

    pub(super) fn throw(&self, low: u64, high: u64) -> u64 {
        self.matrix().dice().between(low, high)
    }

    /// A frame of that kind from an earlier connection of the device.
    pub(super) fn earlier(&self, device: &Device, kind: Kind) -> Option<Bytes> {
        self.memory().get(device)?.get(&kind).cloned()
    }

    /// A connection of the device has ended.
    pub(super) fn remember(&self, device: Device, frames: HashMap<Kind, Bytes>) {
        self.memory().entry(device).or_default().extend(frames);
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<Device, HashMap<Kind, Bytes>>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
