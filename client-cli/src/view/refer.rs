//! The slash commands about messages, which are named by counting from the last one shown: 1 is
//! the last. Must never guess which one is meant.

use super::super::command::target::Target;

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
    /// Say the last own message differently.
    Edit(String),
    /// Take it back.
    Recall(usize),
    /// React to it, or take that back.
    React(usize, String, bool),
    /// Answer it.
    Reply(usize, String),
    /// Say it elsewhere.
    Forward(usize, Target),
    /// Pin it, or no more.
    Pin(usize, bool),
    /// Who has read it, and who has it.
    Seen(usize),
    /// What is pinned.
    Pins,
}

/// What `/verb rest` means, if it is about a message; otherwise why it means nothing.
pub(crate) fn parse(verb: &str, rest: &str) -> Option<Result<Refer, String>> {
    let usage = match verb {
        "edit" => "/edit TEXT: the last own message says this",
        "recall" => "/recall N: the last message is 1, the one before 2",
        "react" => "/react N WORD; /react N -WORD takes it back",
        "reply" => "/reply N TEXT",
        "forward" => "/forward N USER or #GROUP",
        "pin" | "unpin" => "/pin N, /unpin N",
        "pins" => "/pins",
        "seen" => "/seen N: who has read the message",
        _ => return None,
    };
    Some(meant(verb, rest).ok_or_else(|| usage.to_owned()))
}

fn meant(verb: &str, rest: &str) -> Option<Refer> {
    let (number, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (back, text) = (number.parse().ok().filter(|back| *back > 0), text.trim());
    let (alone, said) = (text.is_empty(), !text.is_empty());
    Some(match verb {
        "edit" if !rest.is_empty() => Refer::Edit(rest.to_owned()),
        "recall" if alone => Refer::Recall(back?),
        "react" if said => match text.strip_prefix('-').filter(|word| !word.is_empty()) {
            Some(word) => Refer::React(back?, word.to_owned(), true),
            None => Refer::React(back?, text.to_owned(), false),
        },
        "reply" if said => Refer::Reply(back?, text.to_owned()),
        "forward" if said => Refer::Forward(back?, text.parse().ok()?),
        "pin" | "unpin" if alone => Refer::Pin(back?, verb == "unpin"),
        "pins" if rest.is_empty() => Refer::Pins,
        "seen" if alone => Refer::Seen(back?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_from_the_last_one() {
        let is = |verb, rest, meant| assert_eq!(parse(verb, rest), Some(Ok(meant)), "{rest}");
        is("edit", "2 words", Refer::Edit("2 words".into()));
        is("recall", "1", Refer::Recall(1));
        is("react", "2 +1", Refer::React(2, "+1".into(), false));
        is("react", "2 -+1", Refer::React(2, "+1".into(), true));
        is("react", "2 -", Refer::React(2, "-".into(), false));
        is("reply", "3 so  it is", Refer::Reply(3, "so  it is".into()));
        is("forward", "1 #crew", Refer::Forward(1, "#crew".parse().unwrap()));
        is("pin", "1", Refer::Pin(1, false));
        is("unpin", "1", Refer::Pin(1, true));
        is("pins", "", Refer::Pins);
        is("seen", "2", Refer::Seen(2));
        assert_eq!(parse("quit", ""), None);
    }

    #[test]
    fn what_names_no_message_says_how_to() {
        for (verb, rest) in [
            ("edit", ""),
            ("recall", ""),
            ("recall", "0"),
            ("recall", "one"),
            ("recall", "1 2"),
            ("react", "1"),
            ("reply", "hello there"),
            ("forward", "1 a/b"),
            ("pin", ""),
            ("pins", "1"),
            ("seen", ""),
        ] {
            let why = parse(verb, rest).unwrap().unwrap_err();
            assert!(why.contains(verb.trim_start_matches("un")), "{why}");
        }
    }
}
