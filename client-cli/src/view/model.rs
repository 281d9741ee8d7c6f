//! The state of the view: what happens goes in, what is to be done comes out. Must never do any of
//! it itself, nor hold more of a chat than its timeline does.

mod complete;
mod keys;
mod own;
mod refer;

use packetboat_client::{
    ChatId, Content, Context, Edge, Ending, Entry, Event, Member, MessageId, Notice, OwnState,
    Page, Role, RoomState, ScheduledName, SendError, SetMarks, Signal, SignalKind, UserId,
};

use super::completion::Completing;
use super::editor::Editor;
use super::event::{Answer, Effect, Input, Trouble};
use super::layout::{self, Row};
use super::link::{Link, Mood};
use super::outbox::{Outbox, Outgoing};
use super::overlay::Overlay;
use super::roster::{Chat, Roster};
use super::timeline::{Message, Timeline};
use crate::clean;
use crate::clock::Clock;
use crate::failure::reason;
use crate::format::text;

/// How long a note is shown.
const NOTE_MS: u64 = 8_000;
/// The time between two questions for who is online.
const PRESENCE_MS: u64 = 30_000;
/// Columns of the list of chats, its border included.
pub(crate) const LIST_COLUMNS: u16 = 25;
/// The fewest columns with which there is a list of chats.
const LIST_FROM_COLUMNS: u16 = 60;
/// Rows that are not for messages: title, typing, input, status.
pub(crate) const OTHER_ROWS: u16 = 4;

/// The open chat.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) chat: ChatId,
    pub(crate) timeline: Timeline,
    /// Rows that are below the lowest one shown.
    pub(crate) up: usize,
}

/// All that is shown.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) me: UserId,
    who: String,
    pub(crate) clock: Clock,
    new_id: fn() -> MessageId,
    size: (u16, u16),
    pub(crate) roster: Roster,
    pub(crate) open: Option<Open>,
    pub(crate) outbox: Outbox,
    pub(crate) editor: Editor,
    pub(crate) overlay: Option<Overlay>,
    link: Link,
    /// A session was open once.
    was_up: bool,
    note: Option<(String, Mood, u64)>,
    /// What was written in other chats and not sent.
    drafts: Vec<(ChatId, String)>,
    /// What the user has set for itself.
    own: OwnState,
    /// What is to be sent later, as it was shown last.
    scheduled: Vec<ScheduledName>,
    /// What the other devices are to know of what was opened and written.
    unsaid: Vec<Effect>,
    /// When the others were last told that the user types, in which chat.
    typed: Option<(ChatId, u64)>,
    /// When it was last asked who is online.
    presence_ms: u64,
    /// What Tab completes.
    completing: Completing,
    /// The next wish to quit is the second one.
    quitting: bool,
}

impl View {
    /// Nothing is known yet. `who` says as whom and to where it connects.
    pub(crate) fn new(
        me: UserId,
        who: String,
        clock: Clock,
        new_id: fn() -> MessageId,
        size: (u16, u16),
    ) -> Self {
        Self {
            roster: Roster::new(me.clone()),
            me,
            who,
            clock,
            new_id,
            size,
            open: None,
            outbox: Outbox::default(),
            editor: Editor::default(),
            overlay: None,
            link: Link::Connecting,
            was_up: false,
            note: None,
            drafts: Vec::new(),
            own: OwnState::default(),
            scheduled: Vec::new(),
            unsaid: Vec::new(),
            typed: None,
            presence_ms: 0,
            completing: Completing::default(),
            quitting: false,
        }
    }

