//! The slash commands about messages, which are named by counting from the last one shown, 1 is
//! the last, or by their place in the log. Must never guess which one is meant.

use crate::command::target::Target;

/// A message of the open chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Counted from the last one shown.
    Back(usize),
    /// By its place in the log.
    Seq(u64),
}

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refer {
    /// Say an own message differently; `None`: the last one.
    Edit(Option<Which>, String),
    /// Take it back.
    Recall(Which),
    /// React to it, or take that back.
    React(Which, String, bool),
    /// Say it elsewhere.
    Forward(Which, Target),
    /// Pin it, or no more.
    Pin(Which, bool),
    /// Who has read it, and who has it.
    Seen(Which),
    /// How many have had and read the messages from there on.
    Receipts(Which),
    /// Show what is said in its thread.
    Thread(Which),
    /// What is pinned.
    Pins,
}

/// A message as a line names it.
pub(crate) fn which(text: &str) -> Option<Which> {
    match text.strip_prefix('#') {
        Some(seq) => seq.parse().ok().filter(|seq| *seq > 0).map(Which::Seq),
        None => text.parse().ok().filter(|back| *back > 0).map(Which::Back),
    }
}

/// What `/verb rest` means, if it is about a message and written as it should be.
pub(super) fn parse(verb: &str, rest: &str) -> Option<Refer> {
    let (number, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (which, text) = (which(number), text.trim());
    let (alone, said) = (text.is_empty(), !text.is_empty());
    Some(match verb {
        "edit" if !rest.is_empty() => Refer::Edit(None, rest.to_owned()),
        "edit-at" if said => Refer::Edit(Some(which?), text.to_owned()),
        "recall" if alone => Refer::Recall(which?),
        "react" if said => match text.strip_prefix('-').filter(|word| !word.is_empty()) {
            Some(word) => Refer::React(which?, word.to_owned(), true),
            None => Refer::React(which?, text.to_owned(), false),
        },
        "forward" if said => Refer::Forward(which?, text.parse().ok()?),
        "pin" | "unpin" if alone => Refer::Pin(which?, verb == "unpin"),
        "pins" if rest.is_empty() => Refer::Pins,
        "seen" if alone => Refer::Seen(which?),
        "receipts" if alone => Refer::Receipts(which?),
        "thread" if alone => Refer::Thread(which?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_from_the_last_one_or_by_their_place() {
        let is = |verb, rest, meant| assert_eq!(parse(verb, rest), Some(meant), "{verb} {rest}");
        let back = Which::Back;
        is("edit", "2 words", Refer::Edit(None, "2 words".into()));
        is("edit-at", "2 some  words", Refer::Edit(Some(back(2)), "some  words".into()));
        is("recall", "1", Refer::Recall(back(1)));
        is("recall", "#71", Refer::Recall(Which::Seq(71)));
        is("react", "2 +1", Refer::React(back(2), "+1".into(), false));
        is("react", "2 -+1", Refer::React(back(2), "+1".into(), true));
        is("react", "2 -", Refer::React(back(2), "-".into(), false));
        is("forward", "1 #crew", Refer::Forward(back(1), "#crew".parse().unwrap()));
        is("pin", "1", Refer::Pin(back(1), false));
        is("unpin", "1", Refer::Pin(back(1), true));
        is("pins", "", Refer::Pins);
        is("seen", "2", Refer::Seen(back(2)));
        is("thread", "#7", Refer::Thread(Which::Seq(7)));
    }

    #[test]
    fn what_names_no_message_means_nothing() {
        for (verb, rest) in [
            ("edit", ""),
            ("edit-at", "2"),
            ("edit-at", "two words"),
            ("recall", ""),
            ("recall", "0"),
            ("recall", "#0"),
            ("recall", "one"),
            ("recall", "1 2"),
            ("react", "1"),
            ("forward", "1 a/b"),
            ("pin", ""),
            ("pins", "1"),
            ("seen", ""),
            ("quit", ""),
        ] {
            assert_eq!(parse(verb, rest), None, "/{verb} {rest}");
        }
    }
}
