//! Own messages that have no seq yet: on their way, or refused. Must never forget one that is on
//! its way.

use bytes::Bytes;
use packetboat_client::{ChatId, Content, GroupChange, MessageId};

/// Messages on their way; further ones are not taken.
const WAITING_MAX: usize = 256;
/// Refused messages that are still shown.
const FAILED_MAX: usize = 50;

/// A message without a seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Where to.
    pub(crate) chat: ChatId,
    /// How it is named.
    pub(crate) id: MessageId,
    /// When it was written, in milliseconds of Unix time.
    pub(crate) at_ms: u64,
    /// What it says, cleaned.
    pub(crate) lines: Vec<String>,
    /// The encoded content.
    pub(crate) content: Bytes,
    /// It is a change to a group, or to another message.
    pub(crate) change: bool,
    /// Why it is refused.
    pub(crate) failed: Option<String>,
}

impl Outgoing {
    /// Whether nothing is left of its room once it is stored.
    pub(crate) fn closes_room(&self) -> bool {
        let content = Content::decode(&self.content, usize::MAX);
        self.chat.is_room() && matches!(content, Ok(Content::Group(GroupChange::Dissolved)))
    }
}

/// Own messages without a seq, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: Vec<Outgoing>,
    /// Files that are being uploaded: each will be a message.
    uploads: usize,
}

impl Outbox {
    /// A file is being uploaded, and has its place.
    pub(crate) fn upload_begun(&mut self) {
        self.uploads += 1;
    }

    /// It is a message now, or never will be.
    pub(crate) fn upload_ended(&mut self) {
        self.uploads = self.uploads.saturating_sub(1);
    }

    /// Messages on their way.
    pub(crate) fn waiting(&self) -> usize {
        self.messages.iter().filter(|message| message.failed.is_none()).count()
    }

    /// Whether no further message is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() + self.uploads >= WAITING_MAX
    }

    /// Takes a message.
    pub(crate) fn push(&mut self, message: Outgoing) {
        self.messages.push(message);
    }

    /// It is stored.
    pub(crate) fn accepted(&mut self, id: MessageId) -> Option<Outgoing> {
        let at = self.messages.iter().position(|message| message.id == id)?;
        Some(self.messages.remove(at))
    }

    /// It is refused. Returns where it was to go.
    pub(crate) fn failed(&mut self, id: MessageId, why: String) -> Option<ChatId> {
        let refused = self.messages.iter_mut().find(|message| message.id == id);
        let chat = refused.map(|message| {
            message.failed = Some(why);
            message.chat.clone()
        });
        let failed = |message: &Outgoing| message.failed.is_some();
        if self.messages.iter().filter(|message| failed(message)).count() > FAILED_MAX
            && let Some(oldest) = self.messages.iter().position(failed)
        {
            self.messages.remove(oldest);
        }
        chat
    }

    /// Those of one chat.
    pub(crate) fn of<'a>(&'a self, chat: &'a ChatId) -> impl Iterator<Item = &'a Outgoing> {
        self.messages.iter().filter(move |message| message.chat == *chat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(n: u8) -> Outgoing {
        let (chat, id) = ("dm:a:b".parse().unwrap(), MessageId::from([n; 16]));
        let (lines, content) = (Vec::new(), Bytes::new());
        Outgoing { chat, id, at_ms: 0, lines, change: false, content, failed: None }
    }

    #[test]
    fn refused_messages_are_shown_but_do_not_pile_up() {
        let mut outbox = Outbox::default();
        for n in 0..=60 {
            outbox.push(outgoing(n));
            assert_eq!(outbox.failed(outgoing(n).id, "no".into()), Some(outgoing(n).chat));
        }
        let chat = outgoing(0).chat;
        assert_eq!(outbox.of(&chat).count(), FAILED_MAX);
        assert_eq!(outbox.of(&chat).last().unwrap().id, outgoing(60).id);
        assert_eq!(outbox.waiting(), 0);
    }

    #[test]
    fn a_file_has_its_place_from_when_its_upload_begins() {
        let mut outbox = Outbox::default();
        (1..WAITING_MAX).for_each(|_| outbox.push(outgoing(1)));
        assert!(!outbox.is_full());
        outbox.upload_begun();
        assert!(outbox.is_full());
        outbox.upload_ended();
        assert!(!outbox.is_full());
        outbox.push(outgoing(1));
        assert!(outbox.is_full());
    }

    #[test]
    fn what_is_stored_is_gone() {
        let mut outbox = Outbox::default();
        outbox.push(outgoing(1));
        assert_eq!(outbox.waiting(), 1);
        assert_eq!(outbox.accepted(outgoing(1).id), Some(outgoing(1)));
        assert_eq!(outbox.accepted(outgoing(1).id), None);
    }
}
