//! All that is asked: history, chats, members, presence (SPEC.md section 5.5). Must never unfold
//! more items than a page may hold.

use bytes::Bytes;
use prost::Message;

use crate::content::GroupRules;
pub use crate::content::Role;
use crate::entry::Entry;
use crate::id::{ChatId, UserId};
use crate::limits::{
    GROUP_AVATAR_BYTES_MAX, GROUP_NAME_BYTES_MAX, GROUP_TOPIC_BYTES_MAX, PAGE_ITEMS_MAX,
    PRESENCE_USERS_MAX,
};
use crate::schema;
use crate::schema::{request, response};
use crate::unfold::check_count;

use super::body::{BodyError, short};
use super::verdict::Verdict;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Chosen by the client, unique among its unanswered ones.
    pub id: u64,
    /// What is asked; `None`: something that this version does not know.
    pub operation: Option<Operation>,
}

/// What is asked. A limit of 0 leaves it to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A page of a chat's log.
    History {
        /// The chat.
        chat: ChatId,
        /// From where, and which way.
        edge: Edge,
        /// Entries at most.
        limit: u32,
    },
    /// The user's chats, in order of chat id.
    Chats {
        /// After this one.
        after: Option<ChatId>,
        /// Chats at most.
        limit: u32,
    },
    /// One chat.
    Chat {
        /// Which.
        chat: ChatId,
    },
    /// The members of a chat, in order of user id.
    Members {
        /// The chat.
        chat: ChatId,
        /// After this one.
        after: Option<UserId>,
        /// Members at most.
        limit: u32,
    },
    /// Who is online, and when the others were last seen.
    Presence {
        /// At most 100 users.
        users: Vec<UserId>,
    },
}

/// From where a page of history goes, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The lowest entries with a higher seq.
    After(u64),
    /// The highest entries with a lower seq; 0 is the end of the log.
    Before(u64),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Of which request.
    pub id: u64,
    /// What was found, or why not.
    pub answer: Result<Answer, Verdict>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Encoded entries in ascending order, and whether there are more that way.
    History {
        /// The entries; `Entry::decode` reads one.
        entries: Vec<Bytes>,
        /// There are more.
        more: bool,
    },
    /// Chats, and whether there are more.
    Chats {
        /// In order of chat id.
        chats: Vec<ChatState>,
        /// There are more.
        more: bool,
    },
    /// One chat.
    Chat(ChatState),
    /// Members, and whether there are more.
    Members {
        /// In order of user id.
        members: Vec<Member>,
        /// There are more.
        more: bool,
    },
    /// The users asked for, in the order asked.
    Presence(Vec<Presence>),
}

/// A chat as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatState {
    /// The chat.
    pub chat: ChatId,
    /// The last seq that the user may see; 0: none.
    pub head: u64,
    /// This device's cursor.
    pub delivered: u64,
    /// The user's cursor.
    pub read: u64,
    /// Entries of others after `read`.
    pub unread: u64,
    /// A group's name, or nothing.
    pub name: String,
    /// A group's members, or 0.
    pub members: u32,
    /// What the user is in it; `None` once out of it.
    pub role: Option<Role>,
    /// In a direct chat: what a device of the other has had.
    pub peer_delivered: u64,
    /// In a direct chat: what the other has read.
    pub peer_read: u64,
    /// When the entry at `head` was taken, in milliseconds of Unix time.
    pub last_at_ms: u64,
    /// What a group is about, or nothing.
    pub topic: String,
    /// A reference to a group's picture, or nothing.
    pub avatar: String,
    /// What holds in a group.
    pub rules: GroupRules,
    /// Until when the user is mute in a group, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
}

/// A member of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// What the user is in the chat.
    pub role: Option<Role>,
    /// What a device of the user has had.
    pub delivered: u64,
    /// What the user has read.
    pub read: u64,
    /// Until when the user is mute, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
}

/// Whether a user is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The user.
    pub user: UserId,
    /// At least one device is connected.
    pub online: bool,
    /// When the user was last seen, in milliseconds of Unix time; 0: never, or not known.
    pub last_seen_ms: u64,
}

