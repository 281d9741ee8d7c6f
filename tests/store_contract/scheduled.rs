//! Contracts of messages that are to be sent later: when, how often, by whose right, and what
//! becomes of those that cannot be.

use std::sync::atomic::Ordering;

use packetboat::store::act::{Act, Acted};
use packetboat::store::agenda::{Agenda, Scheduled};
use packetboat::store::{Draft, Edge, Effect, Outcome, PageLimit, Store, StoreError};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, GroupChange, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::SessionId;
use packetboat_proto::packet::ScheduledName;

use crate::bed::{
    Bed, Opened, WIDE, chat, content_draft, draft, refused, text_of, user, users, with_id,
};

const CREW: &str = "group:crew";
const DM: &str = "dm:ann:bob";
/// The clock of a store that was just opened is at 1,000.
const LATER_MS: u64 = 5_000;
const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1_000;

fn set_time(open: &Opened, now_ms: u64) {
    open.clock.store(now_ms, Ordering::SeqCst);
}

fn name(draft: &Draft) -> ScheduledName {
    ScheduledName { chat: draft.chat.clone(), id: draft.id }
}

async fn try_schedule(
    open: &Opened,
    by: &str,
    draft: &Draft,
    at_ms: u64,
) -> Result<Acted, StoreError> {
    open.act(user(by), Act::Schedule { draft: Box::new(draft.clone()), at_ms }).await
}

async fn schedule(open: &Opened, by: &str, draft: &Draft, at_ms: u64) {
    assert_eq!(try_schedule(open, by, draft, at_ms).await, Ok(Acted::Done));
}

async fn unschedule(open: &Opened, by: &str, draft: &Draft) {
    let act = Act::Unschedule(name(draft));
    assert_eq!(open.act(user(by), act).await, Ok(Acted::Done));
}

async fn scheduled(open: &Opened, by: &str) -> Vec<Scheduled> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let limit = PageLimit { items: 2, bytes: usize::MAX };
        let page = open.store.scheduled(user(by), after, limit).await.unwrap();
        all.extend(page.items);
        if !page.more {
            return all;
        }
        after = all.last().map(|last| last.name.clone());
    }
}

async fn log(open: &Opened, by: &str, of: &str) -> Vec<Entry> {
    let page = open.history(user(by), chat(of), Edge::After(0), WIDE).await.unwrap();
    page.items.into_iter().map(|logged| Entry::decode(logged.body).unwrap()).collect()
}

async fn texts(open: &Opened, by: &str, of: &str) -> Vec<String> {
    log(open, by, of).await.iter().map(|entry| text_of(&entry.encode())).collect()
}

pub(crate) async fn a_scheduled_message_is_sent_once_and_at_its_time(bed: impl Bed) {
    let mut open = bed.open();
    let late = with_id(draft(DM, "late"), 1);
    let early = with_id(draft(DM, &"early".repeat(2_000)), 2);
    schedule(&open, "ann", &late, LATER_MS + 1).await;
    schedule(&open, "ann", &early, LATER_MS).await;
    assert_eq!(scheduled(&open, "bob").await, []);
    let found = scheduled(&open, "ann").await;
    assert_eq!(found.iter().map(|it| it.at_ms).collect::<Vec<_>>(), [LATER_MS + 1, LATER_MS]);
    assert_eq!((&found[1].content, &found[1].failed), (&early.content, &None));
    open.close().await;
    open = bed.open();
    set_time(&open, LATER_MS - 1);
    assert_eq!(open.do_due().await.unwrap(), 0);
    for (now_ms, sent) in [(LATER_MS, 1), (LATER_MS + 1, 1), (LATER_MS + 9_999, 0)] {
        set_time(&open, now_ms);
        assert_eq!(open.do_all_due().await, sent);
    }
    let entries = log(&open, "bob", DM).await;
    let found: Vec<_> = entries.iter().map(|it| (it.id, it.sender.as_str(), it.at_ms)).collect();
    assert_eq!(found, [(early.id, "ann", LATER_MS), (late.id, "ann", LATER_MS + 1)]);
    assert_eq!((&entries[0].content, &entries[1].content), (&early.content, &late.content));
    let stored = open.effects().into_iter().filter_map(|effect| match effect {
        Effect::Stored(stored) => Some(stored.origin),
        _ => None,
    });
    assert_eq!(stored.collect::<Vec<_>>(), [SessionId::from([0; 16]); 2], "every device gets it");
    assert_eq!(scheduled(&open, "ann").await, []);
    // Asked again after its time, or sent by hand: it is there.
    schedule(&open, "ann", &late, LATER_MS + 20_000).await;
    assert_eq!(scheduled(&open, "ann").await, []);
    let again = open.put("ann", late.clone()).await;
    assert_eq!(again, Outcome::Duplicate { seq: 2, at_ms: LATER_MS + 1 });
    open.close().await;
}

