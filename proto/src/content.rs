//! What an entry says (SPEC.md section 6): typed, checked, and stored as it came. Must never be
//! encoded again on its way: fields that this version does not know would be lost.

mod alteration;
mod change;
mod context;
mod erasure;
mod error;
mod file;
mod room;
mod text;

use bytes::Bytes;
use prost::Message;

pub use self::alteration::{Alteration, Body};
pub use self::change::{GroupChange, GroupRules, JoinProof, JoinRule, Role};
pub use self::context::{Context, Forwarded, Origin};
pub use self::erasure::Erasure;
pub use self::error::ContentError;
pub use self::file::{FileHash, FileSent, check_file_name};
pub use self::room::RoomChange;
use crate::limits::{EDIT_BYTES_MAX, MEMBERS_PER_CHANGE_MAX, MENTIONS_MAX};
use crate::schema;
use crate::schema::content::Kind;
use crate::unfold::check_count;

/// Where contents have lists, which are bounded before they unfold.
const LISTS: [([u32; 2], usize); 8] = [
    ([8, 4], MENTIONS_MAX),
    ([16, 2], MEMBERS_PER_CHANGE_MAX),
    ([17, 1], MEMBERS_PER_CHANGE_MAX),
    ([18, 1], MEMBERS_PER_CHANGE_MAX),
    ([23, 1], MEMBERS_PER_CHANGE_MAX),
    ([25, 1], MEMBERS_PER_CHANGE_MAX),
    ([34, 1], MEMBERS_PER_CHANGE_MAX),
    ([35, 1], MEMBERS_PER_CHANGE_MAX),
];

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text(String),
    /// Bytes of a media type, opaque to the server.
    Data {
        /// The media type, 1 to 128 bytes of printable ASCII.
        media_type: String,
        /// The bytes, at least one.
        body: Bytes,
    },
    /// A change to an earlier entry.
    Entry(Alteration),
    /// What it said is not known any more. Only the server makes it.
    Erased(Erasure),
    /// A change to a group.
    Group(GroupChange),
    /// A change to a room.
    Room(RoomChange),
    /// A file.
    File(FileSent),
}

/// A change to a chat, which is an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// To a group, or the end of a room.
    Group(GroupChange),
    /// To a room.
    Room(RoomChange),
}

impl From<RoomChange> for Content {
    fn from(change: RoomChange) -> Self {
        Self::Room(change)
    }
}

impl From<GroupChange> for Change {
    fn from(change: GroupChange) -> Self {
        Self::Group(change)
    }
}

impl From<RoomChange> for Change {
    fn from(change: RoomChange) -> Self {
        Self::Room(change)
    }
}

