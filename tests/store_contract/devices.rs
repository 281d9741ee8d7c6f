//! Contracts of devices: where they start, what they still get, and what others learn.

use packetboat::store::embedded::Settings;
use packetboat::store::{CursorMove, Effect, PageLimit, Start, Store, StoreError, Stretch};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;

use crate::bed::{Bed, Opened, WIDE, chat, claim, device, draft, session, text_of, user, users};

const DM: &str = "dm:ann:bob";
const CREW: &str = "group:crew";

pub(crate) async fn a_new_device_starts_where_it_asks(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3", "4"]).await;
    open.crew("ann", &[]).await;
    open.say("ann", CREW, &["old"]).await;
    open.must("ann", CREW, GroupChange::Added(users(&["bob"]))).await;
    open.say("ann", CREW, &["new"]).await;
    assert!(open.claim("bob", "first", Start::Undelivered).await);
    let everything = ["1", "2", "3", "4", "+user", "new"];
    assert_eq!(open.missing_texts("bob", "first").await, everything);
    open.moved("bob", "first", DM, 2, 0).await;
    let cases: [(&str, Start, &[&str]); 6] = [
        ("undelivered", Start::Undelivered, &["3", "4", "+user", "new"]),
        ("everything", Start::Everything, &everything),
        ("last", Start::Last(1), &["4", "new"]),
        ("last-three", Start::Last(3), &["2", "3", "4", "+user", "new"]),
        ("none", Start::Last(0), &[]),
        ("newest", Start::Newest, &[]),
    ];
    for (name, start, expected) in cases {
        assert!(open.claim("bob", name, start).await, "{name}");
        assert_eq!(open.missing_texts("bob", name).await, expected, "{name}");
    }
    open.say("ann", DM, &["5"]).await;
    open.say("cid", "dm:bob:cid", &["a chat that came later"]).await;
    let page = open.missing_texts("bob", "newest").await;
    assert_eq!(page, ["5", "a chat that came later"]);
    open.close().await;
}

pub(crate) async fn a_known_device_keeps_its_cursors(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3"]).await;
    assert!(open.claim("bob", "phone", Start::Everything).await);
    open.moved("bob", "phone", DM, 2, 1).await;
    assert!(!open.claim("bob", "phone", Start::Everything).await);
    open.close().await;
    let open = bed.open();
    assert!(!open.claim("bob", "phone", Start::Newest).await);
    assert_eq!(open.missing_texts("bob", "phone").await, ["3"]);
    open.close().await;
}

pub(crate) async fn a_user_has_so_many_devices_and_no_more(bed: impl Bed) {
    let mut settings = Settings::default();
    settings.rules.devices_per_user_max = 2;
    let open = bed.open_with(settings);
    assert!(open.claim("bob", "phone", Start::Newest).await);
    assert!(open.claim("bob", "tablet", Start::Newest).await);
    let third = claim("bob", "third", Start::Newest);
    let refused = Store::claim(&open.store, third).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Refused(refusal)
        if refusal.code == RejectCode::LimitReached),
        "{refused:?}"
    );
    assert!(!open.claim("bob", "phone", Start::Newest).await, "those that are known may come");
    assert!(open.claim("ann", "third", Start::Newest).await);
    open.close().await;
}

pub(crate) async fn a_device_gets_exactly_what_is_missing(bed: impl Bed) {
    let open = bed.open();
    let peers = ["cid", "dan", "eve", "fay", "gus", "hal", "ida"];
    for peer in peers {
        let to = format!("dm:bob:{peer}");
        open.say(peer, &to, &["one", "two", "three"]).await;
    }
    open.claim("bob", "phone", Start::Everything).await;
    open.claim("bob", "desk", Start::Everything).await;
    for peer in &peers[..4] {
        open.moved("bob", "phone", &format!("dm:bob:{peer}"), 3, 0).await;
    }
    open.moved("bob", "phone", "dm:bob:gus", 1, 0).await;
    let found = open.missing("bob", "phone").await;
    let found: Vec<_> = found.iter().map(|(to, seq, _)| (to.as_str(), *seq)).collect();
    let expected = [
        ("dm:bob:gus", 2),
        ("dm:bob:gus", 3),
        ("dm:bob:hal", 1),
        ("dm:bob:hal", 2),
        ("dm:bob:hal", 3),
        ("dm:bob:ida", 1),
        ("dm:bob:ida", 2),
        ("dm:bob:ida", 3),
    ];
    assert_eq!(found, expected);
    assert_eq!(open.missing("bob", "desk").await.len(), 21);
    open.close().await;
}

