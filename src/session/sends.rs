//! The sends of a session: taken in order, appended in one batch at a time, answered one by one.
//! Pure. Must never take more than the session may have unanswered.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::{Accepted, Packet, Rejected, Send, Verdict};
use packetboat_proto::time::Time;

use crate::store::{Draft, Outcome, Refusal, StoreError};

use super::rate::{Bucket, Rate};
use super::rooms::Rooms;

/// Bytes of contents that a session may have unanswered; one send is taken whatever its size.
pub const SEND_BYTES_MAX: usize = 1024 * 1024;

/// The sends of a session.
#[derive(Debug)]
pub struct Sends {
    limit: usize,
    content_max: usize,
    rate: Bucket,
    waiting: Vec<Draft>,
    /// Of the batch that the store has.
    appending: Vec<(ChatId, MessageId)>,
    /// Of contents, waiting or in the store.
    bytes: usize,
    appending_bytes: usize,
}

impl Sends {
    /// None yet; `limit` may be unanswered, each with a content of at most `content_max` bytes.
    pub fn new(now: Time, limit: u32, content_max: u32, rate: Rate) -> Self {
        Self {
            limit: limit as usize,
            content_max: content_max as usize,
            rate: Bucket::new(rate, now),
            waiting: Vec::new(),
            appending: Vec::new(),
            bytes: 0,
            appending_bytes: 0,
        }
    }

    /// Takes a send; a content that is none is answered at once, and so is a message to a room that
    /// is not among those that the session listens to.
    pub fn take(&mut self, now: Time, send: Send, rooms: &Rooms) -> Option<Rejected> {
        self.rate.take(now);
        let Send { chat, id, content: bytes } = send;
        match Content::decode_sent(&bytes, self.content_max) {
            Ok(said) => {
                let draft = Draft::new(chat, id, bytes, said);
                if draft.change.is_none() && draft.chat.is_room() && !rooms.has(&draft.chat) {
                    let reason = "a message to a room comes from a session that has joined it";
                    let verdict = Verdict::reject(RejectCode::NoSuchChat, reason, 0);
                    return Some(Rejected { chat: draft.chat, id, verdict });
                }
                self.bytes += draft.content.len();
                self.waiting.push(draft);
                None
            }
            Err(error) => {
                let verdict = Verdict::reject(error.code(), &error.to_string(), 0);
                Some(Rejected { chat, id, verdict })
            }
        }
    }

    /// The batch to append now, if the store has none of this session.
    pub fn next_batch(&mut self) -> Option<Vec<Draft>> {
        if !self.appending.is_empty() || self.waiting.is_empty() {
            return None;
        }
        let drafts = std::mem::take(&mut self.waiting);
        self.appending = drafts.iter().map(|draft| (draft.chat.clone(), draft.id)).collect();
        self.appending_bytes = self.bytes;
        Some(drafts)
    }

    /// The store has answered: what to tell the sender of each, in order.
    pub fn answered(
        &mut self,
        result: Result<Vec<Outcome>, StoreError>,
        retry_after_ms: u32,
    ) -> Result<Vec<Packet>, StoreError> {
        let appended = std::mem::take(&mut self.appending);
        self.bytes -= std::mem::take(&mut self.appending_bytes);
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(StoreError::Refused(refusal)) => {
                vec![Outcome::Refused(refusal); appended.len()]
            }
            Err(error @ StoreError::Unreadable { .. }) => {
                let refusal = Refusal::new(RejectCode::Unavailable, error.to_string());
                vec![Outcome::Refused(refusal); appended.len()]
            }
            // Whether they are stored is not known, so nothing is said: they may be sent again.
            Err(error @ StoreError::Stopped) => return Err(error),
        };
        let answers = appended.into_iter().zip(outcomes);
        Ok(answers.map(|((chat, id), outcome)| answer(chat, id, outcome, retry_after_ms)).collect())
    }

    /// Whether one more may be taken.
    pub fn has_room(&mut self, now: Time) -> bool {
        // The bucket first: it is to be filled whatever else forbids one more.
        let ready = self.rate.ready(now);
        let unanswered = self.waiting.len() + self.appending.len();
        ready && unanswered < self.limit && self.bytes < SEND_BYTES_MAX
    }

    /// Whether every send is answered.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.appending.is_empty()
    }

    /// Whether nothing of the rate is used.
    pub fn is_rested(&mut self, now: Time) -> bool {
        self.rate.is_full(now)
    }

    /// Until when nothing more is taken, if it is the rate that forbids it.
    pub fn paused_until(&self) -> Option<Time> {
        self.rate.paused_until()
    }
}

