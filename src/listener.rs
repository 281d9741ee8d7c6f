//! Takes connections and gives each a task of its own, before any handshake: must never wait for
//! a peer.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::FutureExt;
use packetboat_proto::code::CloseCode;
use packetboat_proto::packet::{Packet, Verdict};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::complaint::Complaint;
use crate::session::house::House;
use crate::session::task::{self, Arrival};
use crate::store::Store;

/// How long to wait when the system has no descriptor left for a new connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a peer that is turned away may take to be told so.
pub const TURN_AWAY: Duration = Duration::from_secs(1);
/// Peers that are told so at a time; further ones are just closed.
pub const TURNED_AWAY_MAX: usize = 64;

/// What a listener has to share.
pub struct Listener<S: Store> {
    /// The sessions' side.
    pub house: Arc<House<S>>,
    /// One permit for each connection that there may be.
    pub places: Arc<Semaphore>,
    /// Ends the taking of connections. The sessions are told by the hub.
    pub drain: CancellationToken,
    /// Turns nobody away more than `TURNED_AWAY_MAX` at a time.
    pub turned_away: Arc<Semaphore>,
}

impl<S: Store> Clone for Listener<S> {
    fn clone(&self) -> Self {
        Self {
            house: Arc::clone(&self.house),
            places: Arc::clone(&self.places),
            drain: self.drain.clone(),
            turned_away: Arc::clone(&self.turned_away),
        }
    }
}

/// One of the places that there are; given back when it is dropped.
struct Place(Arc<Semaphore>);

impl Place {
    fn take(places: &Arc<Semaphore>) -> Option<Self> {
        places.try_acquire().ok()?.forget();
        Some(Self(Arc::clone(places)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl<S: Store> Listener<S> {
    /// Takes plain connections until the drain begins.
    pub async fn serve_plain(self, socket: TcpListener) {
        self.serve(socket, |house, stream, arrival, place| {
            // Not a block of its own, which would hold the session twice.
            task::run(stream, house, arrival).map(move |()| drop(place))
        })
        .await;
    }

    /// Takes TLS connections until the drain begins.
    pub async fn serve_tls(self, socket: TcpListener, acceptor: TlsAcceptor) {
        self.serve(socket, move |house, stream, arrival, place| {
            let acceptor = acceptor.clone();
            async move {
                match timeout(house.rules.handshake, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => task::run(stream, house, arrival).await,
                    Ok(Err(error)) => debug!(peer = ?arrival.peer, %error, "no TLS handshake"),
                    Err(_) => house.metrics.handshake_timeouts.one(),
                }
                drop(place);
            }
        })
        .await;
    }

    async fn serve<F, R>(self, socket: TcpListener, run: F)
    where
        F: Fn(Arc<House<S>>, TcpStream, Arrival, Place) -> R,
        R: Future<Output = ()> + Send + 'static,
    {
        let mut complaint = Complaint::default();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = self.drain.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !of_one_peer(&error) {
                        self.house.metrics.accepts_failed.one();
                        if let Some(unsaid) = complaint.due(Instant::now()) {
                            warn!(%error, unsaid, "no connection can be taken for the moment");
                        }
                        sleep(ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            };
            // Small frames are to leave at once; without it they only leave later.
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%error, "TCP_NODELAY is not set");
            }
            match Place::take(&self.places) {
                Some(place) => {
                    self.house.metrics.connections_accepted.one();
                    let arrival = Arrival { since: self.house.clock.now(), peer: Some(peer) };
                    tokio::spawn(run(Arc::clone(&self.house), stream, arrival, place));
                }
                None => self.turn_away(stream),
            }
        }
    }

    fn turn_away(&self, mut stream: TcpStream) {
        self.house.metrics.connections_refused.one();
        let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() else { return };
        let after = self.house.rules.retry_after_ms;
        tokio::spawn(async move {
            let verdict = Verdict::close(CloseCode::ServerFull, "no place is free", after);
            let mut goodbye = BytesMut::new();
            Packet::Goodbye(verdict).put(&mut goodbye);
            let farewell = async {
                stream.write_all(&goodbye).await?;
                stream.shutdown().await
            };
            // It is turned away either way.
            let _ = timeout(TURN_AWAY, farewell).await;
            drop(permit);
        });
    }
}

/// Whether an error is that of one connection, and nothing to pause for.
fn of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
