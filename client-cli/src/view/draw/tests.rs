//! What is on an 80×24 screen.

use super::*;
use crossterm::event::KeyCode;
use packetboat_client::{
    ChatState, Content, Edge, Event, GroupChange, Marks, Notice, Presence, Signal, SignalKind,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::format::tests::entry;
use crate::view::model::tests::{
    connected, disconnected, key, open, page, said, state, view, write,
};
use crate::view::slash::table;
use crate::view::{Answer, Effect, Input};

const NOW: u64 = 1_000;

fn screen(view: &View, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(view, NOW, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| row(y).trim_end().to_owned()).collect()
}

fn crew() -> ChatState {
    ChatState { name: "The crew".into(), members: 3, ..state("group:crew", 7, 4) }
}

#[test]
fn a_chat_looks_like_this() {
    let mut view = view();
    view.handle(0, connected());
    let chats = vec![state("dm:alice:bob", 9, 2), crew(), state("dm:bob:carol", 1, 0)];
    view.handle(0, Input::Answer(Answer::Chats(chats)));
    let online = |user: &str, online| Presence {
        away: false,
        status: String::new(),
        user: user.parse().unwrap(),
        online,
        last_seen_ms: 0,
    };
    let users = vec![online("alice", true), online("carol", false)];
    view.handle(0, Input::Answer(Answer::Presence(users)));
    let entries = vec![
        said("dm:alice:bob", 7, "alice", "Ahoy!"),
        said("dm:alice:bob", 8, "bob", "Ahoy yourself. This line is long enough to be wrapped."),
        said("dm:alice:bob", 9, "alice", "two\nlines"),
    ];
    view.handle(0, page(Edge::Before(0), entries, false));
    write(&mut view, 1_795_251_910_000, "on its way");
    view.editor.insert("next wörd");
    let typing = Signal {
        chat: "dm:alice:bob".parse().unwrap(),
        kind: SignalKind::Typing,
        data: bytes::Bytes::new(),
        sender: Some("alice".parse().unwrap()),
    };
    view.handle(NOW, Input::Net(Event::Signal(typing)));
    let expected = "
● alice                 │alice  online
# The crew             4│
○ carol                 │
                        │
                        │
                        │
                        │
                        │
                        │
                        │
                        │
                        │
                        │
                        │
                        │              ── Sat 21 November 2026 ──
                        │09:05 alice: Ahoy!
                        │09:05 you: Ahoy yourself. This line is long enough
                        │      to be wrapped. ✓
                        │09:05 alice: two
                        │      lines
                        │09:05 you: on its way …
                        │alice is typing …
                        │> next wörd
 connected as bob (cli) to boat:7582 · 1 on the way                       /help";
    assert_eq!(screen(&view, 80, 24).join("\n"), expected.trim_start_matches('\n'));
}

#[test]
fn a_group_and_a_lost_link_look_like_this() {
    let mut view = view();
    view.handle(0, connected());
    view.handle(0, Input::Answer(Answer::Chats(vec![crew()])));
    let change = |seq, change| entry("group:crew", seq, "alice", &Content::Group(change));
    let members = vec!["bob".parse().unwrap()];
    let created = change(1, GroupChange::Created { name: "The crew".into(), members });
    let added = change(2, GroupChange::Added(vec!["carol".parse().unwrap()]));
    let chat = "group:crew".parse().unwrap();
    let found = packetboat_client::Page { items: vec![created, added], more: false };
    let edge = Edge::Before(0);
    view.handle(0, Input::Answer(Answer::Page { chat, edge, page: Ok(found) }));
    view.handle(NOW, disconnected());
    let rows = screen(&view, 80, 10);
    assert_eq!(rows[0], "# The crew             4│The crew  group:crew, 3 members");
    assert_eq!(rows[5], "                        │09:05 alice made the group “The crew” with bob");
    assert_eq!(rows[6], "                        │09:05 alice added carol");
    assert_eq!(
        rows[9].trim_end(),
        " link lost, trying again in 3 s: the connection was cut                   /help"
    );
}

#[test]
fn nothing_that_a_terminal_obeys_is_painted() {
    let mut view = open(1);
    let evil = "\x1b[2J\x1b]0;pwned\x07\u{9b}31m\u{202e}evil\r\n\x08";
    view.handle(0, Input::Net(Event::Entry(said("dm:alice:bob", 2, "alice", evil))));
    let renamed = ChatState { name: evil.into(), ..crew() };
    view.handle(0, Input::Answer(Answer::Chats(vec![renamed])));
    view.handle(0, Input::Answer(Answer::Failed(evil.into())));
    view.editor.insert(evil);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(&view, NOW, frame)).unwrap();
    let harmless = |char: char| !char.is_control() && char != '\u{202e}';
    let cells = terminal.backend().buffer().content();
    assert!(cells.iter().all(|cell| cell.symbol().chars().all(harmless)));
    let text = screen(&view, 80, 24).join("\n");
    assert!(text.contains("alice: ␛[2J␛]0;pwned␇"), "{text}");
}

