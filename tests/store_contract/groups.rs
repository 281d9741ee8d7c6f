//! Contracts of groups: who may do what, and who sees what.

use packetboat::store::embedded::Settings;
use packetboat::store::rules::Rules;
use packetboat::store::{Edge, Effect, Outcome, Role, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::UserId;

use crate::bed::{
    Bed, Opened, WIDE, change_draft, chat, code, created, draft, refused, stored, text_of, user,
    users, with_id,
};

const CREW: &str = "group:crew";

fn added(names: &[&str]) -> GroupChange {
    GroupChange::Added(users(names))
}

fn removed(names: &[&str]) -> GroupChange {
    GroupChange::Removed(users(names))
}

fn left(new_owner: Option<&str>) -> GroupChange {
    GroupChange::Left { new_owner: new_owner.map(user) }
}

fn renamed(name: &str) -> GroupChange {
    GroupChange::Renamed(name.into())
}

async fn refusal(open: &Opened, sender: &str, change: GroupChange) -> RejectCode {
    let outcome = open.change(sender, CREW, change).await;
    code(&outcome).unwrap_or_else(|| panic!("not refused: {outcome:?}"))
}

async fn seen(open: &Opened, name: &str) -> Vec<(u64, String)> {
    let page = open.history(user(name), chat(CREW), Edge::After(0), WIDE).await.unwrap();
    page.items.iter().map(|logged| (logged.seq, text_of(&logged.body))).collect()
}

async fn roles(open: &Opened, asker: &str) -> Vec<(String, Role)> {
    let page = open.members(user(asker), chat(CREW), None, 1_000).await.unwrap();
    page.items.into_iter().map(|member| (member.user.to_string(), member.role)).collect()
}

fn role(name: &str, role: Role) -> (String, Role) {
    (name.into(), role)
}

pub(crate) async fn a_row_that_gets_shorter_again_and_again_fits_its_batch(bed: impl Bed) {
    let open = bed.open();
    open.must("a", "group:g", created(&[])).await;
    let names = ["n".repeat(128), "n".into()];
    let drafts = names.iter().cycle().take(200).map(|name| change_draft("group:g", renamed(name)));
    let outcomes = open.send("a", drafts.collect()).await;
    assert!(outcomes.into_iter().eq((2..202).map(stored)));
}

pub(crate) async fn a_group_begins_with_its_making(bed: impl Bed) {
    let open = bed.open();
    let outcome = open.put("ann", draft(CREW, "anybody?")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat));
    assert_eq!(refusal(&open, "ann", added(&["bob"])).await, RejectCode::NoSuchChat);
    let with_self = refusal(&open, "ann", created(&["bob", "ann"])).await;
    assert_eq!(with_self, RejectCode::MemberMismatch);
    let made = change_draft(CREW, created(&["bob"]));
    assert_eq!(open.put("ann", made.clone()).await, stored(1));
    assert_eq!(open.put("ann", made).await, crate::bed::duplicate(1));
    for name in ["ann", "bob", "eve"] {
        assert_eq!(refusal(&open, name, created(&[])).await, RejectCode::AlreadyExists, "{name}");
    }
    let expected = [role("ann", Role::Owner), role("bob", Role::Member)];
    assert_eq!(roles(&open, "bob").await, expected);
    open.close().await;
}

pub(crate) async fn only_members_write_and_only_the_owner_changes(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    assert_eq!(open.put("bob", draft(CREW, "hi")).await, stored(2));
    let outcome = open.put("eve", draft(CREW, "hi")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat));
    for change in [added(&["cid"]), removed(&["ann"]), renamed("Mine")] {
        let by_stranger = refusal(&open, "eve", change.clone()).await;
        assert_eq!(by_stranger, RejectCode::NoSuchChat);
        assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    }
    assert_eq!(refusal(&open, "eve", left(None)).await, RejectCode::NoSuchChat);
    open.must("ann", CREW, renamed("Ours")).await;
    let view = open.chat(user("bob"), crate::bed::device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.name.as_str(), view.members, view.head), ("Ours", 2, 3));
    open.close().await;
}

