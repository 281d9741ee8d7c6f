//! A client made of nothing but the protocol: it says what a check tells it to, and reads what
//! comes. Must never answer anything by itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, Cursor, Hello, Limits, Operation, Packet, Rejected, Request, Send, Verdict,
    Welcome,
};

use crate::outcome::{Checked, fail, same};
use crate::stream::{Stream, check_goodbye, check_table};

use super::bed::Bed;

/// One connection to the server.
pub(super) struct Peer {
    pub(super) stream: Stream,
    /// In force, once there is a session.
    pub(super) limits: Limits,
    /// Entries that came while something else was looked for.
    pub(super) passed: VecDeque<Entry>,
    /// How far it acknowledged each chat: what comes again of that is passed over (D-6, D-12).
    acked: HashMap<ChatId, u64>,
    /// What it sent: if that is delivered to itself (D-1), it is passed over.
    own: HashSet<MessageId>,
    tokens: u64,
}

impl Peer {
    /// Connected, with nothing said.
    pub(super) async fn connect(bed: &Bed) -> Checked<Self> {
        let stream = bed.connect().await?;
        let (limits, passed, acked) = (Limits::default(), VecDeque::new(), HashMap::new());
        Ok(Self { stream, limits, passed, acked, own: HashSet::new(), tokens: 0 })
    }

    /// Connected, with the preface said.
    pub(super) async fn open(bed: &Bed) -> Checked<Self> {
        let mut peer = Self::connect(bed).await?;
        peer.stream.raw(&PREFACE).await?;
        Ok(peer)
    }

    /// With a session of a new device of the user.
    pub(super) async fn login(bed: &Bed, user: &UserId) -> Checked<Self> {
        Ok(Self::greet(bed, bed.hello(user)).await?.0)
    }

    /// A new group of an owner, who is connected, and of others.
    pub(super) async fn crew(
        bed: &Bed,
        owner: &UserId,
        others: &[&UserId],
    ) -> Checked<(ChatId, Self)> {
        let group = bed.group();
        let mut peer = Self::login(bed, owner).await?;
        let members = others.iter().map(|user| (*user).clone()).collect();
        let name = "crew".to_owned();
        peer.change(bed, &group, GroupChange::Created { name, members }).await?;
        Ok((group, peer))
    }

    /// With a session, and the server's welcome.
    pub(super) async fn greet(bed: &Bed, hello: Hello) -> Checked<(Self, Welcome)> {
        let mut peer = Self::open(bed).await?;
        peer.say(Packet::Hello(hello)).await?;
        let welcome = peer.welcome().await?;
        Ok((peer, welcome))
    }

    /// The welcome, whose limits are in force then.
    pub(super) async fn welcome(&mut self) -> Checked<Welcome> {
        match self.next("a Welcome").await? {
            Packet::Welcome(welcome) => {
                self.limits = welcome.limits;
                self.stream.set_body_max(welcome.limits.max_body);
                Ok(welcome)
            }
            other => fail("a Welcome", told(&other)),
        }
    }

    /// What a connection gets that opens with that hello.
    pub(super) async fn refused(bed: &Bed, hello: Hello, code: CloseCode) -> Checked<Verdict> {
        let mut peer = Self::open(bed).await?;
        peer.say(Packet::Hello(hello)).await?;
        peer.closed_with(code).await
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) -> Checked {
        self.stream.raw(bytes).await
    }

    pub(super) async fn say(&mut self, packet: Packet) -> Checked {
        self.stream.say(&packet).await
    }

    /// The next packet, whatever it is.
    pub(super) async fn next(&mut self, expected: &str) -> Checked<Packet> {
        match self.stream.packet().await? {
            Some(packet) => Ok(packet),
            None => fail(expected, "the end of the stream"),
        }
    }

    /// What is found in the next packets, others passed over.
    pub(super) async fn find<T>(
        &mut self,
        expected: &str,
        mut wanted: impl FnMut(&Packet) -> Option<T>,
    ) -> Checked<T> {
        loop {
            let packet = self.next(expected).await?;
            if let Some(found) = wanted(&packet) {
                return Ok(found);
            }
            match packet {
                Packet::Goodbye(_) => return fail(expected, told(&packet)),
                Packet::Deliver(entry) => self.passed.push_back(entry),
                _ => {}
            }
        }
    }

