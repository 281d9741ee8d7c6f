//! What a written line means: a message, or a command that starts with a slash. Must never send
//! what was meant as a command.

use std::path::PathBuf;

use clap::ValueEnum;
use packetboat_client::{
    ChatId, Content, Context, GroupChange, GroupRules, InviteLink, ReceiptRule, Role, UserId,
};

use super::device::{self, Devices};
use super::own::{self, Own};
use super::people::{self, People};
use super::refer::{self, Refer, Which};
use crate::clock;
use crate::command::group::GroupRule;
use crate::command::group::{INVITE_MINUTES_DEFAULT, invite_ends};
use crate::command::receipt::Tell;
use crate::command::target::{Target, group};
use crate::command::wait::Wait;

mod later;
mod room;

use super::event::{Door, Later};

/// The lines of the help.
pub(crate) const HELP: &[&str] = &[
    "Enter sends what you wrote; Alt-Enter starts a new line.",
    "… on its way   ✓ stored   ✓✓ delivered, coloured once read   ✗ refused",
    "",
    "Tab, Shift-Tab      next, previous chat (Ctrl-N, Ctrl-P too)",
    "Tab behind / or @   completes a command or a name; again: the next one",
    "PgUp, PgDn          look back, and forth again; Up, Down by one row",
    "Ctrl-W, Ctrl-U      delete the word, or all, before the cursor",
    "Ctrl-L, Esc, Ctrl-C paint the screen anew; quit",
    "",
    "/open USER, #GROUP  chat with a user, or in a group",
    "/members, /pins     who is in the open group, what is pinned in the chat",
    "/search WORDS       what has all of them, in all of your chats",
    "/edit TEXT          the last message of yours says this",
    "/reply N TEXT, /react N WORD (-WORD takes it back), /recall N, /pin N,",
    "/unpin N, /forward N TARGET, /seen N (who has read it), /hide N (for you",
    "alone): N counts from the last message, 1, 2, …",
    "/quiet [MINUTES], /pin-chat [PLACE], /archive, /unread; each with off",
    "/receipts on, off   whether others are told what you read",
    "/keys USER          who the devices of a user are, for programs that encrypt",
    "",
    "/join LINK          come into a group, or ask to",
    "/group create ID [USERS], and in the open group:",
    "/group add, remove, promote, demote or unmute USERS; mute MINUTES USERS",
    "/group rename NAME; topic TEXT; avatar REFERENCE",
    "/group rules [members-add] [only-admins-write] [history-for-all]",
    "             [anyone-asks] [anyone-joins]",
    "/group invite [MINUTES]; invites; requests; refuse USERS",
    "/group leave [NEW_OWNER]; handover NEW_OWNER; dissolve",
    "/join %ROOM, /part  listen to a room, or no more; /room open NAME",
    "/room keep NUMBER; slow MILLISECONDS; rename NAME; topic TEXT; close",
    "/room promote, demote or unmute USERS; mute MINUTES USERS",
    "/expire TIME TEXT   it is gone for all after 90s, 15m, 2h or 7d",
    "/later TIME TEXT    it is sent then; /scheduled shows what is to be, and",
    "                    /unschedule N takes back one of these, or one by its ID",
    "/file PATH          send a file; /save N [PATH] saves that of a message, and",
    "                    /save #SEQ that of one which /search or /pins shows",
    "/contacts, /contact, /uncontact, /block, /unblock USER; /name USER NAME",
    "/devices            yours; /logout DEVICE, /logout-others end them",
    "/help, /quit        //text is a message that starts with a slash",
];

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A message.
    Text(String),
    /// A message that expires.
    Expiring(String, Context),
    /// Open a chat.
    Open(Target),
    /// Change a group; a new one is opened.
    Change(ChatId, GroupChange),
    /// Do something with a message of the open chat.
    Refer(Refer),
    /// Set something for oneself.
    Own(Own),
    /// Who is in the open group.
    Members(ChatId),
    /// Have a message sent later.
    Schedule {
        /// Where to.
        chat: ChatId,
        /// What it says.
        text: String,
        /// When, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// Something about messages that are sent later.
    Later(Later),
    /// Do not have one of those sent that were shown last, counted from 1.
    Unschedule(usize),
    /// Show what has these words, in all chats.
    Search(String),
    /// Something about coming into a group.
    Door(Door),
    /// Something about the user's own devices.
    Devices(Devices),
    /// Something about contacts and blocks.
    People(People),
    /// Open or change a room.
    ChangeRoom(ChatId, Content),
    /// Listen to a room, and open it.
    Join(ChatId),
    /// Listen to a room no more.
    Part(ChatId),
    /// Upload a file and send it to the open chat.
    File(ChatId, PathBuf),
    /// Save the file of a message of the open chat.
    Save(Which, Option<PathBuf>),
    /// Tell others what is read, or hide it.
    TellReads(ReceiptRule),
    /// Who the devices of a user are.
    Keys(UserId),
    /// What can be done.
    Help,
    /// Leave.
    Quit,
}

