//! The requests of a connection: which lane each takes, and the answers. Must never answer one that
//! was not asked.

use packetboat_proto::packet::{Answer, Packet, Request, Response, Verdict};
use packetboat_proto::time::Time;

use super::Flow;
use crate::session::port::{Action, Work};
use crate::session::state::State;
use crate::session::transfers::is_transfer;

impl Flow {
    pub(super) fn asked(&mut self, now: Time, request: Request, out: &mut Vec<Action>) {
        let after = self.rules.retry_after_ms;
        let desk = self.desk(now);
        if let Some(operation) = &request.operation {
            desk.rooms.asked(operation);
        }
        let response = if is_transfer(&request) {
            desk.transfers.take(request, after)
        } else {
            desk.questions.take(now, request)
        };
        self.respond(response, out);
    }

    pub(super) fn transferred(
        &mut self,
        now: Time,
        answer: Result<Answer, Verdict>,
        out: &mut Vec<Action>,
    ) {
        let response = self.desk(now).transfers.answered(answer);
        self.respond(response, out);
    }

    /// Starts the next request about files. To be called after `settle`, when there is room for an
    /// answer; the way out is `free` when nothing waits to be written.
    pub fn transfer(&mut self, now: Time, free: bool, out: &mut Vec<Action>) {
        if let (State::Open, Some(desk)) = (&self.state, &mut self.desk) {
            let next = desk.transfers.next_request(now, free);
            out.extend(next.map(Work::Transfer).map(Action::Start));
        }
    }

    pub(super) fn respond(&self, response: Option<Response>, out: &mut Vec<Action>) {
        if let Some(response) = response {
            self.write(Packet::Response(response), out);
        }
    }
}
