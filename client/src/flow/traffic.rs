//! What goes over an open connection, both ways. Must never send more than the server's limits
//! allow.

use bytes::Bytes;
use packetboat_proto::code::{CloseCode, RejectCode, Retry};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{BODY_OVERHEAD_BYTES, HANDSHAKE_BODY_BYTES_MAX};
use packetboat_proto::packet::{
    Accepted as Stored, Answer, Notice, Packet, Rejected, Response, Verdict,
};
use packetboat_proto::time::Time;
use tokio::sync::oneshot;

use super::{Action, Flow, Phase};
use crate::asks::Stand;
use crate::command::Command;
use crate::draft::Draft;
use crate::error::SendError;
use crate::event::{Event, Lost};
use crate::handover::Doings;
use crate::heartbeat::Beat;
use crate::outbox::{Next, Room};
use crate::sending::Accepted;

/// Messages that may go out behind the `Hello`, before the server has named its limit.
const EARLY_SENDS_MAX: usize = 32;
/// Bytes of a content that may.
const EARLY_CONTENT_BYTES_MAX: usize = HANDSHAKE_BODY_BYTES_MAX as usize - 256;
/// What a message is taken to need on the wire beside its content, in bytes.
const SEND_OVERHEAD_BYTES: usize = 128;
/// Pings of the app that may be without a pong; an older one is given up.
const PINGS_MAX: usize = 16;

impl Flow {
    pub(super) fn packet(&mut self, now: Time, packet: Packet, out: &mut Vec<Action>) {
        match (&self.phase, packet) {
            (Phase::Greeting { .. }, Packet::Welcome(welcome)) => self.welcome(now, welcome, out),
            (Phase::Greeting { .. } | Phase::Open(_), Packet::Goodbye(verdict)) => {
                self.goodbye(now, verdict, out);
            }
            (Phase::Open(_), packet) => self.open_packet(now, packet, out),
            (Phase::Greeting { .. }, packet) => self.misplaced(now, &packet, out),
            // Left already: what still comes is of the connection before.
            (Phase::Idle { .. } | Phase::Dialing { .. } | Phase::Over(_), _) => {}
        }
    }

    fn open_packet(&mut self, now: Time, packet: Packet, out: &mut Vec<Action>) {
        if is_of_use(&packet) {
            self.reconnect.progress();
        }
        match packet {
            Packet::Accepted(stored) => self.answered(now, stored, out),
            Packet::Rejected(rejected) => self.rejected(now, rejected),
            Packet::Deliver(entry) => self.deliver(now, entry, out),
            Packet::Ping(token) => self.write(now, Packet::Pong(token), out),
            Packet::Pong(token) => self.pong(token),
            Packet::Signal(signal) => out.push(Action::Tell(Event::Signal(signal))),
            Packet::Notice(notice) => {
                if notice == Notice::Missed {
                    self.missed(now);
                }
                out.push(Action::Tell(Event::Notice(notice)));
            }
            Packet::Response(response) => self.response(now, response, out),
            Packet::Hello(_)
            | Packet::Welcome(_)
            | Packet::Goodbye(_)
            | Packet::Send(_)
            | Packet::Ack(_)
            | Packet::Request(_) => self.misplaced(now, &packet, out),
        }
    }

    fn misplaced(&mut self, now: Time, packet: &Packet, out: &mut Vec<Action>) {
        let detail = format!("a {:?} may not come here", packet.kind());
        self.fault(now, CloseCode::WrongState, detail, out);
    }

    fn response(&mut self, now: Time, response: Response, out: &mut Vec<Action>) {
        let states = match &response.answer {
            Ok(Answer::Chat(state)) => std::slice::from_ref(&**state),
            Ok(Answer::Chats { chats, .. }) => chats,
            _ => &[],
        };
        for state in states {
            self.inbox.compare(&state.chat, state.head);
        }
        if let Some((operation, own)) = self.asks.of(response.id) {
            self.live_answered(now, operation, own, &response.answer, out);
        }
        if let Some(stand) = self.asks.answered(response) {
            self.stands(now, stand, out);
        }
    }

    /// What the client itself asked for is there.
    pub(super) fn stands(&mut self, now: Time, stand: Stand, out: &mut Vec<Action>) {
        let Stand { chat, cursor, state } = stand;
        if let Some(state) = state.as_ref().filter(|state| state.head < cursor) {
            self.reset(&chat, state.head, out);
        }
        self.inbox.anchor(now, &chat, state.map(|state| state.delivered));
    }

    /// The server's log of the chat is younger than what was had of it.
    fn reset(&mut self, chat: &ChatId, head: u64, out: &mut Vec<Action>) {
        let (chat, cursor) = (chat.clone(), self.inbox.had(chat));
        self.outbox.forget_known(&chat);
        self.asks.forget_position(&chat);
        if self.inbox.reset(&chat) {
            out.push(Action::Tell(Event::LogReset { chat, head, cursor }));
        }
    }

