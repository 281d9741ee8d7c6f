//! What Tab makes of the word before the cursor: a command's word, or the name of somebody or
//! something that is known. Must never offer what the command would not take.

use std::collections::BTreeSet;

use clap::ValueEnum;
use packetboat_client::{ChatId, UserId};

use super::file::{path_at, takes_path};
use super::say::said_at;
use super::slash::table::{all, in_full};
use crate::command::group::GroupRule;
use crate::command::presence::VisibleTo;
use crate::command::receipt::Tell;

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
    /// The user's devices.
    pub(crate) devices: BTreeSet<String>,
    /// What is in a folder.
    pub(crate) paths: Option<Paths>,
}

/// What is in a folder, as far as it begins as a path that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// The folder, as it was written.
    pub(crate) folder: String,
    /// What the names begin with.
    pub(crate) start: String,
    /// They, those of folders with a `/` behind them.
    pub(crate) names: Vec<String>,
    /// There are more of them.
    pub(crate) more: bool,
}

impl Paths {
    /// A question, without its answer.
    pub(crate) fn asked(folder: &str, start: &str) -> Self {
        Self { folder: folder.to_owned(), start: start.to_owned(), ..Self::default() }
    }

    /// The question of a path.
    pub(crate) fn of(path: &str) -> Self {
        let (folder, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
        Self::asked(folder, name)
    }

    /// Whether all that is asked for there is here, or will be: what is hidden is not among others.
    pub(crate) fn has(&self, asked: &Self) -> bool {
        let shows_hidden = |paths: &Self| paths.start.starts_with('.');
        self.folder == asked.folder
            && asked.start.starts_with(&self.start)
            && shows_hidden(self) == shows_hidden(asked)
            && (!self.more || self.start == asked.start)
    }
}

/// What a word can become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The byte at which the word starts.
    pub(crate) start: usize,
    /// What it can be, in order.
    pub(crate) words: Vec<String>,
    /// It can be more than these.
    pub(crate) more: bool,
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
    /// The user's devices, once they are asked for.
    pub(crate) devices: Option<Vec<String>>,
    /// What is in a folder, once that is asked for.
    pub(crate) paths: Option<Paths>,
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
    if let Some(at) = said_at(before) {
        let offer = offer(&before[at..], known)?;
        return Some(Offer { start: at + offer.start, ..offer });
    }
    if let Some(start) = path_at(before) {
        let (line, path) = before.split_at(start);
        let mut words = paths(path, known);
        words.retain(|word| takes_path(line, word));
        let more = known.paths.as_ref().is_some_and(|paths| paths.more);
        return Some(Offer { start, words, more });
    }
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
    Some(Offer { start, words, more: false })
}