pub(crate) async fn cursors_only_move_forward_and_within_sight(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3"]).await;
    open.claim("bob", "phone", Start::Everything).await;
    open.effects();
    let moved = |delivered, read| Effect::CursorMoved {
        chat: chat(DM),
        user: user("bob"),
        delivered,
        read,
        told: Some(read),
    };
    open.moved("bob", "phone", DM, 2, 0).await;
    assert_eq!(open.effects(), [moved(2, 0)]);
    open.moved("bob", "phone", DM, 1, 0).await;
    open.moved("bob", "desk", DM, 1, 0).await;
    assert_eq!(open.effects(), [], "no cursor of the user's moved");
    open.moved("bob", "phone", DM, 0, 3).await;
    assert_eq!(open.effects(), [moved(2, 3)], "what is read is told from what was had");
    open.moved("bob", "phone", DM, 99, 99).await;
    assert_eq!(open.effects(), [moved(3, 3)]);
    open.moved("eve", "phone", DM, 3, 3).await;
    open.moved("bob", "phone", "group:none", 3, 3).await;
    assert_eq!(open.effects(), []);
    let many = (0..300).map(|_| CursorMove { chat: chat(DM), delivered: 3, read: 3 }).collect();
    open.advance(user("bob"), device("desk"), many).await.unwrap();
    assert_eq!(open.missing_texts("bob", "desk").await, Vec::<String>::new());
    open.say("ann", DM, &["4"]).await;
    assert_eq!(open.missing_texts("bob", "phone").await, ["4"]);
    open.close().await;
}

pub(crate) async fn a_claim_over_many_chats_is_whole(bed: impl Bed) {
    const CHATS: usize = 333;
    let open = bed.open();
    let drafts = (0..CHATS).map(|at| draft(&format!("dm:ann:u{at}"), "hi")).collect();
    open.send("ann", drafts).await;
    open.claim("ann", "newest", Start::Newest).await;
    assert_eq!(open.missing("ann", "newest").await, []);
    open.claim("ann", "all", Start::Everything).await;
    assert_eq!(open.missing("ann", "all").await.len(), CHATS);
    let moves = (0..CHATS).map(|at| CursorMove {
        chat: chat(&format!("dm:ann:u{at}")),
        delivered: 1,
        read: 1,
    });
    open.advance(user("ann"), device("all"), moves.collect()).await.unwrap();
    assert_eq!(open.missing("ann", "all").await, []);
    open.close().await;
    let open = bed.open();
    assert_eq!(open.missing("ann", "all").await, []);
    open.close().await;
}

