//! A connection within this process: the server's end is a stream for its session, the other end
//! two lists of bytes. Must never hold memory while nothing is on its way.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may wait for a client who does not read.
const WAITING_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Pipe {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    reader: Option<Waker>,
    is_closed: bool,
}

/// The client's end.
#[derive(Debug)]
pub struct ClientEnd(Arc<Mutex<Pipe>>);

/// The server's end.
#[derive(Debug)]
pub struct ServerEnd(Arc<Mutex<Pipe>>);

/// Both ends of a new connection.
pub fn connection() -> (ClientEnd, ServerEnd) {
    let pipe = Arc::new(Mutex::new(Pipe::default()));
    (ClientEnd(Arc::clone(&pipe)), ServerEnd(pipe))
}

fn locked(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientEnd {
    /// Writes.
    pub fn put(&self, bytes: &[u8]) {
        let mut pipe = locked(&self.0);
        pipe.to_server.extend_from_slice(bytes);
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// All that came.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut locked(&self.0).to_client)
    }

    /// Whether the server has closed.
    pub fn is_closed(&self) -> bool {
        locked(&self.0).is_closed
    }
}

impl AsyncRead for ServerEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = locked(&self.0);
        if pipe.to_server.is_empty() {
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = pipe.to_server.len().min(into.remaining());
        into.put_slice(&pipe.to_server[..count]);
        if count == pipe.to_server.len() {
            pipe.to_server = Vec::new();
        } else {
            pipe.to_server.drain(..count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServerEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = locked(&self.0);
        if pipe.to_client.len() + bytes.len() > WAITING_BYTES_MAX {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        pipe.to_client.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        locked(&self.0).is_closed = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        locked(&self.0).is_closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll::{Pending, Ready};

    #[test]
    fn bytes_go_both_ways_and_an_idle_connection_holds_none() {
        let (client, mut server) = connection();
        let mut context = Context::from_waker(Waker::noop());
        let mut room = [0; 3];
        let mut read = |server: &mut ServerEnd| {
            let mut into = ReadBuf::new(&mut room);
            let polled = Pin::new(server).poll_read(&mut context, &mut into);
            (polled.is_ready(), into.filled().to_vec())
        };
        assert_eq!(read(&mut server), (false, vec![]));
        client.put(b"four");
        assert_eq!(read(&mut server), (true, b"fou".to_vec()));
        assert_eq!(read(&mut server), (true, b"r".to_vec()));
        assert_eq!(read(&mut server), (false, vec![]));
        let mut context = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut server).poll_write(&mut context, b"back");
        assert!(matches!(written, Ready(Ok(4))));
        assert_eq!((client.take(), client.take()), (b"back".to_vec(), vec![]));
        assert_eq!(locked(&client.0).to_server.capacity(), 0);
        assert!(!client.is_closed());
        drop(server);
        assert!(client.is_closed());
    }

    #[test]
    fn a_client_who_never_reads_is_cut() {
        let (_client, mut server) = connection();
        let mut context = Context::from_waker(Waker::noop());
        let mut write = || Pin::new(&mut server).poll_write(&mut context, &vec![0; 50_000]);
        assert!(matches!(write(), Ready(Ok(50_000))));
        assert!(!matches!(write(), Ready(Ok(_)) | Pending));
    }
}
