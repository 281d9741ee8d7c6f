//! Contracts of a user's own state: what it has set for itself, and what its devices hear of it.

use std::sync::atomic::Ordering;

use packetboat::store::act::{Act, Acted};
use packetboat::store::embedded::Settings;
use packetboat::store::{Effect, PageLimit, RecentChats, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, GroupChange};
use packetboat_proto::packet::{ChatDraft, Item, Marks, OwnItem, OwnPage, SetMarks};
use packetboat_proto::seqs::SeqRange;

use crate::bed::{
    Bed, Opened, WIDE, chat, content_draft, created, device, draft, refused, text_of, user, users,
};
use crate::faulty::Faulty;

const CREW: &str = "group:crew";

fn pinned(of: &str, place: u32) -> Act {
    Act::SetMarks(SetMarks { pinned: Some(place), ..SetMarks::of(chat(of)) })
}

fn drafted(of: &str, text: &str) -> Act {
    Act::SetDraft(ChatDraft { chat: chat(of), text: text.into(), reply_to: 0 })
}

fn hiding(of: &str, ranges: &[(u64, u64)]) -> Act {
    let range = |(first, last): &(u64, u64)| SeqRange::new(*first, *last).unwrap();
    Act::Hide { chat: chat(of), ranges: ranges.iter().map(range).collect() }
}

async fn set(open: &Opened, who: &str, act: Act) -> u64 {
    match open.act(user(who), act).await {
        Ok(Acted::Set(revision)) => revision,
        other => panic!("not set: {other:?}"),
    }
}

async fn refusal(open: &Opened, who: &str, act: Act) -> RejectCode {
    refused(open.act(user(who), act).await)
}

/// What has changed, all on one page.
async fn changes(open: &Opened, who: &str, after: u64) -> OwnPage {
    open.own_changes(user(who), after, WIDE).await.unwrap()
}

fn pins(items: &[OwnItem]) -> Vec<(u64, String, u32)> {
    let pin = |item: &OwnItem| match &item.item {
        Some(Item::Marks { chat, marks }) => (item.revision, chat.to_string(), marks.pinned),
        other => panic!("no marks: {other:?}"),
    };
    items.iter().map(pin).collect()
}

pub(crate) async fn what_is_set_has_a_revision_and_is_told_once(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(set(&open, "ann", pinned("dm:ann:bob", 1)).await, 1);
    assert_eq!(set(&open, "ann", drafted("dm:ann:bob", "Dear")).await, 2);
    assert_eq!(set(&open, "ann", pinned("dm:ann:bob", 1)).await, 1, "it is so already");
    let own = |revision| Effect::OwnChanged { user: user("ann"), revision };
    assert_eq!(open.effects(), [own(1), own(2)], "said again, it is no news");
    assert_eq!(set(&open, "ann", pinned("dm:ann:bob", 2)).await, 3);
    let page = changes(&open, "ann", 0).await;
    assert_eq!((page.items.len(), page.more, page.revision, page.floor), (2, false, 3, 0));
    assert!(matches!(page.items[0].item, Some(Item::Draft(_))), "each by its last revision");
    assert_eq!(pins(&page.items[1..]), [(3, "dm:ann:bob".into(), 2)]);
    assert_eq!(changes(&open, "ann", 3).await.items, []);
    assert_eq!(changes(&open, "bob", 0).await, OwnPage::default(), "it is nobody else's");
}

pub(crate) async fn marks_that_are_not_named_stay_as_they_are(bed: impl Bed) {
    let open = bed.open();
    let of = || SetMarks::of(chat("dm:ann:bob"));
    let quiet = SetMarks { quiet_until_ms: Some(9), unread: Some(true), ..of() };
    set(&open, "ann", Act::SetMarks(quiet)).await;
    set(&open, "ann", Act::SetMarks(SetMarks { archived: Some(true), ..of() })).await;
    set(&open, "ann", Act::SetMarks(SetMarks { unread: Some(false), ..of() })).await;
    let view = open.chat(user("ann"), device("phone"), chat("dm:ann:bob")).await.unwrap();
    let marks = Marks { quiet_until_ms: 9, pinned: 0, archived: true, unread: false };
    assert_eq!(view.marks, marks);
    let peers = open.chat(user("bob"), device("phone"), chat("dm:ann:bob")).await.unwrap();
    assert_eq!(peers.marks, Marks::default());
}

pub(crate) async fn only_ones_own_chats_are_marked(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    for of in [CREW, "group:none", "dm:ann:bob", "room:lobby"] {
        for act in [pinned(of, 1), drafted(of, "x"), hiding(of, &[(1, 1)])] {
            assert_eq!(refusal(&open, "eve", act).await, RejectCode::NoSuchChat, "{of}");
        }
    }
    assert_eq!(changes(&open, "eve", 0).await, OwnPage::default());
    open.must("bob", CREW, GroupChange::Left { new_owner: None }).await;
    assert_eq!(set(&open, "bob", pinned(CREW, 1)).await, 1, "who was in it may put it away");
}

