//! What a written line means: a message, or a command that starts with a slash. Must never send
//! what was meant as a command.

use packetboat_client::{ChatId, Content, GroupChange, UserId};

use crate::command::target::{Target, group};

/// The lines of the help.
pub(crate) const HELP: &[&str] = &[
    "Enter sends what you wrote; Alt-Enter starts a new line.",
    "",
    "Tab, Shift-Tab      next, previous chat (Ctrl-N, Ctrl-P too)",
    "PgUp, PgDn          look back, and forth again",
    "Up, Down            the same by one row",
    "Ctrl-W, Ctrl-U      delete the word, or all, before the cursor",
    "Ctrl-L              paint the screen anew",
    "Esc, Ctrl-C         quit",
    "",
    "/open USER          chat with a user",
    "/open #GROUP        chat in a group",
    "/members            who is in the open group",
    "/group create ID [USERS]",
    "/group add USERS    in the open group:",
    "/group remove USERS",
    "/group rename NAME",
    "/group leave [NEW_OWNER]",
    "/quit",
    "//text              a message that starts with a slash",
    "",
    "… on its way   ✓ stored   ✓✓ delivered, coloured once read   ✗ refused",
];

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A message.
    Text(String),
    /// Open a chat.
    Open(Target),
    /// Change a group; a new one is opened.
    Change(ChatId, GroupChange),
    /// Who is in the open group.
    Members(ChatId),
    /// What can be done.
    Help,
    /// Leave.
    Quit,
}

/// What a line means while `open` is the open chat; otherwise why it means nothing.
pub(crate) fn parse(line: &str, open: Option<&ChatId>) -> Result<Line, String> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Line::Text(line.to_owned()));
    };
    if command.starts_with('/') {
        return Ok(Line::Text(command.to_owned()));
    }
    let (verb, rest) = split(command);
    match verb {
        "open" | "o" if !rest.is_empty() => {
            rest.parse().map(Line::Open).map_err(|error| error.to_string())
        }
        "open" | "o" => Err("/open needs a user or a #group".to_owned()),
        "members" => group_of(open).map(Line::Members),
        "group" | "g" => change(rest, open),
        "help" | "h" | "?" => Ok(Line::Help),
        "quit" | "q" => Ok(Line::Quit),
        _ => Err(format!("there is no /{verb}; /help tells what there is")),
    }
}

fn change(command: &str, open: Option<&ChatId>) -> Result<Line, String> {
    let (verb, rest) = split(command);
    let (group, change) = match verb {
        "create" => {
            let (id, members) = split(rest);
            let group = group(id).map_err(|error| error.to_string())?;
            let name = id.trim_start_matches("group:").trim_start_matches('#').to_owned();
            (group, GroupChange::Created { name, members: users(members)? })
        }
        "add" => (group_of(open)?, GroupChange::Added(users(rest)?)),
        "remove" => (group_of(open)?, GroupChange::Removed(users(rest)?)),
        "rename" => (group_of(open)?, GroupChange::Renamed(rest.to_owned())),
        "leave" => {
            let new_owner = users(rest)?;
            if new_owner.len() > 1 {
                return Err("a group has one owner".to_owned());
            }
            (group_of(open)?, GroupChange::Left { new_owner: new_owner.into_iter().next() })
        }
        "members" => return group_of(open).map(Line::Members),
        _ => return Err("/group create, add, remove, rename, leave or members".to_owned()),
    };
    let content = Content::Group(change.clone()).encode();
    match Content::decode(&content, usize::MAX) {
        Ok(_) => Ok(Line::Change(group, change)),
        Err(error) => Err(error.to_string()),
    }
}

fn group_of(open: Option<&ChatId>) -> Result<ChatId, String> {
    let group = open.filter(|chat| chat.as_str().starts_with("group:"));
    group.cloned().ok_or_else(|| "open a group first".to_owned())
}

fn users(text: &str) -> Result<Vec<UserId>, String> {
    let users = text.split_whitespace().map(UserId::new);
    users.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(verb, rest)| (verb, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew() -> ChatId {
        "group:crew".parse().unwrap()
    }

    fn change(line: &str) -> GroupChange {
        match parse(line, Some(&crew())) {
            Ok(Line::Change(group, change)) if group == crew() => change,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_line_is_a_message_unless_it_starts_with_one_slash() {
        let text = |text: &str| Ok(Line::Text(text.to_owned()));
        assert_eq!(parse(" /open bob", None), text(" /open bob"));
        assert_eq!(parse("//etc", None), text("/etc"));
        assert!(parse("/opne bob", None).unwrap_err().contains("/opne"));
    }

    #[test]
    fn commands_are_understood() {
        let bob = Target::User("bob".parse().unwrap());
        assert_eq!(parse("/open  bob ", None), Ok(Line::Open(bob)));
        assert_eq!(parse("/quit", None), Ok(Line::Quit));
        assert_eq!(parse("/members", Some(&crew())), Ok(Line::Members(crew())));
        let bob = || vec!["bob".parse().unwrap()];
        let created = GroupChange::Created { name: "crew".into(), members: bob() };
        assert_eq!(change("/group create #crew bob"), created);
        assert_eq!(change("/group add bob"), GroupChange::Added(bob()));
        assert_eq!(change("/group rename The  crew"), GroupChange::Renamed("The  crew".into()));
        assert_eq!(change("/group leave"), GroupChange::Left { new_owner: None });
    }

    #[test]
    fn what_cannot_be_is_told_before_it_is_sent() {
        let dm = "dm:a:b".parse().unwrap();
        for line in ["/open", "/open a/b", "/group add bob", "/members", "/group", "/"] {
            assert!(parse(line, Some(&dm)).is_err(), "{line}");
        }
        for line in ["/group add", "/group rename", "/group leave a b", "/group add a a"] {
            assert!(parse(line, Some(&crew())).is_err(), "{line}");
        }
    }
}
