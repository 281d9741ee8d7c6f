//! A client made of nothing but the protocol: it sends what it is told, and says what it gets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, Credential, Cursor, Hello, Limits, Operation, Packet, Rejected, Request,
    Send, Start, Verdict, Welcome,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Decoder;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

pub fn chat(text: &str) -> ChatId {
    ChatId::new(text).unwrap()
}

pub fn id(number: u64) -> MessageId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from(bytes)
}

pub fn hello(name: &str, device: &str) -> Hello {
    Hello {
        user: user(name),
        device: DeviceId::new(device).unwrap(),
        credential: Credential::Open,
        client: "test".into(),
        wanted: Limits::default(),
        start: None,
        device_name: String::new(),
        platform: String::new(),
    }
}

/// One connection.
pub struct Peer {
    stream: TcpStream,
    codec: FrameCodec,
    bytes: BytesMut,
    requests: u64,
}

impl Peer {
    /// Connected, with nothing said.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, codec: FrameCodec::client(), bytes: BytesMut::new(), requests: 0 }
    }

    /// Connected, with the preface said.
    pub async fn open(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address).await;
        peer.raw(&PREFACE).await;
        peer
    }

    /// With a session of that user and device, and all that is undelivered still to come.
    pub async fn login(address: SocketAddr, name: &str, device: &str) -> Self {
        Self::greet(address, hello(name, device)).await.0
    }

    /// With a session, and the server's welcome.
    pub async fn greet(address: SocketAddr, hello: Hello) -> (Self, Welcome) {
        let mut peer = Self::open(address).await;
        peer.say(&Packet::Hello(hello)).await;
        let welcome = match peer.next().await {
            Some(Packet::Welcome(welcome)) => welcome,
            other => panic!("no welcome but {other:?}"),
        };
        peer.codec.set_body_max(welcome.limits.max_body);
        (peer, welcome)
    }

    /// With a session of a device that starts at the first entry.
    pub async fn from_the_start(address: SocketAddr, name: &str, device: &str) -> Self {
        let start = Some(Start::Everything);
        Self::greet(address, Hello { start, ..hello(name, device) }).await.0
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.unwrap().unwrap();
    }

    /// Writes as long as the other side takes it.
    pub async fn raw_unless_closed(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(PATIENCE, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    pub async fn say(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        self.raw(&bytes).await;
    }

    /// The next packet; `None` once the server has closed.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.bytes).unwrap() {
                if let Some(packet) = Packet::decode(&frame).unwrap() {
                    return Some(packet);
                }
                continue;
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.bytes));
            match read.await.expect("the server says something in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Reads whatever comes until the other side has closed.
    pub async fn closed(&mut self) {
        loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.bytes));
            match read.await.expect("the server says something in time") {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// What is found in the next packets, others passed over.
    pub async fn find<T>(&mut self, mut wanted: impl FnMut(Packet) -> Option<T>) -> T {
        while let Some(packet) = self.next().await {
            if let Some(found) = wanted(packet) {
                return found;
            }
        }
        panic!("the server closed before it said what was awaited");
    }

    /// The goodbye that ends the connection, and that it does end.
    pub async fn goodbye(&mut self) -> Verdict {
        let verdict = self.find(|packet| match packet {
            Packet::Goodbye(verdict) => Some(verdict),
            _ => None,
        });
        let verdict = verdict.await;
        assert_eq!(self.next().await, None, "nothing follows a goodbye");
        verdict
    }

    pub async fn goodbye_code(&mut self) -> Option<CloseCode> {
        self.goodbye().await.close_code()
    }

    pub async fn send(&mut self, to: &str, number: u64, content: Bytes) {
        let send = Send { chat: chat(to), id: id(number), content };
        self.say(&Packet::Send(send)).await;
    }

    pub async fn send_text(&mut self, to: &str, number: u64, text: &str) {
        self.send(to, number, Content::text(text).encode()).await;
    }

    /// What becomes of the next send that is answered.
    pub async fn answer(&mut self) -> Result<Accepted, Rejected> {
        self.find(|packet| match packet {
            Packet::Accepted(accepted) => Some(Ok(accepted)),
            Packet::Rejected(rejected) => Some(Err(rejected)),
            _ => None,
        })
        .await
    }

    /// Sends a text, and its seq once it is accepted.
    pub async fn post(&mut self, to: &str, number: u64, text: &str) -> u64 {
        self.send_text(to, number, text).await;
        self.answer().await.unwrap().seq
    }

    /// Sends a change to a group, and what becomes of it.
    pub async fn change(
        &mut self,
        group: &str,
        number: u64,
        change: GroupChange,
    ) -> Result<Accepted, Rejected> {
        self.send(group, number, Content::Group(change).encode()).await;
        self.answer().await
    }

    /// The next entry that is delivered.
    pub async fn entry(&mut self) -> Entry {
        self.find(|packet| match packet {
            Packet::Deliver(entry) => Some(entry),
            _ => None,
        })
        .await
    }

    pub async fn ack(&mut self, of: &str, delivered: u64, read: u64) {
        let cursor = Cursor { chat: chat(of), delivered, read };
        self.say(&Packet::Ack(vec![cursor])).await;
    }

    /// The next entry, acknowledged.
    pub async fn take(&mut self) -> Entry {
        let entry = self.entry().await;
        self.ack(entry.chat.as_str(), entry.seq, 0).await;
        entry
    }

    pub async fn ask(&mut self, operation: Operation) -> Result<Answer, Verdict> {
        self.requests += 1;
        let id = self.requests;
        self.say(&Packet::Request(Request { id, operation: Some(operation) })).await;
        self.find(|packet| match packet {
            Packet::Response(response) if response.id == id => Some(response.answer),
            _ => None,
        })
        .await
    }

    /// Asks for a pong: all that was sent before has been taken, and all that was due before is
    /// among what is returned.
    pub async fn sync(&mut self) -> Vec<Packet> {
        self.requests += 1;
        let token = self.requests;
        self.say(&Packet::Ping(token)).await;
        let mut before = Vec::new();
        self.find(|packet| {
            let found = packet == Packet::Pong(token);
            before.push(packet);
            found.then_some(())
        })
        .await;
        before.pop();
        before
    }
}

/// The text of an entry.
pub fn text_of(entry: &Entry) -> String {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Text(text)) => text,
        other => panic!("no text but {other:?}"),
    }
}