#[test]
fn what_changes_messages_shows_in_their_place() {
    use packetboat_client::{Alteration, Body, Context};
    let mut view = open(1);
    let chat = "dm:alice:bob";
    let altered = |seq, sender, alteration| entry(chat, seq, sender, &Content::Entry(alteration));
    let new = Body::Text("message one".into());
    let reacted = |reaction: &str| Alteration::Reacted {
        seq: 1,
        reaction: reaction.into(),
        taken_back: false,
    };
    let reply = Context { reply_to: 1, ..Context::default() };
    let mut answer = entry(chat, 6, "bob", &Content::text(""));
    answer.content = Content::text("so it is").encode_in(&reply);
    for entry in [
        altered(2, "alice", Alteration::Edited { seq: 1, new }),
        altered(3, "bob", reacted("+1")),
        altered(4, "alice", reacted("♥")),
        altered(5, "bob", Alteration::Pinned { seq: 1, unpinned: false }),
        answer,
        said(chat, 7, "alice", "a secret"),
        altered(8, "alice", Alteration::Recalled { seq: 7 }),
    ] {
        view.handle(0, Input::Net(Event::Entry(entry)));
    }
    let rows = screen(&view, 80, 24);
    let from = rows.iter().position(|row| row.contains("alice: message one")).unwrap();
    let shown: Vec<&str> =
        rows[from..from + 5].iter().map(|row| row.split('│').nth(1).unwrap()).collect();
    assert_eq!(
        shown,
        [
            "09:05 alice: message one (edited, pinned)",
            "      [+1 bob · ♥ alice]",
            "09:05 you: ↪ alice: message one",
            "      so it is ✓✓",
            "09:05 alice took a message back",
        ]
    );
    assert!(!rows.join("\n").contains("secret"));
    let effects = write(&mut view, 9, "/react 1 ok");
    let content =
        Content::Entry(Alteration::Reacted { seq: 6, reaction: "ok".into(), taken_back: false });
    let sent = |effect: &Effect| match effect {
        Effect::Send { content, .. } => Some(content.clone()),
        _ => None,
    };
    assert_eq!(effects.iter().filter_map(sent).collect::<Vec<_>>(), [content.encode()]);
    assert!(!write(&mut view, 9, "/recall 9").iter().any(|one| matches!(one, Effect::Send { .. })));
}

#[test]
fn who_has_a_name_in_the_contacts_is_called_by_it() {
    use packetboat_client::proto::packet::{Contact, Item};
    let mut view = open(3);
    let mut own = packetboat_client::OwnState::default();
    let contact = Contact::of("alice".parse().unwrap());
    own.set(Item::Contact(Contact { name: "Ally\x1b".into(), ..contact }));
    view.handle(0, Input::Answer(Answer::Own(own)));
    let first = &screen(&view, 80, 24)[0];
    assert!(first.contains(" Ally␛ ") && first.ends_with("│Ally␛  alice"), "{first}");
}