    /// The server says goodbye with that code, and why as its table has it, and then nothing more.
    pub(super) async fn closed_with(&mut self, code: CloseCode) -> Checked<Verdict> {
        let expected = format!("Goodbye {}", code.name());
        loop {
            match self.next(&expected).await? {
                Packet::Goodbye(verdict) => {
                    check_goodbye(&verdict, code)?;
                    self.stream.end().await?;
                    return Ok(verdict);
                }
                // What was on its way before the fault was found.
                Packet::Deliver(_)
                | Packet::Notice(_)
                | Packet::Signal(_)
                | Packet::Ping(_)
                | Packet::Pong(_) => {}
                other => return fail(&expected, told(&other)),
            }
        }
    }

    /// Writes bytes that the server closes for, perhaps before it has them all.
    pub(super) async fn closes_for(&mut self, bytes: &[u8], code: CloseCode) -> Checked {
        self.stream.raw_unless_closed(bytes).await;
        self.closed_with(code).await.map(drop)
    }

    /// Asks for a pong: what was said before was handled, and what is returned came before it.
    pub(super) async fn sync(&mut self) -> Checked<Vec<Packet>> {
        self.tokens += 1;
        let token = 0xc0ff_ee00 + self.tokens;
        self.say(Packet::Ping(token)).await?;
        let mut before = Vec::new();
        let expected = "a Pong, with the session still open";
        self.find(expected, |packet| match packet {
            Packet::Pong(found) if *found == token => Some(()),
            packet => {
                before.push(packet.clone());
                None
            }
        })
        .await?;
        Ok(before)
    }

    pub(super) async fn send(&mut self, to: &ChatId, id: MessageId, content: Bytes) -> Checked {
        self.own.insert(id);
        self.say(Packet::Send(Send { chat: to.clone(), id, content })).await
    }

    /// What becomes of that message.
    pub(super) async fn answer(&mut self, id: MessageId) -> Checked<Result<Accepted, Rejected>> {
        self.find("Accepted or Rejected", |packet| match packet {
            Packet::Accepted(accepted) if accepted.id == id => Some(Ok(accepted.clone())),
            Packet::Rejected(rejected) if rejected.id == id => Some(Err(rejected.clone())),
            _ => None,
        })
        .await
    }

    /// Sends a content, which is accepted.
    pub(super) async fn post(
        &mut self,
        to: &ChatId,
        id: MessageId,
        content: Bytes,
    ) -> Checked<Accepted> {
        self.send(to, id, content).await?;
        match self.answer(id).await? {
            Ok(accepted) => same("of the chat", to, &accepted.chat).map(|()| accepted),
            Err(rejected) => fail("Accepted", told_verdict("Rejected", &rejected.verdict)),
        }
    }

    /// Sends a text under a new message id, which is accepted.
    pub(super) async fn text(&mut self, bed: &Bed, to: &ChatId, text: &str) -> Checked<Accepted> {
        self.post(to, bed.message(), Content::text(text).encode()).await
    }

    /// Sends a change to a group, which is accepted.
    pub(super) async fn change(
        &mut self,
        bed: &Bed,
        group: &ChatId,
        change: GroupChange,
    ) -> Checked<Accepted> {
        self.post(group, bed.message(), Content::Group(change).encode()).await
    }

    /// Sends a content under a new message id, which is rejected with that code.
    pub(super) async fn rejected(
        &mut self,
        bed: &Bed,
        to: &ChatId,
        content: Bytes,
        code: RejectCode,
    ) -> Checked {
        self.rejected_as(to, bed.message(), content, code).await
    }

    /// Sends a content, which is rejected with that code, and why as its table has it.
    pub(super) async fn rejected_as(
        &mut self,
        to: &ChatId,
        id: MessageId,
        content: Bytes,
        code: RejectCode,
    ) -> Checked {
        self.send(to, id, content).await?;
        let expected = format!("Rejected {}", code.name());
        match self.answer(id).await? {
            Ok(accepted) => fail(expected, format_args!("Accepted as {}", accepted.seq)),
            Err(rejected) => {
                same("of the chat", to, &rejected.chat)?;
                check_reject(&expected, &rejected.verdict, code)
            }
        }
    }

    /// A change to a group that is rejected with that code.
    pub(super) async fn unchanged(
        &mut self,
        bed: &Bed,
        group: &ChatId,
        change: GroupChange,
        code: RejectCode,
    ) -> Checked {
        self.rejected(bed, group, Content::Group(change).encode(), code).await
    }

