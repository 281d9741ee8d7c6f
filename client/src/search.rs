//! Search in the user's chats. Must never search here: the server has what this device never had.

use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, Operation, Search, SearchPlace};

use crate::client::Client;
use crate::error::RequestError;

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The newest first; in the place of one that was edited, its newest edit.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; `None`: that was all.
    pub next: Option<SearchPlace>,
}

impl Client {
    /// What has all of the words, in one chat or in all of the user's, the newest first, behind
    /// the `next` of the page before. A page may be empty and have a `next`. A limit of 0 leaves it
    /// to the server, which refuses with `UNSUPPORTED` if it has no search.
    pub async fn search(
        &self,
        words: &str,
        chat: Option<&ChatId>,
        before: Option<&SearchPlace>,
        limit: u32,
    ) -> Result<Found, RequestError> {
        let words = words.to_owned();
        let asked = Search { words, chat: chat.cloned(), before: before.cloned(), limit };
        match self.ask(Operation::Search(asked)).await? {
            Answer::Search(page) => {
                let entries = page.entries.into_iter().map(Entry::decode);
                let entries = entries.collect::<Result<_, _>>();
                let entries = entries.map_err(|_| RequestError::Unexpected)?;
                Ok(Found { entries, next: page.next })
            }
            _ => Err(RequestError::Unexpected),
        }
    }
}
