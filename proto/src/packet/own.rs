//! What a user has set for itself, and its devices share (SPEC.md section 5.10). Must never hold
//! what another user may know of.

use bytes::Bytes;
use prost::Message;

use crate::id::ChatId;
use crate::limits::{
    DRAFT_BYTES_MAX, HIDDEN_RANGES_MAX, HIDE_RANGES_MAX, PAGE_ITEMS_MAX, PAGE_RANGES_MAX,
};
use crate::schema::{self, own_item, request, response, set_own};
use crate::seqs::{SeqRange, SeqSet};
use crate::unfold::check_count;

use super::body::{BodyError, check_length, short};
use super::contact::{Block, Contact};

/// What is asked about a user's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// What has changed.
    Changes {
        /// Items of a higher revision; 0: all that there is.
        after: u64,
        /// Items at most; 0 leaves it to the server.
        limit: u32,
    },
    /// Mark a chat.
    SetMarks(SetMarks),
    /// Keep what was begun to write in a chat; nothing: there is none any more.
    SetDraft(ChatDraft),
    /// Hide entries of a chat, beside those that are hidden.
    Hide {
        /// The chat.
        chat: ChatId,
        /// Which, at most 100 ranges.
        ranges: Vec<SeqRange>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnAnswer {
    /// To `Changes`.
    Changes(OwnPage),
    /// To `SetMarks` and `SetDraft`: the revision that the item has; 0: there is none.
    Set(u64),
    /// To `Hide`, likewise.
    Hide(u64),
}

/// Some of a user's items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPage {
    /// In ascending order of revision.
    pub items: Vec<OwnItem>,
    /// There are more.
    pub more: bool,
    /// The newest revision there is.
    pub revision: u64,
    /// Removals up to this revision are forgotten.
    pub floor: u64,
}

/// An item, with the revision that it was set by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnItem {
    /// Counts all that the user has set.
    pub revision: u64,
    /// What was set; `None`: something that this version does not know.
    pub item: Option<Item>,
}

/// One thing that a user has set. With the defaults of its kind, it is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// How a chat is to be shown.
    Marks {
        /// The chat.
        chat: ChatId,
        /// How.
        marks: Marks,
    },
    /// What was begun to write in a chat.
    Draft(ChatDraft),
    /// The entries of a chat that the user has deleted for itself.
    Hidden {
        /// The chat.
        chat: ChatId,
        /// Which.
        seqs: SeqSet,
    },
    /// What is known of another user.
    Contact(Contact),
    /// That nothing is to be heard of another user.
    Block(Block),
}

/// How a user wants a chat to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Until then it calls the user for nothing, in milliseconds of Unix time.
    pub quiet_until_ms: u64,
    /// Its place among the pinned chats, from 1 on; 0: it is not pinned.
    pub pinned: u32,
    /// It is put away.
    pub archived: bool,
    /// It is shown as unread, whatever has been read.
    pub unread: bool,
}

/// A change of a chat's marks. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMarks {
    /// The chat.
    pub chat: ChatId,
    /// As in [`Marks`].
    pub quiet_until_ms: Option<u64>,
    /// As in [`Marks`].
    pub pinned: Option<u32>,
    /// As in [`Marks`].
    pub archived: Option<bool>,
    /// As in [`Marks`].
    pub unread: Option<bool>,
}

/// What a user has begun to write in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatDraft {
    /// The chat.
    pub chat: ChatId,
    /// The words so far, at most 3,072 bytes.
    pub text: String,
    /// The seq that it answers; 0: none.
    pub reply_to: u64,
}

impl Item {
    /// The chat that it is of, if it is of one.
    pub const fn chat(&self) -> Option<&ChatId> {
        match self {
            Self::Marks { chat, .. }
            | Self::Draft(ChatDraft { chat, .. })
            | Self::Hidden { chat, .. } => Some(chat),
            Self::Contact(_) | Self::Block(_) => None,
        }
    }

    /// How many ranges it has.
    pub fn ranges(&self) -> usize {
        match self {
            Self::Marks { .. } | Self::Draft(_) | Self::Contact(_) | Self::Block(_) => 0,
            Self::Hidden { seqs, .. } => seqs.ranges().len(),
        }
    }

