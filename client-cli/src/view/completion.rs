//! What Tab makes of the word before the cursor: a command's word, or the name of somebody or
//! something that is known. Must never offer what the command would not take.

use std::collections::BTreeSet;

use clap::ValueEnum;
use packetboat_client::{ChatId, UserId};

use crate::command::group::GroupRule;

/// The commands, each by its first name.
const COMMANDS: &[&str] = &[
    "archive",
    "block",
    "contact",
    "contacts",
    "devices",
    "edit",
    "expire",
    "file",
    "forward",
    "group",
    "help",
    "hide",
    "join",
    "keys",
    "later",
    "logout",
    "logout-others",
    "members",
    "name",
    "open",
    "part",
    "pin",
    "pin-chat",
    "pins",
    "quiet",
    "quit",
    "react",
    "recall",
    "receipts",
    "reply",
    "room",
    "save",
    "scheduled",
    "search",
    "seen",
    "unblock",
    "uncontact",
    "unpin",
    "unread",
    "unschedule",
];
/// What stands behind `/group`.
const OF_GROUPS: &[&str] = &[
    "add", "avatar", "create", "demote", "dissolve", "handover", "invite", "invites", "leave",
    "members", "mute", "promote", "refuse", "remove", "rename", "requests", "rules", "topic",
    "unmute",
];
/// What stands behind `/room`.
const OF_ROOMS: &[&str] =
    &["close", "demote", "keep", "mute", "open", "promote", "rename", "slow", "topic", "unmute"];

/// The names that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Users, the own one left out.
    pub(crate) users: BTreeSet<String>,
    /// Those of them that are in the open chat.
    pub(crate) here: BTreeSet<String>,
    /// Groups, as `#crew`.
    pub(crate) groups: BTreeSet<String>,
    /// Rooms, as `%lobby`.
    pub(crate) rooms: BTreeSet<String>,
}

/// What a word can become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The byte at which the word starts.
    pub(crate) start: usize,
    /// What it can be, in order.
    pub(crate) words: Vec<String>,
}

impl Offer {
    /// What all of the words start with.
    pub(crate) fn common(&self) -> &str {
        let Some((first, others)) = self.words.split_first() else { return "" };
        let same = |other: &String| {
            let pairs = first.char_indices().zip(other.chars());
            let end = pairs.take_while(|((_, one), other)| one == other).last();
            end.map_or(0, |((at, one), _)| at + one.len_utf8())
        };
        &first[..others.iter().map(same).min().unwrap_or(first.len())]
    }
}

/// What is remembered between two Tabs.
#[derive(Debug, Default)]
pub(crate) struct Completing {
    /// What the last one has shown.
    pub(crate) last: Option<Last>,
    /// A group's members, once they are asked for.
    pub(crate) members: Option<(ChatId, Vec<UserId>)>,
}

/// The words that the last Tab has shown.
#[derive(Debug)]
pub(crate) struct Last {
    /// They.
    pub(crate) offer: Offer,
    /// Which of them stands in the line.
    pub(crate) at: Option<usize>,
    /// What then stood before the cursor: with anything else there, Tab starts anew.
    pub(crate) before: String,
}

/// What the last word of a text can become; `None`: there is no word to be completed here, and
/// Tab means something else.
pub(crate) fn offer(before: &str, known: &Known) -> Option<Offer> {
    let space = before.char_indices().rfind(|(_, char)| char.is_whitespace());
    let start = space.map_or(0, |(at, char)| at + char.len_utf8());
    let (behind, word) = before.split_at(start);
    let is_command = before.starts_with('/') && !before.starts_with("//");
    let words = if let Some(name) = word.strip_prefix('@').filter(|_| !is_command) {
        let names = known.here.iter().map(|user| format!("@{user}"));
        let names: Vec<_> = names.filter(|user| user[1..].starts_with(name)).collect();
        if names.is_empty() {
            return None;
        }
        names
    } else if is_command {
        let mut words = takes(behind, word, known);
        words.retain(|word| !behind.split_whitespace().skip(1).any(|named| named == word));
        words
    } else {
        return None;
    };
    Some(Offer { start, words })
}

