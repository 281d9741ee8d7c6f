//! What is done to messages that are shown. Must never touch one that is not.

use packetboat_client::timeline::{Said, Shown};
use packetboat_client::{
    Alteration, Body, ChatId, Content, Context, Entry, FileSent, Forwarded, Origin, Page,
};

use super::super::fold;
use super::super::mentions::calling;
use super::super::refer::{Refer, Which};
use super::super::say::{Say, To};
use super::{Effect, View};
use crate::clean;
use crate::format::text;

impl View {
    /// Does what a line says about a message of the open chat.
    pub(super) fn refer(
        &mut self,
        now_ms: u64,
        refer: Refer,
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        let alteration = |alteration| (Content::Entry(alteration), Context::default());
        let chat = self.open.as_ref().map(|open| open.chat.clone()).ok_or(NO_CHAT)?;
        if let Some(question) = self.question(&chat, &refer)? {
            effects.push(question);
            return Ok(());
        }
        let mut to = chat.clone();
        let (content, context) = match refer {
            Refer::Edit(which, text) => {
                let seq = match which {
                    Some(which) => self.seq(which)?,
                    None => self.last_own()?,
                };
                alteration(Alteration::Edited { seq, new: Body::Text(text) })
            }
            Refer::Recall(which) => alteration(Alteration::Recalled { seq: self.seq(which)? }),
            Refer::React(which, reaction, taken_back) => {
                alteration(Alteration::Reacted { seq: self.seq(which)?, reaction, taken_back })
            }
            Refer::Pin(which, unpinned) => {
                alteration(Alteration::Pinned { seq: self.seq(which)?, unpinned })
            }
            Refer::Forward(which, target) => {
                let seq = self.seq(which)?;
                let shown = self.open.as_ref().and_then(|open| open.timeline.shown(seq));
                let shown = shown.ok_or(NONE)?;
                let forwarded = forwarded(chat, shown).ok_or(NONE)?;
                to = target.chat(&self.me);
                forwarded
            }
            Refer::Pins | Refer::Seen(_) | Refer::Receipts(_) | Refer::Thread(_) => return Ok(()),
        };
        if Content::decode(&content.encode_in(&context), usize::MAX).is_err() {
            return Err("that is too long, or not a word");
        }
        self.send_in(now_ms, to, (&content, &context), effects);
        Ok(())
    }