#[test]
fn a_sheet_shows_the_whole_of_its_lines() {
    let mut view = open(3);
    let line = format!("{:<28} last seen 2026-11-21 09:05:03  Ada's phone, ios, 2001:db8::7", "x");
    let sheet = Answer::Sheet { title: "Your devices".into(), lines: vec![line] };
    view.handle(0, Input::Answer(sheet));
    let all = screen(&view, 80, 24).join("\n");
    assert!(all.contains("last seen 2026-11-21") && all.contains("2001:db8::7"), "{all}");
}

#[test]
fn the_help_lies_above_all_else() {
    let mut view = open(3);
    write(&mut view, 0, "/help");
    let rows = screen(&view, 80, 24);
    assert!(rows.iter().any(|row| row.contains("┌Help─")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.contains("✗ refused")), "{rows:#?}");
    assert!(rows[22].contains("PgDn: more"), "{rows:#?}");
    for _ in 0..9 {
        view.handle(0, key(KeyCode::PageDown));
    }
    let rows = screen(&view, 80, 24);
    assert!(rows[21].contains("/quit"), "its last line is the lowest: {rows:#?}");
    assert!(!rows[22].contains("PgDn"), "{rows:#?}");
    view.handle(0, key(KeyCode::Esc));
    assert!(!screen(&view, 80, 24).iter().any(|row| row.contains("Help")));
}

fn chats(view: &mut View, states: Vec<ChatState>) {
    view.handle(0, Input::Answer(Answer::Chats(states)));
}

#[test]
fn the_title_says_whether_the_other_one_is_there_and_what_it_says_of_itself() {
    let mut view = open(1);
    let title = |view: &mut View, presence| {
        view.handle(0, Input::Net(Event::Notice(Notice::Presence(presence))));
        let row = screen(view, 80, 24).remove(0);
        row.split_once('│').unwrap().1.to_owned()
    };
    let alice = Presence::hidden("alice".parse().unwrap());
    let there = Presence { online: true, status: "at\u{1b}sea".into(), ..alice.clone() };
    assert_eq!(title(&mut view, there.clone()), "alice  online: at␛sea");
    assert_eq!(title(&mut view, Presence { away: true, ..there }), "alice  away: at␛sea");
    assert!(screen(&view, 80, 24)[0].starts_with("◐ alice"));
    let gone = Presence { last_seen_ms: 1_795_251_903_000, ..alice.clone() };
    assert_eq!(title(&mut view, gone), "alice  last seen 2026-11-21 09:05:03");
    let long = Presence { online: true, status: "word ".repeat(40), ..alice };
    let long = title(&mut view, long);
    assert!(long.ends_with('…') && width(&long) == 55, "{long}");
}

#[test]
fn the_list_shows_marks_and_mentions_and_the_title_a_topic() {
    let mut view = view();
    view.handle(0, connected());
    let marks = Marks { pinned: 1, quiet_until_ms: u64::MAX, ..Marks::default() };
    let crew = ChatState { marks, mentions: 2, topic: "All sails".into(), ..crew() };
    let marks = Marks { archived: true, unread: true, ..Marks::default() };
    let long = ChatState { marks, name: "x".repeat(40), ..state("group:long", 1, 0) };
    chats(&mut view, vec![crew, long, state("room:deck", 1, 0)]);
    let rows = screen(&view, 80, 24);
    let title = "The crew  group:crew, 3 members: All sails";
    assert_eq!(rows[0], format!("# The crew       ^z @2 4│{title}"));
    assert_eq!(rows[1].split('│').next(), Some("% deck                  "));
    assert_eq!(rows[2].split('│').next(), Some("# xxxxxxxxxxxxxxxxx… - •"));
}