/// An effect in a few letters.
fn told(effect: &Effect) -> String {
    let names = |users: &[packetboat_proto::id::UserId]| {
        users.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    match effect {
        Effect::Claimed { user, device, groups, .. } => {
            format!("{user}/{device} claimed in {} groups", groups.len())
        }
        Effect::Related { user, other, .. } => format!("{user} stands otherwise to {other}"),
        Effect::LoggedOut { user, device } => format!("{user}: {device} logged out"),
        Effect::Joined { users, .. } => format!("{} joined", names(users)),
        Effect::Stored(stored) => format!("{} {}", stored.seq, text_of(&stored.body)),
        Effect::Left { users, .. } => format!("{} left", names(users)),
        Effect::OwnChanged { user, revision } => format!("{user} own {revision}"),
        Effect::ProfileSet { .. } => "profile".into(),
        Effect::Keys(_) => "keys".into(),
        Effect::Dissolved { .. } => "dissolved".to_owned(),
        Effect::Joining { to, news } => format!("{}: {} {:?}", names(to), news.user, news.state),
        Effect::ScheduleFailed { user, refusal, .. } => format!("{user} {}", refusal.code.name()),
        Effect::CursorMoved { user, delivered, read, .. } => format!("{user} {delivered} {read}"),
    }
}

async fn scene(open: &Opened) {
    open.crew("ann", &["bob"]).await;
    open.claim("bob", "phone", Start::Everything).await;
    open.say("bob", CREW, &["hi"]).await;
    open.must("ann", CREW, GroupChange::Added(users(&["cid"]))).await;
    open.moved("cid", "phone", CREW, 3, 3).await;
    open.must("ann", CREW, GroupChange::Removed(users(&["bob", "cid"]))).await;
    open.claim("bob", "phone", Start::Everything).await;
}

pub(crate) async fn effects_come_in_the_order_of_the_log(bed: impl Bed) {
    let open = bed.open();
    scene(&open).await;
    let effects = open.effects();
    let expected = [
        "ann,bob joined",
        "1 +group",
        "bob/phone claimed in 1 groups",
        "2 hi",
        "cid joined",
        "3 +user",
        "cid 3 3",
        "4 -user",
        "bob,cid left",
        "bob/phone claimed in 0 groups",
    ];
    assert_eq!(effects.iter().map(told).collect::<Vec<_>>(), expected);
    let Effect::Stored(said) = &effects[3] else { panic!("{:?}", effects[3]) };
    assert_eq!((said.origin, &said.chat), (session("bob"), &chat(CREW)));
    let page = open.history(user("ann"), chat(CREW), packetboat::store::Edge::After(1), WIDE);
    assert_eq!(page.await.unwrap().items[0].body, said.body, "what is pushed is what is stored");
    open.close().await;
}

pub(crate) async fn lagging_goes_on_where_it_stopped(bed: impl Bed) {
    const CHATS: usize = 1_100;
    let open = bed.open();
    let drafts = (0..CHATS).map(|at| draft(&format!("dm:ann:u{at:04}"), "hi")).collect();
    open.send("ann", drafts).await;
    open.claim("ann", "phone", Start::Newest).await;
    let (name, on) = (user("ann"), device("phone"));
    let page = open.lagging(name.clone(), on.clone(), None, 10).await.unwrap();
    assert_eq!(page.lags, []);
    assert!(page.next.is_some(), "a long scan stops at its bound, and says so");
    let page = open.lagging(name.clone(), on.clone(), page.next, 10).await.unwrap();
    assert_eq!((page.lags.len(), page.next), (0, None));
    open.say("ann", "dm:ann:u1099", &["new"]).await;
    open.say("ann", "dm:ann:u0000", &["new"]).await;
    let page = open.lagging(name.clone(), on.clone(), None, 1).await.unwrap();
    assert_eq!(page.lags.len(), 1);
    assert_eq!(page.next, Some(chat("dm:ann:u0000")));
    assert_eq!(open.missing("ann", "phone").await.len(), 2);
    let page = open.lagging(name, on, Some(chat("dm:ann:u1098")), 1).await.unwrap();
    assert_eq!((page.lags.len(), page.next), (1, None), "there is nothing behind the last");
    open.close().await;
}

pub(crate) async fn stretches_stop_at_the_limit(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3"]).await;
    open.say("bob", "dm:bob:cid", &["4", "5"]).await;
    let stretch = |to: &str, after, upto| Stretch { chat: chat(to), after, upto };
    let wanted = [stretch("dm:ann:eve", 0, 9), stretch(DM, 1, 3), stretch("dm:bob:cid", 0, 2)];
    let read = async |items, bytes| {
        let limit = PageLimit { items, bytes };
        let reads = open.stretches(user("bob"), wanted.to_vec(), limit).await.unwrap();
        reads.into_iter().map(|read| (read.entries.len(), read.reached)).collect::<Vec<_>>()
    };
    assert_eq!(read(99, usize::MAX).await, [(0, 9), (2, 3), (2, 2)]);
    assert_eq!(read(3, usize::MAX).await, [(0, 9), (2, 3), (1, 1)]);
    assert_eq!(read(2, usize::MAX).await, [(0, 9), (2, 3)], "the third was not begun");
    assert_eq!(read(1, usize::MAX).await, [(0, 9), (1, 2)]);
    assert_eq!(read(99, 1).await, [(0, 9), (1, 2)], "one is always given");
    let beyond = vec![stretch(DM, 3, 7)];
    let reads = open.stretches(user("bob"), beyond, WIDE).await.unwrap();
    assert_eq!((reads[0].entries.len(), reads[0].reached), (0, 3), "only what is durable");
    open.close().await;
}
