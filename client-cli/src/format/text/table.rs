//! Tables for people, 80 columns wide. Must never cut a name that is needed to go on with: such a
//! one has a line of its own, or two, if it is too long for its column.

use crate::cells::{cut, width, wrap};

/// Columns of a line.
const COLUMNS: usize = 80;
/// Columns of a user's id; one that is longer has a line of its own.
pub(crate) const USER_COLUMNS: usize = 28;
/// Columns that a tail has at least, however long what stands before it is.
const TAIL_COLUMNS_MIN: usize = 16;
/// What stands before a line that goes on with the one above.
const INDENT: &str = "    ";

/// A row: a name that is never cut, and the rest behind it.
pub(crate) fn row(name: &str, columns: usize, rest: &str) -> String {
    let (name, rest) = (pad(name, columns), rest.trim_end());
    let row = if width(&name) > columns {
        format!("{}\n{:columns$} {rest}", wrap(&name, COLUMNS).join("\n"), "")
    } else {
        format!("{name} {rest}")
    };
    row.trim_end().to_owned()
}

/// A row whose rest is said in whole, and behind it as much of the tail as a line has room for.
pub(crate) fn row_with(name: &str, columns: usize, rest: &str, tail: &str) -> String {
    let room = COLUMNS.saturating_sub(columns + width(rest) + 2);
    row(name, columns, &format!("{rest} {}", cut(tail, room)))
}

/// What has to be said in whole, and behind it as much of the tail as a line has room for.
pub(crate) fn line(head: &str, tail: &str) -> String {
    let room = COLUMNS.saturating_sub(width(head) + 1).max(TAIL_COLUMNS_MIN);
    format!("{head} {}", cut(tail, room)).trim_end().to_owned()
}

/// A line that goes on with the one above, as much of it as there is room for.
pub(crate) fn more(text: &str) -> String {
    format!("{INDENT}{}", cut(text, COLUMNS - INDENT.len()))
}

/// The text with spaces behind it, up to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{:spaces$}", "")
}

/// Holds each line to the width.
#[cfg(test)]
pub(crate) fn fits(lines: &str) {
    for line in lines.lines() {
        assert!(width(line) <= COLUMNS, "{} columns: {line}", width(line));
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::{
        ChatDraft, ChatId, ChatState, Contact, ContactState, DeviceState, JoinRequest, Marks,
        Member, OwnChat, Presence, Role, SeqRange, SeqSet, UserId,
    };
    use proptest::prelude::*;

    use super::super::{chats, contact, device, join_request, members, own, presence};
    use super::*;
    use crate::clock::Clock;

    /// What may be said, as wide as it gets.
    const WIDE: &str = "漢字";

    /// The rows of all tables in which ids stand.
    fn rows(user: &UserId, chat: &ChatId, wide: &str) -> Vec<String> {
        let (clock, at_ms, most) = (Clock::utc(), 1_795_251_907_000, 999_999);
        let said = || wide.to_owned();
        let marks = Marks { quiet_until_ms: at_ms, pinned: u32::MAX, archived: true, unread: true };
        let mut hidden = SeqSet::default();
        hidden.insert(SeqRange::new(1, most).unwrap());
        let draft = Some(ChatDraft { chat: chat.clone(), text: said(), reply_to: 1 });
        let owns = [OwnChat { marks, draft, hidden }, OwnChat::default()];
        let state = ChatState {
            unread: most,
            head: most,
            last_at_ms: at_ms,
            marks,
            ..ChatState::of(chat.clone())
        };
        let member = Member {
            user: user.clone(),
            role: Some(Role::Member),
            delivered: most,
            read: most,
            muted_until_ms: at_ms,
        };
        let mut rows = vec![
            chats::chat(&clock, user, &ChatState { name: said(), topic: said(), ..state }),
            members::member(&clock, &member),
            join_request(&clock, &JoinRequest { user: user.clone(), at_ms }),
            contact::blocked(user),
        ];
        rows.extend(owns.iter().map(|own| own::chat(&clock, chat, own)));
        for state in
            [ContactState::None, ContactState::Asked, ContactState::Asks, ContactState::Contact]
        {
            rows.push(contact::contact(&Contact {
                state,
                name: said(),
                ..Contact::of(user.clone())
            }));
        }
        for (online, away, last_seen_ms) in
            [(true, true, 0), (true, false, 0), (false, false, at_ms), (false, false, 0)]
        {
            let one = Presence { user: user.clone(), online, away, status: said(), last_seen_ms };
            rows.push(presence(&clock, &one));
        }
        for (device, online) in
            [(user.as_str(), false), (user.as_str(), true), ("cli-once-3", false)]
        {
            rows.push(device::state(
                &clock,
                &DeviceState {
                    device: device.parse().unwrap(),
                    name: said(),
                    platform: said(),
                    client: said(),
                    first_seen_ms: 1,
                    last_seen_ms: at_ms,
                    address: said(),
                    online,
                },
            ));
        }
        rows
    }

    #[test]
    fn every_row_fits_however_long_ids_are_and_whatever_is_said() {
        for length in [1, 15, 16, 17, 27, 28, 29, 63, 64] {
            let users: [UserId; 2] =
                ["u", "w"].map(|letter| letter.repeat(length).parse().unwrap());
            let [user, other] = &users;
            for chat in [ChatId::direct(user, other), ChatId::group(user.as_str()).unwrap()] {
                for wide in [String::new(), WIDE.into(), WIDE.repeat(64)] {
                    for row in rows(user, &chat, &wide) {
                        fits(&row);
                        let whole = row.replace('\n', "");
                        let named = [user.as_str(), chat.as_str(), "cli-once-3"];
                        assert!(named.iter().any(|id| whole.starts_with(id)), "{row}");
                        assert!(row.lines().all(|line| line.trim_end() == line), "{row:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_too_long_has_a_line_of_its_own() {
        assert_eq!(row("bob", 5, "x y  "), "bob   x y");
        assert_eq!(row("bobby", 5, "x"), "bobby x");
        assert_eq!(row("bobbie", 5, "x"), "bobbie\n      x");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let head = "h".repeat(100);
        assert_eq!(line(&head, "a short tail"), format!("{head} a short tail"));
        assert!(line(&head, &"t".repeat(50)).ends_with("t…"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits(text in "\\PC{0,200}", columns in 0_usize..80) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
            fits(&line("head", &text));
            fits(&more(&text));
        }
    }
}
