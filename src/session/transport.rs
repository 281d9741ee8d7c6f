//! Bytes in and out of a session's stream. Must never hold a buffer while nothing is on its way:
//! an idle connection costs no more than its task.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Bytes read at a time.
pub const READ_BYTES: usize = 16 * 1024;
/// How long the last bytes may take to leave, and then the other side to close.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// Bytes that are still read, and thrown away, from a peer that was said goodbye to: were they
/// left unread, the system would reset the connection, and the goodbye could be lost.
pub const CLOSE_BYTES_MAX: usize = 4 * 1024 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What happened on a stream.
#[derive(Debug)]
pub enum Moved {
    /// Bytes came in, or with 0 the other side has closed.
    In(usize),
    /// Bytes went out.
    Out(usize),
}

/// A stream with what waits on either side of it.
#[derive(Debug)]
pub struct Transport<T> {
    stream: T,
    /// Came in and not decoded yet.
    pub inbox: BytesMut,
    /// To go out.
    pub outbox: BytesMut,
    unflushed: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport<T> {
    /// With nothing on its way.
    pub fn new(stream: T) -> Self {
        Self { stream, inbox: BytesMut::new(), outbox: BytesMut::new(), unflushed: false }
    }

    /// Writes what waits, and reads if `may_read`; resolves at the first progress.
    pub async fn progress(&mut self, may_read: bool) -> io::Result<Moved> {
        poll_fn(|context| self.poll_progress(context, may_read)).await
    }

    fn poll_progress(
        &mut self,
        context: &mut Context<'_>,
        may_read: bool,
    ) -> Poll<io::Result<Moved>> {
        if let Poll::Ready(result) = self.poll_out(context) {
            return Poll::Ready(result.map(Moved::Out));
        }
        if may_read {
            return self.poll_in(context).map_ok(Moved::In);
        }
        Poll::Pending
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.outbox.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.outbox))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.outbox.advance(written);
            if self.outbox.is_empty() {
                self.outbox = BytesMut::new();
            }
            return Poll::Ready(Ok(written));
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Pending
    }

    fn poll_in(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            self.inbox.extend_from_slice(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
    }

    /// Gives back the memory of an inbox that has been decoded whole.
    pub fn tidy(&mut self) {
        if self.inbox.is_empty() && self.inbox.capacity() > 0 {
            self.inbox = BytesMut::new();
        }
    }

    /// Writes what waits, then closes in a way that lets the other side read it.
    pub async fn close(mut self) {
        let farewell = async {
            self.stream.write_all(&self.outbox).await?;
            self.stream.flush().await?;
            self.stream.shutdown().await
        };
        if !matches!(timeout(CLOSE_WAIT, farewell).await, Ok(Ok(()))) {
            return;
        }
        let linger = async {
            let mut left = CLOSE_BYTES_MAX;
            while left > 0 {
                self.inbox.clear();
                match poll_fn(|context| self.poll_in(context)).await {
                    Ok(read) if read > 0 => left = left.saturating_sub(read),
                    Ok(_) | Err(_) => return,
                }
            }
        };
        // Whether it closed in time or not, there is nothing more to do for it.
        let _ = timeout(CLOSE_WAIT, linger).await;
    }
}
