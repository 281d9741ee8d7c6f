//! A client made of nothing but the protocol. It writes on a task of its own, so that it never
//! waits with its answers unread. Must never hide that a connection has ended.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::codec::{CodecError, FrameCodec};
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::WINDOW_HIGHEST;
use packetboat_proto::packet::{
    Answer, Credential, Hello, Limits, Operation, Packet, PacketError, Request, Response, Start,
    Verdict,
};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::Decoder;

/// How long a server may keep silent when something is asked of it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why nothing more comes of a connection.
#[derive(Debug, Error)]
pub enum WireError {
    /// It has ended.
    #[error("the server closed a connection")]
    Ended,
    /// The server is silent.
    #[error("the server says nothing for {} s", PATIENCE.as_secs())]
    Silent,
    /// The server sends what are no frames.
    #[error("what the server sends is no frame: {0}")]
    Codec(#[from] CodecError),
    /// The server sends a frame that is no packet.
    #[error("what the server sends is no packet: {0}")]
    Packet(#[from] PacketError),
    /// The server answers something that is no answer.
    #[error("{asked} is answered with {answer}")]
    Strange {
        /// What was asked.
        asked: String,
        /// What came.
        answer: String,
    },
}

impl WireError {
    /// What was asked is answered with what is no answer to it.
    pub fn strange(asked: impl Into<String>, answer: &impl fmt::Debug) -> Self {
        Self::Strange { asked: asked.into(), answer: format!("{answer:?}") }
    }
}

/// One connection.
pub struct Wire {
    reader: OwnedReadHalf,
    writer: mpsc::UnboundedSender<BytesMut>,
    codec: FrameCodec,
    bytes: BytesMut,
    requests: u64,
}

impl Wire {
    /// With a session.
    pub async fn open(
        address: SocketAddr,
        user: &UserId,
        device: &str,
        start: Option<Start>,
    ) -> Result<Self, WireError> {
        let stream = TcpStream::connect(address).await.map_err(|_| WireError::Ended)?;
        stream.set_nodelay(true).map_err(|_| WireError::Ended)?;
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
            device_name: String::new(),
            platform: String::new(),
        });
        let mut first = BytesMut::from(&PREFACE[..]);
        hello.put(&mut first);
        wire.write(first);
        match wire.next().await? {
            Packet::Welcome(welcome) => wire.codec.set_body_max(welcome.limits.max_body),
            Packet::Goodbye(_) => return Err(WireError::Ended),
            other => return Err(WireError::strange("a hello", &other)),
        }
        Ok(wire)
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

    /// The next packet.
    pub async fn next(&mut self) -> Result<Packet, WireError> {
        timeout(PATIENCE, self.next_ever()).await.unwrap_or(Err(WireError::Silent))
    }

    /// The next packet, however long it takes.
    pub async fn next_ever(&mut self) -> Result<Packet, WireError> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.bytes)? {
                if let Some(packet) = Packet::decode(&frame)? {
                    return Ok(packet);
                }
                continue;
            }
            if !matches!(self.reader.read_buf(&mut self.bytes).await, Ok(read) if read > 0) {
                return Err(WireError::Ended);
            }
        }
    }

    /// Asks something, and passes over all that comes before the answer.
    pub async fn ask(
        &mut self,
        operation: Operation,
    ) -> Result<Result<Answer, Verdict>, WireError> {
        self.requests += 1;
        let asked = self.requests;
        self.say(&Packet::Request(Request { id: asked, operation: Some(operation) }));
        loop {
            match self.next().await? {
                Packet::Response(Response { id, answer }) if id == asked => return Ok(answer),
                _ => {}
            }
        }
    }
}
