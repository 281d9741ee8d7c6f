//! One connection with an open session: frames in and out, many for each read and write. It
//! answers pings itself. Must never look into a message.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::HANDSHAKE_BODY_BYTES_MAX;
use packetboat_proto::packet::{Credential, Hello, Kind, Limits, Packet, Start, Verdict};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::LoadError;

/// How long a session may take to open.
const OPENING_MAX: Duration = Duration::from_secs(15);
/// How long the end of a connection may take.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// Room for one read of a connection with traffic.
pub const READ_BYTES_BUSY: usize = 64 * 1024;
/// Room for one read of a connection without.
pub const READ_BYTES_IDLE: usize = 1024;

/// Who connects, and how.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user; its device is always the same.
    pub user: UserId,
    /// The heartbeat that it asks for; 0 leaves it to the server.
    pub heartbeat_ms: u32,
    /// Room for one read.
    pub read_bytes: usize,
}

impl Login {
    /// With traffic, and the server's heartbeat.
    pub const fn busy(user: UserId) -> Self {
        Self { user, heartbeat_ms: 0, read_bytes: READ_BYTES_BUSY }
    }
}

/// One connection with an open session.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    inbox: BytesMut,
    outbox: BytesMut,
    body_max: u32,
    read_bytes: usize,
    limits: Limits,
}

impl Connection {
    /// Connects, and waits for the welcome.
    pub async fn open(address: SocketAddr, login: Login) -> Result<Self, LoadError> {
        let what = "opening a session";
        let late = LoadError::Late { what, secs: OPENING_MAX.as_secs() };
        timeout(OPENING_MAX, Self::greet(address, login)).await.map_err(|_| late)?
    }

    async fn greet(address: SocketAddr, login: Login) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|source| LoadError::Connect { address, source })?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            inbox: BytesMut::new(),
            outbox: BytesMut::from(&PREFACE[..]),
            body_max: HANDSHAKE_BODY_BYTES_MAX,
            read_bytes: login.read_bytes,
            limits: Limits::default(),
        };
        let hello = Hello {
            user: login.user,
            device: DeviceId::new("load").expect("four letters are an id"),
            credential: Credential::Open,
            client: concat!("packetboat-load ", env!("CARGO_PKG_VERSION")).to_owned(),
            wanted: Limits { heartbeat_ms: login.heartbeat_ms, ..Limits::default() },
            start: Some(Start::Everything),
        };
        connection.put(&Packet::Hello(hello));
        let first = loop {
            connection.exchange().await?;
            if let Some(frame) = connection.next_frame()? {
                break frame;
            }
        };
        let Some(Packet::Welcome(welcome)) = Packet::decode(&first)? else {
            return Err(LoadError::NoWelcome { kind: first.kind });
        };
        connection.limits = welcome.limits;
        connection.body_max = welcome.limits.max_body;
        Ok(connection)
    }

    /// The limits in force.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Where frames are put that go out with the next exchange.
    pub const fn outbox(&mut self) -> &mut BytesMut {
        &mut self.outbox
    }

    /// Puts a packet to be sent with the next exchange.
    pub fn put(&mut self, packet: &Packet) {
        packet.put(&mut self.outbox);
    }

    /// Writes what can be written and reads what can be read, after waiting for either. It may
    /// be dropped at any time.
    pub async fn exchange(&mut self) -> Result<(), LoadError> {
        self.write()?;
        let writing = !self.outbox.is_empty();
        let interest =
            if writing { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() {
            self.write()?;
        }
        if !ready.is_readable() {
            return Ok(());
        }
        self.inbox.reserve(self.read_bytes);
        match self.stream.try_read_buf(&mut self.inbox) {
            Ok(0) => Err(LoadError::Gone),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A connection that breaks while it is written to may still have a goodbye to read, so only
    /// reading tells that it is broken.
    fn write(&mut self) -> Result<(), LoadError> {
        while !self.outbox.is_empty() {
            match self.stream.try_write(&self.outbox) {
                Ok(written) => drop(self.outbox.split_to(written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if is_broken(&error) => self.outbox.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next frame that has come whole and is of interest: pings are answered here, and a
    /// goodbye is the end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, LoadError> {
        while let Some(frame) = Frame::take(&mut self.inbox, self.body_max)? {
            if frame.kind == Kind::Ping as u8 {
                if let Some(Packet::Ping(token)) = Packet::decode(&frame)? {
                    self.put(&Packet::Pong(token));
                }
            } else if frame.kind == Kind::Goodbye as u8 {
                if let Some(Packet::Goodbye(verdict)) = Packet::decode(&frame)? {
                    return Err(LoadError::Goodbye(Box::new(verdict)));
                }
            } else {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Says goodbye, and waits until the server has closed.
    pub async fn close(mut self) {
        self.put(&Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)));
        let closed = async {
            while self.exchange().await.is_ok() {
                self.inbox.clear();
            }
        };
        // One that does not close is dropped: nothing depends on it any more.
        drop(timeout(CLOSING_MAX, closed).await);
    }
}

fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
