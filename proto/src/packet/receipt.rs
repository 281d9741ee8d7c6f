//! What is asked and told of receipts: who has had an entry, and who has read it (SPEC.md section
//! 5.13). Must never unfold more items than its bounds allow.

use crate::id::{ChatId, UserId};
use crate::limits::{PAGE_ITEMS_MAX, RECEIPT_RANGES_MAX, RECEIPTS_WATCHED_MAX};
use crate::schema;
use crate::schema::{request, response};
use crate::seqs::SeqRange;

use super::body::{BodyError, optional, text};
use super::own::{ranges_of, wire_of};

/// What is asked about receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskReceipts {
    /// How many of the others have had the entries of ranges, and have read them.
    Counts {
        /// The chat.
        chat: ChatId,
        /// At most 64.
        ranges: Vec<SeqRange>,
    },
    /// Which of the others have read an entry, have it, or wait for it.
    Readers {
        /// The chat.
        chat: ChatId,
        /// The entry.
        seq: u64,
        /// Which of them; `None`: what this version does not know, and a server refuses.
        state: Option<ReceiptState>,
        /// Those after this one, in order of user id.
        after: Option<UserId>,
        /// Users at most; 0 leaves it to the server.
        limit: u32,
    },
    /// To be told when receipts of groups have moved, from now on or no more.
    Watch {
        /// At most 16 groups.
        add: Vec<ChatId>,
        /// At most 16 groups.
        remove: Vec<ChatId>,
    },
    /// Whether others are told what the user has read; `None`: what this version does not know, and
    /// a server refuses.
    Set(Option<ReceiptRule>),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipts {
    /// To `Counts`.
    Counts(ReceiptCounts),
    /// To `Readers`.
    Readers(Readers),
    /// To `Watch`: it is so from now on.
    Watched,
    /// To `Set`: it is so from now on.
    Set,
}

/// How many have had entries, and have read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptCounts {
    /// Range by range, each in ascending order of seq.
    pub steps: Vec<ReceiptStep>,
    /// There are more behind the last step.
    pub more: bool,
    /// Who asks hides what it reads, and is not told what others have read.
    pub hidden: bool,
}

/// Entries of which the same is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptStep {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Other members who may see them.
    pub members: u32,
    /// Of these, those who have them on a device.
    pub delivered: u32,
    /// Of these, those who have read them.
    pub read: u32,
}

/// How far an entry has come with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// It is read.
    Read,
    /// It is on a device, and not read as far as is told.
    Delivered,
    /// It is on no device yet.
    Waiting,
}

/// Some of the members with whom an entry has come as far as was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// In ascending order.
    pub users: Vec<UserId>,
    /// Those after this one are not looked at yet; `None`: that is all.
    pub next: Option<UserId>,
}

/// Whether others are told what a user has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptRule {
    /// They are.
    #[default]
    Told,
    /// They are not, and the user is not told what they have read.
    Hidden,
}

impl ReceiptRule {
    fn from_wire(wire: schema::ReceiptRule) -> Option<Self> {
        match wire {
            schema::ReceiptRule::Unspecified => None,
            schema::ReceiptRule::Told => Some(Self::Told),
            schema::ReceiptRule::Hidden => Some(Self::Hidden),
        }
    }

    fn to_wire(rule: Option<Self>) -> i32 {
        match rule {
            None => schema::ReceiptRule::Unspecified.into(),
            Some(Self::Told) => schema::ReceiptRule::Told.into(),
            Some(Self::Hidden) => schema::ReceiptRule::Hidden.into(),
        }
    }
}

impl ReceiptState {
    fn from_wire(wire: schema::ReceiptState) -> Option<Self> {
        match wire {
            schema::ReceiptState::Unspecified => None,
            schema::ReceiptState::Read => Some(Self::Read),
            schema::ReceiptState::Delivered => Some(Self::Delivered),
            schema::ReceiptState::Waiting => Some(Self::Waiting),
        }
    }

