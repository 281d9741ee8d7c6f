//! What a group's log says about the group itself (SPEC.md section 6). Must never let a change
//! through that names nobody, or somebody twice.

use crate::id::UserId;
use crate::limits::{GROUP_AVATAR_BYTES_MAX, GROUP_TOPIC_BYTES_MAX};
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

impl GroupRules {
    pub(crate) fn from_wire(rules: schema::GroupRules) -> Self {
        let schema::GroupRules { members_add, only_admins_write, history_for_all } = rules;
        Self { members_add, only_admins_write, history_for_all }
    }

    pub(crate) fn to_wire(self) -> schema::GroupRules {
        let Self { members_add, only_admins_write, history_for_all } = self;
        schema::GroupRules { members_add, only_admins_write, history_for_all }
    }
}

impl GroupChange {
    pub(super) fn from_kind(kind: Kind) -> Result<Self, ContentError> {
        Ok(match kind {
            // The caller has looked at these.
            Kind::Text(_)
            | Kind::Data(_)
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
            Kind::RulesSet(change) => {
                Self::RulesSet(GroupRules::from_wire(change.rules.unwrap_or_default()))
            }
            Kind::RolesGiven(change) => roles_given(&change)?,
            Kind::OwnerChanged(change) => Self::OwnerChanged(UserId::new(&change.user)?),
            Kind::MembersMuted(change) => {
                Self::Muted { users: some(&change.users)?, until_ms: change.until_ms }
            }
            Kind::GroupDissolved(_) => Self::Dissolved,
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
            | Self::Dissolved => &[],
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

fn roles_given(change: &schema::RolesGiven) -> Result<GroupChange, ContentError> {
    match Role::from_wire(change.role()) {
        Some(role @ (Role::Member | Role::Admin)) => {
            Ok(GroupChange::RolesGiven { users: some(&change.users)?, role })
        }
        Some(Role::Owner) | None => Err(ContentError::Role),
    }
}