impl Content {
    /// A text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(body.into())
    }

    /// Reads and checks an encoded `Content` of at most `max` bytes.
    pub fn decode(bytes: &Bytes, max: usize) -> Result<Self, ContentError> {
        Ok(Self::decode_whole(bytes, max)?.0)
    }

    /// The same, with what it belongs to.
    pub fn decode_whole(bytes: &Bytes, max: usize) -> Result<(Self, Context), ContentError> {
        if bytes.len() > max {
            return Err(ContentError::TooLarge { bytes: bytes.len(), max });
        }
        if bytes.is_empty() {
            return Err(ContentError::Empty);
        }
        for (path, most) in LISTS {
            check_count(bytes, &path, most)?;
        }
        let wire = schema::Content::decode(bytes.clone())
            .map_err(|error| ContentError::Malformed { detail: error.to_string() })?;
        let content = Self::from_kind(wire.kind.ok_or(ContentError::Unsupported)?)?;
        if matches!(content, Self::Entry(Alteration::Edited { .. })) && bytes.len() > EDIT_BYTES_MAX
        {
            return Err(ContentError::TooLarge { bytes: bytes.len(), max: EDIT_BYTES_MAX });
        }
        let context = match (wire.context, &content) {
            (None, _) => Context::default(),
            (Some(context), Self::Text(_) | Self::Data { .. } | Self::File(_)) => {
                Context::from_wire(&context)?
            }
            (Some(_), _) => return Err(ContentError::Context),
        };
        Ok((content, context))
    }

    /// Reads and checks what a user sends: an encoded `Content` of at most `max` bytes that is
    /// not for the server alone to make.
    pub fn decode_sent(bytes: &Bytes, max: usize) -> Result<(Self, Context), ContentError> {
        match Self::decode_whole(bytes, max)? {
            (Self::Erased(_), _) => Err(ContentError::Erased),
            sent => Ok(sent),
        }
    }

    fn from_kind(kind: Kind) -> Result<Self, ContentError> {
        Ok(match kind {
            Kind::Text(text) => Body::from_text(text)?.into(),
            Kind::Data(data) => Body::from_data(data)?.into(),
            Kind::Edited(edited) => Self::Entry(Alteration::from_edited(edited)?),
            Kind::Recalled(recalled) => Self::Entry(Alteration::from_recalled(recalled)?),
            Kind::Reacted(reacted) => Self::Entry(Alteration::from_reacted(reacted)?),
            Kind::Pinned(pinned) => Self::Entry(Alteration::from_pinned(pinned)?),
            Kind::Erased(erased) => Self::Erased(Erasure::from_wire(erased)),
            change @ (Kind::RoomOpened(_)
            | Kind::RoomSet(_)
            | Kind::RoomModerators(_)
            | Kind::RoomMuted(_)) => Self::Room(RoomChange::from_kind(change)?),
            Kind::FileSent(sent) => Self::File(FileSent::from_wire(sent)?),
            change => Self::Group(GroupChange::from_kind(change)?),
        })
    }

    /// What it says, if it is a text or data.
    pub fn body(self) -> Option<Body> {
        match self {
            Self::Text(body) => Some(Body::Text(body)),
            Self::Data { media_type, body } => Some(Body::Data { media_type, body }),
            Self::Entry(_) | Self::Erased(_) | Self::Group(_) | Self::Room(_) | Self::File(_) => {
                None
            }
        }
    }

    /// The content as bytes, for the sender.
    pub fn encode(&self) -> Bytes {
        self.encode_in(&Context::default())
    }

    /// A text or data as bytes, with what it belongs to.
    pub fn encode_in(&self, context: &Context) -> Bytes {
        let kind = match self.clone() {
            Self::Text(body) => Kind::Text(schema::Text { body }),
            Self::Data { media_type, body } => Kind::Data(schema::Data { media_type, body }),
            Self::Entry(change) => change.into_kind(),
            Self::Erased(erasure) => Kind::Erased(erasure.to_wire()),
            Self::Group(change) => change.into_kind(),
            Self::Room(change) => change.into_kind(),
            Self::File(sent) => Kind::FileSent(sent.into_wire()),
        };
        let context = (*context != Context::default()).then(|| context.to_wire());
        schema::Content { kind: Some(kind), context }.encode_to_vec().into()
    }
}

impl From<Body> for Content {
    fn from(body: Body) -> Self {
        match body {
            Body::Text(body) => Self::Text(body),
            Body::Data { media_type, body } => Self::Data { media_type, body },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RejectCode;
    use crate::id::{InviteId, UserId};

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::new(name).unwrap()).collect()
    }

    fn described(topic: Option<&str>, avatar: Option<&str>) -> Content {
        let (topic, avatar) = (topic.map(str::to_owned), avatar.map(str::to_owned));
        Content::Group(GroupChange::Described { topic, avatar })
    }

