//! What happens to the view, and what it wants done. Must never carry a socket or a terminal.

use bytes::Bytes;
use crossterm::event::KeyEvent;
use packetboat_client::{
    Accepted, ChatDraft, ChatId, ChatState, Content, Context, Edge, Ending, Entry, Event, InviteId,
    InviteLink, Member, MessageId, OwnState, Page, Presence, ReceiptRule, ReceiptStep,
    RequestError, RoomState, ScheduledName, SendError, SeqRange, SetMarks, SignalKind, UserId,
};

use super::completion::Paths;
use super::device::Devices;
use super::file::Files;
use super::people::People;
use super::presence::Here;

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A key.
    Key(KeyEvent),
    /// A text was put in at once.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Time has passed.
    Tick,
    /// Something of the client's.
    Net(Event),
    /// What became of an effect.
    Answer(Answer),
}

/// What is done about coming into a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Come in, or ask to.
    Enter(InviteLink),
    /// Show what the group is.
    Card(InviteLink),
    /// Make a link.
    Invite {
        /// To this group.
        group: ChatId,
        /// Good until then, in milliseconds of Unix time; 0: for good.
        expires_ms: u64,
        /// So often; 0: any number of times.
        uses: u32,
        /// It lets one ask to come in, and no more.
        asks: bool,
    },
    /// Show the links.
    Invites(ChatId),
    /// Make a link bad.
    Uninvite {
        /// To this group.
        group: ChatId,
        /// Which.
        id: InviteId,
    },
    /// Show who asks to come in.
    Requests(ChatId),
    /// Do not let in who asks.
    Refuse {
        /// Into this group.
        group: ChatId,
        /// Who.
        users: Vec<UserId>,
    },
}

/// What is done about messages that are sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// Have one sent.
    Schedule {
        /// How it is named.
        name: ScheduledName,
        /// What it says.
        text: String,
        /// Where it belongs, and how long it stays.
        context: Box<Context>,
        /// When, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// Show them.
    List,
    /// Do not have one sent.
    Unschedule(ScheduledName),
}

/// What became of an effect.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The user's chats.
    Chats(Vec<ChatState>),
    /// One chat.
    Chat(ChatState),
    /// What the user has set for itself.
    Own(OwnState),
    /// How a room is.
    Room(RoomState),
    /// A room that is listened to from now on.
    Joined(RoomState),
    /// A page of a chat's log.
    Page {
        /// The chat.
        chat: ChatId,
        /// As it was asked for.
        edge: Edge,
        /// What was found.
        page: Result<Page<Entry>, Trouble>,
    },
    /// Who is online.
    Presence(Vec<Presence>),
    /// Who is in a chat.
    Members {
        /// The chat.
        chat: ChatId,
        /// They, or the first of them.
        members: Page<Member>,
    },
    /// The users that are in a chat, to be named.
    Names {
        /// The chat.
        chat: ChatId,
        /// They, or the first of them.
        users: Vec<UserId>,
    },
    /// How the user's devices are named.
    Devices(Vec<String>),
    /// What is in a folder.
    Paths(Paths),
    /// What is pinned in a chat.
    Pins {
        /// The chat.
        chat: ChatId,
        /// The seqs.
        seqs: Vec<u64>,
    },
    /// What is said in a thread.
    Thread {
        /// In which chat.
        chat: ChatId,
        /// The message that it begins with.
        of: u64,
        /// That one, and the first of the others.
        entries: Page<Entry>,
    },
    /// How many have had and read messages of a group; `None`: that is not told.
    Receipts {
        /// The group.
        chat: ChatId,
        /// They.
        steps: Option<Vec<ReceiptStep>>,
    },
    /// Whether the user is away from this device.
    Away(bool),
    /// Others are told what is read from now on, or not.
    ReadsTold(ReceiptRule),
    /// What became of a message.
    Sent {
        /// Which.
        id: MessageId,
        /// Where it is stored, or why it is not.
        outcome: Result<Accepted, SendError>,
    },
    /// What is to be sent later.
    Scheduled {
        /// In the order of the lines.
        names: Vec<ScheduledName>,
        /// What they say.
        lines: Vec<String>,
    },
    /// The links to a group.
    Invites {
        /// The group.
        group: ChatId,
        /// In the order of the lines.
        ids: Vec<InviteId>,
        /// What they are good for.
        lines: Vec<String>,
    },
    /// A file is on the server: what says so is to be sent.
    Uploaded {
        /// Where to.
        chat: ChatId,
        /// What the message says.
        content: Content,
        /// How long it stays.
        context: Context,
    },
    /// A file that was to be sent is not on the server, and why.
    NotUploaded(String),
    /// How far something is.
    Underway(String),
    /// Lines to look at.
    Sheet {
        /// What they are about.
        title: String,
        /// They.
        lines: Vec<String>,
    },
    /// The user is in a group.
    Entered(ChatId),
    /// Something was done.
    Told(String),
    /// Something could not be had.
    Failed(String),
}

