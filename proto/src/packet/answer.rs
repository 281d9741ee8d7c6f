//! What is answered to what was asked (SPEC.md section 5.5). Must never unfold more items than a
//! page may hold.

use bytes::Bytes;
use prost::Message;

use crate::entry::Entry;
use crate::limits::{PAGE_ITEMS_MAX, PINS_MAX, PRESENCE_USERS_MAX};
use crate::schema;
use crate::schema::response;
use crate::unfold::check_count;

use super::body::BodyError;
use super::chat::{ChatState, Member};
use super::contact::ContactAnswer;
use super::device::{self, DeviceAnswer};
use super::file::{FileChunk, FileState, FilesPage};
use super::joining::{self, Joined};
use super::keys::{self, Keys};
use super::own::{self, OwnAnswer};
use super::presence::Presence;
use super::receipt::{self, Receipts};
use super::room::RoomState;
use super::schedule::{self, Scheduled};
use super::search::{self, SearchPage};
use super::verdict::Verdict;

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
    Chat(Box<ChatState>),
    /// Members, and whether there are more.
    Members {
        /// In order of user id.
        members: Vec<Member>,
        /// There are more.
        more: bool,
    },
    /// The users asked for, in the order asked.
    Presence(Vec<Presence>),
    /// Chats, those with the newest entries first, and whether there are more.
    Recent {
        /// Those with the newest entries first.
        chats: Vec<ChatState>,
        /// There are more.
        more: bool,
    },
    /// About the user's own state.
    Own(OwnAnswer),
    /// About coming into a group.
    Joining(Joined),
    /// About the user's own devices.
    Device(DeviceAnswer),
    /// About contacts and blocks.
    Contact(ContactAnswer),
    /// About receipts.
    Receipts(Receipts),
    /// About keys.
    Keys(Keys),
    /// About messages that are to be sent later.
    Scheduled(Scheduled),
    /// What a search found.
    Search(SearchPage),
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

/// The field numbers of the lists in a `Response`, each with the most that it may hold.
const RESPONSE_LISTS: [([u32; 2], usize); 9] = [
    ([3, 1], PAGE_ITEMS_MAX as usize),
    ([4, 1], PAGE_ITEMS_MAX as usize),
    ([6, 1], PAGE_ITEMS_MAX as usize),
    ([7, 1], PRESENCE_USERS_MAX),
    ([17, 1], PINS_MAX),
    ([19, 1], PAGE_ITEMS_MAX as usize),
    ([27, 1], PRESENCE_USERS_MAX),
    ([39, 1], PAGE_ITEMS_MAX as usize),
    ([59, 1], PAGE_ITEMS_MAX as usize),
];

fn states(chats: Vec<schema::ChatState>) -> Result<Vec<ChatState>, BodyError> {
    chats.into_iter().map(ChatState::from_wire).collect()
}

fn chats_page(chats: &[ChatState], more: bool) -> schema::ChatsPage {
    schema::ChatsPage { chats: chats.iter().map(ChatState::to_wire).collect(), more }
}

fn presences(list: schema::PresenceList) -> Result<Vec<Presence>, BodyError> {
    list.users.into_iter().map(Presence::from_wire).collect()
}

fn presence_list(users: &[Presence]) -> schema::PresenceList {
    schema::PresenceList { users: users.iter().map(Presence::to_wire).collect() }
}

impl Response {
    pub(super) fn decode(body: Bytes) -> Result<Self, BodyError> {
        let lists = RESPONSE_LISTS.into_iter().chain(joining::RESPONSE_LISTS);
        let lists = lists.chain(schedule::RESPONSE_LISTS).chain(device::RESPONSE_LISTS);
        for (list, max) in lists.chain(search::RESPONSE_LISTS) {
            check_count(&body, &list, max)?;
        }
        own::check_lists(&body)?;
        for (list, max) in receipt::RESPONSE_LISTS.into_iter().chain(keys::RESPONSE_LISTS) {
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
        if let Some(answer) = DeviceAnswer::from_wire(&wire)? {
            return Ok(Self::Device(answer));
        }
        if let Some(answer) = ContactAnswer::from_wire(&wire) {
            return Ok(Self::Contact(answer));
        }
        if let Some(own) = OwnAnswer::from_wire(&wire)? {
            return Ok(Self::Own(own));
        }
        if let Some(receipts) = Receipts::from_wire(&wire)? {
            return Ok(Self::Receipts(receipts));
        }
        if let Some(keys) = Keys::from_wire(&wire)? {
            return Ok(Self::Keys(keys));
        }
        if let Some(scheduled) = Scheduled::from_wire(&wire)? {
            return Ok(Self::Scheduled(scheduled));
        }
        Ok(match wire {
            Wire::History(page) => {
                Self::History { entries: checked(page.entries)?, more: page.more }
            }
            Wire::Search(page) => Self::Search(SearchPage::from_wire(page)?),
            Wire::Pins(list) => Self::Pins(pinned(&list.pins)?),
            Wire::Thread(page) => Self::Thread { entries: checked(page.entries)?, more: page.more },
            Wire::Chats(page) => Self::Chats { chats: states(page.chats)?, more: page.more },
            Wire::Recent(page) => Self::Recent { chats: states(page.chats)?, more: page.more },
            Wire::Chat(chat) => Self::Chat(Box::new(ChatState::from_wire(chat)?)),
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
            Self::Chats { chats, more } => Wire::Chats(chats_page(chats, *more)),
            Self::Recent { chats, more } => Wire::Recent(chats_page(chats, *more)),
            Self::Own(own) => own.to_wire(),
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
            Self::Device(answer) => answer.to_wire(),
            Self::Contact(answer) => answer.to_wire(),
            Self::Receipts(receipts) => receipts.to_wire(),
            Self::Keys(keys) => keys.to_wire(),
            Self::Scheduled(scheduled) => scheduled.to_wire(),
            Self::Search(page) => Wire::Search(page.to_wire()),
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
