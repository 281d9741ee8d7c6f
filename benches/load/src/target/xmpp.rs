//! One connection of XMPP, as a client of a chat opens it: SASL PLAIN, a resource, stream
//! management (XEP-0198), presence. A message to a user is accepted once an `<a/>` counts it; an
//! `<r/>` asks for one whenever none is on its way, so that many messages may share one. A group is
//! a room (XEP-0045), and a message to it is accepted once the room hands it to its own sender, as
//! to all: an `<a/>` would say only that it is on its way to the room. Must never believe an id:
//! what comes is known by its text as well.

pub mod accounts;
mod scan;

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use bytes::{BufMut, BytesMut};

use self::scan::{Element, Piece, piece};
use crate::stamp::{Name, put_hex, read_hex};
use crate::wire::{Event, Login, Sink, To, Wire, WireError};

/// The domain of all addresses.
pub const HOST: &str = "localhost";
/// Where the rooms are.
pub const ROOMS: &str = "conference.localhost";
/// Everybody's password.
const PASSWORD: &str = "load";
/// Bytes of an id: a message id in hex.
const ID_BYTES: usize = 32;
/// The namespace of stream management.
const MANAGEMENT: &str = "urn:xmpp:sm:3";
/// The id of what is answered last when a connection is opened.
const OPENING: &[u8] = b"opening";
/// The id of a heartbeat.
const BEAT: &[u8] = b"beat";

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What the server offers to a stranger.
    Mechanisms,
    /// The word that the password is right.
    Success,
    /// What the server offers to a user.
    Features,
    /// The resource.
    Bound,
    /// Stream management.
    Managed,
    /// Nothing; it is open, or will be with the answer to [`OPENING`].
    Open,
}

/// One connection.
#[derive(Debug)]
pub struct XmppWire {
    login: Login,
    step: Step,
    /// Stanzas that went out and that came since stream management counts them.
    went: u32,
    came: u32,
    /// Messages that no `<a/>` has counted, with how many stanzas had gone out by then.
    waiting: VecDeque<(u32, Name)>,
    /// An `<r/>` is on its way.
    is_asked: bool,
    /// How a message to the last one begins, up to its id.
    begin: String,
    begin_of: Option<To>,
}

impl XmppWire {
    /// One that is not open yet.
    pub const fn new(login: Login) -> Self {
        Self {
            login,
            step: Step::Mechanisms,
            went: 0,
            came: 0,
            waiting: VecDeque::new(),
            is_asked: false,
            begin: String::new(),
            begin_of: None,
        }
    }

    fn ask(&mut self, out: &mut BytesMut) {
        out.put_slice(b"<r xmlns='urn:xmpp:sm:3'/>");
        self.is_asked = true;
    }

    /// Writes a stanza, and counts it.
    fn put(&mut self, stanza: &str, out: &mut BytesMut) {
        out.put_slice(stanza.as_bytes());
        self.went = self.went.wrapping_add(1);
    }

    fn put_ping(&mut self, id: &[u8], out: &mut BytesMut) {
        let id = str::from_utf8(id).expect("ids are letters");
        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        self.put(&format!("<iq type='get' to='{HOST}' id='{id}'>{ping}</iq>"), out);
    }

    /// Opening goes from step to step.
    fn open(&mut self, element: &Element<'_>, out: &mut BytesMut) -> Result<(), WireError> {
        let user = self.login.user;
        self.step = match (self.step, element.name) {
            (Step::Mechanisms, b"stream:features") => {
                let plain = base64(format!("\0u{user}\0{PASSWORD}").as_bytes());
                let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
                let auth = format!("<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth>");
                out.put_slice(auth.as_bytes());
                Step::Success
            }
            (Step::Success, b"success") => {
                put_stream(out);
                Step::Features
            }
            (Step::Features, b"stream:features") => {
                let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                            <resource>load</resource></bind>";
                out.put_slice(format!("<iq type='set' id='bind'>{bind}</iq>").as_bytes());
                Step::Bound
            }
            (Step::Bound, b"iq") if element.attribute("type") == Some(b"result") => {
                out.put_slice(format!("<enable xmlns='{MANAGEMENT}'/>").as_bytes());
                Step::Managed
            }
            (Step::Managed, b"enabled") => {
                self.put("<presence/>", out);
                // Answered behind the presence, which makes the user one who is there.
                self.put_ping(OPENING, out);
                Step::Open
            }
            (step, _) => return Err(unexpected(&format!("at the step {step:?}"), element)),
        };
        Ok(())
    }

