//! One connection through the proxy: two pumps of frames, and how it ends. Must never let a byte
//! through behind one that it held back.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::limits::{BODY_BYTES_HIGHEST, HEAD_BYTES, PREFACE_BYTES};
use packetboat_proto::packet::{Kind, Packet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::matrix::{Direction, Fault};
use super::mischief::Mischief;
use crate::history::Device;

/// Milliseconds that a frame comes late at most.
const DELAY_MS_MAX: u64 = 150;
/// Milliseconds from the loss of a frame to the end of its connection at most.
const LOSS_MS_MAX: u64 = 30;
/// Bytes of a frame that come one at a time; the others of a long one come together.
const DRIBBLE_BYTES_MAX: usize = 300;
/// How long a connection that repeats another's Hello is held open.
const GHOST: Duration = Duration::from_millis(200);
/// How many of 1,000 frames to a client have a ping behind them: the server sends none, and may.
const PING_PERMILLE: u64 = 30;

/// Where in a frame its kind stands.
const KIND_AT: usize = 4;

/// How a pump ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its source has ended.
    Drained,
    /// The connection ends.
    Cut,
    /// The connection is reset.
    Reset,
}

/// What both pumps know.
#[derive(Debug, Default)]
struct Story {
    device: Option<Device>,
    last: HashMap<Kind, Bytes>,
    /// Sends that were not answered yet.
    sends: HashMap<(ChatId, MessageId), Bytes>,
}

pub(super) struct Link<'a> {
    shared: &'a Mischief,
    story: &'a Mutex<Story>,
    direction: Direction,
    source: ReadHalf<'a>,
    sink: WriteHalf<'a>,
    buffer: BytesMut,
    /// Nothing comes through any more.
    silent: bool,
    /// Nothing of this kind does.
    swallowed: Option<Kind>,
}

impl Link<'_> {
    /// Carries a client's connection until it ends.
    pub(super) async fn run(mut client: TcpStream, shared: Arc<Mischief>) {
        let Ok(mut server) = shared.connect().await else { return };
        let story = Mutex::default();
        let end = carry(&mut client, &mut server, &shared, &story).await.unwrap_or(End::Cut);
        if end == End::Reset {
            // What cannot be reset is gone already.
            let _ = client.set_zero_linger().and_then(|()| server.set_zero_linger());
        }
        let story = story.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = story.device {
            shared.remember(device, story.last);
        }
    }
}

async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    shared: &Mischief,
    story: &Mutex<Story>,
) -> io::Result<End> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut calm = shared.calm.subscribe();
    let was_calm = *calm.borrow_and_update();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let link = |direction, source, sink| Link {
        shared,
        story,
        direction,
        source,
        sink,
        buffer: BytesMut::new(),
        silent: false,
        swallowed: None,
    };
    let mut up = pin!(link(Direction::ToServer, from_client, to_server).pump());
    let mut down = pin!(link(Direction::ToClient, from_server, to_client).pump());
    let (mut up_goes, mut down_goes) = (true, true);
    while up_goes || down_goes {
        let end = tokio::select! {
            end = &mut up, if up_goes => { up_goes = false; end? }
            end = &mut down, if down_goes => { down_goes = false; end? }
            () = becomes_calm(&mut calm, was_calm) => End::Cut,
        };
        if end != End::Drained {
            return Ok(end);
        }
    }
    Ok(End::Cut)
}

/// Connections from before the calm end with it: a fault may go on in them.
async fn becomes_calm(calm: &mut tokio::sync::watch::Receiver<bool>, was_calm: bool) {
    if was_calm || calm.wait_for(|calm| *calm).await.is_err() {
        pending::<()>().await;
    }
}

