//! What a client does to entries: says them differently, takes them back, reacts, pins, answers,
//! forwards. Must never keep a picture of a chat: the log has it, and `timeline` folds it.

use std::time::Duration;

use packetboat_proto::content::{Alteration, Body, Content, Context, Forwarded, Origin};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, Operation};

use crate::client::{Client, Page};
use crate::error::{RequestError, SendError};
use crate::sending::Sending;

impl Client {
    /// Says a text or data in a context: what it answers, its thread, whom it calls.
    pub async fn send_in(
        &self,
        chat: &ChatId,
        content: &Content,
        context: &Context,
    ) -> Result<Sending, SendError> {
        self.send_with_id(chat, Self::new_message_id(), content.encode_in(context)).await
    }

    /// Says something that is gone for all so long after the server took it: a second to 366 days.
    pub async fn send_expiring(
        &self,
        chat: &ChatId,
        content: &Content,
        after: Duration,
    ) -> Result<Sending, SendError> {
        let expires_after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.send_in(chat, content, &Context { expires_after_ms, ..Context::default() }).await
    }

    /// Answers an entry of the chat.
    pub async fn reply(
        &self,
        chat: &ChatId,
        reply_to: u64,
        content: &Content,
    ) -> Result<Sending, SendError> {
        self.send_in(chat, content, &Context { reply_to, ..Context::default() }).await
    }

    /// Says something in the thread that begins with an entry of the chat.
    pub async fn send_in_thread(
        &self,
        chat: &ChatId,
        thread: u64,
        content: &Content,
    ) -> Result<Sending, SendError> {
        self.send_in(chat, content, &Context { thread, ..Context::default() }).await
    }

    /// Says in a chat what was said elsewhere. With `origin` the server checks that it was said
    /// there, and the receivers are told where; without, only that it was said before.
    pub async fn forward(
        &self,
        chat: &ChatId,
        body: Body,
        origin: Option<Origin>,
    ) -> Result<Sending, SendError> {
        let forwarded = Some(origin.map_or(Forwarded::Somewhere, Forwarded::From));
        let context = Context { forwarded, ..Context::default() };
        self.send_in(chat, &body.into(), &context).await
    }

    /// Says an own message differently, as long as the server allows.
    pub async fn edit(&self, chat: &ChatId, seq: u64, new: Body) -> Result<Sending, SendError> {
        self.alter(chat, Alteration::Edited { seq, new }).await
    }

    /// Erases what a message said: an own one as long as the server allows; in a group the owner
    /// and the admins also those of members.
    pub async fn recall(&self, chat: &ChatId, seq: u64) -> Result<Sending, SendError> {
        self.alter(chat, Alteration::Recalled { seq }).await
    }

    /// Reacts to a message, or takes a reaction back: 1 to 64 bytes.
    pub async fn react(
        &self,
        chat: &ChatId,
        seq: u64,
        reaction: &str,
        taken_back: bool,
    ) -> Result<Sending, SendError> {
        let reaction = reaction.to_owned();
        self.alter(chat, Alteration::Reacted { seq, reaction, taken_back }).await
    }

    /// Pins a message, or pins it no more. In a group only the owner and the admins may.
    pub async fn pin(&self, chat: &ChatId, seq: u64, unpinned: bool) -> Result<Sending, SendError> {
        self.alter(chat, Alteration::Pinned { seq, unpinned }).await
    }

    /// The seqs of what is pinned in a chat, ascending.
    pub async fn pins(&self, chat: &ChatId) -> Result<Vec<u64>, RequestError> {
        match self.ask(Operation::Pins { chat: chat.clone() }).await? {
            Answer::Pins(seqs) => Ok(seqs),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of the thread that begins with the entry `of`, which is not in it: the first entries
    /// behind `after`. A limit of 0 leaves it to the server.
    pub async fn thread(
        &self,
        chat: &ChatId,
        of: u64,
        after: u64,
        limit: u32,
    ) -> Result<Page<Entry>, RequestError> {
        let chat = chat.clone();
        match self.ask(Operation::Thread { chat, seq: of, after, limit }).await? {
            Answer::Thread { entries, more } => {
                let entries = entries.into_iter().map(Entry::decode);
                let items = entries.collect::<Result<_, _>>();
                Ok(Page { items: items.map_err(|_| RequestError::Unexpected)?, more })
            }
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn alter(&self, chat: &ChatId, alteration: Alteration) -> Result<Sending, SendError> {
        self.send(chat, &Content::Entry(alteration)).await
    }
}
