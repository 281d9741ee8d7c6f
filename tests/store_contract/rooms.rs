//! Contracts of rooms: who opens and changes them, what their logs keep, and what is said in them.

use std::sync::atomic::Ordering;

use packetboat::store::embedded::Settings;
use packetboat::store::rules::{Rooms, Rules};
use packetboat::store::{Edge, Effect, Outcome, PageLimit, Role, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{
    Alteration, Body, Change, Content, Context, Erasure, Forwarded, GroupChange, Origin, RoomChange,
};
use packetboat_proto::entry::Entry;

use crate::bed::{
    Bed, Opened, WIDE, chat, code, content_draft, created, device, draft, duplicate, reason,
    refused, stored, text_of, user, users, with_id,
};

const LOBBY: &str = "room:lobby";

fn opened(keep: u32, slow_ms: u32) -> RoomChange {
    RoomChange::Opened { name: "Lobby".into(), topic: String::new(), keep, slow_ms }
}

fn set(keep: Option<u32>, slow_ms: Option<u32>) -> RoomChange {
    RoomChange::Set { keep, slow_ms, name: None, topic: None }
}

fn moderators(names: &[&str], taken_back: bool) -> RoomChange {
    RoomChange::Moderators { users: users(names), taken_back }
}

fn muted(names: &[&str], until_ms: u64) -> RoomChange {
    RoomChange::Muted { users: users(names), until_ms }
}

async fn refusal(open: &Opened, sender: &str, change: impl Into<Change>) -> RejectCode {
    let outcome = open.change(sender, LOBBY, change).await;
    code(&outcome).unwrap_or_else(|| panic!("not refused: {outcome:?}"))
}

async fn said(open: &Opened, sender: &str) -> Option<RejectCode> {
    code(&open.put(sender, draft(LOBBY, "hi")).await)
}

async fn kept(open: &Opened, edge: Edge, limit: PageLimit) -> (Vec<u64>, bool) {
    let page = open.history(user("any"), chat(LOBBY), edge, limit).await.unwrap();
    (page.items.iter().map(|logged| logged.seq).collect(), page.more)
}

async fn all_kept(open: &Opened) -> Vec<u64> {
    kept(open, Edge::After(0), WIDE).await.0
}

pub(crate) async fn a_room_is_opened_once_and_by_whom_it_may_be(bed: impl Bed) {
    let closed = Rules { rooms: Rooms::Nobody, ..Rules::default() };
    let open = bed.open_with(Settings { rules: closed, ..Settings::default() });
    assert_eq!(refusal(&open, "ann", opened(0, 0)).await, RejectCode::NotAllowed);
    assert_eq!(said(&open, "ann").await, Some(RejectCode::NoSuchChat));
    let unopened = open.room(user("ann"), chat(LOBBY)).await;
    assert_eq!(refused(unopened), RejectCode::NoSuchChat);
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(open.change("ann", LOBBY, opened(0, 7)).await, stored(1));
    assert_eq!(refusal(&open, "bob", opened(0, 0)).await, RejectCode::AlreadyExists);
    let view = open.room(user("ann"), chat(LOBBY)).await.unwrap();
    assert_eq!(
        (&*view.name, view.keep, view.slow_ms, view.head, view.first),
        ("Lobby", 100, 7, 1, 1)
    );
    assert_eq!((view.role, view.muted_until_ms), (Some(Role::Owner), 0));
    assert_eq!(open.room(user("bob"), chat(LOBBY)).await.unwrap().role, None);
    for number in 1..100 {
        open.must("ann", &format!("room:r{number}"), opened(1, 0)).await;
    }
    let one_more = open.change("ann", "room:more", opened(1, 0)).await;
    assert_eq!(code(&one_more), Some(RejectCode::LimitReached));
    open.must("ann", "room:r1", GroupChange::Dissolved).await;
    open.must("ann", "room:more", opened(1, 0)).await;
}

pub(crate) async fn a_room_keeps_so_many_entries_and_their_ids(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(3, 0)).await;
    // Of several parts, too.
    let long = "x".repeat(9_000);
    for number in 2..=9_u64 {
        let text = if number.is_multiple_of(2) { &long } else { "hi" };
        let sent = with_id(draft(LOBBY, text), number);
        assert_eq!(open.put("bob", sent).await, stored(number));
    }
    assert_eq!(all_kept(&open).await, [7, 8, 9]);
    let two = PageLimit { items: 2, ..WIDE };
    assert_eq!(kept(&open, Edge::After(0), two).await, (vec![7, 8], true));
    assert_eq!(kept(&open, Edge::After(8), two).await, (vec![9], false));
    assert_eq!(kept(&open, Edge::Before(0), two).await, (vec![8, 9], true));
    assert_eq!(kept(&open, Edge::Before(8), two).await, (vec![7], false));
    assert_eq!(kept(&open, Edge::Before(7), two).await, (vec![], false));
    let view = open.room(user("cid"), chat(LOBBY)).await.unwrap();
    assert_eq!((view.first, view.head), (7, 9));
    // What is kept is found by its id; what has gone is forgotten with it.
    let again = |number: u64| {
        let text = if number.is_multiple_of(2) { &long } else { "hi" };
        with_id(draft(LOBBY, text), number)
    };
    assert_eq!(open.put("bob", again(7)).await, duplicate(7));
    assert_eq!(open.put("bob", again(6)).await, stored(10));
    assert_eq!(all_kept(&open).await, [8, 9, 10]);
}

