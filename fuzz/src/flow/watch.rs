//! Looks at everything that a session's flow does, and knows what it may do: what was taken and not
//! yet answered, what was sent and not yet acknowledged. Must never steer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use packetboat::session::port::{Action, Rules, Work};
use packetboat::session::transfers::is_transfer;
use packetboat::store::{Draft, LagPage, Outcome};
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::limits::{
    ACK_CURSORS_MAX, FILE_REQUESTS_MAX, HEARTBEAT_MS_HIGHEST, HEARTBEAT_MS_LOWEST, REQUESTS_MAX,
};
use packetboat_proto::packet::{
    Cursor, Hello, Notice, Operation, Packet, Rejected, Request, Send, Signal,
};

use super::shop::{Shop, from_body};

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing was said.
    Fresh,
    /// Its credential is being checked.
    Checking,
    /// Its device is being claimed.
    Claiming,
    /// It is open.
    Open,
    /// Nothing more is taken; what was taken is finished.
    Ending,
    /// It is closed.
    Over,
}

/// An answer that is due at once.
#[derive(Debug, PartialEq)]
pub enum Due {
    /// This very packet.
    Packet(Packet),
    /// A refusal of this message, whatever it says.
    Refusal(ChatId, MessageId),
    /// A response to this request, whatever it says.
    Response(u64),
    /// A signal for others.
    Relay(Signal),
    /// A frame for this client.
    Frame(bytes::Bytes),
}

/// A chat, as the client has it.
#[derive(Debug, Default)]
struct Held {
    /// The last seq that was sent.
    last: u64,
    /// What the client has acknowledged, as far as there was something.
    acked: u64,
    /// The same, of what it was sent: an acknowledgement of more may be of an earlier session.
    sure: u64,
    /// A retry may have taken it back to what was acknowledged.
    taken_back: bool,
    /// Everything that was ever sent.
    ever: BTreeSet<u64>,
}

/// What the flow may do.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    /// How far the session is.
    pub stage: Stage,
    window: usize,
    busy: BTreeSet<&'static str>,
    due: VecDeque<Due>,
    /// Sends taken that the store has not been given.
    waiting: VecDeque<Send>,
    /// Sends that the store has.
    appending: Vec<Send>,
    requests: VecDeque<u64>,
    /// Requests about files.
    transfers: VecDeque<u64>,
    /// Rooms that the client has ever asked to listen to.
    rooms: BTreeSet<ChatId>,
    /// Acknowledgements taken that the store has not been given.
    moves: BTreeMap<ChatId, (u64, u64)>,
    held: BTreeMap<ChatId, Held>,
    unacked: BTreeSet<(ChatId, u64)>,
}