/// What a line means while `open` is the open chat; otherwise why it means nothing.
pub(crate) fn parse(line: &str, open: Option<&ChatId>, now_ms: u64) -> Result<Line, String> {
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
        "join" | "j" if !names_group(rest) => room::join(rest),
        "join" | "j" => {
            let link = rest.parse::<InviteLink>().map_err(|error| error.to_string())?;
            Ok(Line::Door(Door::Enter(link)))
        }
        "group" | "g" => change(rest, open, now_ms),
        "part" => room::part(open),
        "room" | "r" => room::change(rest, open, now_ms),
        "file" if !rest.is_empty() => Ok(Line::File(chat_of(open)?, rest.into())),
        "file" => Err("/file needs a path".to_owned()),
        "save" => save(rest, open),
        "keys" => rest.parse().map(Line::Keys).map_err(|_| "/keys USER".to_owned()),
        "receipts" => match Tell::from_str(rest, true) {
            Ok(tell) => Ok(Line::TellReads(tell.into())),
            Err(_) => Err("/receipts on, or off: whether others are told what you read".to_owned()),
        },
        "help" | "h" | "?" => Ok(Line::Help),
        "expire" => expiring(rest),
        "search" if !rest.is_empty() => Ok(Line::Search(rest.to_owned())),
        "search" => Err("/search WORDS".to_owned()),
        "later" => later::schedule(rest, open, now_ms),
        "scheduled" => Ok(Line::Later(Later::List)),
        "unschedule" => later::unschedule(rest, open),
        "quit" | "q" => Ok(Line::Quit),
        _ => {
            if let Some(meant) = refer::parse(verb, rest) {
                return meant.map(Line::Refer);
            }
            if let Some(meant) = device::parse(verb, rest) {
                return meant.map(Line::Devices);
            }
            if let Some(meant) = people::parse(verb, rest) {
                return meant.map(Line::People);
            }
            let meant = own::parse(verb, rest, open, now_ms);
            let none = || Err(format!("there is no /{verb}; /help tells what there is"));
            meant.map_or_else(none, |meant| meant.map(Line::Own))
        }
    }
}

fn chat_of(open: Option<&ChatId>) -> Result<ChatId, String> {
    open.cloned().ok_or_else(|| "/open a chat first".to_owned())
}

fn expiring(rest: &str) -> Result<Line, String> {
    let (wait, text) = split(rest);
    let Some(Wait(expires_after_ms)) = wait.parse().ok().filter(|_| !text.is_empty()) else {
        return Err("/expire TIME TEXT, the time such as 90s, 15m, 2h or 7d".to_owned());
    };
    let context = Context { expires_after_ms, ..Context::default() };
    match Content::decode(&Content::text(text).encode_in(&context), usize::MAX) {
        Ok(_) => Ok(Line::Expiring(text.to_owned(), context)),
        Err(error) => Err(error.to_string()),
    }
}

fn save(rest: &str, open: Option<&ChatId>) -> Result<Line, String> {
    let (which, path) = split(rest);
    let which = match which.strip_prefix('#') {
        Some(seq) => seq.parse().ok().filter(|seq| *seq > 0).map(Which::Seq),
        None => which.parse().ok().filter(|back| *back > 0).map(Which::Back),
    };
    let which = which.ok_or_else(|| "/save N [PATH], or /save #SEQ [PATH]".to_owned())?;
    chat_of(open)?;
    Ok(Line::Save(which, (!path.is_empty()).then(|| path.into())))
}

