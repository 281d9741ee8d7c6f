//! The state of the view: what happens goes in, what is to be done comes out. Must never do any of
//! it itself, nor hold more of a chat than its timeline does.

mod answer;
mod complete;
mod keys;
mod news;
mod own;
mod refer;
mod watch;

use packetboat_client::{
    ChatId, Content, Context, Entry, InviteId, MessageId, OwnState, ScheduledName, SetMarks, UserId,
};

use super::completion::Completing;
use super::editor::Editor;
use super::event::{Effect, Input};
use super::layout::{self, Row};
use super::link::{Link, Mood};
use super::outbox::{Outbox, Outgoing};
use super::overlay::Overlay;
use super::receipts::Receipts;
use super::roster::{Chat, Roster};
use super::timeline::{Message, Timeline};
use crate::clean;
use crate::clock::Clock;

/// How long a note is shown.
const NOTE_MS: u64 = 8_000;
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
    pub(crate) receipts: Receipts,
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
    /// The links to a group, as they were shown last.
    invites: Vec<(ChatId, InviteId)>,
    /// What the other devices are to know of what was opened and written.
    unsaid: Vec<Effect>,
    /// When the others were last told that the user types, in which chat.
    typed: Option<(ChatId, u64)>,
    /// Who is watched.
    people: Vec<UserId>,
    /// The group whose receipts are watched.
    receipts_of: Option<ChatId>,
    /// The user is not at this device.
    away: bool,
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
            invites: Vec::new(),
            unsaid: Vec::new(),
            typed: None,
            people: Vec::new(),
            receipts_of: None,
            away: false,
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
                self.ask_words(&mut effects);
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
        let opened = Open { chat, timeline, receipts: Receipts::new(), up: 0 };
        let Some(last) = self.open.replace(opened) else { return };
        self.keep_draft(&last.chat, written.text());
        if !written.text().is_empty() {
            self.drafts.push((last.chat, written.text().to_owned()));
        }
    }

    /// What follows from how things stand, whatever happened.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let page = self.message_rows();
        effects.append(&mut self.unsaid);
        self.watch_receipts(effects);
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
            // A room keeps no account of who has read what.
            let told = (!open.chat.is_room()).then(|| open.chat.clone());
            effects.extend(told.map(|chat| Effect::Read { chat, seq }));
        }
    }

    fn tick(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.note.as_ref().is_some_and(|(_, _, until)| *until <= now_ms) {
            self.note = None;
        }
        self.watch_people(effects);
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
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == chat) {
            open.up = 0;
        }
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
        let chat = (chat, &open.receipts);
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
        let (words, mood) = self.link.words(now_ms, &self.who);
        (if self.away { format!("{words}, away") } else { words }, mood)
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

#[cfg(test)]
#[path = "model/tests.rs"]
pub(crate) mod tests;
