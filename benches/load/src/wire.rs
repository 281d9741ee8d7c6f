//! Messages as they are written and read by the ten thousand: a send is a finished frame of which
//! two places change, and of what comes only the fields that are looked at are read, without a
//! copy. Must never write a field itself: the bytes come from the proto crate.

use bytes::{Bytes, BytesMut};
use packetboat_proto::content::Content;
use packetboat_proto::frame::put_with;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::limits::{HEAD_BYTES, MESSAGE_ID_BYTES};
use packetboat_proto::packet::{Kind, Packet, Send};
use prost::Message;

/// Bytes of a stamp: the message's number and the time of its sending, in hex.
pub const STAMP_BYTES: usize = 32;

/// Of an `Accepted`, what is looked at (SPEC.md section 5.2).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Accepted {
    /// The chat id.
    #[prost(bytes = "bytes", tag = "1")]
    pub chat: Bytes,
    /// The message id.
    #[prost(bytes = "bytes", tag = "2")]
    pub id: Bytes,
    /// The place in the log.
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    /// It had been accepted before.
    #[prost(bool, tag = "5")]
    pub duplicate: bool,
}

/// Of an `Entry`, what is looked at (SPEC.md section 5.3).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Delivered {
    /// The chat id.
    #[prost(bytes = "bytes", tag = "1")]
    pub chat: Bytes,
    /// The place in the log.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    /// The message id.
    #[prost(bytes = "bytes", tag = "4")]
    pub id: Bytes,
    /// The content.
    #[prost(bytes = "bytes", tag = "6")]
    pub content: Bytes,
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its number.
    pub number: u64,
    /// When it was sent, by the generator's clock.
    pub at: u64,
}

/// The messages of one sender in one chat.
#[derive(Clone, Debug)]
pub struct Letter {
    chat: ChatId,
    /// The first half of every message id; the second is the number.
    salt: [u8; MESSAGE_ID_BYTES / 2],
    /// The body of a `Send`, with some stamp.
    body: Vec<u8>,
    /// Where in it the message id is.
    id_at: usize,
    /// Where in it the stamp is.
    stamp_at: usize,
    /// The content, with some stamp.
    content: Bytes,
    /// Where in that the stamp is.
    content_stamp_at: usize,
}

impl Letter {
    /// Texts of so many bytes, at least those of the stamp.
    pub fn new(chat: ChatId, salt: u64, bytes: usize) -> Self {
        let mark = "~".repeat(STAMP_BYTES);
        let text = format!("{mark}{}", ".".repeat(bytes.saturating_sub(STAMP_BYTES)));
        let content = Content::text(text).encode();
        let id = MessageId::from([0xff; MESSAGE_ID_BYTES]);
        let mut frame = BytesMut::new();
        let send = Send { chat: chat.clone(), id, content: content.clone() };
        Packet::Send(send).put(&mut frame);
        let body = frame.split_off(HEAD_BYTES).to_vec();
        Self {
            chat,
            salt: salt.to_be_bytes(),
            id_at: find(&body, id.as_bytes()),
            stamp_at: find(&body, mark.as_bytes()),
            body,
            content_stamp_at: find(&content, mark.as_bytes()),
            content,
        }
    }

    /// Appends the frame of a message.
    pub fn put(&self, out: &mut BytesMut, stamp: Stamp) {
        put_with(out, Kind::Send as u8, |out| {
            let start = out.len();
            out.extend_from_slice(&self.body);
            let body = &mut out[start..];
            let id = &mut body[self.id_at..self.id_at + MESSAGE_ID_BYTES];
            id[..self.salt.len()].copy_from_slice(&self.salt);
            id[self.salt.len()..].copy_from_slice(&stamp.number.to_be_bytes());
            stamp.put(&mut body[self.stamp_at..self.stamp_at + STAMP_BYTES]);
        });
    }

    /// The number of the message that these name, if it is one of these.
    pub fn number(&self, chat: &[u8], id: &[u8]) -> Option<u64> {
        if chat != self.chat.as_str().as_bytes() {
            return None;
        }
        let number = id.strip_prefix(&self.salt)?;
        Some(u64::from_be_bytes(number.try_into().ok()?))
    }

