//! Who watches whom, and what was told of whom last. Must never hold anything for a session that
//! watches nobody, nor for a user whom nobody watches.

use std::sync::Arc;

use ahash::{HashMap, HashSet};
use bytes::Bytes;
use packetboat_proto::id::{SessionId, UserId};
use packetboat_proto::limits::WATCHED_MAX;
use packetboat_proto::packet::{Notice, Packet, Presence};

use crate::store::{Profile, ReceiptRule, Relation};

use super::mailbox::{Hint, Mailbox};
use super::presence::{There, may_see_presence, presence_for};

/// Who watches whom.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watched: HashMap<UserId, Watched>,
    by_session: HashMap<SessionId, HashSet<UserId>>,
    /// Those who are watched and of whom there may be news.
    changed: HashSet<UserId>,
}

/// A user who is watched.
#[derive(Debug, Default)]
struct Watched {
    watchers: HashMap<SessionId, Watcher>,
    /// What is kept of its presence, once it was read.
    profile: Option<Profile>,
    /// What was told last; `None`: not all that watch it were told the same.
    told: Option<(There, Profile)>,
    /// It was online after it was last looked at, or then.
    was_there: bool,
    /// When it went last; 0: never, or not known.
    gone_ms: u64,
}

#[derive(Debug)]
struct Watcher {
    mailbox: Arc<Mailbox>,
    viewer: UserId,
    /// How the user who is watched stands to it, once that was read.
    relation: Option<Relation>,
}

/// A session would watch more users than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyWatched;

impl Watches {
    /// A session watches users from now on, and others no more: all of it is done, or nothing.
    pub(super) fn watch(
        &mut self,
        viewer: &UserId,
        mailbox: &Arc<Mailbox>,
        add: &[UserId],
        remove: &[UserId],
    ) -> Result<(), TooManyWatched> {
        let session = mailbox.session();
        let mut watches = self.by_session.remove(&session).unwrap_or_default();
        let before = watches.clone();
        watches.retain(|user| !remove.contains(user));
        watches.extend(add.iter().cloned());
        if watches.len() > WATCHED_MAX {
            self.by_session.insert(session, before);
            return Err(TooManyWatched);
        }
        for user in before.difference(&watches) {
            self.unwatch(session, user);
        }
        for user in watches.difference(&before) {
            let watcher =
                Watcher { mailbox: Arc::clone(mailbox), viewer: viewer.clone(), relation: None };
            self.watched.entry(user.clone()).or_default().watchers.insert(session, watcher);
        }
        if !watches.is_empty() {
            self.by_session.insert(session, watches);
        }
        Ok(())
    }

    fn unwatch(&mut self, session: SessionId, user: &UserId) {
        if let Some(watched) = self.watched.get_mut(user) {
            watched.watchers.remove(&session);
            if watched.watchers.is_empty() {
                self.watched.remove(user);
                self.changed.remove(user);
            }
        }
    }

    /// A session has ended.
    pub(super) fn leave(&mut self, session: SessionId) {
        for user in self.by_session.remove(&session).unwrap_or_default() {
            self.unwatch(session, &user);
        }
    }

    /// What a session is told of a user whom it has begun to watch, with what was read of it.
    pub(super) fn first(
        &mut self,
        (viewer, session): (&UserId, SessionId),
        user: &UserId,
        there: There,
        (read, relation): (&Profile, Relation),
    ) -> Presence {
        let Some(watched) = self.watched.get_mut(user) else {
            return presence_for(viewer, user, there, (read, relation));
        };
        let watcher = watched.watchers.get_mut(&session);
        let relation = match watcher {
            Some(watcher) => *watcher.relation.get_or_insert(relation),
            None => relation,
        };
        watched.was_there |= there.online;
        watched.gone_ms = watched.gone_ms.max(read.last_seen_ms);
        // What was set meanwhile is newer than what was read.
        let profile = watched.profile.get_or_insert_with(|| read.clone());
        let profile = Profile { last_seen_ms: watched.gone_ms, ..profile.clone() };
        let told = presence_for(viewer, user, there, (&profile, relation));
        let now = Some((there, shown(profile)));
        if watched.told != now {
            // Others were told otherwise, and this one is told as much as they in the next round.
            watched.told = None;
            self.changed.insert(user.clone());
        }
        told
    }

