//! The rows of a user's own state, and whom an entry mentions. Must never be shown to another user.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Block, Contact, Item, OwnItem};
use prost::Message;

use super::{RecordError, decoded, malformed};

/// What there is of a user's own state.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct OwnHead {
    /// How often something was set.
    #[prost(uint64, tag = "1")]
    pub(crate) revision: u64,
    /// Removals up to this revision are forgotten.
    #[prost(uint64, tag = "2")]
    pub(crate) floor: u64,
    /// Items that are not removed.
    #[prost(uint32, tag = "3")]
    pub(crate) items: u32,
    /// Users who ask to be contacts.
    #[prost(uint32, tag = "4")]
    pub(crate) asks: u32,
    /// Users who are blocked.
    #[prost(uint32, tag = "5")]
    pub(crate) blocks: u32,
}

impl OwnHead {
    pub(crate) fn to_value(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// Of a user who has set nothing, there is none.
    pub(crate) fn from_value(value: Option<&[u8]>) -> Result<Self, RecordError> {
        value.map_or(Ok(Self::default()), |value| decoded("own state", value))
    }
}

/// An item. Its row is the item as it goes out.
pub(crate) fn decode_item(value: Vec<u8>) -> Result<OwnItem, RecordError> {
    OwnItem::decode(value.into()).map_err(|error| malformed("item", error))
}

/// What a user knows of another, by the row of that.
pub(crate) fn contact_in(value: Option<Vec<u8>>, other: &UserId) -> Result<Contact, RecordError> {
    match item_in(value)? {
        Some(Item::Contact(contact)) => Ok(contact),
        _ => Ok(Contact::of(other.clone())),
    }
}

/// Whether the row of a block blocks.
pub(crate) fn is_block(value: Option<Vec<u8>>) -> Result<bool, RecordError> {
    Ok(matches!(item_in(value)?, Some(Item::Block(Block { blocked: true, .. }))))
}

fn item_in(value: Option<Vec<u8>>) -> Result<Option<Item>, RecordError> {
    Ok(value.map(decode_item).transpose()?.and_then(|item| item.item))
}

/// Whom an entry mentions, beside its sender.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Mentioned {
    #[prost(string, repeated, tag = "1")]
    pub(crate) users: Vec<String>,
    /// It calls everybody but this user, who is its sender; empty: it does not.
    #[prost(string, tag = "2")]
    pub(crate) all_but: String,
}

impl Mentioned {
    pub(crate) fn to_value(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("mention", value)
    }

    /// Whether a user is called.
    pub(crate) fn calls(&self, user: &UserId) -> bool {
        let all = !self.all_but.is_empty() && self.all_but != user.as_str();
        all || self.users.iter().any(|called| called == user.as_str())
    }
}