    fn take(
        &mut self,
        element: &Element<'_>,
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<(), WireError> {
        match element.name {
            b"message" => {
                self.came = self.came.wrapping_add(1);
                return message(element, self.login.user, sink);
            }
            b"a" => self.counted(element, out, sink)?,
            b"r" => {
                write!(out, "<a xmlns='{MANAGEMENT}' h='{}'/>", self.came).expect("it takes all");
            }
            b"iq" | b"presence" if element.attribute("type") == Some(b"error") => {
                return Err(unexpected("as an answer", element));
            }
            b"iq" | b"presence" => {
                self.came = self.came.wrapping_add(1);
                match element.attribute("id") {
                    Some(OPENING) => sink(Event::Ready),
                    Some(BEAT) => sink(Event::Pong),
                    _ => {}
                }
            }
            _ => return Err(unexpected("in a session", element)),
        }
        Ok(())
    }

    /// An `<a/>`: so many stanzas were taken.
    fn counted(
        &mut self,
        element: &Element<'_>,
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<(), WireError> {
        let taken = element.attribute("h").and_then(|h| str::from_utf8(h).ok()?.parse().ok());
        let taken: u32 = taken.ok_or_else(|| unexpected("without a count", element))?;
        let ahead = self.went.wrapping_sub(taken);
        while let Some((at, name)) = self.waiting.front().copied()
            && self.went.wrapping_sub(at) >= ahead
        {
            self.waiting.pop_front();
            sink(Event::Accepted { name, seq: None, again: false });
        }
        self.is_asked = false;
        if !self.waiting.is_empty() {
            self.ask(out);
        }
        Ok(())
    }

    /// Makes that the one that is written to.
    fn turn_to(&mut self, to: To) {
        if self.begin_of == Some(to) {
            return;
        }
        self.begin.clear();
        match to {
            To::User(user) => {
                write!(self.begin, "<message to='u{user}@{HOST}' type='chat' id='")
            }
            To::Group(group) | To::Room(group) => {
                write!(self.begin, "<message to='g{group}@{ROOMS}' type='groupchat' id='")
            }
        }
        .expect("a string takes all");
        self.begin_of = Some(to);
    }
}

/// A message: of the generator if it has a body; a room tells its subject once one has entered.
fn message(element: &Element<'_>, me: u32, sink: &mut Sink<'_>) -> Result<(), WireError> {
    let kind = element.attribute("type");
    if kind == Some(b"error") {
        return Err(unexpected("instead of a delivery", element));
    }
    if let Some(body) = element.child("body") {
        let name = element.attribute("id").and_then(name_of_id);
        let Some(name) = name else {
            return Err(unexpected("with a body and the id of nobody here", element));
        };
        let is_own = kind == Some(b"groupchat") && nick(element) == Some(me);
        sink(if is_own {
            Event::Accepted { name, seq: None, again: false }
        } else {
            Event::Delivered { name: Some(name), seq: None, text: body.inner }
        });
    } else if element.child("subject").is_some() {
        sink(Event::Done);
    }
    Ok(())
}

/// Who wrote to a room.
fn nick(element: &Element<'_>) -> Option<u32> {
    let from = element.attribute("from")?;
    let nick = from.rsplit(|byte| *byte == b'/').next()?.strip_prefix(b"u")?;
    str::from_utf8(nick).ok()?.parse().ok()
}

fn unexpected(when: &str, element: &Element<'_>) -> WireError {
    let name = String::from_utf8_lossy(element.name);
    let inner = String::from_utf8_lossy(element.inner);
    WireError(format!("a {name} came {when}: {}", inner.chars().take(300).collect::<String>()))
}

fn put_stream(out: &mut BytesMut) {
    let stream = format!(
        "<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    out.put_slice(stream.as_bytes());
}

fn id_of(name: Name, unix_nanos: u64) -> [u8; ID_BYTES] {
    let mut hex = [0; ID_BYTES];
    for (byte, digits) in name.id(unix_nanos).into_iter().zip(hex.chunks_exact_mut(2)) {
        put_hex(byte.into(), digits);
    }
    hex
}

fn name_of_id(hex: &[u8]) -> Option<Name> {
    let (high, low) = hex.split_at_checked(ID_BYTES / 2)?;
    let halves = (low.len() == ID_BYTES / 2).then_some((read_hex(high)?, read_hex(low)?));
    let (high, low) = halves?;
    Name::of_id(&(u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// Base64 as SASL has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if is_there { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

impl Wire for XmppWire {
    fn greet(&mut self, out: &mut BytesMut) {
        put_stream(out);
    }

    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError> {
        let mut taken = 0;
        while let Some((piece, length)) =
            piece(&bytes[taken..]).map_err(|error| WireError(error.to_string()))?
        {
            taken += length;
            match piece {
                // An end has its reason before it; the connection goes next.
                Piece::Open | Piece::Close => {}
                Piece::Whole(element) if element.name == b"stream:error" => {
                    return Err(unexpected("as an end", &element));
                }
                Piece::Whole(element) if self.step == Step::Open => {
                    self.take(&element, out, sink)?;
                }
                Piece::Whole(element) => self.open(&element, out)?,
            }
        }
        Ok(taken)
    }

    fn send(&mut self, to: To, name: Name, unix_nanos: u64, text: &[u8], out: &mut BytesMut) {
        self.turn_to(to);
        out.put_slice(self.begin.as_bytes());
        out.put_slice(&id_of(name, unix_nanos));
        out.put_slice(b"'><body>");
        // The generator's texts are letters and digits: nothing has to be escaped.
        out.put_slice(text);
        out.put_slice(b"</body></message>");
        self.went = self.went.wrapping_add(1);
        if matches!(to, To::Group(_) | To::Room(_)) {
            return;
        }
        self.waiting.push_back((self.went, name));
        if !self.is_asked {
            self.ask(out);
        }
    }

    fn tick(&mut self, _out: &mut BytesMut) {}

    fn beat(&mut self, out: &mut BytesMut) {
        self.put_ping(BEAT, out);
    }

    fn beat_every(&self) -> Option<Duration> {
        Some(self.login.heartbeat())
    }

    fn window_max(&self) -> u32 {
        u32::MAX
    }

    fn join(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        let user = self.login.user;
        let muc = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>";
        self.put(&format!("<presence to='g{group}@{ROOMS}/u{user}'>{muc}</presence>"), out);
        1
    }

    fn join_to_send(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        self.join(group, out)
    }

    fn leave(&mut self, out: &mut BytesMut) {
        out.put_slice(b"</stream:stream>");
    }

    fn again(&mut self) {
        self.step = Step::Mechanisms;
        (self.went, self.came) = (0, 0);
        self.waiting.clear();
        self.is_asked = false;
    }
}

#[cfg(test)]
mod tests;
