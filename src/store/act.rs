//! What a user asks to have changed by a request, and what comes of it. Must never hold a message
//! otherwise than as a draft.

use packetboat_proto::content::JoinProof;
use packetboat_proto::id::{ChatId, InviteId, UserId};
use packetboat_proto::packet::{Invitation, JoinState, ScheduledName};

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
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It is as it was to be.
    Done,
    /// How a wish to come in stands.
    Asked(JoinState),
}
