//! What the view does about what happens to it.

use super::*;
use std::time::Duration;

use bytes::Bytes;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use packetboat_client::proto::code::RejectCode;
use packetboat_client::proto::id::SessionId;
use packetboat_client::{
    Accepted, ChatDraft, ChatState, CursorMoved, Edge, Ending, Event, Limits, Lost, Notice, Page,
    SendError, SignalKind, Verdict, Welcome,
};

use super::super::event::{Answer, Later, Trouble};
use super::super::file::{Files, Place};

use crate::format::tests::entry;

const CHAT: &str = "dm:alice:bob";

pub(crate) fn chat() -> ChatId {
    CHAT.parse().unwrap()
}

pub(crate) fn id() -> MessageId {
    MessageId::from([7; 16])
}

pub(crate) fn state(chat: &str, head: u64, unread: u64) -> ChatState {
    ChatState {
        head,
        delivered: head,
        read: head - unread,
        unread,
        last_at_ms: 1_795_251_900_000 + head * 1000,
        ..ChatState::of(chat.parse().unwrap())
    }
}

pub(crate) fn connected() -> Input {
    Input::Net(Event::Connected(Welcome {
        session: SessionId::from([1; 16]),
        limits: Limits::default(),
        ticket: Bytes::new(),
        ticket_expires_ms: 0,
        now_ms: 0,
        server: "test".into(),
        new_device: false,
    }))
}

pub(crate) fn disconnected() -> Input {
    Input::Net(Event::Disconnected { why: Lost::Cut, retry_in: Duration::from_secs(3) })
}

pub(crate) fn said(chat: &str, seq: u64, sender: &str, text: &str) -> Entry {
    entry(chat, seq, sender, &Content::text(text))
}

pub(crate) fn page(edge: Edge, items: Vec<Entry>, more: bool) -> Input {
    Input::Answer(Answer::Page { chat: chat(), edge, page: Ok(Page { items, more }) })
}