    fn answered(&mut self, now: Time, stored: Stored, out: &mut Vec<Action>) {
        if self.outbox.is_late(&stored.chat, stored.id) {
            return;
        }
        let draft = self.outbox.draft(&stored.chat, stored.id);
        if !stored.duplicate && draft.is_some_and(|draft| stored.seq <= draft.known) {
            self.reset(&stored.chat, stored.seq, out);
        }
        self.accepted(now, stored);
    }

    fn accepted(&mut self, now: Time, stored: Stored) {
        if stored.chat.is_room() {
            self.live.rooms.accepted(&stored.chat, stored.seq);
        } else {
            self.inbox.accepted(now, &stored.chat, stored.seq);
        }
        if let Some(draft) = self.outbox.take(&stored.chat, stored.id) {
            draft.reply.end(Ok(Accepted {
                chat: stored.chat,
                id: stored.id,
                seq: stored.seq,
                at_ms: stored.at_ms,
                duplicate: stored.duplicate,
            }));
        }
    }

    fn rejected(&mut self, now: Time, rejected: Rejected) {
        let Rejected { chat, id, verdict } = rejected;
        if self.outbox.is_late(&chat, id) || !self.outbox.refused(&chat, id) {
            return;
        }
        let Some(draft) = self.outbox.draft(&chat, id) else {
            return;
        };
        // What does not say when to try again means later: an unknown code loses no message.
        if verdict.retry == Some(Retry::Never) || draft.once {
            if let Some(draft) = self.outbox.take(&chat, id) {
                draft.reply.end(Err(SendError::Rejected { id, verdict }));
            }
        } else {
            let wait = self.reconnect.after_refusal(&verdict);
            draft.reply.put_off(verdict);
            self.outbox.put_off(&chat, id, now + wait);
        }
    }

    fn deliver(&mut self, now: Time, entry: Entry, out: &mut Vec<Action>) {
        // An own message whose acceptance was lost with its connection shows here to be stored.
        if entry.sender == self.config.user
            && let Some(draft) = self.outbox.draft(&entry.chat, entry.id)
            && says_the_same(&draft.content, &entry.content)
        {
            self.outbox.came_early(&entry.chat, entry.id);
            self.accepted(
                now,
                Stored {
                    chat: entry.chat.clone(),
                    id: entry.id,
                    seq: entry.seq,
                    at_ms: entry.at_ms,
                    duplicate: true,
                },
            );
        }
        if entry.chat.is_room() {
            self.heard_in_room(entry, out);
        } else if self.inbox.deliver(now, &entry.chat, entry.seq) {
            out.push(Action::Tell(Event::Entry(entry)));
        }
    }

    fn pong(&mut self, token: u64) {
        if self.ack_ping == Some(token) {
            self.ack_ping = None;
            self.inbox.pong_came();
        }
        if let Some(at) = self.pings.iter().position(|(sent, _)| *sent == token)
            && let Some((_, reply)) = self.pings.remove(at)
        {
            reply.send(()).ok();
        }
    }

    pub(super) fn command(&mut self, now: Time, command: Command, out: &mut Vec<Action>) {
        match command {
            Command::Send(draft) => self.send(draft),
            Command::Ask(ask) => match &self.phase {
                Phase::Over(ending) => ask.refuse(ending),
                _ => self.asks.push(now, ask),
            },
            Command::Signal(signal) => {
                if matches!(self.phase, Phase::Open(_)) {
                    self.write(now, Packet::Signal(signal), out);
                }
            }
            Command::Ping(reply) => self.ping(now, Some(reply), out),
            // Who asked may be gone.
            Command::Cursors(reply) => drop(reply.send(self.inbox.cursors())),
            Command::Close(reply) => {
                self.closers.push(reply);
                self.close(now, out);
            }
        }
    }

    fn send(&mut self, mut draft: Draft) {
        draft.known = self.inbox.had(&draft.chat);
        if let Phase::Over(ending) = &self.phase {
            let (id, ending) = (draft.id, ending.clone());
            draft.reply.end(Err(SendError::Closed { id, ending }));
        } else if let Err(draft) = self.outbox.push(draft) {
            let id = draft.id;
            draft.reply.end(Err(SendError::Pending { id }));
        }
    }

    fn ping(&mut self, now: Time, reply: Option<oneshot::Sender<()>>, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        let token = self.next_token;
        self.next_token += 1;
        if let Some(reply) = reply {
            if self.pings.len() == PINGS_MAX {
                self.pings.pop_front();
            }
            self.pings.push_back((token, reply));
        }
        if self.ack_ping.is_none() {
            self.ack_ping = Some(token);
            self.inbox.ping_sent();
        }
        self.write(now, Packet::Ping(token), out);
    }

