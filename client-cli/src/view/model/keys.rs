//! What keys do. Must never send what is not whole: a line goes its way with Enter alone.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use packetboat_client::{Content, Context, GroupChange, ScheduledName, SignalKind};

use super::super::event::Later;
use super::super::mentions::calling;
use super::super::slash::{HELP, Line, parse};
use super::{Effect, Mood, Overlay, View};

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
            KeyCode::Tab if self.complete(now_ms, 1) => {}
            KeyCode::BackTab if self.complete(now_ms, -1) => {}
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
                    self.ask_names(effects);
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
        match line {
            Line::Text(text) => match open {
                Some(chat) => {
                    let context = calling(&chat, &text, Context::default());
                    self.send_in(now_ms, chat, (&Content::text(text), &context), effects);
                }
                None => return self.note(now_ms, "/open a chat first", Mood::Bad),
            },
            Line::Expiring(text, context) => match open {
                Some(chat) => {
                    let context = calling(&chat, &text, context);
                    self.send_in(now_ms, chat, (&Content::text(text), &context), effects);
                }
                None => return self.note(now_ms, "/open a chat first", Mood::Bad),
            },
            Line::Change(group, change) => {
                // The command is not to be kept as the open chat's draft.
                self.editor.take();
                if matches!(change, GroupChange::Created { .. }) {
                    self.open(group.clone());
                }
                return self.send(now_ms, group, &Content::Group(change), effects);
            }
            Line::Open(target) => {
                self.editor.take();
                let chat = target.chat(&self.me);
                return self.open(chat);
            }
            Line::Refer(refer) => {
                // The command is not to be kept as the open chat's draft.
                self.editor.take();
                return self.refer(now_ms, refer, effects);
            }
            Line::Schedule { chat, text, at_ms } => {
                let name = ScheduledName { chat, id: (self.new_id)() };
                effects.push(Effect::Later(Later::Schedule { name, text, at_ms }));
            }
            Line::Own(own) => self.set_own(now_ms, own, effects),
            Line::ChangeRoom(room, change) => {
                self.editor.take();
                return self.send(now_ms, room, &change, effects);
            }
            Line::Save(which, path) => match self.which(which) {
                Ok((chat, seq)) => effects.push(Effect::SaveFile { chat, seq, path }),
                Err(why) => return self.note(now_ms, why, Mood::Bad),
            },
            Line::Unschedule(nth) => match self.scheduled.get(nth.saturating_sub(1)) {
                Some(name) => effects.push(Effect::Later(Later::Unschedule(name.clone()))),
                None => return self.note(now_ms, "/scheduled shows which there are", Mood::Bad),
            },
            Line::Help => {
                let lines: Vec<_> = HELP.iter().map(ToString::to_string).collect();
                self.overlay = Some(Overlay::new("Help".to_owned(), &lines));
            }
            Line::Quit => self.quit(now_ms, effects),
            line => effects.extend(errand(line)),
        }
        self.editor.take();
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
        Line::Text(_)
            | Line::Expiring(..)
            | Line::Change(..)
            | Line::Refer(_)
            | Line::ChangeRoom(..)
    )
}

/// What is done about a line that changes nothing in the view.
fn errand(line: Line) -> Option<Effect> {
    Some(match line {
        Line::Search(words) => Effect::Search(words),
        Line::Later(later) => Effect::Later(later),
        Line::Door(door) => Effect::Door(door),
        Line::Devices(errand) => Effect::Devices(errand),
        Line::People(errand) => Effect::People(errand),
        Line::Join(room) => Effect::Join(room),
        Line::Part(room) => Effect::Part(room),
        Line::Keys(user) => Effect::AskKeys(user),
        Line::TellReads(rule) => Effect::TellReads(rule),
        Line::Members(group) => Effect::AskMembers(group),
        Line::File(chat, path) => Effect::SendFile { chat, path },
        Line::Text(_)
        | Line::Expiring(..)
        | Line::Open(_)
        | Line::Change(..)
        | Line::Refer(_)
        | Line::Own(_)
        | Line::Schedule { .. }
        | Line::Unschedule(_)
        | Line::ChangeRoom(..)
        | Line::Save(..)
        | Line::Help
        | Line::Quit => return None,
    })
}
