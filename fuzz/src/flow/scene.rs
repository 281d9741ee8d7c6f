//! A flow with its store and hub, its client and its clock: gives it inputs, as its shell could,
//! and has what it does looked at. Must never give what no shell could.

use std::sync::Arc;

use bytes::Bytes;
use packetboat::hub::mailbox::{Hint, Mail};
use packetboat::metrics::Metrics;
use packetboat::session::flow::Flow;
use packetboat::session::port::{Action, Input, Rules, Work};
use packetboat::store::{Claimed, StoreError};
use packetboat_proto::code::CloseCode;
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, MessageId, SessionId};
use packetboat_proto::packet::{
    Cursor, CursorMoved, Kind, Limits, Notice, Packet, Send, Signal, SignalKind, Verdict,
};
use packetboat_proto::time::Time;

use super::shop::{CHATS, SESSION, Shop, failed, guest, no_such_chat};
use super::watch::{Due, Stage, Watch, name_of};
use crate::choices::Choices;
use crate::invent;

/// Bytes of a content here: small, so that sends are often too large.
pub const CONTENT_BYTES_MAX: u32 = 64;
/// Rounds in which a session must come to rest.
const ROUNDS_MAX: usize = 4_000;

/// A flow, what is around it, and who watches.
pub struct Scene {
    /// Who watches.
    pub watch: Watch,
    flow: Flow,
    shop: Shop,
    metrics: Arc<Metrics>,
    now_ms: u64,
    checking: bool,
    /// What the store is asked for, and its answer once it has one.
    works: Vec<(Work, Option<Input>)>,
    /// Whether what is written goes out.
    room: bool,
    retries: u64,
    pings: usize,
    /// The other side has said goodbye, or hung up.
    left: bool,
}

impl Scene {
    /// At the start of a connection.
    pub fn new(rules: Rules, choices: &mut Choices<'_>) -> Self {
        let shop = Shop::new(choices);
        let metrics = Arc::new(Metrics::default());
        let session = SessionId::from(SESSION);
        Self {
            flow: Flow::new(Time::default(), session, Arc::new(rules), Arc::clone(&metrics)),
            watch: Watch::new(rules, &shop),
            shop,
            metrics,
            now_ms: 0,
            checking: false,
            works: Vec::new(),
            room: true,
            retries: 0,
            pings: 0,
            left: false,
        }
    }

    fn now(&self) -> Time {
        Time::from_ms(self.now_ms)
    }

    fn give(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.flow.handle(self.now(), input, &mut actions);
        let retries = self.metrics.retries.get();
        if retries > self.retries {
            self.retries = retries;
            self.watch.retried();
        }
        self.take(actions, false);
    }

    fn settle(&mut self) {
        let mut actions = Vec::new();
        self.flow.settle(self.room, &mut actions);
        if self.room {
            self.flow.transfer(self.now(), true, &mut actions);
        }
        self.take(actions, self.room);
    }

    fn take(&mut self, actions: Vec<Action>, room: bool) {
        self.watch.look(&actions, room, &self.shop);
        for action in actions {
            match action {
                Action::Check(_) => self.checking = true,
                Action::Start(work) => self.works.push((work, None)),
                _ => {}
            }
        }
        assert_eq!(self.flow.is_closed(), self.watch.is_over(), "the end is said once");
        if self.watch.is_over() {
            assert!(self.flow.deadline().is_none(), "what is over has no deadline");
        }
        let wants_packet = self.flow.wants_packet(self.now());
        self.watch.check_room(wants_packet);
    }

    /// Greets, is let in, and has its device: most of what can happen comes after it.
    pub fn open(&mut self, choices: &mut Choices<'_>) {
        self.hello(choices);
        while (self.checking || !self.works.is_empty()) && self.watch.stage < Stage::Open {
            if self.checking {
                self.check(choices);
            } else {
                self.work(0, choices);
                self.answer(0);
            }
            if self.watch.stage < Stage::Open {
                self.settle();
            }
        }
    }