    pub(super) fn doings(&mut self, now: Time, doings: Doings, out: &mut Vec<Action>) {
        self.inbox.count_passed(doings.passed);
        let mut held_back = false;
        // Nothing of a room is acknowledged.
        for (chat, marks) in doings.marks.into_iter().filter(|(chat, _)| !chat.is_room()) {
            if marks.taken > 0 {
                self.inbox.take(now, &chat, marks.taken);
            }
            if marks.passed > 0 {
                self.inbox.pass(now, &chat, marks.passed);
            }
            if marks.acked > 0 {
                self.inbox.finish(now, &chat, marks.acked);
            }
            if marks.read > 0 {
                self.inbox.read(now, &chat, marks.read);
            }
            held_back |= marks.restarted && self.inbox.thaw(&chat);
        }
        // What was held back comes again, and in order, on another connection.
        if held_back && matches!(self.phase, Phase::Open(_)) {
            self.reconnect_now(now, out);
        }
        if doings.reconnect {
            self.reconnect_now(now, out);
        }
    }

    pub(super) fn tick_open(&mut self, now: Time, out: &mut Vec<Action>) {
        self.tick_live(now);
        let Phase::Open(session) = &mut self.phase else {
            return;
        };
        if session.steady_at.is_some_and(|at| at <= now) {
            session.steady_at = None;
            self.reconnect.progress();
        }
        match session.heartbeat.beat(now) {
            Beat::Rest => {}
            Beat::Ping => self.ping(now, None, out),
            Beat::Dead => self.give_up(now, CloseCode::HeartbeatTimeout, Lost::Silent, out),
        }
    }

    /// Sends what waits: acks, requests, and messages of about `bytes` bytes together.
    pub(crate) fn pump(&mut self, now: Time, bytes: usize, out: &mut Vec<Action>) {
        let room = match &self.phase {
            Phase::Greeting { .. } if !self.is_wary => {
                Room { sends: EARLY_SENDS_MAX, content: EARLY_CONTENT_BYTES_MAX, is_final: false }
            }
            Phase::Open(session) => {
                let limits = &session.limits;
                let body = limits.max_body.saturating_sub(BODY_OVERHEAD_BYTES);
                Room {
                    sends: limits.sends as usize,
                    content: limits.max_content.min(body) as usize,
                    is_final: true,
                }
            }
            _ => return,
        };
        if self.inbox.must_flush(now) {
            self.flush_acks(now, out);
        }
        if room.is_final {
            self.pump_asks(now, out);
        }
        self.pump_sends(now, room, bytes, out);
    }

    fn pump_asks(&mut self, now: Time, out: &mut Vec<Action>) {
        if !self.asks.position_is_open()
            && let Some((chat, cursor)) = self.inbox.next_adrift()
        {
            self.asks.push_position(now, chat, cursor);
        }
        while let Some(request) = self.asks.next_to_send() {
            if let Some(operation) = &request.operation {
                self.asks_out(operation);
            }
            self.write(now, Packet::Request(request), out);
        }
    }

    fn pump_sends(&mut self, now: Time, room: Room, mut bytes: usize, out: &mut Vec<Action>) {
        while bytes > 0 {
            match self.outbox.next(now, room) {
                Some(Next::Send(send)) => {
                    bytes = bytes.saturating_sub(send.content.len() + SEND_OVERHEAD_BYTES);
                    self.write(now, Packet::Send(send), out);
                }
                Some(Next::TooLarge(draft)) => {
                    let (bytes, max) = (draft.content.len(), room.content);
                    let reason = format!("{bytes} bytes, the server takes {max}");
                    let verdict = Verdict::reject(RejectCode::TooLarge, &reason, 0);
                    let id = draft.id;
                    draft.reply.end(Err(SendError::Rejected { id, verdict }));
                }
                None => return,
            }
        }
    }

    pub(super) fn flush_acks(&mut self, now: Time, out: &mut Vec<Action>) {
        let bytes_max = match &self.phase {
            Phase::Open(session) => session.limits.max_body,
            _ => HANDSHAKE_BODY_BYTES_MAX,
        };
        loop {
            let cursors = self.inbox.flush(bytes_max as usize);
            if cursors.is_empty() {
                return;
            }
            self.write(now, Packet::Ack(cursors), out);
        }
    }

    pub(super) fn write(&mut self, now: Time, packet: Packet, out: &mut Vec<Action>) {
        if let Phase::Open(session) = &mut self.phase {
            session.heartbeat.sent(now);
        }
        out.push(Action::Write(packet));
    }

    pub(super) fn heard(&mut self, now: Time) {
        if let Phase::Open(session) = &mut self.phase {
            session.heartbeat.heard(now);
        }
    }
}

/// A session in which such a packet came was worth its connection.
const fn is_of_use(packet: &Packet) -> bool {
    matches!(
        packet,
        Packet::Accepted(_)
            | Packet::Rejected(_)
            | Packet::Deliver(_)
            | Packet::Response(_)
            | Packet::Signal(_)
            | Packet::Notice(_)
    )
}

/// Whether an own entry is the message that is sent. What was recalled meanwhile says nothing any
/// more, and has its message id still.
fn says_the_same(sent: &Bytes, stored: &Bytes) -> bool {
    let erased = || matches!(Content::decode(stored, stored.len()), Ok(Content::Erased(_)));
    sent == stored || erased()
}
