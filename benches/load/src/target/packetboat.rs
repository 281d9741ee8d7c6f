//! Packetboat: the server, and one connection to it. A send is a finished frame of which a few
//! places change, and of what comes only the fields that are looked at are read, without a copy.
//! Must never acknowledge what it has not handed over.

mod names;
mod template;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::{Content, GroupChange, RoomChange};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::id::{ChatId, DeviceId, MessageId};
use packetboat_proto::limits::{
    GROUP_MEMBERS_MAX, HANDSHAKE_BODY_BYTES_MAX, HEAD_BYTES, MEMBERS_PER_CHANGE_MAX, PAGE_ITEMS_MAX,
};
use packetboat_proto::packet::{
    Answer, Credential, Cursor, Hello, Kind, Limits, Operation, Packet, Rejected, Request, Send,
    Start, Verdict,
};

use self::names::Names;
use self::template::Template;
use super::{Nature, Target};
use crate::error::LoadError;
use crate::fields::Fields;
use crate::process::{Server, loopback};
use crate::stamp::{CHANNELS_MAX, Name};
use crate::wire::{Event, Login, Sink, To, Wire, WireError};

/// Deliveries are acknowledged when they fill this part of the window (SPEC.md T-5).
const ACK_WINDOW_PART: u32 = 4;
/// Entries that a room keeps.
const ROOM_KEEP: u32 = 100;
/// The channel of what makes a group, or a room.
const GATHERING: u32 = CHANNELS_MAX - 1;

/// The server.
#[derive(Clone, Debug)]
pub enum Packetboat {
    /// Started for each run.
    Program {
        /// The program.
        path: PathBuf,
        /// Settings, `KEY=VALUE`.
        settings: Vec<String>,
    },
    /// One that runs already.
    Running {
        /// A loopback address.
        address: SocketAddr,
        /// Its process, if known.
        pid: Option<u32>,
    },
}

impl Target for Packetboat {
    fn name(&self) -> &'static str {
        "packetboat"
    }

    fn nature(&self) -> Nature {
        Nature { durable: true, knows_only_who_came: false, is_messenger: true }
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        let (path, settings) = match self {
            Self::Program { path, settings } => (path, settings),
            Self::Running { address, pid } => return Ok(Server::external(*address, *pid)),
        };
        let mut command = Command::new(path);
        command.args(["serve", "--listen", "127.0.0.1:0", "--auth", "open", "--log", "error"]);
        command.arg("--data").arg(folder.join("data"));
        // One sender must be able to show what the server can.
        command.args(["--set", "limits.sends_per_s=1000000"]);
        command.args(["--set", &format!("store.group_members_max={GROUP_MEMBERS_MAX}")]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        Server::spawn(command, greeted)
    }

    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(PacketboatWire::new(salt, login))
    }
}

/// The address in the first line of a server's greeting, if it is on this machine.
fn greeted(line: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix("Packetboat listens on ")?;
    loopback(rest.split_ascii_whitespace().next()?).ok()
}

/// One connection.
#[derive(Debug)]
pub struct PacketboatWire {
    names: Names,
    login: Login,
    limits: Limits,
    body_max: u32,
    ticket: Bytes,
    /// The last `Send` that was written, to be changed into the next.
    template: Option<Box<Template>>,
    /// Chats with entries that wait for their acknowledgement, and the last seq of each.
    acks: Vec<(To, u64)>,
    unacked: u32,
    beats: u64,
    /// Chats that were listed so far.
    chats: u32,
}

impl PacketboatWire {
    /// One that is not open yet.
    pub fn new(salt: u64, login: Login) -> Self {
        Self {
            names: Names::new(salt, login.user),
            login,
            limits: Limits::default(),
            body_max: HANDSHAKE_BODY_BYTES_MAX,
            ticket: Bytes::new(),
            template: None,
            acks: Vec::new(),
            unacked: 0,
            beats: 0,
            chats: 0,
        }
    }

