//! Contracts of entries that change or refer to others: edits, recalls, reactions, pins, replies,
//! threads, forwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::rules::Rules;
use packetboat::store::{Draft, Edge, Outcome, Role, Start, Store, Stretch, Thread};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Erasure, Forwarded, GroupChange, GroupRules, Origin,
};
use packetboat_proto::entry::Entry;

use crate::bed::{
    Bed, Opened, WIDE, chat, code, content_draft, device, duplicate, stored, text_of, user, users,
};
use crate::faulty::Faulty;

const CREW: &str = "group:crew";
const DM: &str = "dm:ann:bob";

fn altering(to: &str, alteration: Alteration) -> Draft {
    content_draft(to, Content::Entry(alteration), Context::default())
}

fn edit(to: &str, seq: u64, text: &str) -> Draft {
    altering(to, Alteration::Edited { seq, new: Body::Text(text.into()) })
}

fn recall(to: &str, seq: u64) -> Draft {
    altering(to, Alteration::Recalled { seq })
}

fn react(to: &str, seq: u64) -> Draft {
    altering(to, Alteration::Reacted { seq, reaction: "⚓".into(), taken_back: false })
}

fn pin(to: &str, seq: u64, unpinned: bool) -> Draft {
    altering(to, Alteration::Pinned { seq, unpinned })
}

fn said_in(to: &str, text: &str, context: Context) -> Draft {
    content_draft(to, Content::text(text), context)
}

fn reply(to: &str, reply_to: u64) -> Draft {
    said_in(to, "re", Context { reply_to, ..Context::default() })
}

fn threaded(to: &str, thread: u64) -> Draft {
    said_in(to, "in thread", Context { thread, ..Context::default() })
}

fn forward(to: &str, text: &str, (from, seq, sender): (&str, u64, &str)) -> Draft {
    let origin = Origin { chat: chat(from), seq, sender: user(sender) };
    let forwarded = Some(Forwarded::From(origin));
    said_in(to, text, Context { forwarded, ..Context::default() })
}

async fn must(open: &Opened, sender: &str, draft: Draft) -> u64 {
    match open.put(sender, draft).await {
        Outcome::Stored { seq, .. } => seq,
        other => panic!("not stored: {other:?}"),
    }
}

async fn refused(open: &Opened, sender: &str, draft: Draft) -> RejectCode {
    let outcome = open.put(sender, draft).await;
    code(&outcome).unwrap_or_else(|| panic!("not refused: {outcome:?}"))
}

async fn texts(open: &Opened, name: &str, to: &str) -> Vec<String> {
    let page = open.history(user(name), chat(to), Edge::After(0), WIDE).await.unwrap();
    let back = open.history(user(name), chat(to), Edge::Before(0), WIDE).await.unwrap();
    assert_eq!(page, back, "both ways show the same");
    page.items.iter().map(|logged| text_of(&logged.body)).collect()
}

async fn pins(open: &Opened, name: &str, to: &str) -> Vec<u64> {
    open.pins(user(name), chat(to)).await.unwrap()
}

/// A group of ann, who owns it, bob, an admin, and two members.
async fn crew(open: &Opened) {
    open.crew("ann", &["bob", "cid", "dan"]).await;
    let role = GroupChange::RolesGiven { users: users(&["bob"]), role: Role::Admin };
    open.must("ann", CREW, role).await;
}

fn for_ms(edit_ms: u64, recall_ms: u64) -> Settings {
    let rules = Rules { edit_ms, recall_ms, ..Rules::default() };
    Settings { rules, ..Settings::default() }
}

