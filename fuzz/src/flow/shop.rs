//! The store and the hub as one session sees them: a few logs, one device's cursors, a mailbox, and
//! effects that are released later than they happen. Must never decide what a session does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use packetboat::auth::Vouched;
use packetboat::auth::doorman::Admitted;
use packetboat::auth::ticket::Ticket;
use packetboat::hub::mailbox::{Delivery, Mail, Mailbox, MailboxLimits};
use packetboat::session::port::{Guest, Input, Work};
use packetboat::store::{
    CursorMove, Draft, Lag, LagPage, Logged, Outcome, PageLimit, Read, Refusal, StoreError, Stretch,
};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::id::{ChatId, MessageId, SessionId};
use packetboat_proto::packet::Verdict;

use crate::choices::Choices;

/// The session that is watched.
pub const SESSION: [u8; 16] = [7; 16];
/// The chats of its user.
pub const CHATS: [&str; 5] = ["dm:a:b", "dm:a:c", "group:g", "group:h", "group:i"];
/// Any other session.
const OTHER: [u8; 16] = [9; 16];
/// What the mailbox holds: little, so that it is often full.
const MAILBOX: MailboxLimits = MailboxLimits { entries: 4, bytes: 1_000 };

/// An entry of a log.
#[derive(Clone, Debug)]
pub struct Line {
    /// The watched session has said it.
    pub own: bool,
    id: Option<(MessageId, Bytes)>,
}

enum Effect {
    Claimed,
    Stored(Arc<Delivery>),
}

/// The store and the hub of one session.
pub struct Shop {
    /// Each chat's log, the first entry at seq 1.
    pub logs: BTreeMap<ChatId, Vec<Line>>,
    /// What the device has had.
    pub cursors: BTreeMap<ChatId, u64>,
    mailbox: Mailbox,
    seated: bool,
    effects: VecDeque<Effect>,
}

/// An entry as it goes out, pushed or read: its chat and its seq.
pub fn body(chat: &ChatId, seq: u64) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u64(seq);
    out.extend_from_slice(chat.as_str().as_bytes());
    out.freeze()
}

/// The chat and the seq of what goes out.
pub fn from_body(body: &Bytes) -> Option<(ChatId, u64)> {
    let (seq, chat) = body.split_first_chunk::<8>()?;
    let chat = ChatId::new(std::str::from_utf8(chat).ok()?).ok()?;
    Some((chat, u64::from_be_bytes(*seq)))
}

impl Shop {
    /// With some entries in the logs, of which the device has had some.
    pub fn new(choices: &mut Choices<'_>) -> Self {
        let (mut logs, mut cursors) = (BTreeMap::new(), BTreeMap::new());
        for name in CHATS {
            let chat = ChatId::new(name).expect("it is an id");
            let lines = vec![Line { own: false, id: None }; choices.below(8)];
            cursors.insert(chat.clone(), choices.below(lines.len() + 1) as u64);
            logs.insert(chat, lines);
        }
        let mailbox = Mailbox::new(SessionId::from(SESSION));
        Self { logs, cursors, mailbox, seated: false, effects: VecDeque::new() }
    }

    /// Where a log ends.
    pub fn head(&self, chat: &ChatId) -> u64 {
        self.logs.get(chat).map_or(0, |log| log.len() as u64)
    }

    /// Somebody says something; `own`: the watched session.
    fn put(&mut self, chat: &ChatId, own: bool, id: Option<(MessageId, Bytes)>) -> u64 {
        let log = self.logs.get_mut(chat).expect("it is one of the chats");
        log.push(Line { own, id });
        let seq = log.len() as u64;
        let origin = SessionId::from(if own { SESSION } else { OTHER });
        let frame = body(chat, seq);
        let delivery = Arc::new(Delivery { chat: chat.clone(), seq, origin, frame });
        self.effects.push_back(Effect::Stored(delivery));
        seq
    }

    /// Another session says something.
    pub fn other_says(&mut self, choices: &mut Choices<'_>) {
        let chat = ChatId::new(choices.one_of(&CHATS)).expect("it is an id");
        self.put(&chat, false, None);
    }

    /// The device is claimed: what is stored from here on is pushed.
    pub fn claim(&mut self) {
        self.effects.push_back(Effect::Claimed);
    }