pub(crate) async fn a_removal_is_told_until_it_is_forgotten(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(set(&open, "ann", drafted("dm:ann:bob", "")).await, 0, "there is nothing to remove");
    set(&open, "ann", pinned("dm:ann:cid", 1)).await;
    set(&open, "ann", drafted("dm:ann:bob", "Dear")).await;
    assert_eq!(set(&open, "ann", drafted("dm:ann:bob", "")).await, 3);
    let gone = &changes(&open, "ann", 2).await.items;
    assert!(gone[0].item.as_ref().unwrap().is_removed());
    let acts = (0..4_096).map(|at| open.act(user("ann"), pinned("dm:ann:dan", at + 1)));
    for acted in futures_util::future::join_all(acts).await {
        acted.unwrap();
    }
    let page = changes(&open, "ann", 0).await;
    assert_eq!((page.revision, page.floor), (4_099, 3));
    let left: Vec<_> =
        pins(&page.items).into_iter().map(|(revision, of, _)| (revision, of)).collect();
    let expected = [(1, "dm:ann:cid".into()), (4_099, "dm:ann:dan".into())];
    assert_eq!(left, expected, "the removal is forgotten, what stands is not");
    assert_eq!(set(&open, "ann", drafted("dm:ann:bob", "x")).await, 4_100, "and it may come again");
}

pub(crate) async fn changes_come_in_pages(bed: impl Bed) {
    let open = bed.open();
    for at in 1..=7 {
        set(&open, "ann", pinned(&format!("dm:ann:u{at}"), at)).await;
    }
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let limit = PageLimit { items: 3, bytes: usize::MAX };
        let page = open.own_changes(user("ann"), after, limit).await.unwrap();
        assert!(page.items.len() <= 3);
        found.extend(page.items.iter().map(|item| item.revision));
        after = page.items.last().unwrap().revision;
        if !page.more {
            break;
        }
    }
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7]);
    let narrow = PageLimit { items: 9, bytes: 1 };
    let page = open.own_changes(user("ann"), 0, narrow).await.unwrap();
    assert_eq!((page.items.len(), page.more), (1, true), "one always fits");
}

pub(crate) async fn what_is_hidden_counts_no_more(bed: impl Bed) {
    let open = bed.open();
    open.say("bob", "dm:ann:bob", &["1", "2", "3", "4", "5"]).await;
    assert_eq!(refusal(&open, "ann", hiding("dm:ann:bob", &[(6, 6)])).await, RejectCode::Invalid);
    assert_eq!(refusal(&open, "ann", hiding("dm:ann:cid", &[(1, 1)])).await, RejectCode::Invalid);
    set(&open, "ann", hiding("dm:ann:bob", &[(5, 5), (2, 2)])).await;
    set(&open, "ann", hiding("dm:ann:bob", &[(2, 3)])).await;
    let [OwnItem { item: Some(Item::Hidden { seqs, .. }), .. }] =
        &changes(&open, "ann", 0).await.items[..]
    else {
        panic!("one item is there")
    };
    let ranges: Vec<_> = seqs.ranges().iter().map(|range| (range.first(), range.last())).collect();
    assert_eq!(ranges, [(2, 3), (5, 5)]);
    let view = open.chat(user("ann"), device("phone"), chat("dm:ann:bob")).await.unwrap();
    assert_eq!((view.unread, view.head), (2, 5));
}

pub(crate) async fn so_many_ranges_are_hidden_and_no_more(bed: impl Bed) {
    let open = bed.open();
    let texts = vec!["x"; 600];
    open.say("bob", "dm:ann:bob", &texts).await;
    let apart = |from: u64| (from..from + 64).map(|at| (2 * at, 2 * at)).collect::<Vec<_>>();
    for from in [1, 65, 129, 193] {
        set(&open, "ann", hiding("dm:ann:bob", &apart(from))).await;
    }
    let one_more = hiding("dm:ann:bob", &[(599, 599)]);
    assert_eq!(refusal(&open, "ann", one_more).await, RejectCode::LimitReached);
    set(&open, "ann", hiding("dm:ann:bob", &[(1, 600)])).await;
    let view = open.chat(user("ann"), device("phone"), chat("dm:ann:bob")).await.unwrap();
    assert_eq!(view.unread, 0);
}

pub(crate) async fn mentions_are_counted_behind_what_was_read(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    let mention = |names: &[&str], mentions_all| {
        let context = Context { mentions: users(names), mentions_all, ..Context::default() };
        content_draft(CREW, Content::text("hey"), context)
    };
    for (by, names, all) in [
        ("ann", &["bob"][..], false),
        ("bob", &["bob"], false),
        ("bob", &[], true),
        ("ann", &["cid", "bob"], false),
        ("ann", &["cid"], true),
    ] {
        open.put(by, mention(names, all)).await;
    }
    open.put("ann", draft(CREW, "nobody")).await;
    let count =
        async |who| open.chat(user(who), device("phone"), chat(CREW)).await.unwrap().mentions;
    assert_eq!((count("ann").await, count("bob").await, count("cid").await), (1, 3, 3));
    let recall = Content::Entry(Alteration::Recalled { seq: 5 });
    open.put("ann", content_draft(CREW, recall, Context::default())).await;
    assert_eq!((count("bob").await, count("cid").await), (2, 2), "what is erased calls nobody");
    set(&open, "cid", hiding(CREW, &[(6, 6)])).await;
    open.moved("bob", "phone", CREW, 2, 2).await;
    assert_eq!((count("bob").await, count("cid").await), (1, 1));
}

