//! Messages that are sent later, and what is due, as the model sees them. Must never know where a
//! message waits.

use packetboat::store::PageLimit;
use packetboat::store::proof::View;
use packetboat_proto::code::{RejectCode, Retry};
use packetboat_proto::content::Content;
use packetboat_proto::id::MessageId;
use packetboat_proto::limits::{SCHEDULED_AHEAD_MS_MAX, SCHEDULED_BYTES_MAX};
use packetboat_proto::packet::ScheduledName;

use super::model::{CHATS, NAMES, Told, Verdict, World};
use super::names::{chat, user};
use super::saying::draft;
use super::standing::Refused;
use super::what::{Waiting, What};

/// How much later a message is looked at again that could not be sent for now.
const PUT_OFF_MS: u64 = 10_000;

/// What is due: an entry whose time is over, or a message. In the order in which that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Expiry { to: &'static str, of: u64 },
    Send { by: &'static str, to: &'static str, id: u8 },
}

/// The name of a message.
pub(super) fn name(to: usize, id: u8) -> ScheduledName {
    ScheduledName { chat: chat(to), id: MessageId::from([id; 16]) }
}

fn number(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).expect("nobody else is spoken of")
}

impl World {
    /// Somebody has something sent later.
    pub(super) fn schedule(
        &mut self,
        (by, to, id): (usize, usize, u8),
        what: &What,
        at_ms: u64,
        (now_ms, full): (u64, bool),
    ) -> Refused<()> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        let is_strange = CHATS[to].starts_with("dm:") && chat(to).peer_of(&user(by)).is_none();
        let is_word = matches!(what, What::Text(..) | What::Expiring(_) | What::Reply(_));
        if is_strange {
            return Err(RejectCode::NoSuchChat);
        }
        if CHATS[to].starts_with("room:") || !is_word {
            return Err(RejectCode::Unsupported);
        }
        if draft(to, id, what).content.len() > SCHEDULED_BYTES_MAX {
            return Err(RejectCode::TooLarge);
        }
        if at_ms > now_ms.saturating_add(SCHEDULED_AHEAD_MS_MAX) {
            return Err(RejectCode::Invalid);
        }
        if !self.rooms[to].log.iter().any(|line| (line.by, line.id) == (by, id)) {
            let waiting = Waiting { what: what.clone(), at_ms, due_ms: at_ms, failed: None };
            self.waiting.insert((by, to, id), waiting);
        }
        Ok(())
    }

    /// Somebody has something not sent.
    pub(super) fn unschedule(&mut self, name: (usize, usize, u8), full: bool) -> Refused<()> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        self.waiting.remove(&name);
        Ok(())
    }

    /// Does what has been due for longest; whether there was anything.
    pub(super) fn do_next_due(
        &mut self,
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) -> bool {
        let expiries = self.rooms.iter().zip(CHATS).flat_map(|(room, to)| {
            room.expiries().map(move |(expires_ms, of)| (expires_ms, Due::Expiry { to, of }))
        });
        let sends = self.waiting.iter().filter(|(_, waiting)| waiting.failed.is_none());
        let sends = sends.map(|((by, to, id), waiting)| {
            (waiting.due_ms, Due::Send { by: NAMES[*by], to: CHATS[*to], id: *id })
        });
        let next = expiries.chain(sends).min().filter(|(due_ms, _)| *due_ms <= now_ms);
        match next {
            None => return false,
            Some((_, Due::Expiry { to, of })) => self.rooms[number(&CHATS, to)].expire(of),
            Some((_, Due::Send { by, to, id })) => {
                let name = (number(&NAMES, by), number(&CHATS, to), id);
                self.send_due(name, (now_ms, full), told);
            }
        }
        true
    }

    fn send_due(
        &mut self,
        name: (usize, usize, u8),
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) {
        let Waiting { what, .. } = self.waiting[&name].clone();
        let (_, to, id) = name;
        let content = draft(to, id, &what).content;
        let verdict = match Content::decode_sent(&content, SCHEDULED_BYTES_MAX) {
            Ok(_) => self.send(name, &what, (now_ms, full), told),
            Err(error) => Verdict::Refused(error.code()),
        };
        let waiting = self.waiting.get_mut(&name).expect("it waits");
        match verdict {
            Verdict::Stored(_) | Verdict::Duplicate(..) => drop(self.waiting.remove(&name)),
            Verdict::Refused(code) if code.retry() == Retry::Never => {
                waiting.failed = Some(code);
                told.push(Told::NotSent(name));
            }
            Verdict::Refused(_) => waiting.due_ms = now_ms + PUT_OFF_MS,
        }
    }

    /// What waits for somebody.
    pub(super) fn compare_waiting(&self, view: &View, by: usize) {
        let limit = PageLimit { items: 2, bytes: usize::MAX };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = view.scheduled(&user(by), after.as_ref(), limit);
            let page = page.expect("what was written can be read");
            found.extend(page.items);
            if !page.more {
                break;
            }
            after = found.last().map(|last| last.name.clone());
        }
        let found: Vec<_> = found
            .into_iter()
            .map(|it| (it.name, it.content, it.at_ms, it.failed.map(|why| why.code)))
            .collect();
        let own = self.waiting.iter().filter(|((of, ..), _)| *of == by);
        let mut wanted: Vec<_> = own
            .map(|((_, to, id), it)| {
                (name(*to, *id), draft(*to, *id, &it.what).content, it.at_ms, it.failed)
            })
            .collect();
        wanted.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found, wanted, "what waits for {}", NAMES[by]);
    }
}
