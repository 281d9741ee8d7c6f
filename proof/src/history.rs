//! What clients saw, in the order in which they saw it. Recorded by every proof in these words,
//! so that one checker judges them all. Must never judge.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, InviteId, MessageId, UserId};
use packetboat_proto::packet::Invitation;

/// A user's installation, over all restarts of its app.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub name: DeviceId,
}

impl fmt::Display for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.user, self.name)
    }
}

/// Which entries a device must have had in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Every one that its user may see.
    Everything,
    /// Every one from the first that it was given in a chat.
    FromFirst,
    /// The same, and none that anyone knew when it came up: it starts at what is new.
    Newest,
}

/// A call by which a user blocks another, or does so no more, as a proof numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockNumber(pub u64);

/// A send, as a proof numbers it: each call is one, also one with an id that was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendNumber(pub u64);

/// Something that a client did or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device comes up that is owed entries. Before anything else of it. After `LoggedOut` it is
    /// another device of the same name.
    Device {
        /// Which.
        device: Device,
        /// What it must have had in the end.
        owed: Owed,
    },
    /// What a device is owed ends: it was logged out, or may be soon.
    LoggedOut {
        /// Which.
        device: Device,
    },
    /// A user blocks another, or does so no more: recorded before the call.
    Blocking {
        /// Its number.
        call: BlockNumber,
        /// Who.
        by: UserId,
        /// Whom.
        other: UserId,
        /// Or no more.
        blocked: bool,
    },
    /// It is so: recorded after the answer. One without an answer may be done at any time.
    Blocked {
        /// Its number.
        call: BlockNumber,
    },
    /// A user wants to be a contact of another, from now on at some time: recorded before the
    /// call.
    Wanting {
        /// Who.
        by: UserId,
        /// Whose.
        other: UserId,
    },
    /// An invitation to a group is made, perhaps: recorded before the call. Each has a key of its
    /// own, and is made in one way only.
    Inviting {
        /// By whom.
        by: UserId,
        /// The group.
        chat: ChatId,
        /// As it was asked for.
        invitation: Invitation,
    },
    /// An invitation is taken back, for good: recorded after the answer.
    Uninvited {
        /// The group.
        chat: ChatId,
        /// Its name.
        id: InviteId,
    },
    /// A send begins: recorded before the call.
    Invoked {
        /// Its number.
        send: SendNumber,
        /// By whom.
        by: Device,
        /// Where to.
        chat: ChatId,
        /// How its sender names it.
        id: MessageId,
        /// The encoded content.
        content: Bytes,
    },
    /// It was accepted: recorded after the answer.
    Accepted {
        /// Its number.
        send: SendNumber,
        /// The place that it was given.
        seq: u64,
    },
    /// It was refused for good.
    Rejected {
        /// Its number.
        send: SendNumber,
        /// Why, if this version knows the code.
        code: Option<RejectCode>,
    },
    /// Its client ended without an answer.
    Unknown {
        /// Its number.
        send: SendNumber,
    },
    /// An entry was handed over to a device's app.
    Delivered {
        /// To which.
        to: Device,
        /// What.
        entry: Entry,
    },
    /// A user saw some of a chat's log, at any time: what was shown must stay.
    Page {
        /// Who.
        reader: UserId,
        /// What.
        entries: Vec<Entry>,
    },
    /// A user read a chat's log from end to end, after all faults.
    Log {
        /// Who.
        reader: UserId,
        /// Which chat.
        chat: ChatId,
        /// All that the user may see, in order.
        entries: Vec<Entry>,
    },
}

/// Events, in the order in which they were recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// They.
    pub events: Vec<Event>,
}

/// Records the history of many clients; clones record into the same one.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    history: History,
    sends: u64,
    blocks: u64,
}

impl Recorder {
    /// Adds an event.
    pub fn add(&self, event: Event) {
        self.state().history.events.push(event);
    }

    /// Adds the beginning of a send, and gives its number.
    pub fn invoke(&self, by: &Device, chat: &ChatId, id: MessageId, content: &Bytes) -> SendNumber {
        let mut state = self.state();
        let send = SendNumber(state.sends);
        state.sends += 1;
        let (by, chat, content) = (by.clone(), chat.clone(), content.clone());
        state.history.events.push(Event::Invoked { send, by, chat, id, content });
        send
    }

    /// Adds the beginning of a block, or of its end, and gives its number.
    pub fn block(&self, by: &UserId, other: &UserId, blocked: bool) -> BlockNumber {
        let mut state = self.state();
        let call = BlockNumber(state.blocks);
        state.blocks += 1;
        let (by, other) = (by.clone(), other.clone());
        state.history.events.push(Event::Blocking { call, by, other, blocked });
        call
    }

    /// How many events were recorded so far.
    pub fn len(&self) -> usize {
        self.state().history.events.len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that was recorded so far.
    pub fn history(&self) -> History {
        self.state().history.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // An event is added whole or not at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
