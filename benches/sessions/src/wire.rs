//! A connection in memory, as small as can be: one end is the stream of a session, at the other a
//! client that says hello, pings, and checks at once whatever the server says. Must never hold a
//! buffer while nothing is on its way, nor let anything pass that a client would not expect.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::Packet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio_util::codec::Decoder;

/// What all clients have counted together.
#[derive(Debug)]
pub struct Tally {
    /// One permit for each session that may be opening; it comes back with the welcome.
    pub turns: Semaphore,
    /// Pongs that came, each the right one.
    pub pongs: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Tally {
    /// With so many sessions opening at a time.
    pub fn new(opening_at_once: usize) -> Self {
        let turns = Semaphore::new(opening_at_once);
        Self { turns, pongs: AtomicU64::new(0), fault: Mutex::default() }
    }

    /// The first thing that was not as it should be.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wrong(&self, what: String) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }
}

#[derive(Debug)]
struct State {
    /// On its way to the server.
    bytes: Vec<u8>,
    reader: Option<Waker>,
    tally: Arc<Tally>,
    /// The last ping that was sent, and the last one that was answered.
    pinged: u32,
    answered: u32,
    welcomed: bool,
    ended: bool,
}

/// The client's end.
#[derive(Debug)]
pub struct Client(Arc<Mutex<State>>);

/// The server's end: a stream of bytes.
#[derive(Debug)]
pub struct Stream(Arc<Mutex<State>>);

/// Bytes of memory that one connection takes by itself, which are not the server's.
pub const WIRE_BYTES: usize =
    2 * size_of::<usize>() + size_of::<Mutex<State>>() + size_of::<Client>();

/// Both ends of a new connection, on which the client has said `hello` already.
pub fn connection(tally: &Arc<Tally>, hello: &[u8]) -> (Client, Stream) {
    let state = Arc::new(Mutex::new(State {
        bytes: hello.to_vec(),
        reader: None,
        tally: Arc::clone(tally),
        pinged: 0,
        answered: 0,
        welcomed: false,
        ended: false,
    }));
    (Client(Arc::clone(&state)), Stream(state))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Sends a ping with that number; the one before must have been answered.
    pub fn ping(&self, number: u32) {
        let mut state = lock(&self.0);
        if state.answered != state.pinged {
            let what = format!("ping {} was not answered before the next one", state.pinged);
            state.tally.wrong(what);
        }
        state.pinged = number;
        let reader = state.say(&Packet::Ping(number.into()));
        drop(state);
        wake(reader);
    }

    /// Whether the session is open, and every ping was answered.
    pub fn is_served(&self) -> bool {
        let state = lock(&self.0);
        state.welcomed && !state.ended && state.answered == state.pinged
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl State {
    /// Leaves a packet for the server. Who waits for it is to be woken without the lock.
    fn say(&mut self, packet: &Packet) -> Option<Waker> {
        let mut frame = BytesMut::new();
        packet.put(&mut frame);
        self.bytes.extend_from_slice(&frame);
        self.reader.take()
    }

    /// What the server has written: whole frames, since this end takes all that it is given.
    fn hear(&mut self, bytes: &[u8]) -> Option<Waker> {
        let mut bytes = BytesMut::from(bytes);
        let mut codec = FrameCodec::client();
        codec.set_body_max(BODY_BYTES_DEFAULT);
        let mut reader = None;
        loop {
            match codec.decode(&mut bytes) {
                Ok(None) if bytes.is_empty() => return reader,
                Ok(None) => self.tally.wrong("a frame was cut".to_owned()),
                Ok(Some(frame)) => match Packet::decode(&frame) {
                    Ok(Some(packet)) => reader = self.take(packet).or(reader),
                    Ok(None) => {}
                    Err(error) => self.tally.wrong(error.to_string()),
                },
                Err(error) => {
                    self.tally.wrong(error.to_string());
                    return reader;
                }
            }
        }
    }

    fn take(&mut self, packet: Packet) -> Option<Waker> {
        match packet {
            Packet::Welcome(_) if !self.welcomed => {
                self.welcomed = true;
                self.tally.turns.add_permits(1);
            }
            Packet::Pong(token) if token == u64::from(self.pinged) && token > 0 => {
                self.answered = self.pinged;
                self.tally.pongs.fetch_add(1, Ordering::Relaxed);
            }
            Packet::Ping(token) => return self.say(&Packet::Pong(token)),
            other => self.tally.wrong(format!("the server said {other:?}")),
        }
        None
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if state.bytes.is_empty() {
            match &mut state.reader {
                Some(reader) => reader.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        let taken = state.bytes.len().min(out.remaining());
        out.put_slice(&state.bytes[..taken]);
        state.bytes.drain(..taken);
        if state.bytes.is_empty() {
            state.bytes = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        let reader = state.hear(bytes);
        drop(state);
        wake(reader);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).ended = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        lock(&self.0).ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn frame(packet: &Packet) -> BytesMut {
        let mut frame = BytesMut::new();
        packet.put(&mut frame);
        frame
    }

    #[tokio::test]
    async fn a_ping_is_answered_by_its_own_pong_only() {
        let tally = Arc::new(Tally::new(1));
        let (client, mut stream) = connection(&tally, b"hello");
        let mut read = [0; 5];
        stream.read_exact(&mut read).await.expect("it was said");
        assert_eq!(&read, b"hello");
        client.ping(7);
        assert!(!client.is_served());
        stream.write_all(&frame(&Packet::Pong(7))).await.expect("all is taken");
        assert_eq!((tally.pongs.load(Ordering::Relaxed), tally.fault()), (1, None));
        stream.write_all(&frame(&Packet::Pong(8))).await.expect("all is taken");
        assert!(tally.fault().is_some_and(|fault| fault.contains("Pong(8)")));
    }

    #[tokio::test]
    async fn a_stream_that_is_gone_is_not_served() {
        let tally = Arc::new(Tally::new(1));
        let (client, stream) = connection(&tally, b"");
        drop(stream);
        assert!(!client.is_served());
    }

    #[tokio::test]
    async fn a_ping_that_follows_an_unanswered_one_is_a_fault() {
        let tally = Arc::new(Tally::new(1));
        let (client, _stream) = connection(&tally, b"");
        client.ping(1);
        client.ping(2);
        assert!(tally.fault().is_some_and(|fault| fault.contains("ping 1")));
    }
}