    /// A frame that has come whole and is what it says: its kind, and its body.
    fn frame<'a>(&self, bytes: &'a [u8]) -> Result<Option<(u8, &'a [u8])>, WireError> {
        let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) else { return Ok(None) };
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        if length > self.body_max {
            return Err(WireError(format!("a body of {length} bytes came")));
        }
        let Some(body) = rest.get(..length as usize) else { return Ok(None) };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head[..6]);
        hasher.update(body);
        if hasher.finalize().to_be_bytes() != head[6..] {
            return Err(WireError("a frame with a wrong checksum came".to_owned()));
        }
        Ok(Some((head[4], body)))
    }

    fn accepted(&self, body: &[u8], sink: &mut Sink<'_>) -> Result<(), WireError> {
        let (mut name, mut with, mut seq, mut again) = (None, None, 0, false);
        for (field, value) in Fields(body) {
            match field {
                1 => with = self.names.chat_with(value.bytes()),
                2 => name = Name::of_id(value.bytes()),
                3 => seq = value.number(),
                5 => again = value.number() != 0,
                _ => {}
            }
        }
        let (Some(name), Some(_)) = (name, with) else {
            return Err(WireError(format!("seq {seq} of nobody here was accepted")));
        };
        sink(if name.channel == GATHERING {
            Event::Done
        } else {
            Event::Accepted { name, seq: Some(seq), again }
        });
        Ok(())
    }

    fn delivered(&mut self, body: &[u8], sink: &mut Sink<'_>) -> Result<(), WireError> {
        let (mut name, mut with, mut seq, mut content) = (None, None, 0, &body[..0]);
        let mut is_own = false;
        for (field, value) in Fields(body) {
            match field {
                1 => with = self.names.chat_with(value.bytes()),
                2 => seq = value.number(),
                3 => is_own = self.names.is_me(value.bytes()),
                4 => name = Name::of_id(value.bytes()),
                6 => content = value.bytes(),
                _ => {}
            }
        }
        let Some(with) = with else {
            return Err(WireError(format!("seq {seq} of a chat of others was delivered")));
        };
        // What a session sent itself may come with what is read from the log (SPEC.md D-1).
        if let Some(text) = text(content).filter(|_| !is_own) {
            // A name that is none of ours still is no name that was sent.
            let name = name.unwrap_or(Name { channel: GATHERING, number: 0 });
            sink(Event::Delivered { name: Some(name), seq: Some(seq), text });
        }
        if matches!(with, To::Room(_)) {
            return Ok(()); // what comes of a room is not acknowledged (SPEC.md Y-3)
        }
        match self.acks.last_mut() {
            Some((chat, last)) if *chat == with => *last = seq.max(*last),
            _ => self.acks.push((with, seq)),
        }
        self.unacked += 1;
        Ok(())
    }

    /// What does not come by the ten thousand.
    fn seldom(
        &mut self,
        kind: u8,
        body: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<(), WireError> {
        let frame = Frame { kind, body: Bytes::copy_from_slice(body) };
        let packet = Packet::decode(&frame).map_err(|error| WireError(error.to_string()))?;
        match packet {
            Some(Packet::Welcome(welcome)) => {
                self.limits = welcome.limits;
                self.body_max = welcome.limits.max_body;
                self.ticket = welcome.ticket;
                sink(Event::Ready);
            }
            Some(Packet::Ping(token)) => Packet::Pong(token).put(out),
            Some(Packet::Pong(_)) => sink(Event::Pong),
            Some(Packet::Response(response)) => self.answered(response.answer, out, sink)?,
            Some(Packet::Rejected(rejected)) => sink(refused(&rejected)),
            Some(Packet::Goodbye(verdict)) => return Err(ended(&verdict)),
            _ => {}
        }
        Ok(())
    }

    /// A page of the user's chats, or that this session listens to a room.
    fn answered(
        &mut self,
        answer: Result<Answer, Verdict>,
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<(), WireError> {
        let (chats, more) = match answer {
            Ok(Answer::Chats { chats, more }) => (chats, more),
            Ok(Answer::RoomJoin(_)) => {
                sink(Event::Done);
                return Ok(());
            }
            Ok(other) => return Err(WireError(format!("what was not asked for: {other:?}"))),
            Err(verdict) => return Err(WireError(format!("refused: {}", verdict.reason))),
        };
        self.chats += u32::try_from(chats.len()).expect("a page is short");
        match chats.last().filter(|_| more) {
            Some(last) => ask_chats(Some(last.chat.clone()), out),
            None => sink(Event::Chats { count: self.chats }),
        }
        Ok(())
    }

    fn ack(&mut self, out: &mut BytesMut) {
        let names = &self.names;
        let cursors = self.acks.drain(..);
        let cursors = cursors
            .map(|(with, delivered)| Cursor { chat: names.chat(with), delivered, read: 0 })
            .collect();
        Packet::Ack(cursors).put(out);
        self.unacked = 0;
    }
}

impl Wire for PacketboatWire {
    fn greet(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&PREFACE);
        let credential = if self.ticket.is_empty() {
            Credential::Open
        } else {
            Credential::Ticket(self.ticket.clone())
        };
        let hello = Hello {
            user: self.names.me(),
            device: DeviceId::new("load").expect("four letters are an id"),
            credential,
            client: concat!("packetboat-load ", env!("CARGO_PKG_VERSION")).to_owned(),
            wanted: Limits { heartbeat_ms: self.login.heartbeat_ms, ..Limits::default() },
            start: Some(Start::Everything),
            device_name: String::new(),
            platform: String::new(),
        };
        Packet::Hello(hello).put(out);
    }

    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError> {
        const ACCEPTED: u8 = Kind::Accepted as u8;
        const DELIVER: u8 = Kind::Deliver as u8;
        let mut taken = 0;
        while let Some((kind, body)) = self.frame(&bytes[taken..])? {
            taken += HEAD_BYTES + body.len();
            match kind {
                ACCEPTED => self.accepted(body, sink)?,
                DELIVER => self.delivered(body, sink)?,
                _ => self.seldom(kind, body, out, sink)?,
            }
            if self.unacked > 0 && self.unacked >= self.limits.window / ACK_WINDOW_PART {
                self.ack(out);
            }
        }
        Ok(taken)
    }

    fn send(&mut self, to: To, name: Name, unix_nanos: u64, text: &[u8], out: &mut BytesMut) {
        let template = match &mut self.template {
            Some(template) if template.fits(to, text) => template,
            other => other.insert(Box::new(Template::new(&self.names, to, text))),
        };
        template.put(&self.names, to, &name.id(unix_nanos), text, out);
    }

    fn tick(&mut self, out: &mut BytesMut) {
        if self.unacked > 0 {
            self.ack(out);
        }
    }

    fn beat(&mut self, out: &mut BytesMut) {
        self.beats += 1;
        Packet::Ping(self.beats).put(out);
    }

    fn beat_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.limits.heartbeat_ms.into()))
    }

    fn window_max(&self) -> u32 {
        self.limits.sends
    }

    fn gather(&mut self, group: u32, members: &[u32], out: &mut BytesMut) -> u32 {
        let chat = self.names.chat(To::Group(group));
        let mut changes = 0_u32;
        for members in members.chunks(MEMBERS_PER_CHANGE_MAX) {
            let members = members.iter().map(|member| self.names.user(*member)).collect();
            let change = if changes == 0 {
                GroupChange::Created { name: "load".to_owned(), members }
            } else {
                GroupChange::Added(members)
            };
            put_change(&chat, changes.into(), Content::Group(change), out);
            changes += 1;
        }
        changes
    }

    fn open_room(&mut self, room: u32, out: &mut BytesMut) {
        let (name, topic) = ("load".to_owned(), String::new());
        let opened = RoomChange::Opened { name, topic, keep: ROOM_KEEP, slow_ms: 0 };
        put_change(&self.names.chat(To::Room(room)), 0, Content::Room(opened), out);
    }

    fn listen(&mut self, room: u32, out: &mut BytesMut) {
        let room = self.names.chat(To::Room(room));
        let operation = Some(Operation::RoomJoin { room });
        Packet::Request(Request { id: 1, operation }).put(out);
    }

    fn list_chats(&mut self, out: &mut BytesMut) {
        self.chats = 0;
        ask_chats(None, out);
    }

    fn leave(&mut self, out: &mut BytesMut) {
        Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)).put(out);
    }

    fn again(&mut self) {
        self.body_max = HANDSHAKE_BODY_BYTES_MAX;
        self.acks.clear();
        self.unacked = 0;
    }
}

