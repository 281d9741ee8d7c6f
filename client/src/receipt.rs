//! Who has had an entry and who has read it, as a client asks for it. Must never tell of more than
//! the server does.

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::{RECEIPT_RANGES_MAX, RECEIPTS_WATCHED_MAX};
use packetboat_proto::packet::{
    Answer, AskReceipts, Operation, Readers, ReceiptCounts, ReceiptRule, ReceiptState, Receipts,
};
use packetboat_proto::seqs::SeqRange;

use crate::client::Client;
use crate::error::RequestError;

impl Client {
    /// How many of the other members of a chat have had the entries of at most 64 ranges, and have
    /// read them. Where there are more steps than one answer holds, it ends early and says so: ask
    /// again from behind its last step.
    pub async fn receipts(
        &self,
        chat: &ChatId,
        ranges: Vec<SeqRange>,
    ) -> Result<ReceiptCounts, RequestError> {
        check(ranges.len(), RECEIPT_RANGES_MAX)?;
        match self.ask_receipts(AskReceipts::Counts { chat: chat.clone(), ranges }).await? {
            Receipts::Counts(counts) => Ok(counts),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Some of the other members with whom an entry has come so far: those after `after`. Go on
    /// with [`Readers::next`]; a page may be empty although there is one.
    pub async fn readers(
        &self,
        chat: &ChatId,
        seq: u64,
        state: ReceiptState,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Readers, RequestError> {
        let (chat, state) = (chat.clone(), Some(state));
        match self.ask_receipts(AskReceipts::Readers { chat, seq, state, after, limit }).await? {
            Receipts::Readers(readers) => Ok(readers),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Is told by [`Notice::Receipts`](crate::Notice) when receipts of groups have moved, at most
    /// once a second for each, and of others no more. After a lost connection the client watches
    /// them again by itself, and asks the app for nothing: what moved meanwhile is told as if it
    /// had moved then.
    pub async fn watch_receipts(
        &self,
        add: Vec<ChatId>,
        remove: Vec<ChatId>,
    ) -> Result<(), RequestError> {
        check(add.len().max(remove.len()), RECEIPTS_WATCHED_MAX)?;
        match self.ask_receipts(AskReceipts::Watch { add, remove }).await? {
            Receipts::Watched => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Whether others are told what the user has read, and the user what they have.
    pub async fn set_receipts(&self, rule: ReceiptRule) -> Result<(), RequestError> {
        match self.ask_receipts(AskReceipts::Set(Some(rule))).await? {
            Receipts::Set => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn ask_receipts(&self, asked: AskReceipts) -> Result<Receipts, RequestError> {
        match self.ask(Operation::Receipts(asked)).await? {
            Answer::Receipts(receipts) => Ok(receipts),
            _ => Err(RequestError::Unexpected),
        }
    }
}

fn check(count: usize, max: usize) -> Result<(), RequestError> {
    if count > max { Err(RequestError::TooMany { count, max }) } else { Ok(()) }
}