    /// The stamp of a message as it was delivered, if every other byte is as it was sent.
    pub fn stamp(&self, delivered: &Delivered) -> Option<Stamp> {
        let number = self.number(&delivered.chat, &delivered.id)?;
        let (at, content) = (self.content_stamp_at, &delivered.content);
        let end = at + STAMP_BYTES;
        let same = content.len() == self.content.len()
            && content[..at] == self.content[..at]
            && content[end..] == self.content[end..];
        let stamp = if same { Stamp::read(&content[at..end])? } else { return None };
        (stamp.number == number).then_some(stamp)
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> usize {
    let found = bytes.windows(mark.len()).position(|window| window == mark);
    found.expect("what was put in is in there")
}

impl Stamp {
    fn put(self, out: &mut [u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes = self.number.to_be_bytes().into_iter().chain(self.at.to_be_bytes());
        for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (number, at) = text.split_at_checked(STAMP_BYTES / 2)?;
        let read = |half: &[u8]| u64::from_str_radix(std::str::from_utf8(half).ok()?, 16).ok();
        Some(Self { number: read(number)?, at: read(at)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::entry::Entry;
    use packetboat_proto::frame::Frame;
    use packetboat_proto::id::UserId;
    use packetboat_proto::packet;
    use proptest::prelude::*;

    fn chat() -> ChatId {
        ChatId::new("dm:a:b").unwrap()
    }

    fn letter() -> Letter {
        Letter::new(chat(), 7, 200)
    }

    fn frame(out: &mut BytesMut) -> Frame {
        Frame::take(out, 4096).unwrap().unwrap()
    }

    fn sent(letter: &Letter, stamp: Stamp) -> Send {
        let mut out = BytesMut::new();
        letter.put(&mut out, stamp);
        match Packet::decode(&frame(&mut out)) {
            Ok(Some(Packet::Send(send))) => send,
            other => panic!("no send but {other:?}"),
        }
    }

    fn delivered(send: &Send, content: Bytes) -> Delivered {
        let entry = Entry {
            chat: send.chat.clone(),
            seq: 3,
            sender: UserId::new("a").unwrap(),
            id: send.id,
            at_ms: 5,
            content,
        };
        Delivered::decode(entry.encode()).unwrap()
    }

    #[test]
    fn a_text_has_the_bytes_asked_for_and_at_least_those_of_its_stamp() {
        for (asked, is) in [(200, 200), (32, 32), (1, 32)] {
            let send = sent(&Letter::new(chat(), 7, asked), Stamp { number: 1, at: 2 });
            let Ok(Content::Text(text)) = Content::decode(&send.content, 4096) else {
                panic!("no text")
            };
            assert_eq!(text.len(), is);
        }
    }

    #[test]
    fn an_answer_is_read_as_the_proto_crate_writes_it() {
        let (letter, mut out) = (letter(), BytesMut::new());
        let send = sent(&letter, Stamp { number: 9, at: 1 });
        let (chat, id) = (chat(), send.id);
        let accepted = packet::Accepted { chat, id, seq: 3, at_ms: 5, duplicate: true };
        Packet::Accepted(accepted).put(&mut out);
        let read = Accepted::decode(frame(&mut out).body).unwrap();
        assert_eq!(letter.number(&read.chat, &read.id), Some(9));
        assert_eq!((read.seq, read.duplicate), (3, true));
    }

    #[test]
    fn a_message_of_another_chat_or_sender_has_no_number() {
        let (letter, send) = (letter(), sent(&letter(), Stamp { number: 9, at: 1 }));
        assert_eq!(letter.number(b"dm:a:c", send.id.as_bytes()), None);
        assert_eq!(letter.number(b"dm:a:b", &[0; 16]), None);
        assert_eq!(letter.number(b"dm:a:b", &[]), None);
    }

    #[test]
    fn a_changed_content_has_no_stamp() {
        let (letter, send) = (letter(), sent(&letter(), Stamp { number: 9, at: 1 }));
        let whole = delivered(&send, send.content.clone());
        assert_eq!(letter.stamp(&whole), Some(Stamp { number: 9, at: 1 }));
        for at in 0..send.content.len() {
            let mut content = send.content.to_vec();
            content[at] = b'!';
            assert_eq!(letter.stamp(&delivered(&send, content.into())), None, "byte {at}");
        }
        let short = send.content.slice(..send.content.len() - 1);
        assert_eq!(letter.stamp(&delivered(&send, short)), None);
    }

    proptest! {
        #[test]
        fn a_stamp_comes_back_as_it_was(number in any::<u64>(), at in any::<u64>()) {
            let stamp = Stamp { number, at };
            let send = sent(&letter(), stamp);
            prop_assert_eq!(letter().stamp(&delivered(&send, send.content.clone())), Some(stamp));
        }
    }
}
