//! A decoded, validated frame (SPEC.md section 5). Must never hold a value outside its limits, nor
//! know which state a connection is in.

mod answer;
mod body;
mod chat;
mod contact;
mod cursor;
mod device;
mod file;
mod hello;
mod invite;
mod joining;
mod keys;
mod message;
mod notice;
mod own;
mod presence;
mod profile;
mod question;
mod receipt;
mod room;
mod schedule;
mod search;
mod verdict;

use bytes::{Bytes, BytesMut};
use prost::Message;
use thiserror::Error;

pub use self::answer::{Answer, Response};
pub use self::body::BodyError;
pub use self::chat::{ChatState, Member, Role};
pub use self::contact::{
    Block, Contact, ContactAnswer, ContactOperation, ContactState, SetContact,
};
pub use self::cursor::Cursor;
pub use self::device::{DeviceAnswer, DeviceOperation, DeviceState};
pub use self::file::{FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage};
pub use self::hello::{Credential, Hello, Limits, Start, Welcome};
pub use self::invite::{
    GroupCard, Invitation, InviteKey, JoinRequest, JoinState, JoinWay, join_note,
};
pub use self::joining::{Joined, Joining};
pub use self::keys::{
    AskKeys, DeviceKeys, KeyBundle, Keys, KeysNews, KeysState, OneTimeKey, PublishKeys,
};
pub use self::message::{Accepted, Rejected, Send};
pub use self::notice::{CursorMoved, JoinNews, Notice, Signal, SignalKind};
pub use self::own::{ChatDraft, Item, Marks, Own, OwnAnswer, OwnItem, OwnPage, SetMarks};
pub use self::presence::Presence;
pub use self::profile::{Profile, Visibility};
pub use self::question::{Edge, Operation, Recent, Request};
pub use self::receipt::{
    AskReceipts, Readers, ReceiptCounts, ReceiptRule, ReceiptState, ReceiptStep, Receipts,
};
pub use self::room::{RoomCount, RoomState};
pub use self::schedule::{Scheduled, ScheduledMessage, ScheduledName, Scheduling};
pub use self::search::{Search, SearchPage, SearchPlace};
pub use self::verdict::Verdict;

use crate::code::CloseCode;
use crate::entry::Entry;
use crate::frame::{Frame, put_with};
use crate::limits::KIND_CRITICAL_HIGHEST;
use crate::schema;

/// Declares the kinds once: their numbers, names and the order in which they are listed.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal;)*) => {
        /// What a frame is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $kind = $number,)*
        }

        impl Kind {
            /// Every kind of version 1.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The kind of that number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$kind),)* _ => None }
            }

            /// Its name in SPEC.md.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }
        }
    };
}

impl Kind {
    /// A client may send it.
    pub const fn sent_by_client(self) -> bool {
        !matches!(
            self,
            Self::Welcome
                | Self::Accepted
                | Self::Rejected
                | Self::Deliver
                | Self::Notice
                | Self::Response
        )
    }

    /// A server may send it.
    pub const fn sent_by_server(self) -> bool {
        !matches!(self, Self::Hello | Self::Send | Self::Ack | Self::Request)
    }
}

kinds! {
    /// Client: who it is.
    Hello = 0x01;
    /// Server: the session is open.
    Welcome = 0x02;
    /// Both: the last frame.
    Goodbye = 0x03;
    /// Both: are you there?
    Ping = 0x04;
    /// Both: yes.
    Pong = 0x05;
    /// Client: a message.
    Send = 0x10;
    /// Server: it is stored.
    Accepted = 0x11;
    /// Server: it is not.
    Rejected = 0x12;
    /// Server: an entry.
    Deliver = 0x13;
    /// Client: cursors.
    Ack = 0x14;
    /// Both: typing and the like.
    Signal = 0x15;
    /// Server: what became of others.
    Notice = 0x16;
    /// Client: a question.
    Request = 0x20;
    /// Server: its answer.
    Response = 0x21;
}

/// A decoded, validated frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Client: who it is.
    Hello(Hello),
    /// Server: the session is open.
    Welcome(Welcome),
    /// Both: the last frame, and why.
    Goodbye(Verdict),
    /// Both: are you there? With a token to be sent back.
    Ping(u64),
    /// Both: yes. With the token of the ping.
    Pong(u64),
    /// Client: a message.
    Send(Send),
    /// Server: it is stored.
    Accepted(Accepted),
    /// Server: it is not.
    Rejected(Rejected),
    /// Server: an entry.
    Deliver(Entry),
    /// Client: cursors.
    Ack(Vec<Cursor>),
    /// Both: typing and the like.
    Signal(Signal),
    /// Server: what became of others.
    Notice(Notice),
    /// Client: a question.
    Request(Request),
    /// Server: its answer.
    Response(Response),
}

/// Why a frame is no packet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Its kind is unknown, and below 0x80.
    #[error("kind {kind:#04x} is unknown")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// Its body is not what its kind says.
    #[error("the body of a {kind:?}: {fault}")]
    Body {
        /// The kind.
        kind: Kind,
        /// What is wrong.
        fault: BodyError,
    },
}

