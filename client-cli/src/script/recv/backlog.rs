//! What there was for a device when the server was asked. Must never count what is still to come.

use std::collections::HashMap;

use packetboat_client::{ChatId, ChatState, Client, RequestError};

/// The chats in which this device has not had everything.
pub(super) async fn lagging(client: &Client) -> Result<Vec<ChatState>, RequestError> {
    let (mut lagging, mut after) = (Vec::new(), None);
    loop {
        let page = client.chats(after, 0).await?;
        after = page.items.last().map(|state| state.chat.clone());
        lagging.extend(page.items.into_iter().filter(|state| state.head > state.delivered));
        if after.is_none() || !page.more {
            return Ok(lagging);
        }
    }
}

/// What was there for the device when the server was asked.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The last entry of each chat that has come.
    had: HashMap<ChatId, u64>,
    /// The last entry of each chat that is to come; `None`: not known yet.
    expected: Option<HashMap<ChatId, u64>>,
}

impl Backlog {
    /// An entry has come.
    pub(super) fn had(&mut self, chat: &ChatId, seq: u64) {
        match &mut self.expected {
            Some(expected) if expected.get(chat).is_some_and(|last| *last <= seq) => {
                expected.remove(chat);
            }
            Some(_) => {}
            None => drop(self.had.insert(chat.clone(), seq)),
        }
    }

    /// These chats have more than the device has had.
    pub(super) fn expect(&mut self, lagging: Vec<ChatState>) {
        let had = std::mem::take(&mut self.had);
        let missing = |state: &ChatState| had.get(&state.chat).is_none_or(|seq| *seq < state.head);
        let expected = lagging.into_iter().filter(missing).map(|state| (state.chat, state.head));
        self.expected = Some(expected.collect());
    }

    /// Whether all of it has come.
    pub(super) fn is_drained(&self) -> bool {
        self.expected.as_ref().is_some_and(HashMap::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(chat: &str, head: u64) -> ChatState {
        ChatState { head, ..ChatState::of(chat.parse().unwrap()) }
    }

    fn chat(text: &str) -> ChatId {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_drained_before_it_is_known() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_drained());
        backlog.expect(Vec::new());
        assert!(backlog.is_drained());
    }

    #[test]
    fn each_chat_is_waited_for_to_its_end() {
        let mut backlog = Backlog::default();
        backlog.had(&chat("dm:a:b"), 5);
        backlog.had(&chat("dm:a:c"), 2);
        backlog.expect(vec![state("dm:a:b", 5), state("dm:a:c", 3), state("group:x", 9)]);
        assert!(!backlog.is_drained());
        backlog.had(&chat("dm:a:c"), 4);
        backlog.had(&chat("group:x"), 8);
        backlog.had(&chat("dm:z:z"), 1);
        assert!(!backlog.is_drained());
        backlog.had(&chat("group:x"), 9);
        assert!(backlog.is_drained());
    }
}
