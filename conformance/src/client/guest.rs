//! The server's side of one connection of a client: it answers pings and questions by itself, and
//! does what a check tells it to. Must never let pass what a client may not do on any connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::frame::Frame;
use packetboat_proto::id::{ChatId, MessageId, SessionId, UserId};
use packetboat_proto::limits::{BODY_BYTES_DEFAULT, BODY_OVERHEAD_BYTES};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Cursor, Hello, Limits, Operation, Packet, Rejected, Request,
    Response, Role, Send, Signal, SignalKind, Verdict, Welcome,
};

use crate::outcome::{Checked, ensure, fail};
use crate::stream::Stream;

/// What a server would keep of a client.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The last seq of each chat that the client was told of.
    heads: HashMap<ChatId, u64>,
    /// What the client acknowledged of each.
    delivered: HashMap<ChatId, u64>,
    at_ms: u64,
    /// The content of each message that the client sent, in all its sessions.
    sent: HashMap<(UserId, ChatId, MessageId), Bytes>,
}

/// A book over more than one connection.
pub(super) type SharedBook = Rc<RefCell<Book>>;

/// One connection of a client.
pub(super) struct Guest {
    pub(super) stream: Stream,
    /// What it opened with.
    pub(super) hello: Hello,
    /// The frame that it was.
    pub(super) hello_frame: Frame,
    /// Pings are answered.
    pub(super) answers_pings: bool,
    /// Cursors that it acknowledged here, in their order.
    pub(super) acks: Vec<Cursor>,
    book: SharedBook,
    tokens: u64,
}

impl Guest {
    /// Reads the preface and the Hello; says nothing.
    pub(super) async fn of(mut stream: Stream, book: SharedBook) -> Checked<Self> {
        stream.preface().await?;
        let Some(hello_frame) = stream.frame().await? else {
            return fail("a Hello", "the end of the stream");
        };
        let hello = match Packet::decode(&hello_frame) {
            Ok(Some(Packet::Hello(hello))) => hello,
            Ok(other) => return fail("a Hello first", format_args!("{other:?}")),
            Err(error) => return fail("a Hello", error),
        };
        let (answers_pings, acks, tokens) = (true, Vec::new(), 0);
        Ok(Self { stream, hello, hello_frame, answers_pings, acks, book, tokens })
    }

    /// Opens the session, with what a server says by default but for the change.
    pub(super) async fn welcome(&mut self, change: impl FnOnce(&mut Welcome)) -> Checked {
        let mut welcome = Welcome {
            session: SessionId::from([7; 16]),
            limits: Limits {
                max_body: BODY_BYTES_DEFAULT,
                window: 256,
                heartbeat_ms: 30_000,
                max_content: BODY_BYTES_DEFAULT - BODY_OVERHEAD_BYTES,
                sends: 256,
            },
            ticket: Bytes::new(),
            ticket_expires_ms: 0,
            now_ms: now_ms(),
            server: "packetboat-conformance".to_owned(),
            new_device: false,
        };
        change(&mut welcome);
        // From here on it may write larger bodies; it does so once it has read the Welcome.
        self.stream.set_body_max(welcome.limits.max_body);
        self.say(Packet::Welcome(welcome)).await
    }

    pub(super) async fn say(&mut self, packet: Packet) -> Checked {
        self.stream.say(&packet).await
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) -> Checked {
        self.stream.raw(bytes).await
    }

    /// The next packet; `None` once it has closed. Pings and questions are answered.
    pub(super) async fn next(&mut self) -> Checked<Option<Packet>> {
        let packet = self.stream.packet().await?;
        match &packet {
            Some(Packet::Hello(_)) => return fail("one Hello (H-1)", "a second one"),
            Some(Packet::Ping(token)) if self.answers_pings => {
                self.say(Packet::Pong(*token)).await?;
            }
            Some(Packet::Request(request)) => {
                let answer = self.answer(request);
                self.say(Packet::Response(Response { id: request.id, answer })).await?;
            }
            Some(Packet::Ack(cursors)) => self.note(cursors)?,
            Some(Packet::Send(send)) => self.keep(send)?,
            Some(Packet::Signal(signal)) => {
                let named = signal.sender.is_some();
                ensure(!named, "a signal without a sender (N-3)", "one with a sender")?;
            }
            _ => {}
        }
        Ok(packet)
    }