pub(crate) async fn a_clock_that_was_ahead_for_a_moment_sends_nothing_early(bed: impl Bed) {
    let open = bed.open();
    set_time(&open, LATER_MS);
    open.say("ann", DM, &["written while the clock is ahead"]).await;
    set_time(&open, 1_000);
    let (soon, late) = (draft(DM, "soon"), draft(DM, "late"));
    schedule(&open, "ann", &soon, 1_500).await;
    schedule(&open, "ann", &late, LATER_MS).await;
    for (now_ms, sent) in [(1_499, 0), (1_500, 1), (LATER_MS - 1, 0), (LATER_MS, 1)] {
        set_time(&open, now_ms);
        assert_eq!(open.do_all_due().await, sent, "{now_ms}");
    }
    assert_eq!(texts(&open, "bob", DM).await[1..], ["soon", "late"]);
    open.close().await;
}

pub(crate) async fn it_is_set_anew_and_taken_back_by_its_name(bed: impl Bed) {
    let open = bed.open();
    let first = with_id(draft(DM, &"long".repeat(3_000)), 7);
    let second = with_id(draft(DM, "short"), 7);
    schedule(&open, "ann", &first, LATER_MS).await;
    schedule(&open, "ann", &second, LATER_MS + 5).await;
    let found = scheduled(&open, "ann").await;
    assert_eq!((found.len(), &found[0].content), (1, &second.content));
    set_time(&open, LATER_MS);
    assert_eq!(open.do_all_due().await, 0, "it is due at its new time");
    // Another's of the same name is another.
    let of_bob = with_id(draft(DM, "mine"), 7);
    schedule(&open, "bob", &of_bob, LATER_MS).await;
    unschedule(&open, "ann", &second).await;
    unschedule(&open, "ann", &second).await;
    assert_eq!((scheduled(&open, "ann").await, scheduled(&open, "bob").await.len()), (vec![], 1));
    set_time(&open, LATER_MS + 10);
    assert_eq!(open.do_all_due().await, 1);
    assert_eq!(texts(&open, "ann", DM).await, ["mine"]);
    unschedule(&open, "bob", &of_bob).await;
    assert_eq!(texts(&open, "ann", DM).await, ["mine"], "what was sent stays");
    open.close().await;
}

