//! The handshake (SPEC.md section 5.1). Must never show a credential in its debug form.

use std::fmt;

use bytes::Bytes;

use crate::id::{DeviceId, SessionId, UserId};
use crate::limits::{
    DEVICE_NAME_BYTES_MAX, PASSWORD_BYTES_MAX, PLATFORM_BYTES_MAX, SOFTWARE_BYTES_MAX,
    START_LAST_MAX, TICKET_BYTES_MAX, TOKEN_BYTES_MAX,
};
use crate::schema;
use crate::schema::credential::Kind;
use crate::schema::start::At;

use super::body::{BodyError, check_length, short};

/// Who a client is, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// What shows that it is so.
    pub credential: Credential,
    /// Name and version of the client's software, at most 64 bytes.
    pub client: String,
    /// The limits that it asks for; 0 leaves one to the server.
    pub wanted: Limits,
    /// Where the device starts if it is new; `None`: at what no device of the user has had.
    pub start: Option<Start>,
    /// What the user calls the device, at most 64 bytes.
    pub device_name: String,
    /// What it runs on, such as `android`, `ios`, `linux` or `web`; at most 32 bytes.
    pub platform: String,
}

/// What shows that a client is who it says.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Open,
    /// A password, at most 256 bytes.
    Password(String),
    /// A token, at most 3 KiB.
    Token(String),
    /// A resume ticket of an earlier `Welcome`, at most 512 bytes.
    Ticket(Bytes),
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "Open",
            Self::Password(_) => "Password(..)",
            Self::Token(_) => "Token(..)",
            Self::Ticket(_) => "Ticket(..)",
        })
    }
}

/// The limits of a session: asked for in a `Hello`, in force by a `Welcome`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a frame's body, both ways.
    pub max_body: u32,
    /// Deliveries that may be unacknowledged.
    pub window: u32,
    /// The client sends something at least this often, in milliseconds.
    pub heartbeat_ms: u32,
    /// Bytes of a content; only a server names it.
    pub max_content: u32,
    /// Sends that may be unanswered; only a server names it.
    pub sends: u32,
}

/// Where a new device starts in each chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first entry that the user may see.
    Everything,
    /// At the last so many, at most 10,000.
    Last(u32),
    /// At what comes from now on.
    Newest,
}

/// The session is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The session.
    pub session: SessionId,
    /// The limits in force.
    pub limits: Limits,
    /// A credential for the next connection of this device, or nothing.
    pub ticket: Bytes,
    /// When the ticket ends, in milliseconds of Unix time.
    pub ticket_expires_ms: u64,
    /// The server's clock, in milliseconds of Unix time.
    pub now_ms: u64,
    /// Name and version of the server's software, at most 64 bytes.
    pub server: String,
    /// The server had not seen this device before.
    pub new_device: bool,
}

impl Hello {
    pub(super) fn from_wire(wire: schema::Hello) -> Result<Self, BodyError> {
        let credential = wire.credential.and_then(|credential| credential.kind);
        let start = wire.start.and_then(|start| start.at);
        Ok(Self {
            user: UserId::new(&wire.user)?,
            device: DeviceId::new(&wire.device)?,
            credential: Credential::from_wire(
                credential.ok_or(BodyError::Missing { field: "credential" })?,
            )?,
            client: short("client", wire.client, SOFTWARE_BYTES_MAX)?,
            wanted: Limits::from_wire(wire.wanted.unwrap_or_default()),
            start: start.map(Start::from_wire).transpose()?,
            device_name: short("device_name", wire.device_name, DEVICE_NAME_BYTES_MAX)?,
            platform: short("platform", wire.platform, PLATFORM_BYTES_MAX)?,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Hello {
        schema::Hello {
            user: self.user.to_string(),
            device: self.device.to_string(),
            credential: Some(schema::Credential { kind: Some(self.credential.to_wire()) }),
            client: self.client.clone(),
            wanted: Some(self.wanted.to_wire()),
            start: self.start.map(|start| schema::Start { at: Some(start.to_wire()) }),
            device_name: self.device_name.clone(),
            platform: self.platform.clone(),
        }
    }
}

impl Credential {
    fn from_wire(kind: Kind) -> Result<Self, BodyError> {
        Ok(match kind {
            Kind::Open(_) => Self::Open,
            Kind::Password(password) => {
                Self::Password(short("password", password, PASSWORD_BYTES_MAX)?)
            }
            Kind::Token(token) => Self::Token(short("token", token, TOKEN_BYTES_MAX)?),
            Kind::Ticket(ticket) => {
                check_length("ticket", ticket.len(), TICKET_BYTES_MAX)?;
                Self::Ticket(ticket)
            }
        })
    }

    fn to_wire(&self) -> Kind {
        match self {
            Self::Open => Kind::Open(schema::Unit {}),
            Self::Password(password) => Kind::Password(password.clone()),
            Self::Token(token) => Kind::Token(token.clone()),
            Self::Ticket(ticket) => Kind::Ticket(ticket.clone()),
        }
    }
}

impl Limits {
    fn from_wire(wire: schema::Limits) -> Self {
        let schema::Limits { max_body, window, heartbeat_ms, max_content, sends } = wire;
        Self { max_body, window, heartbeat_ms, max_content, sends }
    }

    fn to_wire(self) -> schema::Limits {
        let Self { max_body, window, heartbeat_ms, max_content, sends } = self;
        schema::Limits { max_body, window, heartbeat_ms, max_content, sends }
    }
}

impl Start {
    fn from_wire(at: At) -> Result<Self, BodyError> {
        match at {
            At::Everything(_) => Ok(Self::Everything),
            At::Newest(_) => Ok(Self::Newest),
            At::Last(count) if (1..=START_LAST_MAX).contains(&count) => Ok(Self::Last(count)),
            At::Last(count) => {
                Err(BodyError::OutOfBounds { field: "start.last", value: count.into() })
            }
        }
    }

    fn to_wire(self) -> At {
        match self {
            Self::Everything => At::Everything(schema::Unit {}),
            Self::Last(count) => At::Last(count),
            Self::Newest => At::Newest(schema::Unit {}),
        }
    }
}

impl Welcome {
    pub(super) fn from_wire(wire: schema::Welcome) -> Result<Self, BodyError> {
        check_length("ticket", wire.ticket.len(), TICKET_BYTES_MAX)?;
        Ok(Self {
            session: SessionId::new(&wire.session)?,
            limits: wire
                .limits
                .map(Limits::from_wire)
                .ok_or(BodyError::Missing { field: "limits" })?,
            ticket: wire.ticket,
            ticket_expires_ms: wire.ticket_expires_ms,
            now_ms: wire.now_ms,
            server: short("server", wire.server, SOFTWARE_BYTES_MAX)?,
            new_device: wire.new_device,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Welcome {
        schema::Welcome {
            session: Bytes::copy_from_slice(self.session.as_bytes()),
            limits: Some(self.limits.to_wire()),
            ticket: self.ticket.clone(),
            ticket_expires_ms: self.ticket_expires_ms,
            now_ms: self.now_ms,
            server: self.server.clone(),
            new_device: self.new_device,
        }
    }
}