    /// The next entry of that chat that is delivered.
    pub(super) async fn entry(&mut self, of: &ChatId) -> Checked<Entry> {
        if let Some(at) = self.passed.iter().position(|entry| self.is_new(of, entry))
            && let Some(entry) = self.passed.remove(at)
        {
            return Ok(entry);
        }
        loop {
            let deliver = |packet: &Packet| match packet {
                Packet::Deliver(entry) => Some(entry.clone()),
                _ => None,
            };
            let entry = self.find("a Deliver", deliver).await?;
            if self.is_new(of, &entry) {
                return Ok(entry);
            }
            self.passed.push_back(entry);
        }
    }

    /// Whether an entry is one of that chat that was not had before.
    fn is_new(&self, of: &ChatId, entry: &Entry) -> bool {
        let acked = self.acked.get(of).copied().unwrap_or_default();
        entry.chat == *of && entry.seq > acked && !self.own.contains(&entry.id)
    }

    /// The next entry of that chat, acknowledged.
    pub(super) async fn take(&mut self, of: &ChatId) -> Checked<Entry> {
        let entry = self.entry(of).await?;
        self.ack(of, entry.seq, 0).await?;
        Ok(entry)
    }

    pub(super) async fn ack(&mut self, of: &ChatId, delivered: u64, read: u64) -> Checked {
        let acked = self.acked.entry(of.clone()).or_default();
        *acked = delivered.max(*acked);
        self.say(Packet::Ack(vec![Cursor { chat: of.clone(), delivered, read }])).await
    }

    /// No entry of that chat comes before the server has handled all that was said.
    pub(super) async fn no_entry(&mut self, of: &ChatId, why: &str) -> Checked {
        // Twice: what the first round makes the server read from its log comes before the second.
        for _ in 0..2 {
            let before = self.sync().await?;
            let found = before.iter().find_map(|packet| match packet {
                Packet::Deliver(entry) if self.is_new(of, entry) => Some(entry.seq),
                _ => None,
            });
            if let Some(seq) = found {
                return fail(why, format_args!("a Deliver of entry {seq}"));
            }
        }
        Ok(())
    }

    /// Asks, and the answer.
    pub(super) async fn ask(&mut self, operation: Operation) -> Checked<Result<Answer, Verdict>> {
        self.tokens += 1;
        let id = self.tokens;
        self.say(Packet::Request(Request { id, operation: Some(operation) })).await?;
        self.find("a Response", |packet| match packet {
            Packet::Response(response) if response.id == id => Some(response.answer.clone()),
            _ => None,
        })
        .await
    }

    /// Asks, and is refused with that code.
    pub(super) async fn ask_refused(&mut self, operation: Operation, code: RejectCode) -> Checked {
        let expected = format!("a Response refused with {}", code.name());
        match self.ask(operation).await? {
            Err(verdict) => check_reject(&expected, &verdict, code),
            Ok(answer) => fail(expected, format_args!("{answer:?}")),
        }
    }

    /// Whatever comes within a time; `None` at the end if the server closed.
    pub(super) async fn within(&mut self, time: Duration) -> Checked<Vec<Option<Packet>>> {
        self.stream.within(time).await
    }
}

fn check_reject(expected: &str, verdict: &Verdict, code: RejectCode) -> Checked {
    if verdict.reject_code() != Some(code) {
        return fail(expected, told_verdict("refused", verdict));
    }
    check_table(verdict, code.fault(), code.retry(), &code.name())
}

fn told_verdict(what: &str, verdict: &Verdict) -> String {
    let name = verdict.reject_code().map_or_else(|| verdict.code.to_string(), RejectCode::name);
    format!("{what} {name} ({})", verdict.reason)
}

/// A packet in a few words.
pub(super) fn told(packet: &Packet) -> String {
    match packet {
        Packet::Goodbye(verdict) => {
            let code = verdict.close_code();
            let name = code.map_or_else(|| verdict.code.to_string(), CloseCode::name);
            format!("Goodbye {name} ({})", verdict.reason)
        }
        Packet::Rejected(rejected) => told_verdict("Rejected", &rejected.verdict),
        other => format!("a {:?}", other.kind()),
    }
}

/// A text as a content.
pub(super) fn text(words: &str) -> Bytes {
    Content::text(words).encode()
}