pub(crate) async fn a_room_keeps_fewer_when_it_is_told_to(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(20, 0)).await;
    for _ in 0..29 {
        open.say("bob", LOBBY, &["hi"]).await;
    }
    assert_eq!(all_kept(&open).await, (11..=30).collect::<Vec<_>>());
    open.must("ann", LOBBY, set(Some(2), None)).await;
    assert_eq!(all_kept(&open).await, [30, 31], "at once, for who reads");
    open.must("ann", LOBBY, set(Some(5), None)).await;
    assert_eq!(all_kept(&open).await, [30, 31, 32], "what was not shown does not come back");
    assert_eq!(alters(&open, "bob", reacted(29)).await, Some(RejectCode::Invalid), "nor here");
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(all_kept(&open).await, [30, 31, 32], "also after a restart");
    for _ in 0..40 {
        open.say("bob", LOBBY, &["hi"]).await;
    }
    assert_eq!(all_kept(&open).await, (68..=72).collect::<Vec<_>>());
    open.must("ann", LOBBY, set(Some(1_000), None)).await;
    open.say("bob", LOBBY, &["hi"]).await;
    let view = open.room(user("bob"), chat(LOBBY)).await.unwrap();
    assert_eq!(all_kept(&open).await, (view.first..=74).collect::<Vec<_>>());
    assert!((68..=69).contains(&view.first), "what has gone stays gone: {}", view.first);
}

pub(crate) async fn a_log_goes_on_where_it_was_over_a_restart(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(1, 0)).await;
    open.say("ann", LOBBY, &["two", "three"]).await;
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(all_kept(&open).await, [3]);
    assert_eq!(open.put("ann", draft(LOBBY, "four")).await, stored(4));
    assert_eq!(all_kept(&open).await, [4]);
    let page = open.history(user("bob"), chat(LOBBY), Edge::Before(0), WIDE).await.unwrap();
    assert_eq!(text_of(&page.items[0].body), "four");
}