    /// What is asked about a message, if nothing is done to it.
    fn question(&self, chat: &ChatId, refer: &Refer) -> Result<Option<Effect>, &'static str> {
        let chat = chat.clone();
        Ok(Some(match *refer {
            Refer::Pins => Effect::AskPins(chat),
            Refer::Seen(which) => Effect::AskReaders { chat, seq: self.seq(which)? },
            Refer::Receipts(which) => Effect::AskCounts { chat, first: self.seq(which)? },
            Refer::Thread(which) => Effect::AskThread { chat, of: self.thread_of(which)? },
            Refer::Edit(..)
            | Refer::Recall(_)
            | Refer::React(..)
            | Refer::Forward(..)
            | Refer::Pin(..) => return Ok(None),
        }))
    }

    /// Where a text belongs that is said in the open chat.
    pub(super) fn context(&self, say: &Say) -> Result<(ChatId, Context), &'static str> {
        let chat = self.open.as_ref().map(|open| open.chat.clone()).ok_or(NO_CHAT)?;
        let context = Context { expires_after_ms: say.expires_after_ms, ..Context::default() };
        let context = match say.to {
            To::Chat => context,
            To::Message(which) => Context { reply_to: self.seq(which)?, ..context },
            To::Thread(which) => Context { thread: self.thread_of(which)?, ..context },
        };
        let context = calling(&chat, &say.text, context);
        Ok((chat, context))
    }

    /// The seq of a message of the open chat.
    fn seq(&self, which: Which) -> Result<u64, &'static str> {
        let open = self.open.as_ref().ok_or(NO_CHAT)?;
        let mut messages = open.timeline.messages().rev().filter(|shown| !shown.change);
        match which {
            Which::Back(back) => messages.nth(back - 1).map(|shown| shown.seq).ok_or(NONE),
            Which::Seq(seq) => Ok(seq),
        }
    }

    /// The message that a thread begins with, of which this one is the first or another one.
    fn thread_of(&self, which: Which) -> Result<u64, &'static str> {
        let seq = self.seq(which)?;
        let shown = self.open.as_ref().and_then(|open| open.timeline.shown(seq));
        Ok(shown.map(|shown| shown.context.thread).filter(|of| *of > 0).unwrap_or(seq))
    }

    fn last_own(&self) -> Result<u64, &'static str> {
        let open = self.open.as_ref().ok_or(NO_CHAT)?;
        let last = open.timeline.messages().rev().find(|shown| shown.own && !shown.change);
        last.map(|shown| shown.seq).ok_or("you have said nothing here")
    }

    /// A message of the open chat.
    pub(super) fn which(&self, which: Which) -> Result<(ChatId, u64), &'static str> {
        let chat = self.open.as_ref().map(|open| open.chat.clone()).ok_or(NO_CHAT)?;
        Ok((chat, self.seq(which)?))
    }

    /// A message, as it is shown if it is, else as it came.
    fn told(&self, entry: &Entry) -> String {
        let open = self.open.as_ref().filter(|open| open.chat == entry.chat);
        let shown = open.and_then(|open| open.timeline.shown(entry.seq));
        let said = match shown {
            Some(shown) => fold::said(&shown.said),
            None => text::said(entry),
        };
        let (seq, at, sender) = (entry.seq, self.clock.minute(entry.at_ms), &entry.sender);
        format!("#{seq} {at} {sender}: {}", said.join("\n    "))
    }

    /// What is said in a thread.
    pub(super) fn thread(&mut self, chat: &ChatId, of: u64, entries: &Page<Entry>) {
        let hidden = self.hidden(chat);
        let seen = entries.items.iter().filter(|entry| !hidden.holds(entry.seq));
        let mut lines: Vec<String> = seen.map(|entry| self.told(entry)).collect();
        if entries.more {
            lines.push("… and more".to_owned());
        }
        self.sheet(format!("Thread of #{of} in {chat}; /thread #{of} TEXT goes on"), lines);
    }

    /// What is pinned in a chat.
    pub(super) fn pins(&mut self, chat: &ChatId, seqs: &[u64]) {
        let open = self.open.as_ref().filter(|open| open.chat == *chat);
        let line = |seq: &u64| {
            let shown = open.and_then(|open| open.timeline.shown(*seq));
            let Some(shown) = shown else { return format!("#{seq}") };
            let said = fold::first_line(&shown.said);
            clean::line(&format!("#{seq} {}: {said}", shown.sender))
        };
        let lines = seqs.iter().map(line).collect();
        self.sheet(format!("Pinned in {chat}"), lines);
    }
}

/// Nothing is open.
const NO_CHAT: &str = "/open a chat first";

/// No message is there that could be meant.
const NONE: &str = "there is no such message here";

