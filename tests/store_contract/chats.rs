//! Contracts of what users ask for: history, chats, members, who was here, accounts.

use packetboat::store::{Accounts, Edge, PageLimit, Role, Start, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;

use crate::bed::{Bed, Opened, WIDE, chat, device, refused, text_of, user, users};

const DM: &str = "dm:ann:bob";
const CREW: &str = "group:crew";

async fn page(open: &Opened, edge: Edge, items: usize) -> (Vec<u64>, bool) {
    let limit = PageLimit { items, ..WIDE };
    let page = open.history(user("ann"), chat(DM), edge, limit).await.unwrap();
    (page.items.iter().map(|logged| logged.seq).collect(), page.more)
}

pub(crate) async fn history_goes_both_ways(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3", "4", "5"]).await;
    let cases: [(Edge, usize, &[u64], bool); 11] = [
        (Edge::After(0), 2, &[1, 2], true),
        (Edge::After(2), 2, &[3, 4], true),
        (Edge::After(3), 2, &[4, 5], false),
        (Edge::After(5), 2, &[], false),
        (Edge::After(u64::MAX), 2, &[], false),
        (Edge::Before(0), 2, &[4, 5], true),
        (Edge::Before(4), 2, &[2, 3], true),
        (Edge::Before(3), 2, &[1, 2], false),
        (Edge::Before(1), 2, &[], false),
        (Edge::Before(u64::MAX), 9, &[1, 2, 3, 4, 5], false),
        (Edge::After(0), 0, &[1], true),
    ];
    for (edge, items, seqs, more) in cases {
        assert_eq!(page(&open, edge, items).await, (seqs.to_vec(), more), "{edge:?} {items}");
    }
    open.close().await;
}

pub(crate) async fn history_stops_at_bytes(bed: impl Bed) {
    let open = bed.open();
    let long = "x".repeat(3_000);
    open.say("ann", DM, &[&long, &long, &long, "short"]).await;
    let sizes = async |edge, bytes| {
        let limit = PageLimit { items: 99, bytes };
        let page = open.history(user("ann"), chat(DM), edge, limit).await.unwrap();
        (page.items.len(), page.more)
    };
    assert_eq!(sizes(Edge::After(0), 1).await, (1, true));
    assert_eq!(sizes(Edge::After(0), 6_500).await, (2, true));
    assert_eq!(sizes(Edge::Before(0), 6_500).await, (3, true));
    assert_eq!(sizes(Edge::Before(0), 20_000).await, (4, false));
    open.close().await;
}

pub(crate) async fn unread_counts_what_others_wrote(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.say("bob", DM, &["3"]).await;
    open.say("ann", DM, &["4"]).await;
    let unread =
        async |name: &str| open.chat(user(name), device("phone"), chat(DM)).await.unwrap().unread;
    assert_eq!((unread("bob").await, unread("ann").await), (3, 1));
    open.moved("bob", "phone", DM, 0, 1).await;
    assert_eq!(unread("bob").await, 2);
    open.moved("bob", "phone", DM, 0, 4).await;
    assert_eq!(unread("bob").await, 0);
    let many: Vec<String> = (0..1_001).map(|at| at.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    open.say("bob", DM, &many).await;
    assert_eq!(unread("bob").await, 1_001, "of a long stretch all are counted");
    open.moved("bob", "phone", DM, 0, 5).await;
    assert_eq!(unread("bob").await, 0);
    open.close().await;
}

pub(crate) async fn a_direct_chat_shows_the_other_one(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.claim("bob", "phone", Start::Everything).await;
    open.moved("bob", "phone", DM, 2, 1).await;
    let view = open.chat(user("ann"), device("desk"), chat(DM)).await.unwrap();
    assert_eq!((view.peer_delivered, view.peer_read), (2, 1));
    assert_eq!((view.head, view.delivered, view.last_at_ms), (2, 0, 1_000));
    assert_eq!((view.role, view.members, view.name.as_str()), (Some(Role::Member), 0, ""));
    open.close().await;
}

pub(crate) async fn members_come_in_pages(bed: impl Bed) {
    let open = bed.open();
    open.crew("dan", &["eve", "ann", "cid", "bob"]).await;
    open.moved("bob", "phone", CREW, 1, 1).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = open.members(user("ann"), chat(CREW), after, 2).await.unwrap();
        assert!(page.items.len() <= 2);
        found.extend(page.items);
        after = found.last().map(|member| member.user.clone());
        if !page.more {
            break;
        }
    }
    let names: Vec<_> = found.iter().map(|member| member.user.as_str()).collect();
    assert_eq!(names, ["ann", "bob", "cid", "dan", "eve"]);
    assert_eq!((found[1].delivered, found[1].read, found[3].role), (1, 1, Role::Owner));
    open.close().await;
}

pub(crate) async fn chats_come_in_pages_without_those_left(bed: impl Bed) {
    let open = bed.open();
    for name in ["a", "b", "c", "d", "e"] {
        let group = format!("group:{name}");
        open.must("ann", &group, crate::bed::created(&["bob"])).await;
    }
    open.must("bob", "group:b", GroupChange::Left { new_owner: None }).await;
    open.must("ann", "group:e", GroupChange::Removed(users(&["bob"]))).await;
    open.say("ann", DM, &["hi"]).await;
    let chats = async |after: Option<&str>, limit| {
        let after = after.map(chat);
        let page = open.chats(user("bob"), device("phone"), after, limit).await.unwrap();
        let names = page.items.iter().map(|view| view.chat.to_string()).collect::<Vec<_>>();
        (names.join(" "), page.more)
    };
    assert_eq!(chats(None, 2).await, ("dm:ann:bob group:a".into(), true));
    assert_eq!(chats(Some("group:a"), 2).await, ("group:c group:d".into(), false));
    assert_eq!(chats(Some("group:a"), 1).await, ("group:c".into(), true));
    assert_eq!(chats(Some("group:d"), 2).await, (String::new(), false));
    open.close().await;
}

pub(crate) async fn a_stranger_is_told_nothing(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.say("ann", DM, &["secret"]).await;
    for id in [DM, CREW, "group:none", "dm:bob:zoe"] {
        let (eve, on) = (user("eve"), device("phone"));
        let history = open.history(eve.clone(), chat(id), Edge::Before(0), WIDE).await;
        assert_eq!(refused(history), RejectCode::NoSuchChat);
        let view = open.chat(eve.clone(), on.clone(), chat(id)).await;
        assert_eq!(refused(view), RejectCode::NoSuchChat);
        let members = open.members(eve.clone(), chat(id), None, 9).await;
        assert_eq!(refused(members), RejectCode::NoSuchChat);
        assert_eq!(open.chats(eve, on, None, 9).await.unwrap().items, []);
    }
    open.close().await;
}

pub(crate) async fn last_seen_is_kept(bed: impl Bed) {
    use std::sync::atomic::Ordering;
    let open = bed.open();
    open.claim("ann", "phone", Start::Newest).await;
    open.clock.store(7_000, Ordering::SeqCst);
    open.release(user("ann"), device("phone")).await.unwrap();
    open.release(user("bob"), device("phone")).await.unwrap();
    open.close().await;
    let open = bed.open();
    open.claim("ann", "phone", Start::Newest).await;
    let seen = open.profiles(users(&["ann", "bob"])).await.unwrap();
    let seen: Vec<u64> = seen.iter().map(|profile| profile.last_seen_ms).collect();
    assert_eq!(seen, [7_000, 0], "a release of one who was never here leaves no trace");
    open.close().await;
}

pub(crate) async fn accounts_are_kept_and_generations_remembered(bed: impl Bed) {
    let open = bed.open();
    let secret = open.secret();
    let set = async |open: &Opened, hash: &str, new| {
        open.set_account(user("ann"), hash.into(), new).await
    };
    assert_eq!(refused(set(&open, "h1", false).await), RejectCode::UnknownUser);
    assert_eq!(refused(set(&open, &"h".repeat(257), true).await), RejectCode::Invalid);
    set(&open, "h1", true).await.unwrap();
    assert_eq!(refused(set(&open, "h2", true).await), RejectCode::AlreadyExists);
    set(&open, "h2", false).await.unwrap();
    let account = open.account(user("ann")).await.unwrap().unwrap();
    assert_eq!((account.hash.as_str(), account.generation), ("h2", 2));
    open.set_account(user("bob"), "h".into(), true).await.unwrap();
    open.set_account(user("cid"), "h".into(), true).await.unwrap();
    open.remove_account(user("ann")).await.unwrap();
    assert_eq!(refused(open.remove_account(user("ann")).await), RejectCode::UnknownUser);
    assert!(open.account(user("ann")).await.unwrap().is_none());
    assert_eq!(open.accounts(None, 1).await.unwrap(), users(&["bob"]));
    assert_eq!(open.accounts(Some(user("bob")), 9).await.unwrap(), users(&["cid"]));
    open.close().await;
    let open = bed.open();
    set(&open, "h3", true).await.unwrap();
    let account = open.account(user("ann")).await.unwrap().unwrap();
    assert_eq!(account.generation, 3, "old tickets stay bad");
    assert_eq!(open.secret(), secret);
    assert_ne!(secret, [0; 32]);
    open.close().await;
}

pub(crate) async fn everything_is_there_after_a_restart(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    open.say("bob", CREW, &["hello"]).await;
    open.must("ann", CREW, GroupChange::Renamed("Sailors".into())).await;
    open.must("ann", CREW, GroupChange::Removed(users(&["cid"]))).await;
    open.claim("bob", "phone", Start::Everything).await;
    open.moved("bob", "phone", CREW, 3, 2).await;
    let ask = async |open: &Opened| {
        let (bob, on) = (user("bob"), device("phone"));
        let chats = open.chats(bob.clone(), on.clone(), None, 9).await.unwrap();
        let members = open.members(bob.clone(), chat(CREW), None, 9).await.unwrap();
        let history = open.history(bob, chat(CREW), Edge::After(0), WIDE).await.unwrap();
        let of_cid = open.history(user("cid"), chat(CREW), Edge::After(0), WIDE).await.unwrap();
        (chats, members, history, of_cid, open.missing("bob", "phone").await)
    };
    let before = ask(&open).await;
    let texts: Vec<_> = before.2.items.iter().map(|logged| text_of(&logged.body)).collect();
    assert_eq!(texts, ["+group", "hello", "name", "-user"]);
    open.close().await;
    let open = bed.open();
    assert_eq!(ask(&open).await, before);
    open.close().await;
}