pub(crate) async fn a_slow_room_refuses_what_comes_too_soon(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(0, 500)).await;
    let first = with_id(draft(LOBBY, "one"), 1);
    assert_eq!(open.put("bob", first.clone()).await, stored(2));
    open.clock.store(1_200, Ordering::SeqCst);
    let Outcome::Refused(soon) = open.put("bob", draft(LOBBY, "two")).await else {
        panic!("too soon")
    };
    assert_eq!((soon.code, soon.after_ms), (RejectCode::SlowMode, 300));
    assert_eq!(open.put("bob", first).await, duplicate(2), "what was accepted is found again");
    assert_eq!(said(&open, "cid").await, None, "each for itself");
    for _ in 0..3 {
        assert_eq!(said(&open, "ann").await, None, "the owner");
    }
    open.must("ann", LOBBY, moderators(&["dan"], false)).await;
    for _ in 0..3 {
        assert_eq!(said(&open, "dan").await, None, "a moderator");
    }
    open.clock.store(1_500, Ordering::SeqCst);
    assert_eq!(said(&open, "bob").await, None);
    assert_eq!(said(&open, "bob").await, Some(RejectCode::SlowMode));
    open.must("ann", LOBBY, set(None, Some(0))).await;
    assert_eq!(said(&open, "bob").await, None);
}

pub(crate) async fn the_owner_and_moderators_make_others_mute(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(0, 0)).await;
    assert_eq!(refusal(&open, "bob", muted(&["cid"], 9_000)).await, RejectCode::NotAllowed);
    open.must("ann", LOBBY, moderators(&["bob", "dan"], false)).await;
    for who in ["ann", "bob"] {
        assert_eq!(refusal(&open, "bob", muted(&[who], 9_000)).await, RejectCode::Invalid);
    }
    assert_eq!(refusal(&open, "bob", muted(&["dan"], 9_000)).await, RejectCode::NotAllowed);
    open.must("bob", LOBBY, muted(&["cid"], 1_001)).await;
    assert_eq!(said(&open, "cid").await, Some(RejectCode::Muted));
    let view = open.room(user("cid"), chat(LOBBY)).await.unwrap();
    assert_eq!((view.role, view.muted_until_ms), (None, 1_001));
    assert_eq!(open.room(user("bob"), chat(LOBBY)).await.unwrap().role, Some(Role::Admin));
    open.clock.store(1_001, Ordering::SeqCst);
    assert_eq!(said(&open, "cid").await, None, "its time is over");
    open.must("ann", LOBBY, muted(&["dan"], u64::MAX)).await;
    assert_eq!(said(&open, "dan").await, Some(RejectCode::Muted));
    assert_eq!(reason(&open.put("dan", draft(LOBBY, "hi")).await), "you are mute for good");
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(said(&open, "dan").await, Some(RejectCode::Muted), "also after a restart");
    open.must("ann", LOBBY, muted(&["dan"], 0)).await;
    open.must("ann", LOBBY, moderators(&["bob"], true)).await;
    assert_eq!(refusal(&open, "bob", muted(&["cid"], 9_000)).await, RejectCode::NotAllowed);
    assert_eq!(said(&open, "dan").await, None);
}

pub(crate) async fn a_room_is_changed_by_its_owner_and_not_like_a_group(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(refusal(&open, "ann", set(Some(5), None)).await, RejectCode::NoSuchChat);
    open.must("ann", LOBBY, opened(0, 0)).await;
    for change in [set(Some(5), None), moderators(&["bob"], false)] {
        assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    }
    let end = GroupChange::Dissolved;
    assert_eq!(refusal(&open, "bob", end).await, RejectCode::NotAllowed);
    for change in [created(&["bob"]), GroupChange::Renamed("Ours".into())] {
        assert_eq!(refusal(&open, "ann", change).await, RejectCode::Invalid);
    }
    let renamed = RoomChange::Set {
        keep: None,
        slow_ms: None,
        name: Some("Hall".into()),
        topic: Some("All".into()),
    };
    open.must("ann", LOBBY, renamed).await;
    let view = open.room(user("ann"), chat(LOBBY)).await.unwrap();
    assert_eq!((&*view.name, &*view.topic, view.keep), ("Hall", "All", 100));
    open.crew("ann", &["bob"]).await;
    for to in ["group:crew", "dm:ann:bob"] {
        let outcome = open.change("ann", to, opened(0, 0)).await;
        assert_eq!(code(&outcome), Some(RejectCode::Invalid), "{to}");
    }
}

