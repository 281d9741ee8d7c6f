//! What the hub does for rooms and for those who watch others. Must never tell more in one round
//! than its bounds: what is left is told in the next.

use packetboat_proto::id::{ChatId, SessionId, UserId};
use packetboat_proto::packet::{KeysNews, Notice, Packet, Presence, RoomCount};
use packetboat_proto::planted::{self, Bug};

use crate::store::{Profile, Relation};

use super::Hub;
use super::mailbox::Hint;
use super::presence::{There, presence_for};
use super::receipts::ReceiptsError;
use super::registry::{JoinError, Registry};
use super::watches::TooManyWatched;

/// Users whose presence one round looks at.
const USERS_PER_ROUND_MAX: usize = 4_096;
/// Notices after which a round ends.
const NOTICES_PER_ROUND_MAX: usize = 200_000;

impl Hub {
    /// Lets a session into a room, in which it may be already.
    pub fn join_room(
        &self,
        user: &UserId,
        session: SessionId,
        room: &ChatId,
    ) -> Result<(), JoinError> {
        self.registry().join_room(user, session, room)?;
        self.news.notify_one();
        Ok(())
    }

    /// Lets a session out of a room.
    pub fn leave_room(&self, user: &UserId, session: SessionId, room: &ChatId) {
        self.registry().leave_room(user, session, room);
        self.news.notify_one();
    }

    /// How many sessions listen to a room.
    pub fn listeners(&self, room: &ChatId) -> u32 {
        u32::try_from(self.registry().of_chat(room).count()).unwrap_or(u32::MAX)
    }

    /// Whether a session's user is away from it.
    pub fn set_away(&self, user: &UserId, session: SessionId, away: bool) {
        if self.registry().set_away(user, session, away) && !planted::is(Bug::PresenceUntold) {
            self.touch(user);
        }
    }

    /// What `viewer` is told of users, with what is kept of them.
    pub fn presences(
        &self,
        viewer: &UserId,
        users: &[UserId],
        kept: &[(Profile, Relation)],
    ) -> Vec<Presence> {
        let there = self.there(users);
        let all = users.iter().zip(there).zip(kept);
        let one =
            |((user, there), (profile, relation)): ((&UserId, There), &(Profile, Relation))| {
                presence_for(viewer, user, there, (profile, *relation))
            };
        all.map(one).collect()
    }

    /// A session watches users from now on, and others no more.
    pub fn watch(
        &self,
        viewer: &UserId,
        session: SessionId,
        add: &[UserId],
        remove: &[UserId],
    ) -> Result<(), TooManyWatched> {
        // Without a seat it is about to end, and watches nobody.
        let Some(mailbox) = self.registry().mailbox(viewer, session) else { return Ok(()) };
        self.watches().watch(viewer, &mailbox, add, remove)
    }

    /// What a session is told of the users whom it has begun to watch.
    pub fn first_presences(
        &self,
        (viewer, session): (&UserId, SessionId),
        users: &[UserId],
        kept: &[(Profile, Relation)],
    ) -> Vec<Presence> {
        let there = self.there(users);
        let mut watches = self.watches();
        let all = users.iter().zip(there).zip(kept);
        let all = all.map(|((user, there), (read, relation))| {
            watches.first((viewer, session), user, there, (read, *relation))
        });
        let told = all.collect();
        drop(watches);
        self.news.notify_one();
        told
    }

    /// A user says other things of itself.
    pub(super) fn profile_set(&self, user: &UserId, profile: Profile) {
        if self.watches().set_profile(user, profile) {
            self.news.notify_one();
        }
    }

    /// How a user stands to another has changed.
    pub(super) fn relate(
        &self,
        registry: &mut Registry,
        (user, other): (&UserId, &UserId),
        relation: Relation,
    ) {
        registry.set_block(user, other, relation.blocked);
        if self.watches().relate(user, other, relation) {
            self.news.notify_one();
        }
    }

    /// A user has come or gone, or is away.
    pub(super) fn touch(&self, user: &UserId) {
        if self.watches().touch(user) {
            self.news.notify_one();
        }
    }