    fn to_wire(state: Option<Self>) -> i32 {
        match state {
            None => schema::ReceiptState::Unspecified.into(),
            Some(Self::Read) => schema::ReceiptState::Read.into(),
            Some(Self::Delivered) => schema::ReceiptState::Delivered.into(),
            Some(Self::Waiting) => schema::ReceiptState::Waiting.into(),
        }
    }
}

/// The field numbers of the lists in a `Request`, each with the most that it may hold.
pub(super) const REQUEST_LISTS: [([u32; 2], usize); 3] = [
    ([80, 2], RECEIPT_RANGES_MAX),
    ([84, 1], RECEIPTS_WATCHED_MAX),
    ([84, 2], RECEIPTS_WATCHED_MAX),
];
/// The same in a `Response`.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 2] =
    [([81, 1], PAGE_ITEMS_MAX as usize), ([83, 1], PAGE_ITEMS_MAX as usize)];

fn chats(ids: &[String]) -> Result<Vec<ChatId>, BodyError> {
    Ok(ids.iter().map(|chat| ChatId::new(chat)).collect::<Result<_, _>>()?)
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl AskReceipts {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::Receipts(asked) => {
                let ranges = ranges_of(&asked.ranges)?;
                Self::Counts { chat: ChatId::new(&asked.chat)?, ranges }
            }
            Wire::Readers(asked) => Self::Readers {
                chat: ChatId::new(&asked.chat)?,
                seq: asked.seq,
                state: ReceiptState::from_wire(asked.state()),
                after: optional(&asked.after, UserId::new)?,
                limit: asked.limit,
            },
            Wire::SetReceipts(asked) => Self::Set(ReceiptRule::from_wire(asked.rule())),
            Wire::WatchReceipts(asked) => {
                Self::Watch { add: chats(&asked.add)?, remove: chats(&asked.remove)? }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::Counts { chat, ranges } => {
                let ranges = wire_of(ranges);
                Wire::Receipts(schema::ReceiptsRequest { chat: chat.to_string(), ranges })
            }
            Self::Readers { chat, seq, state, after, limit } => {
                Wire::Readers(schema::ReadersRequest {
                    chat: chat.to_string(),
                    seq: *seq,
                    state: ReceiptState::to_wire(*state),
                    after: text(after.as_ref()),
                    limit: *limit,
                })
            }
            Self::Set(rule) => {
                Wire::SetReceipts(schema::SetReceipts { rule: ReceiptRule::to_wire(*rule) })
            }
            Self::Watch { add, remove } => Wire::WatchReceipts(schema::WatchReceipts {
                add: texts(add),
                remove: texts(remove),
            }),
        }
    }
}

impl Receipts {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::Receipts(page) => Self::Counts(ReceiptCounts {
                steps: page.steps.iter().map(ReceiptStep::from_wire).collect(),
                more: page.more,
                hidden: page.hidden,
            }),
            Wire::Readers(page) => {
                let users = page.users.iter().map(|user| UserId::new(user));
                let users = users.collect::<Result<_, _>>()?;
                Self::Readers(Readers { users, next: optional(&page.next, UserId::new)? })
            }
            Wire::WatchReceipts(_) => Self::Watched,
            Wire::SetReceipts(_) => Self::Set,
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Counts(counts) => Wire::Receipts(schema::ReceiptsPage {
                steps: counts.steps.iter().map(|step| step.to_wire()).collect(),
                more: counts.more,
                hidden: counts.hidden,
            }),
            Self::Readers(Readers { users, next }) => Wire::Readers(schema::ReadersPage {
                users: texts(users),
                next: text(next.as_ref()),
            }),
            Self::Watched => Wire::WatchReceipts(schema::Unit {}),
            Self::Set => Wire::SetReceipts(schema::Unit {}),
        }
    }
}

impl ReceiptStep {
    fn from_wire(wire: &schema::ReceiptStep) -> Self {
        let schema::ReceiptStep { first, last, members, delivered, read } = *wire;
        Self { first, last, members, delivered, read }
    }

    fn to_wire(self) -> schema::ReceiptStep {
        let Self { first, last, members, delivered, read } = self;
        schema::ReceiptStep { first, last, members, delivered, read }
    }
}
