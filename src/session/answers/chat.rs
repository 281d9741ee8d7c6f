//! Says in the words of the wire how a user's chats are. Must never make a page that its body
//! cannot hold, nor one without an item where there is one.

use packetboat_proto::packet::{Answer, ChatState, Recent};

use crate::store::{ChatView, Page, RecentChats};

/// Bytes of a chat's state in a page, beside the state itself: the field's number and its length.
const FRAMING_BYTES: usize = 4;

/// What of the user's chats is asked of the store.
pub(super) fn asked(recent: Recent) -> RecentChats {
    let Recent { behind, limit, last_bytes } = recent;
    RecentChats { behind, limit: limit as usize, last_bytes: last_bytes as usize }
}

/// The chats in order of id, as far as they fit into so many bytes.
pub(super) fn by_id(page: Page<ChatView>, bytes: usize) -> Answer {
    let (chats, more) = fitting(page, bytes);
    Answer::Chats { chats, more }
}

/// The chats in order of their last entries, as far as they fit into so many bytes.
pub(super) fn by_activity(page: Page<ChatView>, bytes: usize) -> Answer {
    let (chats, more) = fitting(page, bytes);
    Answer::Recent { chats, more }
}

fn fitting(page: Page<ChatView>, bytes: usize) -> (Vec<ChatState>, bool) {
    let (mut chats, mut left) = (Vec::with_capacity(page.items.len()), bytes);
    for state in page.items.into_iter().map(state) {
        let needed = state.encoded_len() + FRAMING_BYTES;
        if needed > left && !chats.is_empty() {
            return (chats, true);
        }
        left = left.saturating_sub(needed);
        chats.push(state);
    }
    (chats, page.more)
}

/// One chat.
pub(super) fn state(view: ChatView) -> ChatState {
    ChatState {
        chat: view.chat,
        head: view.head,
        delivered: view.delivered,
        read: view.read,
        unread: view.unread,
        name: view.name,
        members: view.members,
        role: view.role,
        peer_delivered: view.peer_delivered,
        peer_read: view.peer_read,
        last_at_ms: view.last_at_ms,
        topic: view.topic,
        avatar: view.avatar,
        rules: view.rules,
        muted_until_ms: view.muted_until_ms,
        join_requests: view.join_requests,
        marks: view.marks,
        mentions: view.mentions,
        last: view.last,
    }
}