/// What a command takes in the place of a word behind others.
fn takes(behind: &str, word: &str, known: &Known) -> Vec<String> {
    let Some(behind) = behind.strip_prefix('/') else {
        let word = word.strip_prefix('/').unwrap_or(word);
        let commands = COMMANDS.iter().filter(|command| command.starts_with(word));
        return commands.map(|command| format!("/{command}")).collect();
    };
    let words: Vec<&str> = behind.split_whitespace().collect();
    match words.as_slice() {
        ["open" | "o"] | ["forward", _] => {
            let mut chats = users(word, known);
            chats.extend(that_start(word, known.groups.iter().chain(&known.rooms)));
            chats
        }
        ["join" | "j"] => that_start(word, &known.rooms),
        ["contact" | "uncontact" | "block" | "unblock" | "name" | "keys"]
        | ["group" | "g", "leave" | "handover"]
        | ["group" | "g", "add" | "remove" | "promote" | "demote" | "unmute" | "refuse", ..]
        | ["group" | "g", "create" | "mute", _, ..]
        | ["room" | "r", "promote" | "demote" | "unmute", ..]
        | ["room" | "r", "mute", _, ..] => users(word, known),
        ["group" | "g"] => that_start(word, OF_GROUPS),
        ["room" | "r"] => that_start(word, OF_ROOMS),
        ["group" | "g", "rules", ..] => {
            let rules = GroupRule::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let rules: Vec<String> = rules.map(|rule| rule.get_name().to_owned()).collect();
            that_start(word, &rules)
        }
        ["receipts"] => that_start(word, ["off", "on"]),
        ["quiet" | "pin-chat" | "archive" | "unread"] => that_start(word, ["off"]),
        ["edit", ..] | ["reply" | "expire" | "later", _, ..] => match word.strip_prefix('@') {
            Some(name) => {
                that_start(name, &known.here).iter().map(|user| format!("@{user}")).collect()
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Users; commands take them without the sign that some write before them.
fn users(word: &str, known: &Known) -> Vec<String> {
    that_start(word.strip_prefix('@').unwrap_or(word), &known.users)
}

fn that_start<T: AsRef<str>>(word: &str, all: impl IntoIterator<Item = T>) -> Vec<String> {
    let all = all.into_iter().filter(|one| one.as_ref().starts_with(word));
    all.map(|one| one.as_ref().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::slash::{HELP, parse};
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn known() -> Known {
        Known {
            users: set(&["alice", "alina", "bob"]),
            here: set(&["alice", "alina"]),
            groups: set(&["#crew", "#cooks"]),
            rooms: set(&["%lobby"]),
        }
    }

    fn words(before: &str) -> Vec<String> {
        offer(before, &known()).unwrap_or_else(|| panic!("{before}")).words
    }

    #[test]
    fn a_commands_word_is_completed() {
        assert_eq!(words("/sch"), ["/scheduled"]);
        assert_eq!(words("/pin"), ["/pin", "/pin-chat", "/pins"]);
        assert_eq!(words("/group re"), ["refuse", "remove", "rename", "requests"]);
        assert_eq!(words("/room k"), ["keep"]);
        assert_eq!(words("/receipts o"), ["off", "on"]);
        assert_eq!(words("/group rules anyone-asks a"), ["anyone-joins"]);
        assert_eq!(words("/opne"), [""; 0]);
    }

    #[test]
    fn names_are_completed_as_their_command_takes_them() {
        assert_eq!(words("/open "), ["alice", "alina", "bob", "#cooks", "#crew", "%lobby"]);
        assert_eq!(words("/open #cr"), ["#crew"]);
        assert_eq!(words("/forward 2 %"), ["%lobby"]);
        assert_eq!(words("/forward "), [""; 0]);
        assert_eq!(words("/join "), ["%lobby"]);
        assert_eq!(words("/block @al"), ["alice", "alina"]);
        assert_eq!(words("/group add alice a"), ["alina"]);
        assert_eq!(words("/group mute "), [""; 0]);
        assert_eq!(words("/group mute 5 b"), ["bob"]);
        assert_eq!(words("/reply 1 @al"), ["@alice", "@alina"]);
        assert_eq!(words("/reply 1 al"), [""; 0]);
        let offer = offer("/group add alice a", &known()).unwrap();
        assert_eq!((offer.start, offer.common()), (17, "alina"));
    }

    #[test]
    fn in_a_message_only_a_name_behind_its_sign_is_completed() {
        let ask = |before| offer(before, &known());
        for before in ["", "al", "hello al", "a@al", "//open al", " /open al", "hello @bob", "@x"] {
            assert_eq!(ask(before), None, "{before}");
        }
        let offer = ask("é @al").unwrap();
        assert_eq!((offer.start, offer.common()), (3, "@ali"));
        assert_eq!(ask("//etc @alic").unwrap().words, ["@alice"]);
    }

    #[test]
    fn every_command_that_is_completed_is_one_and_is_in_the_help() {
        let group = "group:crew".parse().unwrap();
        let help = HELP.join(" ");
        let in_help = |word: &str| {
            let ends = |char: char| !(char.is_alphanumeric() || char == '-');
            help.split(ends).any(|one| one == word)
        };
        let all = COMMANDS.iter().map(|word| (format!("/{word}"), word));
        let all = all.chain(OF_GROUPS.iter().map(|word| (format!("/group {word}"), word)));
        let all = all.chain(OF_ROOMS.iter().map(|word| (format!("/room {word}"), word)));
        for (line, word) in all {
            let why = parse(&line, Some(&group), 0).err().unwrap_or_default();
            assert!(!why.starts_with("there is no /"), "{line}");
            assert!(!line.contains(' ') || !why.starts_with("/help tells"), "{line}");
            assert!(in_help(word), "{line} is not in the help");
        }
    }

    #[test]
    fn every_command_in_the_help_is_completed() {
        for word in HELP.join(" ").split_whitespace() {
            let command = word.trim_end_matches([',', ';', ':', ')']).strip_prefix('/');
            match command.and_then(|command| command.chars().next()) {
                None | Some('/') => {}
                Some(_) => assert!(command.is_some_and(|one| COMMANDS.contains(&one)), "{word}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_offered_starts_with_what_is_written(before in "/?[a-z@#% é]{0,20}") {
            if let Some(offer) = offer(&before, &known()) {
                let word = &before[offer.start..];
                let signless = word.strip_prefix('@').unwrap_or(word);
                for one in &offer.words {
                    prop_assert!(one.starts_with(word) || one.starts_with(signless));
                    prop_assert!(one.starts_with(offer.common()));
                }
            }
        }
    }
}
