//! What a server promised, read from the recorded bytes of its connections, and whether a store
//! still keeps it. Must never count as promised what had not left the server whole.
//!
//! A promise is an `Accepted`; an entry that was shown to anybody, in a `Deliver` or a page of
//! history; and a cursor that others were told of. Each stands at the call that sent its last byte.

mod recalls;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::{Bytes, BytesMut};
use packetboat_proto::codec::{CodecError, FrameCodec};
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::{Entry, EntryError};
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Member, Notice, Packet, PacketError, Response, Send,
};
use thiserror::Error;
use tokio_util::codec::Decoder;

use self::recalls::{is_as_said, recall_of, recalls};
use crate::calls::Call;

/// Bytes of the largest body that is read.
const BODY_BYTES_MAX: u32 = 1024 * 1024;

/// Something that a server had, or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It had a message.
    Had {
        /// From whom.
        sender: UserId,
        /// It.
        send: Send,
    },
    /// It accepted one.
    Accepted {
        /// Of whom.
        sender: UserId,
        /// Which, and where.
        accepted: Accepted,
    },
    /// It showed an entry.
    Shown(Entry),
    /// It told of a user's cursors.
    Cursor {
        /// The chat.
        chat: ChatId,
        /// Whose.
        user: UserId,
        /// A device has had so much.
        delivered: u64,
        /// The user has read so much.
        read: u64,
    },
}

/// Why the bytes of a connection cannot be read.
#[derive(Debug, Error)]
pub enum OverheardError {
    /// They are no frames.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A frame is no packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// What is shown is no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A message is accepted of nobody.
    #[error("a connection without a hello was answered")]
    Nobody,
}

/// What a log of calls tells, each fact with the number of its call.
pub fn facts(calls: &[Call]) -> Result<Vec<(usize, Fact)>, OverheardError> {
    let mut connections: HashMap<i64, Connection> = HashMap::new();
    let mut facts = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let found = match call {
            Call::Began => {
                connections.clear();
                continue;
            }
            Call::Received { connection, data } => {
                connections.entry(*connection).or_default().received(data)?
            }
            Call::Sent { connection, data } => {
                connections.entry(*connection).or_default().sent(data)?
            }
            _ => continue,
        };
        facts.extend(found.into_iter().map(|fact| (number, fact)));
    }
    Ok(facts)
}

/// One direction of a connection.
struct Stream {
    codec: FrameCodec,
    bytes: BytesMut,
}

impl Stream {
    fn new(mut codec: FrameCodec) -> Self {
        codec.set_body_max(BODY_BYTES_MAX);
        Self { codec, bytes: BytesMut::new() }
    }

    fn packets(&mut self, data: &Bytes) -> Result<Vec<Packet>, OverheardError> {
        self.bytes.extend_from_slice(data);
        let mut packets = Vec::new();
        while let Some(frame) = self.codec.decode(&mut self.bytes)? {
            packets.extend(Packet::decode(&frame)?);
        }
        Ok(packets)
    }
}

struct Connection {
    user: Option<UserId>,
    came: Stream,
    went: Stream,
}

impl Default for Connection {
    fn default() -> Self {
        let (came, went) = (Stream::new(FrameCodec::server()), Stream::new(FrameCodec::client()));
        Self { user: None, came, went }
    }
}

impl Connection {
    fn user(&self) -> Result<UserId, OverheardError> {
        self.user.clone().ok_or(OverheardError::Nobody)
    }

    fn received(&mut self, data: &Bytes) -> Result<Vec<Fact>, OverheardError> {
        let mut facts = Vec::new();
        for packet in self.came.packets(data)? {
            match packet {
                Packet::Hello(hello) => self.user = Some(hello.user),
                Packet::Send(send) => facts.push(Fact::Had { sender: self.user()?, send }),
                _ => {}
            }
        }
        Ok(facts)
    }