fn answer(chat: ChatId, id: MessageId, outcome: Outcome, retry_after_ms: u32) -> Packet {
    match outcome {
        Outcome::Stored { seq, at_ms } => {
            Packet::Accepted(Accepted { chat, id, seq, at_ms, duplicate: false })
        }
        Outcome::Duplicate { seq, at_ms } => {
            Packet::Accepted(Accepted { chat, id, seq, at_ms, duplicate: true })
        }
        Outcome::Refused(refusal) => {
            let verdict = refusal.verdict(retry_after_ms);
            Packet::Rejected(Rejected { chat, id, verdict })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(limit: u32) -> Sends {
        let rate = Rate { per_second: 0, burst: 0 };
        Sends::new(Time::default(), limit, 1_000_000, rate)
    }

    fn send(number: u8, content: &Content) -> Send {
        let chat = ChatId::new("dm:a:b").unwrap();
        Send { chat, id: MessageId::from([number; 16]), content: content.encode() }
    }

    fn take(sends: &mut Sends, send: Send) -> Option<Rejected> {
        sends.take(Time::default(), send, &Rooms::default())
    }

    fn text(number: u8) -> Send {
        send(number, &Content::text("hi"))
    }

    const AFTER: u32 = 2_000;

    #[test]
    fn one_batch_is_in_the_store_at_a_time_and_the_rest_waits_in_order() {
        let mut sends = sends(9);
        assert!(take(&mut sends, text(1)).is_none());
        assert!(matches!(sends.next_batch(), Some(drafts) if drafts.len() == 1));
        take(&mut sends, text(2));
        take(&mut sends, text(3));
        assert!(sends.next_batch().is_none());
        let stored = Outcome::Stored { seq: 4, at_ms: 5 };
        let answers = sends.answered(Ok(vec![stored]), AFTER).unwrap();
        assert!(matches!(&answers[..], [Packet::Accepted(one)] if one.seq == 4 && !one.duplicate));
        let drafts = sends.next_batch().unwrap();
        let ids: Vec<u8> = drafts.iter().map(|draft| draft.id.as_bytes()[0]).collect();
        assert_eq!(ids, [2, 3]);
    }

    #[test]
    fn no_more_are_taken_than_may_be_unanswered() {
        let (mut sends, now) = (sends(2), Time::default());
        take(&mut sends, text(1));
        assert!(sends.has_room(now));
        take(&mut sends, text(2));
        assert!(!sends.has_room(now));
        sends.next_batch();
        assert!(!sends.has_room(now) && !sends.is_idle());
        let outcome = Outcome::Duplicate { seq: 1, at_ms: 1 };
        sends.answered(Ok(vec![outcome.clone(), outcome]), AFTER).unwrap();
        assert!(sends.has_room(now) && sends.is_idle());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let (mut sends, now) = (sends(99), Time::default());
        let large = Content::text("x".repeat(SEND_BYTES_MAX / 2));
        take(&mut sends, send(1, &large));
        assert!(sends.has_room(now));
        take(&mut sends, send(2, &large));
        assert!(!sends.has_room(now));
    }

    #[test]
    fn a_content_that_is_none_is_answered_at_once() {
        let mut sends = sends(9);
        let empty = Send { content: bytes::Bytes::new(), ..text(1) };
        let rejected = take(&mut sends, empty).unwrap();
        assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::Empty));
        assert!(sends.is_idle());
    }

    #[test]
    fn a_stopped_store_says_nothing_about_a_send() {
        let mut sends = sends(9);
        take(&mut sends, text(1));
        sends.next_batch();
        assert_eq!(sends.answered(Err(StoreError::Stopped), AFTER), Err(StoreError::Stopped));
    }

    #[test]
    fn what_the_engine_said_is_not_told_to_a_peer() {
        let mut sends = sends(9);
        take(&mut sends, text(1));
        sends.next_batch();
        let error = StoreError::Unreadable { detail: "/secret/path".into() };
        let answers = sends.answered(Err(error), AFTER).unwrap();
        let [Packet::Rejected(rejected)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::Unavailable));
        assert!(!rejected.verdict.reason.contains("secret"), "{}", rejected.verdict.reason);
    }

    #[test]
    fn a_full_store_says_when_to_try_again() {
        let mut sends = sends(9);
        take(&mut sends, text(1));
        sends.next_batch();
        let refusal = Refusal::new(RejectCode::StoreFull, "full");
        let answers = sends.answered(Ok(vec![Outcome::Refused(refusal)]), AFTER).unwrap();
        let [Packet::Rejected(rejected)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(rejected.verdict.retry_after_ms, 2_000);
    }

    #[test]
    fn a_message_to_a_room_needs_that_the_session_listens_and_a_change_does_not() {
        let (mut sends, now) = (sends(9), Time::default());
        let room = ChatId::room("lobby").unwrap();
        let mut rooms = Rooms::default();
        let hello = || Send { chat: room.clone(), ..text(1) };
        let refused = sends.take(now, hello(), &rooms).unwrap();
        assert_eq!(refused.verdict.reject_code(), Some(RejectCode::NoSuchChat));
        let end = Content::Group(packetboat_proto::content::GroupChange::Dissolved);
        let end = Send { chat: room.clone(), ..send(2, &end) };
        assert!(sends.take(now, end, &rooms).is_none());
        rooms.join(&room);
        assert!(sends.take(now, hello(), &rooms).is_none());
    }
}