    /// Whether it says that there is nothing.
    pub fn is_removed(&self) -> bool {
        match self {
            Self::Marks { marks, .. } => *marks == Marks::default(),
            Self::Draft(draft) => draft.text.is_empty() && draft.reply_to == 0,
            Self::Hidden { seqs, .. } => seqs.is_empty(),
            Self::Contact(contact) => contact.is_none(),
            Self::Block(block) => !block.blocked,
        }
    }
}

impl SetMarks {
    /// A change of nothing.
    pub const fn of(chat: ChatId) -> Self {
        Self { chat, quiet_until_ms: None, pinned: None, archived: None, unread: None }
    }

    /// The marks as they are after the change.
    pub fn applied_to(&self, marks: Marks) -> Marks {
        Marks {
            quiet_until_ms: self.quiet_until_ms.unwrap_or(marks.quiet_until_ms),
            pinned: self.pinned.unwrap_or(marks.pinned),
            archived: self.archived.unwrap_or(marks.archived),
            unread: self.unread.unwrap_or(marks.unread),
        }
    }
}

/// The field numbers of the lists in a `Request`, each with the most that it may hold.
pub(super) const REQUEST_LISTS: [([u32; 2], usize); 1] = [([36, 2], HIDE_RANGES_MAX)];

/// Refuses a `Response` that would unfold into more than a page of items may hold.
pub(super) fn check_lists(body: &[u8]) -> Result<(), BodyError> {
    const RANGES: [u32; 4] = [33, 1, 4, 2];
    check_count(body, &RANGES[..2], PAGE_ITEMS_MAX as usize)?;
    Ok(check_count(body, &RANGES, PAGE_RANGES_MAX)?)
}

fn range_of(wire: schema::SeqRange) -> Result<SeqRange, BodyError> {
    let schema::SeqRange { first, last } = wire;
    let range = SeqRange::new(first, last);
    range.ok_or(BodyError::OutOfBounds { field: "range", value: first })
}

pub(super) fn ranges_of(wire: &[schema::SeqRange]) -> Result<Vec<SeqRange>, BodyError> {
    wire.iter().copied().map(range_of).collect()
}

pub(super) fn wire_of(ranges: &[SeqRange]) -> Vec<schema::SeqRange> {
    let wire = |range: &SeqRange| schema::SeqRange { first: range.first(), last: range.last() };
    ranges.iter().map(wire).collect()
}

impl Own {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(match wire {
            Wire::Own(asked) => Some(Self::Changes { after: asked.after, limit: asked.limit }),
            Wire::SetOwn(asked) => match &asked.item {
                Some(set_own::Item::Marks(set)) => Some(Self::SetMarks(SetMarks::from_wire(set)?)),
                Some(set_own::Item::Draft(draft)) => {
                    Some(Self::SetDraft(ChatDraft::from_wire(draft.clone())?))
                }
                None => None,
            },
            Wire::Hide(asked) => Some(Self::Hide {
                chat: ChatId::new(&asked.chat)?,
                ranges: ranges_of(&asked.ranges)?,
            }),
            _ => None,
        })
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        let set = |item| Wire::SetOwn(schema::SetOwn { item: Some(item) });
        match self {
            Self::Changes { after, limit } => {
                Wire::Own(schema::OwnRequest { after: *after, limit: *limit })
            }
            Self::SetMarks(marks) => set(set_own::Item::Marks(marks.to_wire())),
            Self::SetDraft(draft) => set(set_own::Item::Draft(draft.to_wire())),
            Self::Hide { chat, ranges } => {
                Wire::Hide(schema::Hide { chat: chat.to_string(), ranges: wire_of(ranges) })
            }
        }
    }
}

impl OwnAnswer {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::Own(page) => Self::Changes(OwnPage::from_wire(page)?),
            Wire::SetOwn(set) => Self::Set(set.revision),
            Wire::Hide(set) => Self::Hide(set.revision),
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Changes(page) => Wire::Own(page.to_wire()),
            Self::Set(revision) => Wire::SetOwn(schema::OwnSet { revision: *revision }),
            Self::Hide(revision) => Wire::Hide(schema::OwnSet { revision: *revision }),
        }
    }
}

impl OwnPage {
    fn from_wire(wire: &schema::OwnPage) -> Result<Self, BodyError> {
        let items = wire.items.iter().map(OwnItem::from_wire);
        let items = items.collect::<Result<_, _>>()?;
        Ok(Self { items, more: wire.more, revision: wire.revision, floor: wire.floor })
    }

