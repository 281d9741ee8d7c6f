//! What comes from the client by itself. Must never be taken for an answer.

use packetboat_client::{ChatId, Ending, Entry, Event, Notice, Signal, SignalKind};

use super::super::completion::Completing;
use super::super::receipts::Receipts;
use super::super::timeline::{Message, Timeline};
use super::{Effect, Mood, View};
use crate::format::text;

impl View {
    pub(super) fn net(&mut self, now_ms: u64, event: Event, effects: &mut Vec<Effect>) {
        if self.link.handle(now_ms, &event) {
            self.was_up = true;
            self.completing = Completing::default();
            self.watch_anew();
            effects.extend([Effect::AskChats, Effect::SyncOwn]);
        }
        match event {
            Event::Entry(entry) => self.arrived(&entry, effects),
            Event::Disconnected { .. } => self.roster.forget_presence(),
            Event::LogReset { chat, .. } => self.reset(now_ms, &chat, effects),
            Event::Closed(ending) => self.ended(ending, effects),
            Event::Notice(Notice::Missed) => {
                self.watch_anew();
                effects.extend([Effect::AskChats, Effect::SyncOwn]);
            }
            Event::Notice(Notice::Own(revision)) => {
                effects.extend((revision > self.own.revision()).then_some(Effect::SyncOwn));
            }
            Event::Notice(Notice::Cursor(moved)) => {
                if self.roster.moved(&moved) {
                    effects.push(Effect::ask_about(moved.chat));
                }
            }
            Event::Notice(Notice::Join(news)) => {
                self.note(now_ms, &text::join_news(&news, "/group requests"), Mood::Good);
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
            Event::Notice(Notice::Receipts(group)) => self.receipts_moved(&group),
            Event::Connected(_) | Event::Signal(_) => {}
        }
    }

    /// The chat's log starts over on the server: what was known by its seqs is void.
    fn reset(&mut self, now_ms: u64, chat: &ChatId, effects: &mut Vec<Effect>) {
        self.roster.forget(chat);
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == *chat) {
            (open.timeline, open.receipts, open.up) = (Timeline::new(), Receipts::new(), 0);
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
        if message.own {
            self.receipts_moved(&entry.chat);
        }
        if message.change {
            self.forget_names(&entry.chat);
        }
        self.keep_place(&entry.chat, |timeline| timeline.arrived(message));
    }
}
