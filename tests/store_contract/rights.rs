//! Contracts of what members may do in a group: roles, rules, the mute, and the end.

use std::sync::atomic::Ordering;

use packetboat::store::{Edge, Effect, Role, Start, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, GroupRules};

use crate::bed::{
    Bed, Opened, WIDE, chat, code, created, device, draft, reason, stored, text_of, user, users,
};

const CREW: &str = "group:crew";

fn given(names: &[&str], role: Role) -> GroupChange {
    GroupChange::RolesGiven { users: users(names), role }
}

fn muted(names: &[&str], until_ms: u64) -> GroupChange {
    GroupChange::Muted { users: users(names), until_ms }
}

fn ruled(members_add: bool, only_admins_write: bool, history_for_all: bool) -> GroupChange {
    let none = GroupRules::NONE;
    GroupChange::RulesSet(GroupRules { members_add, only_admins_write, history_for_all, ..none })
}

fn added(name: &str) -> GroupChange {
    GroupChange::Added(users(&[name]))
}

fn removed(name: &str) -> GroupChange {
    GroupChange::Removed(users(&[name]))
}

async fn refusal(open: &Opened, sender: &str, change: GroupChange) -> RejectCode {
    let outcome = open.change(sender, CREW, change).await;
    code(&outcome).unwrap_or_else(|| panic!("not refused: {outcome:?}"))
}

async fn said(open: &Opened, sender: &str) -> Option<RejectCode> {
    code(&open.put(sender, draft(CREW, "hi")).await)
}

async fn roles(open: &Opened, asker: &str) -> Vec<(String, Role)> {
    let page = open.members(user(asker), chat(CREW), None, 1_000).await.unwrap();
    page.items.into_iter().map(|member| (member.user.to_string(), member.role)).collect()
}

fn all(ranks: &[(&str, Role)]) -> Vec<(String, Role)> {
    ranks.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect()
}

pub(crate) async fn an_admin_does_much_and_not_to_other_admins(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid", "dan"]).await;
    for change in [given(&["bob"], Role::Admin), GroupChange::OwnerChanged(user("bob"))] {
        assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    }
    open.must("ann", CREW, given(&["bob", "cid"], Role::Admin)).await;
    let ranks =
        [("ann", Role::Owner), ("bob", Role::Admin), ("cid", Role::Admin), ("dan", Role::Member)];
    assert_eq!(roles(&open, "dan").await, all(&ranks));
    for change in [removed("cid"), removed("ann"), muted(&["cid"], 9_000)] {
        assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    }
    let both = GroupChange::Removed(users(&["dan", "cid"]));
    assert_eq!(refusal(&open, "bob", both).await, RejectCode::NotAllowed);
    assert_eq!(refusal(&open, "bob", removed("eve")).await, RejectCode::MemberMismatch);
    assert_eq!(refusal(&open, "bob", removed("bob")).await, RejectCode::Invalid);
    let owners = [given(&["cid"], Role::Member), GroupChange::Dissolved];
    for change in owners {
        assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    }
    for change in [added("eve"), removed("dan"), GroupChange::Renamed("Ours".into())] {
        open.must("bob", CREW, change).await;
    }
    open.must("ann", CREW, given(&["bob"], Role::Member)).await;
    assert_eq!(refusal(&open, "bob", removed("eve")).await, RejectCode::NotAllowed);
    open.must("ann", CREW, removed("cid")).await;
    open.must("ann", CREW, added("cid")).await;
    let ranks =
        [("ann", Role::Owner), ("bob", Role::Member), ("cid", Role::Member), ("eve", Role::Member)];
    assert_eq!(roles(&open, "bob").await, all(&ranks), "who comes back is a plain member");
}

pub(crate) async fn a_group_is_handed_over_to_a_member(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    let to = |name| GroupChange::OwnerChanged(user(name));
    assert_eq!(refusal(&open, "ann", to("ann")).await, RejectCode::Invalid);
    assert_eq!(refusal(&open, "ann", to("eve")).await, RejectCode::MemberMismatch);
    assert_eq!(refusal(&open, "ann", given(&["ann"], Role::Admin)).await, RejectCode::Invalid);
    open.must("ann", CREW, to("bob")).await;
    let ranks = [("ann", Role::Admin), ("bob", Role::Owner), ("cid", Role::Member)];
    assert_eq!(roles(&open, "cid").await, all(&ranks));
    assert_eq!(refusal(&open, "ann", to("cid")).await, RejectCode::NotAllowed);
    open.must("ann", CREW, GroupChange::Left { new_owner: None }).await;
    open.must("bob", CREW, GroupChange::Left { new_owner: Some(user("cid")) }).await;
    assert_eq!(roles(&open, "cid").await, all(&[("cid", Role::Owner)]));
}

