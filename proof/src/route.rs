//! The way of clients to a server that comes and goes, on another port each time: told when it is
//! there, and cut at will. Must never lead to a port of which the server is not known to be there:
//! the port of one that was killed may be somebody else's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use packetboat_client::Dial;
use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How one device comes to the server.
pub trait Way: fmt::Debug + Send + Sync {
    /// Makes its connections.
    fn dial(&self) -> Dial;
    /// Cuts the connection that it has.
    fn cut(&self);
}

/// Where the server is now, for any number of lanes.
#[derive(Clone, Debug)]
pub struct Route {
    server: watch::Sender<Option<SocketAddr>>,
}

/// One device's way over TCP.
#[derive(Clone, Debug)]
pub struct Lane {
    server: watch::Receiver<Option<SocketAddr>>,
    /// The last connection. It is the client's alone: what it drops is closed.
    socket: Arc<Mutex<Weak<TcpStream>>>,
}

/// A connection that others can cut.
struct Cuttable(Arc<TcpStream>);

impl Default for Route {
    fn default() -> Self {
        Self { server: watch::Sender::new(None) }
    }
}

impl Route {
    /// The server is there.
    pub fn open(&self, server: SocketAddr) {
        self.server.send_replace(Some(server));
    }

    /// The server is nowhere: connections fail. Before it is killed.
    pub fn close(&self) {
        self.server.send_replace(None);
    }

    /// The way of a device.
    pub fn lane(&self) -> Lane {
        Lane { server: self.server.subscribe(), socket: Arc::default() }
    }
}

impl Way for Lane {
    fn dial(&self) -> Dial {
        let lane = self.clone();
        Dial::new(move || {
            let lane = lane.clone();
            async move { lane.connect().await }
        })
    }

    fn cut(&self) {
        if let Some(socket) = self.socket().upgrade() {
            // One that is gone already is cut as well.
            let _ = shutdown(&*socket, Shutdown::Both);
        }
    }
}

impl Lane {
    async fn connect(&self) -> io::Result<Cuttable> {
        let server = *self.server.borrow();
        let stream = TcpStream::connect(server.ok_or(io::ErrorKind::ConnectionRefused)?).await?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        *self.socket() = Arc::downgrade(&stream);
        Ok(Cuttable(stream))
    }

    fn socket(&self) -> MutexGuard<'_, Weak<TcpStream>> {
        // It is put there whole.
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|count| buffer.advance(count))),
            }
        }
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&*self.0, Shutdown::Write).map_err(io::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_lane_leads_to_the_server_while_it_is_there_and_can_be_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let route = Route::default();
        let lane = route.lane();
        assert!(lane.connect().await.is_err());
        route.open(listener.local_addr().unwrap());
        let mut ours = lane.connect().await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        lane.cut();
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
        let second = lane.connect().await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        drop(second);
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0, "the lane does not hold it open");
        route.close();
        assert!(lane.connect().await.is_err());
    }
}
