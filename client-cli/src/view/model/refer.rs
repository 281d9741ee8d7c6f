//! What is done to messages that are shown. Must never touch one that is not.

use packetboat_client::timeline::Said;
use packetboat_client::{Alteration, Body, Content, Context, Forwarded, Origin};

use super::super::refer::Refer;
use super::{Effect, Mood, Overlay, View};
use crate::clean;
use crate::format::text;

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
                let Said::Body(body) = &shown.said else { return Err(NONE) };
                let origin = Origin { chat, seq, sender: shown.sender.clone() };
                let forwarded = Some(Forwarded::From(origin));
                to = target.chat(&self.me);
                (body.clone().into(), Context { forwarded, ..Context::default() })
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

    /// What is pinned in a chat.
    pub(super) fn pins(&mut self, chat: &packetboat_client::ChatId, seqs: &[u64]) {
        let open = self.open.as_ref().filter(|open| open.chat == *chat);
        let line = |seq: &u64| {
            let shown = open.and_then(|open| open.timeline.shown(*seq));
            let Some(shown) = shown else { return format!("{seq}") };
            let said = match &shown.said {
                Said::Body(body) => text::body(body).into_iter().next().unwrap_or_default(),
                _ => String::new(),
            };
            clean::line(&format!("{seq} {}: {said}", shown.sender))
        };
        let mut lines: Vec<String> = seqs.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        self.overlay = Some(Overlay::new(format!("Pinned in {chat}"), lines));
    }
}

/// No message is there that could be meant.
const NONE: &str = "there is no such message here";