/// The field numbers of `Request.presence.users`.
const PRESENCE_USERS: [u32; 2] = [6, 1];
/// The field numbers of the lists in a `Response`, each with the most that it may hold.
const RESPONSE_LISTS: [([u32; 2], usize); 4] = [
    ([3, 1], PAGE_ITEMS_MAX as usize),
    ([4, 1], PAGE_ITEMS_MAX as usize),
    ([6, 1], PAGE_ITEMS_MAX as usize),
    ([7, 1], PRESENCE_USERS_MAX),
];

impl Request {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        check_count(&body, &PRESENCE_USERS, PRESENCE_USERS_MAX)?;
        let wire = schema::Request::decode(body)?;
        let operation = wire.operation.map(Operation::from_wire).transpose()?;
        Ok(Self { id: wire.id, operation })
    }

    pub(super) fn to_wire(&self) -> schema::Request {
        let operation = self.operation.as_ref().map(Operation::to_wire);
        schema::Request { id: self.id, operation }
    }
}

impl Operation {
    fn from_wire(wire: request::Operation) -> Result<Self, BodyError> {
        use request::Operation as Wire;
        Ok(match wire {
            Wire::History(asked) => Self::History {
                chat: ChatId::new(&asked.chat)?,
                edge: match asked.edge {
                    Some(schema::history_request::Edge::After(seq)) => Edge::After(seq),
                    Some(schema::history_request::Edge::Before(seq)) => Edge::Before(seq),
                    None => Edge::Before(0),
                },
                limit: asked.limit,
            },
            Wire::Chats(asked) => {
                Self::Chats { after: optional(&asked.after, ChatId::new)?, limit: asked.limit }
            }
            Wire::Chat(asked) => Self::Chat { chat: ChatId::new(&asked.chat)? },
            Wire::Members(asked) => Self::Members {
                chat: ChatId::new(&asked.chat)?,
                after: optional(&asked.after, UserId::new)?,
                limit: asked.limit,
            },
            Wire::Presence(asked) => Self::Presence {
                users: asked
                    .users
                    .iter()
                    .map(|user| UserId::new(user))
                    .collect::<Result<_, _>>()?,
            },
        })
    }

    fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::History { chat, edge, limit } => Wire::History(schema::HistoryRequest {
                chat: chat.to_string(),
                edge: Some(match edge {
                    Edge::After(seq) => schema::history_request::Edge::After(*seq),
                    Edge::Before(seq) => schema::history_request::Edge::Before(*seq),
                }),
                limit: *limit,
            }),
            Self::Chats { after, limit } => {
                Wire::Chats(schema::ChatsRequest { after: text(after.as_ref()), limit: *limit })
            }
            Self::Chat { chat } => Wire::Chat(schema::ChatRequest { chat: chat.to_string() }),
            Self::Members { chat, after, limit } => Wire::Members(schema::MembersRequest {
                chat: chat.to_string(),
                after: text(after.as_ref()),
                limit: *limit,
            }),
            Self::Presence { users } => Wire::Presence(schema::PresenceRequest {
                users: users.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}

fn optional<T, E>(id: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, E> {
    if id.is_empty() { Ok(None) } else { parse(id).map(Some) }
}

fn text<T: ToString>(id: Option<&T>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

impl Response {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        for (list, max) in RESPONSE_LISTS {
            check_count(&body, &list, max)?;
        }
        let wire = schema::Response::decode(body)?;
        let answer = match wire.result.ok_or(BodyError::Missing { field: "result" })? {
            response::Result::Refused(verdict) => Err(Verdict::from_wire(verdict)?),
            found => Ok(Answer::from_wire(found)?),
        };
        Ok(Self { id: wire.id, answer })
    }

    pub(super) fn to_wire(&self) -> schema::Response {
        let result = match &self.answer {
            Ok(answer) => answer.to_wire(),
            Err(verdict) => response::Result::Refused(verdict.to_wire()),
        };
        schema::Response { id: self.id, result: Some(result) }
    }
}

impl Answer {
    fn from_wire(wire: response::Result) -> Result<Self, BodyError> {
        use response::Result as Wire;
        Ok(match wire {
            Wire::Refused(_) => return Err(BodyError::Missing { field: "result" }),
            Wire::History(page) => {
                for entry in &page.entries {
                    Entry::decode(entry.clone())?;
                }
                Self::History { entries: page.entries, more: page.more }
            }
            Wire::Chats(page) => Self::Chats {
                chats: page
                    .chats
                    .into_iter()
                    .map(ChatState::from_wire)
                    .collect::<Result<_, _>>()?,
                more: page.more,
            },
            Wire::Chat(chat) => Self::Chat(ChatState::from_wire(chat)?),
            Wire::Members(page) => Self::Members {
                members: page
                    .members
                    .into_iter()
                    .map(Member::from_wire)
                    .collect::<Result<_, _>>()?,
                more: page.more,
            },
            Wire::Presence(list) => Self::Presence(
                list.users.into_iter().map(Presence::from_wire).collect::<Result<_, _>>()?,
            ),
        })
    }

    fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::History { entries, more } => {
                Wire::History(schema::HistoryPage { entries: entries.clone(), more: *more })
            }
            Self::Chats { chats, more } => Wire::Chats(schema::ChatsPage {
                chats: chats.iter().map(ChatState::to_wire).collect(),
                more: *more,
            }),
            Self::Chat(chat) => Wire::Chat(chat.to_wire()),
            Self::Members { members, more } => Wire::Members(schema::MembersPage {
                members: members.iter().map(Member::to_wire).collect(),
                more: *more,
            }),
            Self::Presence(users) => Wire::Presence(schema::PresenceList {
                users: users.iter().map(Presence::to_wire).collect(),
            }),
        }
    }
}

impl ChatState {
    /// That of a chat of which nothing is known but its id.
    pub const fn of(chat: ChatId) -> Self {
        Self {
            chat,
            head: 0,
            delivered: 0,
            read: 0,
            unread: 0,
            name: String::new(),
            members: 0,
            role: None,
            peer_delivered: 0,
            peer_read: 0,
            last_at_ms: 0,
            topic: String::new(),
            avatar: String::new(),
            rules: GroupRules {
                members_add: false,
                only_admins_write: false,
                history_for_all: false,
            },
            muted_until_ms: 0,
        }
    }

