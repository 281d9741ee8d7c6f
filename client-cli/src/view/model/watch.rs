//! Who and what is watched: the others of direct chats, and the receipts of the open group. Must
//! never watch what is not shown any more.

use packetboat_client::{ChatId, ReceiptStep};

use super::{Effect, View};

impl View {
    /// Watches the others of the liveliest direct chats, and those alone.
    pub(super) fn watch_people(&mut self, effects: &mut Vec<Effect>) {
        if !self.link.is_up() {
            return;
        }
        let open = self.open_chat().and_then(|chat| chat.peer.clone());
        let wanted = self.roster.peers(open);
        let add: Vec<_> = wanted.iter().filter(|user| !self.people.contains(user)).collect();
        let remove: Vec<_> = self.people.iter().filter(|user| !wanted.contains(user)).collect();
        if add.is_empty() && remove.is_empty() {
            return;
        }
        let owned = |users: Vec<&_>| users.into_iter().cloned().collect();
        effects.push(Effect::Watch { add: owned(add), remove: owned(remove) });
        self.people = wanted;
    }

    /// Watches the receipts of the open group, and asks for those that are shown if they may have
    /// moved.
    pub(super) fn watch_receipts(&mut self, effects: &mut Vec<Effect>) {
        if !self.link.is_up() {
            return;
        }
        // Of a group that has no members, nothing is known yet.
        let is_group = |chat: &ChatId| chat.as_str().starts_with("group:");
        let known = self.open_chat().filter(|chat| is_group(&chat.id) && chat.members > 0);
        let wanted = known.map(|chat| chat.id.clone());
        if self.receipts_of != wanted {
            let remove = self.receipts_of.take().into_iter().collect();
            let add = wanted.iter().cloned().collect();
            effects.push(Effect::WatchReceipts { add, remove });
            self.receipts_of.clone_from(&wanted);
        }
        if let (Some(chat), Some(open)) = (wanted, &mut self.open)
            && let Some(ranges) = open.receipts.ask(&open.timeline)
        {
            effects.push(Effect::AskReceipts { chat, ranges });
        }
    }

    /// What was watched may be so no more, or have changed unheard.
    pub(super) fn watch_anew(&mut self) {
        (self.people, self.receipts_of) = (Vec::new(), None);
        if let Some(open) = &mut self.open {
            open.receipts.moved();
        }
    }

    /// Receipts of a chat have moved.
    pub(super) fn receipts_moved(&mut self, chat: &ChatId) {
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == *chat) {
            open.receipts.moved();
        }
    }

    /// Receipts of a chat came.
    pub(super) fn take_receipts(&mut self, chat: &ChatId, steps: Option<Vec<ReceiptStep>>) {
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == *chat) {
            open.receipts.take(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::{ChatState, Content, Event, Notice, ReceiptStep, SeqRange};

    use super::super::super::event::{Answer, Input};
    use super::super::tests::{chat, connected, disconnected, open, state, write};
    use super::*;
    use crate::format::tests::entry;

    fn crew() -> ChatId {
        "group:crew".parse().unwrap()
    }

    fn group(members: u32) -> Input {
        let state = ChatState { members, ..state("group:crew", 4, 0) };
        Input::Answer(Answer::Chat(state))
    }

    #[test]
    fn the_others_of_direct_chats_are_watched_and_anew_on_every_connection() {
        let user = |name: &str| name.parse().unwrap();
        let mut view = open(1);
        assert_eq!(view.handle(1, Input::Tick), [], "alice is watched");
        view.handle(2, Input::Answer(Answer::Chat(state("dm:bob:carol", 1, 0))));
        let add = Effect::Watch { add: vec![user("carol")], remove: Vec::new() };
        assert_eq!(view.handle(3, Input::Tick), [add]);
        view.handle(4, disconnected());
        assert_eq!(view.handle(5, Input::Tick), []);
        view.handle(6, connected());
        let states = vec![state("dm:alice:bob", 1, 0), state("dm:bob:carol", 1, 0)];
        let effects = view.handle(7, Input::Answer(Answer::Chats(states)));
        let both = Effect::Watch { add: vec![user("alice"), user("carol")], remove: Vec::new() };
        assert_eq!(effects, [both]);
        view.roster.forget(&"dm:bob:carol".parse().unwrap());
        let gone = Effect::Watch { add: Vec::new(), remove: vec![user("carol")] };
        assert_eq!(view.handle(8, Input::Tick), [gone]);
        view.handle(9, Input::Net(Event::Notice(Notice::Missed)));
        assert!(view.people.is_empty(), "what was missed is had again");
    }

    #[test]
    fn receipts_of_the_open_group_move_while_one_looks() {
        let mut view = open(1);
        view.handle(0, group(3));
        let effects = write(&mut view, 1, "/open #crew");
        let watch = Effect::WatchReceipts { add: vec![crew()], remove: Vec::new() };
        assert!(effects.contains(&watch), "{effects:?}");
        let items = vec![entry("group:crew", 4, "bob", &Content::text("hi"))];
        let page = Ok(packetboat_client::Page { items, more: false });
        let edge = packetboat_client::Edge::Before(0);
        let effects = view.handle(2, Input::Answer(Answer::Page { chat: crew(), edge, page }));
        let ranges = vec![SeqRange::new(4, 4).unwrap()];
        let ask = Effect::AskReceipts { chat: crew(), ranges };
        assert!(effects.contains(&ask), "{effects:?}");
        let last = |view: &View| view.rows().last().unwrap().line.to_string();
        let counts = |read| {
            let step = ReceiptStep { first: 4, last: 4, members: 2, delivered: 2, read };
            Input::Answer(Answer::Receipts { chat: crew(), steps: Some(vec![step]) })
        };
        view.handle(3, counts(0));
        assert!(last(&view).ends_with("you: hi ✓✓"));
        let moved = || Input::Net(Event::Notice(Notice::Receipts(crew())));
        assert_eq!(view.handle(4, moved()), [ask]);
        assert_eq!(view.handle(4, moved()), [], "an answer is on its way");
        view.handle(5, counts(1));
        assert!(last(&view).ends_with("you: hi ✓✓ 1 read"), "{}", last(&view));
        let effects = write(&mut view, 6, "/open alice");
        let gone = Effect::WatchReceipts { add: Vec::new(), remove: vec![crew()] };
        assert!(effects.contains(&gone), "{effects:?}");
        assert_eq!(view.open_chat().unwrap().id, chat());
        assert_eq!(view.handle(7, moved()), [], "it is not shown");
    }

    #[test]
    fn a_group_that_is_not_there_yet_is_watched_once_it_is() {
        let mut view = open(1);
        let watches = |effects: &[Effect]| {
            effects.iter().any(|effect| matches!(effect, Effect::WatchReceipts { .. }))
        };
        assert!(!watches(&write(&mut view, 1, "/group create crew alice")));
        assert!(watches(&view.handle(2, group(2))));
        view.handle(3, disconnected());
        assert!(watches(&view.handle(4, connected())));
        let told = Answer::ReadsTold(packetboat_client::ReceiptRule::Told);
        assert!(watches(&view.handle(5, Input::Answer(told))));
    }
}
