//! What a group's log says about the group itself (SPEC.md section 6). Must never let a change
//! through that names nobody, or somebody twice.

use bytes::Bytes;

use crate::id::{IdError, InviteId, UserId};
use crate::limits::{GROUP_AVATAR_BYTES_MAX, GROUP_TOPIC_BYTES_MAX, JOIN_PROOF_BYTES};
use crate::schema;
use crate::schema::content::Kind;

use super::error::ContentError;
use super::text::{checked, checked_name, each_once, some, texts};

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Write and read.
    Member,
    /// Also change the members, the name and the rules.
    Admin,
    /// Also give roles, hand the group over, and dissolve it.
    Owner,
}

/// What holds in a group for all of its members. All false: what a group begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupRules {
    /// Every member adds members, not the admins alone.
    pub members_add: bool,
    /// All but the admins and the owner are mute.
    pub only_admins_write: bool,
    /// Who comes in sees what was before.
    pub history_for_all: bool,
    /// How those come in whom nobody adds or invites.
    pub join_rule: JoinRule,
}

/// How those come in whom nobody adds or invites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JoinRule {
    /// Not at all.
    #[default]
    Invited,
    /// Who knows the group's id may ask.
    Ask,
    /// Who knows the group's id comes in by itself.
    Anyone,
}

/// That a user knows the secret of an invitation: HMAC-SHA256 under it of the user's
/// [`join_note`](crate::packet::join_note).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinProof {
    /// The invitation.
    pub invite: InviteId,
    /// The proof.
    pub proof: [u8; JOIN_PROOF_BYTES],
}

/// A change to a group, which is an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// The group's first entry; its sender is the owner.
    Created {
        /// What people call it, 1 to 128 bytes.
        name: String,
        /// Who else is in it from the start, at most 100 and each once.
        members: Vec<UserId>,
    },
    /// Users came in, 1 to 100 and each once.
    Added(Vec<UserId>),
    /// Users were put out, 1 to 100 and each once.
    Removed(Vec<UserId>),
    /// The sender left.
    Left {
        /// Who owns the group now, if the sender did.
        new_owner: Option<UserId>,
    },
    /// The group is called differently, 1 to 128 bytes.
    Renamed(String),
    /// Its topic, at most 512 bytes, or its avatar, at most 256, are others; `None` stays, and an
    /// empty one is none any more.
    Described {
        /// What it is about.
        topic: Option<String>,
        /// A reference to a picture, which the server does not look into.
        avatar: Option<String>,
    },
    /// Other rules hold.
    RulesSet(GroupRules),
    /// Users have another role, 1 to 100 and each once: member or admin.
    RolesGiven {
        /// Who.
        users: Vec<UserId>,
        /// Not the owner's.
        role: Role,
    },
    /// The group has another owner; the one before is an admin.
    OwnerChanged(UserId),
    /// Users are mute until a time, 1 to 100 and each once; 0: no more.
    Muted {
        /// Who.
        users: Vec<UserId>,
        /// In milliseconds of Unix time.
        until_ms: u64,
    },
    /// The group, or the room, is over. What is in its log may still be read.
    Dissolved,
    /// The sender came in by itself: by an invitation, or because the group is open.
    Joined(Option<JoinProof>),
}

impl Role {
    pub(crate) fn from_wire(role: schema::Role) -> Option<Self> {
        match role {
            schema::Role::Unspecified => None,
            schema::Role::Member => Some(Self::Member),
            schema::Role::Admin => Some(Self::Admin),
            schema::Role::Owner => Some(Self::Owner),
        }
    }

    pub(crate) fn to_wire(role: Option<Self>) -> i32 {
        i32::from(match role {
            None => schema::Role::Unspecified,
            Some(Self::Member) => schema::Role::Member,
            Some(Self::Admin) => schema::Role::Admin,
            Some(Self::Owner) => schema::Role::Owner,
        })
    }
}

impl JoinProof {
    pub(crate) fn from_wire(wire: schema::JoinProof) -> Result<Self, IdError> {
        let (what, bytes, expected) = ("a proof", wire.proof.len(), JOIN_PROOF_BYTES);
        let proof = wire.proof.as_ref().try_into();
        let proof = proof.map_err(|_| IdError::Length { what, bytes, expected })?;
        Ok(Self { invite: InviteId::new(&wire.invite)?, proof })
    }

    pub(crate) fn to_wire(self) -> schema::JoinProof {
        schema::JoinProof {
            invite: Bytes::copy_from_slice(self.invite.as_bytes()),
            proof: Bytes::copy_from_slice(&self.proof),
        }
    }
}

impl JoinRule {
    fn from_wire(rule: schema::JoinRule) -> Self {
        match rule {
            schema::JoinRule::Invited => Self::Invited,
            schema::JoinRule::Ask => Self::Ask,
            schema::JoinRule::Anyone => Self::Anyone,
        }
    }

    fn to_wire(self) -> i32 {
        i32::from(match self {
            Self::Invited => schema::JoinRule::Invited,
            Self::Ask => schema::JoinRule::Ask,
            Self::Anyone => schema::JoinRule::Anyone,
        })
    }
}

impl GroupRules {
    /// What a group begins with.
    pub const NONE: Self = Self {
        members_add: false,
        only_admins_write: false,
        history_for_all: false,
        join_rule: JoinRule::Invited,
    };

    pub(crate) fn from_wire(rules: schema::GroupRules) -> Self {
        Self {
            members_add: rules.members_add,
            only_admins_write: rules.only_admins_write,
            history_for_all: rules.history_for_all,
            join_rule: JoinRule::from_wire(rules.join_rule()),
        }
    }

