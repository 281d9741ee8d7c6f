//! What a user asks to have changed by a request, and what comes of it. Must never hold a message
//! otherwise than as a draft.

use packetboat_proto::content::JoinProof;
use packetboat_proto::id::{ChatId, ClaimId, DeviceId, InviteId, UserId};
use packetboat_proto::packet::{
    Block, ChatDraft, Invitation, JoinState, KeyBundle, KeysState, PublishKeys, ReceiptRule,
    ScheduledName, SetContact, SetMarks,
};
use packetboat_proto::seqs::SeqRange;

use super::draft::Draft;

/// What a user asks to have changed. Each sets something to a value, so that asking again after a
/// lost answer does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes an invitation, or changes the one of that id.
    Invite {
        /// To which group.
        chat: ChatId,
        /// The invitation.
        invitation: Invitation,
    },
    /// Takes an invitation back.
    Uninvite {
        /// To which group.
        chat: ChatId,
        /// Which.
        id: InviteId,
    },
    /// Asks to come into a group.
    AskToJoin {
        /// Which.
        chat: ChatId,
        /// By which invitation, if not by the group's rule.
        proof: Option<JoinProof>,
    },
    /// Has a message sent later, instead of what was to be sent under its name before.
    Schedule {
        /// The message.
        draft: Box<Draft>,
        /// When, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// Does not have it sent.
    Unschedule(ScheduledName),
    /// Does not let in who asks.
    RefuseJoin {
        /// Into which group.
        chat: ChatId,
        /// Who.
        users: Vec<UserId>,
    },
    /// Logs out one of the user's devices.
    LogOut {
        /// Which.
        device: DeviceId,
    },
    /// Logs out all of the user's devices but one.
    LogOutOthers {
        /// The one.
        but: DeviceId,
    },
    /// Changes what it knows of another user.
    SetContact(SetContact),
    /// Wants to hear nothing of another user, or does so again.
    SetBlock(Block),
    /// Wants a chat to be shown otherwise.
    SetMarks(SetMarks),
    /// Has begun to write something in a chat, or to write it no more.
    SetDraft(ChatDraft),
    /// Deletes entries for itself.
    Hide {
        /// Of which chat.
        chat: ChatId,
        /// Which.
        ranges: Vec<SeqRange>,
    },
    /// Tells others what the user has read, or tells them no more.
    SetReceipts(ReceiptRule),
    /// The keys of the user's device are these, and more one-time keys.
    PublishKeys {
        /// Which.
        device: DeviceId,
        /// They.
        keys: PublishKeys,
    },
    /// Is given what it takes to write to a device.
    ClaimKey {
        /// The same again is given the same.
        claim: ClaimId,
        /// Whose device.
        of: UserId,
        /// Which.
        device: DeviceId,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It is as it was to be.
    Done,
    /// How a wish to come in stands.
    Asked(JoinState),
    /// An item of the user's own state is set; the revision that it has, or 0 if there is none.
    Set(u64),
    /// How many one-time keys a device has.
    Published(KeysState),
    /// What it takes to write to a device.
    Key(Box<KeyBundle>),
}
