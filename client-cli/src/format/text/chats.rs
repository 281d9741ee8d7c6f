//! The table of chats, for people. Must never hold a character that a terminal obeys.

use packetboat_client::{ChatState, UserId};

use super::table::{more, pad, row};
use super::{name, own, said};
use crate::cells::cut;
use crate::clean;
use crate::clock::Clock;

/// Columns of a chat's id; one that is longer has a line of its own.
const ID_COLUMNS: usize = 24;
/// Columns of a chat's name.
const NAME_COLUMNS: usize = 16;

/// The head of the table.
pub(crate) fn head() -> String {
    let name = pad("NAME", NAME_COLUMNS);
    let rest = format!("{name} {:>6} {:>3} {:>8}  {}", "UNREAD", "@", "LAST SEQ", "LAST ACTIVITY");
    row("CHAT", ID_COLUMNS, &rest)
}

/// A chat: its row (in the column @ how often it mentions the user), and below it, as far as there
/// is anything to say, its marks, its topic, and its last message.
pub(crate) fn chat(clock: &Clock, user: &UserId, state: &ChatState) -> String {
    let name = pad(&cut(&name(user, state), NAME_COLUMNS), NAME_COLUMNS);
    let ChatState { unread, mentions, head, .. } = state;
    let at = clock.to_the_minute(state.last_at_ms);
    let rest = format!("{name} {unread:>6} {mentions:>3} {head:>8}  {at}");
    let mut lines = vec![row(state.chat.as_str(), ID_COLUMNS, &rest)];
    let marks = own::marks(clock, state.marks);
    lines.extend((!marks.is_empty()).then(|| more(&format!("({})", marks.join(", ")))));
    let topic = clean::line(&state.topic);
    lines.extend((!topic.is_empty()).then(|| more(&format!("about: {topic}"))));
    lines.extend(state.last.as_ref().map(|last| {
        let said = said(last).into_iter().next().unwrap_or_default();
        more(&format!("{}: {said}", last.sender))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::table::fits;
    use super::*;
    use crate::format::tests::entry;
    use packetboat_client::{ChatId, Content, Marks};

    fn state(chat: &str) -> ChatState {
        let last_at_ms = 1_795_251_907_000;
        let chat: ChatId = chat.parse().unwrap();
        ChatState { unread: 3, mentions: 2, head: 12, last_at_ms, ..ChatState::of(chat) }
    }

    fn table(state: &ChatState) -> String {
        let table = format!("{}\n{}", head(), chat(&Clock::utc(), &"bob".parse().unwrap(), state));
        fits(&table);
        table
    }

    #[test]
    fn a_chat_is_a_row_under_its_head() {
        let expected = "\
CHAT                     NAME             UNREAD   @ LAST SEQ  LAST ACTIVITY
dm:alice:bob             alice                 3   2       12  2026-11-21 09:05";
        assert_eq!(table(&state("dm:alice:bob")), expected);
    }

    #[test]
    fn what_else_there_is_to_say_stands_below_and_fits() {
        let id = format!("group:{}", "x".repeat(60));
        let marks = Marks { quiet_until_ms: u64::MAX, pinned: 2, archived: true, unread: true };
        let last = entry(&id, 12, "alice", &Content::text("l".repeat(500)));
        let topic = format!("Sails\u{1b} {}", "t".repeat(500));
        let name = "漢字".repeat(30);
        let full = ChatState { marks, topic, name, last: Some(last.into()), ..state(&id) };
        let table = table(&full);
        assert_eq!(table.lines().count(), 6, "{table}");
        for said in [id.as_str(), "(quiet, pinned at 2,", "about: Sails\u{241b} ttt", "alice: lll"]
        {
            assert!(table.contains(said), "{said}: {table}");
        }
    }
}
