//! What an entry says (SPEC.md section 6): typed, checked, and stored as it came. Must never be
//! encoded again on its way: fields that this version does not know would be lost.

use bytes::Bytes;
use prost::Message;
use thiserror::Error;

use crate::code::RejectCode;
use crate::id::{IdError, UserId};
use crate::limits::{GROUP_NAME_BYTES_MAX, MEDIA_TYPE_BYTES_MAX, MEMBERS_PER_CHANGE_MAX};
use crate::schema;
use crate::schema::content::Kind;
use crate::unfold::{UnfoldError, check_count};

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
    /// A change to a group.
    Group(GroupChange),
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
}

/// Why bytes are no content that the server takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    /// It has more bytes than are allowed.
    #[error("the content has {bytes} bytes, at most {max} are allowed")]
    TooLarge {
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
    /// There is nothing in it.
    #[error("the content is empty")]
    Empty,
    /// It is no `Content` message.
    #[error("the content is not a Content message: {detail}")]
    Malformed {
        /// What the decoder said.
        detail: String,
    },
    /// It is of a kind that this version does not know.
    #[error("the content is of a kind that this version does not know")]
    Unsupported,
    /// A list has too many elements.
    #[error("more than {max} users in one change")]
    TooMany {
        /// The users that it may name.
        max: usize,
    },
    /// A user id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A user is named twice.
    #[error("{user} is named twice")]
    Twice {
        /// The user.
        user: UserId,
    },
    /// A text is out of its bounds.
    #[error("{what} needs 1 to {max} bytes without control characters")]
    Text {
        /// Which text.
        what: &'static str,
        /// The bytes that it may have.
        max: usize,
    },
}

impl ContentError {
    /// The code that answers a send of such a content.
    pub const fn code(&self) -> RejectCode {
        match self {
            Self::TooLarge { .. } => RejectCode::TooLarge,
            Self::Empty => RejectCode::Empty,
            Self::Unsupported => RejectCode::Unsupported,
            Self::Malformed { .. }
            | Self::TooMany { .. }
            | Self::Id(_)
            | Self::Twice { .. }
            | Self::Text { .. } => RejectCode::Invalid,
        }
    }
}

impl Content {
    /// A text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(body.into())
    }

    /// Reads and checks an encoded `Content` of at most `max` bytes.
    pub fn decode(bytes: &Bytes, max: usize) -> Result<Self, ContentError> {
        if bytes.len() > max {
            return Err(ContentError::TooLarge { bytes: bytes.len(), max });
        }
        if bytes.is_empty() {
            return Err(ContentError::Empty);
        }
        for path in [[16, 2], [17, 1], [18, 1]] {
            check_count(bytes, &path, MEMBERS_PER_CHANGE_MAX)?;
        }
        let content = schema::Content::decode(bytes.clone())
            .map_err(|error| ContentError::Malformed { detail: error.to_string() })?;
        Self::from_kind(content.kind.ok_or(ContentError::Unsupported)?)
    }

    fn from_kind(kind: Kind) -> Result<Self, ContentError> {
        Ok(match kind {
            Kind::Text(text) if text.body.is_empty() => return Err(ContentError::Empty),
            Kind::Text(text) => Self::Text(text.body),
            Kind::Data(data) if data.body.is_empty() => return Err(ContentError::Empty),
            Kind::Data(data) => {
                check_media_type(&data.media_type)?;
                Self::Data { media_type: data.media_type, body: data.body }
            }
            Kind::GroupCreated(made) => Self::Group(GroupChange::Created {
                name: checked_name(made.name)?,
                members: each_once(&made.members)?,
            }),
            Kind::MembersAdded(change) => Self::Group(GroupChange::Added(some(&change.users)?)),
            Kind::MembersRemoved(change) => Self::Group(GroupChange::Removed(some(&change.users)?)),
            Kind::MemberLeft(change) if change.new_owner.is_empty() => {
                Self::Group(GroupChange::Left { new_owner: None })
            }
            Kind::MemberLeft(change) => {
                let new_owner = Some(UserId::new(&change.new_owner)?);
                Self::Group(GroupChange::Left { new_owner })
            }
            Kind::GroupRenamed(change) => {
                Self::Group(GroupChange::Renamed(checked_name(change.name)?))
            }
        })
    }

    /// The content as bytes, for the sender.
    pub fn encode(&self) -> Bytes {
        let kind = match self.clone() {
            Self::Text(body) => Kind::Text(schema::Text { body }),
            Self::Data { media_type, body } => Kind::Data(schema::Data { media_type, body }),
            Self::Group(GroupChange::Created { name, members }) => {
                Kind::GroupCreated(schema::GroupCreated { name, members: texts(&members) })
            }
            Self::Group(GroupChange::Added(users)) => {
                Kind::MembersAdded(schema::MembersAdded { users: texts(&users) })
            }
            Self::Group(GroupChange::Removed(users)) => {
                Kind::MembersRemoved(schema::MembersRemoved { users: texts(&users) })
            }
            Self::Group(GroupChange::Left { new_owner }) => {
                let new_owner = new_owner.map(|user| user.to_string()).unwrap_or_default();
                Kind::MemberLeft(schema::MemberLeft { new_owner })
            }
            Self::Group(GroupChange::Renamed(name)) => {
                Kind::GroupRenamed(schema::GroupRenamed { name })
            }
        };
        schema::Content { kind: Some(kind) }.encode_to_vec().into()
    }
}

