//! A client made of nothing but the protocol. It writes on a task of its own, so that it never
//! waits with its answers unread. Must never hide that a connection has ended.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::WINDOW_HIGHEST;
use packetboat_proto::packet::{
    Answer, Credential, Hello, Limits, Operation, Packet, Request, Response, Start, Verdict,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::Decoder;

/// How long a server may keep silent when something is asked of it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Wire {
    reader: OwnedReadHalf,
    writer: mpsc::UnboundedSender<BytesMut>,
    codec: FrameCodec,
    bytes: BytesMut,
    requests: u64,
}

impl Wire {
    /// With a session; `None` if the server ends before that.
    pub async fn open(
        address: SocketAddr,
        user: &UserId,
        device: &str,
        start: Option<Start>,
    ) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (reader, mut half) = stream.into_split();
        let (writer, mut queue) = mpsc::unbounded_channel::<BytesMut>();
        tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                // Whoever reads will see that the connection has ended.
                if half.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        });
        let (codec, bytes) = (FrameCodec::client(), BytesMut::new());
        let mut wire = Self { reader, writer, codec, bytes, requests: 0 };
        let hello = Packet::Hello(Hello {
            user: user.clone(),
            device: DeviceId::new(device).unwrap(),
            credential: Credential::Open,
            client: "powercut".into(),
            wanted: Limits { window: WINDOW_HIGHEST, ..Limits::default() },
            start,
        });
        let mut first = BytesMut::from(&PREFACE[..]);
        hello.put(&mut first);
        wire.write(first);
        match wire.next().await? {
            Packet::Welcome(welcome) => wire.codec.set_body_max(welcome.limits.max_body),
            Packet::Goodbye(_) => return None,
            other => panic!("no welcome but {other:?}"),
        }
        Some(wire)
    }

    fn write(&self, bytes: BytesMut) {
        // The task ends with the connection, which the reader will see.
        let _ = self.writer.send(bytes);
    }

    /// Sends a packet.
    pub fn say(&self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        self.write(bytes);
    }

    /// The next packet; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<Packet> {
        timeout(PATIENCE, self.next_ever()).await.expect("the server says something in time")
    }

    /// The next packet, however long it takes.
    pub async fn next_ever(&mut self) -> Option<Packet> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.bytes).unwrap() {
                if let Some(packet) = Packet::decode(&frame).unwrap() {
                    return Some(packet);
                }
                continue;
            }
            if !matches!(self.reader.read_buf(&mut self.bytes).await, Ok(read) if read > 0) {
                return None;
            }
        }
    }

    /// Asks something, and passes over all that comes before the answer; `None` once the
    /// connection has ended.
    pub async fn ask(&mut self, operation: Operation) -> Option<Result<Answer, Verdict>> {
        self.requests += 1;
        let asked = self.requests;
        self.say(&Packet::Request(Request { id: asked, operation: Some(operation) }));
        loop {
            match self.next().await? {
                Packet::Response(Response { id, answer }) if id == asked => return Some(answer),
                _ => {}
            }
        }
    }
}
