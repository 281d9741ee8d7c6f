//! Contracts of receipts: who has had an entry, who has read it, and to whom that is told.

use std::sync::atomic::Ordering;

use packetboat::store::act::{Act, Acted};
use packetboat::store::receipt::{RECEIPTS_AGE_MS, ReadersQuery, ReceiptBook};
use packetboat::store::{Effect, ReceiptRule, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, GroupRules};
use packetboat_proto::id::UserId;
use packetboat_proto::packet::ReceiptState;
use packetboat_proto::seqs::SeqRange;

use crate::bed::{Bed, Opened, chat, created, device, refused, user, users};

const CREW: &str = "group:crew";
const DM: &str = "dm:ann:bob";

/// First and last entry, members, delivered, read.
type Step = (u64, u64, u32, u32, u32);

async fn counted(open: &Opened, name: &str, of: &str, first: u64, last: u64) -> Vec<Step> {
    let ranges = SeqRange::new(first, last).into_iter().collect();
    let counts = open.receipts(user(name), chat(of), ranges).await.unwrap();
    assert!(!counts.more);
    let steps = counts.steps.iter();
    steps.map(|step| (step.first, step.last, step.members, step.delivered, step.read)).collect()
}

async fn some_of(
    open: &Opened,
    name: &str,
    (of, seq, state): (&str, u64, ReceiptState),
    after: Option<UserId>,
    limit: usize,
) -> (Vec<UserId>, Option<UserId>) {
    let query = ReadersQuery { chat: chat(of), seq, state, after };
    let page = open.readers(user(name), query, limit).await.unwrap();
    (page.users, page.next)
}

/// Those who have read an entry, who have it, and who wait for it.
async fn sorted(open: &Opened, name: &str, of: &str, seq: u64) -> [Vec<UserId>; 3] {
    let states = [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting];
    let mut found = Vec::new();
    for state in states {
        let (users, next) = some_of(open, name, (of, seq, state), None, 99).await;
        assert_eq!(next, None);
        found.push(users);
    }
    found.try_into().unwrap()
}

async fn hide(open: &Opened, name: &str, rule: ReceiptRule) {
    assert_eq!(open.act(user(name), Act::SetReceipts(rule)).await.unwrap(), Acted::Done);
}