pub(crate) async fn an_edit_is_its_senders_and_an_entry_of_its_own(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["one", "two"]).await;
    assert_eq!(must(&open, "ann", edit(DM, 1, "uno")).await, 3);
    assert_eq!(refused(&open, "bob", edit(DM, 1, "eins")).await, RejectCode::NotAllowed);
    for seq in [3, 4, 5, u64::MAX] {
        assert_eq!(refused(&open, "ann", edit(DM, seq, "x")).await, RejectCode::Invalid, "{seq}");
    }
    assert_eq!(refused(&open, "eve", edit(DM, 1, "x")).await, RejectCode::NoSuchChat);
    assert_eq!(texts(&open, "bob", DM).await, ["one", "two", "edit 1"]);
    open.close().await;
    let open = bed.open();
    for round in 2..=64 {
        must(&open, "ann", edit(DM, 1, &round.to_string())).await;
    }
    assert_eq!(refused(&open, "ann", edit(DM, 1, "65")).await, RejectCode::LimitReached);
    must(&open, "ann", edit(DM, 2, "another")).await;
    open.close().await;
}

pub(crate) async fn what_is_too_late_stays_as_it_is(bed: impl Bed) {
    let open = bed.open_with(for_ms(100, 200));
    open.say("ann", DM, &["one", "two"]).await;
    open.clock.store(1_100, Ordering::SeqCst);
    must(&open, "ann", edit(DM, 1, "in time")).await;
    open.clock.store(1_101, Ordering::SeqCst);
    assert_eq!(refused(&open, "ann", edit(DM, 1, "late")).await, RejectCode::TooLate);
    open.clock.store(1_200, Ordering::SeqCst);
    must(&open, "ann", recall(DM, 1)).await;
    open.clock.store(1_201, Ordering::SeqCst);
    assert_eq!(refused(&open, "ann", recall(DM, 2)).await, RejectCode::TooLate);
    open.close().await;
    let never = bed.open_with(for_ms(0, 0));
    never.say("ann", DM, &["three"]).await;
    assert_eq!(refused(&never, "ann", edit(DM, 5, "x")).await, RejectCode::TooLate);
    assert_eq!(refused(&never, "ann", recall(DM, 5)).await, RejectCode::TooLate);
    never.close().await;
}

pub(crate) async fn a_recall_leaves_the_place_and_nothing_of_the_content(bed: impl Bed) {
    let mut open = bed.open();
    let long = "long and secret ".repeat(2_000);
    let mine = said_in(DM, &long, Context::default());
    assert_eq!(open.put("ann", mine.clone()).await, stored(1));
    let edit_id = edit(DM, 1, &long[..9_000]);
    assert_eq!(open.put("ann", edit_id.clone()).await, stored(2));
    open.say("bob", DM, &["between"]).await;
    must(&open, "ann", edit(DM, 1, "short")).await;
    must(&open, "bob", pin(DM, 1, false)).await;
    assert_eq!(refused(&open, "bob", recall(DM, 1)).await, RejectCode::NotAllowed);
    let before = open.history(user("bob"), chat(DM), Edge::After(0), WIDE).await.unwrap().items;
    open.effects();
    let recalling = recall(DM, 1);
    assert_eq!(open.put("ann", recalling.clone()).await, stored(6));
    assert_eq!(open.effects().len(), 1, "the recall is an entry like others");
    let seen = ["erased by 6", "erased by 6", "between", "erased by 6", "pin 1", "recall 1"];
    for _ in 0..2 {
        let opened = open;
        assert_eq!(texts(&opened, "bob", DM).await, seen);
        assert_eq!(pins(&opened, "bob", DM).await, Vec::<u64>::new());
        let page = opened.history(user("bob"), chat(DM), Edge::After(0), WIDE).await.unwrap();
        for (was, is) in before.iter().zip(&page.items) {
            let was = Entry::decode(was.body.clone()).unwrap();
            let is = Entry::decode(is.body.clone()).unwrap();
            assert_eq!(Entry { content: is.content.clone(), ..was }, is);
        }
        // Its content is not known any more: the id alone says that it was accepted.
        assert_eq!(opened.put("ann", mine.clone()).await, duplicate(1));
        let other = Draft { content: Content::text("other").encode(), ..mine.clone() };
        assert_eq!(opened.put("ann", other).await, duplicate(1));
        assert_eq!(opened.put("ann", edit_id.clone()).await, duplicate(2));
        assert_eq!(opened.put("ann", recalling.clone()).await, duplicate(6));
        for draft in
            [recall(DM, 1), recall(DM, 2), edit(DM, 1, "x"), react(DM, 1), pin(DM, 1, false)]
        {
            assert_eq!(refused(&opened, "ann", draft).await, RejectCode::Invalid);
        }
        opened.close().await;
        open = bed.open();
    }
    open.close().await;
}