    fn sent(&mut self, data: &Bytes) -> Result<Vec<Fact>, OverheardError> {
        let mut facts = Vec::new();
        for packet in self.went.packets(data)? {
            match packet {
                Packet::Accepted(accepted) => {
                    facts.push(Fact::Accepted { sender: self.user()?, accepted });
                }
                Packet::Deliver(entry) => facts.push(Fact::Shown(entry)),
                Packet::Notice(Notice::Cursor(moved)) => facts.push(Fact::Cursor {
                    chat: moved.chat,
                    user: moved.user,
                    delivered: moved.delivered,
                    read: moved.read,
                }),
                Packet::Response(Response {
                    answer: Ok(Answer::History { entries, .. }), ..
                }) => {
                    for entry in entries {
                        facts.push(Fact::Shown(Entry::decode(entry)?));
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// A chat as it was found in a store: its whole log, and its members.
#[derive(Clone, Debug, Default)]
pub struct FoundChat {
    /// From the first entry on.
    pub log: Vec<Entry>,
    /// Those who are in it now.
    pub members: Vec<Member>,
}

/// What was found in a store.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Every chat that anybody ever sent to.
    pub chats: BTreeMap<ChatId, FoundChat>,
    /// The chats that each user is told of.
    pub lists: BTreeMap<UserId, Vec<ChatState>>,
}

/// Something that is not as it was promised, or not as it may be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// A log has not the seqs 1, 2, 3 and so on.
    #[error("{chat}: at {place} of the log stands the seq {seq}")]
    Gap {
        /// Whose log.
        chat: ChatId,
        /// Where, from 1 on.
        place: u64,
        /// What is there.
        seq: u64,
    },
    /// A log has a message twice.
    #[error("{chat}: the message {id} of {sender} has the seqs {first} and {second}")]
    Twice {
        /// Whose log.
        chat: ChatId,
        /// Of whom.
        sender: UserId,
        /// Which message.
        id: MessageId,
        /// Where it is.
        first: u64,
        /// Where it is again.
        second: u64,
    },
    /// A log has what nobody sent.
    #[error("{chat}: what stands at {seq} was never sent")]
    NeverSent {
        /// Whose log.
        chat: ChatId,
        /// Where.
        seq: u64,
    },
    /// What was recalled is said, or what was not is erased.
    #[error("{chat}: what stands at {seq} is not erased by a recall, or recalled and not erased")]
    Recall {
        /// Whose log.
        chat: ChatId,
        /// Where.
        seq: u64,
    },
    /// A promised entry is not there.
    #[error("{chat}: {promise} at {seq}, but the log ends at {head}")]
    Lost {
        /// Whose log.
        chat: ChatId,
        /// Where it was promised.
        seq: u64,
        /// How it was promised.
        promise: &'static str,
        /// Where the log ends.
        head: u64,
    },
    /// In the place of a promised entry is another.
    #[error("{chat}: {promise} at {seq}, but another entry stands there")]
    Other {
        /// Whose log.
        chat: ChatId,
        /// Where it was promised.
        seq: u64,
        /// How it was promised.
        promise: &'static str,
    },
    /// The members are not those that the log says.
    #[error("{chat}: the log makes {expected} its members, but there are {found}")]
    Members {
        /// The chat.
        chat: ChatId,
        /// By the log.
        expected: String,
        /// In the store.
        found: String,
    },
    /// A cursor is where no entry is.
    #[error("{chat}: a cursor of {user} is at {at}, but the log ends at {head}")]
    CursorBeyond {
        /// The chat.
        chat: ChatId,
        /// Whose.
        user: UserId,
        /// Where it is.
        at: u64,
        /// Where the log ends.
        head: u64,
    },
    /// A cursor that others were told of has gone back.
    #[error("{chat}: a cursor of {user} was told to be at {told}, but is at {at}")]
    CursorBack {
        /// The chat.
        chat: ChatId,
        /// Whose.
        user: UserId,
        /// Where it was.
        told: u64,
        /// Where it is.
        at: u64,
    },
    /// A user's list of chats is not as the logs say.
    #[error("{user}: the logs make the list of chats {expected}, but it is {found}")]
    List {
        /// Whose.
        user: UserId,
        /// By the logs.
        expected: String,
        /// In the store.
        found: String,
    },
}

/// Everything in a store that breaks a promise of these facts, or a rule of every store.
pub fn check(facts: &[(usize, Fact)], found: &Found) -> Vec<Broken> {
    let mut broken = Vec::new();
    let had = first_contents(facts);
    for (chat, found) in &found.chats {
        check_log(chat, &found.log, &had, &mut broken);
        check_members(chat, found, &mut broken);
    }
    for (_, fact) in facts {
        check_promise(fact, found, &had, &mut broken);
    }
    for (user, list) in &found.lists {
        check_list(user, list, found, &mut broken);
    }
    broken
}

type Contents<'a> = HashMap<(&'a ChatId, &'a UserId, MessageId), &'a Bytes>;

/// What each message said when it was first sent: the clients say something else under the same id
/// only after it was accepted.
fn first_contents(facts: &[(usize, Fact)]) -> Contents<'_> {
    let mut contents = Contents::new();
    for (_, fact) in facts {
        if let Fact::Had { sender, send } = fact {
            contents.entry((&send.chat, sender, send.id)).or_insert(&send.content);
        }
    }
    contents
}

/// Whether an entry was taken back, and says nothing.
pub fn is_recalled(entry: &Entry) -> bool {
    recall_of(entry).is_some()
}

fn check_log(chat: &ChatId, log: &[Entry], had: &Contents<'_>, broken: &mut Vec<Broken>) {
    let mut seen = HashMap::new();
    let recalled: BTreeSet<u64> = log.iter().filter_map(recalls).collect();
    for (place, entry) in (1..).zip(log) {
        let (seq, chat) = (entry.seq, chat.clone());
        if seq != place || entry.chat != chat {
            broken.push(Broken::Gap { chat, place, seq });
            return;
        }
        let (sender, id) = (entry.sender.clone(), entry.id);
        let said = had.get(&(&chat, &sender, id));
        if is_recalled(entry) != recalled.contains(&seq) {
            broken.push(Broken::Recall { chat, seq });
        } else if said.is_none_or(|said| !is_as_said(entry, said)) {
            broken.push(Broken::NeverSent { chat, seq });
        } else if let Some(first) = seen.insert((&entry.sender, id), seq) {
            broken.push(Broken::Twice { chat, sender, id, first, second: seq });
        }
    }
}

/// Who is in a chat by its log.
pub fn members_by_log(chat: &ChatId, log: &[Entry]) -> BTreeSet<UserId> {
    let mut members = BTreeSet::new();
    for entry in log {
        match Content::decode(&entry.content, usize::MAX) {
            Ok(Content::Group(GroupChange::Created { members: users, .. })) => {
                members.extend(users);
                members.insert(entry.sender.clone());
            }
            Ok(Content::Group(GroupChange::Added(users))) => members.extend(users),
            Ok(Content::Group(GroupChange::Removed(users))) => {
                members.retain(|member| !users.contains(member));
            }
            Ok(Content::Group(GroupChange::Left { .. })) => {
                members.remove(&entry.sender);
            }
            _ => {}
        }
    }
    let pair = chat.as_str().strip_prefix("dm:").filter(|_| !log.is_empty());
    let pair = pair.into_iter().flat_map(|pair| pair.split(':'));
    members.extend(pair.filter_map(|user| UserId::new(user).ok()));
    members
}

fn check_members(chat: &ChatId, found: &FoundChat, broken: &mut Vec<Broken>) {
    let expected = members_by_log(chat, &found.log);
    let members: BTreeSet<UserId> = found.members.iter().map(|one| one.user.clone()).collect();
    if expected != members {
        let (expected, found) = (format!("{expected:?}"), format!("{members:?}"));
        broken.push(Broken::Members { chat: chat.clone(), expected, found });
    }
    let head = found.log.len() as u64;
    for member in &found.members {
        let at = member.delivered.max(member.read);
        if at > head {
            let (chat, user) = (chat.clone(), member.user.clone());
            broken.push(Broken::CursorBeyond { chat, user, at, head });
        }
    }
}

fn check_promise(fact: &Fact, found: &Found, contents: &Contents<'_>, broken: &mut Vec<Broken>) {
    let log_of =
        |chat: &ChatId| found.chats.get(chat).map_or(&[][..], |found| found.log.as_slice());
    let at = |log: &[Entry], seq: u64| {
        usize::try_from(seq).ok().and_then(|seq| log.get(seq.checked_sub(1)?)).cloned()
    };
    let (chat, seq, promise, kept) = match fact {
        Fact::Had { .. } => return,
        Fact::Accepted { sender, accepted } => {
            let Accepted { chat, id, seq, at_ms, .. } = accepted;
            let kept = at(log_of(chat), *seq).map(|entry| {
                entry.id == *id
                    && entry.sender == *sender
                    && entry.at_ms == *at_ms
                    && contents
                        .get(&(chat, sender, *id))
                        .is_some_and(|said| is_as_said(&entry, said))
            });
            (chat, *seq, "a message was accepted", kept)
        }
        Fact::Shown(shown) => {
            let kept = at(log_of(&shown.chat), shown.seq).map(|entry| {
                let kept = is_as_said(&entry, &shown.content);
                kept && Entry { content: shown.content.clone(), ..entry } == *shown
            });
            (&shown.chat, shown.seq, "an entry was shown", kept)
        }
        Fact::Cursor { chat, user, delivered, read } => {
            check_cursor(chat, user, (*delivered, *read), found, broken);
            return;
        }
    };
    let end = log_of(chat).len() as u64;
    match kept {
        Some(true) => {}
        Some(false) => broken.push(Broken::Other { chat: chat.clone(), seq, promise }),
        None => broken.push(Broken::Lost { chat: chat.clone(), seq, promise, head: end }),
    }
}

/// A user who is out of the chat has no cursor that others see.
fn check_cursor(
    chat: &ChatId,
    user: &UserId,
    (delivered, read): (u64, u64),
    found: &Found,
    broken: &mut Vec<Broken>,
) {
    let members = found.chats.get(chat).into_iter().flat_map(|found| &found.members);
    for member in members.filter(|member| member.user == *user) {
        for (told, at) in [(delivered, member.delivered), (read, member.read)] {
            if at < told {
                let (chat, user) = (chat.clone(), user.clone());
                broken.push(Broken::CursorBack { chat, user, told, at });
            }
        }
    }
}

fn check_list(user: &UserId, list: &[ChatState], found: &Found, broken: &mut Vec<Broken>) {
    let expected: BTreeMap<&ChatId, u64> = found
        .chats
        .iter()
        .filter(|(chat, found)| members_by_log(chat, &found.log).contains(user))
        .map(|(chat, found)| (chat, found.log.len() as u64))
        .collect();
    let listed: BTreeMap<&ChatId, u64> =
        list.iter().map(|state| (&state.chat, state.head)).collect();
    if expected != listed {
        let (expected, found) = (format!("{expected:?}"), format!("{listed:?}"));
        broken.push(Broken::List { user: user.clone(), expected, found });
    }
    for state in list {
        let at = state.delivered.max(state.read);
        if at > state.head {
            let (chat, user, head) = (state.chat.clone(), user.clone(), state.head);
            broken.push(Broken::CursorBeyond { chat, user, at, head });
        }
    }
}

#[cfg(test)]
mod tests;
