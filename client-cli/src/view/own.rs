//! The slash commands about what a user sets for itself. Must never change what others see.

use packetboat_client::{ChatId, SetMarks};

use super::refer::{Which, which};
use crate::clock;

/// What to set for oneself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Show the open chat otherwise.
    Mark(SetMarks),
    /// Delete a message for oneself.
    Hide(Which),
}

/// What `/verb rest` means, if it is about the user's own state and written as it should be.
pub(super) fn parse(verb: &str, rest: &str, chat: &ChatId, now_ms: u64) -> Option<Own> {
    let off = rest == "off";
    let marks = SetMarks::of(chat.clone());
    let on = (off || rest.is_empty()).then_some(!off);
    Some(Own::Mark(match verb {
        "hide" => return Some(Own::Hide(which(rest)?)),
        "quiet" => {
            let until = match rest {
                "off" => 0,
                "" => u64::MAX,
                minutes => clock::after_minutes(now_ms, minutes.parse().ok()?),
            };
            SetMarks { quiet_until_ms: Some(until), ..marks }
        }
        "pin-chat" => {
            let place = match rest {
                "off" => 0,
                "" => 1,
                place => place.parse().ok().filter(|place| *place > 0)?,
            };
            SetMarks { pinned: Some(place), ..marks }
        }
        "archive" => SetMarks { archived: Some(on?), ..marks },
        _ => SetMarks { unread: Some(on?), ..marks },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_oneself_is_of_the_open_chat() {
        let chat: ChatId = "dm:a:b".parse().unwrap();
        let of = || SetMarks::of(chat.clone());
        let is = |verb, rest, meant| {
            assert_eq!(parse(verb, rest, &chat, 1_000), Some(meant), "{verb} {rest}");
        };
        is("quiet", "", Own::Mark(SetMarks { quiet_until_ms: Some(u64::MAX), ..of() }));
        is("quiet", "2", Own::Mark(SetMarks { quiet_until_ms: Some(121_000), ..of() }));
        is("quiet", "off", Own::Mark(SetMarks { quiet_until_ms: Some(0), ..of() }));
        is("pin-chat", "3", Own::Mark(SetMarks { pinned: Some(3), ..of() }));
        is("archive", "", Own::Mark(SetMarks { archived: Some(true), ..of() }));
        is("unread", "off", Own::Mark(SetMarks { unread: Some(false), ..of() }));
        is("hide", "2", Own::Hide(Which::Back(2)));
        for (verb, rest) in [("hide", ""), ("hide", "0"), ("archive", "x"), ("pin-chat", "0")] {
            assert_eq!(parse(verb, rest, &chat, 0), None, "/{verb} {rest}");
        }
    }
}
