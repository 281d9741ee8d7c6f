//! All that is asked, and what is answered (SPEC.md section 5.5). Must never unfold more items than
//! a page may hold.

use bytes::Bytes;
use prost::Message;

use crate::entry::Entry;
use crate::id::{ChatId, FileId, UserId};
use crate::limits::{PAGE_ITEMS_MAX, PINS_MAX, PRESENCE_USERS_MAX};
use crate::schema;
use crate::schema::{request, response};
use crate::unfold::check_count;

use super::body::{BodyError, optional, text};
use super::chat::{ChatState, Member};
use super::file::{FileBegin, FileChunk, FileGet, FilePut, FileState, FilesPage};
use super::joining::{self, Joined, Joining};
use super::presence::Presence;
use super::profile::Profile;
use super::room::{RoomState, room_id};
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
    /// About coming into a group.
    Joining(Joining),
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
    /// About coming into a group.
    Joining(Joined),
    /// The seqs of what is pinned, ascending.
    Pins(Vec<u64>),
    /// Encoded entries of a thread in ascending order, and whether there are more.
    Thread {
        /// The entries; `Entry::decode` reads one.
        entries: Vec<Bytes>,
        /// There are more.
        more: bool,
    },
    /// The room is listened to.
    RoomJoin(RoomState),
    /// It is no more.
    RoomLeave,
    /// One room.
    Room(RoomState),
    /// The users who are watched from now on, in the order asked.
    Watch(Vec<Presence>),
    /// The session's presence is set.
    SetPresence,
    /// The user's profile is stored.
    SetProfile,
    /// How an upload stands that begins.
    FileBegin(FileState),
    /// How an upload stands.
    FilePut(FileState),
    /// Some bytes.
    FileGet(FileChunk),
    /// How a file stands.
    FileState(FileState),
    /// The user's own files.
    Files(FilesPage),
}

/// The field numbers of the lists in a `Request`, each of which holds users.
const REQUEST_LISTS: [[u32; 2]; 3] = [[6, 1], [26, 1], [26, 2]];
/// The field numbers of the lists in a `Response`, each with the most that it may hold.
const RESPONSE_LISTS: [([u32; 2], usize); 8] = [
    ([3, 1], PAGE_ITEMS_MAX as usize),
    ([4, 1], PAGE_ITEMS_MAX as usize),
    ([6, 1], PAGE_ITEMS_MAX as usize),
    ([7, 1], PRESENCE_USERS_MAX),
    ([17, 1], PINS_MAX),
    ([19, 1], PAGE_ITEMS_MAX as usize),
    ([27, 1], PRESENCE_USERS_MAX),
    ([59, 1], PAGE_ITEMS_MAX as usize),
];

impl Request {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        for list in REQUEST_LISTS {
            check_count(&body, &list, PRESENCE_USERS_MAX)?;
        }
        for (list, max) in joining::REQUEST_LISTS {
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
            Self::Joining(joining) => joining.to_wire(),
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

fn users(ids: &[String]) -> Result<Vec<UserId>, BodyError> {
    Ok(ids.iter().map(|user| UserId::new(user)).collect::<Result<_, _>>()?)
}

fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

fn room_request(room: &ChatId) -> schema::RoomRequest {
    schema::RoomRequest { room: room.to_string() }
}

fn presences(list: schema::PresenceList) -> Result<Vec<Presence>, BodyError> {
    list.users.into_iter().map(Presence::from_wire).collect()
}

fn presence_list(users: &[Presence]) -> schema::PresenceList {
    schema::PresenceList { users: users.iter().map(Presence::to_wire).collect() }
}

impl Response {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        for (list, max) in RESPONSE_LISTS.into_iter().chain(joining::RESPONSE_LISTS) {
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
        if let Some(joined) = Joined::from_wire(&wire)? {
            return Ok(Self::Joining(joined));
        }
        Ok(match wire {
            Wire::History(page) => {
                Self::History { entries: checked(page.entries)?, more: page.more }
            }
            Wire::Pins(list) => Self::Pins(pinned(&list.pins)?),
            Wire::Thread(page) => Self::Thread { entries: checked(page.entries)?, more: page.more },
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
            Wire::Presence(list) => Self::Presence(presences(list)?),
            Wire::RoomJoin(state) => Self::RoomJoin(RoomState::from_wire(state)?),
            Wire::RoomLeave(_) => Self::RoomLeave,
            Wire::Room(state) => Self::Room(RoomState::from_wire(state)?),
            Wire::Watch(list) => Self::Watch(presences(list)?),
            Wire::SetPresence(_) => Self::SetPresence,
            Wire::SetProfile(_) => Self::SetProfile,
            Wire::FileBegin(state) => Self::FileBegin(FileState::from_wire(state)?),
            Wire::FilePut(state) => Self::FilePut(FileState::from_wire(state)?),
            Wire::FileGet(chunk) => Self::FileGet(FileChunk::from_wire(chunk)?),
            Wire::FileState(state) => Self::FileState(FileState::from_wire(state)?),
            Wire::Files(page) => Self::Files(FilesPage::from_wire(page)?),
            // A refusal is no answer, and all others are above.
            _ => return Err(BodyError::Missing { field: "result" }),
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
            Self::Presence(users) => Wire::Presence(presence_list(users)),
            Self::RoomJoin(state) => Wire::RoomJoin(state.to_wire()),
            Self::RoomLeave => Wire::RoomLeave(schema::Unit {}),
            Self::Room(state) => Wire::Room(state.to_wire()),
            Self::Watch(users) => Wire::Watch(presence_list(users)),
            Self::SetPresence => Wire::SetPresence(schema::Unit {}),
            Self::SetProfile => Wire::SetProfile(schema::Unit {}),
            Self::FileBegin(state) => Wire::FileBegin(state.to_wire()),
            Self::FilePut(state) => Wire::FilePut(state.to_wire()),
            Self::FileGet(chunk) => Wire::FileGet(chunk.to_wire()),
            Self::FileState(state) => Wire::FileState(state.to_wire()),
            Self::Files(page) => Wire::Files(page.to_wire()),
            Self::Joining(joined) => joined.to_wire(),
            Self::Pins(seqs) => {
                let pins = seqs.iter().map(|seq| schema::Pin { seq: *seq });
                Wire::Pins(schema::PinsList { pins: pins.collect() })
            }
            Self::Thread { entries, more } => {
                Wire::Thread(schema::ThreadPage { entries: entries.clone(), more: *more })
            }
        }
    }
}

fn pinned(pins: &[schema::Pin]) -> Result<Vec<u64>, BodyError> {
    let seq = |pin: &schema::Pin| match pin.seq {
        0 => Err(BodyError::OutOfBounds { field: "seq", value: 0 }),
        seq => Ok(seq),
    };
    pins.iter().map(seq).collect()
}

fn checked(entries: Vec<Bytes>) -> Result<Vec<Bytes>, BodyError> {
    for entry in &entries {
        Entry::decode(entry.clone())?;
    }
    Ok(entries)
}
