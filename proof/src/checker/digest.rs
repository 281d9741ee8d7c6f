//! A history taken apart, in one pass: sends with their answers, sightings, readings. Must never
//! look at what an entry says.

use std::collections::HashMap;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, InviteId, MessageId, UserId};
use packetboat_proto::packet::Invitation;

use super::violation::{Found, Violation};
use crate::history::{BlockNumber, Device, Event, History, Owed, SendNumber};

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

/// A device between two log-outs: which of those of its name.
pub(super) type Life<'a> = (&'a Device, usize);

/// A device that is owed entries.
#[derive(Debug)]
pub(super) struct Owner<'a> {
    pub(super) life: Life<'a>,
    pub(super) owed: Owed,
    /// When it came up.
    pub(super) at: At,
    /// It was logged out: it is owed nothing any more.
    pub(super) ended: bool,
}

/// A user blocks another, or does so no more.
#[derive(Debug)]
pub(super) struct Blocking<'a> {
    pub(super) by: &'a UserId,
    pub(super) other: &'a UserId,
    pub(super) blocked: bool,
    pub(super) begun: At,
    pub(super) done: Option<At>,
}

/// An invitation to a group.
#[derive(Debug)]
pub(super) struct Inviting<'a> {
    pub(super) by: &'a UserId,
    pub(super) made: &'a Invitation,
    pub(super) begun: At,
    /// Since when it is taken back.
    pub(super) over: Option<At>,
}

#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) number: SendNumber,
    pub(super) by: &'a Device,
    pub(super) life: usize,
    pub(super) name: Name<'a>,
    pub(super) content: &'a Bytes,
    pub(super) at: At,
    pub(super) answer: Option<(Answer, At)>,
    /// Which of its name its device was when that came.
    pub(super) answered_life: usize,
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
    /// Which of the devices of its name it was, if a device saw it.
    pub(super) life: usize,
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
    pub(super) owners: Vec<Owner<'a>>,
    pub(super) blockings: Vec<Blocking<'a>>,
    /// Who wanted to be a contact of whom, and since when.
    pub(super) wishes: HashMap<(&'a UserId, &'a UserId), At>,
    pub(super) invitations: HashMap<(&'a ChatId, InviteId), Inviting<'a>>,
    by_number: HashMap<SendNumber, usize>,
    by_call: HashMap<BlockNumber, usize>,
    /// The last owner of each device.
    last: HashMap<&'a Device, usize>,
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
            Event::Device { device, owed } => self.come_up(device, *owed, at),
            Event::LoggedOut { device } => {
                if let Some(last) = self.last.get(device) {
                    self.owners[*last].ended = true;
                }
            }
            Event::Blocking { call, by, other, blocked } => {
                self.by_call.insert(*call, self.blockings.len());
                let blocked = *blocked;
                self.blockings.push(Blocking { by, other, blocked, begun: at, done: None });
            }
            Event::Blocked { call } => {
                if let Some(index) = self.by_call.get(call) {
                    self.blockings[*index].done.get_or_insert(at);
                }
            }
            Event::Wanting { by, other } => {
                self.wishes.entry((by, other)).or_insert(at);
            }
            Event::Inviting { by, chat, invitation: made } => {
                let inviting = Inviting { by, made, begun: at, over: None };
                self.invitations.entry((chat, made.key.id)).or_insert(inviting);
            }
            Event::Uninvited { chat, id } => {
                if let Some(inviting) = self.invitations.get_mut(&(chat, *id)) {
                    inviting.over.get_or_insert(at);
                }
            }
            Event::Invoked { send, by, chat, id, content } => {
                let name = Name { chat: self.number(chat), sender: &by.user, id: *id };
                let index = self.sends.len();
                if self.by_number.insert(*send, index).is_some() {
                    found.add(Violation::Muddled { send: *send, how: "began twice" });
                }
                self.messages.entry(name).or_default().push(index);
                let (life, number) = (self.life(by), *send);
                self.sends.push(Sent {
                    number,
                    by,
                    life,
                    name,
                    content,
                    at,
                    answer: None,
                    answered_life: life,
                });
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
        let life = if let Witness::Device(device) = by { self.life(device) } else { 0 };
        Sighting { by, name, entry, at, life }
    }

    /// Comes up for the first time, or again; after its end as another.
    fn come_up(&mut self, device: &'a Device, owed: Owed, at: At) {
        let life = match self.last.get(device).map(|last| &self.owners[*last]) {
            Some(Owner { life: (_, number), ended: true, .. }) => number + 1,
            Some(_) => return,
            None => 0,
        };
        self.last.insert(device, self.owners.len());
        self.owners.push(Owner { life: (device, life), owed, at, ended: false });
    }

    /// Which of those of its name a device is now.
    fn life(&self, device: &Device) -> usize {
        self.last.get(device).map_or(0, |last| self.owners[*last].life.1)
    }

    fn answer(&mut self, send: SendNumber, answer: Answer, at: At, found: &mut Found) {
        let Some(index) = self.by_number.get(&send) else {
            return found.add(Violation::Muddled { send, how: "was answered and never began" });
        };
        let life = self.life(self.sends[*index].by);
        let sent = &mut self.sends[*index];
        if sent.answer.is_some() {
            return found.add(Violation::Muddled { send, how: "was answered twice" });
        }
        (sent.answer, sent.answered_life) = (Some((answer, at)), life);
    }
}