pub(crate) async fn own_state_outlives_a_restart(bed: impl Bed) {
    let open = bed.open();
    set(&open, "ann", pinned("dm:ann:bob", 1)).await;
    set(&open, "ann", drafted("dm:ann:bob", "Dear")).await;
    let before = changes(&open, "ann", 0).await;
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(changes(&open, "ann", 0).await, before);
    assert_eq!(set(&open, "ann", pinned("dm:ann:bob", 0)).await, 3);
}

async fn recent(open: &Opened, who: &str, behind: Option<(u64, &str)>) -> (Vec<String>, bool) {
    let asked = RecentChats {
        behind: behind.map(|(at_ms, of)| (at_ms, chat(of))),
        limit: 2,
        last_bytes: 0,
    };
    let page = open.recent(user(who), device("phone"), asked).await.unwrap();
    (page.items.into_iter().map(|view| view.chat.to_string()).collect(), page.more)
}

pub(crate) async fn chats_come_by_what_was_written_last(bed: impl Bed) {
    let open = bed.open();
    let at = |ms| open.clock.store(ms, Ordering::SeqCst);
    open.crew("ann", &["bob"]).await;
    open.must("ann", "group:over", created(&["bob"])).await;
    open.must("ann", "group:left", created(&["bob"])).await;
    for (ms, of) in [(2_000, "dm:ann:cid"), (3_000, "dm:ann:bob"), (3_000, "dm:ann:ann")] {
        at(ms);
        open.say("ann", of, &["hi"]).await;
    }
    at(4_000);
    open.must("bob", "group:left", GroupChange::Left { new_owner: None }).await;
    open.must("ann", "group:over", GroupChange::Dissolved).await;
    assert_eq!(recent(&open, "bob", None).await, (vec!["dm:ann:bob".into(), CREW.into()], false));
    let first = recent(&open, "ann", None).await;
    assert_eq!(first, (vec!["group:left".into(), "dm:ann:ann".into()], true));
    let second = recent(&open, "ann", Some((3_000, "dm:ann:ann"))).await;
    assert_eq!(second, (vec!["dm:ann:bob".into(), "dm:ann:cid".into()], true));
    let third = recent(&open, "ann", Some((2_000, "dm:ann:cid"))).await;
    assert_eq!(third, (vec![CREW.into()], false));
    assert_eq!(recent(&open, "eve", None).await, (vec![], false));
}

pub(crate) async fn the_last_entry_comes_along_unless_it_is_hidden_or_long(bed: impl Bed) {
    let open = bed.open();
    let long = "x".repeat(5_000);
    open.say("bob", "dm:ann:bob", &["one", "two", &long, "four"]).await;
    let pin = Content::Entry(Alteration::Pinned { seq: 1, unpinned: false });
    open.put("ann", content_draft("dm:ann:bob", pin, Context::default())).await;
    let last = async |last_bytes| {
        let asked = RecentChats { behind: None, limit: 9, last_bytes };
        let page = open.recent(user("ann"), device("phone"), asked).await.unwrap();
        page.items[0].last.as_ref().map(|last| text_of(&last.encode()))
    };
    assert_eq!(last(4_096).await.as_deref(), Some("four"));
    assert_eq!((last(0).await, last(20).await), (None, None));
    set(&open, "ann", hiding("dm:ann:bob", &[(4, 4)])).await;
    assert_eq!(last(4_096).await, None, "it is too long");
    let recall = Content::Entry(Alteration::Recalled { seq: 3 });
    open.put("bob", content_draft("dm:ann:bob", recall, Context::default())).await;
    assert_eq!(last(4_096).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn no_revision_is_shown_that_the_power_may_take_away() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    set(&open, "ann", pinned("dm:ann:bob", 1)).await;
    faulty.hold();
    let (store, again) = (open.store.clone(), open.store.clone());
    let act =
        tokio::spawn(async move { store.act(user("ann"), pinned("dm:ann:bob", 2)).await.unwrap() });
    faulty.commit_waits().await;
    let before = faulty.faults.reads.load(Ordering::SeqCst);
    let read = tokio::spawn(async move { again.own_changes(user("ann"), 0, WIDE).await.unwrap() });
    // It has looked, and has to look again.
    faulty.reads_beyond(before).await;
    assert_eq!(changes(&open, "bob", 0).await, OwnPage::default(), "others need not wait");
    assert!(!read.is_finished() && !act.is_finished());
    faulty.let_go();
    assert_eq!(pins(&read.await.unwrap().items), [(2, "dm:ann:bob".into(), 2)]);
    assert_eq!(act.await.unwrap(), Acted::Set(2));
    open.close().await;
}