/// What a command takes in the place of a word behind others.
fn takes(behind: &str, word: &str, known: &Known) -> Vec<String> {
    let Some(behind) = behind.strip_prefix('/') else {
        let word = word.strip_prefix('/').unwrap_or(word);
        let commands = all().filter_map(|command| command.name.split(' ').next());
        let commands: BTreeSet<_> = commands.filter(|command| command.starts_with(word)).collect();
        return commands.into_iter().map(|command| format!("/{command}")).collect();
    };
    let mut words: Vec<&str> = behind.split_whitespace().collect();
    words.iter_mut().take(1).for_each(|verb| *verb = in_full(verb));
    match words.as_slice() {
        ["open"] | ["forward", _] => {
            let mut chats = users(word, known);
            chats.extend(that_start(word, known.groups.iter().chain(&known.rooms)));
            chats
        }
        ["room"] if word.starts_with('%') => that_start(word, &known.rooms),
        ["join"] => that_start(word, &known.rooms),
        ["contact" | "uncontact" | "block" | "unblock" | "name" | "keys"]
        | ["group", "leave" | "handover"]
        | ["group", "add" | "remove" | "promote" | "demote" | "unmute" | "refuse", ..]
        | ["group", "create" | "mute", _, ..]
        | ["room", "promote" | "demote" | "unmute", ..]
        | ["room", "mute", _, ..] => users(word, known),
        ["group" | "room"] => {
            let of = all().filter_map(|command| command.name.split_once(' '));
            let of = of.filter(|(verb, _)| words.first() == Some(verb)).map(|(_, second)| second);
            that_start(word, of.collect::<BTreeSet<_>>())
        }
        ["group", "rules", ..] => named::<GroupRule>(word),
        ["group", "invite", ..] => that_start(word, ["asks", "uses"]),
        ["receipts"] => named::<Tell>(word),
        ["status"] => named::<VisibleTo>(word),
        ["logout"] => that_start(word, &known.devices),
        ["quiet" | "pin-chat" | "archive" | "unread"] => that_start(word, ["off"]),
        ["edit", ..] | ["reply" | "thread" | "edit-at" | "expire" | "later", _, ..] => {
            match word.strip_prefix('@') {
                Some(name) => {
                    that_start(name, &known.here).iter().map(|user| format!("@{user}")).collect()
                }
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The words that name the values of a type.
fn named<T: ValueEnum>(word: &str) -> Vec<String> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let mut names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    names.sort();
    that_start(word, names)
}

/// What a path can become.
fn paths(path: &str, known: &Known) -> Vec<String> {
    let asked = Paths::of(path);
    let found = known.paths.as_ref().filter(|paths| paths.has(&asked));
    let names = found.map_or(&[][..], |paths| &paths.names);
    let folder = asked.folder;
    that_start(&asked.start, names).iter().map(|name| format!("{folder}{name}")).collect()
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
            ..Known::default()
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
    fn a_command_behind_a_time_is_completed_as_it_is_alone() {
        let behind = |before: &str| {
            let offer = offer(before, &known()).unwrap();
            (before[..offer.start].to_owned(), offer.words)
        };
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        assert_eq!(behind("/expire 2h /thr"), ("/expire 2h ".into(), words(&["/thread"])));
        let named = ("/later 2026-11-23 09:00 /reply 1 ".into(), words(&["@alice", "@alina"]));
        assert_eq!(behind("/later 2026-11-23 09:00 /reply 1 @a"), named);
        assert_eq!(offer("/expire 2h //op", &known()).unwrap().words, [""; 0]);
    }

    #[test]
    fn paths_and_devices_are_completed_where_they_are_known() {
        let paths = ["a b.png", "docs/"].map(ToOwned::to_owned).to_vec();
        let known = Known {
            devices: set(&["laptop", "phone"]),
            paths: Some(Paths { names: paths, ..Paths::asked("my files/", "") }),
            ..known()
        };
        let words = |before| offer(before, &known).unwrap().words;
        assert_eq!(words("/logout p"), ["phone"]);
        assert_eq!(words("/file my files/"), ["my files/a b.png", "my files/docs/"]);
        assert_eq!(words("/save 1 my files/d"), ["my files/docs/"]);
        assert_eq!(words("/thumb 1 my files/."), [""; 0], "what is hidden was not asked for");
        assert_eq!(words("/file thumb=my"), [""; 0], "that folder is not known");
        assert_eq!(words("/status c"), ["contacts"]);
        assert_eq!(words("/room %"), ["%lobby"]);
    }

    #[test]
    fn a_path_is_offered_only_where_the_line_would_be_taken_for_it() {
        let names = ["a b.png", "a -- b.png", "a ", "type=a", "thumb=a", "ab.png", "a dir/"];
        let names: Vec<String> = names.map(ToOwned::to_owned).to_vec();
        let paths = Some(Paths { names, ..Paths::asked("", "") });
        let known = Known { paths, ..known() };
        let words = |before| offer(before, &known).unwrap().words;
        assert_eq!(words("/file "), ["a b.png", "ab.png", "a dir/"]);
        assert_eq!(words("/file thumb="), ["type=a", "thumb=a", "ab.png"]);
        assert_eq!(words("/file type=a/b thumb=x a"), ["a b.png", "ab.png", "a dir/"]);
        assert_eq!(words("/expire 2h /file thumb=a"), ["ab.png"]);
        assert_eq!(words("/save 1 a"), ["a b.png", "a -- b.png", "ab.png", "a dir/"]);
        assert_eq!(words("/save 1 t"), ["type=a", "thumb=a"]);
    }

    #[test]
    fn what_is_known_of_a_large_folder_is_asked_for_again_as_more_is_written() {
        let has = |known: &Paths, path: &str| known.has(&Paths::of(path));
        let small = Paths::asked("x/", "a");
        assert!(has(&small, "x/a") && has(&small, "x/ab"));
        assert!(
            !has(&small, "x/") && !has(&small, "x/b") && !has(&small, "a") && !has(&small, "x/a/")
        );
        let large = Paths { more: true, ..small };
        assert!(has(&large, "x/a") && !has(&large, "x/ab"));
        assert!(!has(&Paths::asked("", ""), ".ssh"), "what is hidden is not among the others");
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