impl Link<'_> {
    async fn pump(mut self) -> io::Result<End> {
        if self.direction == Direction::ToServer {
            while self.buffer.len() < PREFACE_BYTES {
                if self.source.read_buf(&mut self.buffer).await? == 0 {
                    return Ok(End::Cut);
                }
            }
            let preface = self.buffer.split_to(PREFACE_BYTES);
            self.sink.write_all(&preface).await?;
        }
        while let Some(bytes) = self.next().await? {
            let kind = Kind::from_number(bytes[KIND_AT]);
            if let Some(end) = self.frame(kind, bytes).await? {
                return Ok(end);
            }
            if self.direction == Direction::ToClient
                && self.shared.throw(0, 999) < PING_PERMILLE
                && kind != Some(Kind::Goodbye)
                && let Some(end) = self.ping().await?
            {
                return Ok(end);
            }
        }
        // Who hears nothing does not hear of the end either.
        if !self.silent {
            self.sink.shutdown().await?;
        }
        Ok(End::Drained)
    }

    /// The next whole frame; `None` at the end of the stream.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length);
                if length > BODY_BYTES_HIGHEST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                let whole = HEAD_BYTES + usize::try_from(length).expect("a bounded length fits");
                if self.buffer.len() >= whole {
                    return Ok(Some(self.buffer.split_to(whole).freeze()));
                }
            }
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// A ping of the server's, which may send one at any time once the session is open.
    async fn ping(&mut self) -> io::Result<Option<End>> {
        let mut bytes = BytesMut::new();
        Packet::Ping(self.shared.throw(0, u64::from(u32::MAX))).put(&mut bytes);
        self.frame(Some(Kind::Ping), bytes.freeze()).await
    }

    /// Lets a frame through, or does something to it; says whether the connection ends.
    async fn frame(&mut self, kind: Option<Kind>, bytes: Bytes) -> io::Result<Option<End>> {
        if self.silent || (kind.is_some() && self.swallowed == kind) {
            return Ok(None);
        }
        let Some(kind) = kind else {
            self.sink.write_all(&bytes).await?;
            return Ok(None);
        };
        let earlier = self.note(kind, &bytes);
        if let Some(fault) = self.shared.draw(self.direction, kind, earlier.is_some()) {
            return self.fault(fault, kind, &bytes, &earlier.unwrap_or_default()).await;
        }
        self.sink.write_all(&bytes).await?;
        if kind == Kind::Hello {
            self.old_goodbye().await?;
        }
        Ok(None)
    }

    async fn fault(
        &mut self,
        fault: Fault,
        kind: Kind,
        bytes: &Bytes,
        earlier: &Bytes,
    ) -> io::Result<Option<End>> {
        match fault {
            Fault::Delay => {
                self.pause(DELAY_MS_MAX).await;
                self.sink.write_all(bytes).await?;
            }
            Fault::Cut => {
                let last = u64::try_from(bytes.len() - 1).expect("a frame is bounded");
                let at = usize::try_from(self.shared.throw(1, last)).expect("it is below that");
                self.sink.write_all(&bytes[..at]).await?;
                return Ok(Some(End::Cut));
            }
            Fault::Silence => self.silent = true,
            Fault::Reset => return Ok(Some(End::Reset)),
            Fault::Dribble => {
                let (slow, fast) = bytes.split_at(bytes.len().min(DRIBBLE_BYTES_MAX));
                for byte in slow {
                    self.sink.write_all(&[*byte]).await?;
                    yield_now().await;
                }
                self.sink.write_all(fast).await?;
            }
            Fault::Repeat => self.sink.write_all(&[&bytes[..], bytes].concat()).await?,
            Fault::Replay if kind == Kind::Hello => {
                self.sink.write_all(bytes).await?;
                self.ghost(earlier).await?;
            }
            Fault::Replay => self.sink.write_all(&[&earlier[..], bytes].concat()).await?,
            Fault::Lose => {
                self.pause(LOSS_MS_MAX).await;
                return Ok(Some(End::Cut));
            }
            // A later delivery of a chat would say that there was none before: all are lost.
            Fault::Swallow if kind == Kind::Deliver => self.swallowed = Some(kind),
            Fault::Swallow => {}
        }
        Ok(None)
    }

    async fn pause(&self, ms_max: u64) {
        let ms = self.shared.throw(0, ms_max);
        sleep(Duration::from_millis(ms)).await;
    }

    /// Keeps the frame for later connections; gives one of its kind of earlier ones.
    fn note(&self, kind: Kind, bytes: &Bytes) -> Option<Bytes> {
        let mut story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        let to_server = self.direction == Direction::ToServer;
        if !to_server && kind != Kind::Accepted {
            return None;
        }
        let frame = Frame { kind: kind as u8, body: bytes.slice(HEAD_BYTES..) };
        match Packet::decode(&frame) {
            Ok(Some(Packet::Hello(hello))) => {
                story.device = Some(Device { user: hello.user, name: hello.device });
            }
            // One that may not be stored yet would overtake those that were sent before it.
            Ok(Some(Packet::Send(send))) => {
                story.sends.insert((send.chat, send.id), bytes.clone());
                return self.shared.earlier(story.device.as_ref()?, kind);
            }
            Ok(Some(Packet::Accepted(accepted))) => {
                if let Some(send) = story.sends.remove(&(accepted.chat, accepted.id)) {
                    story.last.insert(Kind::Send, send);
                }
                return None;
            }
            _ => {}
        }
        story.last.insert(kind, bytes.clone());
        self.shared.earlier(story.device.as_ref()?, kind)
    }

    /// A goodbye of an earlier connection, right behind the Hello of this one.
    async fn old_goodbye(&mut self) -> io::Result<()> {
        let earlier = {
            let story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
            let device = story.device.as_ref();
            device.and_then(|device| self.shared.earlier(device, Kind::Goodbye))
        };
        if let Some(goodbye) = earlier
            && self.shared.take(Direction::ToServer, Kind::Goodbye, Fault::Replay)
        {
            self.sink.write_all(&goodbye).await?;
        }
        Ok(())
    }

    /// Another connection that says the same Hello: the server takes it for the device.
    async fn ghost(&self, hello: &Bytes) -> io::Result<()> {
        let mut ghost = self.shared.connect().await?;
        ghost.write_all(&[&PREFACE[..], hello].concat()).await?;
        let held = async {
            let mut heard = [0; 1024];
            while ghost.read(&mut heard).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether it is closed or left, its session ends.
        let _ = timeout(GHOST, held).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
