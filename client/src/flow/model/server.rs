//! A server that keeps its promises, with one client: it stores what it does not refuse, once, and
//! delivers what is not acknowledged. Must never forget.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, SessionId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Limits, Operation, Packet, Rejected, Request, Response, Send,
    Verdict, Welcome,
};

pub(super) const CHATS: u8 = 2;
pub(super) const SENDS_MAX: u32 = 3;
pub(super) const CONTENT_MAX: u32 = 64;

/// A log, and what the server knows of this device in it.
#[derive(Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    pub(super) cursor: u64,
    sent_to: u64,
    sent_here: HashSet<u64>,
}

/// The server, and the connection both ways.
pub(super) struct Server {
    pub(super) up: VecDeque<Packet>,
    pub(super) down: VecDeque<Packet>,
    pub(super) logs: Vec<Log>,
    /// It refused what it may take when it comes again.
    pub(super) refused: bool,
}

pub(super) fn chat(at: u8) -> ChatId {
    ChatId::group(&format!("g{at}")).unwrap()
}

pub(super) fn number(of: &ChatId) -> usize {
    (0..CHATS).position(|at| chat(at) == *of).unwrap()
}

pub(super) fn alice() -> UserId {
    "alice".parse().unwrap()
}

fn welcome() -> Packet {
    let limits = Limits {
        max_body: 8192,
        window: 16,
        heartbeat_ms: 10_000,
        max_content: CONTENT_MAX,
        sends: SENDS_MAX,
    };
    Packet::Welcome(Welcome {
        session: SessionId::from([1; 16]),
        limits,
        ticket: Bytes::new(),
        ticket_expires_ms: 0,
        now_ms: 0,
        server: String::new(),
        new_device: false,
    })
}

impl Server {
    pub(super) fn new() -> Self {
        let logs = (0..CHATS).map(|_| Log::default()).collect();
        Self { up: VecDeque::new(), down: VecDeque::new(), logs, refused: false }
    }

    /// The connection is gone.
    pub(super) fn hang_up(&mut self) {
        self.up.clear();
        self.down.clear();
        for log in &mut self.logs {
            log.sent_to = log.cursor;
            log.sent_here.clear();
        }
    }

    /// The first entry behind `after` that the app is to be given.
    pub(super) fn next_other(&self, at: usize, after: u64) -> Option<u64> {
        let others = self.logs[at].entries.iter().filter(|entry| entry.sender != alice());
        others.map(|entry| entry.seq).find(|seq| *seq > after)
    }

    /// The server reads a packet.
    pub(super) fn read(&mut self, refusal: Option<RejectCode>) {
        let answer = match self.up.pop_front() {
            Some(Packet::Hello(_)) => welcome(),
            Some(Packet::Ping(token)) => Packet::Pong(token),
            Some(Packet::Send(send)) => self.store(send, refusal),
            Some(Packet::Request(Request { id, operation })) => {
                let Some(Operation::Chat { chat }) = operation else { return };
                let log = &self.logs[number(&chat)];
                let (head, delivered) = (log.entries.len() as u64, log.cursor);
                let answer = Ok(Answer::Chat(state(chat, head, delivered).into()));
                Packet::Response(Response { id, answer })
            }
            Some(Packet::Ack(cursors)) => {
                for cursor in cursors {
                    let log = &mut self.logs[number(&cursor.chat)];
                    log.cursor = log.cursor.max(cursor.delivered);
                    log.sent_to = log.sent_to.max(log.cursor);
                }
                return;
            }
            _ => return,
        };
        self.down.push_back(answer);
    }

    fn store(&mut self, send: Send, refusal: Option<RejectCode>) -> Packet {
        let log = &mut self.logs[number(&send.chat)];
        let (chat, id) = (send.chat.clone(), send.id);
        let is_one = |entry: &&Entry| entry.sender == alice() && entry.id == id;
        let stood = log.entries.iter().find(is_one).map(|entry| entry.seq);
        let too_large = send.content.len() > CONTENT_MAX as usize;
        let refusal = if too_large { Some(RejectCode::TooLarge) } else { refusal };
        if let (None, Some(code)) = (stood, refusal) {
            self.refused |= !too_large;
            let verdict = Verdict::reject(code, "", 150);
            return Packet::Rejected(Rejected { chat, id, verdict });
        }
        let seq = stood.unwrap_or(log.entries.len() as u64 + 1);
        if stood.is_none() {
            let (chat, content) = (chat.clone(), send.content);
            log.entries.push(Entry { chat, seq, sender: alice(), id, at_ms: 0, content });
            log.sent_here.insert(seq);
        }
        Packet::Accepted(Accepted { chat, id, seq, at_ms: 0, duplicate: stood.is_some() })
    }

    pub(super) fn deliver(&mut self, at: u8) {
        let log = &mut self.logs[usize::from(at)];
        if log.sent_to < log.entries.len() as u64 {
            log.sent_to += 1;
            let entry = log.entries[usize::try_from(log.sent_to).unwrap() - 1].clone();
            if !log.sent_here.contains(&entry.seq) {
                self.down.push_back(Packet::Deliver(entry));
            }
        }
    }

    pub(super) fn deliver_again(&mut self, at: u8) {
        let log = &self.logs[usize::from(at)];
        let sent = |seq: &u64| (log.cursor + 1..=log.sent_to).contains(seq);
        let unacked = log.entries.iter().filter(|entry| sent(&entry.seq));
        let unacked = unacked.filter(|entry| !log.sent_here.contains(&entry.seq)).cloned();
        self.down.extend(unacked.map(Packet::Deliver));
    }
}

fn state(chat: ChatId, head: u64, delivered: u64) -> ChatState {
    ChatState { head, delivered, ..ChatState::of(chat) }
}
