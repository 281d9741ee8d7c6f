//! A session takes its device, and gives its user back. Must never leave a device that is known
//! and whose cursors are not all written: its row is the last thing that is made.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, UserId};

use super::turn::Turn;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::{Place, Seen, number};
use crate::store::{Claim, Claimed, Effect, Refusal, Start};

/// Chats whose cursors are written in one step.
const CLAIM_CHATS_PER_STEP: usize = 100;
/// Operations of one step: the cursors, or the rows of the user and the device.
pub(crate) const CLAIM_OPERATIONS_MAX: usize = CLAIM_CHATS_PER_STEP + 2;

/// How far a claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimStep {
    /// Go on after this chat.
    After(ChatId),
    /// It is done.
    Done(Claimed),
    /// It may not be done.
    Refused(Refusal),
}

impl Turn<'_> {
    /// Does one step of a claim. A claim that a crash cuts short starts again at its beginning.
    pub(crate) fn claim(
        &mut self,
        claim: &Claim,
        after: Option<&ChatId>,
    ) -> Result<ClaimStep, ReadError> {
        let by_name = key::device(&claim.user, &claim.device);
        if after.is_none() && self.get(&by_name)?.is_some() {
            let has_chats = self.hand_over(claim)?;
            return Ok(ClaimStep::Done(Claimed { new_device: false, has_chats }));
        }
        if after.is_none() && !self.has_room_for_device(&claim.user)? {
            let max = self.rules.devices_per_user_max;
            let reason = format!("a user has at most {max} devices here");
            return Ok(ClaimStep::Refused(Refusal::new(RejectCode::LimitReached, reason)));
        }
        let places = self.rows(&key::places(&claim.user, after), CLAIM_CHATS_PER_STEP)?;
        let mut last = None;
        for (row, value) in &places {
            let chat = key::last_chat(row)?;
            self.start_cursor(claim, &chat, &Place::decode(value)?)?;
            last = Some(chat);
        }
        if let Some(last) = last.filter(|_| places.len() == CLAIM_CHATS_PER_STEP) {
            return Ok(ClaimStep::After(last));
        }
        let now = Seen { first_ms: self.now_ms, last_ms: self.now_ms };
        let user = key::user(&claim.user);
        if self.get(&user)?.is_none() {
            self.put(user, now.to_value());
        }
        self.put(by_name, now.to_value());
        let has_chats = self.hand_over(claim)?;
        Ok(ClaimStep::Done(Claimed { new_device: true, has_chats }))
    }

    fn has_room_for_device(&self, user: &UserId) -> Result<bool, ReadError> {
        let max = self.rules.devices_per_user_max as usize;
        Ok(self.rows(&key::devices(user), max)?.len() < max)
    }

    fn start_cursor(
        &mut self,
        claim: &Claim,
        chat: &ChatId,
        place: &Place,
    ) -> Result<(), ReadError> {
        let default = place.before_owed();
        let lowest = place.spans.before_first();
        let start = match claim.start {
            Start::Undelivered => place.delivered.max(default),
            Start::Everything => lowest,
            Start::Last(entries) => {
                let last = self.last_visible(place, chat)?;
                place.spans.before_last(entries.into(), last)
            }
            Start::Newest => self.last_visible(place, chat)?,
        };
        let start = start.max(lowest);
        let cursor = key::cursor(&claim.user, &claim.device, chat);
        if start != default {
            self.put(cursor, number(start));
        } else if self.get(&cursor)?.is_some() {
            // Left by a claim that a crash cut short, which may have had another start.
            self.remove(cursor);
        }
        Ok(())
    }

    /// Whether the user has, or had, a place in a chat.
    fn hand_over(&mut self, claim: &Claim) -> Result<bool, ReadError> {
        let places = self.rows(&key::places_in_groups(&claim.user), usize::MAX)?;
        let has_chats =
            !places.is_empty() || !self.rows(&key::places(&claim.user, None), 1)?.is_empty();
        let mut groups = Vec::with_capacity(places.len());
        for (row, value) in &places {
            if Place::decode(value)?.spans.is_open() {
                groups.push(key::last_chat(row)?);
            }
        }
        self.emit(Effect::Claimed {
            user: claim.user.clone(),
            device: claim.device.clone(),
            session: claim.session,
            groups,
        });
        Ok(has_chats)
    }

    /// A session of the user has ended.
    pub(crate) fn release(&mut self, user: &UserId) -> Result<(), ReadError> {
        let row = key::user(user);
        if let Some(value) = self.get(&row)? {
            let seen = Seen::from_value(&value)?;
            let last_ms = seen.last_ms.max(self.now_ms);
            self.put(row, Seen { last_ms, ..seen }.to_value());
        }
        Ok(())
    }
}