pub(crate) async fn receipts_count_the_others_who_may_see_an_entry(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cyd"]).await;
    open.say("ann", CREW, &["2", "3", "4"]).await;
    open.moved("bob", "phone", CREW, 4, 3).await;
    open.moved("cyd", "phone", CREW, 2, 0).await;
    open.must("ann", CREW, GroupChange::Added(users(&["dan"]))).await;
    open.moved("dan", "phone", CREW, 5, 5).await;
    let told = [(1, 2, 2, 2, 1), (3, 3, 2, 1, 1), (4, 4, 2, 1, 0), (5, 5, 3, 1, 1)];
    assert_eq!(counted(&open, "ann", CREW, 1, 99).await, told);
    assert_eq!(counted(&open, "ann", CREW, 3, 3).await, told[1..2]);
    assert_eq!(counted(&open, "dan", CREW, 1, 9).await, [(5, 5, 3, 0, 0)], "from where it came in");
    assert_eq!(counted(&open, "ann", CREW, 6, 9).await, []);
    assert_eq!(counted(&open, "ann", CREW, 3, 2).await, []);
    let three = [users(&["bob"]), vec![], users(&["cyd"])];
    assert_eq!(sorted(&open, "ann", CREW, 3).await, three);
    assert_eq!(sorted(&open, "ann", CREW, 4).await, [vec![], users(&["bob"]), users(&["cyd"])]);
    assert_eq!(sorted(&open, "dan", CREW, 4).await, [vec![], vec![], vec![]]);
    assert_eq!(sorted(&open, "ann", CREW, 9).await, [vec![], vec![], vec![]]);
    open.must("ann", CREW, GroupChange::Removed(users(&["cyd"]))).await;
    assert_eq!(counted(&open, "ann", CREW, 2, 2).await, [(2, 2, 1, 1, 1)], "of those who are in");
    let ranges = || vec![SeqRange::new(1, 2).unwrap()];
    let out = open.receipts(user("cyd"), chat(CREW), ranges()).await;
    assert_eq!(refused(out), RejectCode::NotAllowed);
    let stranger = open.receipts(user("eve"), chat(CREW), ranges()).await;
    assert_eq!(refused(stranger), RejectCode::NoSuchChat);
    let state = ReceiptState::Read;
    let query = ReadersQuery { chat: chat(CREW), seq: 2, state, after: None };
    assert_eq!(refused(open.readers(user("eve"), query, 9).await), RejectCode::NoSuchChat);
    let two = vec![SeqRange::new(3, 3).unwrap(), SeqRange::new(1, 1).unwrap()];
    let counts = open.receipts(user("ann"), chat(CREW), two).await.unwrap();
    assert_eq!(counts.steps.iter().map(|step| step.first).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(counted(&open, "ann", DM, 1, 9).await, [], "nothing was written to it");
    open.close().await;
}

pub(crate) async fn who_may_see_what_was_before_has_not_read_it(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    let rules = GroupRules { history_for_all: true, ..GroupRules::default() };
    open.must("ann", CREW, GroupChange::RulesSet(rules)).await;
    open.must("ann", CREW, GroupChange::Added(users(&["bob"]))).await;
    assert_eq!(counted(&open, "ann", CREW, 1, 3).await, [(1, 3, 1, 0, 0)]);
    assert_eq!(sorted(&open, "ann", CREW, 1).await, [vec![], vec![], users(&["bob"])]);
    let view = open.chat(user("bob"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.read, view.unread), (2, 1), "and yet it is not unread");
    open.moved("bob", "phone", CREW, 3, 1).await;
    assert_eq!(counted(&open, "ann", CREW, 1, 3).await, [(1, 1, 1, 1, 1), (2, 3, 1, 1, 0)]);
    open.close().await;
}

pub(crate) async fn who_hides_what_it_reads_is_told_of_nobody(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cyd"]).await;
    open.say("ann", DM, &["1", "2"]).await;
    for name in ["bob", "cyd"] {
        open.moved(name, "phone", CREW, 1, 1).await;
    }
    open.moved("bob", "phone", DM, 1, 1).await;
    open.moved("ann", "phone", DM, 2, 2).await;
    hide(&open, "bob", ReceiptRule::Hidden).await;
    open.effects();
    hide(&open, "bob", ReceiptRule::Hidden).await;
    assert_eq!(open.effects(), [], "said again, it is no news");
    open.moved("bob", "phone", DM, 1, 2).await;
    open.moved("bob", "phone", DM, 2, 2).await;
    open.moved("ann", "desk", DM, 2, 2).await;
    let told = |effect: &Effect| match effect {
        Effect::CursorMoved { read, told, .. } => (*read, *told),
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = open.effects().iter().map(told).collect();
    assert_eq!(told, [(2, None), (2, Some(0))], "only what was had is told");
    let peer_read =
        async |name: &str| open.chat(user(name), device("x"), chat(DM)).await.unwrap().peer_read;
    assert_eq!([peer_read("ann").await, peer_read("bob").await], [0, 0]);
    let page = open.members(user("ann"), chat(CREW), None, 9).await.unwrap();
    assert_eq!(page.items.iter().map(|one| one.read).collect::<Vec<_>>(), [0, 0, 1]);
    let page = open.members(user("bob"), chat(CREW), None, 9).await.unwrap();
    assert_eq!(page.items.iter().map(|one| one.read).collect::<Vec<_>>(), [0, 1, 0], "one's own");
    assert_eq!(counted(&open, "ann", CREW, 1, 1).await, [(1, 1, 2, 2, 1)]);
    assert_eq!(counted(&open, "bob", CREW, 1, 1).await, [(1, 1, 2, 1, 0)]);
    let (bob, cyd) = (users(&["bob"]), users(&["cyd"]));
    assert_eq!(sorted(&open, "ann", CREW, 1).await, [cyd, bob, vec![]]);
    assert_eq!(sorted(&open, "bob", CREW, 1).await, [vec![], users(&["cyd"]), users(&["ann"])]);
    open.close().await;
    drop(open);
    let open = bed.open();
    let ranges = vec![SeqRange::new(1, 1).unwrap()];
    assert!(open.receipts(user("bob"), chat(CREW), ranges).await.unwrap().hidden);
    open.set_profile(user("bob"), "busy".into(), packetboat::store::Visibility::Nobody)
        .await
        .unwrap();
    assert_eq!(
        counted(&open, "ann", CREW, 1, 1).await,
        [(1, 1, 2, 2, 1)],
        "a status tells nothing"
    );
    hide(&open, "bob", ReceiptRule::Told).await;
    assert_eq!(counted(&open, "ann", CREW, 1, 1).await, [(1, 1, 2, 2, 2)]);
    open.moved("ann", "phone", CREW, 1, 1).await;
    assert_eq!(counted(&open, "bob", CREW, 1, 1).await, [(1, 1, 2, 2, 2)]);
    open.close().await;
}

async fn large_crew(open: &Opened, mates: usize) -> Vec<String> {
    let names: Vec<String> = (0..mates).map(|at| format!("u{at:04}")).collect();
    let names_of = |some: &[String]| some.iter().map(|name| user(name)).collect::<Vec<_>>();
    open.must("ann", CREW, created(&[])).await;
    for some in names.chunks(100) {
        open.must("ann", CREW, GroupChange::Added(names_of(some))).await;
    }
    open.say("ann", CREW, &["hello"]).await;
    names
}

pub(crate) async fn readers_come_in_pages(bed: impl Bed) {
    let open = bed.open();
    let names = large_crew(&open, 300).await;
    let seq = open.chat(user("ann"), device("x"), chat(CREW)).await.unwrap().head;
    for name in names.iter().step_by(2) {
        open.moved(name, "phone", CREW, seq, seq).await;
    }
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let asked = (CREW, seq, ReceiptState::Read);
        let (users, next) = some_of(&open, "ann", asked, after, 40).await;
        assert!(users.len() <= 40);
        read.extend(users);
        if next.is_none() {
            break;
        }
        after = next;
    }
    let expected: Vec<UserId> = names.iter().step_by(2).map(|name| user(name)).collect();
    assert_eq!(read, expected);
    open.close().await;
}

pub(crate) async fn a_large_group_is_counted_once_in_a_while(bed: impl Bed) {
    let open = bed.open();
    let names = large_crew(&open, 200).await;
    let seq = open.chat(user("ann"), device("x"), chat(CREW)).await.unwrap().head;
    let read = async || counted(&open, "ann", CREW, seq, seq).await[0].4;
    open.moved(&names[0], "phone", CREW, seq, seq).await;
    assert_eq!(read().await, 1);
    open.moved(&names[1], "phone", CREW, seq, seq).await;
    assert_eq!(read().await, 1, "as it was a moment ago");
    open.clock.fetch_add(RECEIPTS_AGE_MS, Ordering::SeqCst);
    assert_eq!(read().await, 2);
    open.clock.fetch_sub(RECEIPTS_AGE_MS, Ordering::SeqCst);
    open.moved(&names[2], "phone", CREW, seq, seq).await;
    assert_eq!(read().await, 3, "a clock that was set back makes nothing young");
    open.close().await;
}