    fn there(&self, users: &[UserId]) -> Vec<There> {
        let registry = self.registry();
        users.iter().map(|user| registry.there(user)).collect()
    }

    /// Tells whoever watches of whom something changed; whether there is more to tell.
    pub(super) fn tell_presence(&self, now_ms: u64) -> bool {
        let (users, mut more) = self.watches().take_changed(USERS_PER_ROUND_MAX);
        let there = self.there(&users);
        let mut told = 0;
        for (user, there) in users.iter().zip(there) {
            if told >= NOTICES_PER_ROUND_MAX {
                more |= self.watches().put_back(user);
                continue;
            }
            // Locked for each: one that many watch takes long.
            let (notices, lost) = self.watches().tell(user, there, now_ms);
            told += notices;
            self.metrics.hints_dropped.add(lost);
        }
        more
    }

    /// Tells those who listen to a room how many they are; whether there are more rooms to tell of.
    pub(super) fn tell_counts(&self) -> bool {
        let mut told = 0;
        while told < NOTICES_PER_ROUND_MAX {
            let mut registry = self.registry();
            let Some((room, count)) = registry.rooms_mut().next_recount() else { return false };
            let listeners = u32::try_from(count).unwrap_or(u32::MAX);
            let count = RoomCount { room: room.clone(), listeners };
            let frame = Packet::Notice(Notice::RoomCount(count)).to_frame();
            for mailbox in registry.of_chat(&room) {
                self.hint(mailbox, Hint::RoomCount(room.clone(), frame.clone()));
                told += 1;
            }
        }
        self.has_counts()
    }

    /// A session is told of receipts of groups from now on, and of others no more.
    pub fn watch_receipts(
        &self,
        user: &UserId,
        session: SessionId,
        add: &[ChatId],
        remove: &[ChatId],
    ) -> Result<(), ReceiptsError> {
        self.registry().watch_receipts(user, session, add, remove)
    }

    /// Tells those who watch a group's receipts that they have moved; whether there are more groups
    /// to tell of.
    pub(super) fn tell_receipts(&self) -> bool {
        let mut told = 0;
        while told < NOTICES_PER_ROUND_MAX {
            let mut registry = self.registry();
            let Some((group, to)) = registry.receipts_mut().next_moved() else { return false };
            let frame = Packet::Notice(Notice::Receipts(group.clone())).to_frame();
            for mailbox in to {
                self.hint(mailbox, Hint::Receipts(group.clone(), frame.clone()));
                told += 1;
            }
        }
        self.registry().receipts_mut().has_moved()
    }

    /// A session is told of a user's keys from now on, unless that one blocks its user.
    pub fn watch_keys(&self, user: &UserId, session: SessionId, of: &UserId) {
        self.registry().watch_keys(user, session, of);
    }

    /// A device has few one-time keys left, which it is told; or its identity is another, which the
    /// herald tells others.
    pub(super) fn keys_news(&self, registry: &mut Registry, news: KeysNews) {
        if news.device.state.is_none() {
            if registry.keys_mut().changed(news) {
                self.news.notify_one();
            }
            return;
        }
        let frame = Packet::Notice(Notice::Keys(news.clone())).to_frame();
        let own = registry.of_user(news.user.as_str());
        for mailbox in own.filter(|mailbox| mailbox.device() == Some(&news.device.device)) {
            self.hint(mailbox, Hint::Notice(frame.clone()));
        }
    }

    /// Tells who asked for users' keys whose identity is another; whether there is more to tell.
    pub(super) fn tell_keys(&self) -> bool {
        let mut told = 0;
        while told < NOTICES_PER_ROUND_MAX {
            let mut registry = self.registry();
            let Some((news, to)) = registry.keys_mut().next_news() else { return false };
            let frame = Packet::Notice(Notice::Keys(news)).to_frame();
            for mailbox in to {
                self.hint(mailbox, Hint::Notice(frame.clone()));
                told += 1;
            }
        }
        self.registry().keys_mut().has_news()
    }

    /// Whether there are rooms to tell of.
    pub(super) fn has_counts(&self) -> bool {
        self.registry().rooms_mut().has_changed()
    }
}
