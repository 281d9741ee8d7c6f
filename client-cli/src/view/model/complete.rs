//! What Tab does to the line that is written. Must never change what stands behind the cursor.

use packetboat_client::{ChatId, UserId};

use super::super::completion::{Known, Last, Paths, offer};
use super::super::device::Devices;
use super::super::file::path_at;
use super::{Effect, Mood, View};
use crate::format::text;

impl View {
    /// Completes the word before the cursor, or puts the next one in its place. Returns whether
    /// there is a word for that.
    pub(super) fn complete(&mut self, now_ms: u64, step: isize) -> bool {
        let last = self.completing.last.take();
        if let Some(last) = last.filter(|last| last.before == self.editor.before()) {
            self.next_word(now_ms, last, step);
            return true;
        }
        if step < 0 {
            return false;
        }
        let Some(offer) = offer(self.editor.before(), &self.known()) else { return false };
        match offer.words.as_slice() {
            [] => {}
            // What stands in a folder goes on.
            [word] if word.ends_with('/') => self.editor.replace_before(offer.start, word),
            [word] => self.editor.replace_before(offer.start, &format!("{word} ")),
            words => {
                let (common, mut all) = (offer.common(), words.join("  "));
                if offer.more {
                    // What all of them start with is not known.
                    all.push_str("  …");
                } else if !common.is_empty() {
                    self.editor.replace_before(offer.start, common);
                }
                self.note(now_ms, &all, Mood::Calm);
                let before = self.editor.before().to_owned();
                self.completing.last = Some(Last { offer, at: None, before });
            }
        }
        true
    }

    fn next_word(&mut self, now_ms: u64, mut last: Last, step: isize) {
        let count = last.offer.words.len();
        let at = match last.at {
            Some(at) => at.saturating_add(count).saturating_add_signed(step) % count,
            None if step < 0 => count - 1,
            None => 0,
        };
        last.at = Some(at);
        self.editor.replace_before(last.offer.start, &last.offer.words[at]);
        let (past, coming) = last.offer.words.split_at(at);
        self.note(now_ms, &[coming, past].concat().join("  "), Mood::Calm);
        self.editor.before().clone_into(&mut last.before);
        self.completing.last = Some(last);
    }

    /// All that has been seen of names.
    fn known(&self) -> Known {
        let mut known = Known::default();
        if let Some(open) = &self.open {
            let senders = open.timeline.messages().map(|message| message.sender.clone());
            known.here.extend(senders);
            known.here.extend(open.chat.peer_of(&self.me).map(|peer| peer.to_string()));
            let members = self.completing.members.iter().filter(|(of, _)| *of == open.chat);
            known.here.extend(members.flat_map(|(_, users)| users).map(ToString::to_string));
        }
        known.here.remove(self.me.as_str());
        known.users.clone_from(&known.here);
        for chat in self.roster.chats() {
            let name = || text::short_name(&self.me, &chat.id);
            match &chat.peer {
                Some(peer) => drop(known.users.insert(peer.to_string())),
                None if chat.id.is_room() => drop(known.rooms.insert(format!("%{}", name()))),
                None => drop(known.groups.insert(format!("#{}", name()))),
            }
        }
        known.users.remove(self.me.as_str());
        known.devices.extend(self.completing.devices.iter().flatten().cloned());
        known.paths.clone_from(&self.completing.paths);
        known
    }

    /// Asks for the words that may follow, as soon as it is seen where.
    pub(super) fn ask_words(&mut self, effects: &mut Vec<Effect>) {
        self.ask_names(effects);
        let before = self.editor.before();
        if !before.starts_with("/logout ") {
            self.completing.devices = None;
        } else if self.completing.devices.is_none() && self.link.is_up() {
            self.completing.devices = Some(Vec::new());
            effects.push(Effect::Devices(Devices::Names));
        }
        let Some(at) = path_at(before) else {
            self.completing.paths = None;
            return;
        };
        let asked = Paths::of(&before[at..]);
        if !self.completing.paths.as_ref().is_some_and(|known| known.has(&asked)) {
            self.completing.paths = Some(asked.clone());
            effects.push(Effect::AskPaths(asked));
        }
    }

    /// The names of the devices came.
    pub(super) fn take_devices(&mut self, names: Vec<String>) {
        if let Some(known) = &mut self.completing.devices {
            *known = names;
        }
    }