pub(crate) async fn a_closed_room_is_read_and_nothing_else(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(0, 0)).await;
    open.say("bob", LOBBY, &["bye"]).await;
    open.effects();
    open.must("ann", LOBBY, GroupChange::Dissolved).await;
    let [Effect::Stored(_), Effect::Dissolved { chat: over }] = &open.effects()[..] else {
        panic!("the entry, and then the end");
    };
    assert_eq!(*over, chat(LOBBY));
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(said(&open, "bob").await, Some(RejectCode::NoSuchChat));
    for change in [set(Some(5), None), muted(&["bob"], 9), moderators(&["bob"], false)] {
        assert_eq!(refusal(&open, "ann", change).await, RejectCode::NoSuchChat);
    }
    assert_eq!(refusal(&open, "ann", GroupChange::Dissolved).await, RejectCode::NoSuchChat);
    assert_eq!(refusal(&open, "ann", opened(0, 0)).await, RejectCode::AlreadyExists);
    assert_eq!(refused(open.room(user("ann"), chat(LOBBY)).await), RejectCode::NoSuchChat);
    assert_eq!(all_kept(&open).await, [1, 2, 3]);
}

async fn alters(open: &Opened, sender: &str, alteration: Alteration) -> Option<RejectCode> {
    let draft = content_draft(LOBBY, Content::Entry(alteration), Context::default());
    code(&open.put(sender, draft).await)
}

async fn says(open: &Opened, to: &str, sender: &str, context: Context) -> Option<RejectCode> {
    code(&open.put(sender, content_draft(to, Content::text("hi"), context)).await)
}

fn reacted(seq: u64) -> Alteration {
    Alteration::Reacted { seq, reaction: "⚓".into(), taken_back: false }
}

pub(crate) async fn what_is_said_in_a_room_is_answered_and_passed_on(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(3, 0)).await;
    open.say("bob", LOBBY, &["hi", "hi"]).await;
    let reply = |reply_to| Context { reply_to, ..Context::default() };
    assert_eq!(says(&open, LOBBY, "cid", reply(2)).await, None);
    assert_eq!(alters(&open, "cid", reacted(3)).await, None);
    assert_eq!(says(&open, LOBBY, "cid", reply(2)).await, Some(RejectCode::Invalid), "it is gone");
    assert_eq!(alters(&open, "cid", reacted(9)).await, Some(RejectCode::Invalid));
    // What has gone does not come back, though the room is to keep it now.
    open.must("ann", LOBBY, set(Some(100), None)).await;
    for gone in [1, 2] {
        assert_eq!(alters(&open, "cid", reacted(gone)).await, Some(RejectCode::Invalid));
    }
    let mention = Context { mentions: users(&["ann"]), ..Context::default() };
    assert_eq!(says(&open, LOBBY, "cid", mention).await, None);
    let origin = |seq, sender| {
        let origin = Origin { chat: chat(LOBBY), seq, sender: user(sender) };
        Context { forwarded: Some(Forwarded::From(origin)), ..Context::default() }
    };
    assert_eq!(says(&open, "dm:cid:dan", "cid", origin(3, "bob")).await, None);
    assert_eq!(says(&open, LOBBY, "cid", origin(3, "ann")).await, Some(RejectCode::Invalid));
    let thread = Context { thread: 3, ..Context::default() };
    assert_eq!(says(&open, LOBBY, "bob", thread).await, Some(RejectCode::Unsupported));
    let edited = Alteration::Edited { seq: 3, new: Body::Text("ho".into()) };
    for unsupported in [edited, Alteration::Pinned { seq: 3, unpinned: false }] {
        let refused = alters(&open, "bob", unsupported).await;
        assert_eq!(refused, Some(RejectCode::Unsupported));
    }
}

