//! What lines mean.

use packetboat_client::{GroupRules, InviteLink, Role};

use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

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
    let text = |text: &str| Ok(Line::Say(Say::plain(text.to_owned())));
    assert_eq!(parse(" /open bob", None, NOW_MS), text(" /open bob"));
    assert_eq!(parse("//etc", None, NOW_MS), text("/etc"));
    assert!(parse("/opne bob", None, NOW_MS).unwrap_err().contains("/opne"));
}

#[test]
fn commands_are_understood() {
    let bob = Target::User("bob".parse().unwrap());
    assert_eq!(parse("/open  bob ", None, NOW_MS), Ok(Line::Open(bob)));
    assert_eq!(parse("/quit", None, NOW_MS), Ok(Line::Quit));
    let attach = Attach { path: "a b.png".into(), ..Attach::default() };
    let file = Line::Attach(crew(), attach);
    assert_eq!(parse("/file a b.png", Some(&crew()), NOW_MS), Ok(file));
    let save = Line::Save(Which::Seq(7), None);
    assert_eq!(parse("/save #7", Some(&crew()), NOW_MS), Ok(save));
    let save = Line::Save(Which::Back(7), Some(PathBuf::from("/tmp")));
    assert_eq!(parse("/save 7 /tmp", Some(&crew()), NOW_MS), Ok(save));
    assert!(parse("/file a", None, NOW_MS).is_err());
    let search = |chat| Line::Search("the tide".into(), chat);
    assert_eq!(parse("/search the tide", None, NOW_MS), Ok(search(None)));
    let here = parse("/search-here the tide", Some(&crew()), NOW_MS);
    assert_eq!(here, Ok(search(Some(crew()))));
    assert_eq!(parse("/keys", None, NOW_MS), Ok(Line::Keys(None)));
    assert_eq!(parse("/away", None, NOW_MS), Ok(Line::Here(Here::Away(true))));
    let hidden = Line::TellReads(ReceiptRule::Hidden);
    assert_eq!(parse("/receipts off", None, NOW_MS), Ok(hidden));
    let counts = Line::Refer(Refer::Receipts(Which::Back(5)));
    assert_eq!(parse("/receipts 5", None, NOW_MS), Ok(counts));
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
    let id = link.key.unwrap().id;
    let gone = Door::Uninvite { group: crew(), id };
    assert_eq!(door(&format!("/group uninvite {link}")), gone);
    assert_eq!(door(&format!("/card {link}")), Door::Card(link.clone()));
    assert_eq!(door(&format!("/join {link}")), Door::Enter(link));
    assert_eq!(parse("/group uninvite 2", Some(&crew()), NOW_MS), Ok(Line::Uninvite(2)));
    let invite = |expires_ms, uses, asks| Door::Invite { group: crew(), expires_ms, uses, asks };
    assert_eq!(door("/group invite 5"), invite(NOW_MS + 300_000, 0, false));
    assert_eq!(door("/group invite uses 3 0 asks"), invite(0, 3, true));
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
        "/open",
        "/open a/b",
        "/group add bob",
        "/members",
        "/group",
        "/",
        "/keys a/b",
        "/card",
        "/receipts",
        "/receipts 0",
        "/thumb x",
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
        "/group invite 5 6",
        "/group invite uses",
        "/group invite asks asks",
        "/group uninvite",
        "/group uninvite 0",
        "/group uninvite #crew",
        "/group requests all",
        "/group toipc",
        "/group refuse",
        "/join",
        "/join crew/12",
    ];
    for line in lines {
        assert!(parse(line, Some(&crew()), NOW_MS).is_err(), "{line}");
    }
}

/// A line for each of the commands, as it is written.
const WRITTEN: &[&str] = &[
    "/open #crew",
    "/search the tide",
    "/search-here the tide",
    "/reply 1 so it is",
    "/thread 1",
    "/edit so it is",
    "/edit-at 2 so it is",
    "/recall 1",
    "/react 1 -ok",
    "/forward 1 bob",
    "/pin 1",
    "/unpin #3",
    "/pins",
    "/hide 1",
    "/seen 1",
    "/receipts 9",
    "/expire 2h it is gone",
    "/later 2h it is sent",
    "/scheduled",
    "/unschedule 1",
    "/file a.png",
    "/save 1",
    "/thumb 1 small.png",
    "/files",
    "/quiet 5",
    "/pin-chat 2",
    "/archive off",
    "/unread",
    "/away",
    "/back",
    "/status",
    "/status contacts at sea",
    "/contacts",
    "/contact bob",
    "/uncontact bob",
    "/name bob Bobby",
    "/block bob",
    "/unblock bob",
    "/devices",
    "/logout phone",
    "/logout-others",
    "/keys bob",
    "/join #crew",
    "/join %lobby",
    "/card #crew",
    "/members",
    "/group",
    "/group create deck bob",
    "/group add bob",
    "/group remove bob",
    "/group rename The crew",
    "/group topic All sails",
    "/group avatar",
    "/group rules members-add",
    "/group promote bob",
    "/group demote bob",
    "/group mute 5 bob",
    "/group unmute bob",
    "/group invite 60 uses 1 asks",
    "/group invites",
    "/group uninvite 1",
    "/group requests",
    "/group refuse bob",
    "/group handover bob",
    "/group leave",
    "/group dissolve",
    "/part",
    "/room",
    "/room open deck",
    "/room rename Deck",
    "/room topic All sails",
    "/room keep 9",
    "/room slow 500",
    "/room promote bob",
    "/room demote bob",
    "/room mute 5 bob",
    "/room unmute bob",
    "/room close",
    "/help receipts",
    "/quit",
];

#[test]
fn every_command_of_the_table_means_something() {
    let lobby = "room:lobby".parse().unwrap();
    for line in WRITTEN {
        let open = if line.starts_with("/room") || *line == "/part" { &lobby } else { &crew() };
        assert!(parse(line, Some(open), NOW_MS).is_ok(), "{line}");
    }
    for command in table::all() {
        let name = format!("/{}", command.name);
        let is = |line: &&&str| {
            line.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        assert!(WRITTEN.iter().any(|line| is(&line)), "{name} is written nowhere");
    }
}

#[test]
fn what_is_written_wrong_is_told_with_how_it_is_written() {
    let why = |line: &str| parse(line, Some(&crew()), NOW_MS).unwrap_err();
    assert_eq!(why("/recall one"), "/recall N: take a message back");
    assert_eq!(why("/group mute bob"), table::usage("group mute"));
    assert_eq!(why("/r"), "/join a room first", "a short name is the name in full");
}
