//! All that is asked (SPEC.md section 5.5). Must never unfold more items than a request may hold.

use bytes::Bytes;
use prost::Message;

use crate::id::{ChatId, FileId, UserId};
use crate::limits::PRESENCE_USERS_MAX;
use crate::schema;
use crate::schema::request;
use crate::unfold::check_count;

use super::body::{BodyError, optional, text};
use super::contact::ContactOperation;
use super::device::DeviceOperation;
use super::file::{FileBegin, FileGet, FilePut};
use super::joining::{self, Joining};
use super::keys::{self, AskKeys};
use super::own::{self, Own};
use super::profile::Profile;
use super::receipt::{self, AskReceipts};
use super::room::room_id;
use super::schedule::Scheduling;
use super::search::Search;

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
    /// The user's chats, those with the newest entries first.
    Recent(Recent),
    /// About the user's own state.
    Own(Own),
    /// About coming into a group.
    Joining(Joining),
    /// About the user's own devices.
    Device(DeviceOperation),
    /// About contacts and blocks.
    Contact(ContactOperation),
    /// About receipts.
    Receipts(AskReceipts),
    /// About keys.
    Keys(AskKeys),
    /// About messages that are to be sent later.
    Scheduling(Scheduling),
    /// Which entries have some words.
    Search(Search),
    /// What is pinned in a chat.
    Pins {
        /// The chat.
        chat: ChatId,
    },
    /// A page of a thread.
    Thread {
        /// The chat.
        chat: ChatId,
        /// The thread's first entry, which is not in the page.
        seq: u64,
        /// Entries with a higher seq.
        after: u64,
        /// Entries at most.
        limit: u32,
    },
    /// To listen to a room from now on.
    RoomJoin {
        /// Which.
        room: ChatId,
    },
    /// To listen to a room no more.
    RoomLeave {
        /// Which.
        room: ChatId,
    },
    /// One room, without listening to it.
    Room {
        /// Which.
        room: ChatId,
    },
    /// To be told of users' presence as it changes, from now on or no more.
    Watch {
        /// At most 100 users.
        add: Vec<UserId>,
        /// At most 100 users.
        remove: Vec<UserId>,
    },
    /// Whether this session's user is away from it.
    SetPresence {
        /// It is.
        away: bool,
    },
    /// What the user says of itself, and to whom its presence is told.
    SetProfile(Profile),
    /// An upload begins, or goes on.
    FileBegin(FileBegin),
    /// Some bytes of an upload.
    FilePut(FilePut),
    /// Some bytes of a file.
    FileGet(FileGet),
    /// How a file stands.
    FileState {
        /// The file.
        file: FileId,
        /// As in `FileGet`.
        chat: Option<ChatId>,
    },
    /// The user's own files, in order of id.
    Files {
        /// After this one.
        after: Option<FileId>,
        /// Files at most.
        limit: u32,
    },
}

/// A page of the user's chats, those with the newest entries first. Those of the same millisecond
/// are in order of chat id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// The `last_at_ms` and the id of the last chat of the page before.
    pub behind: Option<(u64, ChatId)>,
    /// Chats at most; 0 leaves it to the server.
    pub limit: u32,
    /// The last entry of a chat comes along if it has at most so many bytes.
    pub last_bytes: u32,
}

/// From where a page of history goes, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The lowest entries with a higher seq.
    After(u64),
    /// The highest entries with a lower seq; 0 is the end of the log.
    Before(u64),
}

/// The field numbers of the lists in a `Request`, each of which holds users.
const REQUEST_LISTS: [[u32; 2]; 3] = [[6, 1], [26, 1], [26, 2]];
impl Request {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        for list in REQUEST_LISTS {
            check_count(&body, &list, PRESENCE_USERS_MAX)?;
        }
        let lists = joining::REQUEST_LISTS.into_iter().chain(own::REQUEST_LISTS);
        let lists = lists.chain(receipt::REQUEST_LISTS).chain(keys::REQUEST_LISTS);
        for (list, max) in lists {
            check_count(&body, &list, max)?;
        }
        let wire = schema::Request::decode(body)?;
        let operation = wire.operation.map(Operation::from_wire).transpose()?.flatten();
        Ok(Self { id: wire.id, operation })
    }

    pub(super) fn to_wire(&self) -> schema::Request {
        let operation = self.operation.as_ref().map(Operation::to_wire);
        schema::Request { id: self.id, operation }
    }
}

