//! What a text, data or file belongs to: a message that it answers, a thread, where it was said
//! before, whom it calls, how long it stays (SPEC.md sections 6.1 and 6.2). Must never hold an
//! origin that is told in part.

use crate::id::{ChatId, UserId};
use crate::limits::{EXPIRES_MS_HIGHEST, EXPIRES_MS_LOWEST};
use crate::schema;

use super::error::ContentError;
use super::text::{each_once, texts};

/// What a text or data belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// A lower seq of the same chat; 0: it answers none.
    pub reply_to: u64,
    /// The seq of the thread's first entry; 0: it is in none.
    pub thread: u64,
    /// It was said before.
    pub forwarded: Option<Forwarded>,
    /// Whom it calls, at most 50 and each once.
    pub mentions: Vec<UserId>,
    /// It calls everybody in the group.
    pub mentions_all: bool,
    /// How long after the server took it its time is over, in milliseconds; 0: it stays.
    pub expires_after_ms: u64,
}

/// That something was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// Where is not said.
    Somewhere,
    /// There; the server has checked it.
    From(Origin),
}

/// Where something was said, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The chat.
    pub chat: ChatId,
    /// The entry.
    pub seq: u64,
    /// Its sender.
    pub sender: UserId,
}

impl Context {
    pub(super) fn from_wire(wire: &schema::Context) -> Result<Self, ContentError> {
        let forwarded = wire.forwarded.as_ref().map(Forwarded::from_wire).transpose()?;
        if !matches!(wire.expires_after_ms, 0 | EXPIRES_MS_LOWEST..=EXPIRES_MS_HIGHEST) {
            return Err(ContentError::Expiry);
        }
        Ok(Self {
            reply_to: wire.reply_to,
            thread: wire.thread,
            forwarded,
            mentions: each_once(&wire.mentions)?,
            mentions_all: wire.mentions_all,
            expires_after_ms: wire.expires_after_ms,
        })
    }

    /// When the time of a message that the server took at `at_ms` is over, if it ever is.
    pub fn expires_ms(&self, at_ms: u64) -> Option<u64> {
        (self.expires_after_ms > 0).then(|| at_ms.saturating_add(self.expires_after_ms))
    }

    pub(super) fn to_wire(&self) -> schema::Context {
        schema::Context {
            reply_to: self.reply_to,
            thread: self.thread,
            forwarded: self.forwarded.as_ref().map(Forwarded::to_wire),
            mentions: texts(&self.mentions),
            mentions_all: self.mentions_all,
            expires_after_ms: self.expires_after_ms,
        }
    }
}

impl Forwarded {
    fn from_wire(wire: &schema::Origin) -> Result<Self, ContentError> {
        let schema::Origin { chat, seq, sender } = wire;
        match (chat.is_empty(), *seq, sender.is_empty()) {
            (true, 0, true) => Ok(Self::Somewhere),
            (false, 1.., false) => Ok(Self::From(Origin {
                chat: ChatId::new(chat)?,
                seq: *seq,
                sender: UserId::new(sender)?,
            })),
            _ => Err(ContentError::Origin),
        }
    }

    fn to_wire(&self) -> schema::Origin {
        match self {
            Self::Somewhere => schema::Origin::default(),
            Self::From(Origin { chat, seq, sender }) => {
                schema::Origin { chat: chat.to_string(), seq: *seq, sender: sender.to_string() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::content::{Alteration, Content};

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn a_context_comes_back_as_it_was() {
        let origin = Origin { chat: ChatId::group("crew").unwrap(), seq: 3, sender: user("ann") };
        for forwarded in [None, Some(Forwarded::Somewhere), Some(Forwarded::From(origin))] {
            let mentions = vec![user("bob"), user("ann")];
            let context = Context {
                reply_to: 7,
                thread: 2,
                forwarded,
                mentions,
                mentions_all: true,
                expires_after_ms: 60_000,
            };
            let bytes = Content::text("hi").encode_in(&context);
            assert_eq!(Content::decode_whole(&bytes, 999), Ok((Content::text("hi"), context)));
        }
        let nothing = Content::text("hi").encode_in(&Context::default());
        assert_eq!(nothing, Content::text("hi").encode());
    }

    #[test]
    fn an_origin_is_told_whole_or_not_at_all() {
        let told = |chat: &str, seq, sender: &str| {
            let (chat, sender) = (chat.to_owned(), sender.to_owned());
            Forwarded::from_wire(&schema::Origin { chat, seq, sender })
        };
        assert_eq!(told("", 0, ""), Ok(Forwarded::Somewhere));
        assert!(told("group:a", 1, "ann").is_ok());
        for (chat, seq, sender) in
            [("group:a", 1, ""), ("", 1, "ann"), ("group:a", 0, "ann"), ("", 1, "")]
        {
            assert_eq!(told(chat, seq, sender), Err(ContentError::Origin));
        }
        assert!(matches!(told("nowhere", 1, "ann"), Err(ContentError::Id(_))));
    }

    #[test]
    fn only_a_text_or_data_belongs_to_something() {
        let bytes = Content::Entry(Alteration::Recalled { seq: 1 }).encode();
        let context = schema::Content { kind: None, context: Some(schema::Context::default()) };
        let both = [bytes.to_vec(), context.encode_to_vec()].concat();
        assert_eq!(Content::decode(&both.into(), 99), Err(ContentError::Context));
        let alone = context.encode_to_vec();
        assert_eq!(Content::decode(&alone.into(), 99), Err(ContentError::Unsupported));
    }

    #[test]
    fn a_message_stays_or_expires_within_bounds() {
        let expiring = |expires_after_ms| {
            let context = Context { expires_after_ms, ..Context::default() };
            Content::decode_whole(&Content::text("hi").encode_in(&context), 99)
        };
        for (after_ms, expires_ms) in
            [(0, None), (1_000, Some(1_007)), (31_622_400_000, Some(31_622_400_007))]
        {
            let (_, context) = expiring(after_ms).unwrap();
            assert_eq!(context.expires_ms(7), expires_ms);
            assert_eq!(context.expires_ms(u64::MAX), expires_ms.map(|_| u64::MAX));
        }
        for after_ms in [1, 999, 31_622_400_001, u64::MAX] {
            assert_eq!(expiring(after_ms), Err(ContentError::Expiry), "{after_ms}");
        }
    }

    #[test]
    fn so_many_are_mentioned_and_each_once() {
        let mentioning = |count: usize| {
            let mentions = (0..count).map(|number| user(&format!("u{number}"))).collect();
            let context = Context { mentions, ..Context::default() };
            Content::decode(&Content::text("hi").encode_in(&context), 9_999)
        };
        assert!(mentioning(50).is_ok());
        assert_eq!(mentioning(51), Err(ContentError::TooMany { max: 50 }));
        let twice = Context { mentions: vec![user("a"), user("a")], ..Context::default() };
        let twice = Content::decode(&Content::text("hi").encode_in(&twice), 99);
        assert_eq!(twice, Err(ContentError::Twice { user: user("a") }));
    }
}