    fn decode(kind: Kind) -> Result<Content, ContentError> {
        let bytes = schema::Content { kind: Some(kind), context: None }.encode_to_vec();
        Content::decode(&bytes.into(), 60_000)
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let contents = [
            Content::text("hi"),
            Content::Data { media_type: "image/png".into(), body: Bytes::from_static(b"\x89") },
            Content::Entry(Alteration::Edited { seq: 3, new: Body::Text("hello".into()) }),
            Content::Entry(Alteration::Edited {
                seq: u64::MAX,
                new: Body::Data { media_type: "a/b".into(), body: Bytes::from_static(b"x") },
            }),
            Content::Entry(Alteration::Recalled { seq: 3 }),
            Content::Entry(Alteration::Reacted {
                seq: 3, reaction: "⚓".into(), taken_back: true
            }),
            Content::Entry(Alteration::Pinned { seq: 3, unpinned: false }),
            Content::Erased(Erasure::Recalled { by: 9 }),
            Content::Erased(Erasure::Expired { of: 9 }),
            Content::Group(GroupChange::Created { name: "Crew".into(), members: users(&["a"]) }),
            Content::Group(GroupChange::Created { name: "Alone".into(), members: Vec::new() }),
            Content::Group(GroupChange::Added(users(&["b", "a"]))),
            Content::Group(GroupChange::Removed(users(&["a"]))),
            Content::Group(GroupChange::Left { new_owner: None }),
            Content::Group(GroupChange::Left { new_owner: Some(UserId::new("b").unwrap()) }),
            Content::Group(GroupChange::Renamed("Crew 2".into())),
            described(Some("Sails"), None),
            described(None, Some("avatar/7")),
            described(Some(""), Some("")),
            Content::Group(GroupChange::RulesSet(GroupRules::default())),
            Content::Group(GroupChange::RulesSet(GroupRules {
                members_add: true,
                only_admins_write: true,
                history_for_all: true,
                join_rule: JoinRule::Anyone,
            })),
            Content::Group(GroupChange::Joined(None)),
            Content::Group(GroupChange::Joined(Some(JoinProof {
                invite: InviteId::from([7; 8]),
                proof: [8; 32],
            }))),
            Content::Group(GroupChange::RolesGiven { users: users(&["a"]), role: Role::Admin }),
            Content::Group(GroupChange::RolesGiven { users: users(&["a"]), role: Role::Member }),
            Content::Group(GroupChange::OwnerChanged(UserId::new("a").unwrap())),
            Content::Group(GroupChange::Muted { users: users(&["a", "b"]), until_ms: 7 }),
            Content::Group(GroupChange::Muted { users: users(&["a"]), until_ms: 0 }),
            Content::Group(GroupChange::Dissolved),
            Content::Room(RoomChange::Opened {
                name: "Lobby".into(),
                topic: String::new(),
                keep: 0,
                slow_ms: 9,
            }),
            Content::Room(RoomChange::Set {
                keep: Some(7),
                slow_ms: Some(0),
                name: None,
                topic: Some(String::new()),
            }),
            Content::Room(RoomChange::Moderators { users: users(&["a"]), taken_back: true }),
            Content::Room(RoomChange::Muted { users: users(&["a", "b"]), until_ms: 7 }),
        ];
        for content in contents {
            assert_eq!(Content::decode(&content.encode(), 60_000), Ok(content));
        }
    }

    #[test]
    fn only_the_server_says_that_something_is_erased() {
        let erased = Content::Erased(Erasure::Expired { of: 9 }).encode();
        assert!(Content::decode(&erased, 99).is_ok());
        assert_eq!(Content::decode_sent(&erased, 99), Err(ContentError::Erased));
        let sent = Content::decode_sent(&Content::text("hi").encode(), 99);
        assert_eq!(sent, Ok((Content::text("hi"), Context::default())));
    }

    #[test]
    fn an_edit_has_a_limit_of_its_own() {
        let edited = |bytes: usize| {
            let new = Body::Text("x".repeat(bytes));
            Content::Entry(Alteration::Edited { seq: 1, new }).encode()
        };
        // Of the same length of the lengths.
        let around = edited(16_000).len() - 16_000;
        assert!(Content::decode(&edited(EDIT_BYTES_MAX - around), 60_000).is_ok());
        let error = Content::decode(&edited(EDIT_BYTES_MAX - around + 1), 60_000).unwrap_err();
        assert_eq!(error.code(), RejectCode::TooLarge);
    }

    #[test]
    fn the_limit_is_exact() {
        let bytes = Content::text("abc").encode();
        assert!(Content::decode(&bytes, bytes.len()).is_ok());
        let error = Content::decode(&bytes, bytes.len() - 1).unwrap_err();
        assert_eq!(error.code(), RejectCode::TooLarge);
    }

