//! What the user sets for itself, as far as it is shown: the order of the chats, what is hidden,
//! what was begun to write. Must never put a draft over what is being written.

use packetboat_client::proto::limits::DRAFT_BYTES_MAX;
use packetboat_client::{ChatDraft, ChatId, OwnState, SeqSet};

use super::{Effect, View};

impl View {
    /// What is set was read anew.
    pub(super) fn take_own(&mut self, own: OwnState) {
        self.roster.mark(&own);
        self.own = own;
        let Some(chat) = self.open.as_ref().map(|open| open.chat.clone()) else { return };
        let hidden = self.hidden(&chat);
        self.keep_place(&chat, |timeline| timeline.hide(hidden));
    }

    /// What of a chat is not to be shown.
    pub(super) fn hidden(&self, chat: &ChatId) -> SeqSet {
        self.own.chat(chat).hidden
    }

    /// What was begun to write in a chat, on whatever device.
    pub(super) fn begun(&self, chat: &ChatId) -> Option<String> {
        self.own.chat(chat).draft.map(|draft| draft.text)
    }

    /// What is to be done before the end: what is being written is kept.
    pub(crate) fn leave(&mut self) -> Vec<Effect> {
        if let Some(chat) = self.open.as_ref().map(|open| open.chat.clone()) {
            let text = self.editor.text().to_owned();
            self.keep_draft(&chat, &text);
        }
        std::mem::take(&mut self.unsaid)
    }

    /// Lets the other devices know of what was begun to write in a chat, unless they do.
    pub(super) fn keep_draft(&mut self, chat: &ChatId, text: &str) {
        let known = self.begun(chat).unwrap_or_default();
        let draft = !text.starts_with('/') && text.len() <= DRAFT_BYTES_MAX;
        if draft && !chat.is_room() && known != text {
            let (chat, text) = (chat.clone(), text.to_owned());
            let draft = ChatDraft { chat, text, reply_to: 0 };
            self.unsaid.push(Effect::KeepDraft(draft));
        }
    }
}