impl From<UnfoldError> for ContentError {
    fn from(error: UnfoldError) -> Self {
        match error {
            UnfoldError::TooMany { max } => Self::TooMany { max },
            UnfoldError::Malformed { .. } => Self::Malformed { detail: error.to_string() },
        }
    }
}

fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

fn some(users: &[String]) -> Result<Vec<UserId>, ContentError> {
    if users.is_empty() { Err(ContentError::Empty) } else { each_once(users) }
}

fn each_once(users: &[String]) -> Result<Vec<UserId>, ContentError> {
    let users = users.iter().map(|user| UserId::new(user)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted: Vec<&UserId> = users.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ContentError::Twice { user: pair[0].clone() }),
        None => Ok(users),
    }
}

fn checked_name(name: String) -> Result<String, ContentError> {
    let fits = (1..=GROUP_NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(ContentError::Text { what: "a group's name", max: GROUP_NAME_BYTES_MAX })
}

fn check_media_type(media_type: &str) -> Result<(), ContentError> {
    let fits = (1..=MEDIA_TYPE_BYTES_MAX).contains(&media_type.len());
    if fits && media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    Err(ContentError::Text { what: "a media type", max: MEDIA_TYPE_BYTES_MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::new(name).unwrap()).collect()
    }

    fn decode(kind: Kind) -> Result<Content, ContentError> {
        let bytes = schema::Content { kind: Some(kind) }.encode_to_vec();
        Content::decode(&bytes.into(), 60_000)
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let contents = [
            Content::text("hi"),
            Content::Data { media_type: "image/png".into(), body: Bytes::from_static(b"\x89") },
            Content::Group(GroupChange::Created { name: "Crew".into(), members: users(&["a"]) }),
            Content::Group(GroupChange::Created { name: "Alone".into(), members: Vec::new() }),
            Content::Group(GroupChange::Added(users(&["b", "a"]))),
            Content::Group(GroupChange::Removed(users(&["a"]))),
            Content::Group(GroupChange::Left { new_owner: None }),
            Content::Group(GroupChange::Left { new_owner: Some(UserId::new("b").unwrap()) }),
            Content::Group(GroupChange::Renamed("Crew 2".into())),
        ];
        for content in contents {
            assert_eq!(Content::decode(&content.encode(), 60_000), Ok(content));
        }
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
    fn a_name_has_its_bounds() {
        let renamed = |name: String| decode(Kind::GroupRenamed(schema::GroupRenamed { name }));
        assert!(renamed("n".repeat(128)).is_ok());
        for name in [String::new(), "n".repeat(129), "a\nb".into()] {
            assert_eq!(renamed(name).unwrap_err().code(), RejectCode::Invalid);
        }
    }
}