#[test]
fn who_is_mute_is_told_until_when_in_its_own_time() {
    let mut view = view();
    view.handle(0, connected());
    chats(&mut view, vec![ChatState { muted_until_ms: 1_795_251_903_000, ..crew() }]);
    assert!(screen(&view, 80, 24)[21].ends_with("│you are mute here until 2026-11-21 09:05:03"));
    chats(&mut view, vec![ChatState { muted_until_ms: u64::MAX, ..crew() }]);
    assert!(screen(&view, 80, 24)[21].ends_with("│you are mute here"));
    chats(&mut view, vec![ChatState { muted_until_ms: NOW, ..crew() }]);
    assert!(screen(&view, 80, 24)[21].ends_with('│'), "it is over");
}

#[test]
fn how_a_command_is_written_is_told_in_full_beside_the_list() {
    for command in table::all().filter(|command| !command.takes.is_empty()) {
        let mut view = open(3);
        let nonsense = format!("/{} \u{1}", command.name);
        let written = format!("/{} {}", command.name, command.takes);
        write(&mut view, 0, &nonsense);
        let note = screen(&view, 80, 24)[21].split_once('│').unwrap().1.to_owned();
        assert!(width(&note) <= 55, "{note}");
        assert!(width(&written) <= 55, "{written}");
    }
}

#[test]
fn every_sheet_fits_80_by_24_whatever_it_holds() {
    let long = "a word, 漢字 and more; ".repeat(30);
    let lines = vec![long.clone(), "x".repeat(300), String::new()];
    let chat: packetboat_client::ChatId = "dm:alice:bob".parse().unwrap();
    let entries = (1..=60).map(|seq| said("dm:alice:bob", seq, "alice", &long)).collect();
    let entries = packetboat_client::Page { items: entries, more: true };
    let group = "group:crew".parse().unwrap();
    for answer in [
        Answer::Sheet { title: long.clone(), lines: lines.clone() },
        Answer::Sheet { title: "empty".into(), lines: Vec::new() },
        Answer::Scheduled { names: Vec::new(), lines: lines.clone() },
        Answer::Invites { group, ids: Vec::new(), lines },
        Answer::Pins { chat: chat.clone(), seqs: (1..99).collect() },
        Answer::Thread { chat, of: 1, entries },
    ] {
        let mut view = open(99);
        view.handle(0, Input::Answer(answer));
        let space = view.sheet_space();
        let sight = view.overlay.as_ref().unwrap().sight(space);
        assert!(sight.size.0 <= 80 && sight.size.1 <= 23, "{:?}", sight.size);
        assert!(sight.rows.iter().all(|row| width(row) <= 78), "{:#?}", sight.rows);
        let rows = screen(&view, 80, 24);
        assert!(rows[23].ends_with("/help"), "the status is to be seen: {rows:#?}");
    }
}

#[test]
fn a_small_terminal_goes_without_the_list_and_none_is_too_small() {
    let mut view = open(30);
    view.editor.insert("漢字かな交じり文");
    view.handle(0, Input::Resize(30, 6));
    let rows = screen(&view, 30, 6);
    assert_eq!(rows[2], "09:05 alice: message 30");
    assert!(!rows.iter().any(|row| row.contains('│')));
    write(&mut view, 0, "/help");
    for (columns, rows) in [(1, 1), (2, 3), (61, 2), (5, 40), (200, 1)] {
        view.handle(0, Input::Resize(columns, rows));
        assert_eq!(screen(&view, columns, rows).len(), usize::from(rows));
    }
}

#[test]
fn looking_back_shows_other_rows_and_says_so() {
    let mut view = open(99);
    view.handle(0, key(KeyCode::PageUp));
    let rows = screen(&view, 80, 24);
    assert!(rows[20].ends_with("message 80"), "{rows:#?}");
    assert!(rows[21].ends_with("looking back; PgDn goes on"));
}