fn ask_chats(after: Option<ChatId>, out: &mut BytesMut) {
    let operation = Some(Operation::Chats { after, limit: PAGE_ITEMS_MAX });
    Packet::Request(Request { id: 1, operation }).put(out);
}

fn put_change(chat: &ChatId, number: u64, change: Content, out: &mut BytesMut) {
    let id = Name { channel: GATHERING, number }.id(0);
    let content = change.encode();
    Packet::Send(Send { chat: chat.clone(), id: MessageId::from(id), content }).put(out);
}

/// The text of a content, if it is one.
fn text(content: &[u8]) -> Option<&[u8]> {
    let (1, text) = Fields(content).next()? else { return None };
    let (1, body) = Fields(text.bytes()).next()? else { return None };
    Some(body.bytes())
}

fn refused(rejected: &Rejected) -> Event<'static> {
    let verdict = &rejected.verdict;
    let code = verdict.reject_code().map_or_else(|| verdict.code.to_string(), RejectCode::name);
    let reason = format!("{code} {}", verdict.reason);
    Event::Rejected { name: Name::of_id(rejected.id.as_bytes()), reason }
}

fn ended(verdict: &Verdict) -> WireError {
    let code = verdict.close_code().map_or_else(|| verdict.code.to_string(), CloseCode::name);
    WireError(format!("the server said goodbye: {code} {}", verdict.reason))
}

#[cfg(test)]
mod tests;
