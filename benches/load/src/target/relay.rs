//! The bare relays as targets, run by this very program. Must never do more than the relay itself
//! can: no tickets, no acknowledgements.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::BytesMut;

use super::{Nature, Target};
use crate::error::LoadError;
use crate::process::{Server, loopback};
use crate::relay::GREETING;
use crate::relay::frame::{
    self, ACCEPTED, Frames, GROUP_BIT, HELLO, JOIN, JOINED, PING, PONG, SEND, WELCOME, message,
};
use crate::stamp::Name;
use crate::wire::{Event, Login, Sink, To, Wire, WireError};

/// A relay.
#[derive(Clone, Debug)]
pub struct RelayTarget {
    /// This program, or another one with the command `relay`.
    pub program: PathBuf,
    /// It syncs a file before it accepts.
    pub durable: bool,
    /// It hands on every frame by itself.
    pub by_frame: bool,
}

impl Target for RelayTarget {
    fn name(&self) -> &'static str {
        if self.durable { "raw-fsync" } else { "raw" }
    }

    fn nature(&self) -> Nature {
        Nature { durable: self.durable, knows_only_who_came: false, is_messenger: false }
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        let mut command = Command::new(&self.program);
        command.arg("relay");
        if self.by_frame {
            command.arg("--by-frame");
        }
        if self.durable {
            command.arg("--durable").arg(folder.join("journal"));
        }
        Server::spawn(command, greeted)
    }

    fn wire(&self, _salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(RelayWire { login })
    }
}

fn greeted(line: &str) -> Option<SocketAddr> {
    loopback(line.strip_prefix(GREETING)?.trim_end()).ok()
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct RelayWire {
    login: Login,
}

impl Wire for RelayWire {
    fn greet(&mut self, out: &mut BytesMut) {
        frame::put(out, HELLO, &[&self.login.user.to_be_bytes()]);
    }

    fn read(
        &mut self,
        bytes: &[u8],
        _out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError> {
        let mut taken = 0;
        for frame in Frames(bytes) {
            taken += frame.whole.len();
            let event = match frame.kind {
                SEND => message(frame.body).and_then(|(_, id, text)| {
                    let name = Some(Name::of_id(id)?);
                    Some(Event::Delivered { name, seq: None, text })
                }),
                ACCEPTED => Name::of_id(frame.body).map(|name| Event::Accepted {
                    name,
                    seq: None,
                    again: false,
                }),
                WELCOME => Some(Event::Ready),
                JOINED => Some(Event::Done),
                PONG => Some(Event::Pong),
                _ => None,
            };
            sink(event.ok_or_else(|| WireError(format!("a bad frame {} came", frame.kind)))?);
        }
        Ok(taken)
    }

    fn send(&mut self, to: To, name: Name, unix_nanos: u64, text: &[u8], out: &mut BytesMut) {
        let to = match to {
            To::User(user) => user,
            To::Group(group) | To::Room(group) => group | GROUP_BIT,
        };
        frame::put(out, SEND, &[&to.to_be_bytes(), &name.id(unix_nanos), text]);
    }

    fn tick(&mut self, _out: &mut BytesMut) {}

    fn beat(&mut self, out: &mut BytesMut) {
        frame::put(out, PING, &[]);
    }

    fn beat_every(&self) -> Option<Duration> {
        Some(self.login.heartbeat())
    }

    fn window_max(&self) -> u32 {
        u32::MAX
    }

    fn join(&mut self, group: u32, out: &mut BytesMut) -> u32 {
        frame::put(out, JOIN, &[&(group | GROUP_BIT).to_be_bytes()]);
        1
    }

    fn leave(&mut self, _out: &mut BytesMut) {}

    fn again(&mut self) {}
}