impl PacketError {
    /// The code that ends the connection.
    pub const fn code(&self) -> CloseCode {
        match self {
            Self::UnknownKind { .. } => CloseCode::UnknownKind,
            Self::Body { .. } => CloseCode::BadBody,
        }
    }
}

impl Packet {
    /// Reads and checks a frame. `Ok(None)` is a frame to skip: a kind, or a notice, of a later
    /// version.
    pub fn decode(frame: &Frame) -> Result<Option<Self>, PacketError> {
        match Kind::from_number(frame.kind) {
            Some(kind) => Self::decode_body(kind, frame.body.clone())
                .map_err(|fault| PacketError::Body { kind, fault }),
            None if frame.kind > KIND_CRITICAL_HIGHEST => Ok(None),
            None => Err(PacketError::UnknownKind { kind: frame.kind }),
        }
    }

    fn decode_body(kind: Kind, body: Bytes) -> Result<Option<Self>, BodyError> {
        Ok(Some(match kind {
            Kind::Hello => Self::Hello(Hello::from_wire(schema::Hello::decode(body)?)?),
            Kind::Welcome => Self::Welcome(Welcome::from_wire(schema::Welcome::decode(body)?)?),
            Kind::Goodbye => Self::Goodbye(Verdict::from_wire(schema::Verdict::decode(body)?)?),
            Kind::Ping => Self::Ping(schema::Ping::decode(body)?.token),
            Kind::Pong => Self::Pong(schema::Pong::decode(body)?.token),
            Kind::Send => Self::Send(Send::from_wire(schema::Send::decode(body)?)?),
            Kind::Accepted => Self::Accepted(Accepted::from_wire(schema::Accepted::decode(body)?)?),
            Kind::Rejected => Self::Rejected(Rejected::from_wire(schema::Rejected::decode(body)?)?),
            Kind::Deliver => Self::Deliver(Entry::decode(body)?),
            Kind::Ack => Self::Ack(cursor::decode(body)?),
            Kind::Signal => Self::Signal(Signal::from_wire(schema::Signal::decode(body)?)?),
            Kind::Notice => match Notice::from_wire(schema::Notice::decode(body)?)? {
                Some(notice) => Self::Notice(notice),
                None => return Ok(None),
            },
            Kind::Request => Self::Request(Request::decode(body)?),
            Kind::Response => Self::Response(Response::decode(body)?),
        }))
    }

    /// What frame it makes.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Welcome(_) => Kind::Welcome,
            Self::Goodbye(_) => Kind::Goodbye,
            Self::Ping(_) => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::Send(_) => Kind::Send,
            Self::Accepted(_) => Kind::Accepted,
            Self::Rejected(_) => Kind::Rejected,
            Self::Deliver(_) => Kind::Deliver,
            Self::Ack(_) => Kind::Ack,
            Self::Signal(_) => Kind::Signal,
            Self::Notice(_) => Kind::Notice,
            Self::Request(_) => Kind::Request,
            Self::Response(_) => Kind::Response,
        }
    }

    /// A client may send it.
    pub const fn sent_by_client(&self) -> bool {
        self.kind().sent_by_client()
    }

    /// A server may send it.
    pub const fn sent_by_server(&self) -> bool {
        self.kind().sent_by_server()
    }

    /// Appends the packet's frame to `out`.
    pub fn put(&self, out: &mut BytesMut) {
        put_with(out, self.kind() as u8, |body| self.put_body(body));
    }

    /// The packet's frame by itself, such as many connections share.
    pub fn to_frame(&self) -> Bytes {
        let mut frame = BytesMut::new();
        self.put(&mut frame);
        frame.freeze()
    }

    fn put_body(&self, out: &mut BytesMut) {
        let written = match self {
            Self::Hello(hello) => hello.to_wire().encode(out),
            Self::Welcome(welcome) => welcome.to_wire().encode(out),
            Self::Goodbye(verdict) => verdict.to_wire().encode(out),
            Self::Ping(token) => schema::Ping { token: *token }.encode(out),
            Self::Pong(token) => schema::Pong { token: *token }.encode(out),
            Self::Send(send) => send.to_wire().encode(out),
            Self::Accepted(accepted) => {
                accepted.put(out);
                Ok(())
            }
            Self::Rejected(rejected) => rejected.to_wire().encode(out),
            Self::Deliver(entry) => {
                out.extend_from_slice(&entry.encode());
                Ok(())
            }
            Self::Ack(cursors) => cursor::to_wire(cursors).encode(out),
            Self::Signal(signal) => signal.to_wire().encode(out),
            Self::Notice(notice) => notice.to_wire().encode(out),
            Self::Request(request) => request.to_wire().encode(out),
            Self::Response(response) => response.to_wire().encode(out),
        };
        written.expect("a BytesMut grows as it is written to");
    }
}

#[cfg(test)]
mod tests;