pub(crate) fn key(code: KeyCode) -> Input {
    Input::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn control(letter: char) -> Input {
    Input::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

pub(crate) fn view() -> View {
    let who = "bob (cli) to boat:7582".to_owned();
    View::new("bob".parse().unwrap(), who, Clock::utc(), id, (80, 24))
}

/// Connected, with the chat with alice open, in which there are `count` messages.
pub(crate) fn open(count: u64) -> View {
    let mut view = view();
    view.handle(0, connected());
    view.handle(0, Input::Answer(Answer::Chats(vec![state(CHAT, count, 1)])));
    let first = count.saturating_sub(99).max(1);
    let items = (first..=count).map(|seq| said(CHAT, seq, "alice", &format!("message {seq}")));
    view.handle(0, page(Edge::Before(0), items.collect(), first > 1));
    view
}

pub(crate) fn write(view: &mut View, now_ms: u64, text: &str) -> Vec<Effect> {
    view.editor.insert(text);
    view.handle(now_ms, key(KeyCode::Enter))
}

fn accepted(seq: u64) -> Input {
    let at_ms = 1_795_251_900_000 + seq * 1000;
    let accepted = Accepted { chat: chat(), id: id(), seq, at_ms, duplicate: false };
    Input::Answer(Answer::Sent { id: id(), outcome: Ok(accepted) })
}

fn shown(view: &View) -> Vec<String> {
    view.rows().iter().map(|row| row.line.to_string()).collect()
}

#[test]
fn the_liveliest_chat_is_opened_loaded_and_read() {
    let mut view = view();
    assert_eq!(view.handle(0, connected()), [Effect::AskChats, Effect::SyncOwn]);
    let states = vec![state("group:crew", 2, 0), state(CHAT, 9, 3)];
    let effects = view.handle(0, Input::Answer(Answer::Chats(states)));
    let alice = "alice".parse().unwrap();
    let ask = Effect::AskPage { chat: chat(), edge: Edge::Before(0) };
    assert_eq!(effects, [Effect::Watch { add: vec![alice], remove: Vec::new() }, ask]);
    assert_eq!(view.open_chat().unwrap().unread, 3);
    let effects = view.handle(0, page(Edge::Before(0), vec![said(CHAT, 9, "alice", "x")], true));
    assert_eq!(effects, [Effect::Read { chat: chat(), seq: 9 }]);
    assert_eq!(view.open_chat().unwrap().unread, 0);
}

#[test]
fn a_log_that_starts_over_is_told_and_loaded_anew() {
    let mut view = open(9);
    let reset = Event::LogReset { chat: chat(), head: 2, cursor: 9 };
    let effects = view.handle(5, Input::Net(reset));
    let ask = Effect::AskPage { chat: chat(), edge: Edge::Before(0) };
    assert_eq!(effects, [Effect::AskChat(chat()), ask]);
    let (line, mood) = view.noted(5).unwrap();
    assert!(line.contains(CHAT) && line.contains("starts over"), "{line}");
    assert_eq!(mood, Mood::Bad);
    view.handle(6, Input::Answer(Answer::Chat(state(CHAT, 2, 1))));
    assert_eq!(view.open_chat().unwrap().head, 2);
    view.handle(6, page(Edge::Before(0), vec![said(CHAT, 2, "alice", "anew")], false));
    assert!(shown(&view).last().unwrap().ends_with("anew"));
}

#[test]
fn a_message_goes_its_way_and_its_ticks_follow() {
    let mut view = open(1);
    let effects = write(&mut view, 5, "hello");
    let content = Content::text("hello").encode();
    assert_eq!(effects, [Effect::Send { chat: chat(), id: id(), content }]);
    assert!(shown(&view).last().unwrap().ends_with("you: hello …"));
    assert_eq!(view.editor.text(), "");
    view.handle(6, accepted(2));
    assert!(shown(&view).last().unwrap().ends_with("you: hello ✓"));
    let moved = |delivered, read| {
        let user = "alice".parse().unwrap();
        Input::Net(Event::Notice(Notice::Cursor(CursorMoved {
            chat: chat(),
            user,
            delivered,
            read,
        })))
    };
    view.handle(7, moved(2, 1));
    assert!(shown(&view).last().unwrap().ends_with("you: hello ✓✓"));
    let before = view.rows().last().unwrap().line.clone();
    view.handle(8, moved(2, 2));
    assert_ne!(view.rows().last().unwrap().line, before);
}

#[test]
fn what_is_refused_is_shown_with_its_reason() {
    let mut view = open(1);
    write(&mut view, 5, "hello");
    let verdict = Verdict::reject(RejectCode::TooLarge, "too\x1b[31m long", 0);
    let outcome = Err(SendError::Rejected { id: id(), verdict });
    view.handle(6, Input::Answer(Answer::Sent { id: id(), outcome }));
    let rows = shown(&view);
    assert!(rows[rows.len() - 2].ends_with("you: hello ✗"));
    assert!(rows[rows.len() - 1].ends_with("not sent: TOO_LARGE: too␛[31m long"));
    assert_eq!(view.outbox.waiting(), 0);
}

#[test]
fn a_changed_room_is_asked_about_as_a_room_and_a_closed_one_not_at_all() {
    let mut view = open(1);
    let room: ChatId = "room:deck".parse().unwrap();
    write(&mut view, 5, "/open %deck");
    write(&mut view, 5, "/room topic All sails");
    assert_eq!(view.handle(6, accepted(2)), [Effect::AskRoom(room.clone())]);
    write(&mut view, 7, "/room close");
    assert_eq!(view.handle(8, accepted(3)), []);
    write(&mut view, 9, "/open #crew");
    write(&mut view, 9, "/group topic All sails");
    let crew = "group:crew".parse().unwrap();
    assert_eq!(view.handle(10, accepted(4)), [Effect::AskChat(crew)]);
    let entry = Event::Entry(said("room:hold", 4, "alice", "hi"));
    let hold = Effect::AskRoom("room:hold".parse().unwrap());
    assert_eq!(view.handle(11, Input::Net(entry)), [hold]);
}

#[test]
fn messages_wait_while_the_link_is_lost_and_quitting_asks_once() {
    let mut view = open(1);
    view.handle(1_000, disconnected());
    assert!(view.status(1_000).0.contains("trying again in 3 s"));
    assert!(matches!(write(&mut view, 1_500, "still here")[..], [Effect::Send { .. }]));
    assert_eq!(view.outbox.waiting(), 1);
    assert_eq!(view.handle(1_600, control('c')), []);
    assert!(view.noted(1_600).unwrap().0.contains("1 not sent yet"));
    assert_eq!(view.handle(1_700, control('c')), [Effect::Quit]);
    view.handle(1_800, key(KeyCode::Home));
    assert_eq!(view.handle(1_900, key(KeyCode::Esc)), []);
    assert_eq!(view.handle(2_000, connected()), [Effect::AskChats, Effect::SyncOwn]);
    assert_eq!(view.status(2_000).1, Mood::Good);
    view.handle(2_100, accepted(2));
    assert_eq!(view.handle(2_200, control('d')), [Effect::Quit]);
}

#[test]
fn other_chats_count_what_is_unread() {
    let mut view = open(1);
    let carol = "dm:bob:carol";
    let effects = view.handle(1, Input::Net(Event::Entry(said(carol, 1, "carol", "hi"))));
    assert_eq!(effects, [Effect::AskChat(carol.parse().unwrap())]);
    view.handle(2, Input::Net(Event::Entry(said(carol, 2, "carol", "hi?"))));
    let unread = |view: &View| view.roster.get(&carol.parse().unwrap()).unwrap().unread;
    assert_eq!(unread(&view), 2);
    view.editor.insert("a draft");
    let effects = view.handle(3, key(KeyCode::Tab));
    assert!(matches!(effects[..], [Effect::KeepDraft(_), Effect::AskPage { .. }]));
    assert_eq!(view.open_chat().unwrap().id.as_str(), carol);
    assert_eq!(view.editor.text(), "");
    view.handle(4, key(KeyCode::BackTab));
    assert_eq!(view.editor.text(), "a draft");
}

#[test]
fn what_comes_in_the_open_chat_is_read_unless_the_user_looks_back() {
    let mut view = open(60);
    let effects = view.handle(1, Input::Net(Event::Entry(said(CHAT, 61, "alice", "new"))));
    assert_eq!(effects, [Effect::Read { chat: chat(), seq: 61 }]);
    view.handle(2, key(KeyCode::PageUp));
    let before = view.rows();
    let lowest = before[before.len() - 1 - view.open.as_ref().unwrap().up].seq;
    let long = "word ".repeat(60);
    let effects = view.handle(3, Input::Net(Event::Entry(said(CHAT, 62, "alice", &long))));
    assert_eq!(effects, []);
    let after = view.rows();
    assert!(after.len() > before.len() + 3);
    assert_eq!(after[after.len() - 1 - view.open.as_ref().unwrap().up].seq, lowest);
    assert_eq!(view.open_chat().unwrap().unread, 1);
    view.handle(4, key(KeyCode::PageDown));
    let effects = view.handle(4, key(KeyCode::PageDown));
    assert_eq!(effects, [Effect::Read { chat: chat(), seq: 62 }]);
}

#[test]
fn older_pages_are_loaded_as_the_user_looks_back() {
    let mut view = open(300);
    let mut effects = Vec::new();
    for _ in 0..4 {
        effects.extend(view.handle(1, key(KeyCode::PageUp)));
    }
    assert_eq!(effects, [Effect::AskPage { chat: chat(), edge: Edge::Before(201) }]);
    let lowest = |view: &View| {
        let rows = view.rows();
        rows[rows.len() - 1 - view.open.as_ref().unwrap().up].seq
    };
    let before = lowest(&view);
    let items = (101..=200).map(|seq| said(CHAT, seq, "alice", "older")).collect();
    view.handle(2, page(Edge::Before(201), items, true));
    assert_eq!(lowest(&view), before);
    assert_eq!(view.open.as_ref().unwrap().timeline.messages().count(), 200);
}

#[test]
fn lost_notices_make_it_ask_for_the_chats_again() {
    let mut view = open(1);
    let effects = view.handle(1, Input::Net(Event::Notice(Notice::Missed)));
    assert_eq!(effects, [Effect::AskChats, Effect::SyncOwn]);
}

#[test]
fn typing_is_told_now_and_then() {
    let mut view = open(1);
    let typing = |kind| Effect::Signal { chat: chat(), kind };
    assert_eq!(view.handle(10_000, key(KeyCode::Char('a'))), [typing(SignalKind::Typing)]);
    assert_eq!(view.handle(12_999, key(KeyCode::Char('b'))), []);
    assert_eq!(view.handle(13_000, key(KeyCode::Char('c'))), [typing(SignalKind::Typing)]);
    assert_eq!(view.handle(13_001, control('u')), [typing(SignalKind::Stopped)]);
    assert_eq!(view.handle(13_002, key(KeyCode::Char('/'))), []);
    assert_eq!(view.handle(13_003, key(KeyCode::Char('o'))), []);
}

#[test]
fn a_chat_that_is_not_there_yet_can_be_written_to() {
    let mut view = open(1);
    let dan: ChatId = "dm:bob:dan".parse().unwrap();
    let effects = write(&mut view, 1, "/open dan");
    assert_eq!(effects, [Effect::AskPage { chat: dan.clone(), edge: Edge::Before(0) }]);
    let refused = Trouble { why: "refused: NO_SUCH_CHAT".into(), refused: true };
    let edge = Edge::Before(0);
    let effects =
        view.handle(2, Input::Answer(Answer::Page { chat: dan, edge, page: Err(refused) }));
    assert_eq!(effects, []);
    assert_eq!(view.noted(3), None);
    write(&mut view, 3, "hi dan");
    view.handle(4, accepted(1));
    assert!(shown(&view).last().unwrap().ends_with("you: hi dan ✓"));
}

#[test]
fn commands_that_mean_nothing_send_nothing() {
    let mut view = open(1);
    assert_eq!(write(&mut view, 1, "/opne bob"), []);
    assert!(view.noted(2).unwrap().0.contains("/opne"));
    assert_eq!(view.editor.text(), "/opne bob");
    view.editor.take();
    assert_eq!(write(&mut view, 1, "  "), []);
    let effects = write(&mut view, 2, "/group create crew alice");
    assert!(matches!(effects[..], [Effect::Send { .. }, Effect::AskPage { .. }]));
    assert_eq!(view.open_chat().unwrap().id.as_str(), "group:crew");
}

#[test]
fn only_a_client_that_never_connected_gives_up() {
    let closed = || Input::Net(Event::Closed(Ending::Closed));
    assert_eq!(view().handle(0, closed()), [Effect::GiveUp(Ending::Closed)]);
    let mut view = open(1);
    assert_eq!(view.handle(1, closed()), []);
    assert_eq!(view.status(1).1, Mood::Bad);
}

#[test]
fn the_outbox_of_the_view_is_bounded() {
    let mut view = open(1);
    view.handle(1, disconnected());
    let sent = (0..300).filter(|_| !write(&mut view, 2, "x").is_empty()).count();
    assert_eq!(sent, 256);
    assert!(view.noted(2).unwrap().0.contains("too many"));
    assert_eq!(view.editor.text().trim_start_matches('x'), "");
}

#[test]
fn uploads_have_their_places_in_the_outbox() {
    let mut view = open(1);
    let begun = (0..300).filter(|_| !write(&mut view, 2, "/file a.png").is_empty()).count();
    assert_eq!(begun, 256);
    assert!(view.noted(2).unwrap().0.contains("too many"));
    view.editor.take();
    assert_eq!(write(&mut view, 3, "x"), []);
    view.editor.take();
    view.handle(4, Input::Answer(Answer::NotUploaded("it is gone".into())));
    assert_eq!(view.noted(4), Some(("it is gone", Mood::Bad)));
    assert_eq!(write(&mut view, 5, "x").len(), 1);
    let (content, context) = (Content::text("a file"), Context::default());
    view.handle(6, Input::Answer(Answer::Uploaded { chat: chat(), content, context }));
    assert_eq!(write(&mut view, 7, "y"), []);
}

#[test]
fn an_uploaded_file_leaves_the_draft_of_its_chat_and_what_is_looked_at() {
    use packetboat_client::proto::packet::Item;
    let mut view = with_crew();
    view.handle(0, own(vec![Item::Draft(draft("Dear"))]));
    view.handle(0, key(KeyCode::Tab));
    assert_ne!(view.open_chat().unwrap().id, chat());
    view.open.as_mut().unwrap().up = 3;
    let (content, context) = (Content::text("a file"), Context::default());
    let encoded = content.encode();
    let uploaded = Answer::Uploaded { chat: chat(), content, context };
    let effects = view.handle(1, Input::Answer(uploaded));
    assert_eq!(effects, [Effect::Send { chat: chat(), id: id(), content: encoded }]);
    assert_eq!(view.open.as_ref().unwrap().up, 3);
}

/// Another chat of the view's, beside the open one.
fn with_crew() -> View {
    let mut view = open(3);
    view.handle(0, Input::Answer(Answer::Chats(vec![state("group:crew", 2, 0)])));
    view
}

/// What the user has set for itself, as the client library reads it.
fn own(items: Vec<packetboat_client::proto::packet::Item>) -> Input {
    let mut own = OwnState::default();
    for item in items {
        own.set(item);
    }
    Input::Answer(Answer::Own(own))
}

fn draft(text: &str) -> ChatDraft {
    ChatDraft { chat: chat(), text: text.to_owned(), reply_to: 0 }
}

#[test]
fn a_draft_is_kept_for_other_devices_until_it_is_sent() {
    use packetboat_client::proto::packet::Item;
    let mut view = with_crew();
    view.editor.insert("Dear");
    let effects = view.handle(0, key(KeyCode::Tab));
    assert!(effects.contains(&Effect::KeepDraft(draft("Dear"))), "{effects:?}");
    view.handle(0, own(vec![Item::Draft(draft("Dear"))]));
    view.handle(0, key(KeyCode::Tab));
    assert_eq!((view.open_chat().unwrap().id.clone(), view.editor.text()), (chat(), "Dear"));
    let effects = view.handle(0, key(KeyCode::Enter));
    assert!(effects.contains(&Effect::KeepDraft(draft(""))), "{effects:?}");
}

#[test]
fn a_draft_is_kept_when_the_user_quits() {
    let mut view = with_crew();
    view.editor.insert("Dear");
    assert_eq!(view.handle(0, control('c')), [Effect::KeepDraft(draft("Dear")), Effect::Quit]);
    assert_eq!(view.leave(), [Effect::KeepDraft(draft("Dear"))]);
    view.editor.take();
    assert_eq!(write(&mut view, 0, "/quit"), [Effect::Quit]);
}

#[test]
fn a_draft_of_another_device_is_there_when_its_chat_is_opened() {
    use packetboat_client::proto::packet::Item;
    let mut view = with_crew();
    view.handle(0, key(KeyCode::Tab));
    view.handle(0, own(vec![Item::Draft(draft("from the desk"))]));
    assert_eq!(view.editor.text(), "");
    view.handle(0, key(KeyCode::Tab));
    assert_eq!(view.editor.text(), "from the desk");
}

#[test]
fn a_scheduled_message_and_a_file_are_named_by_counting() {
    let mut view = open(3);
    assert_eq!(write(&mut view, 0, "/unschedule 1"), []);
    view.editor.take();
    let name = |of| ScheduledName { chat: chat(), id: MessageId::from([of; 16]) };
    let (names, lines) = (vec![name(1), name(2)], vec!["1  a".into(), "2  b".into()]);
    view.handle(0, Input::Answer(Answer::Scheduled { names, lines }));
    assert!(view.overlay.take().is_some());
    let taken = Effect::Later(Later::Unschedule(name(2)));
    assert_eq!(write(&mut view, 0, "/unschedule 2"), [taken]);
    let save = |seq| Effect::Files(Files::Save(Place { chat: chat(), seq, path: None }));
    assert_eq!(write(&mut view, 0, "/save 2"), [save(2)]);
    assert_eq!(write(&mut view, 0, "/save 3"), [save(1)]);
    assert_eq!(write(&mut view, 0, "/save #3"), [save(3)]);
    assert_eq!(write(&mut view, 0, "/save 4"), []);
    assert!(view.noted(0).unwrap().0.contains("no such message"));
}

#[test]
fn what_is_hidden_is_not_shown() {
    use packetboat_client::proto::packet::Item;
    use packetboat_client::{SeqRange, SeqSet};
    let mut view = open(3);
    let hide = Effect::Hide { chat: chat(), seq: 3 };
    assert!(write(&mut view, 0, "/hide 1").contains(&hide));
    let mut seqs = SeqSet::default();
    seqs.insert(SeqRange::new(3, 3).unwrap());
    view.handle(0, own(vec![Item::Hidden { chat: chat(), seqs }]));
    let lines = shown(&view).join("\n");
    assert!(lines.contains("message 2") && !lines.contains("message 3"), "{lines}");
}

#[test]
fn pinned_chats_are_above_and_archived_ones_below() {
    use packetboat_client::Marks;
    use packetboat_client::proto::packet::Item;
    let mut view = with_crew();
    let order = |view: &View| -> Vec<String> {
        view.roster.chats().iter().map(|chat| chat.id.to_string()).collect()
    };
    assert_eq!(order(&view), [CHAT, "group:crew"]);
    let marks = Marks { pinned: 1, ..Marks::default() };
    view.handle(0, own(vec![Item::Marks { chat: "group:crew".parse().unwrap(), marks }]));
    assert_eq!(order(&view), ["group:crew", CHAT]);
    let marks = Marks { archived: true, ..marks };
    view.handle(0, own(vec![Item::Marks { chat: "group:crew".parse().unwrap(), marks }]));
    assert_eq!(order(&view), [CHAT, "group:crew"]);
}

#[test]
fn a_notice_of_own_state_is_asked_about_unless_it_is_known() {
    let mut view = open(1);
    let told = |revision| Input::Net(Event::Notice(Notice::Own(revision)));
    assert_eq!(view.handle(0, told(1)), [Effect::SyncOwn]);
    assert_eq!(view.handle(0, told(0)), []);
}

#[test]
fn a_chat_that_is_shown_as_unread_is_so_no_more_once_it_is_opened() {
    use packetboat_client::proto::packet::Item;
    use packetboat_client::{Marks, SetMarks};
    let mut view = with_crew();
    let crew: ChatId = "group:crew".parse().unwrap();
    let marks = Marks { unread: true, ..Marks::default() };
    view.handle(0, own(vec![Item::Marks { chat: crew.clone(), marks }]));
    let effects = view.handle(0, key(KeyCode::Tab));
    let read = SetMarks { unread: Some(false), ..SetMarks::of(crew) };
    assert!(effects.contains(&Effect::Mark(read)), "{effects:?}");
}
