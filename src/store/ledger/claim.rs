//! A session takes its device, and gives its user back. Must never leave a device that is known
//! and whose cursors are not all written: its row is the last thing that is made.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::planted::{self, Bug};

use super::turn::Turn;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::device::DeviceRow;
use crate::store::record::{Place, Seen, number};
use crate::store::{Claim, Claimed, Effect, Refusal, Start};

/// Chats whose cursors are written in one step.
const CLAIM_CHATS_PER_STEP: usize = 100;
/// Operations of one step: the cursors; the rows of the user and the device, and that of a device
/// of that name that is gone.
pub(crate) const CLAIM_OPERATIONS_MAX: usize = CLAIM_CHATS_PER_STEP + 3;

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
        if after.is_none()
            && let Some(step) = self.claim_at_once(claim)?
        {
            return Ok(step);
        }
        let places = self.rows(&key::places(&claim.user, after), CLAIM_CHATS_PER_STEP)?;
        let mut last = None;
        for (row, value) in &places {
            let chat = key::last_chat(row)?;
            self.start_cursor(claim, &chat, &Place::decode(value)?)?;
            last = Some(chat);
        }
        if let Some(last) = last.filter(|_| places.len() == CLAIM_CHATS_PER_STEP) {
            if after.is_none() {
                // Its cursors are to be removed if it does not come to its end.
                self.put(key::device::gone_device(&claim.user, &claim.device), Vec::new());
            }
            return Ok(ClaimStep::After(last));
        }
        let number = self.count_device(&claim.user)?;
        let row = DeviceRow::new(self.now_ms, number, &claim.label);
        self.put(key::device::row(&claim.user, &claim.device), row.to_value());
        // Its cursors are those that this claim has written: none is left to be removed.
        let gone = key::device::gone_device(&claim.user, &claim.device);
        if self.get(&gone)?.is_some() {
            self.remove(gone);
        }
        let has_chats = self.hand_over(claim)?;
        Ok(ClaimStep::Done(Claimed { new_device: true, has_chats, number }))
    }

    /// What comes of a claim that needs no cursors: that of a device that is known, or one that is
    /// refused.
    fn claim_at_once(&mut self, claim: &Claim) -> Result<Option<ClaimStep>, ReadError> {
        let refused = |code, reason: String| ClaimStep::Refused(Refusal::new(code, reason));
        let known = self.device_row(&claim.user, &claim.device)?;
        let number = known.as_ref().map(|row| row.number);
        let strange = claim.by_ticket.is_some() && claim.by_ticket != number;
        if strange && !planted::is(Bug::LogOutKeepsTicket) {
            let reason = "the device was logged out since the ticket was given".to_owned();
            return Ok(Some(refused(RejectCode::NotAllowed, reason)));
        }
        if let Some(row) = known {
            let number = row.number;
            self.note_claim(claim, row);
            let has_chats = self.hand_over(claim)?;
            return Ok(Some(ClaimStep::Done(Claimed { new_device: false, has_chats, number })));
        }
        if !self.has_room_for_device(&claim.user)? {
            let max = self.rules.devices_per_user_max;
            let reason = format!("a user has at most {max} devices here");
            return Ok(Some(refused(RejectCode::LimitReached, reason)));
        }
        Ok(None)
    }

    /// The user has one more device: its number.
    fn count_device(&mut self, user: &UserId) -> Result<u64, ReadError> {
        let (row, now_ms) = (key::user(user), self.now_ms);
        let seen = self.get(&row)?.map(|value| Seen::from_value(&value)).transpose()?;
        let seen = seen.unwrap_or(Seen { first_ms: now_ms, last_ms: now_ms, devices: 0 });
        let devices = seen.devices + 1;
        self.put(row, Seen { devices, ..seen }.to_value());
        Ok(devices)
    }

    fn has_room_for_device(&self, user: &UserId) -> Result<bool, ReadError> {
        let max = self.rules.devices_per_user_max as usize;
        Ok(self.rows(&key::device::devices(user, None), max)?.len() < max)
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
        let cursor = key::device::cursor(&claim.user, &claim.device, chat);
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
            let group = key::last_chat(row)?;
            // Who was in when it was dissolved still has its place, and hears of it no more.
            if Place::decode(value)?.spans.is_open() && !self.gate(&group)?.dissolved {
                groups.push(group);
            }
        }
        self.emit(Effect::Claimed {
            user: claim.user.clone(),
            device: claim.device.clone(),
            session: claim.session,
            platform: claim.label.platform.clone(),
            groups,
            blocked: self.blocked_by(&claim.user)?,
        });
        Ok(has_chats)
    }

    /// A session of the user on that device has ended.
    pub(crate) fn release(&mut self, user: &UserId, device: &DeviceId) -> Result<(), ReadError> {
        self.see_device(user, device)?;
        let row = key::user(user);
        if let Some(value) = self.get(&row)? {
            let seen = Seen::from_value(&value)?;
            let last_ms = seen.last_ms.max(self.now_ms);
            self.put(row, Seen { last_ms, ..seen }.to_value());
        }
        Ok(())
    }
}
