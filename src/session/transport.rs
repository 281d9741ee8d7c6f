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
    /// `None`: nothing is on its way.
    buffers: Option<Box<Buffers>>,
}

#[derive(Debug, Default)]
struct Buffers {
    inbox: BytesMut,
    outbox: BytesMut,
    unflushed: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport<T> {
    /// With nothing on its way.
    pub fn new(stream: T) -> Self {
        Self { stream, buffers: None }
    }

    /// What came in and is not decoded yet, if there is anything.
    pub fn inbox(&mut self) -> Option<&mut BytesMut> {
        self.buffers.as_mut().map(|buffers| &mut buffers.inbox)
    }

    /// Where to put what is to go out.
    pub fn outbox(&mut self) -> &mut BytesMut {
        &mut self.buffers.get_or_insert_default().outbox
    }

    /// Bytes that are to go out.
    pub fn waiting(&self) -> usize {
        self.buffers.as_ref().map_or(0, |buffers| buffers.outbox.len())
    }

    /// Writes what waits, and reads if `may_read`; ready at the first progress.
    pub fn poll_progress(
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
        let Some(Buffers { outbox, unflushed, .. }) = self.buffers.as_deref_mut() else {
            return Poll::Pending;
        };
        if !outbox.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, outbox))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *unflushed = true;
            outbox.advance(written);
            if outbox.is_empty() {
                *outbox = BytesMut::new();
            }
            return Poll::Ready(Ok(written));
        }
        if *unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.tidied(|buffers| buffers.unflushed = false);
        }
        Poll::Pending
    }

    fn poll_in(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            let bytes = read.filled();
            if !bytes.is_empty() {
                self.buffers.get_or_insert_default().inbox.extend_from_slice(bytes);
            }
            Poll::Ready(Ok(bytes.len()))
        })
    }

    /// Gives back the memory of an inbox that has been decoded whole, and all if nothing is on
    /// its way.
    pub fn tidy(&mut self) {
        self.tidied(|buffers| {
            if buffers.inbox.is_empty() {
                // Also without any room left it still holds on to what it was split from.
                buffers.inbox = BytesMut::new();
            }
        });
    }

    fn tidied(&mut self, change: impl FnOnce(&mut Buffers)) {
        let Some(buffers) = self.buffers.as_deref_mut() else { return };
        change(buffers);
        if buffers.inbox.is_empty() && buffers.outbox.is_empty() && !buffers.unflushed {
            self.buffers = None;
        }
    }

    /// Writes what waits, then closes in a way that lets the other side read it.
    pub async fn close(&mut self) {
        let Buffers { outbox, .. } = *self.buffers.take().unwrap_or_default();
        let farewell = async {
            self.stream.write_all(&outbox).await?;
            self.stream.flush().await?;
            self.stream.shutdown().await
        };
        if !matches!(timeout(CLOSE_WAIT, farewell).await, Ok(Ok(()))) {
            return;
        }
        let linger = async {
            let mut left = CLOSE_BYTES_MAX;
            while left > 0 {
                self.buffers = None;
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