    /// Keeps what was sent, which must be what was sent under that id before.
    fn keep(&mut self, send: &Send) -> Checked {
        let mut book = self.book.borrow_mut();
        let key = (self.hello.user.clone(), send.chat.clone(), send.id);
        let first = book.sent.entry(key).or_insert_with(|| send.content.clone());
        let expected = "the same content whenever an id is used (M-5)";
        ensure(*first == send.content, expected, format_args!("another under {}", send.id))
    }

    /// Keeps what was acknowledged, which must have been delivered or be its own.
    fn note(&mut self, cursors: &[Cursor]) -> Checked {
        let mut book = self.book.borrow_mut();
        for cursor in cursors {
            let head = book.heads.get(&cursor.chat).copied().unwrap_or_default();
            let expected = format!("an Ack up to {head}, what it was told of (D-11)");
            ensure(cursor.delivered <= head, expected, cursor.delivered)?;
            let noted = book.delivered.entry(cursor.chat.clone()).or_default();
            *noted = cursor.delivered.max(*noted);
            self.acks.push(cursor.clone());
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Result<Answer, Verdict> {
        let book = self.book.borrow();
        let state = |chat: &ChatId| ChatState {
            head: book.heads.get(chat).copied().unwrap_or_default(),
            delivered: book.delivered.get(chat).copied().unwrap_or_default(),
            role: Some(Role::Member),
            ..ChatState::of(chat.clone())
        };
        match &request.operation {
            Some(Operation::Chat { chat }) => Ok(Answer::Chat(state(chat).into())),
            Some(Operation::Chats { .. }) => {
                let mut chats: Vec<ChatState> = book.heads.keys().map(state).collect();
                chats.sort_by(|one, other| one.chat.cmp(&other.chat));
                Ok(Answer::Chats { chats, more: false })
            }
            _ => Err(Verdict::reject(RejectCode::Unsupported, "not in this play", 0)),
        }
    }

    /// What is found in the next packets, others passed over.
    pub(super) async fn find<T>(
        &mut self,
        expected: &str,
        mut wanted: impl FnMut(&Packet) -> Option<T>,
    ) -> Checked<T> {
        loop {
            match self.next().await? {
                None => return fail(expected, "the end of the stream"),
                Some(packet) => {
                    if let Some(found) = wanted(&packet) {
                        return Ok(found);
                    }
                    if let Packet::Goodbye(verdict) = packet {
                        return fail(expected, format_args!("Goodbye of code {}", verdict.code));
                    }
                }
            }
        }
    }

    /// The next message that it sends.
    pub(super) async fn sent(&mut self) -> Checked<Send> {
        self.find("a Send", |packet| match packet {
            Packet::Send(send) => Some(send.clone()),
            _ => None,
        })
        .await
    }

    /// The next messages that it sends.
    pub(super) async fn sent_all(&mut self, count: usize) -> Checked<Vec<Send>> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(self.sent().await?);
        }
        Ok(all)
    }

    /// Makes the session one of use, so that its client comes back soon.
    pub(super) async fn be_of_use(&mut self, chat: &ChatId, sender: &UserId) -> Checked {
        let (chat, sender) = (chat.clone(), Some(sender.clone()));
        let (kind, data) = (SignalKind::Typing, Bytes::new());
        self.say(Packet::Signal(Signal { chat, kind, data, sender })).await?;
        self.sync().await.map(drop)
    }

    /// Asks for a pong: what was said before was handled. Returns what came before it.
    pub(super) async fn sync(&mut self) -> Checked<Vec<Packet>> {
        self.tokens += 1;
        let token = 0xca5c_ade0_0000 + self.tokens;
        self.say(Packet::Ping(token)).await?;
        let mut before = Vec::new();
        self.find("a Pong, with the session still open", |packet| match packet {
            Packet::Pong(found) if *found == token => Some(()),
            packet => {
                before.push(packet.clone());
                None
            }
        })
        .await?;
        Ok(before)
    }