    fn to_wire(&self) -> schema::OwnPage {
        schema::OwnPage {
            items: self.items.iter().map(OwnItem::to_wire).collect(),
            more: self.more,
            revision: self.revision,
            floor: self.floor,
        }
    }
}

impl OwnItem {
    /// Reads an encoded `OwnItem`.
    pub fn decode(bytes: Bytes) -> Result<Self, BodyError> {
        check_count(&bytes, &[4, 2], HIDDEN_RANGES_MAX)?;
        Self::from_wire(&schema::OwnItem::decode(bytes)?)
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        self.to_wire().encode_to_vec()
    }

    fn from_wire(wire: &schema::OwnItem) -> Result<Self, BodyError> {
        use own_item::Kind;
        let item = match &wire.kind {
            None => None,
            Some(Kind::Marks(of)) => Some(Item::Marks {
                chat: ChatId::new(&of.chat)?,
                marks: Marks::from_wire(of.marks.unwrap_or_default()),
            }),
            Some(Kind::Draft(draft)) => Some(Item::Draft(ChatDraft::from_wire(draft.clone())?)),
            Some(Kind::Contact(contact)) => Some(Item::Contact(Contact::from_wire(contact)?)),
            Some(Kind::Block(block)) => Some(Item::Block(Block::from_wire(block)?)),
            Some(Kind::Hidden(hidden)) => {
                check_length("ranges", hidden.ranges.len(), HIDDEN_RANGES_MAX)?;
                let seqs = SeqSet::from_ranges(ranges_of(&hidden.ranges)?);
                let seqs = seqs.ok_or(BodyError::OutOfBounds { field: "ranges", value: 0 })?;
                Some(Item::Hidden { chat: ChatId::new(&hidden.chat)?, seqs })
            }
        };
        Ok(Self { revision: wire.revision, item })
    }

    fn to_wire(&self) -> schema::OwnItem {
        use own_item::Kind;
        let kind = self.item.as_ref().map(|item| match item {
            Item::Marks { chat, marks } => {
                let marks = (*marks != Marks::default()).then(|| marks.to_wire());
                Kind::Marks(schema::ChatMarks { chat: chat.to_string(), marks })
            }
            Item::Draft(draft) => Kind::Draft(draft.to_wire()),
            Item::Contact(contact) => Kind::Contact(contact.to_wire()),
            Item::Block(block) => Kind::Block(block.to_wire()),
            Item::Hidden { chat, seqs } => {
                let ranges = wire_of(seqs.ranges());
                Kind::Hidden(schema::Hidden { chat: chat.to_string(), ranges })
            }
        });
        schema::OwnItem { revision: self.revision, kind }
    }
}

impl Marks {
    pub(super) fn from_wire(wire: schema::Marks) -> Self {
        let schema::Marks { quiet_until_ms, pinned, archived, unread } = wire;
        Self { quiet_until_ms, pinned, archived, unread }
    }

    pub(super) fn to_wire(self) -> schema::Marks {
        let Self { quiet_until_ms, pinned, archived, unread } = self;
        schema::Marks { quiet_until_ms, pinned, archived, unread }
    }
}

impl SetMarks {
    fn from_wire(wire: &schema::SetMarks) -> Result<Self, BodyError> {
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            quiet_until_ms: wire.quiet_until_ms,
            pinned: wire.pinned,
            archived: wire.archived,
            unread: wire.unread,
        })
    }

    fn to_wire(&self) -> schema::SetMarks {
        schema::SetMarks {
            chat: self.chat.to_string(),
            quiet_until_ms: self.quiet_until_ms,
            pinned: self.pinned,
            archived: self.archived,
            unread: self.unread,
        }
    }
}

impl ChatDraft {
    fn from_wire(wire: schema::ChatDraft) -> Result<Self, BodyError> {
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            text: short("text", wire.text, DRAFT_BYTES_MAX)?,
            reply_to: wire.reply_to,
        })
    }

    fn to_wire(&self) -> schema::ChatDraft {
        schema::ChatDraft {
            chat: self.chat.to_string(),
            text: self.text.clone(),
            reply_to: self.reply_to,
        }
    }
}