fn change(command: &str, open: Option<&ChatId>, now_ms: u64) -> Result<Line, String> {
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
        "topic" => {
            let topic = Some(rest.to_owned());
            (group_of(open)?, GroupChange::Described { topic, avatar: None })
        }
        "avatar" => {
            let avatar = Some(rest.to_owned());
            (group_of(open)?, GroupChange::Described { topic: None, avatar })
        }
        "rules" => (group_of(open)?, GroupChange::RulesSet(rules(rest)?)),
        "promote" | "demote" => {
            let role = if verb == "promote" { Role::Admin } else { Role::Member };
            (group_of(open)?, GroupChange::RolesGiven { users: users(rest)?, role })
        }
        "handover" => {
            let user = UserId::new(rest).map_err(|error| error.to_string())?;
            (group_of(open)?, GroupChange::OwnerChanged(user))
        }
        "mute" => {
            let (minutes, rest) = split(rest);
            let minutes = minutes.parse().map_err(|_| "/group mute MINUTES USERS".to_owned())?;
            let until_ms = clock::after_minutes(now_ms, minutes);
            (group_of(open)?, GroupChange::Muted { users: users(rest)?, until_ms })
        }
        "unmute" => (group_of(open)?, GroupChange::Muted { users: users(rest)?, until_ms: 0 }),
        "dissolve" if rest.is_empty() => (group_of(open)?, GroupChange::Dissolved),
        "members" => return group_of(open).map(Line::Members),
        "invite" | "invites" | "requests" | "refuse" => {
            return door(verb, rest, group_of(open)?, now_ms);
        }
        _ => return Err("/help tells what /group can do".to_owned()),
    };
    let content = Content::Group(change.clone()).encode();
    match Content::decode(&content, usize::MAX) {
        Ok(_) => Ok(Line::Change(group, change)),
        Err(error) => Err(error.to_string()),
    }
}

fn door(verb: &str, rest: &str, group: ChatId, now_ms: u64) -> Result<Line, String> {
    let wrong = || "/group invite [MINUTES]".to_owned();
    Ok(Line::Door(match verb {
        "invite" => {
            let minutes = if rest.is_empty() { Ok(INVITE_MINUTES_DEFAULT) } else { rest.parse() };
            let minutes = minutes.map_err(|_| wrong())?;
            Door::Invite { group, expires_ms: invite_ends(now_ms, minutes) }
        }
        "invites" => Door::Invites(group),
        "requests" => Door::Requests(group),
        _ => match users(rest)? {
            users if users.is_empty() => return Err("/group refuse USERS".to_owned()),
            users => Door::Refuse { group, users },
        },
    }))
}

/// A link, or a group as it is named elsewhere; a bare name is a room's.
fn names_group(text: &str) -> bool {
    text.contains('/') || text.starts_with('#') || text.starts_with("group:")
}

