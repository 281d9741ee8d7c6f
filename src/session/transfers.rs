//! What a session asks about files: a lane of its own beside the questions, answered in order,
//! one at a time, within a rate of bytes. Pure. Must never stop the reading of a socket, nor let a
//! chunk go ahead of anything else that is to be written.

use std::collections::VecDeque;

use packetboat_proto::code::RejectCode;
use packetboat_proto::limits::{
    BODY_OVERHEAD_BYTES, FILE_CHUNK_BYTES_MAX, FILE_REQUESTS_MAX, PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
};
use packetboat_proto::packet::{Answer, Operation, Request, Response, Verdict};
use packetboat_proto::time::Time;

use super::rate::{Bucket, Rate};

/// Bytes that one file takes of a page at most: its id, its hash, its media type, five numbers.
pub const FILE_STATE_BYTES_MAX: u32 = 256;
/// What a request about files counts for at least, in bytes.
pub const TRANSFER_COST_MIN: u32 = 1024;

/// The requests of a session about files.
#[derive(Debug)]
pub struct Transfers {
    body_max: u32,
    rate: Bucket,
    waiting: VecDeque<(u64, Operation)>,
    asking: Option<u64>,
}

/// Whether a request is one of these.
pub fn is_transfer(request: &Request) -> bool {
    matches!(
        request.operation,
        Some(
            Operation::FileBegin(_)
                | Operation::FilePut(_)
                | Operation::FileGet(_)
                | Operation::FileState { .. }
                | Operation::Files { .. }
        )
    )
}

fn cost(operation: &Operation) -> u32 {
    let chunk = u32::try_from(FILE_CHUNK_BYTES_MAX).expect("a chunk is small");
    let bytes = match operation {
        Operation::FilePut(put) => u32::try_from(put.bytes.len()).unwrap_or(u32::MAX),
        Operation::FileGet(get) if get.length == 0 => chunk,
        Operation::FileGet(get) => get.length.min(chunk),
        Operation::FileBegin(begin) => u32::try_from(begin.thumbnail.len()).unwrap_or(u32::MAX),
        _ => 0,
    };
    bytes.max(TRANSFER_COST_MIN)
}

impl Transfers {
    /// None yet; answers are to fit bodies of `body_max` bytes, and the rate is one of bytes.
    pub fn new(now: Time, body_max: u32, rate: Rate) -> Self {
        Self { body_max, rate: Bucket::new(rate, now), waiting: VecDeque::new(), asking: None }
    }

    /// Takes a request; one that is too much is refused at once, so that what comes behind it on
    /// the same connection need not wait.
    pub fn take(&mut self, request: Request, retry_after_ms: u32) -> Option<Response> {
        let operation = request.operation?;
        let unanswered = self.waiting.len() + usize::from(self.asking.is_some());
        if unanswered >= FILE_REQUESTS_MAX {
            let reason = format!("{FILE_REQUESTS_MAX} requests about files may be unanswered");
            let verdict = Verdict::reject(RejectCode::RateLimited, &reason, retry_after_ms);
            return Some(Response { id: request.id, answer: Err(verdict) });
        }
        self.waiting.push_back((request.id, self.bounded(operation)));
        None
    }

    /// What to ask next, if the last one is answered and the rate allows it. What brings bytes
    /// back is asked for only when the way out is `free`: nothing else waits to be written.
    pub fn next_request(&mut self, now: Time, free: bool) -> Option<Operation> {
        if self.asking.is_some() || !self.rate.ready(now) {
            return None;
        }
        let (_, first) = self.waiting.front()?;
        if matches!(first, Operation::FileGet(_)) && !free {
            return None;
        }
        let (id, operation) = self.waiting.pop_front()?;
        self.rate.take_of(now, cost(&operation));
        self.asking = Some(id);
        Some(operation)
    }

    /// It is answered.
    pub fn answered(&mut self, answer: Result<Answer, Verdict>) -> Option<Response> {
        let id = self.asking.take()?;
        Some(Response { id, answer })
    }

    /// Whether nothing is unanswered, and nothing of the rate is used.
    pub fn is_rested(&mut self, now: Time) -> bool {
        self.waiting.is_empty() && self.asking.is_none() && self.rate.is_full(now)
    }

