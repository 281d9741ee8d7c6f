//! What a user has set for itself, in words. Must never hold a character that a terminal obeys.

use packetboat_client::{ChatDraft, ChatId, Marks, OwnChat};

use super::table::row_with;
use crate::clean;
use crate::clock::Clock;

/// Columns of a chat's id; one that is longer has a line of its own.
const ID_COLUMNS: usize = 27;

/// What was begun to write.
pub(crate) fn draft(draft: &ChatDraft) -> String {
    clean::line(&draft.text)
}

/// How a chat is to be shown, in a few words.
pub(crate) fn marks(clock: &Clock, marks: Marks) -> Vec<String> {
    let mut words = Vec::new();
    match marks.quiet_until_ms {
        0 => {}
        u64::MAX => words.push("quiet".to_owned()),
        until => words.push(format!("quiet until {}", clock.full(until))),
    }
    if marks.pinned > 0 {
        words.push(format!("pinned at {}", marks.pinned));
    }
    for (word, is) in [("archived", marks.archived), ("unread", marks.unread)] {
        words.extend(is.then(|| word.to_owned()));
    }
    words
}

/// A line of what is set of a chat.
pub(crate) fn chat(clock: &Clock, chat: &ChatId, own: &OwnChat) -> String {
    let mut words = marks(clock, own.marks);
    let hidden: u64 =
        own.hidden.ranges().iter().map(|range| range.last() - range.first() + 1).sum();
    if hidden > 0 {
        words.push(format!("{hidden} hidden"));
    }
    if let Some(own) = &own.draft {
        words.push(format!("draft: {}", draft(own)));
    }
    row_with(chat.as_str(), ID_COLUMNS, "", &words.join(", "))
}

#[cfg(test)]
mod tests {
    use packetboat_client::{SeqRange, SeqSet};

    use super::super::table::fits;
    use super::*;

    #[test]
    fn what_is_set_is_said_in_one_line() {
        let id: ChatId = "dm:a:b".parse().unwrap();
        let mut hidden = SeqSet::default();
        hidden.insert(SeqRange::new(3, 5).unwrap());
        let marks = Marks { quiet_until_ms: u64::MAX, pinned: 2, archived: true, unread: false };
        let text = "two\nlines\u{1b}[2J".to_owned();
        let draft = Some(ChatDraft { chat: id.clone(), text, reply_to: 0 });
        let line = chat(&Clock::utc(), &id, &OwnChat { marks, draft, hidden });
        assert!(line.starts_with("dm:a:b "), "{line}");
        fits(&line);
        assert!(line.contains("quiet, pinned at 2, archived, 3 hidden, draft"), "{line}");
        assert!(!line.contains('\u{1b}') && !line.contains('\n'), "{line}");
    }
}