pub(crate) async fn what_is_said_in_a_room_is_taken_back_by_whom_it_may_be(bed: impl Bed) {
    let open = bed.open();
    let back = |seq| Alteration::Recalled { seq };
    assert_eq!(alters(&open, "ann", back(1)).await, Some(RejectCode::NoSuchChat));
    open.must("ann", LOBBY, opened(0, 60_000)).await;
    open.must("ann", LOBBY, moderators(&["bob", "cid"], false)).await;
    for sender in ["dan", "eve", "bob", "ann"] {
        open.say(sender, LOBBY, &["hi"]).await;
    }
    let (dans, eves, bobs, anns) = (3, 4, 5, 6);
    assert_eq!(alters(&open, "dan", back(eves)).await, Some(RejectCode::NotAllowed));
    for above in [bobs, anns] {
        assert_eq!(alters(&open, "cid", back(above)).await, Some(RejectCode::NotAllowed));
    }
    open.must("cid", LOBBY, muted(&["dan"], u64::MAX)).await;
    assert_eq!(alters(&open, "dan", reacted(eves)).await, Some(RejectCode::Muted));
    assert_eq!(alters(&open, "dan", back(dans)).await, None, "mute, and the room is slow");
    assert_eq!(alters(&open, "cid", back(eves)).await, None);
    assert_eq!(alters(&open, "ann", back(bobs)).await, None);
    assert_eq!(alters(&open, "ann", back(1)).await, Some(RejectCode::Invalid), "no message");
    assert_eq!(alters(&open, "ann", back(eves)).await, Some(RejectCode::Invalid), "gone already");
    let erased = |by| Content::Erased(Erasure::Recalled { by }).encode();
    let check = async |open: &Opened| {
        let page = open.history(user("any"), chat(LOBBY), Edge::After(2), WIDE).await.unwrap();
        let entries = page.items.into_iter().map(|logged| Entry::decode(logged.body).unwrap());
        let said: Vec<_> = entries.take(4).map(|entry| entry.content).collect();
        let left = [erased(8), erased(9), erased(10), Content::text("hi").encode()];
        assert_eq!(said, left);
    };
    check(&open).await;
    open.close().await;
    drop(open);
    let open = bed.open();
    check(&open).await;
    // What was taken back leaves the room with the others.
    open.must("ann", LOBBY, set(Some(1), None)).await;
    for _ in 0..9 {
        assert_eq!(said(&open, "ann").await, None);
    }
    assert_eq!(all_kept(&open).await.len(), 1);
}

pub(crate) async fn a_page_of_a_room_is_whole_while_its_log_forgets(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(5, 0)).await;
    let long = "x".repeat(9_000);
    let writes = async {
        for number in 0..200 {
            let text = if number % 3 == 0 { long.as_str() } else { "hi" };
            open.say("bob", LOBBY, &[text]).await;
        }
    };
    let reads = async {
        let mut last = 0;
        while last < 201 {
            let seqs = all_kept(&open).await;
            assert!(seqs.len() <= 5, "{seqs:?}");
            assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
            let (back, _) = kept(&open, Edge::Before(0), WIDE).await;
            assert!(back.windows(2).all(|pair| pair[1] == pair[0] + 1), "{back:?}");
            let head = open.room(user("cid"), chat(LOBBY)).await.unwrap().head;
            assert!(head >= last, "a log does not go back");
            last = head;
        }
    };
    tokio::join!(writes, reads);
    assert_eq!(all_kept(&open).await, [197, 198, 199, 200, 201]);
}

pub(crate) async fn nobody_has_a_place_in_a_room(bed: impl Bed) {
    let open = bed.open();
    open.must("ann", LOBBY, opened(0, 0)).await;
    open.claim("ann", "phone", packetboat::store::Start::Everything).await;
    open.moved("ann", "phone", LOBBY, 1, 1).await;
    assert_eq!(open.missing("ann", "phone").await, []);
    let asked = open.chat(user("ann"), device("phone"), chat(LOBBY)).await;
    assert_eq!(refused(asked), RejectCode::NoSuchChat);
    let asked = open.members(user("ann"), chat(LOBBY), None, 9).await;
    assert_eq!(refused(asked), RejectCode::NoSuchChat);
    let chats = open.chats(user("ann"), device("phone"), None, 9).await.unwrap();
    assert_eq!(chats.items, []);
}
