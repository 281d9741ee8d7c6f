//! What became of what the view wanted done. Must never show a sheet that nobody has asked for.

use packetboat_client::proto::code::RejectCode;
use packetboat_client::{
    Accepted, ChatId, Edge, Entry, Member, MessageId, Page, ReceiptRule, Role, SendError,
};

use super::super::event::{Answer, Trouble};
use super::super::timeline::Message;
use super::{Effect, Mood, Overlay, View};
use crate::clean;
use crate::failure::reason;

impl View {
    pub(super) fn answer(&mut self, now_ms: u64, answer: Answer, effects: &mut Vec<Effect>) {
        match answer {
            Answer::Chats(states) => {
                self.roster.update(states);
                if self.open.is_none()
                    && let Some(chat) = self.roster.beside(None, 1)
                {
                    self.open(chat);
                }
                self.watch_people(effects);
            }
            Answer::Chat(state) => self.roster.update(vec![state]),
            Answer::Own(own) => self.take_own(own),
            Answer::Room(state) => self.roster.entry(&state.room).update_room(&state),
            Answer::Joined(state) => {
                self.roster.entry(&state.room).update_room(&state);
                self.open(state.room);
            }
            Answer::Page { chat, edge, page } => self.page(now_ms, &chat, edge, page),
            Answer::Presence(users) => self.roster.presence(&users),
            Answer::Members { chat, members } => self.members(&chat, &members),
            Answer::Names { chat, users } => self.take_names(&chat, users),
            Answer::Pins { chat, seqs } => self.pins(&chat, &seqs),
            Answer::Devices(names) => self.take_devices(names),
            Answer::Paths(paths) => self.take_paths(paths, effects),
            Answer::Thread { chat, of, entries } => self.thread(&chat, of, &entries),
            Answer::Receipts { chat, steps } => self.take_receipts(&chat, steps),
            Answer::ReadsTold(rule) => {
                self.watch_anew();
                let said = match rule {
                    ReceiptRule::Told => "others are told what you read",
                    ReceiptRule::Hidden => "what you read is hidden, and what others read from you",
                };
                self.note(now_ms, said, Mood::Good);
            }
            Answer::Away(away) => {
                self.away = away;
                let said = if away { "you are away" } else { "you are back" };
                self.note(now_ms, said, Mood::Good);
            }
            Answer::Sent { id, outcome: Ok(accepted) } => self.stored(id, &accepted, effects),
            Answer::Sent { id, outcome: Err(error) } => self.refused(id, &error, effects),
            Answer::Scheduled { names, lines } => {
                self.scheduled = names;
                self.sheet("What is to be sent".to_owned(), lines);
            }
            Answer::Invites { group, ids, lines } => {
                let title = format!("Links to {group}");
                self.invites = ids.into_iter().map(|id| (group.clone(), id)).collect();
                self.sheet(title, lines);
            }
            Answer::Uploaded { chat, content, context } => {
                self.note = None;
                self.outbox.upload_ended();
                self.send_in(now_ms, chat, (&content, &context), effects);
            }
            Answer::NotUploaded(why) => {
                self.outbox.upload_ended();
                self.note(now_ms, &why, Mood::Bad);
            }
            Answer::Underway(what) => self.note(now_ms, &what, Mood::Calm),
            Answer::Sheet { title, lines } => self.sheet(title, lines),
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
                self.receipts_moved(chat);
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

    fn stored(&mut self, id: MessageId, accepted: &Accepted, effects: &mut Vec<Effect>) {
        let Some(message) = self.outbox.accepted(id) else { return };
        self.roster.stored(&message.chat, accepted.seq, accepted.at_ms);
        if message.change && !message.closes_room() {
            effects.push(Effect::ask_about(message.chat.clone()));
        }
        let chat = message.chat.clone();
        let message = message.stored(&self.me, accepted.seq, accepted.at_ms);
        self.keep_place(&chat, |timeline| timeline.arrived(message));
        self.receipts_moved(&chat);
    }

    fn refused(&mut self, id: MessageId, error: &SendError, effects: &mut Vec<Effect>) {
        let mute = matches!(error, SendError::Rejected { verdict, .. }
            if verdict.reject_code() == Some(RejectCode::Muted));
        // Until when is shown in the user's own time.
        let chat = self.outbox.failed(id, clean::line(&refusal(error)));
        effects.extend(chat.filter(|_| mute).map(Effect::ask_about));
    }

    /// Shows lines, or that there are none.
    pub(super) fn sheet(&mut self, title: String, mut lines: Vec<String>) {
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        self.overlay = Some(Overlay::new(clean::line(&title), &lines));
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
        self.sheet(format!("Members of {chat}"), lines);
    }
}

fn refusal(error: &SendError) -> String {
    match error {
        SendError::Rejected { verdict, .. } => reason(verdict),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::{Content, Context, InviteId, ScheduledName, Verdict};

    use super::super::super::event::{Door, Input, Later};
    use super::super::super::presence::Here;
    use super::super::tests::{chat, id, open, write};
    use super::*;

    #[test]
    fn a_link_is_taken_back_by_its_number() {
        let mut view = open(1);
        write(&mut view, 0, "/open #crew");
        let group: ChatId = "group:crew".parse().unwrap();
        assert_eq!(write(&mut view, 0, "/group uninvite 1"), []);
        assert!(view.noted(0).unwrap().0.contains("/group invites"));
        view.editor.take();
        let ids = vec![InviteId::new(&[1; 8]).unwrap(), InviteId::new(&[2; 8]).unwrap()];
        let lines = vec!["1  a".into(), "2  b".into()];
        let links = Answer::Invites { group: group.clone(), ids: ids.clone(), lines };
        view.handle(0, Input::Answer(links));
        assert!(view.overlay.take().is_some());
        let gone = Effect::Door(Door::Uninvite { group, id: ids[1] });
        assert_eq!(write(&mut view, 0, "/group uninvite 2"), [gone]);
    }

    #[test]
    fn who_is_away_sees_it_in_the_status() {
        let mut view = open(1);
        assert_eq!(write(&mut view, 0, "/away"), [Effect::Here(Here::Away(true))]);
        view.handle(1, Input::Answer(Answer::Away(true)));
        assert!(view.status(1).0.ends_with(", away"));
        view.handle(2, Input::Answer(Answer::Away(false)));
        assert!(!view.status(2).0.contains("away"));
    }

    #[test]
    fn who_is_refused_for_being_mute_asks_until_when() {
        let mut view = open(1);
        write(&mut view, 0, "hello");
        let verdict = Verdict::reject(RejectCode::Muted, "you are mute", 0);
        let outcome = Err(SendError::Rejected { id: id(), verdict });
        let effects = view.handle(1, Input::Answer(Answer::Sent { id: id(), outcome }));
        assert_eq!(effects, [Effect::AskChat(chat())]);
    }

    #[test]
    fn what_is_said_later_keeps_where_it_belongs() {
        let mut view = open(3);
        let effects = write(&mut view, 5, "/later 2h /expire 1h /reply 2 see you");
        let name = ScheduledName { chat: chat(), id: id() };
        let text = "see you".to_owned();
        let context = Context { reply_to: 2, expires_after_ms: 3_600_000, ..Context::default() };
        let later = Later::Schedule { name, text, context: Box::new(context), at_ms: 7_200_005 };
        assert_eq!(effects, [Effect::Later(later)]);
    }

    #[test]
    fn an_uploaded_file_is_a_message_on_its_way_and_leaves_what_is_written() {
        let mut view = open(3);
        view.handle(1, Input::Answer(Answer::Underway("[####]".into())));
        view.editor.insert("meanwhile");
        let sent = packetboat_client::FileSent {
            file: packetboat_client::FileId::from([3; 16]),
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: 2048,
            sha256: [4; 32],
            caption: String::new(),
            from: None,
        };
        let content = Content::File(sent);
        let context = Context { expires_after_ms: 60_000, ..Context::default() };
        let encoded = content.encode_in(&context);
        let uploaded = Answer::Uploaded { chat: chat(), content, context };
        let effects = view.handle(2, Input::Answer(uploaded));
        assert_eq!(effects, [Effect::Send { chat: chat(), id: id(), content: encoded }]);
        let rows: Vec<String> = view.rows().iter().map(|row| row.line.to_string()).collect();
        assert!(
            rows.iter().any(|row| row.contains("you: ") && row.contains("[file “cat.png”")),
            "{rows:#?}"
        );
        assert!(rows.last().is_some_and(|row| row.ends_with('…')), "it is on its way: {rows:#?}");
        assert_eq!((view.editor.text(), view.noted(2)), ("meanwhile", None));
    }

    #[test]
    fn a_room_is_not_told_what_is_read_of_it() {
        let mut view = open(1);
        write(&mut view, 1, "/open %lobby");
        let room: ChatId = "room:lobby".parse().unwrap();
        let items =
            vec![crate::format::tests::entry("room:lobby", 4, "alice", &Content::text("hi"))];
        let page = Ok(Page { items, more: false });
        let answer = Answer::Page { chat: room.clone(), edge: Edge::Before(0), page };
        let effects = view.handle(2, Input::Answer(answer));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Read { .. })), "{effects:?}");
        assert_eq!(view.roster.get(&room).map(|room| (room.read, room.unread)), Some((4, 0)));
    }
}