    #[test]
    fn nothing_is_empty_and_the_unknown_is_unsupported() {
        assert_eq!(Content::decode(&Bytes::new(), 9), Err(ContentError::Empty));
        assert_eq!(decode(Kind::Text(schema::Text::default())), Err(ContentError::Empty));
        assert_eq!(decode(Kind::Data(schema::Data::default())), Err(ContentError::Empty));
        let unknown = Bytes::from_static(&[0xfa, 0x07, 0x00]);
        assert_eq!(Content::decode(&unknown, 9), Err(ContentError::Unsupported));
    }

    #[test]
    fn a_change_names_1_to_100_users_each_once() {
        let added = |users: Vec<String>| decode(Kind::MembersAdded(schema::MembersAdded { users }));
        let numbered = |count: usize| (0..count).map(|n| format!("u{n}")).collect::<Vec<_>>();
        assert!(added(numbered(100)).is_ok());
        assert_eq!(added(numbered(101)), Err(ContentError::TooMany { max: 100 }));
        assert_eq!(added(Vec::new()), Err(ContentError::Empty));
        let twice = added(vec!["a".into(), "b".into(), "a".into()]);
        assert_eq!(twice, Err(ContentError::Twice { user: UserId::new("a").unwrap() }));
    }

    #[test]
    fn a_description_has_its_bounds_and_describes_something() {
        let described = |topic: Option<String>, avatar: Option<String>| {
            decode(Kind::GroupDescribed(schema::GroupDescribed { topic, avatar }))
        };
        assert_eq!(described(None, None), Err(ContentError::Empty));
        assert!(described(Some("t".repeat(512)), Some("a".repeat(256))).is_ok());
        for (topic, avatar) in [(Some("t".repeat(513)), None), (None, Some("a".repeat(257)))] {
            assert_eq!(described(topic, avatar).unwrap_err().code(), RejectCode::Invalid);
        }
        let broken = described(Some("a\u{7}".into()), None).unwrap_err();
        assert_eq!(broken.code(), RejectCode::Invalid);
    }

    #[test]
    fn only_a_members_or_an_admins_role_is_given() {
        let given =
            |role| decode(Kind::RolesGiven(schema::RolesGiven { users: vec!["a".into()], role }));
        for (role, ok) in [(0, false), (1, true), (2, false), (3, true), (4, false)] {
            assert_eq!(given(role).is_ok(), ok, "{role}");
            assert!(ok || given(role) == Err(ContentError::Role));
        }
    }

    #[test]
    fn a_proof_names_its_invitation_and_is_whole() {
        let joined = |invite: usize, proof: usize| {
            let (invite, proof) = (vec![1; invite].into(), vec![2; proof].into());
            let by = Some(schema::JoinProof { invite, proof });
            decode(Kind::MemberJoined(schema::MemberJoined { by }))
        };
        assert!(joined(8, 32).is_ok());
        for (invite, proof) in [(0, 0), (8, 0), (0, 32), (7, 32), (8, 31), (8, 33)] {
            assert_eq!(joined(invite, proof).unwrap_err().code(), RejectCode::Invalid);
        }
    }

    #[test]
    fn a_rule_of_a_later_version_is_not_taken() {
        let rules = |join_rule| {
            let rules = schema::GroupRules { join_rule, ..schema::GroupRules::default() };
            decode(Kind::RulesSet(schema::RulesSet { rules: Some(rules) }))
        };
        assert!(rules(2).is_ok());
        assert_eq!(rules(3), Err(ContentError::JoinRule));
    }

    #[test]
    fn a_name_has_its_bounds() {
        let renamed = |name: String| decode(Kind::GroupRenamed(schema::GroupRenamed { name }));
        assert!(renamed("n".repeat(128)).is_ok());
        for name in [String::new(), "n".repeat(129), "a\nb".into()] {
            assert_eq!(renamed(name).unwrap_err().code(), RejectCode::Invalid);
        }
    }
}
