//! Who may change an entry, and what that changes. Must never write before everything is checked.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Erasure, Role};
use packetboat_proto::id::{ChatId, ChatKind, UserId};
use packetboat_proto::limits::{EDITS_MAX, PINS_MAX};

use super::group::Deed;
use super::refer::Target;
use super::turn::{Halt, Turn, refuse};
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::{Draft, Reference};

/// Operations for what an entry refers to: the row by which it is found from there, and whom it
/// mentions.
pub(super) const REFERENCE_OPERATIONS: usize = 2;

/// What becomes of other entries.
pub(super) enum Consequence {
    Nothing,
    Threaded(u64),
    Edited(u64),
    Recalled(Box<Target>),
    Pinned(u64),
    Unpinned(u64),
}

impl Turn<'_> {
    /// Refuses who may not say this in this chat now, whatever it is about.
    pub(super) fn check_may_say(&mut self, deed: &Deed<'_>, draft: &Draft) -> Result<(), Halt> {
        match (deed.chat.kind(), draft.alteration()) {
            // Who is mute takes back what it said, and an admin keeps the group in order.
            (ChatKind::Group(_), Some(Alteration::Recalled { .. } | Alteration::Pinned { .. })) => {
                self.check_is_in(deed.chat, deed.sender).map(drop)
            }
            (ChatKind::Group(_), _) => self.check_may_write(deed.chat, deed.sender),
            // Whether it may write is looked at last: from then on it has.
            (ChatKind::Room(_), _) => self.check_is_said_in_rooms(deed.chat, draft),
            // Who is blocked takes back what it said, too.
            (ChatKind::Direct(..), Some(Alteration::Recalled { .. })) => Ok(()),
            (ChatKind::Direct(..), _) => self.check_may_write_to(deed.chat, deed.sender),
        }
    }

    /// Checks what a draft refers to: what becomes of that.
    pub(super) fn checked_reference(
        &mut self,
        deed: &Deed<'_>,
        draft: &Draft,
    ) -> Result<Consequence, Halt> {
        match &draft.refers {
            None => Ok(Consequence::Nothing),
            Some(Reference::Context(context)) => {
                self.check_context(deed, context, draft)?;
                Ok(match context.thread {
                    0 => Consequence::Nothing,
                    thread => Consequence::Threaded(thread),
                })
            }
            Some(Reference::Alteration(alteration)) => match alteration {
                Alteration::Edited { seq, .. } => self.checked_edit(deed, *seq),
                Alteration::Recalled { seq } => self.checked_recall(deed, *seq),
                Alteration::Reacted { seq, .. } => {
                    self.target(deed, *seq)?;
                    Ok(Consequence::Nothing)
                }
                Alteration::Pinned { seq, unpinned } => self.checked_pin(deed, *seq, *unpinned),
            },
        }
    }

    /// What becomes of other entries.
    pub(super) fn carry_out(
        &mut self,
        deed: &Deed<'_>,
        consequence: Consequence,
    ) -> Result<(), ReadError> {
        match consequence {
            Consequence::Nothing => {}
            Consequence::Threaded(of) => {
                self.put(key::thread(deed.chat, of, deed.seq), Vec::new());
            }
            Consequence::Edited(of) => self.put(key::edit(deed.chat, of, deed.seq), Vec::new()),
            Consequence::Pinned(seq) => self.put(key::pin(deed.chat, seq), Vec::new()),
            Consequence::Unpinned(seq) => self.remove(key::pin(deed.chat, seq)),
            Consequence::Recalled(target) => {
                self.erase(deed.chat, *target, Erasure::Recalled { by: deed.seq })?;
            }
        }
        Ok(())
    }

    fn checked_edit(&mut self, deed: &Deed<'_>, seq: u64) -> Result<Consequence, Halt> {
        let target = self.target(deed, seq)?;
        if target.file.is_some() {
            return refuse(RejectCode::Invalid, "a file says what it says");
        }
        if target.entry.sender != *deed.sender {
            return refuse(RejectCode::NotAllowed, "only its sender edits an entry");
        }
        self.check_in_time(target.entry.at_ms, self.rules.edit_ms)?;
        if self.rows(&key::edits(deed.chat, seq), EDITS_MAX)?.len() == EDITS_MAX {
            let reason = format!("an entry is edited {EDITS_MAX} times at most");
            return refuse(RejectCode::LimitReached, reason);
        }
        Ok(Consequence::Edited(seq))
    }

    fn checked_recall(&mut self, deed: &Deed<'_>, seq: u64) -> Result<Consequence, Halt> {
        let target = self.target(deed, seq)?;
        let own = target.entry.sender == *deed.sender;
        let at_any_time = match self.rank(deed.sender, deed.chat)? {
            Role::Member => false,
            Role::Owner => true,
            Role::Admin => own || self.rank(&target.entry.sender, deed.chat)? == Role::Member,
        };
        if !at_any_time {
            if !own {
                return refuse(RejectCode::NotAllowed, "you may not recall what another has said");
            }
            self.check_in_time(target.entry.at_ms, self.rules.recall_ms)?;
        }
        Ok(Consequence::Recalled(Box::new(target)))
    }

    fn checked_pin(
        &mut self,
        deed: &Deed<'_>,
        seq: u64,
        unpinned: bool,
    ) -> Result<Consequence, Halt> {
        if matches!(deed.chat.kind(), ChatKind::Group(_))
            && self.rank(deed.sender, deed.chat)? == Role::Member
        {
            return refuse(RejectCode::NotAllowed, "only the owner and the admins pin here");
        }
        if unpinned {
            self.check_seen(deed, seq)?;
            return Ok(Consequence::Unpinned(seq));
        }
        self.target(deed, seq)?;
        let pins = self.rows(&key::pins(deed.chat), PINS_MAX)?;
        let own = key::pin(deed.chat, seq);
        if pins.len() == PINS_MAX && !pins.iter().any(|(pin, _)| *pin == own) {
            let reason = format!("at most {PINS_MAX} entries are pinned in a chat");
            return refuse(RejectCode::LimitReached, reason);
        }
        Ok(Consequence::Pinned(seq))
    }

    /// What a user is in a chat. In a direct chat nobody is more than the other, and who is out of
    /// a group is a member like others.
    fn rank(&self, user: &UserId, chat: &ChatId) -> Result<Role, ReadError> {
        match chat.kind() {
            ChatKind::Group(_) => {
                Ok(self.place(user, chat)?.map_or(Role::Member, |place| place.rank))
            }
            ChatKind::Room(_) => self.rank_in_room(user, chat),
            ChatKind::Direct(..) => Ok(Role::Member),
        }
    }

    fn check_in_time(&self, at_ms: u64, within_ms: u64) -> Result<(), Halt> {
        if within_ms > 0 && self.now_ms.saturating_sub(at_ms) <= within_ms {
            return Ok(());
        }
        refuse(RejectCode::TooLate, format!("only for {within_ms} ms that may be done"))
    }
}