pub(crate) async fn the_longest_recall_is_one_commit(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &[&"x".repeat(60_000)]).await;
    let edits: Vec<Draft> = (0..64_u8).map(|n| edit(DM, 1, &n.to_string().repeat(8_000))).collect();
    for outcome in open.send("ann", edits).await {
        assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
    }
    assert_eq!(must(&open, "ann", recall(DM, 1)).await, 66);
    let mut seen = vec!["erased by 66".to_owned(); 65];
    seen.push("recall 1".into());
    assert_eq!(texts(&open, "bob", DM).await, seen);
    open.close().await;
    let open = bed.open();
    assert_eq!(texts(&open, "bob", DM).await, seen);
    open.close().await;
}

pub(crate) async fn a_device_that_lags_gets_what_is_left_in_its_place(bed: impl Bed) {
    let open = bed.open();
    open.claim("bob", "phone", Start::Everything).await;
    open.say("ann", DM, &["one", "two"]).await;
    must(&open, "ann", recall(DM, 1)).await;
    let lacked = open.missing("bob", "phone").await;
    let lacked: Vec<_> = lacked.iter().map(|(_, seq, text)| (*seq, text.as_str())).collect();
    assert_eq!(lacked, [(1, "erased by 3"), (2, "two"), (3, "recall 1")]);
    open.close().await;
}

pub(crate) async fn admins_recall_what_members_say(bed: impl Bed) {
    let open = bed.open_with(for_ms(0, 100));
    crew(&open).await;
    for sender in ["ann", "bob", "cid", "dan"] {
        open.say(sender, CREW, &["hi"]).await;
    }
    open.must("ann", CREW, GroupChange::Muted { users: users(&["cid"]), until_ms: 9_000 }).await;
    assert_eq!(refused(&open, "cid", edit(CREW, 5, "x")).await, RejectCode::Muted);
    assert_eq!(refused(&open, "cid", react(CREW, 3)).await, RejectCode::Muted);
    assert_eq!(must(&open, "cid", recall(CREW, 5)).await, 8, "who is mute takes back its own");
    assert_eq!(refused(&open, "cid", recall(CREW, 6)).await, RejectCode::NotAllowed);
    open.clock.store(5_000, Ordering::SeqCst);
    assert_eq!(refused(&open, "dan", recall(CREW, 6)).await, RejectCode::TooLate);
    assert_eq!(refused(&open, "bob", recall(CREW, 3)).await, RejectCode::NotAllowed);
    must(&open, "bob", recall(CREW, 6)).await;
    must(&open, "bob", recall(CREW, 4)).await;
    assert_eq!(refused(&open, "ann", recall(CREW, 1)).await, RejectCode::Invalid);
    open.say("bob", CREW, &["another"]).await;
    must(&open, "ann", recall(CREW, 11)).await;
    must(&open, "ann", recall(CREW, 3)).await;
    assert_eq!(refused(&open, "eve", recall(CREW, 3)).await, RejectCode::NoSuchChat);
    open.must("ann", CREW, GroupChange::Dissolved).await;
    assert_eq!(refused(&open, "ann", recall(CREW, 3)).await, RejectCode::NoSuchChat);
    open.close().await;
}

