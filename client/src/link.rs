//! One connection: a stream, and the bytes on their way through it. Must never look into a packet.

use std::future::pending;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::codec::{CodecError, FrameCodec};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::packet::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::Decoder;

use crate::connect::Transport;
use crate::turns::either;

/// Bytes to write that may wait before no more messages are added.
pub(crate) const WRITE_BYTES_HIGH: usize = 256 * 1024;
/// Bytes to write that may wait at all: answers to pings, which a peer that does not read might
/// ask for without end. Beyond them nothing is read.
const WRITE_BYTES_MAX: usize = 4 * WRITE_BYTES_HIGH;
/// Bytes that are made room for when there are fewer than `READ_BYTES_LEAST`.
const READ_BYTES: usize = 16 * 1024;
/// Bytes that a read has room for at least.
const READ_BYTES_LEAST: usize = 2 * 1024;
/// How long the last words may take.
const PART_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection.
pub(crate) struct Link {
    from: ReadHalf<Box<dyn Transport>>,
    to: WriteHalf<Box<dyn Transport>>,
    codec: FrameCodec,
    came: BytesMut,
    going: BytesMut,
    flush_due: bool,
    /// The next step looks whether it can read before it looks whether it can write.
    reads_first: bool,
    /// Nothing can be written any more.
    is_broken: bool,
}

/// What a connection did.
#[derive(Debug)]
pub(crate) enum Moved {
    /// Bytes came; none: the stream has ended.
    Read(io::Result<usize>),
    /// Bytes went.
    Written,
}

impl Link {
    /// Opens with the preface.
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        let (from, to) = tokio::io::split(transport);
        Self {
            from,
            to,
            codec: FrameCodec::client(),
            came: BytesMut::new(),
            going: BytesMut::from(&PREFACE[..]),
            flush_due: false,
            reads_first: false,
            is_broken: false,
        }
    }

    /// Puts a packet behind what is to be written.
    pub(crate) fn put(&mut self, packet: &Packet) {
        if !self.is_broken {
            packet.put(&mut self.going);
        }
    }

    /// How many bytes more may wait before messages should.
    pub(crate) fn room(&self) -> usize {
        WRITE_BYTES_HIGH.saturating_sub(self.going.len())
    }

    /// The next frame of those that came.
    pub(crate) fn next_frame(&mut self, body_max: u32) -> Result<Option<Frame>, CodecError> {
        self.codec.set_body_max(body_max);
        self.codec.decode(&mut self.came)
    }

    /// Reads or writes, whichever can be done first. Cancel safe.
    pub(crate) async fn step(&mut self, may_read: bool) -> Moved {
        let may_read = may_read && self.going.len() < WRITE_BYTES_MAX;
        let may_write = !self.is_broken && (self.flush_due || !self.going.is_empty());
        let Self { from, to, came, going, flush_due, reads_first, is_broken, .. } = self;
        // By turns, so that a peer that always writes, or always reads, gets its answer.
        *reads_first = !*reads_first;
        let reading =
            async { if may_read { Moved::Read(read(from, came).await) } else { pending().await } };
        let writing = async {
            if !may_write {
                pending::<()>().await;
            }
            // What the other side said before it stopped reading is still worth to be read: it
            // may be a goodbye. The stream then ends by itself, or in silence.
            *is_broken = write(to, going, flush_due).await.is_err();
            Moved::Written
        };
        let moved = either(*reads_first, reading, writing).await;
        if self.is_broken {
            self.going.clear();
        }
        moved
    }

    /// Writes what is left, and waits for the other side to end the stream: with bytes unread, the
    /// system would reset it, and the last acks might be lost.
    pub(crate) async fn part(mut self) {
        let words = async {
            self.to.write_all_buf(&mut self.going).await?;
            self.to.shutdown().await?;
            loop {
                self.came.clear();
                if self.from.read_buf(&mut self.came).await? == 0 {
                    return Ok::<(), io::Error>(());
                }
            }
        };
        if let Ok(Err(error)) = timeout(PART_TIMEOUT, words).await {
            tracing::trace!(%error, "a connection was gone before its last words");
        }
    }
}

async fn read(from: &mut ReadHalf<Box<dyn Transport>>, came: &mut BytesMut) -> io::Result<usize> {
    if came.capacity() - came.len() < READ_BYTES_LEAST {
        came.reserve(READ_BYTES);
    }
    from.read_buf(came).await
}

/// Writes some, or flushes when all is written.
async fn write(
    to: &mut WriteHalf<Box<dyn Transport>>,
    going: &mut BytesMut,
    flush_due: &mut bool,
) -> io::Result<()> {
    if going.is_empty() {
        to.flush().await?;
        *flush_due = false;
    } else {
        to.write_buf(going).await?;
        *flush_due = true;
    }
    Ok(())
}