    fn from_wire(wire: schema::ChatState) -> Result<Self, BodyError> {
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            head: wire.head,
            delivered: wire.delivered,
            read: wire.read,
            unread: wire.unread,
            role: Role::from_wire(wire.role()),
            members: wire.members,
            peer_delivered: wire.peer_delivered,
            peer_read: wire.peer_read,
            last_at_ms: wire.last_at_ms,
            name: short("name", wire.name, GROUP_NAME_BYTES_MAX)?,
            topic: short("topic", wire.topic, GROUP_TOPIC_BYTES_MAX)?,
            avatar: short("avatar", wire.avatar, GROUP_AVATAR_BYTES_MAX)?,
            rules: GroupRules::from_wire(wire.rules.unwrap_or_default()),
            muted_until_ms: wire.muted_until_ms,
        })
    }

    fn to_wire(&self) -> schema::ChatState {
        schema::ChatState {
            chat: self.chat.to_string(),
            head: self.head,
            delivered: self.delivered,
            read: self.read,
            unread: self.unread,
            name: self.name.clone(),
            members: self.members,
            role: Role::to_wire(self.role),
            peer_delivered: self.peer_delivered,
            peer_read: self.peer_read,
            last_at_ms: self.last_at_ms,
            topic: self.topic.clone(),
            avatar: self.avatar.clone(),
            rules: (self.rules != GroupRules::default()).then(|| self.rules.to_wire()),
            muted_until_ms: self.muted_until_ms,
        }
    }
}

impl Member {
    fn from_wire(wire: schema::Member) -> Result<Self, BodyError> {
        Ok(Self {
            user: UserId::new(&wire.user)?,
            role: Role::from_wire(wire.role()),
            delivered: wire.delivered,
            read: wire.read,
            muted_until_ms: wire.muted_until_ms,
        })
    }

    fn to_wire(&self) -> schema::Member {
        schema::Member {
            user: self.user.to_string(),
            role: Role::to_wire(self.role),
            delivered: self.delivered,
            read: self.read,
            muted_until_ms: self.muted_until_ms,
        }
    }
}

impl Presence {
    fn from_wire(wire: schema::Presence) -> Result<Self, BodyError> {
        Ok(Self {
            user: UserId::new(&wire.user)?,
            online: wire.online,
            last_seen_ms: wire.last_seen_ms,
        })
    }

    fn to_wire(&self) -> schema::Presence {
        schema::Presence {
            user: self.user.to_string(),
            online: self.online,
            last_seen_ms: self.last_seen_ms,
        }
    }
}
