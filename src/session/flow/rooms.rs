//! What a session's rules are for rooms: nothing of one is owed, counted or sent again. Must never
//! let anything of a room through that the session does not listen to.

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{self, Packet, Verdict};
use packetboat_proto::time::Time;

use super::{Action, Flow};
use crate::hub::mailbox::Delivery;

impl Flow {
    /// What is said in a room goes out as it comes, also to who has said it: a gap is a loss.
    pub(super) fn heard_in_room(&self, delivery: &Delivery, out: &mut Vec<Action>) {
        if self.desk.as_ref().is_some_and(|desk| desk.rooms.has(&delivery.chat)) {
            self.metrics.deliveries.one();
            out.push(Action::WriteFrame(delivery.frame.clone()));
        }
    }

    pub(super) fn entries_lost(&mut self, now: Time, out: &mut Vec<Action>) {
        let desk = self.desk(now);
        desk.deliveries.lost();
        // What was lost of rooms is in no scan.
        if !desk.rooms.is_empty() {
            out.push(Action::Write(Packet::Notice(packet::Notice::Missed)));
        }
    }

    /// A room that is over takes no place from another.
    pub(super) fn room_over(&mut self, room: &ChatId) {
        if let Some(desk) = &mut self.desk {
            desk.rooms.leave(room);
        }
    }

    pub(super) fn answered(
        &mut self,
        now: Time,
        answer: Result<packet::Answer, Verdict>,
        out: &mut Vec<Action>,
    ) {
        let desk = self.desk(now);
        // It is in since it has asked, unless the room was over since.
        if let (Some(room), Err(_)) = (desk.questions.joining(), &answer) {
            desk.rooms.leave(room);
        }
        let response = desk.questions.answered(answer);
        self.respond(response, out);
    }
}