    /// Something happened at this time; says what is to be done.
    pub(crate) fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(chat) = self.open.as_ref().map(|open| open.chat.clone()) {
            self.keep_place(&chat, |timeline| timeline.pass(now_ms));
        }
        match input {
            Input::Key(key) => self.key(now_ms, key, &mut effects),
            Input::Paste(text) => {
                self.editor.insert(&text);
                self.typing(now_ms, &mut effects);
            }
            Input::Resize(columns, rows) => self.size = (columns, rows),
            Input::Tick => self.tick(now_ms, &mut effects),
            Input::Net(event) => self.net(now_ms, event, &mut effects),
            Input::Answer(answer) => self.answer(now_ms, answer, &mut effects),
        }
        self.settle(&mut effects);
        effects
    }

    /// Opens a chat.
    pub(crate) fn open(&mut self, chat: ChatId) {
        if self.open.as_ref().is_some_and(|open| open.chat == chat) {
            return;
        }
        let marks = self.roster.entry(&chat).marks;
        if marks.unread {
            let marks = SetMarks { unread: Some(false), ..SetMarks::of(chat.clone()) };
            self.unsaid.push(Effect::Mark(marks));
        }
        let draft = self.drafts.iter().position(|(of, _)| *of == chat);
        let draft = draft.map(|at| self.drafts.swap_remove(at).1).or_else(|| self.begun(&chat));
        let written = std::mem::replace(&mut self.editor, Editor::new(draft.unwrap_or_default()));
        let mut timeline = Timeline::new();
        timeline.hide(self.hidden(&chat));
        let Some(last) = self.open.replace(Open { chat, timeline, up: 0 }) else { return };
        self.keep_draft(&last.chat, written.text());
        if !written.text().is_empty() {
            self.drafts.push((last.chat, written.text().to_owned()));
        }
    }

    /// What follows from how things stand, whatever happened.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let page = self.message_rows();
        effects.append(&mut self.unsaid);
        let Some(open) = &mut self.open else { return };
        let chat = self.roster.entry(&open.chat);
        if self.link.is_up()
            && open.up < page
            && let Some(edge) = open.timeline.ask_newer()
        {
            effects.push(Effect::AskPage { chat: open.chat.clone(), edge });
        }
        let seq = open.timeline.last_seq();
        if open.up == 0 && open.timeline.is_live() && seq > chat.read {
            chat.has_read(seq);
            effects.push(Effect::Read { chat: open.chat.clone(), seq });
        }
    }

    fn tick(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.note.as_ref().is_some_and(|(_, _, until)| *until <= now_ms) {
            self.note = None;
        }
        if self.link.is_up() && now_ms >= self.presence_ms.saturating_add(PRESENCE_MS) {
            self.ask_presence(now_ms, effects);
        }
    }

    fn ask_presence(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        self.presence_ms = now_ms;
        let peers = self.roster.peers();
        if !peers.is_empty() {
            effects.push(Effect::AskPresence(peers));
        }
    }

    fn net(&mut self, now_ms: u64, event: Event, effects: &mut Vec<Effect>) {
        if self.link.handle(now_ms, &event) {
            self.was_up = true;
            self.completing = Completing::default();
            effects.extend([Effect::AskChats, Effect::SyncOwn]);
        }
        match event {
            Event::Entry(entry) => self.arrived(&entry, effects),
            Event::Disconnected { .. } => self.roster.forget_presence(),
            Event::LogReset { chat, .. } => self.reset(now_ms, &chat, effects),
            Event::Closed(ending) => self.ended(ending, effects),
            Event::Notice(Notice::Missed) => effects.extend([Effect::AskChats, Effect::SyncOwn]),
            Event::Notice(Notice::Own(revision)) => {
                effects.extend((revision > self.own.revision()).then_some(Effect::SyncOwn));
            }
            Event::Notice(Notice::Cursor(moved)) => {
                if self.roster.moved(&moved) {
                    effects.push(Effect::ask_about(moved.chat));
                }
            }
            Event::Notice(Notice::Join(news)) => {
                self.note(now_ms, &text::join_news(&news), Mood::Good);
            }
            Event::Signal(Signal { chat, kind, sender: Some(sender), .. }) => {
                if kind != SignalKind::Custom {
                    self.roster.typing(now_ms, &chat, sender, kind == SignalKind::Typing);
                }
            }
            Event::Notice(Notice::ScheduleFailed(rejected)) => {
                self.note(now_ms, &text::schedule::failed(&rejected), Mood::Bad);
            }
            Event::Notice(Notice::Presence(presence)) => self.roster.presence(&[presence]),
            Event::Notice(Notice::RoomCount(count)) => {
                self.roster.entry(&count.room).members = count.listeners;
            }
            Event::Room(event) => self.note(now_ms, &text::room::event(&event), Mood::Bad),
            Event::Notice(Notice::Keys(news)) => {
                self.note(now_ms, &text::keys::news(&news), Mood::Good);
            }
            // Who has read what is shown where it is asked for.
            Event::Notice(Notice::Receipts(_)) | Event::Connected(_) | Event::Signal(_) => {}
        }
    }

    /// The chat's log starts over on the server: what was known by its seqs is void.
    fn reset(&mut self, now_ms: u64, chat: &ChatId, effects: &mut Vec<Effect>) {
        self.roster.forget(chat);
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == *chat) {
            (open.timeline, open.up) = (Timeline::new(), 0);
            open.timeline.hide(self.own.chat(chat).hidden);
        }
        self.note(now_ms, &text::log_reset(chat), Mood::Bad);
        effects.push(Effect::ask_about(chat.clone()));
    }

    fn ended(&mut self, ending: Ending, effects: &mut Vec<Effect>) {
        self.roster.forget_presence();
        if !self.was_up {
            effects.push(Effect::GiveUp(ending));
        }
    }

    fn arrived(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        if self.roster.arrived(entry) {
            effects.push(Effect::ask_about(entry.chat.clone()));
        }
        let message = Message::new(entry, entry.sender == self.me);
        if message.change {
            self.forget_names(&entry.chat);
        }
        self.keep_place(&entry.chat, |timeline| timeline.arrived(message));
    }

    fn answer(&mut self, now_ms: u64, answer: Answer, effects: &mut Vec<Effect>) {
        match answer {
            Answer::Chats(states) => {
                self.roster.update(states);
                if self.open.is_none()
                    && let Some(chat) = self.roster.beside(None, 1)
                {
                    self.open(chat);
                }
                self.ask_presence(now_ms, effects);
            }
            Answer::Chat(state) => self.roster.update(vec![state]),
            Answer::Own(own) => self.take_own(own),
            Answer::Room(state) => self.room(&state),
            Answer::Joined(state) => {
                self.room(&state);
                self.open(state.room);
            }
            Answer::Page { chat, edge, page } => self.page(now_ms, &chat, edge, page),
            Answer::Presence(users) => self.roster.presence(&users),
            Answer::Members { chat, members } => self.members(&chat, &members),
            Answer::Names { chat, users } => self.take_names(&chat, users),
            Answer::Pins { chat, seqs } => self.pins(&chat, &seqs),
            Answer::Sent { id, outcome: Ok(accepted) } => {
                if let Some(message) = self.outbox.accepted(id) {
                    self.roster.stored(&message.chat, accepted.seq, accepted.at_ms);
                    if message.change && !message.closes_room() {
                        effects.push(Effect::ask_about(message.chat.clone()));
                    }
                    let chat = message.chat.clone();
                    let message = message.stored(&self.me, accepted.seq, accepted.at_ms);
                    self.keep_place(&chat, |timeline| timeline.arrived(message));
                }
            }
            Answer::Sent { id, outcome: Err(error) } => {
                self.outbox.failed(id, clean::line(&refusal(&error)));
            }
            Answer::Scheduled { names, lines } => {
                self.scheduled = names;
                self.overlay = Some(Overlay::new("What is to be sent".to_owned(), &lines));
            }
            Answer::Underway(what) => self.note(now_ms, &what, Mood::Calm),
            Answer::Sheet { title, lines } => self.overlay = Some(Overlay::new(title, &lines)),
            Answer::Entered(chat) => {
                effects.push(Effect::ask_about(chat.clone()));
                self.open(chat);
            }
            Answer::Told(what) => self.note(now_ms, &what, Mood::Good),
            Answer::Failed(why) => self.note(now_ms, &why, Mood::Bad),
        }
    }

    fn page(&mut self, now_ms: u64, chat: &ChatId, edge: Edge, page: Result<Page<Entry>, Trouble>) {
        let head = self.roster.get(chat).map_or(0, |chat| chat.head);
        match page {
            Ok(page) => {
                let own = |entry: &Entry| entry.sender == self.me;
                let messages =
                    page.items.iter().map(|entry| Message::new(entry, own(entry))).collect();
                self.keep_place(chat, |timeline| timeline.page(edge, messages, page.more, head));
            }
            Err(trouble) => {
                self.keep_place(chat, |timeline| timeline.failed(trouble.refused));
                // That a chat without a message is none yet is no news.
                if !(trouble.refused && head == 0) {
                    self.note(now_ms, &trouble.why, Mood::Bad);
                }
            }
        }
    }

    fn room(&mut self, state: &RoomState) {
        let room = self.roster.entry(&state.room);
        room.name = clean::line(&state.name);
        room.members = state.listeners;
        room.head = room.head.max(state.head);
    }

    fn members(&mut self, chat: &ChatId, members: &Page<Member>) {
        let role = |member: &Member| match member.role {
            Some(Role::Owner) => ", owner",
            Some(Role::Admin) => ", admin",
            Some(Role::Member) | None => "",
        };
        let line = |member: &Member| format!("{}{}", member.user, role(member));
        let mut lines: Vec<_> = members.items.iter().map(line).collect();
        if members.more {
            lines.push("… and more".to_owned());
        }
        self.overlay = Some(Overlay::new(format!("Members of {chat}"), &lines));
    }

    /// Changes the timeline of a chat if it is the open one. Who looks back goes on seeing the
    /// same rows.
    fn keep_place(&mut self, chat: &ChatId, change: impl FnOnce(&mut Timeline)) {
        let up = self.open.as_ref().filter(|open| open.chat == *chat).map(|open| open.up);
        let before = if up > Some(0) { self.rows() } else { Vec::new() };
        let Some(open) = self.open.as_mut().filter(|_| up.is_some()) else { return };
        change(&mut open.timeline);
        let Some(lowest) = before.len().checked_sub(open.up + 1) else { return };
        let anchor = before[lowest].seq;
        let below = |rows: &[Row]| rows.iter().filter(|row| row.seq > anchor).count();
        let (was, is) = (below(&before), below(&self.rows()));
        if let Some(open) = &mut self.open {
            open.up = (open.up + is).saturating_sub(was);
        }
    }

    /// Puts a message on its way.
    fn send(&mut self, now_ms: u64, chat: ChatId, content: &Content, effects: &mut Vec<Effect>) {
        self.send_in(now_ms, chat, (content, &Context::default()), effects);
    }

    /// The same in a context.
    fn send_in(
        &mut self,
        now_ms: u64,
        chat: ChatId,
        (content, context): (&Content, &Context),
        effects: &mut Vec<Effect>,
    ) {
        let id = (self.new_id)();
        let encoded = content.encode_in(context);
        let entry = Entry {
            chat: chat.clone(),
            seq: u64::MAX,
            sender: self.me.clone(),
            id,
            at_ms: now_ms,
            content: encoded.clone(),
        };
        let Message { at_ms, change, lines, entry, .. } = Message::new(&entry, true);
        let content = entry.content;
        let chat_of = chat.clone();
        let failed = None;
        self.outbox.push(Outgoing { chat: chat_of, id, at_ms, lines, change, content, failed });
        if let Some(open) = &mut self.open {
            open.up = 0;
        }
        self.keep_draft(&chat, "");
        self.typed = None;
        effects.push(Effect::Send { chat, id, content: encoded });
    }

    fn note(&mut self, now_ms: u64, text: &str, mood: Mood) {
        self.note = Some((clean::line(text), mood, now_ms + NOTE_MS));
    }

    /// The open chat in the list.
    pub(crate) fn open_chat(&self) -> Option<&Chat> {
        self.roster.get(&self.open.as_ref()?.chat)
    }

    /// What the user calls a chat: the other one's name in the contacts, if it has one there.
    pub(crate) fn called(&self, chat: &Chat) -> String {
        let peer = chat.peer.as_ref();
        let name = peer.map(|peer| self.own.people().contact(peer).name).unwrap_or_default();
        if name.is_empty() { chat.name.clone() } else { clean::line(&name) }
    }

    /// All rows of the open chat.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let (Some(open), Some(chat)) = (&self.open, self.open_chat()) else {
            return Vec::new();
        };
        let outgoing = self.outbox.of(&open.chat);
        layout::rows(&self.clock, chat, &open.timeline, outgoing, self.message_columns())
    }

    /// Columns of the list of chats.
    pub(crate) const fn list_columns(&self) -> u16 {
        if self.size.0 >= LIST_FROM_COLUMNS { LIST_COLUMNS } else { 0 }
    }

    fn message_columns(&self) -> usize {
        usize::from(self.size.0.saturating_sub(self.list_columns()))
    }

    /// Rows that messages are shown in.
    pub(crate) fn message_rows(&self) -> usize {
        usize::from(self.size.1.saturating_sub(OTHER_ROWS)).max(1)
    }

    /// Columns and rows that a sheet may take: all but the status.
    pub(crate) const fn sheet_space(&self) -> (u16, u16) {
        (self.size.0, self.size.1.saturating_sub(1))
    }

    /// How the connection stands.
    pub(crate) fn status(&self, now_ms: u64) -> (String, Mood) {
        self.link.words(now_ms, &self.who)
    }

    /// What is to be told for a moment.
    pub(crate) fn noted(&self, now_ms: u64) -> Option<(&str, Mood)> {
        let (text, mood, until) = self.note.as_ref()?;
        (*until > now_ms).then_some((text, *mood))
    }
}

impl Outgoing {
    fn stored(self, me: &UserId, seq: u64, at_ms: u64) -> Message {
        let Self { chat, id, content, .. } = self;
        let entry = Entry { chat, seq, sender: me.clone(), id, at_ms, content };
        Message::new(&entry, true)
    }
}

fn refusal(error: &SendError) -> String {
    match error {
        SendError::Rejected { verdict, .. } => reason(verdict),
        error => error.to_string(),
    }
}

#[cfg(test)]
#[path = "model/tests.rs"]
pub(crate) mod tests;
