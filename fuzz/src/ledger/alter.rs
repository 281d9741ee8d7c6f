//! Messages that refer to others and change them, or expire, as the model sees them. Must never
//! know how what is gone is stored.

use bytes::Bytes;
use packetboat::store::proof::View;
use packetboat::store::{PageLimit, Reference, Thread};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Body, Content, Context, Erasure, Role};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::{EDITS_MAX, EXPIRES_MS_LOWEST, PINS_MAX};

use super::model::{CHATS, Line, Room, What, World};
use super::names::index;
use super::part::Part;
use super::standing::Refused;
use crate::choices::Choices;

/// Bytes of the longest edit here: of several parts.
const EDIT_BYTES: usize = 9_000;

/// A text whose content has so many bytes, if there is one; else bytes that are no content.
pub(super) fn text(letter: u8, bytes: usize) -> Bytes {
    let letters = |count: usize| char::from(b'a' + letter).to_string().repeat(count);
    let longest = bytes.saturating_sub(4);
    let mut fitting = (longest.saturating_sub(8)..=longest).rev().filter(|count| *count > 0);
    let encoded = |count: usize| Content::text(letters(count)).encode();
    let fits = fitting.find(|count| encoded(*count).len() == bytes);
    fits.map_or_else(|| letters(bytes).into(), encoded)
}

/// Something that refers to an entry of a short log.
pub(super) fn what(choices: &mut Choices<'_>) -> What {
    let seq = 1 + choices.below(12) as u64;
    let flag = choices.flag();
    match choices.byte() % 8 {
        0 | 1 => {
            let letters = if choices.once_in(16) { EDIT_BYTES } else { 3 };
            What::Alter(Alteration::Edited { seq, new: Body::Text("e".repeat(letters)) })
        }
        2..=4 => What::Alter(Alteration::Recalled { seq }),
        5 => {
            let reaction = "+1".to_owned();
            What::Alter(Alteration::Reacted { seq, reaction, taken_back: flag })
        }
        6 => What::Alter(Alteration::Pinned { seq, unpinned: flag }),
        7 if flag => What::Expiring(EXPIRES_MS_LOWEST + choices.below(8) as u64),
        _ => What::Reply(seq),
    }
}

fn context(of: u64) -> Context {
    Context { reply_to: of, thread: of, ..Context::default() }
}

fn staying(expires_after_ms: u64) -> Context {
    Context { expires_after_ms, ..Context::default() }
}

pub(super) fn reference(what: &What) -> Option<Reference> {
    match what {
        What::Expiring(ms) => Some(Reference::Context(Box::new(staying(*ms)))),
        What::Reply(of) => Some(Reference::Context(Box::new(context(*of)))),
        What::Alter(alteration) => Some(Reference::Alteration(alteration.clone())),
        _ => None,
    }
}

pub(super) fn content(what: &What) -> Bytes {
    match what {
        What::Expiring(ms) => Content::text("so long").encode_in(&staying(*ms)),
        What::Reply(of) => Content::text("re").encode_in(&context(*of)),
        What::Alter(alteration) => Content::Entry(alteration.clone()).encode(),
        _ => Bytes::new(),
    }
}

impl Line {
    /// There is nothing to read in it.
    pub(super) fn is_silent(&self) -> bool {
        self.erased.is_some() || matches!(self.what, What::Alter(_))
    }

    /// It can be changed.
    fn is_body(&self) -> bool {
        let said = match &self.what {
            What::Text(letter, bytes) => {
                Content::decode(&text(*letter, *bytes), usize::MAX).is_ok()
            }
            What::Reply(_) | What::Expiring(_) => true,
            _ => false,
        };
        said && self.erased.is_none()
    }

    /// When its time is over, if it ever is.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        match self.what {
            What::Expiring(after_ms) => Some(self.at_ms + after_ms),
            _ => None,
        }
    }

    fn edits(&self, of: u64) -> bool {
        let edit = matches!(&self.what, What::Alter(Alteration::Edited { seq, .. }) if *seq == of);
        edit && self.erased.is_none()
    }

    fn is_in_thread(&self, of: u64) -> bool {
        self.what == What::Reply(of) && self.erased.is_none()
    }
}