impl Watch {
    /// Of a fresh session.
    pub fn new(rules: Rules, shop: &Shop) -> Self {
        let held = |(chat, had): (&ChatId, &u64)| {
            (chat.clone(), Held { last: *had, acked: *had, sure: *had, ..Held::default() })
        };
        Self {
            rules,
            stage: Stage::Fresh,
            window: rules.window as usize,
            busy: BTreeSet::new(),
            due: VecDeque::new(),
            waiting: VecDeque::new(),
            appending: Vec::new(),
            requests: VecDeque::new(),
            transfers: VecDeque::new(),
            rooms: BTreeSet::new(),
            moves: BTreeMap::new(),
            held: shop.cursors.iter().map(held).collect(),
            unacked: BTreeSet::new(),
        }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether what is said still reaches somebody.
    fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// An answer is due with the next actions.
    pub fn expect(&mut self, due: Due) {
        self.due.push_back(due);
    }

    /// A hello is about to be given.
    pub fn hello(&mut self, hello: &Hello) {
        if hello.wanted.window != 0 {
            self.window = self.window.min(hello.wanted.window as usize);
        }
    }

    /// A message that is good was taken. Only a change goes to a room that was not joined.
    pub fn sent(&mut self, send: Send, changes: bool) {
        if send.chat.is_room() && !changes {
            self.expect(Due::Refusal(send.chat, send.id));
        } else {
            self.waiting.push_back(send);
        }
    }

    /// Whether the session was ever to listen to a room.
    pub fn has_asked_for(&self, room: &ChatId) -> bool {
        self.rooms.contains(room)
    }

    /// A question that is known was taken.
    pub fn asked(&mut self, request: &Request) {
        if let Some(Operation::RoomJoin { room }) = &request.operation {
            self.rooms.insert(room.clone());
        }
        if !is_transfer(request) {
            self.requests.push_back(request.id);
        } else if self.transfers.len() < FILE_REQUESTS_MAX {
            self.transfers.push_back(request.id);
        } else {
            self.expect(Due::Response(request.id));
        }
    }

    /// The question of whose answer it is the turn, in the lane of that work.
    pub fn answered(&mut self, work: &'static str) -> u64 {
        self.busy.remove(work);
        let lane = if work == "ask" { &mut self.requests } else { &mut self.transfers };
        lane.pop_front().expect("an answer has its question")
    }

    /// Acknowledgements were taken.
    pub fn acked(&mut self, cursors: &[Cursor], shop: &Shop) {
        // Nothing of a room is owed.
        for cursor in cursors.iter().filter(|cursor| !cursor.chat.is_room()) {
            let (delivered, read) = self.moves.entry(cursor.chat.clone()).or_default();
            *delivered = cursor.delivered.max(*delivered);
            *read = cursor.read.max(*read);
            if let Some(held) = self.held.get_mut(&cursor.chat) {
                held.acked = held.acked.max(cursor.delivered.min(shop.head(&cursor.chat)));
                let sent = held.ever.last().copied().unwrap_or(0);
                held.sure = held.sure.max(cursor.delivered.min(sent));
            }
            let done =
                |(chat, seq): &(ChatId, u64)| *chat != cursor.chat || *seq > cursor.delivered;
            self.unacked.retain(done);
        }
    }

    /// A scan tells what the device has had: also what was acknowledged before it was sent.
    pub fn scanned(&mut self, page: &LagPage) {
        for lag in &page.lags {
            self.unacked.retain(|(chat, seq)| *chat != lag.chat || *seq > lag.delivered);
        }
    }

    /// The store is done with something.
    pub fn done(&mut self, what: &'static str) {
        self.busy.remove(what);
    }

    /// The store has answered sends: what the client is to be told, if somebody is there.
    pub fn appended(&mut self, outcomes: Option<&[Outcome]>, listens: bool) {
        self.busy.remove("append");
        let appended = std::mem::take(&mut self.appending);
        for (at, send) in appended.into_iter().enumerate() {
            let Send { chat, id, .. } = send;
            let due = match outcomes.map(|outcomes| &outcomes[at]) {
                Some(Outcome::Stored { seq, at_ms }) => accepted(chat, id, *seq, *at_ms, false),
                Some(Outcome::Duplicate { seq, at_ms }) => accepted(chat, id, *seq, *at_ms, true),
                Some(Outcome::Refused(_)) | None => Due::Refusal(chat, id),
            };
            if listens {
                self.due.push_back(due);
            }
        }
    }

    /// All that is unacknowledged is to be sent again.
    pub fn retried(&mut self) {
        self.unacked.clear();
        self.held.values_mut().for_each(|held| held.taken_back = true);
    }

    /// Nothing more is taken from the client.
    pub fn ends(&mut self) {
        self.stage = self.stage.max(Stage::Ending);
    }

    /// Whether another packet may be asked for.
    pub fn check_room(&self, wants_packet: bool) {
        if !wants_packet {
            return;
        }
        assert!(matches!(self.stage, Stage::Fresh | Stage::Open), "nothing more is taken");
        let sends = self.waiting.len() + self.appending.len();
        assert!(sends < self.rules.sends as usize, "{sends} sends are unanswered");
        assert!(self.requests.len() < REQUESTS_MAX, "too many requests are unanswered");
        assert!(self.moves.len() <= 4 * ACK_CURSORS_MAX, "too many acknowledgements wait");
    }

    /// Looks at what the flow does; `room`: what it reads for the peer may be written.
    pub fn look(&mut self, actions: &[Action], room: bool, shop: &Shop) {
        for action in actions {
            assert!(!self.is_over(), "{action:?} comes after the end");
            match action {
                Action::Check(_) => {
                    assert_eq!(self.stage, Stage::Fresh, "one hello is checked");
                    self.stage = Stage::Checking;
                }
                Action::SetBodyMax(bytes) => {
                    assert_eq!(self.stage, Stage::Claiming, "the limit is raised once");
                    assert_eq!(*bytes, self.rules.max_body, "to what the operator has set");
                }
                Action::Write(packet) => self.written(packet),
                Action::WriteFrame(frame) if self.is_due(&Due::Frame(frame.clone())) => {}
                Action::WriteFrame(body) | Action::Deliver(body) => self.delivered(body, shop),
                Action::Start(work) => self.started(work, room),
                Action::Relay(signal) => {
                    assert!(self.is_due(&Due::Relay(signal.clone())), "{signal:?} was not said");
                }
                Action::Close(verdict) => {
                    assert!(verdict.close_code().is_some(), "a close has one of the codes");
                    if verdict.close_code() == Some(CloseCode::ShuttingDown) {
                        self.check_finished();
                    }
                    self.stage = Stage::Over;
                }
                Action::Hangup => {
                    self.check_finished();
                    self.stage = Stage::Over;
                }
            }
        }
        assert!(self.is_over() || self.due.is_empty(), "{:?} are still due", self.due);
    }

    /// What was taken is stored, or said to be not.
    fn check_finished(&self) {
        let sends = self.waiting.len() + self.appending.len();
        assert_eq!(sends, 0, "sends are forgotten at the end");
        assert!(self.moves.is_empty(), "acknowledgements are forgotten at the end");
    }

    /// Takes an answer that is due, if this is it.
    fn is_due(&mut self, found: &Due) -> bool {
        let is = self.due.front() == Some(found);
        if is {
            self.due.pop_front();
        }
        is
    }

    fn written(&mut self, packet: &Packet) {
        assert!(packet.sent_by_server(), "a server says {packet:?}");
        match packet {
            Packet::Welcome(welcome) => {
                assert_eq!(self.stage, Stage::Claiming, "one welcome, after the claim");
                self.stage = Stage::Open;
                assert_eq!(welcome.limits.window as usize, self.window, "the lower window holds");
                let beat = welcome.limits.heartbeat_ms;
                let own = u128::from(beat) == self.rules.heartbeat.as_millis();
                let bounds = HEARTBEAT_MS_LOWEST..=HEARTBEAT_MS_HIGHEST;
                assert!(own || bounds.contains(&beat), "a heartbeat of {beat} ms");
            }
            Packet::Rejected(Rejected { chat, id, .. }) => {
                let refusal = Due::Refusal(chat.clone(), *id);
                assert!(self.is_due(&refusal), "{packet:?} answers nothing: {:?}", self.due);
            }
            Packet::Response(response) => {
                let due = self.is_due(&Due::Response(response.id));
                assert!(due, "{packet:?} answers nothing: {:?}", self.due);
            }
            // The server's own, so that a client with a long upload hears it (T-3).
            Packet::Ping(_) => assert_eq!(self.stage, Stage::Open, "a ping of an open session"),
            packet => {
                let due = self.is_due(&Due::Packet(packet.clone()));
                // What a full mailbox loses may have been said in a room.
                let lost = *packet == Packet::Notice(Notice::Missed) && !self.rooms.is_empty();
                assert!(due || lost, "{packet:?} is not due: {:?}", self.due);
            }
        }
    }

    fn started(&mut self, work: &Work, room: bool) {
        let what = name_of(work);
        assert!(self.busy.insert(what), "one {what} at a time");
        match work {
            Work::Claim(..) => {
                assert_eq!(self.stage, Stage::Checking, "what is checked is claimed");
                self.stage = Stage::Claiming;
                return;
            }
            Work::Append(drafts) => self.check_drafts(drafts),
            Work::Advance(moves) => {
                assert!((1..=ACK_CURSORS_MAX).contains(&moves.len()), "{} moves", moves.len());
                for to in moves {
                    let found = self.moves.remove(&to.chat);
                    let said = (to.delivered, to.read);
                    assert_eq!(found, Some(said), "what was acknowledged in {}", to.chat);
                }
            }
            Work::Scan { .. } | Work::Read(..) | Work::Ask(_) | Work::Transfer(_) => {
                assert!(room && self.is_open(), "{what} is for a peer that takes what it reads");
            }
        }
        assert!(self.stage >= Stage::Open, "{what} is for an open session");
    }

    fn check_drafts(&mut self, drafts: &[Draft]) {
        assert!(!drafts.is_empty() && self.appending.is_empty(), "a batch has something in it");
        for draft in drafts {
            let send = self.waiting.pop_front().expect("a draft was sent");
            let alike = (&send.chat, &send.id, &send.content);
            assert_eq!((&draft.chat, &draft.id, &draft.content), alike, "drafts as they were sent");
            self.appending.push(send);
        }
    }

    fn delivered(&mut self, body: &bytes::Bytes, shop: &Shop) {
        let (chat, seq) = from_body(body).expect("what goes out is an entry");
        assert!(self.is_open(), "{seq} of {chat} goes to an open session");
        assert!((1..=shop.head(&chat)).contains(&seq), "{seq} of {chat} is stored");
        let held = self.held.get_mut(&chat).expect("it is one of the chats");
        let log = &shop.logs[&chat];
        let own = |seq: u64| log[usize::try_from(seq - 1).expect("logs are short here")].own;
        // A client that acknowledges what it never had, loses it: the store takes its word.
        let had = held.acked.max(shop.cursors[&chat]);
        let follows =
            |last: u64| seq > last && (last + 1..seq).all(|between| own(between) || between <= had);
        let again = held.taken_back && follows(held.sure);
        assert!(
            follows(held.last) || again,
            "{seq} of {chat} follows {} ({} acknowledged)",
            held.last,
            held.acked
        );
        (held.last, held.taken_back) = (seq, false);
        held.ever.insert(seq);
        self.unacked.insert((chat, seq));
        let unacked = self.unacked.len();
        assert!(unacked <= self.window, "{unacked} unacknowledged of {}", self.window);
    }

    /// What the client would acknowledge: all that it was sent.
    pub fn had(&self) -> Vec<Cursor> {
        let had = self.unacked.iter().map(|(chat, seq)| (chat.clone(), *seq));
        let last: BTreeMap<ChatId, u64> = had.collect();
        let cursor = |(chat, delivered)| Cursor { chat, delivered, read: 0 };
        last.into_iter().map(cursor).collect()
    }

    /// At rest, everything taken is answered, and everything stored was sent.
    pub fn check_rest(&self, shop: &Shop) {
        assert!(self.busy.is_empty(), "{:?} have no end", self.busy);
        assert!(self.waiting.is_empty() && self.appending.is_empty(), "a send has no answer");
        assert!(self.requests.is_empty(), "a request has no answer");
        assert!(self.transfers.is_empty(), "a request about a file has no answer");
        assert!(self.moves.is_empty(), "an acknowledgement is not stored");
        for (chat, held) in &self.held {
            for (seq, line) in (1..).zip(&shop.logs[chat]) {
                let said = held.acked.max(shop.cursors[chat]);
                let had = line.own || seq <= said || held.ever.contains(&seq);
                assert!(had, "{seq} of {chat} never reaches the device");
            }
        }
    }
}

/// What the store is asked for, in a word.
pub fn name_of(work: &Work) -> &'static str {
    match work {
        Work::Claim(..) => "claim",
        Work::Append(_) => "append",
        Work::Advance(_) => "advance",
        Work::Scan { .. } => "scan",
        Work::Read(..) => "read",
        Work::Ask(_) => "ask",
        Work::Transfer(_) => "transfer",
    }
}

fn accepted(chat: ChatId, id: MessageId, seq: u64, at_ms: u64, duplicate: bool) -> Due {
    let accepted = packetboat_proto::packet::Accepted { chat, id, seq, at_ms, duplicate };
    Due::Packet(Packet::Accepted(accepted))
}