    /// Lets one thing happen.
    pub fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() % 16 {
            0..=5 => self.client_says(choices),
            6 | 7 => self.store_works(choices),
            8 => self.store_answers(choices),
            9 => {
                self.shop.other_says(choices);
                self.shop.release(choices.below(3));
            }
            10 | 11 => self.mail(),
            12 => self.time_passes(choices),
            13 => self.hint(choices),
            14 => self.room = !choices.once_in(3),
            _ => self.end(choices),
        }
        if !choices.once_in(4) {
            self.settle();
        }
    }

    /// A packet comes, if the flow asks for one.
    fn client_says(&mut self, choices: &mut Choices<'_>) {
        self.give(Input::Heard);
        if !self.flow.wants_packet(self.now()) {
            return;
        }
        if self.watch.stage == Stage::Fresh && !choices.once_in(16) {
            return self.hello(choices);
        }
        let open = self.watch.stage == Stage::Open;
        match choices.byte() % 12 {
            0..=3 if open => self.send(choices),
            4..=7 if open => self.ack(choices),
            8 if open => self.ask(choices),
            9 if open => self.ping(choices),
            10 if open => self.signal(choices),
            _ if choices.once_in(8) => self.out_of_turn(invent::packet(choices)),
            _ => {}
        }
    }

    /// What no client may say now ends the session; what it may say is left out.
    fn out_of_turn(&mut self, packet: Packet) {
        let kind = packet.kind();
        let open = self.watch.stage == Stage::Open;
        let right = if open { kind.sent_by_client() } else { kind == Kind::Goodbye };
        if (right && kind != Kind::Hello) || (!open && kind == Kind::Hello) {
            return;
        }
        self.give(Input::Packet(packet));
        assert!(self.watch.is_over(), "a {kind:?} out of turn ends a session");
    }

    fn hello(&mut self, choices: &mut Choices<'_>) {
        let mut hello = invent::hello(choices);
        if !choices.once_in(4) {
            hello.wanted = Limits::default();
        }
        hello.wanted.window = choices.one_of(&[0, 1, 2, 3, 1_000]);
        self.watch.hello(&hello);
        self.give(Input::Packet(Packet::Hello(hello)));
    }

    fn chat(choices: &mut Choices<'_>) -> ChatId {
        if choices.once_in(16) {
            return choices.chat();
        }
        ChatId::new(choices.one_of(&CHATS)).expect("it is an id")
    }

    fn send(&mut self, choices: &mut Choices<'_>) {
        let (chat, id) = (Self::chat(choices), MessageId::from([choices.byte() % 32; 16]));
        let content = match choices.byte() % 8 {
            0 => Bytes::copy_from_slice(choices.some_bytes(8)),
            1 => invent::content(choices).encode(),
            letter => Content::text("x".repeat(usize::from(letter))).encode(),
        };
        let send = Send { chat: chat.clone(), id, content: content.clone() };
        match Content::decode(&content, CONTENT_BYTES_MAX as usize) {
            // Whether it still listens is the session's to know.
            Ok(_) if self.watch.has_asked_for(&chat) => return,
            Ok(content) => self
                .watch
                .sent(send.clone(), matches!(content, Content::Group(_) | Content::Room(_))),
            Err(_) => self.watch.expect(Due::Refusal(chat, id)),
        }
        self.give(Input::Packet(Packet::Send(send)));
    }

    fn ack(&mut self, choices: &mut Choices<'_>) {
        let mut cursors = if choices.flag() { self.watch.had() } else { Vec::new() };
        cursors.truncate(1 + choices.below(3));
        for _ in 0..choices.below(3) {
            let chat = Self::chat(choices);
            let (delivered, read) = match choices.byte() % 4 {
                0 => (choices.number(), choices.number()),
                _ => (choices.below(12) as u64, 0),
            };
            cursors.push(Cursor { chat, delivered, read });
        }
        self.acks(cursors);
    }

    fn acks(&mut self, cursors: Vec<Cursor>) {
        self.watch.acked(&cursors, &self.shop);
        self.give(Input::Packet(Packet::Ack(cursors)));
    }

    fn ask(&mut self, choices: &mut Choices<'_>) {
        let request = invent::request(choices);
        match request.operation {
            Some(_) => self.watch.asked(&request),
            None => self.watch.expect(Due::Response(request.id)),
        }
        self.give(Input::Packet(Packet::Request(request)));
    }

    fn ping(&mut self, choices: &mut Choices<'_>) {
        let token = choices.number();
        // Whether there is one too many is the bucket's to say: then the session ends.
        self.pings += 1;
        self.watch.expect(Due::Packet(Packet::Pong(token)));
        self.give(Input::Packet(Packet::Ping(token)));
        assert!(self.pings > 3 || !self.watch.is_over(), "three pings are allowed at once");
    }

    fn signal(&mut self, choices: &mut Choices<'_>) {
        let (chat, kind) = (Self::chat(choices), SignalKind::Typing);
        let signal = Signal { chat, kind, data: Bytes::new(), sender: None };
        let dropped = self.metrics.signals_dropped.get();
        let mut actions = Vec::new();
        self.flow.handle(self.now(), Input::Packet(Packet::Signal(signal.clone())), &mut actions);
        if self.metrics.signals_dropped.get() == dropped {
            self.watch.expect(Due::Relay(signal));
        }
        self.take(actions, false);
    }

    /// The store comes to something that it was asked for.
    fn store_works(&mut self, choices: &mut Choices<'_>) {
        if self.checking && choices.flag() {
            return self.check(choices);
        }
        if self.works.is_empty() {
            return;
        }
        let at = choices.below(self.works.len());
        if self.works[at].1.is_none() {
            self.work(at, choices);
        }
        if choices.flag() {
            self.answer(at);
        }
    }

    fn work(&mut self, at: usize, choices: &mut Choices<'_>) {
        let fails = choices.once_in(32);
        let answer = match &self.works[at].0 {
            work if fails => failed(work, choices),
            Work::Claim(..) => {
                self.shop.claim();
                let new_device = choices.flag();
                let has_chats = self.shop.logs.values().any(|log| !log.is_empty());
                let claimed = Claimed { new_device, has_chats, number: choices.number() };
                let ticket = choices.flag().then(|| (Bytes::from_static(b"t"), choices.number()));
                Input::Claimed(Ok((claimed, ticket)), choices.number())
            }
            Work::Append(drafts) => Input::Appended(Ok(self.shop.append(drafts, choices))),
            Work::Advance(moves) => {
                self.shop.advance(moves);
                Input::Advanced(Ok(()))
            }
            Work::Scan { after, limit } => {
                Input::Scanned(Ok(self.shop.scan(after.as_ref(), (*limit).min(3))))
            }
            Work::Read(stretches, limit) => {
                Input::Read(Ok(self.shop.read(stretches, *limit, choices)))
            }
            Work::Ask(_) => Input::Answered(Err(no_such_chat())),
            Work::Transfer(_) => Input::Transferred(Err(no_such_chat())),
        };
        self.works[at].1 = Some(answer);
    }

    fn check(&mut self, choices: &mut Choices<'_>) {
        self.checking = false;
        self.give(Input::Checked(guest(choices)));
    }

    /// The store says what it has come to.
    fn store_answers(&mut self, choices: &mut Choices<'_>) {
        let ready: Vec<usize> =
            (0..self.works.len()).filter(|at| self.works[*at].1.is_some()).collect();
        if ready.is_empty() {
            return;
        }
        self.answer(ready[choices.below(ready.len())]);
    }

    fn answer(&mut self, at: usize) {
        let (work, answer) = self.works.remove(at);
        let input = answer.expect("only what is ready is said");
        let listens = !self.left;
        match &input {
            Input::Appended(Ok(outcomes)) => self.watch.appended(Some(outcomes), listens),
            Input::Appended(Err(StoreError::Stopped)) => {}
            Input::Appended(Err(_)) => self.watch.appended(None, listens),
            Input::Answered(_) | Input::Transferred(_) => {
                let id = self.watch.answered(name_of(&work));
                if listens {
                    self.watch.expect(Due::Response(id));
                }
            }
            Input::Scanned(Ok(page)) => {
                self.watch.scanned(page);
                self.watch.done(name_of(&work));
            }
            _ => self.watch.done(name_of(&work)),
        }
        if matches!(work, Work::Append(_) | Work::Claim(..)) {
            // Effects are released before the answers of their commit.
            self.shop.release(usize::MAX);
        }
        self.give(input);
    }
    /// What has come for the session is given, as far as its shell would take it.
    fn mail(&mut self) {
        if !self.flow.is_open() || !self.room {
            return;
        }
        let Mail { deliveries, entries_lost, .. } = self.shop.take_mail();
        for delivery in deliveries {
            self.give(Input::Pushed(delivery));
        }
        if entries_lost {
            self.give(Input::EntriesLost);
        }
    }

    fn hint(&mut self, choices: &mut Choices<'_>) {
        if !self.flow.is_open() {
            return;
        }
        match choices.byte() % 3 {
            0 => {
                let (chat, user) = (choices.chat(), choices.user());
                let (delivered, read) = (choices.number(), choices.number());
                let moved = CursorMoved { chat, user, delivered, read };
                let notice = Notice::Cursor(moved.clone());
                self.watch.expect(Due::Packet(Packet::Notice(notice)));
                self.give(Input::Hint(Hint::Cursor(moved)));
            }
            1 => {
                let frame = Bytes::from_static(b"a signal's frame");
                self.watch.expect(Due::Frame(frame.clone()));
                self.give(Input::Hint(Hint::Signal(frame)));
            }
            _ => {
                self.watch.expect(Due::Packet(Packet::Notice(Notice::Missed)));
                self.give(Input::NoticesLost);
            }
        }
    }

    fn time_passes(&mut self, choices: &mut Choices<'_>) {
        let deadline = self.flow.deadline().map_or(self.now_ms, Time::as_ms);
        self.now_ms = match choices.byte() % 4 {
            0 => self.now_ms.max(deadline),
            1 => self.now_ms.max(deadline.saturating_sub(1)),
            _ => self.now_ms + choices.below(200) as u64,
        };
        self.give(Input::Tick);
        if !self.watch.is_over() {
            self.settle();
        }
        let next = self.flow.deadline();
        let later = next.is_none_or(|next| next > self.now());
        assert!(later, "the next deadline {next:?} is behind {}", self.now_ms);
    }

    /// Something ends the session, at once or once it is finished.
    fn end(&mut self, choices: &mut Choices<'_>) {
        if !choices.once_in(4) {
            return;
        }
        match choices.byte() % 5 {
            0 => self.leave(Input::Left),
            1 if self.flow.wants_packet(self.now()) => {
                let goodbye = Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0));
                self.leave(Input::Packet(goodbye));
            }
            2 if self.flow.is_open() => {
                let codes = [CloseCode::Replaced, CloseCode::LoggedOut, CloseCode::Displaced];
                self.give(Input::Evicted(choices.one_of(&codes)));
            }
            3 if self.flow.wants_packet(self.now()) => {
                let (code, reason) = (CloseCode::BadBody, "as chosen".to_owned());
                self.give(Input::Broken { code, reason });
                assert!(self.watch.is_over(), "what is no packet ends a session");
            }
            4 => {
                self.watch.ends();
                self.give(Input::Drain);
            }
            _ => {}
        }
    }

    fn leave(&mut self, input: Input) {
        self.left = true;
        self.watch.ends();
        self.give(input);
    }

    /// Everybody does at once what there is to do, until there is nothing.
    pub fn rest(&mut self) {
        self.room = true;
        let none = &mut Choices::new(&[]);
        for _ in 0..ROUNDS_MAX {
            if self.watch.is_over() {
                return;
            }
            self.give(Input::Heard);
            if self.checking {
                self.check(none);
            }
            let had = self.watch.had();
            let idle = self.works.is_empty() && had.is_empty();
            let wants_packet = self.flow.wants_packet(self.now());
            if self.watch.stage == Stage::Open && wants_packet && !had.is_empty() {
                self.acks(had);
            } else if !wants_packet {
                self.now_ms += 50;
                self.give(Input::Tick);
            }
            while !self.works.is_empty() && !self.watch.is_over() {
                if self.works[0].1.is_none() {
                    self.work(0, none);
                }
                self.answer(0);
            }
            self.shop.release(usize::MAX);
            self.mail();
            self.settle();
            if idle && self.works.is_empty() && self.watch.had().is_empty() {
                if self.watch.stage == Stage::Open {
                    self.watch.check_rest(&self.shop);
                }
                return;
            }
        }
        assert!(self.watch.is_over(), "a session comes to rest in {ROUNDS_MAX} rounds");
    }

    /// At rest, whatever ends a session ends it at once.
    pub fn stop(&mut self, choices: &mut Choices<'_>) {
        if self.watch.is_over() {
            return;
        }
        if choices.flag() {
            self.leave(Input::Left);
        } else {
            self.watch.ends();
            self.give(Input::Drain);
        }
        self.settle();
        assert!(self.watch.is_over(), "a session at rest ends when it is told to");
    }
}
