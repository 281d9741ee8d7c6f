//! Devices in the model, and the commands that end them. Must never look at a key.

use packetboat::store::Start;
use packetboat::store::act::{Act, Acted};
use packetboat::store::proof::OpenTurn;
use packetboat_proto::code::RejectCode;

use super::model::{CHATS, DEVICES, NAMES, Told, World};
use super::names::{device, user};
use super::standing::Refused;

/// How devices end.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// One is logged out.
    One,
    /// All others are.
    Others,
    /// One is forgotten, or was seen too short a time ago.
    Forgotten(bool),
    /// Some cursors of one that is gone are removed.
    Cleared,
}

impl End {
    /// Each of them.
    pub(super) const ALL: [Self; 5] =
        [Self::One, Self::Others, Self::Forgotten(true), Self::Forgotten(false), Self::Cleared];
}

/// Does one thing on both sides.
pub(super) fn end(
    turn: &mut OpenTurn<'_>,
    world: &mut World,
    (by, on): (usize, usize),
    end: End,
    told: &mut Vec<Told>,
) {
    const READ: &str = "what was written can be read";
    let (of, which) = (user(by), device(on));
    match end {
        End::One => {
            let acted = turn.act(&of, &Act::LogOut { device: which }).expect(READ);
            assert_eq!(acted, Ok(Some(Acted::Done)));
            world.remove_device((by, on), told);
        }
        End::Others => {
            let acted = turn.act(&of, &Act::LogOutOthers { but: which }).expect(READ);
            let other = (0..DEVICES.len())
                .find(|other| *other != on && world.devices.contains_key(&(by, *other)));
            let expected = if other.is_some() { None } else { Some(Acted::Done) };
            assert_eq!(acted, Ok(expected), "one is logged out in a step");
            if let Some(other) = other {
                world.remove_device((by, other), told);
            }
        }
        End::Forgotten(long_ago) => {
            let before_ms = if long_ago { u64::MAX } else { 0 };
            let forgotten = turn.forget_device(&of, &which, before_ms).expect(READ);
            assert_eq!(forgotten, long_ago && world.remove_device((by, on), told));
        }
        End::Cleared => assert_eq!(turn.clear_device().expect(READ), world.clear_device()),
    }
}

impl World {
    /// A session takes its device: whether it is new, and its number; or why it may not.
    pub fn claim(
        &mut self,
        (by, on): (usize, usize),
        start: Start,
        by_ticket: Option<u64>,
        told: &mut Vec<Told>,
    ) -> Refused<(bool, u64)> {
        let known = self.devices.get(&(by, on)).copied();
        if by_ticket.is_some() && by_ticket != known {
            return Err(RejectCode::NotAllowed);
        }
        let devices = self.devices.range((by, 0)..(by + 1, 0)).count();
        if known.is_none() && devices >= self.rules.devices_per_user_max as usize {
            return Err(RejectCode::LimitReached);
        }
        let number = known.unwrap_or_else(|| self.make_device(by, on, start));
        let groups = (0..CHATS.len()).filter(|to| CHATS[*to].starts_with("group:"));
        let is_in = |to: &usize| {
            let standing = &self.rooms[*to].standing;
            standing.members.contains(&by) && !standing.over
        };
        let groups = groups.filter(is_in).collect();
        let blocked = (0..NAMES.len()).filter(|of| self.blocks(by, *of)).collect();
        told.push(Told::Claimed(groups, blocked));
        Ok((known.is_none(), number))
    }

    fn make_device(&mut self, by: usize, on: usize, start: Start) -> u64 {
        let parts = self.rooms.iter_mut().filter_map(|room| room.parts.get_mut(&by));
        parts.for_each(|part| part.start(on, start));
        let number = self.numbers.entry(by).or_default();
        *number += 1;
        self.devices.insert((by, on), *number);
        self.gone.remove(&(by, on));
        self.seen.insert(by);
        *number
    }

    fn remove_device(&mut self, (by, on): (usize, usize), told: &mut Vec<Told>) -> bool {
        let known = self.devices.remove(&(by, on)).is_some();
        if known {
            self.gone.insert((by, on));
            if self.piles.remove((by, on)) {
                told.push(Told::Keys(by, on, None));
            }
            told.push(Told::LoggedOut(by, on));
        }
        known
    }

    fn clear_device(&mut self) -> bool {
        let Some((by, on)) = self.gone.pop_first() else { return false };
        for part in self.rooms.iter_mut().filter_map(|room| room.parts.get_mut(&by)) {
            part.cursors.remove(&on);
        }
        true
    }
}