pub(crate) async fn only_what_is_seen_is_referred_to(bed: impl Bed) {
    let open = bed.open();
    crew(&open).await;
    open.say("ann", CREW, &["early"]).await;
    open.must("ann", CREW, GroupChange::Added(users(&["eve"]))).await;
    open.say("ann", CREW, &["late"]).await;
    for draft in [reply(CREW, 3), threaded(CREW, 3), react(CREW, 3)] {
        assert_eq!(refused(&open, "eve", draft).await, RejectCode::Invalid);
    }
    for draft in [reply(CREW, 99), threaded(CREW, 6), react(CREW, 1)] {
        assert_eq!(refused(&open, "ann", draft).await, RejectCode::Invalid);
    }
    for draft in [reply(CREW, 5), threaded(CREW, 5), react(CREW, 5), reply(CREW, 4)] {
        must(&open, "eve", draft).await;
    }
    assert_eq!(refused(&open, "zoe", reply(CREW, 5)).await, RejectCode::NoSuchChat);
    let everybody = Context { mentions_all: true, ..Context::default() };
    must(&open, "eve", said_in(CREW, "all", everybody.clone())).await;
    assert_eq!(refused(&open, "ann", said_in(DM, "all", everybody)).await, RejectCode::Invalid);
    assert_eq!(refused(&open, "ann", reply(DM, 1)).await, RejectCode::Invalid);
    open.say("ann", DM, &["first"]).await;
    assert_eq!(must(&open, "bob", reply(DM, 1)).await, 2);
    let rules = GroupRules { only_admins_write: true, ..GroupRules::default() };
    open.must("ann", CREW, GroupChange::RulesSet(rules)).await;
    assert_eq!(refused(&open, "cid", react(CREW, 3)).await, RejectCode::Muted);
    open.close().await;
}

pub(crate) async fn an_origin_is_checked(bed: impl Bed) {
    let open = bed.open();
    crew(&open).await;
    open.say("ann", CREW, &["the plan"]).await;
    must(&open, "ann", edit(CREW, 3, "the new plan")).await;
    let there = (CREW, 3, "ann");
    must(&open, "bob", forward(DM, "the plan", there)).await;
    must(&open, "bob", forward(DM, "the new plan", there)).await;
    for (text, from) in [
        ("another plan", there),
        ("the plan", (CREW, 3, "cid")),
        ("the plan", (CREW, 2, "ann")),
        ("the plan", (CREW, 99, "ann")),
        ("the plan", ("group:none", 1, "ann")),
        ("the plan", ("dm:cid:dan", 1, "cid")),
    ] {
        assert_eq!(refused(&open, "bob", forward(DM, text, from)).await, RejectCode::Invalid);
    }
    // Who does not see it does not forward it.
    let by_eve = forward("dm:ann:eve", "the plan", there);
    assert_eq!(refused(&open, "eve", by_eve).await, RejectCode::Invalid);
    let untold = Context { forwarded: Some(Forwarded::Somewhere), ..Context::default() };
    must(&open, "eve", said_in("dm:ann:eve", "the plan", untold)).await;
    must(&open, "ann", recall(CREW, 3)).await;
    let late = forward(DM, "the plan", there);
    assert_eq!(refused(&open, "bob", late).await, RejectCode::Invalid);
    open.close().await;
}