impl Operation {
    fn from_wire(wire: request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        if let Some(joining) = Joining::from_wire(&wire)? {
            return Ok(Some(Self::Joining(joining)));
        }
        if let Some(operation) = DeviceOperation::from_wire(&wire)? {
            return Ok(Some(Self::Device(operation)));
        }
        if let Some(operation) = ContactOperation::from_wire(&wire)? {
            return Ok(Some(Self::Contact(operation)));
        }
        if let Some(own) = Own::from_wire(&wire)? {
            return Ok(Some(Self::Own(own)));
        }
        if let Some(asked) = AskReceipts::from_wire(&wire)? {
            return Ok(Some(Self::Receipts(asked)));
        }
        if let Some(asked) = AskKeys::from_wire(&wire)? {
            return Ok(Some(Self::Keys(asked)));
        }
        if let Some(scheduling) = Scheduling::from_wire(&wire)? {
            return Ok(Some(Self::Scheduling(scheduling)));
        }
        Ok(Some(match wire {
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
            Wire::Recent(asked) => Self::Recent(Recent::from_wire(&asked)?),
            Wire::Chat(asked) => Self::Chat { chat: ChatId::new(&asked.chat)? },
            Wire::Members(asked) => Self::Members {
                chat: ChatId::new(&asked.chat)?,
                after: optional(&asked.after, UserId::new)?,
                limit: asked.limit,
            },
            Wire::Presence(asked) => Self::Presence { users: users(&asked.users)? },
            Wire::RoomJoin(asked) => Self::RoomJoin { room: room_id(&asked.room)? },
            Wire::RoomLeave(asked) => Self::RoomLeave { room: room_id(&asked.room)? },
            Wire::Room(asked) => Self::Room { room: room_id(&asked.room)? },
            Wire::Watch(asked) => {
                Self::Watch { add: users(&asked.add)?, remove: users(&asked.remove)? }
            }
            Wire::SetPresence(asked) => Self::SetPresence { away: asked.away },
            Wire::SetProfile(asked) => Self::SetProfile(Profile::from_wire(asked)?),
            Wire::FileBegin(asked) => Self::FileBegin(FileBegin::from_wire(asked)?),
            Wire::FilePut(asked) => Self::FilePut(FilePut::from_wire(asked)?),
            Wire::FileGet(asked) => Self::FileGet(FileGet::from_wire(&asked)?),
            Wire::FileState(asked) => Self::FileState {
                file: FileId::new(&asked.file)?,
                chat: optional(&asked.chat, ChatId::new)?,
            },
            Wire::Search(asked) => Self::Search(Search::from_wire(asked)?),
            Wire::Pins(asked) => Self::Pins { chat: ChatId::new(&asked.chat)? },
            Wire::Thread(asked) => Self::Thread {
                chat: ChatId::new(&asked.chat)?,
                seq: asked.seq,
                after: asked.after,
                limit: asked.limit,
            },
            Wire::Files(asked) => {
                let after = (!asked.after.is_empty()).then(|| FileId::new(&asked.after));
                Self::Files { after: after.transpose()?, limit: asked.limit }
            }
            _ => return Ok(None),
        }))
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
            Self::Presence { users } => {
                Wire::Presence(schema::PresenceRequest { users: texts(users) })
            }
            Self::RoomJoin { room } => Wire::RoomJoin(room_request(room)),
            Self::RoomLeave { room } => Wire::RoomLeave(room_request(room)),
            Self::Room { room } => Wire::Room(room_request(room)),
            Self::Watch { add, remove } => {
                Wire::Watch(schema::WatchRequest { add: texts(add), remove: texts(remove) })
            }
            Self::SetPresence { away } => Wire::SetPresence(schema::SetPresence { away: *away }),
            Self::SetProfile(profile) => Wire::SetProfile(profile.to_wire()),
            Self::FileBegin(begin) => Wire::FileBegin(begin.to_wire()),
            Self::FilePut(put) => Wire::FilePut(put.to_wire()),
            Self::FileGet(get) => Wire::FileGet(get.to_wire()),
            Self::FileState { file, chat } => Wire::FileState(schema::FileStateRequest {
                file: Bytes::copy_from_slice(file.as_bytes()),
                chat: text(chat.as_ref()),
            }),
            Self::Files { after, limit } => Wire::Files(schema::FilesRequest {
                after: after
                    .map_or_else(Bytes::new, |file| Bytes::copy_from_slice(file.as_bytes())),
                limit: *limit,
            }),
            Self::Recent(recent) => Wire::Recent(recent.to_wire()),
            Self::Own(own) => own.to_wire(),
            Self::Joining(joining) => joining.to_wire(),
            Self::Device(operation) => operation.to_wire(),
            Self::Contact(operation) => operation.to_wire(),
            Self::Receipts(asked) => asked.to_wire(),
            Self::Keys(asked) => asked.to_wire(),
            Self::Scheduling(scheduling) => scheduling.to_wire(),
            Self::Search(search) => Wire::Search(search.to_wire()),
            Self::Pins { chat } => Wire::Pins(schema::PinsRequest { chat: chat.to_string() }),
            Self::Thread { chat, seq, after, limit } => Wire::Thread(schema::ThreadRequest {
                chat: chat.to_string(),
                seq: *seq,
                after: *after,
                limit: *limit,
            }),
        }
    }
}

impl Recent {
    fn from_wire(wire: &schema::RecentRequest) -> Result<Self, BodyError> {
        let after = optional(&wire.after, ChatId::new)?;
        Ok(Self {
            behind: after.map(|chat| (wire.before_ms, chat)),
            limit: wire.limit,
            last_bytes: wire.last_bytes,
        })
    }

    fn to_wire(&self) -> schema::RecentRequest {
        let behind = self.behind.as_ref();
        schema::RecentRequest {
            before_ms: behind.map_or(0, |(at_ms, _)| *at_ms),
            after: text(behind.map(|(_, chat)| chat)),
            limit: self.limit,
            last_bytes: self.last_bytes,
        }
    }
}

fn users(ids: &[String]) -> Result<Vec<UserId>, BodyError> {
    Ok(ids.iter().map(|user| UserId::new(user)).collect::<Result<_, _>>()?)
}

fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

fn room_request(room: &ChatId) -> schema::RoomRequest {
    schema::RoomRequest { room: room.to_string() }
}