pub(crate) async fn a_change_that_does_not_fit_the_members_is_refused(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    let cases = [
        (added(&["cid", "bob"]), RejectCode::MemberMismatch),
        (added(&["ann"]), RejectCode::MemberMismatch),
        (removed(&["bob", "cid"]), RejectCode::MemberMismatch),
        (removed(&["ann"]), RejectCode::Invalid),
    ];
    for (change, expected) in cases {
        let outcome = open.change("ann", CREW, change.clone()).await;
        assert_eq!(code(&outcome), Some(expected), "{change:?}");
    }
    let Outcome::Refused(why) = open.change("ann", CREW, added(&["cid", "bob"])).await else {
        panic!("not refused")
    };
    assert!(why.reason.contains("bob"), "{}", why.reason);
    assert_eq!(roles(&open, "ann").await.len(), 2, "nothing was changed");
    assert_eq!(open.put("ann", draft(CREW, "next")).await, stored(2));
    open.close().await;
}

pub(crate) async fn a_resend_is_answered_after_the_sender_was_put_out(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    let said = with_id(draft(CREW, "my last words"), 9);
    assert_eq!(open.put("bob", said.clone()).await, stored(2));
    open.must("ann", CREW, removed(&["bob"])).await;
    assert_eq!(open.put("bob", said).await, crate::bed::duplicate(2));
    let outcome = open.put("bob", draft(CREW, "one more")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat));
    open.close().await;
}

pub(crate) async fn who_is_out_sees_up_to_the_end_and_no_more(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.say("ann", CREW, &["two"]).await;
    open.must("ann", CREW, removed(&["bob"])).await;
    open.say("ann", CREW, &["not for bob"]).await;
    let expected = [(1, "+group".into()), (2, "two".into()), (3, "-user".into())];
    assert_eq!(seen(&open, "bob").await, expected);
    assert_eq!(open.missing_texts("bob", "phone").await, ["+group", "two", "-user"]);
    let view = open.chat(user("bob"), crate::bed::device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.head, view.role, view.unread), (3, None, 3));
    let members = open.members(user("bob"), chat(CREW), None, 10).await;
    assert_eq!(refused(members), RejectCode::NotAllowed);
    open.moved("bob", "phone", CREW, 99, 99).await;
    assert_eq!(open.missing_texts("bob", "phone").await, Vec::<String>::new());
    let view = open.chat(user("bob"), crate::bed::device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.delivered, view.read, view.unread), (3, 3, 0));
    open.close().await;
}

pub(crate) async fn who_comes_back_sees_both_spans(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    open.say("ann", CREW, &["before bob"]).await;
    open.must("ann", CREW, added(&["bob"])).await;
    open.say("ann", CREW, &["four"]).await;
    open.must("bob", CREW, left(None)).await;
    open.say("ann", CREW, &["without bob"]).await;
    open.must("ann", CREW, added(&["bob"])).await;
    open.say("bob", CREW, &["eight"]).await;
    let expected: Vec<(u64, String)> = vec![
        (3, "+user".into()),
        (4, "four".into()),
        (5, "-self".into()),
        (7, "+user".into()),
        (8, "eight".into()),
    ];
    assert_eq!(seen(&open, "bob").await, expected);
    let missing = open.missing("bob", "phone").await;
    let missing: Vec<_> = missing.into_iter().map(|(_, seq, text)| (seq, text)).collect();
    assert_eq!(missing, expected);
    let before = Edge::Before(8);
    let page = open.history(user("bob"), chat(CREW), before, WIDE).await.unwrap();
    let seqs: Vec<_> = page.items.iter().map(|logged| logged.seq).collect();
    assert_eq!((seqs, page.more), (vec![3, 4, 5, 7], false));
    open.close().await;
}