pub(crate) async fn so_many_are_pinned_and_each_once(bed: impl Bed) {
    let open = bed.open();
    crew(&open).await;
    let many: Vec<&str> = vec!["hi"; 51];
    open.say("cid", CREW, &many).await;
    assert_eq!(refused(&open, "cid", pin(CREW, 3, false)).await, RejectCode::NotAllowed);
    assert_eq!(refused(&open, "bob", pin(CREW, 1, false)).await, RejectCode::Invalid);
    for seq in 3..53 {
        must(&open, "bob", pin(CREW, seq, false)).await;
    }
    assert_eq!(refused(&open, "ann", pin(CREW, 53, false)).await, RejectCode::LimitReached);
    must(&open, "ann", pin(CREW, 3, false)).await;
    assert_eq!(pins(&open, "cid", CREW).await, (3..53).collect::<Vec<u64>>());
    must(&open, "ann", pin(CREW, 3, true)).await;
    must(&open, "ann", pin(CREW, 3, true)).await;
    must(&open, "ann", pin(CREW, 53, false)).await;
    open.must("ann", CREW, GroupChange::Removed(users(&["dan"]))).await;
    open.must("ann", CREW, GroupChange::Added(users(&["eve"]))).await;
    assert_eq!(pins(&open, "eve", CREW).await, Vec::<u64>::new(), "she sees none of them");
    assert_eq!(pins(&open, "dan", CREW).await, (4..54).collect::<Vec<u64>>());
    assert!(open.pins(user("zoe"), chat(CREW)).await.is_err());
    assert_eq!(pins(&open, "zoe", "dm:ann:zoe").await, Vec::<u64>::new());
    open.say("ann", DM, &["hi"]).await;
    must(&open, "bob", pin(DM, 1, false)).await;
    open.close().await;
    let open = bed.open();
    assert_eq!(pins(&open, "ann", DM).await, [1]);
    open.close().await;
}

pub(crate) async fn a_thread_comes_in_pages(bed: impl Bed) {
    let open = bed.open();
    crew(&open).await;
    open.say("ann", CREW, &["topic", "other"]).await;
    for of in [3, 3, 4, 3, 3] {
        must(&open, "cid", threaded(CREW, of)).await;
    }
    must(&open, "cid", recall(CREW, 6)).await;
    let page = async |name: &str, after, items| {
        let thread = Thread { chat: chat(CREW), of: 3, after };
        let limit = packetboat::store::PageLimit { items, ..WIDE };
        let page = open.thread(user(name), thread, limit).await.unwrap();
        (page.items.iter().map(|logged| logged.seq).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(page("bob", 0, 9).await, (vec![5, 8, 9], false));
    assert_eq!(page("bob", 0, 2).await, (vec![5, 8], true));
    assert_eq!(page("bob", 8, 2).await, (vec![9], false));
    assert_eq!(page("bob", 9, 2).await, (vec![], false));
    open.must("ann", CREW, GroupChange::Removed(users(&["dan"]))).await;
    open.must("ann", CREW, GroupChange::Added(users(&["eve"]))).await;
    must(&open, "cid", threaded(CREW, 3)).await;
    assert_eq!(page("eve", 0, 9).await, (vec![13], false));
    assert_eq!(page("dan", 0, 9).await, (vec![5, 8, 9], false));
    open.close().await;
}

pub(crate) async fn what_only_changes_entries_is_not_unread(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["one", "two"]).await;
    for draft in [edit(DM, 1, "uno"), react(DM, 2), pin(DM, 2, false), reply(DM, 1)] {
        must(&open, "ann", draft).await;
    }
    let unread =
        async |name: &str| open.chat(user(name), device("phone"), chat(DM)).await.unwrap().unread;
    assert_eq!((unread("bob").await, unread("ann").await), (3, 0));
    must(&open, "ann", recall(DM, 1)).await;
    assert_eq!(unread("bob").await, 2);
    open.close().await;
}

/// Whether an entry is one that was said, whole, or what a recall leaves of it.
fn is_whole(body: &Bytes, said: &[String]) -> bool {
    let entry = Entry::decode(body.clone()).unwrap();
    match Content::decode(&entry.content, usize::MAX).unwrap() {
        Content::Text(text) => text == said[usize::try_from(entry.seq - 1).unwrap()],
        Content::Erased(Erasure::Recalled { by }) => by > said.len() as u64,
        Content::Entry(Alteration::Recalled { .. }) => true,
        other => panic!("nobody says {other:?}"),
    }
}

async fn read_on(store: EmbeddedStore, said: Arc<Vec<String>>, over: Arc<AtomicBool>) -> usize {
    let mut rounds = 0;
    while !over.load(Ordering::SeqCst) || rounds == 0 {
        for edge in [Edge::After(0), Edge::Before(0)] {
            let page = store.history(user("bob"), chat(DM), edge, WIDE).await.unwrap();
            assert!(page.items.iter().all(|logged| is_whole(&logged.body, &said)));
            assert!(page.items.len() >= said.len());
        }
        let upto = said.len() as u64;
        let stretch = Stretch { chat: chat(DM), after: 0, upto };
        let reads = store.stretches(user("bob"), vec![stretch], WIDE).await.unwrap();
        assert_eq!((reads[0].reached, reads[0].entries.len()), (upto, said.len()));
        assert!(reads[0].entries.iter().all(|logged| is_whole(&logged.body, &said)));
        rounds += 1;
    }
    rounds
}

pub(crate) async fn a_reader_beside_a_recall_sees_an_entry_or_what_is_left_of_it(bed: impl Bed) {
    const ENTRIES: u64 = 40;
    let open = bed.open();
    let said: Vec<String> = (0..ENTRIES).map(|n| format!("{n} ").repeat(6_000)).collect();
    for text in &said {
        open.say("ann", DM, &[text]).await;
    }
    let (said, over) = (Arc::new(said), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, said, over) = (open.store.clone(), Arc::clone(&said), Arc::clone(&over));
            tokio::spawn(read_on(store, said, over))
        })
        .collect();
    for seq in 1..=ENTRIES {
        must(&open, "ann", recall(DM, seq)).await;
    }
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    open.close().await;
}

