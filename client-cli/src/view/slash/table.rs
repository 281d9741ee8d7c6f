//! The table of the slash commands, and the help that is made of it. Must never hold a command that
//! means nothing: whatever is not in it is none, and a test writes each of them.

use crate::cells::width;

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    /// One word, or two: `group add`.
    pub(crate) name: &'static str,
    /// What stands behind it.
    pub(crate) takes: &'static str,
    /// What it does, in lines.
    pub(crate) does: &'static str,
}

const fn the(name: &'static str, takes: &'static str, does: &'static str) -> Command {
    Command { name, takes, does }
}

/// Cells of the help before what a command does.
const COLUMN: usize = 30;
/// Shorter names of some.
const SHORT: &[(&str, &str)] =
    &[("o", "open"), ("j", "join"), ("g", "group"), ("r", "room"), ("h", "help"), ("?", "help")];

/// What is told before the commands.
const KEYS: &[&str] = &[
    "Enter sends what you wrote; Alt-Enter starts a new line.",
    "PgUp, PgDn          look back, and forth again; Up, Down by one row",
    "Tab, Shift-Tab      next, previous chat (Ctrl-N, Ctrl-P too)",
    "Tab behind / or @   completes a command, a name, a path; again: the next one",
    "Ctrl-W, Ctrl-U      delete the word, or all, before the cursor",
    "Ctrl-L, Esc, Ctrl-C paint the screen anew; quit",
    "",
    "Behind a message    … on its way  ✓ stored  ✓✓ delivered, coloured once read",
    "                    ✓ 3 read: by three of the group    ✗ refused",
    "Before a chat       ● online  ◐ away  ○ offline  # a group  % a room",
    "Behind a chat       4 unread  • marked so  @2 mention you",
    "                    ^ pinned  z quiet  - archived",
    "",
    "N counts from the last message, 1, 2, …; #SEQ is one that a sheet shows.",
    "TIME is 90s, 15m, 2h or 7d. //text is a message that starts with a slash.",
];

/// The commands, by what they are about.
pub(crate) const PARTS: &[(&str, &[Command])] = &[
    ("Chats and messages", MESSAGES),
    ("Files", FILES),
    ("How chats are shown to you", MARKS),
    ("People, and yourself", PEOPLE),
    ("Groups; all but create, join and card are about the open one", GROUPS),
    ("Rooms; all but open and join are about the open one", ROOMS),
    ("The rest", REST),
];

const MESSAGES: &[Command] = &[
    the("open", "USER, #GROUP or %ROOM", "chat there"),
    the("search", "WORDS", "what has all of them, in all chats"),
    the("search-here", "WORDS", "the same in the open chat"),
    the("reply", "N TEXT", "answer a message"),
    the("thread", "N [TEXT]", "show a thread, or say something in it"),
    the("edit", "TEXT", "your last message says this"),
    the("edit-at", "N TEXT", "an earlier one of yours does"),
    the("recall", "N", "take a message back"),
    the("react", "N WORD", "react to it; -WORD takes that back"),
    the("forward", "N TARGET", "say it again to a USER, in a #GROUP or a %ROOM"),
    the("pin", "N", "pin a message for all"),
    the("unpin", "N", "and no more"),
    the("pins", "", "what is pinned here"),
    the("hide", "N", "delete it for you alone"),
    the("seen", "N", "who has a message, and has read it"),
    the(
        "receipts",
        "N, on or off",
        "how many have read the last N of them; or\nwhether others are told what you read",
    ),
    the(
        "expire",
        "TIME TEXT",
        "it is gone for all after that time; TEXT may be\na /reply, a /thread or a /file",
    ),
    the(
        "later",
        "TIME TEXT",
        "it is sent then, or at a time such as\n\
         2026-11-23 09:00; TEXT may be as of /expire, but\n\
         no /file",
    ),
    the("scheduled", "", "what is to be sent, and could not be"),
    the("unschedule", "N or ID", "take one of these back"),
];

const FILES: &[Command] = &[
    the(
        "file",
        "PATH [-- CAPTION]",
        "send a file; before PATH: type=MEDIA_TYPE,\nthumb=PATH of a small picture of it",
    ),
    the("save", "N [PATH]", "save the file of a message"),
    the("thumb", "N [PATH]", "save its small picture"),
    the("files", "", "your own, and what they count for"),
];

const MARKS: &[Command] = &[
    the("quiet", "[MINUTES] or off", "it is not to be noticed, for a time or for good"),
    the("pin-chat", "[PLACE] or off", "it stands above the others"),
    the("archive", "or off", "it stands below the others"),
    the("unread", "or off", "it looks unread"),
];

const PEOPLE: &[Command] = &[
    the("away", "", "you are not at this device"),
    the("back", "", "you are"),
    the(
        "status",
        "[WHO [TEXT]]",
        "what you say of yourself. WHO sees that, and\n\
         whether you are there: everyone, contacts or\n\
         nobody. Alone: what you say now",
    ),
    the("contacts", "", "whom you know, and have blocked"),
    the("contact", "USER", "ask to be contacts, or accept"),
    the("uncontact", "USER", "be contacts no more"),
    the("name", "USER NAME", "what you call one; without a NAME: nothing"),
    the("block", "USER", "hear no more of one"),
    the("unblock", "USER", "and hear again"),
    the("devices", "", "your own"),
    the("logout", "DEVICE", "end one"),
    the("logout-others", "", "end all but this one"),
    the(
        "keys",
        "[USER]",
        "who the devices of a user are, for programs that\n\
         encrypt; of yours also how many keys are left",
    ),
];