    /// Drafts of the session become entries, or are refused.
    pub fn append(&mut self, drafts: &[Draft], choices: &mut Choices<'_>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for draft in drafts {
            let Some(log) = self.logs.get(&draft.chat) else {
                outcomes.push(refused(RejectCode::NoSuchChat));
                continue;
            };
            let same = |line: &Line| line.id.as_ref().is_some_and(|(id, _)| *id == draft.id);
            let before = log.iter().position(same);
            outcomes.push(match before {
                Some(at) if log[at].id.as_ref().is_some_and(|(_, was)| *was == draft.content) => {
                    Outcome::Duplicate { seq: at as u64 + 1, at_ms: 1 }
                }
                Some(_) => refused(RejectCode::Conflict),
                None if choices.once_in(8) => refused(RejectCode::StoreFull),
                None => {
                    let id = Some((draft.id, draft.content.clone()));
                    Outcome::Stored { seq: self.put(&draft.chat, true, id), at_ms: 1 }
                }
            });
        }
        outcomes
    }

    /// Cursors move.
    pub fn advance(&mut self, moves: &[CursorMove]) {
        for to in moves {
            let head = self.head(&to.chat);
            if let Some(cursor) = self.cursors.get_mut(&to.chat) {
                *cursor = (*cursor).max(to.delivered.min(head));
            }
        }
    }

    /// The chats in which the device lags.
    pub fn scan(&self, after: Option<&ChatId>, limit: usize) -> LagPage {
        let mut page = LagPage::default();
        for (chat, delivered) in &self.cursors {
            if after.is_some_and(|after| chat <= after) {
                continue;
            }
            let (delivered, head) = (*delivered, self.head(chat));
            if delivered < head {
                page.lags.push(Lag { chat: chat.clone(), delivered, head });
            }
            if page.lags.len() >= limit {
                page.next = Some(chat.clone());
                return page;
            }
        }
        page
    }

    /// Stretches of the logs, as far as the limit goes, or a page's bytes, which come sooner.
    pub fn read(
        &self,
        stretches: &[Stretch],
        limit: PageLimit,
        choices: &mut Choices<'_>,
    ) -> Vec<Read> {
        let mut room = limit.items.max(1);
        if choices.once_in(4) {
            room = room.min(1 + choices.below(3));
        }
        let mut reads = Vec::new();
        for Stretch { chat, after, upto } in stretches {
            if room == 0 {
                break;
            }
            let end = (*upto).min(self.head(chat));
            let seqs: Vec<u64> = (after + 1..=end).take(room).collect();
            room -= seqs.len();
            let whole = seqs.last().is_none_or(|last| *last == end);
            let reached = match seqs.last() {
                Some(last) if !whole => *last,
                _ => end.max((*after).min(*upto)),
            };
            let logged = |seq| Logged { seq, body: body(chat, seq) };
            let entries = seqs.into_iter().map(logged).collect();
            reads.push(Read { chat: chat.clone(), entries, reached });
        }
        reads
    }

    /// Effects reach the hub, in their order; all of them, or so many.
    pub fn release(&mut self, most: usize) {
        for _ in 0..most {
            match self.effects.pop_front() {
                None => return,
                Some(Effect::Claimed) => self.seated = true,
                Some(Effect::Stored(_)) if !self.seated => {}
                Some(Effect::Stored(delivery)) => drop(self.mailbox.push(&delivery, MAILBOX)),
            }
        }
    }

    /// What has come for the session.
    pub fn take_mail(&self) -> Mail {
        self.mailbox.take()
    }
}

fn refused(code: RejectCode) -> Outcome {
    Outcome::Refused(Refusal::new(code, "as chosen"))
}

/// A refusal, as chosen.
pub fn no_such_chat() -> Verdict {
    Verdict::reject(RejectCode::NoSuchChat, "as chosen", 0)
}

/// What the door says of a hello.
pub fn guest(choices: &mut Choices<'_>) -> Result<Guest, (CloseCode, String)> {
    let admitted = if choices.flag() {
        let ticket = Ticket { bytes: Bytes::from_static(b"t"), expires_ms: choices.number() };
        Admitted::Ticket { ticket, device: choices.number() }
    } else {
        Admitted::Vouched(Vouched::default())
    };
    let codes = [CloseCode::BadCredential, CloseCode::AnotherDevice];
    let refused = choices.once_in(16).then(|| (choices.one_of(&codes), "as chosen".to_owned()));
    refused.map_or(Ok(Guest { admitted, address: None }), Err)
}

/// What the store says when it fails.
pub fn failed(work: &Work, choices: &mut Choices<'_>) -> Input {
    let codes = [RejectCode::LimitReached, RejectCode::NotAllowed];
    let (code, reason) = (choices.one_of(&codes), "as chosen".to_owned());
    let error = match choices.byte() % 3 {
        0 => StoreError::Stopped,
        1 => StoreError::Unreadable { detail: "as chosen".to_owned() },
        _ => StoreError::Refused(Refusal::new(code, reason)),
    };
    match work {
        Work::Claim(..) => Input::Claimed(Err(error), 0),
        Work::Append(_) => Input::Appended(Err(error)),
        Work::Advance(_) => Input::Advanced(Err(error)),
        Work::Scan { .. } => Input::Scanned(Err(error)),
        Work::Read(..) => Input::Read(Err(error)),
        Work::Ask(_) => Input::Answered(Err(Verdict::reject(RejectCode::Unavailable, "", 0))),
        Work::Transfer(_) => Input::Transferred(Err(no_such_chat())),
    }
}