pub(crate) async fn what_may_not_be_sent_then_stays_with_the_reason(bed: impl Bed) {
    let mut open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    let muted = with_id(draft(CREW, "muted"), 1);
    let stranger = with_id(draft(CREW, "stranger"), 2);
    schedule(&open, "bob", &muted, LATER_MS).await;
    // Rights are looked at when it is due: eve may come in until then, and does not.
    schedule(&open, "eve", &stranger, LATER_MS).await;
    let until_ms = LATER_MS + 1_000;
    open.must("ann", CREW, GroupChange::Muted { users: users(&["bob"]), until_ms }).await;
    open.effects();
    set_time(&open, LATER_MS);
    assert_eq!(open.do_all_due().await, 2);
    let mut told: Vec<_> = open
        .effects()
        .into_iter()
        .map(|effect| match effect {
            Effect::ScheduleFailed { user, name, refusal } => {
                (user.to_string(), name, refusal.code)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let bobs = ("bob".to_owned(), name(&muted), RejectCode::Muted);
    let eves = ("eve".to_owned(), name(&stranger), RejectCode::NoSuchChat);
    assert_eq!(told, [bobs, eves]);
    open.close().await;
    open = bed.open();
    set_time(&open, until_ms);
    assert_eq!(open.do_all_due().await, 0, "what has failed waits for its user");
    let failed = scheduled(&open, "bob").await.remove(0).failed.unwrap();
    assert_eq!(failed.code, RejectCode::Muted);
    schedule(&open, "bob", &muted, 0).await;
    unschedule(&open, "eve", &stranger).await;
    assert_eq!(open.do_all_due().await, 1, "a time that is over is now");
    assert_eq!(texts(&open, "ann", CREW).await, ["+group", "mute", "muted"]);
    assert_eq!((scheduled(&open, "bob").await, scheduled(&open, "eve").await), (vec![], vec![]));
    open.close().await;
}

pub(crate) async fn a_message_whose_id_is_taken_meanwhile_is_no_second_one(bed: impl Bed) {
    let open = bed.open();
    let same = with_id(draft(DM, "same"), 1);
    let other = with_id(draft(DM, "other"), 2);
    schedule(&open, "ann", &same, LATER_MS).await;
    schedule(&open, "ann", &other, LATER_MS).await;
    open.put("ann", same.clone()).await;
    open.put("ann", with_id(draft(DM, "something else"), 2)).await;
    set_time(&open, LATER_MS);
    assert_eq!(open.do_all_due().await, 2);
    assert_eq!(texts(&open, "bob", DM).await, ["same", "something else"]);
    let left = scheduled(&open, "ann").await;
    let failed = left[0].failed.as_ref().map(|refusal| refusal.code);
    assert_eq!((left.len(), failed), (1, Some(RejectCode::Conflict)));
    open.close().await;
}

pub(crate) async fn what_is_never_sent_later_is_refused_at_once(bed: impl Bed) {
    let open = bed.open();
    let now_ms = 1_000;
    open.crew("ann", &["bob"]).await;
    let room =
        RoomChange::Opened { name: "Lobby".into(), topic: String::new(), keep: 0, slow_ms: 0 };
    open.must("ann", "room:lobby", room).await;
    let recall = Content::Entry(Alteration::Recalled { seq: 1 });
    let change = Content::Group(GroupChange::Renamed("Mates".into()));
    for (draft, at_ms, wanted) in [
        (draft("room:lobby", "hi"), now_ms, RejectCode::Unsupported),
        (content_draft(CREW, recall, Context::default()), now_ms, RejectCode::Unsupported),
        (content_draft(CREW, change, Context::default()), now_ms, RejectCode::Unsupported),
        (draft("dm:bob:cid", "hi"), now_ms, RejectCode::NoSuchChat),
        (draft(DM, &"x".repeat(16_384)), now_ms, RejectCode::TooLarge),
        (draft(DM, "hi"), now_ms + YEAR_MS + 1, RejectCode::Invalid),
        (draft(DM, "hi"), u64::MAX, RejectCode::Invalid),
    ] {
        assert_eq!(refused(try_schedule(&open, "ann", &draft, at_ms).await), wanted);
    }
    schedule(&open, "ann", &draft(DM, "hi"), now_ms + YEAR_MS).await;
    let context = Context { expires_after_ms: 1_000, ..Context::default() };
    let both = content_draft(DM, Content::text("both"), context);
    schedule(&open, "ann", &both, LATER_MS).await;
    set_time(&open, LATER_MS);
    assert_eq!(open.do_all_due().await, 1);
    set_time(&open, LATER_MS + 1_000);
    assert_eq!(open.do_all_due().await, 1);
    assert_eq!(texts(&open, "ann", DM).await, ["expired 1"], "its time counts from its entry");
    open.close().await;
}

pub(crate) async fn a_user_has_so_many_scheduled_and_no_more(bed: impl Bed) {
    let open = bed.open();
    let drafts: Vec<Draft> = (0..100).map(|at| draft(DM, &at.to_string())).collect();
    for draft in &drafts {
        schedule(&open, "ann", draft, LATER_MS).await;
    }
    let one_more = draft(DM, "one more");
    let verdict = refused(try_schedule(&open, "ann", &one_more, LATER_MS).await);
    assert_eq!(verdict, RejectCode::LimitReached);
    schedule(&open, "ann", &drafts[0], LATER_MS + 1).await;
    schedule(&open, "bob", &one_more, LATER_MS).await;
    assert_eq!(scheduled(&open, "ann").await.len(), 100);
    unschedule(&open, "ann", &drafts[1]).await;
    schedule(&open, "ann", &one_more, LATER_MS).await;
    let narrow = PageLimit { items: 50, bytes: 1 };
    let page = open.store.scheduled(user("ann"), None, narrow).await.unwrap();
    assert_eq!((page.items.len(), page.more), (1, true), "at least one is given");
    set_time(&open, LATER_MS + 1);
    assert_eq!(open.do_all_due().await, 101);
    assert_eq!(texts(&open, "bob", DM).await.len(), 101);
    open.close().await;
}