const GROUPS: &[Command] = &[
    the("join", "LINK or #GROUP", "come in, or ask to"),
    the("card", "LINK or #GROUP", "what it is, before you come in"),
    the("members", "", "who is in it"),
    the("group", "", "how it is"),
    the("group create", "ID [USERS]", "make one, and open it"),
    the("group add", "USERS", "put users in"),
    the("group remove", "USERS", "put them out"),
    the("group rename", "NAME", "call it something"),
    the("group topic", "[TEXT]", "what it is about"),
    the("group avatar", "[REFERENCE]", "where its picture is"),
    the("group rules", "[RULES]", "these hold and no others; Tab names them"),
    the("group promote", "USERS", "make admins"),
    the("group demote", "USERS", "make members again"),
    the("group mute", "MINUTES USERS", "they write no more for a time"),
    the("group unmute", "USERS", "and write again"),
    the(
        "group invite",
        "[MINUTES] [uses N] [asks]",
        "make a link; asks: it lets one ask to come in",
    ),
    the("group invites", "", "the links there are"),
    the("group uninvite", "N or LINK", "a link is good no more"),
    the("group requests", "", "who asks to come in; /group add lets them in"),
    the("group refuse", "USERS", "they are not let in"),
    the("group handover", "USER", "it is another's"),
    the("group leave", "[NEW_OWNER]", "go"),
    the("group dissolve", "", "it is there no more"),
];

const ROOMS: &[Command] = &[
    the("join", "%ROOM", "listen to it"),
    the("part", "", "listen no more"),
    the("room", "[%ROOM]", "how it is"),
    the("room open", "NAME", "make one"),
    the("room rename", "NAME", "call it something"),
    the("room topic", "[TEXT]", "what it is about"),
    the("room keep", "NUMBER", "it keeps so many messages"),
    the("room slow", "MILLISECONDS", "between two messages of a user"),
    the("room promote", "USERS", "make moderators"),
    the("room demote", "USERS", "make listeners again"),
    the("room mute", "MINUTES USERS", "they write no more for a time"),
    the("room unmute", "USERS", "and write again"),
    the("room close", "", "it is there no more"),
];

const REST: &[Command] =
    &[the("help", "[WORD]", "this, or the commands that have the word"), the("quit", "", "leave")];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    PARTS.iter().flat_map(|(_, commands)| commands.iter())
}

/// The name in full of a command that is called by a shorter one.
pub(crate) fn in_full(word: &str) -> &str {
    SHORT.iter().find(|(short, _)| *short == word).map_or(word, |(_, name)| name)
}

/// Whether commands have this name, or begin with this word.
pub(crate) fn has(name: &str) -> bool {
    all().any(|command| command.name == name || command.name.split(' ').next() == Some(name))
}

/// How a command is written, and what for.
pub(crate) fn usage(name: &str) -> String {
    let known = all().filter(|command| command.name == name);
    let said =
        known.map(|command| format!("{}: {}", command.written(), command.does.replace('\n', " ")));
    said.collect::<Vec<_>>().join("; ")
}

/// The lines of the help: all of them, or those of the commands that have a word.
pub(crate) fn help(word: &str) -> Vec<String> {
    if !word.is_empty() {
        let has =
            |command: &&Command| command.written().contains(word) || command.does.contains(word);
        return all().filter(has).flat_map(Command::lines).collect();
    }
    let mut lines: Vec<String> = KEYS.iter().map(ToString::to_string).collect();
    for (title, commands) in PARTS {
        lines.extend([String::new(), format!("── {title} ──")]);
        lines.extend(commands.iter().flat_map(Command::lines));
    }
    lines
}

impl Command {
    fn written(&self) -> String {
        format!("/{} {}", self.name, self.takes).trim_end().to_owned()
    }

    /// What is written to the left, what it does to the right, or below if there is no room.
    fn lines(&self) -> Vec<String> {
        let (mut left, mut lines) = (self.written(), Vec::new());
        if width(&left) + 2 > COLUMN {
            lines.push(std::mem::take(&mut left));
        }
        for does in self.does.lines() {
            let space = " ".repeat(COLUMN - width(&left));
            lines.push(format!("{}{space}{does}", std::mem::take(&mut left)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::overlay;
    use super::*;

    #[test]
    fn the_help_is_readable_in_80_columns_and_has_every_command_once() {
        let help = help("");
        for line in &help {
            assert!(width(line) <= usize::from(80 - overlay::BORDER), "{line}");
        }
        for command in all() {
            let written = command.written();
            let begins = |line: &&String| {
                let rest = line.strip_prefix(written.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("  "))
            };
            assert_eq!(help.iter().filter(begins).count(), 1, "{written}");
        }
    }

    #[test]
    fn the_help_about_a_word_has_the_commands_that_have_it() {
        assert_eq!(help("logout").len(), 2);
        assert_eq!(help("group invite").len(), 3, "{:?}", help("group invite"));
        assert_eq!(help("read the last"), help("/receipts"));
        assert_eq!(help("nonsense"), [""; 0]);
    }

    #[test]
    fn a_command_says_how_it_is_written() {
        assert_eq!(usage("recall"), "/recall N: take a message back");
        assert!(usage("join").contains("/join LINK") && usage("join").contains("/join %ROOM"));
        assert!(has("group") && has("group add") && has("join"));
        assert!(!has("add") && !has("grou") && !has(""));
        assert!(SHORT.iter().all(|(short, name)| has(name) && !has(short)));
    }
}
