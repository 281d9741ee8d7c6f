//! What keys do. Must never send what is not whole: a line goes its way with Enter alone.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use packetboat_client::{Content, GroupChange, ScheduledName, SignalKind};

use super::super::event::{Door, Later};
use super::super::file::{Files, Place};
use super::super::own::Own;
use super::super::slash::table::help;
use super::super::slash::{Line, parse};
use super::{Editor, Effect, Mood, View};

/// The time between two signals that the user types.
const TYPING_MS: u64 = 3_000;

impl View {
    pub(super) fn key(&mut self, now_ms: u64, key: KeyEvent, effects: &mut Vec<Effect>) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_quit = match key.code {
            KeyCode::Char('c' | 'd') => control,
            KeyCode::Esc => self.overlay.is_none(),
            _ => false,
        };
        if is_quit {
            return self.quit(now_ms, effects);
        }
        self.quitting = false;
        let space = self.sheet_space();
        if let Some(overlay) = &mut self.overlay {
            if overlay.key(key.code, space) {
                self.overlay = None;
            }
            return;
        }
        match key.code {
            KeyCode::Enter if key.modifiers.contains(KeyModifiers::ALT) => self.editor.insert("\n"),
            KeyCode::Enter => self.enter(now_ms, effects),
            KeyCode::Tab if self.complete(now_ms, 1) => self.ask_words(effects),
            KeyCode::BackTab if self.complete(now_ms, -1) => self.ask_words(effects),
            KeyCode::Tab => self.switch(1),
            KeyCode::BackTab => self.switch(-1),
            KeyCode::Char('n') if control => self.switch(1),
            KeyCode::Char('p') if control => self.switch(-1),
            KeyCode::Char('l') if control => effects.push(Effect::Repaint),
            KeyCode::PageUp => self.scroll_up(self.message_rows().saturating_sub(1), effects),
            KeyCode::PageDown => self.scroll_down(self.message_rows().saturating_sub(1)),
            KeyCode::Up => self.scroll_up(1, effects),
            KeyCode::Down => self.scroll_down(1),
            code => {
                let before = self.editor.text().len();
                self.edit(code, key.modifiers);
                if self.editor.text().len() != before {
                    self.ask_words(effects);
                    self.typing(now_ms, effects);
                }
            }
        }
    }

    fn edit(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        let by_word = modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let editor = &mut self.editor;
        match code {
            KeyCode::Left if by_word => editor.word_left(),
            KeyCode::Right if by_word => editor.word_right(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            KeyCode::Backspace if by_word => editor.delete_word(),
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Char(letter) if modifiers.contains(KeyModifiers::CONTROL) => match letter {
                'a' => editor.home(),
                'e' => editor.end(),
                'w' => editor.delete_word(),
                'u' => editor.delete_to_start(),
                'k' => editor.delete_to_end(),
                // What some terminals send for Ctrl-Backspace.
                'h' => editor.backspace(),
                _ => {}
            },
            KeyCode::Char(letter) if !modifiers.contains(KeyModifiers::ALT) => {
                editor.insert(letter.encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
    }

    /// Asks once more while there are messages on their way.
    fn quit(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let waiting = self.outbox.waiting();
        if waiting == 0 || self.quitting {
            effects.append(&mut self.leave());
            effects.push(Effect::Quit);
            return;
        }
        self.quitting = true;
        self.note(now_ms, &format!("{waiting} not sent yet: once more to quit"), Mood::Bad);
    }

    fn enter(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let open = self.open.as_ref().map(|open| open.chat.clone());
        if self.editor.text().trim().is_empty() {
            self.editor.take();
            return;
        }
        let line = match parse(self.editor.text(), open.as_ref(), now_ms) {
            Ok(line) => line,
            Err(why) => return self.note(now_ms, &why, Mood::Bad),
        };
        if sends(&line) && self.outbox.is_full() {
            return self.note(now_ms, "too many messages are on their way", Mood::Bad);
        }
        // A command is not to be kept as the open chat's draft.
        let written = self.editor.take();
        if let Err(why) = self.obey(now_ms, line, effects) {
            self.editor = Editor::new(written);
            self.note(now_ms, why, Mood::Bad);
        }
    }

    fn obey(
        &mut self,
        now_ms: u64,
        line: Line,
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        match line {
            Line::Say(say) => {
                let (chat, context) = self.context(&say)?;
                self.keep_draft(&chat, "");
                self.typed = None;
                self.send_in(now_ms, chat, (&Content::text(say.text), &context), effects);
            }
            Line::SayLater(say, at_ms) => {
                let (chat, context) = self.context(&say)?;
                let name = ScheduledName { chat, id: (self.new_id)() };
                let (text, context) = (say.text, Box::new(context));
                effects.push(Effect::Later(Later::Schedule { name, text, context, at_ms }));
            }
            Line::Change(group, change) => {
                if matches!(change, GroupChange::Created { .. }) {
                    self.open(group.clone());
                }
                self.send(now_ms, group, &Content::Group(change), effects);
            }
            Line::ChangeRoom(room, change) => self.send(now_ms, room, &change, effects),
            Line::Attach(chat, attach) => {
                // What says that it is there needs a place once it is.
                self.outbox.upload_begun();
                effects.push(Effect::Files(Files::Send(chat, attach)));
            }
            Line::Open(target) => self.open(target.chat(&self.me)),
            Line::Refer(refer) => self.refer(now_ms, refer, effects)?,
            Line::Own(Own::Mark(marks)) => effects.push(Effect::Mark(marks)),
            Line::Own(Own::Hide(which)) => {
                let (chat, seq) = self.which(which)?;
                effects.push(Effect::Hide { chat, seq });
            }
            Line::Save(which, path) => {
                let (chat, seq) = self.which(which)?;
                effects.push(Effect::Files(Files::Save(Place { chat, seq, path })));
            }
            Line::Thumbnail(which, path) => {
                let (chat, seq) = self.which(which)?;
                effects.push(Effect::Files(Files::Thumbnail(Place { chat, seq, path })));
            }
            Line::Unschedule(nth) => {
                let name = self.scheduled.get(nth - 1).ok_or("/scheduled shows which there are")?;
                effects.push(Effect::Later(Later::Unschedule(name.clone())));
            }
            Line::Uninvite(nth) => {
                let link = self.invites.get(nth - 1);
                let (group, id) = link.cloned().ok_or("/group invites shows which there are")?;
                effects.push(Effect::Door(Door::Uninvite { group, id }));
            }
            Line::Help(word) => self.sheet("Help".to_owned(), help(&word)),
            Line::Quit => self.quit(now_ms, effects),
            line => effects.extend(errand(line)),
        }
        Ok(())
    }

    fn switch(&mut self, step: isize) {
        let open = self.open.as_ref().map(|open| &open.chat);
        if let Some(chat) = self.roster.beside(open, step) {
            self.open(chat);
        }
    }

    fn scroll_up(&mut self, rows: usize, effects: &mut Vec<Effect>) {
        let shown = self.message_rows();
        let highest = self.rows().len().saturating_sub(shown);
        let Some(open) = &mut self.open else { return };
        open.up = (open.up + rows).min(highest);
        let near = open.up + shown >= highest;
        if self.link.is_up()
            && near
            && let Some(edge) = open.timeline.ask_older()
        {
            effects.push(Effect::AskPage { chat: open.chat.clone(), edge });
        }
    }

    fn scroll_down(&mut self, rows: usize) {
        if let Some(open) = &mut self.open {
            open.up = open.up.saturating_sub(rows);
        }
    }

    /// Tells the others that the user types, now and then, or no more.
    pub(super) fn typing(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let Some(open) = self.open.as_ref().filter(|_| self.link.is_up()) else { return };
        let text = self.editor.text();
        let chat = open.chat.clone();
        let told = self.typed.as_ref().filter(|(of, _)| *of == chat).map(|(_, at)| *at);
        if text.is_empty() {
            if told.is_some() {
                self.typed = None;
                effects.push(Effect::Signal { chat, kind: SignalKind::Stopped });
            }
        } else if !text.starts_with('/') && told.is_none_or(|at| now_ms >= at + TYPING_MS) {
            self.typed = Some((chat.clone(), now_ms));
            effects.push(Effect::Signal { chat, kind: SignalKind::Typing });
        }
    }
}

/// Whether a message comes of a line.
const fn sends(line: &Line) -> bool {
    matches!(
        line,
        Line::Say(_) | Line::Change(..) | Line::Refer(_) | Line::ChangeRoom(..) | Line::Attach(..)
    )
}

/// What is done about a line that changes nothing in the view.
fn errand(line: Line) -> Option<Effect> {
    Some(match line {
        Line::Search(words, chat) => Effect::Search(words, chat),
        Line::Later(later) => Effect::Later(later),
        Line::Door(door) => Effect::Door(door),
        Line::Devices(errand) => Effect::Devices(errand),
        Line::People(errand) => Effect::People(errand),
        Line::Here(here) => Effect::Here(here),
        Line::Join(room) => Effect::Join(room),
        Line::Part(room) => Effect::Part(room),
        Line::Keys(user) => Effect::AskKeys(user),
        Line::TellReads(rule) => Effect::TellReads(rule),
        Line::Members(group) => Effect::AskMembers(group),
        Line::About(chat) => Effect::About(chat),
        Line::Files => Effect::Files(Files::List),
        Line::Say(_)
        | Line::SayLater(..)
        | Line::Open(_)
        | Line::Change(..)
        | Line::Refer(_)
        | Line::Own(_)
        | Line::Unschedule(_)
        | Line::Uninvite(_)
        | Line::ChangeRoom(..)
        | Line::Save(..)
        | Line::Thumbnail(..)
        | Line::Attach(..)
        | Line::Help(_)
        | Line::Quit => return None,
    })
}
