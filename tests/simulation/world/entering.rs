//! Who comes into groups by itself, who is watched, and who types. Must never judge: the files of
//! those do.

use packetboat_proto::id::{ChatId, UserId};

use super::{JUMP_MS, World};
use crate::doors::Deed;
use crate::lookout::Deed as Sight;
use crate::plan::pick;

impl World {
    /// One of the groups, if there are any.
    pub(super) fn some_group(&mut self) -> Option<ChatId> {
        let groups = self.chats.len() - self.plan.groups..;
        self.rng.choice(&self.chats[groups]).cloned()
    }

    /// Some come into a group by themselves, or make or take back a way to do so.
    pub(super) fn come_in(&mut self) {
        let Some(group) = self.some_group() else { return };
        let is_open = self.judges.doors.has_link(&group);
        for _ in 0..self.rng.usize(1..4) {
            let by = self.rng.usize(0..self.people.len());
            let Some(client) = self.people[by].client().cloned() else { continue };
            let comes = self.rng.u8(0..4) > 0;
            if comes && is_open {
                let content = self.judges.doors.joining(&mut self.rng, &group, client.user());
                self.send(by, group.clone(), content);
                continue;
            }
            let deeds = [Deed::Uninvite, Deed::Ask, Deed::Ask, Deed::Refuse];
            let deed = if comes { Deed::Invite } else { pick(&mut self.rng, &deeds) };
            let when = (self.rng.fork(), self.harbour.now_ms(), JUMP_MS.unsigned_abs());
            let who = (client, self.recorder.clone());
            tokio::spawn(self.judges.doors.clone().act(who, group.clone(), deed, when));
        }
    }

    /// Somebody looks who is there, or is seen otherwise.
    pub(super) fn look_out(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let users: Vec<UserId> =
            self.users.iter().filter(|_| self.rng.u8(0..3) > 0).cloned().collect();
        let deed = match self.rng.u8(0..8) {
            0..=2 => Sight::Watch(users),
            3 => Sight::Unwatch(users),
            4 => Sight::Away(self.rng.bool()),
            5 => Sight::Look(users),
            _ => Sight::Say,
        };
        let session = self.people[by].session();
        tokio::spawn(self.judges.lookout.clone().act(client, session, deed));
    }

    /// Somebody types, perhaps where nobody may hear it.
    pub(super) fn whisper(&mut self, by: usize) {
        let chat = self.chats[self.rng.usize(0..self.chats.len())].clone();
        if let Some(client) = self.people[by].client() {
            self.judges.whispers.give(client, &chat);
        }
    }
}