pub(crate) async fn who_is_mute_changes_what_it_may_and_says_nothing(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    assert_eq!(refusal(&open, "bob", muted(&["cid"], 9_000)).await, RejectCode::NotAllowed);
    assert_eq!(refusal(&open, "ann", muted(&["ann"], 9_000)).await, RejectCode::Invalid);
    assert_eq!(refusal(&open, "ann", muted(&["eve"], 9_000)).await, RejectCode::MemberMismatch);
    open.must("ann", CREW, muted(&["bob"], 1_001)).await;
    assert_eq!(said(&open, "bob").await, Some(RejectCode::Muted));
    let outcome = open.put("bob", draft(CREW, "hi")).await;
    assert_eq!(reason(&outcome), "you are mute until 1970-01-01T00:00:02Z");
    assert_eq!(said(&open, "cid").await, None);
    let view = open.chat(user("bob"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!(view.muted_until_ms, 1_001);
    // It is no way out to leave and come back.
    open.must("bob", CREW, GroupChange::Left { new_owner: None }).await;
    open.must("ann", CREW, added("bob")).await;
    assert_eq!(said(&open, "bob").await, Some(RejectCode::Muted));
    let members = open.members(user("cid"), chat(CREW), None, 9).await.unwrap().items;
    let mute: Vec<u64> = members.iter().map(|member| member.muted_until_ms).collect();
    assert_eq!(mute, [0, 1_001, 0]);
    open.clock.store(1_001, Ordering::SeqCst);
    assert_eq!(said(&open, "bob").await, None, "its time is over");
    open.must("ann", CREW, muted(&["bob"], u64::MAX)).await;
    assert_eq!(said(&open, "bob").await, Some(RejectCode::Muted));
    open.must("ann", CREW, muted(&["bob"], 0)).await;
    assert_eq!(said(&open, "bob").await, None);
}

pub(crate) async fn rules_say_who_writes_and_who_adds(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    assert_eq!(refusal(&open, "bob", ruled(true, false, false)).await, RejectCode::NotAllowed);
    assert_eq!(refusal(&open, "bob", added("dan")).await, RejectCode::NotAllowed);
    open.must("ann", CREW, ruled(true, true, false)).await;
    open.must("bob", CREW, added("dan")).await;
    assert_eq!(refusal(&open, "bob", removed("dan")).await, RejectCode::NotAllowed);
    assert_eq!(said(&open, "bob").await, Some(RejectCode::Muted));
    open.must("ann", CREW, given(&["bob"], Role::Admin)).await;
    for (name, verdict) in [("ann", None), ("bob", None), ("cid", Some(RejectCode::Muted))] {
        assert_eq!(said(&open, name).await, verdict, "{name}");
    }
    let view = open.chat(user("cid"), device("phone"), chat(CREW)).await.unwrap();
    let rules = GroupRules { members_add: true, only_admins_write: true, ..GroupRules::default() };
    assert_eq!(view.rules, rules);
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(said(&open, "cid").await, Some(RejectCode::Muted), "also after a restart");
    open.must("bob", CREW, ruled(false, false, false)).await;
    assert_eq!(said(&open, "cid").await, None);
}

pub(crate) async fn what_was_before_is_seen_and_not_delivered(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.say("ann", CREW, &["one", "two"]).await;
    open.must("ann", CREW, ruled(false, false, true)).await;
    open.must("ann", CREW, added("cid")).await;
    open.say("ann", CREW, &["three"]).await;
    let page = open.history(user("cid"), chat(CREW), Edge::After(0), WIDE).await.unwrap();
    let texts: Vec<String> = page.items.iter().map(|logged| text_of(&logged.body)).collect();
    assert_eq!(page.items.len(), 6);
    assert_eq!((&*texts[1], &*texts[5]), ("one", "three"));
    open.claim("cid", "phone", Start::Undelivered).await;
    assert_eq!(open.missing_texts("cid", "phone").await.last().unwrap(), "three");
    assert_eq!(open.missing_texts("cid", "phone").await.len(), 2, "its coming, and what follows");
    let view = open.chat(user("cid"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.delivered, view.read, view.unread), (4, 4, 2));
    open.claim("cid", "desk", Start::Everything).await;
    assert_eq!(open.missing_texts("cid", "desk").await.len(), 6, "who asks for it has it");
}

pub(crate) async fn who_comes_back_to_the_history_is_owed_what_it_was_owed(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    open.must("ann", CREW, added("cid")).await;
    open.say("ann", CREW, &["one"]).await;
    open.claim("cid", "phone", Start::Undelivered).await;
    open.must("ann", CREW, removed("cid")).await;
    open.must("ann", CREW, ruled(false, false, true)).await;
    open.must("ann", CREW, added("cid")).await;
    let owed = ["+user", "one", "-user", "rules", "+user"];
    assert_eq!(open.missing_texts("cid", "phone").await, owed, "not what was before all of it");
    let view = open.chat(user("cid"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.delivered, view.unread), (1, 5));
    open.moved("cid", "phone", CREW, 3, 3).await;
    assert_eq!(open.missing_texts("cid", "phone").await, owed[2..]);
}

pub(crate) async fn who_was_in_often_loses_nothing_that_it_has_not_had(bed: impl Bed) {
    const TIMES: u64 = 16;
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.claim("bob", "phone", Start::Undelivered).await;
    for time in 1..TIMES {
        open.must("ann", CREW, removed("bob")).await;
        open.must("ann", CREW, added("bob")).await;
        assert_eq!(open.missing_texts("bob", "phone").await.len() as u64, 2 * time + 1);
    }
    open.must("ann", CREW, removed("bob")).await;
    assert_eq!(refusal(&open, "ann", added("bob")).await, RejectCode::LimitReached);
    assert_eq!(open.missing_texts("bob", "phone").await.len() as u64, 2 * TIMES);
    open.moved("bob", "phone", CREW, 1, 0).await;
    assert_eq!(refusal(&open, "ann", added("bob")).await, RejectCode::LimitReached);
    open.moved("bob", "phone", CREW, 2, 0).await;
    open.must("ann", CREW, added("bob")).await;
    assert_eq!(open.missing_texts("bob", "phone").await.len() as u64, 2 * TIMES - 1);
    // Who was never there is owed nothing on a device that begins with what is new.
    for _ in 0..TIMES {
        open.must("ann", CREW, added("cid")).await;
        open.must("ann", CREW, removed("cid")).await;
    }
    assert_eq!(refusal(&open, "ann", added("cid")).await, RejectCode::LimitReached);
    open.claim("cid", "phone", Start::Newest).await;
    open.must("ann", CREW, added("cid")).await;
    // Who may see all of it loses nothing.
    open.must("ann", CREW, ruled(false, false, true)).await;
    open.must("ann", CREW, removed("bob")).await;
    open.must("ann", CREW, added("bob")).await;
    open.close().await;
}

pub(crate) async fn a_dissolved_group_is_read_and_nothing_else(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.say("bob", CREW, &["bye"]).await;
    assert_eq!(refusal(&open, "bob", GroupChange::Dissolved).await, RejectCode::NotAllowed);
    open.effects();
    open.must("ann", CREW, GroupChange::Dissolved).await;
    let [Effect::Stored(_), Effect::Dissolved { chat: over }] = &open.effects()[..] else {
        panic!("the entry, and then the end");
    };
    assert_eq!(*over, chat(CREW));
    assert_eq!(said(&open, "bob").await, Some(RejectCode::NoSuchChat));
    let changes = [added("cid"), GroupChange::Left { new_owner: None }, GroupChange::Dissolved];
    for change in changes {
        assert_eq!(refusal(&open, "ann", change).await, RejectCode::NoSuchChat);
    }
    assert_eq!(refusal(&open, "ann", created(&["bob"])).await, RejectCode::AlreadyExists);
    let page = open.history(user("bob"), chat(CREW), Edge::After(0), WIDE).await.unwrap();
    assert_eq!(page.items.len(), 3);
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(said(&open, "bob").await, Some(RejectCode::NoSuchChat));
    let view = open.chat(user("bob"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.role, view.members, view.head), (None, 0, 3));
    assert!(open.members(user("bob"), chat(CREW), None, 9).await.is_err());
    let chats = open.chats(user("bob"), device("phone"), None, 9).await.unwrap();
    assert_eq!(chats.items, []);
    assert_eq!(open.put("bob", draft("dm:ann:bob", "hi")).await, stored(1));
}

pub(crate) async fn a_group_is_described(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    let described = |topic: Option<&str>, avatar: Option<&str>| GroupChange::Described {
        topic: topic.map(str::to_owned),
        avatar: avatar.map(str::to_owned),
    };
    let change = described(Some("Mine"), None);
    assert_eq!(refusal(&open, "bob", change).await, RejectCode::NotAllowed);
    open.must("ann", CREW, described(Some("Sails"), Some("pictures/7"))).await;
    open.must("ann", CREW, described(None, Some(""))).await;
    open.close().await;
    drop(open);
    let open = bed.open();
    let view = open.chat(user("bob"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((&*view.topic, &*view.avatar, &*view.name), ("Sails", "", "Crew"));
}