    /// It acknowledges that chat up to that seq.
    pub(super) async fn acked(&mut self, chat: &ChatId, seq: u64) -> Checked {
        let is_it = |cursor: &Cursor| cursor.chat == *chat && cursor.delivered == seq;
        if self.acks.iter().any(is_it) {
            return Ok(());
        }
        let expected = format!("an Ack of {chat} up to {seq}");
        self.find(&expected, |packet| match packet {
            Packet::Ack(cursors) => cursors.iter().any(is_it).then_some(()),
            _ => None,
        })
        .await
    }

    /// Whatever it says within a time; `None` at the end if it closed.
    pub(super) async fn within(&mut self, time: Duration) -> Checked<Vec<Option<Packet>>> {
        let until = tokio::time::Instant::now() + time;
        let mut found = Vec::new();
        while let Ok(packet) = tokio::time::timeout_at(until, self.next()).await {
            let packet = packet?;
            let is_over = packet.is_none();
            found.push(packet);
            if is_over {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn deliver(&mut self, entry: Entry) -> Checked {
        self.told_of(&entry.chat, entry.seq);
        self.say(Packet::Deliver(entry)).await
    }

    /// The client may acknowledge that chat up to that seq from now on.
    pub(super) fn told_of(&mut self, chat: &ChatId, seq: u64) {
        let mut book = self.book.borrow_mut();
        let head = book.heads.entry(chat.clone()).or_default();
        *head = seq.max(*head);
    }

    pub(super) async fn accept(&mut self, send: &Send, seq: u64) -> Checked {
        self.told_of(&send.chat, seq);
        let at_ms = {
            let mut book = self.book.borrow_mut();
            book.at_ms = now_ms().max(book.at_ms);
            book.at_ms
        };
        let (chat, id) = (send.chat.clone(), send.id);
        self.say(Packet::Accepted(Accepted { chat, id, seq, at_ms, duplicate: false })).await
    }

    pub(super) async fn reject(&mut self, send: &Send, verdict: Verdict) -> Checked {
        let (chat, id) = (send.chat.clone(), send.id);
        self.say(Packet::Rejected(Rejected { chat, id, verdict })).await
    }

    /// It says goodbye with that code, and nothing more, and closes.
    pub(super) async fn closed_with(&mut self, code: CloseCode) -> Checked {
        let expected = format!("Goodbye {}", code.name());
        loop {
            match self.next().await? {
                None => return fail(expected, "the end of the stream, without a word"),
                Some(Packet::Goodbye(verdict)) => {
                    let found = verdict.close_code();
                    let name = found.map_or_else(|| verdict.code.to_string(), CloseCode::name);
                    let got = format!("Goodbye {name} ({})", verdict.reason);
                    ensure(found == Some(code), expected, got)?;
                    return self.stream.end().await;
                }
                Some(_) => {}
            }
        }
    }

    /// Writes bytes that it closes for.
    pub(super) async fn closes_for(&mut self, bytes: &[u8], code: CloseCode) -> Checked {
        self.stream.raw_unless_closed(bytes).await;
        self.closed_with(code).await
    }

    /// Says goodbye; the client says nothing more, and closes.
    pub(super) async fn leave(&mut self, verdict: Verdict) -> Checked {
        self.say(Packet::Goodbye(verdict)).await?;
        self.stream.end().await
    }
}

/// An entry of that chat, from the log that the check makes up.
pub(super) fn entry_of(chat: &ChatId, seq: u64, sender: &UserId, text: &str) -> Entry {
    let mut id = [9; 16];
    id[8..].copy_from_slice(&seq.to_be_bytes());
    let (chat, sender) = (chat.clone(), sender.clone());
    let content = Content::text(text).encode();
    Entry { chat, seq, sender, id: MessageId::from(id), at_ms: now_ms(), content }
}

/// The frame of a packet.
pub(super) fn bytes_of(packet: &Packet) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    bytes.to_vec()
}

/// What the Welcome says that the time is.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