/// Why a page could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A sentence.
    pub(crate) why: String,
    /// Asking again would not help: there is no such chat, or it is not the user's.
    pub(crate) refused: bool,
}

impl From<RequestError> for Trouble {
    fn from(error: RequestError) -> Self {
        let again = matches!(error, RequestError::Timeout | RequestError::Disconnected);
        Self { why: error.to_string(), refused: !again }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send a message.
    Send {
        /// Where to.
        chat: ChatId,
        /// How it is named.
        id: MessageId,
        /// An encoded content.
        content: Bytes,
    },
    /// Something about messages that are sent later.
    Later(Later),
    /// Show what has these words, in one chat or in all.
    Search(String, Option<ChatId>),
    /// Ask for the user's chats.
    AskChats,
    /// Ask for one chat.
    AskChat(ChatId),
    /// Ask for one room.
    AskRoom(ChatId),
    /// Read what has changed of what the user has set for itself.
    SyncOwn,
    /// Show a chat otherwise, on all devices.
    Mark(SetMarks),
    /// Keep what was begun to write, for all devices.
    KeepDraft(ChatDraft),
    /// Delete a message for the user alone.
    Hide {
        /// In which chat.
        chat: ChatId,
        /// Which.
        seq: u64,
    },
    /// Ask for a page of a chat's log.
    AskPage {
        /// The chat.
        chat: ChatId,
        /// From where, and which way.
        edge: Edge,
    },
    /// Be told whether users are there as it changes, or no more.
    Watch {
        /// Of these.
        add: Vec<UserId>,
        /// Of these no more.
        remove: Vec<UserId>,
    },
    /// Be told when receipts move, or no more.
    WatchReceipts {
        /// Of these groups.
        add: Vec<ChatId>,
        /// Of these no more.
        remove: Vec<ChatId>,
    },
    /// Ask how many have had and read messages of a group, to show it beside them.
    AskReceipts {
        /// The group.
        chat: ChatId,
        /// Which messages.
        ranges: Vec<SeqRange>,
    },
    /// Set what others see of the user.
    Here(Here),
    /// Show how a group or a room is.
    About(ChatId),
    /// Show what is said in a thread.
    AskThread {
        /// In which chat.
        chat: ChatId,
        /// The message that it begins with.
        of: u64,
    },
    /// Show how many have had and read the messages from one on.
    AskCounts {
        /// In which chat.
        chat: ChatId,
        /// From there on.
        first: u64,
    },
    /// Ask who is in a chat.
    AskMembers(ChatId),
    /// Ask for the names of who is in a chat.
    AskNames(ChatId),
    /// Ask what is in a folder, to be named.
    AskPaths(Paths),
    /// Do something about coming into a group.
    Door(Door),
    /// Do something about files.
    Files(Files),
    /// Do something about the user's own devices.
    Devices(Devices),
    /// Do something about contacts and blocks.
    People(People),
    /// Ask with whom a message has come how far.
    AskReaders {
        /// In which chat.
        chat: ChatId,
        /// Which message.
        seq: u64,
    },
    /// Ask who the devices of a user are; `None`: the user's own.
    AskKeys(Option<UserId>),
    /// Tell others what is read, or hide it.
    TellReads(ReceiptRule),
    /// Ask what is pinned in a chat.
    AskPins(ChatId),
    /// Listen to a room.
    Join(ChatId),
    /// Listen to a room no more.
    Part(ChatId),
    /// The user has read the chat up to this seq.
    Read {
        /// The chat.
        chat: ChatId,
        /// Up to here.
        seq: u64,
    },
    /// Tell the others what the user is doing.
    Signal {
        /// In this chat.
        chat: ChatId,
        /// That.
        kind: SignalKind,
    },
    /// Paint all of the screen anew: something else has written on it.
    Repaint,
    /// Leave.
    Quit,
    /// Leave, since no session could be opened at all.
    GiveUp(Ending),
}

impl Effect {
    /// Asks how a chat stands. A room is no chat of anybody's, and is asked about in its own way.
    pub(crate) fn ask_about(chat: ChatId) -> Self {
        if chat.is_room() { Self::AskRoom(chat) } else { Self::AskChat(chat) }
    }
}
