//! One connection of MQTT 3.1.1, as mosquitto and rumqttd speak it. A user is a client id whose
//! session the broker keeps, subscribed to a topic of its own; a group is a topic that its members
//! subscribe to; all with `QoS 1`. A message is accepted with its PUBACK, and what comes is
//! answered with one. Must never use a packet id that waits for its answer.

mod packet;

use std::fmt::Write;
use std::time::Duration;

use bytes::BytesMut;

use self::packet::{Packet, read};
use crate::stamp::{CHANNELS_MAX, Name};
use crate::wire::{Event, Login, Sink, To, Wire, WireError};

/// Packet ids that there are: 1 to this.
const IDS: u16 = u16::MAX;
/// Heartbeats that may be missed before the broker lets a connection go. It counts from the
/// opening, which is long where very many are opened before the first heartbeat.
const HEARTBEATS_MISSED: u32 = 4;
/// Seconds of keep-alive where a work sends no heartbeats: the longest that there is. None at all
/// is refused by rumqttd.
const KEEP_ALIVE_LONGEST: u16 = u16::MAX;
/// A packet id that waits for nothing.
const FREE: Name = Name { channel: CHANNELS_MAX, number: 0 };
/// One that waits for the subscription to the user's own topic.
const OWN: Name = Name { channel: CHANNELS_MAX, number: 1 };
/// One that waits for the subscription to a group's.
const GROUP: Name = Name { channel: CHANNELS_MAX, number: 2 };

/// One connection.
#[derive(Debug)]
pub struct MqttWire {
    salt: u64,
    login: Login,
    /// What each packet id waits for, from the id 1 on; as many as were ever needed at once.
    waiting: Vec<Name>,
    free: Vec<u16>,
    /// A send found all ids waiting.
    is_exhausted: bool,
    /// The topic that was written to last.
    topic: String,
    topic_of: Option<To>,
}

impl MqttWire {
    /// One that is not open yet.
    pub const fn new(salt: u64, login: Login) -> Self {
        Self {
            salt,
            login,
            waiting: Vec::new(),
            free: Vec::new(),
            is_exhausted: false,
            topic: String::new(),
            topic_of: None,
        }
    }

    /// Makes that topic the one that is written to.
    fn turn_to(&mut self, to: To) {
        if self.topic_of == Some(to) {
            return;
        }
        let salt = self.salt;
        self.topic.clear();
        match to {
            To::User(user) => write!(self.topic, "user/{salt:016x}-{user}"),
            To::Group(group) | To::Room(group) => write!(self.topic, "group/{salt:016x}-{group}"),
        }
        .expect("a string takes all");
        self.topic_of = Some(to);
    }

    /// An id that waits for nothing, which from now on waits for that.
    fn id(&mut self, name: Name) -> Option<u16> {
        if let Some(id) = self.free.pop() {
            self.waiting[usize::from(id) - 1] = name;
            return Some(id);
        }
        let id = u16::try_from(self.waiting.len() + 1).ok()?;
        self.waiting.push(name);
        Some(id)
    }

    /// What an id has waited for.
    fn answered(&mut self, id: u16) -> Option<Name> {
        let at = usize::from(id).checked_sub(1)?;
        let name = self.waiting.get_mut(at).filter(|name| **name != FREE)?;
        self.free.push(id);
        Some(std::mem::replace(name, FREE))
    }

    fn subscribe(&mut self, to: To, name: Name, out: &mut BytesMut) {
        self.turn_to(to);
        match self.id(name) {
            Some(id) => packet::put_subscribe(id, self.topic.as_bytes(), out),
            None => self.is_exhausted = true,
        }
    }

    fn take(
        &mut self,
        packet: &Packet<'_>,
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<(), WireError> {
        match *packet {
            Packet::Publish { id, payload } => {
                sink(Event::Delivered { name: None, seq: None, text: payload });
                if let Some(id) = id {
                    packet::put_puback(id, out);
                }
            }
            Packet::PubAck(id) => match self.answered(id) {
                Some(name) if name.channel < CHANNELS_MAX => {
                    sink(Event::Accepted { name, seq: None, again: false });
                }
                other => return Err(unasked("a PUBACK", id, other)),
            },
            // A session that is there has its subscriptions, and what came meanwhile follows.
            Packet::ConnAck { code: 0, present: true } => sink(Event::Ready),
            Packet::ConnAck { code: 0, present: false } => {
                self.subscribe(To::User(self.login.user), OWN, out);
            }
            Packet::ConnAck { code, .. } => {
                return Err(WireError(format!("the broker refused the connection: code {code}")));
            }
            Packet::SubAck { id, is_taken: true } => match self.answered(id) {
                Some(OWN) => sink(Event::Ready),
                Some(GROUP) => sink(Event::Done),
                other => return Err(unasked("a SUBACK", id, other)),
            },
            Packet::SubAck { id, is_taken: false } => {
                return Err(WireError(format!("the broker refused the subscription {id}")));
            }
            Packet::PingResp => sink(Event::Pong),
        }
        Ok(())
    }
}

fn unasked(what: &str, id: u16, waiting: Option<Name>) -> WireError {
    WireError(format!("{what} came for the packet id {id}, which waits for {waiting:?}"))
}

impl Wire for MqttWire {
    fn greet(&mut self, out: &mut BytesMut) {
        let heartbeat = self.login.heartbeat_ms.saturating_mul(HEARTBEATS_MISSED).div_ceil(1_000);
        let keep_alive = match u16::try_from(heartbeat) {
            Ok(0) | Err(_) => KEEP_ALIVE_LONGEST,
            Ok(secs) => secs,
        };
        let client = format!("{:016x}-{}", self.salt, self.login.user);
        packet::put_connect(client.as_bytes(), keep_alive, out);
    }

    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError> {
        if self.is_exhausted {
            return Err(WireError(format!("{IDS} sends wait for their PUBACK")));
        }
        let mut taken = 0;
        while let Some((packet, length)) =
            read(&bytes[taken..]).map_err(|error| WireError(error.to_string()))?
        {
            taken += length;
            self.take(&packet, out, sink)?;
        }
        Ok(taken)
    }

    fn send(&mut self, to: To, name: Name, _unix_nanos: u64, text: &[u8], out: &mut BytesMut) {
        self.turn_to(to);
        match self.id(name) {
            Some(id) => packet::put_publish(id, self.topic.as_bytes(), text, out),
            // There is no id left to send it with; what comes next tells of it.
            None => self.is_exhausted = true,
        }
    }

    fn tick(&mut self, _out: &mut BytesMut) {}

    fn beat(&mut self, out: &mut BytesMut) {
        packet::put_pingreq(out);
    }

    fn beat_every(&self) -> Option<Duration> {
        Some(self.login.heartbeat())
    }

    fn window_max(&self) -> u32 {
        IDS.into()
    }

    fn join(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        self.subscribe(To::Group(group), GROUP, out);
        1
    }

    fn leave(&mut self, out: &mut BytesMut) {
        packet::put_disconnect(out);
    }

    fn again(&mut self) {
        self.waiting.clear();
        self.free.clear();
        self.is_exhausted = false;
    }
}

#[cfg(test)]
mod tests;