pub(crate) async fn an_owner_hands_over_before_leaving(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    for heir in [None, Some("eve"), Some("ann")] {
        assert_eq!(refusal(&open, "ann", left(heir)).await, RejectCode::OwnerNeeded, "{heir:?}");
    }
    assert_eq!(refusal(&open, "bob", left(Some("cid"))).await, RejectCode::Invalid);
    open.must("ann", CREW, left(Some("bob"))).await;
    let expected = [role("bob", Role::Owner), role("cid", Role::Member)];
    assert_eq!(roles(&open, "cid").await, expected);
    open.must("bob", CREW, renamed("Bob's")).await;
    open.must("bob", CREW, added(&["ann"])).await;
    assert_eq!(refusal(&open, "ann", renamed("Ann's")).await, RejectCode::NotAllowed);
    open.close().await;
}

pub(crate) async fn the_last_one_may_leave(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.must("bob", CREW, left(None)).await;
    open.effects();
    open.must("ann", CREW, left(None)).await;
    let gone = Effect::Left { chat: chat(CREW), users: users(&["ann"]) };
    assert_eq!(open.effects().last(), Some(&gone));
    assert_eq!(refusal(&open, "ann", created(&[])).await, RejectCode::AlreadyExists);
    assert_eq!(refusal(&open, "ann", added(&["bob"])).await, RejectCode::NoSuchChat);
    open.close().await;
    let open = bed.open();
    assert_eq!(seen(&open, "ann").await.len(), 3);
    open.close().await;
}

pub(crate) async fn bounds_of_groups_and_chats_are_kept(bed: impl Bed) {
    let rules = Rules { group_members_max: 3, chats_per_user_max: 2, ..Rules::default() };
    let settings = Settings { rules, ..Settings::default() };
    let open = bed.open_with(settings);
    let limit = RejectCode::LimitReached;
    assert_eq!(refusal(&open, "ann", created(&["b", "c", "d"])).await, limit);
    open.crew("ann", &["b", "c"]).await;
    assert_eq!(refusal(&open, "ann", added(&["d"])).await, limit);
    open.must("ann", CREW, removed(&["c"])).await;
    open.must("ann", CREW, added(&["c"])).await;
    open.say("ann", "dm:ann:d", &["a second chat"]).await;
    assert_eq!(code(&open.put("ann", draft("dm:ann:e", "a third")).await), Some(limit));
    assert_eq!(code(&open.put("e", draft("dm:ann:e", "a third")).await), Some(limit));
    open.close().await;
    let open = bed.open_with(settings);
    assert_eq!(code(&open.put("ann", draft("dm:ann:e", "a third")).await), Some(limit));
    open.say("b", "dm:b:e", &["b has room"]).await;
    let outcome = open.change("e", "group:other", created(&["b"])).await;
    assert_eq!(code(&outcome), Some(limit), "b is in two chats");
    open.say("ann", "dm:ann:d", &["old chats go on"]).await;
    open.close().await;
}

pub(crate) async fn a_change_of_a_hundred_members_is_one_commit(bed: impl Bed) {
    let open = bed.open();
    let names: Vec<String> = (0..100).map(|at| format!("{at:03}{}", "x".repeat(61))).collect();
    let many: Vec<UserId> = names.iter().map(|name| user(name)).collect();
    let owner = "y".repeat(64);
    open.crew(&owner, &[]).await;
    for _ in 0..2 {
        open.must(&owner, CREW, GroupChange::Added(many.clone())).await;
        assert_eq!(roles(&open, &owner).await.len(), 101);
        open.must(&owner, CREW, GroupChange::Removed(many.clone())).await;
        assert_eq!(roles(&open, &owner).await.len(), 1);
    }
    let more = GroupChange::Added((0..101).map(|at| user(&format!("u{at}"))).collect());
    assert_eq!(refusal(&open, &owner, more).await, RejectCode::Invalid);
    assert_eq!(seen(&open, &names[50]).await.len(), 4);
    open.close().await;
}