    /// A user has come or gone, or is away: it was there just now.
    pub(super) fn touch(&mut self, user: &UserId) -> bool {
        let Some(watched) = self.watched.get_mut(user) else { return false };
        watched.was_there = true;
        self.changed.insert(user.clone())
    }

    /// There may be news of a user still.
    pub(super) fn put_back(&mut self, user: &UserId) -> bool {
        self.watched.contains_key(user) && self.changed.insert(user.clone())
    }

    /// A user says other things of itself.
    pub(super) fn set_profile(&mut self, user: &UserId, profile: Profile) -> bool {
        match self.watched.get_mut(user) {
            Some(watched) => {
                watched.profile = Some(profile);
                self.changed.insert(user.clone())
            }
            None => false,
        }
    }

    /// How a user stands to another has changed. Whether anybody is to be told otherwise for that.
    pub(super) fn relate(&mut self, user: &UserId, other: &UserId, relation: Relation) -> bool {
        let Some(watched) = self.watched.get_mut(user) else { return false };
        let mut any = false;
        for watcher in watched.watchers.values_mut().filter(|watcher| watcher.viewer == *other) {
            watcher.relation = Some(relation);
            any = true;
        }
        if any {
            watched.told = None;
            self.changed.insert(user.clone());
        }
        any
    }

    /// Some of those of whom there may be news, which are told of next; and whether there are more.
    pub(super) fn take_changed(&mut self, limit: usize) -> (Vec<UserId>, bool) {
        let some: Vec<UserId> = self.changed.iter().take(limit).cloned().collect();
        for user in &some {
            self.changed.remove(user);
        }
        (some, !self.changed.is_empty())
    }

    /// Tells whoever watches a user how it is now, unless they know; how many were told, and of how
    /// many it was lost.
    pub(super) fn tell(&mut self, user: &UserId, there: There, now_ms: u64) -> (usize, u64) {
        // Before what is kept of it was read, nobody was told anything yet.
        let Some((watched, profile)) = self.watched.get_mut(user).and_then(|watched| {
            let profile = watched.profile.clone()?;
            Some((watched, profile))
        }) else {
            return (0, 0);
        };
        if !there.online && std::mem::take(&mut watched.was_there) {
            watched.gone_ms = now_ms;
        }
        let now = (there, shown(profile));
        if watched.told.as_ref() == Some(&now) {
            return (0, 0);
        }
        let last_seen_ms = if there.online { 0 } else { watched.gone_ms };
        let shown = Profile { last_seen_ms, ..now.1.clone() };
        let open = frame(presence_for(user, user, there, (&shown, Relation::default())));
        let hidden = frame(Presence::hidden(user.clone()));
        let mut lost = 0;
        for watcher in watched.watchers.values() {
            // What it is told first is not read yet: that will be as things are then.
            let Some(relation) = watcher.relation else { continue };
            let sees = may_see_presence(&watcher.viewer, user, shown.visible_to, relation);
            let hint = Hint::Presence(user.clone(), if sees { &open } else { &hidden }.clone());
            lost += u64::from(watcher.mailbox.hint(hint) != super::mailbox::Push::Taken);
        }
        watched.told = Some(now);
        (watched.watchers.len(), lost)
    }
}

/// What of a profile others are told as it changes.
fn shown(profile: Profile) -> Profile {
    Profile { last_seen_ms: 0, receipts: ReceiptRule::default(), ..profile }
}

fn frame(presence: Presence) -> Bytes {
    Packet::Notice(Notice::Presence(presence)).to_frame()
}

#[cfg(test)]
mod tests;
