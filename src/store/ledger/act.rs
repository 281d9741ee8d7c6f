//! What a user asks to have changed by a request, handed to the rules of what it is about. Must
//! never decide anything but that a full disk takes nothing.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;

use super::contact::CONTACT_OPERATIONS_MAX;
use super::device::REMOVE_OPERATIONS_MAX;
use super::joining::JOINING_OPERATIONS_MAX;
use super::keys::KEYS_OPERATIONS_MAX;
use super::own::ITEM_OPERATIONS;
use super::schedule::SCHEDULED_OPERATIONS_MAX;
use super::turn::{Halt, Turn, refuse};
use crate::store::act::{Act, Acted};

/// The most operations of an act.
pub(crate) const ACT_OPERATIONS_MAX: usize = if JOINING_OPERATIONS_MAX > KEYS_OPERATIONS_MAX {
    JOINING_OPERATIONS_MAX
} else {
    KEYS_OPERATIONS_MAX
};

const _: () = assert!(ITEM_OPERATIONS <= ACT_OPERATIONS_MAX);
const _: () = assert!(CONTACT_OPERATIONS_MAX <= ACT_OPERATIONS_MAX);
const _: () = assert!(REMOVE_OPERATIONS_MAX <= ACT_OPERATIONS_MAX);
const _: () = assert!(2 * SCHEDULED_OPERATIONS_MAX <= ACT_OPERATIONS_MAX, "one replaces another");

impl Turn<'_> {
    /// Does what a user asks for, or a step of it. `None`: there are further steps.
    pub(crate) fn act(&mut self, user: &UserId, act: &Act) -> Result<Option<Acted>, Halt> {
        // Who has lost a device is let go of it whatever the disk.
        let takes_room = !matches!(act, Act::LogOut { .. } | Act::LogOutOthers { .. });
        if self.full && takes_room {
            return refuse(RejectCode::StoreFull, "the server's disk is nearly full");
        }
        let acted = match act {
            Act::Invite { chat, invitation } => self.invite(user, chat, invitation),
            Act::Uninvite { chat, id } => self.uninvite(user, chat, *id),
            Act::AskToJoin { chat, proof } => self.ask_to_join(user, chat, proof.as_ref()),
            Act::RefuseJoin { chat, users } => self.refuse_join(user, chat, users),
            Act::Schedule { draft, at_ms } => self.schedule(user, draft, *at_ms),
            Act::Unschedule(name) => Ok(self.unschedule(user, name)?),
            Act::LogOut { device } => self.log_out(user, device),
            Act::LogOutOthers { but } => return self.log_out_others(user, but),
            Act::SetContact(set) => self.set_contact(user, set),
            Act::SetBlock(block) => self.set_block(user, block),
            Act::SetMarks(set) => self.set_marks(user, set),
            Act::SetDraft(draft) => self.set_draft(user, draft),
            Act::Hide { chat, ranges } => self.hide(user, chat, ranges),
            Act::PublishKeys { device, keys } => {
                Ok(Acted::Published(self.publish_keys(user, device, keys)?))
            }
            Act::ClaimKey { claim, of, device } => {
                let bundle = self.claim_key(user, *claim, (of, device))?;
                Ok(Acted::Key(Box::new(bundle)))
            }
            Act::SetReceipts(rule) => {
                self.set_receipts(user, *rule)?;
                Ok(Acted::Done)
            }
        };
        acted.map(Some)
    }
}