    pub(crate) fn to_wire(self) -> schema::GroupRules {
        schema::GroupRules {
            members_add: self.members_add,
            only_admins_write: self.only_admins_write,
            history_for_all: self.history_for_all,
            join_rule: self.join_rule.to_wire(),
        }
    }
}

impl GroupChange {
    pub(super) fn from_kind(kind: Kind) -> Result<Self, ContentError> {
        Ok(match kind {
            // The caller has looked at these.
            Kind::Text(_)
            | Kind::Data(_)
            | Kind::Edited(_)
            | Kind::Recalled(_)
            | Kind::Reacted(_)
            | Kind::Pinned(_)
            | Kind::Erased(_)
            | Kind::FileSent(_)
            | Kind::RoomOpened(_)
            | Kind::RoomSet(_)
            | Kind::RoomModerators(_)
            | Kind::RoomMuted(_) => return Err(ContentError::Unsupported),
            Kind::GroupCreated(made) => Self::Created {
                name: checked_name("a group's name", made.name)?,
                members: each_once(&made.members)?,
            },
            Kind::MembersAdded(change) => Self::Added(some(&change.users)?),
            Kind::MembersRemoved(change) => Self::Removed(some(&change.users)?),
            Kind::MemberLeft(change) if change.new_owner.is_empty() => {
                Self::Left { new_owner: None }
            }
            Kind::MemberLeft(change) => {
                Self::Left { new_owner: Some(UserId::new(&change.new_owner)?) }
            }
            Kind::GroupRenamed(change) => {
                Self::Renamed(checked_name("a group's name", change.name)?)
            }
            Kind::GroupDescribed(change) => described(change)?,
            Kind::RulesSet(change) => Self::RulesSet(rules_set(change)?),
            Kind::RolesGiven(change) => roles_given(&change)?,
            Kind::OwnerChanged(change) => Self::OwnerChanged(UserId::new(&change.user)?),
            Kind::MembersMuted(change) => {
                Self::Muted { users: some(&change.users)?, until_ms: change.until_ms }
            }
            Kind::GroupDissolved(_) => Self::Dissolved,
            Kind::MemberJoined(change) => {
                Self::Joined(change.by.map(JoinProof::from_wire).transpose()?)
            }
        })
    }

    pub(super) fn into_kind(self) -> Kind {
        match self {
            Self::Created { name, members } => {
                Kind::GroupCreated(schema::GroupCreated { name, members: texts(&members) })
            }
            Self::Added(users) => Kind::MembersAdded(schema::MembersAdded { users: texts(&users) }),
            Self::Removed(users) => {
                Kind::MembersRemoved(schema::MembersRemoved { users: texts(&users) })
            }
            Self::Left { new_owner } => {
                let new_owner = new_owner.map(|user| user.to_string()).unwrap_or_default();
                Kind::MemberLeft(schema::MemberLeft { new_owner })
            }
            Self::Renamed(name) => Kind::GroupRenamed(schema::GroupRenamed { name }),
            Self::Described { topic, avatar } => {
                Kind::GroupDescribed(schema::GroupDescribed { topic, avatar })
            }
            Self::RulesSet(rules) => {
                Kind::RulesSet(schema::RulesSet { rules: Some(rules.to_wire()) })
            }
            Self::RolesGiven { users, role } => Kind::RolesGiven(schema::RolesGiven {
                users: texts(&users),
                role: Role::to_wire(Some(role)),
            }),
            Self::OwnerChanged(user) => {
                Kind::OwnerChanged(schema::OwnerChanged { user: user.to_string() })
            }
            Self::Muted { users, until_ms } => {
                Kind::MembersMuted(schema::MembersMuted { users: texts(&users), until_ms })
            }
            Self::Dissolved => Kind::GroupDissolved(schema::Unit {}),
            Self::Joined(by) => {
                Kind::MemberJoined(schema::MemberJoined { by: by.map(JoinProof::to_wire) })
            }
        }
    }

    /// The users that it names, without the one that it makes owner.
    pub fn users(&self) -> &[UserId] {
        match self {
            Self::Created { members: users, .. }
            | Self::Added(users)
            | Self::Removed(users)
            | Self::RolesGiven { users, .. }
            | Self::Muted { users, .. } => users,
            Self::Left { .. }
            | Self::Renamed(_)
            | Self::Described { .. }
            | Self::RulesSet(_)
            | Self::OwnerChanged(_)
            | Self::Dissolved
            | Self::Joined(_) => &[],
        }
    }
}

fn described(change: schema::GroupDescribed) -> Result<GroupChange, ContentError> {
    let schema::GroupDescribed { topic, avatar } = change;
    if topic.is_none() && avatar.is_none() {
        return Err(ContentError::Empty);
    }
    let topic = topic.map(|topic| checked("a group's topic", topic, GROUP_TOPIC_BYTES_MAX));
    let avatar = avatar.map(|avatar| checked("a group's avatar", avatar, GROUP_AVATAR_BYTES_MAX));
    Ok(GroupChange::Described { topic: topic.transpose()?, avatar: avatar.transpose()? })
}

/// A rule of a later version is not taken for another one: nobody would know what holds.
fn rules_set(change: schema::RulesSet) -> Result<GroupRules, ContentError> {
    let rules = change.rules.unwrap_or_default();
    if schema::JoinRule::try_from(rules.join_rule).is_err() {
        return Err(ContentError::JoinRule);
    }
    Ok(GroupRules::from_wire(rules))
}

fn roles_given(change: &schema::RolesGiven) -> Result<GroupChange, ContentError> {
    match Role::from_wire(change.role()) {
        Some(role @ (Role::Member | Role::Admin)) => {
            Ok(GroupChange::RolesGiven { users: some(&change.users)?, role })
        }
        Some(Role::Owner) | None => Err(ContentError::Role),
    }
}