    /// When to ask for the next one, if it waits for the rate.
    pub fn paused_until(&self) -> Option<Time> {
        let waits = self.asking.is_none() && !self.waiting.is_empty();
        waits.then(|| self.rate.paused_until()).flatten()
    }

    /// The operation with a limit that its answer's body can hold.
    fn bounded(&self, mut operation: Operation) -> Operation {
        if let Operation::Files { limit, .. } = &mut operation {
            let wanted = if *limit == 0 { PAGE_ITEMS_DEFAULT } else { *limit };
            let fits = (self.body_max - BODY_OVERHEAD_BYTES) / FILE_STATE_BYTES_MAX;
            *limit = wanted.min(PAGE_ITEMS_MAX).min(fits);
        }
        operation
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use packetboat_proto::id::FileId;
    use packetboat_proto::packet::{FileGet, FilePart, FilePut};

    use super::*;

    const UNLIMITED: Rate = Rate { per_second: 0, burst: 0 };

    fn transfers(rate: Rate) -> Transfers {
        Transfers::new(Time::default(), 65_536, rate)
    }

    fn get(id: u64) -> Request {
        let file = FileId::from([1; 16]);
        let get = FileGet { file, chat: None, offset: 0, length: 0, part: FilePart::Whole };
        Request { id, operation: Some(Operation::FileGet(get)) }
    }

    fn put(id: u64) -> Request {
        let file = FileId::from([1; 16]);
        let put = FilePut { file, offset: 0, bytes: Bytes::from_static(&[0; 2_000]) };
        Request { id, operation: Some(Operation::FilePut(put)) }
    }

    fn refusal() -> Result<Answer, Verdict> {
        Err(Verdict::reject(RejectCode::NotAllowed, "", 0))
    }

    #[test]
    fn a_chunk_is_asked_for_when_nothing_else_waits_to_be_written() {
        let (mut lane, now) = (transfers(UNLIMITED), Time::default());
        assert!(lane.take(get(1), 5).is_none() && lane.take(get(2), 5).is_none());
        assert!(lane.next_request(now, false).is_none());
        assert!(lane.next_request(now, true).is_some());
        assert!(lane.next_request(now, true).is_none(), "one at a time");
        assert_eq!(lane.answered(refusal()).unwrap().id, 1);
        assert!(lane.next_request(now, false).is_none());
        assert!(lane.next_request(now, true).is_some());
    }

    #[test]
    fn what_is_too_much_is_refused_and_does_not_wait() {
        let mut lane = transfers(UNLIMITED);
        for id in 0..4 {
            assert!(lane.take(put(id), 5).is_none());
        }
        let refused = lane.take(put(4), 5).unwrap();
        assert_eq!(refused.id, 4);
        let verdict = refused.answer.unwrap_err();
        assert_eq!(verdict.reject_code(), Some(RejectCode::RateLimited));
        assert!(lane.next_request(Time::default(), false).is_some(), "puts need no free way out");
    }

    #[test]
    fn bytes_come_at_their_rate() {
        let mut lane = transfers(Rate { per_second: 1_000, burst: 1_000 });
        let now = Time::default();
        assert!(lane.paused_until().is_none() && lane.is_rested(now));
        for id in 0..2 {
            lane.take(put(id), 5);
        }
        assert!(lane.next_request(now, true).is_some());
        lane.answered(refusal());
        assert!(lane.next_request(now, true).is_none());
        let until = lane.paused_until().unwrap();
        assert_eq!(until, Time::from_ms(1_001));
        assert!(lane.next_request(until, true).is_some());
        assert!(lane.paused_until().is_none(), "nothing waits for the rate");
    }

    #[test]
    fn a_page_of_files_fits_its_body() {
        let mut lane = Transfers::new(Time::default(), 16 * 1024, UNLIMITED);
        let operation = Some(Operation::Files { after: None, limit: 9_999 });
        lane.take(Request { id: 1, operation }, 0);
        let asked = lane.next_request(Time::default(), true);
        assert_eq!(asked, Some(Operation::Files { after: None, limit: 60 }));
    }
}