#[tokio::test]
async fn a_recall_is_not_shown_before_it_is_durable() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    open.claim("bob", "phone", Start::Everything).await;
    faulty.hold();
    let (store, recalling) = (open.store.clone(), recall(DM, 1));
    let author = crate::bed::author("ann");
    let recalling = tokio::spawn(async move { store.append(author, vec![recalling]).await });
    faulty.commit_waits().await;
    let stretch = Stretch { chat: chat(DM), after: 0, upto: 1 };
    let (store, again) = (open.store.clone(), open.store.clone());
    let read = tokio::spawn(async move { store.stretches(user("bob"), vec![stretch], WIDE).await });
    let paged =
        tokio::spawn(
            async move { again.history(user("bob"), chat(DM), Edge::Before(0), WIDE).await },
        );
    // Both have looked, and have to look again.
    let before = faulty.faults.reads.load(Ordering::SeqCst);
    faulty.reads_beyond(before).await;
    let view = open.chat(user("bob"), device("phone"), chat(DM)).await.unwrap();
    assert_eq!(view.head, 1);
    assert!(!read.is_finished() && !paged.is_finished() && !recalling.is_finished());
    faulty.let_go();
    let read = read.await.unwrap().unwrap();
    assert_eq!(text_of(&read[0].entries[0].body), "erased by 2");
    let paged = paged.await.unwrap().unwrap();
    assert_eq!(text_of(&paged.items[0].body), "erased by 2");
    assert_eq!(recalling.await.unwrap().unwrap(), [stored(2)]);
    open.close().await;
}

#[tokio::test]
async fn who_waits_for_a_recall_hears_that_the_store_failed() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    faulty.hold();
    faulty.faults.fail_sync.store(true, Ordering::SeqCst);
    let (store, recalling) = (open.store.clone(), recall(DM, 1));
    let author = crate::bed::author("ann");
    let recalling = tokio::spawn(async move { store.append(author, vec![recalling]).await });
    faulty.commit_waits().await;
    let store = open.store.clone();
    let paged =
        tokio::spawn(
            async move { store.history(user("bob"), chat(DM), Edge::Before(0), WIDE).await },
        );
    let before = faulty.faults.reads.load(Ordering::SeqCst);
    faulty.reads_beyond(before).await;
    faulty.let_go();
    assert!(paged.await.unwrap().is_err());
    assert!(recalling.await.unwrap().is_err());
    open.close().await;
}