impl World {
    /// Whether somebody may refer to what a message refers to.
    pub(super) fn refers(&self, by: usize, to: usize, what: &What, now_ms: u64) -> Refused<()> {
        let room = &self.rooms[to];
        let (seq, alteration) = match what {
            What::Reply(of) => (*of, None),
            What::Alter(alteration) => (alteration.seq(), Some(alteration)),
            _ => return Ok(()),
        };
        if CHATS[to].starts_with("room:") {
            return Err(RejectCode::NoSuchChat);
        }
        let is_group = CHATS[to].starts_with("group:");
        let rank = if is_group { room.standing.rank(by) } else { Role::Member };
        if is_group {
            if !room.standing.members.contains(&by) || room.standing.over {
                return Err(RejectCode::NoSuchChat);
            }
            let keeps_order =
                matches!(alteration, Some(Alteration::Recalled { .. } | Alteration::Pinned { .. }));
            let mute = room.parts[&by].muted_until_ms > now_ms
                || (room.standing.rules.only_admins_write && rank == Role::Member);
            if mute && !keeps_order {
                return Err(RejectCode::Muted);
            }
        }
        let pins = matches!(alteration, Some(Alteration::Pinned { .. }));
        if pins && is_group && rank == Role::Member {
            return Err(RejectCode::NotAllowed);
        }
        let seen = room.parts.get(&by).is_some_and(|part| part.visible().contains(&seq));
        if !seen {
            return Err(RejectCode::Invalid);
        }
        let line = &room.log[usize::try_from(seq - 1).expect("logs are short here")];
        let free = matches!(alteration, None | Some(Alteration::Pinned { unpinned: true, .. }));
        let is_over = line.expires_ms().is_some_and(|expires_ms| expires_ms <= now_ms);
        if !free && (!line.is_body() || is_over) {
            return Err(RejectCode::Invalid);
        }
        let late = |within: u64| within == 0 || now_ms - line.at_ms > within;
        match alteration {
            Some(Alteration::Edited { .. }) if line.by != by => Err(RejectCode::NotAllowed),
            Some(Alteration::Edited { .. }) if late(self.rules.edit_ms) => Err(RejectCode::TooLate),
            Some(Alteration::Edited { .. })
                if room.log.iter().filter(|line| line.edits(seq)).count() >= EDITS_MAX =>
            {
                Err(RejectCode::LimitReached)
            }
            Some(Alteration::Recalled { .. }) => {
                let own = line.by == by;
                let plain = room.standing.rank(line.by) == Role::Member;
                let always = match rank {
                    Role::Owner => true,
                    Role::Admin => own || plain,
                    Role::Member => false,
                };
                match (always, own) {
                    (false, false) => Err(RejectCode::NotAllowed),
                    (false, true) if late(self.rules.recall_ms) => Err(RejectCode::TooLate),
                    _ => Ok(()),
                }
            }
            Some(Alteration::Pinned { unpinned: false, .. })
                if room.pins.len() >= PINS_MAX && !room.pins.contains(&seq) =>
            {
                Err(RejectCode::LimitReached)
            }
            _ => Ok(()),
        }
    }
}

impl Room {
    /// When the time of what is there is over, and its seq.
    pub(super) fn expiries(&self) -> impl Iterator<Item = (u64, u64)> {
        let lines = (1_u64..).zip(&self.log).filter(|(_, line)| line.erased.is_none());
        lines.filter_map(|(seq, line)| Some((line.expires_ms()?, seq)))
    }

    /// The time of an entry is over.
    pub(super) fn expire(&mut self, of: u64) {
        self.erase(of, Erasure::Expired { of });
    }

    fn erase(&mut self, of: u64, why: Erasure) {
        for (at, line) in (1..).zip(&mut self.log) {
            if at == of || line.edits(of) {
                line.erased = Some(why);
            }
        }
        self.pins.remove(&of);
    }

    /// What a reader finds of an entry, if it is gone by then.
    pub(super) fn left(&self, seq: u64, now_ms: u64) -> Option<Erasure> {
        let line = &self.log[index(seq)];
        let of = match &line.what {
            What::Alter(Alteration::Edited { seq: of, .. }) => *of,
            _ => seq,
        };
        let expires_ms = self.log[index(of)].expires_ms();
        let is_over = expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms);
        line.erased.or_else(|| is_over.then_some(Erasure::Expired { of }))
    }

    /// What the last message does to others.
    pub(super) fn alter(&mut self, what: &What) {
        let by = self.log.len() as u64;
        match what {
            What::Alter(Alteration::Recalled { seq }) => {
                self.erase(*seq, Erasure::Recalled { by });
            }
            What::Alter(Alteration::Pinned { seq, unpinned: false }) => {
                self.pins.insert(*seq);
            }
            What::Alter(Alteration::Pinned { seq, unpinned: true }) => {
                self.pins.remove(seq);
            }
            _ => {}
        }
    }
}

/// What is pinned, and the threads.
pub(super) fn compare(view: &View, user: &UserId, chat: &ChatId, (room, part): (&Room, &Part)) {
    const READ: &str = "what was written can be read";
    let visible = part.visible();
    let pins: Vec<u64> = room.pins.iter().filter(|seq| visible.contains(seq)).copied().collect();
    assert_eq!(view.pins(user, chat).expect(READ), pins, "what {user} sees pinned in {chat}");
    for of in 1..4 {
        let lines = (1_u64..).zip(&room.log);
        let thread = lines.filter(|(seq, line)| line.is_in_thread(of) && visible.contains(seq));
        let thread: Vec<u64> = thread.map(|(seq, _)| seq).collect();
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let asked = Thread { chat: chat.clone(), of, after };
            let limit = PageLimit { items: 2, bytes: usize::MAX };
            let page = view.thread(user, &asked, limit).expect(READ);
            found.extend(page.items.iter().map(|logged| logged.seq));
            after = found.last().copied().unwrap_or(0);
            if !page.more {
                break;
            }
        }
        assert_eq!(found, thread, "the thread {of} of {chat} for {user}");
    }
}
