//! A connection within this process, as small as can be: one end is the stream of a session, at the
//! other a client that says hello, pings, and checks at once whatever the server says. Must never
//! hold a buffer while nothing is on its way, nor let anything pass that a client would not expect.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use packetboat_proto::frame::Frame;
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::Packet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;

/// What all clients have counted together.
#[derive(Debug)]
pub struct Tally {
    /// One permit for each session that may be opening; it comes back with the welcome.
    pub turns: Semaphore,
    /// Pongs that came, each the right one.
    pub pongs: AtomicU64,
    /// Milliseconds between heartbeats, as the last welcome has said; 0 before the first.
    pub heartbeat_ms: AtomicU32,
    fault: Mutex<Option<String>>,
}

impl Tally {
    /// With so many sessions opening at a time.
    pub fn new(opening_at_once: usize) -> Self {
        let turns = Semaphore::new(opening_at_once);
        Self {
            turns,
            pongs: AtomicU64::new(0),
            heartbeat_ms: AtomicU32::new(0),
            fault: Mutex::default(),
        }
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
pub const CONNECTION_BYTES: usize =
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
    /// Sends the next ping, if the session is open; the one before must have been answered.
    /// Whether it did.
    pub fn ping(&self) -> bool {
        let mut state = lock(&self.0);
        if !state.welcomed {
            return false;
        }
        if state.answered != state.pinged {
            let what = format!("ping {} was not answered before the next one", state.pinged);
            state.tally.wrong(what);
        }
        state.pinged += 1;
        let ping = Packet::Ping(state.pinged.into());
        let reader = state.say(&ping);
        drop(state);
        wake(reader);
        true
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
        let mut reader = None;
        while !bytes.is_empty() {
            match Frame::take(&mut bytes, BODY_BYTES_DEFAULT) {
                Ok(None) => {
                    self.tally.wrong("a part of a frame came".to_owned());
                    break;
                }
                Ok(Some(frame)) => match Packet::decode(&frame) {
                    Ok(Some(packet)) => reader = self.take(packet).or(reader),
                    Ok(None) => {}
                    Err(error) => self.tally.wrong(error.to_string()),
                },
                Err(error) => {
                    self.tally.wrong(error.to_string());
                    break;
                }
            }
        }
        reader
    }

    fn take(&mut self, packet: Packet) -> Option<Waker> {
        match packet {
            Packet::Welcome(welcome) if !self.welcomed => {
                self.welcomed = true;
                self.tally.heartbeat_ms.store(welcome.limits.heartbeat_ms, Ordering::Relaxed);
                self.tally.turns.add_permits(1);
            }
            Packet::Pong(token)
                if token == u64::from(self.pinged) && self.answered < self.pinged =>
            {
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
    use bytes::Bytes;
    use packetboat_proto::code::CloseCode;
    use packetboat_proto::id::SessionId;
    use packetboat_proto::packet::{Limits, Verdict, Welcome};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn frame(packet: &Packet) -> BytesMut {
        let mut frame = BytesMut::new();
        packet.put(&mut frame);
        frame
    }

    fn welcome() -> BytesMut {
        frame(&Packet::Welcome(Welcome {
            session: SessionId::from([1; 16]),
            limits: Limits { heartbeat_ms: 9_000, ..Limits::default() },
            ticket: Bytes::new(),
            ticket_expires_ms: 0,
            now_ms: 1,
            server: String::new(),
            new_device: true,
        }))
    }

    /// Both ends, and what the client has counted, of a session that is open.
    async fn open() -> (Client, Stream, Arc<Tally>) {
        let tally = Arc::new(Tally::new(0));
        let (client, mut stream) = connection(&tally, b"hello");
        let mut read = [0; 5];
        stream.read_exact(&mut read).await.expect("it was said");
        assert_eq!(&read, b"hello");
        assert!(!client.ping() && !client.is_served());
        stream.write_all(&welcome()).await.expect("all is taken");
        assert_eq!(tally.turns.available_permits(), 1);
        assert_eq!(tally.heartbeat_ms.load(Ordering::Relaxed), 9_000);
        assert!(client.is_served());
        (client, stream, tally)
    }

    #[tokio::test]
    async fn a_ping_is_answered_by_its_own_pong_and_once() {
        for wrong in [Packet::Pong(1), Packet::Pong(2)] {
            let (client, mut stream, tally) = open().await;
            assert!(client.ping() && !client.is_served());
            stream.write_all(&frame(&Packet::Pong(1))).await.expect("all is taken");
            assert!(client.is_served());
            assert_eq!((tally.pongs.load(Ordering::Relaxed), tally.fault()), (1, None));
            stream.write_all(&frame(&wrong)).await.expect("all is taken");
            assert!(tally.fault().is_some_and(|fault| fault.contains("Pong")));
        }
    }

    #[tokio::test]
    async fn a_ping_of_the_server_is_answered() {
        let (_client, mut stream, tally) = open().await;
        stream.write_all(&frame(&Packet::Ping(3))).await.expect("all is taken");
        let pong = frame(&Packet::Pong(3));
        let mut read = vec![0; pong.len()];
        stream.read_exact(&mut read).await.expect("it was said");
        assert_eq!((&read[..], tally.fault()), (&pong[..], None));
    }

    #[tokio::test]
    async fn what_no_client_expects_is_a_fault() {
        let goodbye = Verdict::close(CloseCode::HeartbeatTimeout, "late", 0);
        let goodbye = frame(&Packet::Goodbye(goodbye));
        let mut damaged = goodbye.clone();
        damaged[12] ^= 1;
        for bytes in [&goodbye[..], &goodbye[..9], &damaged, &welcome()] {
            let (_client, mut stream, tally) = open().await;
            stream.write_all(bytes).await.expect("all is taken");
            assert!(tally.fault().is_some(), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_gone_is_not_served() {
        let (client, stream, _) = open().await;
        drop(stream);
        assert!(!client.is_served());
    }

    #[tokio::test]
    async fn a_ping_that_follows_an_unanswered_one_is_a_fault() {
        let (client, _stream, tally) = open().await;
        assert!(client.ping() && tally.fault().is_none());
        client.ping();
        assert!(tally.fault().is_some_and(|fault| fault.contains("ping 1")));
    }
}
