//! Connections whose bytes take their time, come in pieces, stop coming, or are lost with the
//! connection. Must never reorder or change the bytes of one connection: TCP does not.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::plan::up_to;

/// Bytes that either end of a connection may have on its way.
const PIPE_BYTES: usize = 64 * 1024;

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Bytes flow both ways.
    Flows,
    /// Nothing of the client's gets through any more.
    ClientSilent,
    /// Nothing of the server's gets through any more.
    ServerSilent,
    /// Nothing gets through any more.
    Silent,
    /// It is gone, with all that was on its way.
    Cut,
}

/// All connections of a run.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Mutex<Inner>>,
    delay: Duration,
    chunk: usize,
}

struct Link {
    owner: usize,
    state: Arc<Condition>,
}

struct Inner {
    rng: Rng,
    links: Vec<Link>,
    open: bool,
}

impl Network {
    /// With nobody in it.
    pub fn new(rng: Rng, delay: Duration, chunk: usize) -> Self {
        let inner = Inner { rng, links: Vec::new(), open: true };
        Self { inner: Arc::new(Mutex::new(inner)), delay, chunk }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it is held")
    }

    /// Makes a connection: the client's end, and the server's for `accept`, which may refuse it.
    pub async fn dial(
        &self,
        owner: usize,
        accept: impl FnOnce(DuplexStream) -> bool,
    ) -> io::Result<DuplexStream> {
        let (mut rng, open) = {
            let mut inner = self.inner();
            (inner.rng.fork(), inner.open)
        };
        sleep(up_to(&mut rng, self.delay)).await;
        if !open {
            // As a packet that is dropped on its way: only a time-out tells.
            std::future::pending::<()>().await;
        }
        let (client, near) = duplex(PIPE_BYTES);
        let (server, far) = duplex(PIPE_BYTES);
        if !accept(server) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let state = Arc::new(Condition::default());
        let up = Pump {
            delay: self.delay,
            chunk: self.chunk,
            rng: rng.fork(),
            state: Arc::clone(&state),
        };
        let down = Pump { rng: rng.fork(), state: Arc::clone(&state), ..up };
        let (from_client, to_client) = split(near);
        let (from_server, to_server) = split(far);
        tokio::spawn(up.run(from_client, to_server, State::ClientSilent));
        tokio::spawn(down.run(from_server, to_client, State::ServerSilent));
        let mut inner = self.inner();
        inner.tidy();
        inner.links.push(Link { owner, state });
        Ok(client)
    }

    /// Does something to one connection, if there is one.
    pub fn afflict(&self, state: State) {
        let mut inner = self.inner();
        inner.tidy();
        if !inner.links.is_empty() {
            let count = inner.links.len();
            let which = inner.rng.usize(0..count);
            inner.links[which].state.set(state);
        }
    }

    /// Does something to the connections of one owner.
    pub fn afflict_of(&self, owner: usize, state: State) {
        for link in self.inner().links.iter().filter(|link| link.owner == owner) {
            link.state.set(state);
        }
    }

    /// Whether new connections get through.
    pub fn set_open(&self, open: bool) {
        self.inner().open = open;
    }
}

impl Inner {
    fn tidy(&mut self) {
        self.links.retain(|link| Arc::strong_count(&link.state) > 1);
    }
}

/// How one connection is, and who waits for it to change. Not a `watch`: that wakes in an order
/// drawn at random.
struct Condition {
    state: Mutex<State>,
    changed: Notify,
}

impl Default for Condition {
    fn default() -> Self {
        Self { state: Mutex::new(State::Flows), changed: Notify::new() }
    }
}

impl Condition {
    fn set(&self, state: State) {
        *self.state.lock().expect("nothing panics while it is held") = state;
        self.changed.notify_waiters();
    }

    async fn until(&self, is_so: impl Fn(State) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if is_so(*self.state.lock().expect("nothing panics while it is held")) {
                return;
            }
            changed.await;
        }
    }
}

/// One direction of a connection.
struct Pump {
    delay: Duration,
    chunk: usize,
    rng: Rng,
    state: Arc<Condition>,
}

impl Pump {
    async fn run(
        mut self,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        silenced: State,
    ) {
        let state = Arc::clone(&self.state);
        let gone = state.until(|state| state == State::Cut);
        tokio::select! {
            biased;
            () = gone => {}
            // Either end being gone is the other end of a connection.
            _ = self.pump(&mut from, &mut to, silenced) => {}
        }
    }

    async fn pump(
        &mut self,
        from: &mut ReadHalf<DuplexStream>,
        to: &mut WriteHalf<DuplexStream>,
        silenced: State,
    ) -> io::Result<()> {
        let mut bytes = vec![0; self.chunk];
        loop {
            let most = self.rng.usize(1..=self.chunk);
            let count = from.read(&mut bytes[..most]).await?;
            sleep(up_to(&mut self.rng, self.delay)).await;
            self.state.until(|state| state != silenced && state != State::Silent).await;
            if count == 0 {
                return to.shutdown().await;
            }
            to.write_all(&bytes[..count]).await?;
        }
    }
}
