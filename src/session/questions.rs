//! The requests of a session: answered in order, one at a time, with pages that fit a body. Pure.
//! Must never take more than may be unanswered.

use std::collections::VecDeque;

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{
    BODY_OVERHEAD_BYTES, LAST_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, REQUESTS_MAX,
};
use packetboat_proto::packet::{
    Answer, AskKeys, AskReceipts, DeviceOperation, Joining, Operation, Own, Recent, Request,
    Response, Scheduling, Search, Verdict,
};
use packetboat_proto::time::Time;

use super::rate::{Bucket, Rate};

/// Bytes that one chat takes of a page, mostly: its id, its name, ten numbers. Where it is more,
/// the page ends earlier.
pub const CHAT_STATE_BYTES: u32 = 400;
/// Bytes that one member takes of a page at most: its id, three numbers.
pub const MEMBER_BYTES_MAX: u32 = 100;
/// Bytes that one device takes of a page at most: its id, four texts, two times.
pub const DEVICE_STATE_BYTES_MAX: u32 = 360;
/// Bytes that the keys of one device take of a page at most: an id, an identity, a proof.
pub const DEVICE_KEYS_BYTES_MAX: u32 = 900;

/// The requests of a session.
#[derive(Debug)]
pub struct Questions {
    body_max: u32,
    rate: Bucket,
    waiting: VecDeque<(u64, Operation)>,
    asking: Option<(u64, Option<ChatId>)>,
}

impl Questions {
    /// None yet; answers are to fit bodies of `body_max` bytes.
    pub fn new(now: Time, body_max: u32, rate: Rate) -> Self {
        Self { body_max, rate: Bucket::new(rate, now), waiting: VecDeque::new(), asking: None }
    }

    /// Takes a request; one that is not known is answered at once.
    pub fn take(&mut self, now: Time, request: Request) -> Option<Response> {
        self.rate.take(now);
        let Some(operation) = request.operation else {
            let reason = "this server does not know the operation";
            let verdict = Verdict::reject(RejectCode::Unsupported, reason, 0);
            return Some(Response { id: request.id, answer: Err(verdict) });
        };
        self.waiting.push_back((request.id, self.bounded(operation)));
        None
    }

    /// The next question to ask, if the last one is answered.
    pub fn next_question(&mut self) -> Option<Operation> {
        if self.asking.is_some() {
            return None;
        }
        let (id, operation) = self.waiting.pop_front()?;
        let joining = match &operation {
            Operation::RoomJoin { room } => Some(room.clone()),
            _ => None,
        };
        self.asking = Some((id, joining));
        Some(operation)
    }

    /// The room that is being joined, unless what waits says otherwise of it.
    pub fn joining(&self) -> Option<&ChatId> {
        let (_, joining) = self.asking.as_ref()?;
        let joining = joining.as_ref()?;
        let waits = |operation: &Operation| match operation {
            Operation::RoomJoin { room } | Operation::RoomLeave { room } => room == joining,
            _ => false,
        };
        let undone = self.waiting.iter().any(|(_, operation)| waits(operation));
        (!undone).then_some(joining)
    }

    /// The question is answered.
    pub fn answered(&mut self, answer: Result<Answer, Verdict>) -> Option<Response> {
        let (id, _) = self.asking.take()?;
        Some(Response { id, answer })
    }

    /// Whether one more may be taken.
    pub fn has_room(&mut self, now: Time) -> bool {
        // The bucket first: it is to be filled whatever else forbids one more.
        let ready = self.rate.ready(now);
        let unanswered = self.waiting.len() + usize::from(self.asking.is_some());
        ready && unanswered < REQUESTS_MAX
    }

    /// Whether no request is unanswered, and nothing of the rate is used.
    pub fn is_rested(&mut self, now: Time) -> bool {
        self.waiting.is_empty() && self.asking.is_none() && self.rate.is_full(now)
    }

    /// Until when nothing more is taken, if it is the rate that forbids it.
    pub fn paused_until(&self) -> Option<Time> {
        self.rate.paused_until()
    }

