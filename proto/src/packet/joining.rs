//! What is asked about coming into a group, and answered (SPEC.md section 5.6). Must never unfold
//! more items than its bounds allow.

use crate::content::JoinProof;
use crate::id::{ChatId, InviteId, UserId};
use crate::limits::{INVITES_MAX, MEMBERS_PER_CHANGE_MAX, PAGE_ITEMS_MAX};
use crate::schema;
use crate::schema::{request, response};

use super::body::{BodyError, optional, text};
use super::invite::{GroupCard, Invitation, JoinRequest, JoinState};

/// What is asked about coming into a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joining {
    /// What there is to see before one comes in.
    Card {
        /// The group.
        chat: ChatId,
        /// That an invitation is known, if it takes one.
        proof: Option<JoinProof>,
    },
    /// Make an invitation, or change the one of that id.
    Invite {
        /// To which group.
        chat: ChatId,
        /// The invitation.
        invitation: Invitation,
    },
    /// Take an invitation back.
    Uninvite {
        /// To which group.
        chat: ChatId,
        /// Which.
        id: InviteId,
    },
    /// The invitations to a group.
    Invites {
        /// Which group.
        chat: ChatId,
    },
    /// Ask to come in.
    Ask {
        /// Where.
        chat: ChatId,
        /// That an invitation is known, if it takes one.
        proof: Option<JoinProof>,
    },
    /// Who asks to come in, in order of user id.
    Requests {
        /// Where.
        chat: ChatId,
        /// After this one.
        after: Option<UserId>,
        /// Requests at most; 0 leaves it to the server.
        limit: u32,
    },
    /// Do not let in who asks.
    Refuse {
        /// Where.
        chat: ChatId,
        /// Who.
        users: Vec<UserId>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// To `Card`.
    Card(GroupCard),
    /// To `Invite`: it is good from now on.
    Invite,
    /// To `Uninvite`: it is good no more.
    Uninvite,
    /// To `Invites`, in order of id.
    Invites(Vec<Invitation>),
    /// To `Ask`: how it stands; `None` is something that this version does not know.
    Ask(Option<JoinState>),
    /// To `Requests`.
    Requests {
        /// In order of user id.
        requests: Vec<JoinRequest>,
        /// There are more.
        more: bool,
    },
    /// To `Refuse`: they are told so.
    Refuse,
}

/// The field numbers of the lists in a `Request`, each with the most that it may hold.
pub(super) const REQUEST_LISTS: [([u32; 2], usize); 1] = [([64, 2], MEMBERS_PER_CHANGE_MAX)];
/// The same in a `Response`.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 2] =
    [([15, 1], INVITES_MAX), ([63, 1], PAGE_ITEMS_MAX as usize)];

fn proof_of(wire: Option<&schema::JoinProof>) -> Result<Option<JoinProof>, BodyError> {
    Ok(wire.cloned().map(JoinProof::from_wire).transpose()?)
}

impl Joining {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::Card(asked) => Self::Card {
                chat: ChatId::new(&asked.chat)?,
                proof: proof_of(asked.proof.as_ref())?,
            },
            Wire::Invite(asked) => {
                let invitation = asked.invitation.as_ref();
                let invitation = invitation.ok_or(BodyError::Missing { field: "invitation" })?;
                Self::Invite {
                    chat: ChatId::new(&asked.chat)?,
                    invitation: Invitation::from_wire(invitation)?,
                }
            }
            Wire::Uninvite(asked) => {
                Self::Uninvite { chat: ChatId::new(&asked.chat)?, id: InviteId::new(&asked.id)? }
            }
            Wire::Invites(asked) => Self::Invites { chat: ChatId::new(&asked.chat)? },
            Wire::AskToJoin(asked) => Self::Ask {
                chat: ChatId::new(&asked.chat)?,
                proof: proof_of(asked.proof.as_ref())?,
            },
            Wire::JoinRequests(asked) => Self::Requests {
                chat: ChatId::new(&asked.chat)?,
                after: optional(&asked.after, UserId::new)?,
                limit: asked.limit,
            },
            Wire::RefuseJoin(asked) => {
                let users = asked.users.iter().map(|user| UserId::new(user));
                Self::Refuse {
                    chat: ChatId::new(&asked.chat)?,
                    users: users.collect::<Result<_, _>>()?,
                }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::Card { chat, proof } => Wire::Card(schema::CardRequest {
                chat: chat.to_string(),
                proof: proof.map(JoinProof::to_wire),
            }),
            Self::Invite { chat, invitation } => Wire::Invite(schema::Invite {
                chat: chat.to_string(),
                invitation: Some(invitation.to_wire()),
            }),
            Self::Uninvite { chat, id } => Wire::Uninvite(schema::Uninvite {
                chat: chat.to_string(),
                id: id.as_bytes().to_vec().into(),
            }),
            Self::Invites { chat } => {
                Wire::Invites(schema::InvitesRequest { chat: chat.to_string() })
            }
            Self::Ask { chat, proof } => Wire::AskToJoin(schema::AskToJoin {
                chat: chat.to_string(),
                proof: proof.map(JoinProof::to_wire),
            }),
            Self::Requests { chat, after, limit } => {
                Wire::JoinRequests(schema::JoinRequestsRequest {
                    chat: chat.to_string(),
                    after: text(after.as_ref()),
                    limit: *limit,
                })
            }
            Self::Refuse { chat, users } => Wire::RefuseJoin(schema::RefuseJoin {
                chat: chat.to_string(),
                users: users.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}

impl Joined {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::Card(card) => Self::Card(GroupCard::from_wire(card.clone())?),
            Wire::Invite(_) => Self::Invite,
            Wire::Uninvite(_) => Self::Uninvite,
            Wire::Invites(list) => {
                let invitations = list.invitations.iter().map(Invitation::from_wire);
                Self::Invites(invitations.collect::<Result<_, _>>()?)
            }
            Wire::AskToJoin(asked) => Self::Ask(JoinState::from_wire(asked.state())),
            Wire::JoinRequests(page) => {
                let requests = page.requests.iter().map(JoinRequest::from_wire);
                let requests = requests.collect::<Result<_, _>>()?;
                Self::Requests { requests, more: page.more }
            }
            Wire::RefuseJoin(_) => Self::Refuse,
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Card(card) => Wire::Card(card.to_wire()),
            Self::Invite => Wire::Invite(schema::Unit {}),
            Self::Uninvite => Wire::Uninvite(schema::Unit {}),
            Self::Invites(invitations) => Wire::Invites(schema::InviteList {
                invitations: invitations.iter().map(Invitation::to_wire).collect(),
            }),
            Self::Ask(state) => {
                Wire::AskToJoin(schema::JoinAsked { state: JoinState::to_wire(*state) })
            }
            Self::Requests { requests, more } => Wire::JoinRequests(schema::JoinRequestsPage {
                requests: requests.iter().map(JoinRequest::to_wire).collect(),
                more: *more,
            }),
            Self::Refuse => Wire::RefuseJoin(schema::Unit {}),
        }
    }
}
