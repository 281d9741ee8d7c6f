//! A history taken apart, in one pass: sends with their answers, sightings, readings. Must never
//! look at what an entry says.

use std::collections::HashMap;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, UserId};

use super::violation::{Found, Violation};
use crate::history::{Device, Event, History, Owed, SendNumber};

/// A chat, numbered as it was met.
pub(super) type ChatNumber = usize;
/// The place of an event in the history.
pub(super) type At = usize;

/// What a message is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name<'a> {
    pub(super) chat: ChatNumber,
    pub(super) sender: &'a UserId,
    pub(super) id: MessageId,
}

/// Why what stood here is gone, if it is.
pub(super) fn erasure(content: &Bytes) -> Option<Erasure> {
    match Content::decode(content, usize::MAX) {
        Ok(Content::Erased(erasure)) => Some(erasure),
        _ => None,
    }
}

/// How a send ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Accepted(u64),
    Rejected(Option<RejectCode>),
    Unknown,
}

#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) number: SendNumber,
    pub(super) by: &'a Device,
    pub(super) name: Name<'a>,
    pub(super) content: &'a Bytes,
    pub(super) at: At,
    pub(super) answer: Option<(Answer, At)>,
}

/// Who saw an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Witness<'a> {
    Device(&'a Device),
    Reader(&'a UserId),
    Sender(SendNumber),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'a> {
    pub(super) by: Witness<'a>,
    pub(super) name: Name<'a>,
    pub(super) entry: &'a Entry,
    pub(super) at: At,
}

#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) reader: &'a UserId,
    pub(super) chat: ChatNumber,
    pub(super) entries: &'a [Entry],
}

#[derive(Debug, Default)]
pub(super) struct Digest<'a> {
    numbers: HashMap<&'a ChatId, ChatNumber>,
    pub(super) chats: Vec<&'a ChatId>,
    /// In the order in which they began.
    pub(super) sends: Vec<Sent<'a>>,
    /// The sends of each message, in that order.
    pub(super) messages: HashMap<Name<'a>, Vec<usize>>,
    pub(super) logged: Vec<Sighting<'a>>,
    pub(super) delivered: Vec<Sighting<'a>>,
    pub(super) readings: Vec<Reading<'a>>,
    pub(super) devices: Vec<(&'a Device, Owed)>,
    by_number: HashMap<SendNumber, usize>,
}

impl Witness<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Self::Device(device) => device.to_string(),
            Self::Reader(user) => format!("{user}, reading the log,"),
            Self::Sender(send) => format!("the sender of send {}", send.0),
        }
    }
}

impl<'a> Digest<'a> {
    pub(super) fn of(history: &'a History, found: &mut Found) -> Self {
        let mut digest = Self::default();
        for (at, event) in history.events.iter().enumerate() {
            digest.take(at, event, found);
        }
        digest
    }

    pub(super) fn chat(&self, number: ChatNumber) -> ChatId {
        self.chats[number].clone()
    }

    fn number(&mut self, chat: &'a ChatId) -> ChatNumber {
        let chats = &mut self.chats;
        *self.numbers.entry(chat).or_insert_with(|| {
            chats.push(chat);
            chats.len() - 1
        })
    }

    fn take(&mut self, at: At, event: &'a Event, found: &mut Found) {
        match event {
            Event::Device { device, owed } => self.devices.push((device, *owed)),
            Event::Invoked { send, by, chat, id, content } => {
                let name = Name { chat: self.number(chat), sender: &by.user, id: *id };
                let index = self.sends.len();
                if self.by_number.insert(*send, index).is_some() {
                    found.add(Violation::Muddled { send: *send, how: "began twice" });
                }
                self.messages.entry(name).or_default().push(index);
                self.sends.push(Sent { number: *send, by, name, content, at, answer: None });
            }
            Event::Accepted { send, seq } => self.answer(*send, Answer::Accepted(*seq), at, found),
            Event::Rejected { send, code } => {
                self.answer(*send, Answer::Rejected(*code), at, found);
            }
            Event::Unknown { send } => self.answer(*send, Answer::Unknown, at, found),
            Event::Delivered { to, entry } => {
                let sighting = self.sighting(Witness::Device(to), entry, at);
                self.delivered.push(sighting);
            }
            Event::Page { reader, entries } => {
                for entry in entries {
                    let sighting = self.sighting(Witness::Reader(reader), entry, at);
                    self.logged.push(sighting);
                }
            }
            Event::Log { reader, chat, entries } => {
                let chat = self.number(chat);
                for entry in entries {
                    let sighting = self.sighting(Witness::Reader(reader), entry, at);
                    self.logged.push(sighting);
                }
                self.readings.push(Reading { reader, chat, entries });
            }
        }
    }

    fn sighting(&mut self, by: Witness<'a>, entry: &'a Entry, at: At) -> Sighting<'a> {
        let name = Name { chat: self.number(&entry.chat), sender: &entry.sender, id: entry.id };
        Sighting { by, name, entry, at }
    }

    fn answer(&mut self, send: SendNumber, answer: Answer, at: At, found: &mut Found) {
        let Some(index) = self.by_number.get(&send) else {
            return found.add(Violation::Muddled { send, how: "was answered and never began" });
        };
        let answered = &mut self.sends[*index].answer;
        if answered.is_some() {
            return found.add(Violation::Muddled { send, how: "was answered twice" });
        }
        *answered = Some((answer, at));
    }
}