    /// The operation with a limit that its answer's body can hold.
    fn bounded(&self, mut operation: Operation) -> Operation {
        let (limit, item_bytes) = match &mut operation {
            Operation::History { limit, .. }
            | Operation::Thread { limit, .. }
            | Operation::Scheduling(Scheduling::List { limit, .. })
            | Operation::Search(Search { limit, .. })
            | Operation::Own(Own::Changes { limit, .. }) => (limit, 1),
            Operation::Keys(AskKeys::Devices { limit, .. }) => (limit, DEVICE_KEYS_BYTES_MAX),
            Operation::Chats { limit, .. } => (limit, CHAT_STATE_BYTES),
            Operation::Recent(Recent { limit, last_bytes, .. }) => {
                *last_bytes = (*last_bytes).min(LAST_BYTES_MAX);
                (limit, CHAT_STATE_BYTES)
            }
            Operation::Members { limit, .. }
            | Operation::Receipts(AskReceipts::Readers { limit, .. })
            | Operation::Joining(Joining::Requests { limit, .. }) => (limit, MEMBER_BYTES_MAX),
            Operation::Device(DeviceOperation::List { limit, .. }) => {
                (limit, DEVICE_STATE_BYTES_MAX)
            }
            _ => return operation,
        };
        let wanted = if *limit == 0 { PAGE_ITEMS_DEFAULT } else { *limit };
        let fits = (self.body_max - BODY_OVERHEAD_BYTES) / item_bytes;
        *limit = wanted.min(PAGE_ITEMS_MAX).min(fits);
        operation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::limits::BODY_BYTES_LOWEST;

    fn questions(body_max: u32) -> Questions {
        Questions::new(Time::default(), body_max, Rate { per_second: 0, burst: 0 })
    }

    fn chats(id: u64, limit: u32) -> Request {
        Request { id, operation: Some(Operation::Chats { after: None, limit }) }
    }

    fn asked_limit(questions: &mut Questions, request: Request) -> u32 {
        questions.take(Time::default(), request);
        match questions.next_question() {
            Some(Operation::Chats { limit, .. }) => limit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn questions_are_asked_one_at_a_time_and_in_order() {
        let mut questions = questions(65_536);
        for id in 1..=2 {
            let chat = ChatId::new("dm:a:b").unwrap();
            let operation = Some(Operation::Chat { chat });
            assert!(questions.take(Time::default(), Request { id, operation }).is_none());
        }
        assert!(questions.next_question().is_some() && questions.next_question().is_none());
        let refusal = || Err(Verdict::reject(RejectCode::NoSuchChat, "", 0));
        for id in 1..=2 {
            assert_eq!(questions.answered(refusal()).unwrap().id, id);
            questions.next_question();
        }
        assert!(questions.answered(refusal()).is_none());
    }

    #[test]
    fn a_page_is_bounded_by_the_protocol_and_by_the_body() {
        assert_eq!(asked_limit(&mut questions(262_144), chats(1, 0)), PAGE_ITEMS_DEFAULT);
        assert_eq!(asked_limit(&mut questions(262_144), chats(1, 9_999)), PAGE_ITEMS_MAX);
        assert_eq!(asked_limit(&mut questions(BODY_BYTES_LOWEST), chats(1, 9_999)), 38);
    }

    #[test]
    fn no_more_are_taken_than_may_be_unanswered() {
        let mut questions = questions(65_536);
        for id in 0..16 {
            assert!(questions.has_room(Time::default()));
            questions.take(Time::default(), chats(id, 1));
        }
        questions.next_question();
        assert!(!questions.has_room(Time::default()));
    }

    #[test]
    fn an_unknown_operation_is_answered_at_once() {
        let unknown = Request { id: 5, operation: None };
        let response = questions(65_536).take(Time::default(), unknown).unwrap();
        assert_eq!(response.answer.unwrap_err().reject_code(), Some(RejectCode::Unsupported));
    }
}