/// The rules that are named, and no other.
fn rules(text: &str) -> Result<GroupRules, String> {
    let named = text.split_whitespace().map(|rule| GroupRule::from_str(rule, false));
    let named = named.collect::<Result<Vec<_>, _>>();
    let named = named.map_err(|_| {
        "/group rules [members-add] [only-admins-write] [history-for-all] [anyone-asks] \
         [anyone-joins]"
            .to_owned()
    })?;
    Ok(GroupRule::all(&named))
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
    use super::super::{cells, overlay};
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;

    #[test]
    fn help_is_readable_in_80_columns() {
        for line in HELP {
            assert!(cells::width(line) <= usize::from(80 - overlay::BORDER), "{line}");
        }
    }

    fn crew() -> ChatId {
        "group:crew".parse().unwrap()
    }

    fn change(line: &str) -> GroupChange {
        match parse(line, Some(&crew()), NOW_MS) {
            Ok(Line::Change(group, change)) if group == crew() => change,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_line_is_a_message_unless_it_starts_with_one_slash() {
        let text = |text: &str| Ok(Line::Text(text.to_owned()));
        assert_eq!(parse(" /open bob", None, NOW_MS), text(" /open bob"));
        assert_eq!(parse("//etc", None, NOW_MS), text("/etc"));
        assert!(parse("/opne bob", None, NOW_MS).unwrap_err().contains("/opne"));
    }

    #[test]
    fn commands_are_understood() {
        let bob = Target::User("bob".parse().unwrap());
        assert_eq!(parse("/open  bob ", None, NOW_MS), Ok(Line::Open(bob)));
        assert_eq!(parse("/quit", None, NOW_MS), Ok(Line::Quit));
        let context = Context { expires_after_ms: 7_200_000, ..Context::default() };
        let expiring = Line::Expiring("so  it is".into(), context);
        assert_eq!(parse("/expire 2h so  it is", None, NOW_MS), Ok(expiring));
        let file = Line::File(crew(), PathBuf::from("a b.png"));
        assert_eq!(parse("/file a b.png", Some(&crew()), NOW_MS), Ok(file));
        let save = Line::Save(Which::Seq(7), None);
        assert_eq!(parse("/save #7", Some(&crew()), NOW_MS), Ok(save));
        let save = Line::Save(Which::Back(7), Some(PathBuf::from("/tmp")));
        assert_eq!(parse("/save 7 /tmp", Some(&crew()), NOW_MS), Ok(save));
        assert!(parse("/file a", None, NOW_MS).is_err());
        let search = Line::Search("the tide".into());
        assert_eq!(parse("/search the tide", None, NOW_MS), Ok(search));
        assert!(parse("/search", None, NOW_MS).is_err());
        assert_eq!(parse("/members", Some(&crew()), NOW_MS), Ok(Line::Members(crew())));
        let bob = || vec!["bob".parse().unwrap()];
        let created = GroupChange::Created { name: "crew".into(), members: bob() };
        assert_eq!(change("/group create #crew bob"), created);
        assert_eq!(change("/group add bob"), GroupChange::Added(bob()));
        assert_eq!(change("/group rename The  crew"), GroupChange::Renamed("The  crew".into()));
        assert_eq!(change("/group leave"), GroupChange::Left { new_owner: None });
        let topic = Some("All  sails".to_owned());
        let described = GroupChange::Described { topic, avatar: None };
        assert_eq!(change("/group topic All  sails"), described);
        let avatar = Some(String::new());
        assert_eq!(change("/group avatar"), GroupChange::Described { topic: None, avatar });
        let rules = GroupRules { members_add: true, history_for_all: true, ..Default::default() };
        let set = change("/group rules history-for-all members-add");
        assert_eq!(set, GroupChange::RulesSet(rules));
        assert_eq!(change("/group rules"), GroupChange::RulesSet(GroupRules::default()));
        let admin = GroupChange::RolesGiven { users: bob(), role: Role::Admin };
        assert_eq!(change("/group promote bob"), admin);
        assert_eq!(change("/group handover bob"), GroupChange::OwnerChanged(bob().remove(0)));
        let mute = GroupChange::Muted { users: bob(), until_ms: NOW_MS + 300_000 };
        assert_eq!(change("/group mute 5 bob"), mute);
        let free = GroupChange::Muted { users: bob(), until_ms: 0 };
        assert_eq!(change("/group unmute bob"), free);
        assert_eq!(change("/group dissolve"), GroupChange::Dissolved);
    }

    #[test]
    fn links_are_made_and_used() {
        let door = |line: &str| match parse(line, Some(&crew()), NOW_MS) {
            Ok(Line::Door(door)) => door,
            other => panic!("{line}: {other:?}"),
        };
        let link = InviteLink::random(&crew());
        assert_eq!(door(&format!("/join {link}")), Door::Enter(link));
        let invite = |expires_ms| Door::Invite { group: crew(), expires_ms };
        assert_eq!(door("/group invite 5"), invite(NOW_MS + 300_000));
        assert_eq!(door("/group invite 0"), invite(0));
        assert_eq!(door("/group requests"), Door::Requests(crew()));
        let users = vec!["bob".parse().unwrap()];
        assert_eq!(door("/group refuse bob"), Door::Refuse { group: crew(), users });
    }

    #[test]
    fn what_cannot_be_is_told_before_it_is_sent() {
        let dm = "dm:a:b".parse().unwrap();
        for line in [
            "/file",
            "/save",
            "/save 0",
            "/save #0",
            "/expire",
            "/expire 2h",
            "/expire soon it is gone",
            "/expire 0 never said",
            "/open",
            "/open a/b",
            "/group add bob",
            "/members",
            "/group",
            "/",
        ] {
            assert!(parse(line, Some(&dm), NOW_MS).is_err(), "{line}");
        }
        let lines = [
            "/group add",
            "/group rename",
            "/group leave a b",
            "/group add a a",
            "/group rules never",
            "/group handover",
            "/group mute bob",
            "/group mute 5",
            "/group dissolve now",
            "/group invite soon",
            "/group refuse",
            "/join",
            "/join crew/12",
        ];
        for line in lines {
            assert!(parse(line, Some(&crew()), NOW_MS).is_err(), "{line}");
        }
    }
}
