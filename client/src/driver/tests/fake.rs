//! A server that does as the test says, at the other end of a stream in memory.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, SessionId};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Hello, Limits, Packet, Request, Response, Role, Send, Verdict,
    Welcome,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_util::codec::Decoder;

use crate::client::Client;
use crate::config::{Config, Credential};
use crate::connect::Dial;
use crate::event::Event;
use crate::handover::Events;

/// More than any test takes, in virtual time.
const PATIENCE: Duration = Duration::from_secs(5000);
/// Bytes that are on the way at most.
const PIPE_BYTES: usize = 64 * 1024;

pub(super) const LIMITS: Limits =
    Limits { max_body: 65_536, window: 256, heartbeat_ms: 10_000, max_content: 60_000, sends: 256 };

/// Where the client's connections arrive.
pub(super) struct Server {
    dialed: mpsc::UnboundedReceiver<DuplexStream>,
}

/// One connection of the client.
pub(super) struct Peer {
    pub(super) stream: DuplexStream,
    codec: FrameCodec,
    came: BytesMut,
}

pub(super) fn chat() -> ChatId {
    "dm:alice:bob".parse().unwrap()
}

pub(super) fn config() -> Config {
    let (user, device) = ("alice".parse().unwrap(), "laptop".parse().unwrap());
    Config::new("in memory", user, device, Credential::Password("pw".into()))
}

pub(super) fn start(config: Config) -> (Client, Events, Server) {
    let (dials, dialed) = mpsc::unbounded_channel();
    let dial = Dial::new(move || {
        let (near, far) = duplex(PIPE_BYTES);
        let met = dials.send(far);
        async move { met.map(|()| near).map_err(|_| io::ErrorKind::ConnectionRefused.into()) }
    });
    let (client, events) = Client::start_over(config, dial).unwrap();
    (client, events, Server { dialed })
}

/// The next event, within a time that no test takes.
pub(super) async fn next(events: &mut Events) -> Event {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    event.expect("an event comes").expect("the client has not ended")
}

/// The next entry, past all other events.
pub(super) async fn next_entry(events: &mut Events) -> Entry {
    loop {
        if let Event::Entry(entry) = next(events).await {
            return entry;
        }
    }
}

impl Server {
    /// The next connection.
    pub(super) async fn meet(&mut self) -> Peer {
        Peer {
            stream: self.dialed.recv().await.expect("the client dials"),
            codec: FrameCodec::server(),
            came: BytesMut::new(),
        }
    }

    /// The next connection, its session open.
    pub(super) async fn welcome(&mut self) -> Peer {
        self.welcome_within(LIMITS).await
    }

    pub(super) async fn welcome_within(&mut self, limits: Limits) -> Peer {
        let mut peer = self.meet().await;
        peer.hello().await;
        peer.write(&welcome(limits)).await;
        peer
    }
}

pub(super) fn welcome(limits: Limits) -> Packet {
    Packet::Welcome(Welcome {
        session: SessionId::from([1; 16]),
        limits,
        ticket: Bytes::from_static(b"a ticket"),
        ticket_expires_ms: 1_000_000_000,
        now_ms: 0,
        server: "fake".into(),
        new_device: false,
    })
}

pub(super) fn entry(seq: u64, sender: &str) -> Entry {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Entry {
        chat: chat(),
        seq,
        sender: sender.parse().unwrap(),
        id: MessageId::from(id),
        at_ms: seq,
        content: Content::text(seq.to_string()).encode(),
    }
}

/// How the chat stands: its log ends at `head`, and the device has acknowledged `delivered`.
pub(super) fn state(head: u64, delivered: u64) -> ChatState {
    ChatState { head, delivered, role: Some(Role::Member), ..ChatState::of(chat()) }
}

pub(super) fn accepted(send: &Send, seq: u64) -> Packet {
    Packet::Accepted(Accepted {
        chat: send.chat.clone(),
        id: send.id,
        seq,
        at_ms: seq,
        duplicate: false,
    })
}

impl Peer {
    /// The next packet; `None` at the end of the stream.
    pub(super) async fn try_read(&mut self) -> Option<Packet> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.came).unwrap() {
                self.codec.set_body_max(1 << 20);
                return Some(Packet::decode(&frame).unwrap().unwrap());
            }
            if self.stream.read_buf(&mut self.came).await.ok()? == 0 {
                return None;
            }
        }
    }

    pub(super) async fn read(&mut self) -> Packet {
        let packet = tokio::time::timeout(PATIENCE, self.try_read()).await;
        packet.expect("a packet comes").expect("the stream goes on")
    }

    pub(super) async fn hello(&mut self) -> Hello {
        match self.read().await {
            Packet::Hello(hello) => hello,
            other => panic!("{other:?} before the hello"),
        }
    }

    /// The next message, past acks and pings.
    pub(super) async fn send(&mut self) -> Send {
        loop {
            match self.read().await {
                Packet::Send(send) => return send,
                Packet::Ack(_) | Packet::Ping(_) | Packet::Request(_) => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// The next ack of the chat, past pings: how far it is delivered.
    pub(super) async fn ack(&mut self) -> u64 {
        loop {
            match self.read().await {
                Packet::Ack(cursors) => {
                    assert_eq!(cursors.len(), 1);
                    assert_eq!(cursors[0].chat, chat());
                    return cursors[0].delivered;
                }
                Packet::Ping(token) => self.write(&Packet::Pong(token)).await,
                Packet::Request(Request { id, .. }) => {
                    let answer = Ok(Answer::Chat(state(u64::MAX, 0).into()));
                    self.write(&Packet::Response(Response { id, answer })).await;
                }
                other => panic!("{other:?} instead of an ack"),
            }
        }
    }

    pub(super) async fn write(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        self.write_bytes(&bytes).await;
    }

    pub(super) async fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(super) async fn deliver(&mut self, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            self.write(&Packet::Deliver(entry(seq, "bob"))).await;
        }
    }

    pub(super) async fn goodbye(mut self, code: CloseCode, retry_after_ms: u32) {
        let verdict = Verdict::close(code, "as the test says", retry_after_ms);
        self.write(&Packet::Goodbye(verdict)).await;
    }
}
