//! What is done to messages that are shown. Must never touch one that is not.

use packetboat_client::timeline::{Said, Shown};
use packetboat_client::{Alteration, Body, ChatId, Content, Context, FileSent, Forwarded, Origin};

use super::super::fold;
use super::super::refer::{Refer, Which};
use super::{Effect, Mood, Overlay, View};
use crate::clean;

impl View {
    /// Does what a line says about a message of the open chat.
    pub(super) fn refer(&mut self, now_ms: u64, refer: Refer, effects: &mut Vec<Effect>) {
        if let Err(why) = self.try_refer(now_ms, refer, effects) {
            self.note(now_ms, why, Mood::Bad);
        }
    }

    fn try_refer(
        &mut self,
        now_ms: u64,
        refer: Refer,
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        let chat = self.open.as_ref().map(|open| open.chat.clone()).ok_or("/open a chat first")?;
        let plain = |alteration| (Content::Entry(alteration), Context::default());
        let mut to = chat.clone();
        let (content, context) = match refer {
            Refer::Pins => {
                effects.push(Effect::AskPins(chat));
                return Ok(());
            }
            Refer::Seen(back) => {
                effects.push(Effect::AskReaders { chat, seq: self.back(back)? });
                return Ok(());
            }
            Refer::Edit(text) => {
                let open = self.open.as_ref().ok_or("/open a chat first")?;
                let last = open.timeline.messages().rev().find(|shown| shown.own && !shown.change);
                let seq = last.ok_or("you have said nothing here")?.seq;
                plain(Alteration::Edited { seq, new: Body::Text(text) })
            }
            Refer::Recall(back) => plain(Alteration::Recalled { seq: self.back(back)? }),
            Refer::React(back, reaction, taken_back) => {
                plain(Alteration::Reacted { seq: self.back(back)?, reaction, taken_back })
            }
            Refer::Pin(back, unpinned) => {
                plain(Alteration::Pinned { seq: self.back(back)?, unpinned })
            }
            Refer::Reply(back, text) => {
                let context = Context { reply_to: self.back(back)?, ..Context::default() };
                (Content::text(text), context)
            }
            Refer::Forward(back, target) => {
                let seq = self.back(back)?;
                let shown = self.open.as_ref().and_then(|open| open.timeline.shown(seq));
                let shown = shown.ok_or(NONE)?;
                let forwarded = forwarded(chat, shown).ok_or(NONE)?;
                to = target.chat(&self.me);
                forwarded
            }
        };
        if Content::decode(&content.encode_in(&context), usize::MAX).is_err() {
            return Err("that is too long, or not a word");
        }
        self.send_in(now_ms, to, (&content, &context), effects);
        Ok(())
    }

    /// The seq of a message, counted from the last one shown.
    pub(super) fn back(&self, back: usize) -> Result<u64, &'static str> {
        let open = self.open.as_ref().ok_or("/open a chat first")?;
        let mut messages = open.timeline.messages().rev().filter(|shown| !shown.change);
        messages.nth(back.saturating_sub(1)).map(|shown| shown.seq).ok_or(NONE)
    }

    /// A message of the open chat.
    pub(super) fn which(&self, which: Which) -> Result<(ChatId, u64), &'static str> {
        let chat = self.open.as_ref().map(|open| open.chat.clone()).ok_or("/open a chat first")?;
        Ok((
            chat,
            match which {
                Which::Back(back) => self.back(back)?,
                Which::Seq(seq) => seq,
            },
        ))
    }

    /// What is pinned in a chat.
    pub(super) fn pins(&mut self, chat: &ChatId, seqs: &[u64]) {
        let open = self.open.as_ref().filter(|open| open.chat == *chat);
        let line = |seq: &u64| {
            let shown = open.and_then(|open| open.timeline.shown(*seq));
            let Some(shown) = shown else { return format!("{seq}") };
            let said = fold::first_line(&shown.said);
            clean::line(&format!("{seq} {}: {said}", shown.sender))
        };
        let mut lines: Vec<String> = seqs.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        self.overlay = Some(Overlay::new(format!("Pinned in {chat}"), &lines));
    }
}

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
    use packetboat_client::{Entry, Event, FileId};

    use super::super::super::event::Input;
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
}