    /// What is in a folder came; meanwhile more may have been written.
    pub(super) fn take_paths(&mut self, paths: Paths, effects: &mut Vec<Effect>) {
        let is_asked = |known: &Paths| known.folder == paths.folder && known.start == paths.start;
        if self.completing.paths.as_ref().is_some_and(is_asked) {
            self.completing.paths = Some(paths);
            self.ask_words(effects);
        }
    }

    /// Asks who is in the open group as soon as something is written there: a name may follow.
    fn ask_names(&mut self, effects: &mut Vec<Effect>) {
        let Some(open) = self.open.as_ref().filter(|_| self.link.is_up()) else { return };
        let asked = self.completing.members.as_ref().is_some_and(|(of, _)| *of == open.chat);
        if !asked && open.chat.as_str().starts_with("group:") && !self.editor.text().is_empty() {
            self.completing.members = Some((open.chat.clone(), Vec::new()));
            effects.push(Effect::AskNames(open.chat.clone()));
        }
    }

    /// The members of a group came.
    pub(super) fn take_names(&mut self, chat: &ChatId, users: Vec<UserId>) {
        if let Some((_, known)) = self.completing.members.as_mut().filter(|(of, _)| of == chat) {
            *known = users;
        }
    }

    /// The members of a group may be others now.
    pub(super) fn forget_names(&mut self, chat: &ChatId) {
        self.completing.members.take_if(|(of, _)| of == chat);
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;
    use packetboat_client::{Content, Event, GroupChange};

    use super::super::super::event::{Answer, Input};
    use super::super::tests::{chat, connected, disconnected, key, open, state};
    use super::*;
    use crate::format::tests::entry;

    /// The open chat is with alice; others are known.
    fn with_others() -> View {
        let mut view = open(2);
        let others = ["dm:alina:bob", "dm:bob:carol", "group:crew", "room:lobby"];
        let states = others.map(|chat| state(chat, 1, 0));
        view.handle(0, Input::Answer(Answer::Chats(states.to_vec())));
        view
    }

    fn tab(view: &mut View, before: &str) -> String {
        view.editor.take();
        view.editor.insert(before);
        again(view)
    }

    fn again(view: &mut View) -> String {
        view.handle(5, key(KeyCode::Tab));
        view.editor.text().to_owned()
    }

    #[test]
    fn tab_completes_commands_and_names_and_goes_on_behind_them() {
        let mut view = with_others();
        assert_eq!(tab(&mut view, "/op"), "/open ");
        view.editor.insert("c");
        assert_eq!(again(&mut view), "/open carol ");
        assert_eq!(tab(&mut view, "/open #"), "/open #crew ");
        assert_eq!(tab(&mut view, "/join %l"), "/join %lobby ");
        assert_eq!(tab(&mut view, "/opne"), "/opne");
        assert_eq!(tab(&mut view, "well @"), "well @alice ");
        assert_eq!(view.open_chat().unwrap().id, chat());
    }

    #[test]
    fn several_words_are_shown_and_taken_one_after_the_other() {
        let mut view = with_others();
        assert_eq!(tab(&mut view, "/block a"), "/block ali");
        assert_eq!(view.noted(5), Some(("alice  alina", Mood::Calm)));
        assert_eq!(again(&mut view), "/block alice");
        assert_eq!(again(&mut view), "/block alina");
        assert_eq!(view.noted(5), Some(("alina  alice", Mood::Calm)));
        assert_eq!(again(&mut view), "/block alice");
        view.handle(5, key(KeyCode::BackTab));
        assert_eq!(view.editor.text(), "/block alina");
        view.handle(5, key(KeyCode::Char(' ')));
        assert_eq!(again(&mut view), "/block alina ");
    }

    #[test]
    fn tab_is_the_next_chat_where_there_is_nothing_to_complete() {
        for line in ["", "hello", "hello @nobody", "//open al"] {
            let mut view = with_others();
            assert_eq!(tab(&mut view, line), "");
            assert_ne!(view.open_chat().unwrap().id, chat(), "{line}");
        }
    }

    #[test]
    fn what_stands_behind_the_cursor_stays() {
        let mut view = with_others();
        view.editor.insert("/op me");
        for _ in 0..3 {
            view.handle(5, key(KeyCode::Left));
        }
        assert_eq!(again(&mut view), "/open me");
        view.handle(5, key(KeyCode::Char('x')));
        assert_eq!(view.editor.text(), "/open xme");
    }

    #[test]
    fn members_of_a_group_are_asked_for_once_when_one_writes_there() {
        let mut view = with_others();
        let crew: ChatId = "group:crew".parse().unwrap();
        view.open(crew.clone());
        let asks = |view: &mut View, code| {
            view.handle(5, key(code)).contains(&Effect::AskNames("group:crew".parse().unwrap()))
        };
        assert!(asks(&mut view, KeyCode::Char('@')));
        assert!(!asks(&mut view, KeyCode::Char('d')));
        let users = vec!["bob".parse().unwrap(), "dan".parse().unwrap()];
        view.handle(6, Input::Answer(Answer::Names { chat: crew, users }));
        assert_eq!(again(&mut view), "@dan ");
        let added = Content::Group(GroupChange::Added(vec!["eve".parse().unwrap()]));
        view.handle(7, Input::Net(Event::Entry(entry("group:crew", 2, "dan", &added))));
        assert!(asks(&mut view, KeyCode::Char('x')));
        assert!(!asks(&mut view, KeyCode::Char('y')));
        view.handle(8, disconnected());
        view.handle(9, connected());
        assert!(asks(&mut view, KeyCode::Char('z')), "an answer may have been lost");
    }

    #[test]
    fn devices_are_asked_for_where_one_is_named() {
        let mut view = with_others();
        let asked = |view: &mut View, text: &str| {
            let effects = view.handle(5, Input::Paste(text.to_owned()));
            effects.contains(&Effect::Devices(Devices::Names))
        };
        assert!(!asked(&mut view, "/logout"));
        assert!(asked(&mut view, " "));
        assert!(!asked(&mut view, "ph"));
        let names = vec!["laptop".to_owned(), "phone".to_owned()];
        view.handle(6, Input::Answer(Answer::Devices(names)));
        assert_eq!(again(&mut view), "/logout phone ");
    }

    #[test]
    fn a_path_is_completed_folder_by_folder() {
        let mut view = with_others();
        let effects = view.handle(5, Input::Paste("/file my".to_owned()));
        assert!(effects.contains(&Effect::AskPaths(Paths::asked("", "my"))), "{effects:?}");
        view.handle(6, Input::Answer(found("", "my", &["my pictures/"])));
        let effects = view.handle(7, key(KeyCode::Tab));
        assert_eq!(view.editor.text(), "/file my pictures/");
        let asked = Effect::AskPaths(Paths::asked("my pictures/", ""));
        assert!(effects.contains(&asked), "{effects:?}");
        view.handle(8, Input::Answer(found("", "my", &["my late.png"])));
        assert_eq!(again(&mut view), "/file my pictures/", "it is of another folder");
        view.handle(9, Input::Answer(found("my pictures/", "", &["a cat.png"])));
        assert_eq!(again(&mut view), "/file my pictures/a cat.png ");
    }

    fn found(folder: &str, start: &str, names: &[&str]) -> Answer {
        let names = names.iter().map(ToString::to_string).collect();
        Answer::Paths(Paths { names, ..Paths::asked(folder, start) })
    }

    #[test]
    fn of_a_large_folder_more_is_asked_for_and_no_common_start_is_made_up() {
        let mut view = with_others();
        view.handle(5, Input::Paste("/file ".to_owned()));
        view.handle(5, key(KeyCode::Char('a')));
        let Answer::Paths(some) = found("", "", &["ab1", "ab2"]) else { panic!() };
        let large = Answer::Paths(Paths { more: true, ..some });
        let effects = view.handle(6, Input::Answer(large));
        assert_eq!(
            effects,
            [Effect::AskPaths(Paths::asked("", "a"))],
            "more was written meanwhile"
        );
        let Answer::Paths(some) = found("", "a", &["ab1", "ab2"]) else { panic!() };
        view.handle(7, Input::Answer(Answer::Paths(Paths { more: true, ..some })));
        assert_eq!(again(&mut view), "/file a", "others may begin with other letters");
        assert_eq!(view.noted(7), Some(("ab1  ab2  …", Mood::Calm)));
    }
}