/// A message of a chat, as it is said again in another.
fn forwarded(chat: ChatId, shown: &Shown) -> Option<(Content, Context)> {
    match &shown.said {
        Said::Body(body) => {
            let origin = Origin { chat, seq: shown.seq, sender: shown.sender.clone() };
            let forwarded = Some(Forwarded::From(origin));
            Some((body.clone().into(), Context { forwarded, ..Context::default() }))
        }
        // An origin vouches for words alone; `from` lets the server find that the file was seen.
        Said::File(file) => {
            let file = FileSent { from: Some(chat), ..file.clone() };
            let forwarded = Some(Forwarded::Somewhere);
            Some((Content::File(file), Context { forwarded, ..Context::default() }))
        }
        Said::Group(_)
        | Said::Room(_)
        | Said::Recalled { .. }
        | Said::Expired
        | Said::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::proto::packet::Item;
    use packetboat_client::{Entry, Event, FileId, OwnState, SeqRange, SeqSet};

    use super::super::super::event::{Answer, Input};
    use super::super::tests::{chat, open, write};
    use super::*;
    use crate::format::tests::entry;

    /// The open chat has one message; another one comes.
    fn open_with(content: &Content) -> View {
        let mut view = open(1);
        let entry: Entry = entry(chat().as_str(), 2, "alice", content);
        view.handle(1, Input::Net(Event::Entry(entry)));
        view
    }

    fn sent(effects: &[Effect]) -> (ChatId, Content, Context) {
        let [Effect::Send { chat, content, .. }, ..] = effects else { panic!("{effects:?}") };
        let (said, context) = Content::decode_whole(content, usize::MAX).unwrap();
        (chat.clone(), said, context)
    }

    fn file() -> FileSent {
        FileSent {
            file: FileId::from([3; 16]),
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: 2048,
            sha256: [4; 32],
            caption: "look".into(),
            from: None,
        }
    }

    #[test]
    fn words_are_passed_on_with_their_origin() {
        let mut view = open_with(&Content::text("hear this"));
        let (to, said, context) = sent(&write(&mut view, 2, "/forward 1 #crew"));
        assert_eq!((to.as_str(), said), ("group:crew", Content::text("hear this")));
        let sender = "alice".parse().unwrap();
        let origin = Forwarded::From(Origin { chat: chat(), seq: 2, sender });
        assert_eq!(context.forwarded, Some(origin));
    }

    #[test]
    fn a_file_is_shown_answered_and_passed_on_like_a_message() {
        let mut view = open_with(&Content::File(file()));
        let (to, said, context) = sent(&write(&mut view, 2, "/forward 1 #crew"));
        let passed_on = FileSent { from: Some(chat()), ..file() };
        assert_eq!((to.as_str(), said), ("group:crew", Content::File(passed_on)));
        assert_eq!(context.forwarded, Some(Forwarded::Somewhere));
        write(&mut view, 3, "/open alice");
        let (_, _, context) = sent(&write(&mut view, 4, "/reply 1 nice"));
        assert_eq!(context.reply_to, 2);
        let rows: Vec<String> = view.rows().iter().map(|row| row.line.to_string()).collect();
        assert!(rows.iter().any(|row| row.contains("[file “cat.png”, image/png, 2.0 KiB]")));
    }

    #[test]
    fn a_thread_is_shown_and_gone_on_with_from_any_of_its_messages() {
        let mut view = open(1);
        let context = Context { thread: 1, ..Context::default() };
        let mut word = entry(chat().as_str(), 2, "alice", &Content::text(""));
        word.content = Content::text("so it is").encode_in(&context);
        view.handle(1, Input::Net(Event::Entry(word.clone())));
        let asked = Effect::AskThread { chat: chat(), of: 1 };
        for line in ["/thread 2", "/thread 1"] {
            assert_eq!(write(&mut view, 2, line), std::slice::from_ref(&asked), "{line}");
        }
        let (_, said, context) = sent(&write(&mut view, 3, "/thread 1 and so @alice"));
        assert_eq!((said, context.thread), (Content::text("and so @alice"), 1));
        assert_eq!(context.mentions, ["alice".parse().unwrap()]);
        let first = entry(chat().as_str(), 1, "alice", &Content::text("as it came"));
        let entries = Page { items: vec![first, word], more: true };
        let again = entries.clone();
        view.handle(4, Input::Answer(Answer::Thread { chat: chat(), of: 1, entries }));
        let rows = view.overlay.as_ref().unwrap().sight((80, 23)).rows;
        let wanted = ["#1 09:05 alice: message 1", "#2 09:05 alice: so it is", "… and more"];
        assert_eq!(rows, wanted);
        let mut seqs = SeqSet::default();
        seqs.insert(SeqRange::new(1, 1).unwrap());
        let mut own = OwnState::default();
        own.set(Item::Hidden { chat: chat(), seqs });
        view.handle(5, Input::Answer(Answer::Own(own)));
        view.handle(6, Input::Answer(Answer::Thread { chat: chat(), of: 1, entries: again }));
        let rows = view.overlay.as_ref().unwrap().sight((80, 23)).rows;
        assert_eq!(rows, wanted[1..], "what the user has deleted for itself is not shown");
    }

    #[test]
    fn messages_are_named_by_their_place_as_well() {
        let mut view = open(9);
        let edited = |effects: &[Effect]| match sent(effects).1 {
            Content::Entry(Alteration::Edited { seq, .. }) => seq,
            other => panic!("{other:?}"),
        };
        assert_eq!(edited(&write(&mut view, 1, "/edit-at #3 so it is")), 3);
        let (_, _, context) = sent(&write(&mut view, 2, "/expire 2h /reply #4 hi"));
        assert_eq!((context.reply_to, context.expires_after_ms), (4, 7_200_000));
        let counts = Effect::AskCounts { chat: chat(), first: 7 };
        assert_eq!(write(&mut view, 3, "/receipts 3"), [counts]);
        assert_eq!(write(&mut view, 4, "/recall 40"), []);
        assert_eq!(view.editor.text(), "/recall 40", "it is there to be put right");
    }
}
