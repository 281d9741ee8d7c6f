//! Contracts of who comes into a group by itself, or asks to.

use std::sync::atomic::Ordering;

use packetboat::store::act::{Act, Acted};
use packetboat::store::{Effect, Outcome, Role, Store};
use packetboat_client::{InviteLink, prove};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, GroupRules, JoinProof, JoinRule};
use packetboat_proto::id::InviteId;
use packetboat_proto::packet::{Invitation, InviteKey, JoinNews, JoinRequest, JoinState, JoinWay};

use crate::bed::{Bed, Opened, chat, code, device, refused, user, users};

const CREW: &str = "group:crew";
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

fn invitation(number: u8) -> Invitation {
    let key = InviteKey { id: InviteId::from([number; 8]), secret: [number; 16] };
    Invitation { key, ..InviteLink::open(&chat(CREW), 0).1 }
}

fn proof(invitation: &Invitation, of: &str) -> JoinProof {
    prove(&invitation.key, &chat(CREW), &user(of))
}

fn ruled(join_rule: JoinRule) -> GroupChange {
    GroupChange::RulesSet(GroupRules { join_rule, ..GroupRules::default() })
}

fn invite(invitation: &Invitation) -> Act {
    Act::Invite { chat: chat(CREW), invitation: invitation.clone() }
}

fn added(names: &[&str]) -> GroupChange {
    GroupChange::Added(users(names))
}

async fn joins(open: &Opened, who: &str, by: Option<JoinProof>) -> Option<RejectCode> {
    code(&open.change(who, CREW, GroupChange::Joined(by)).await)
}

async fn asks(open: &Opened, who: &str, by: Option<JoinProof>) -> Acted {
    let act = Act::AskToJoin { chat: chat(CREW), proof: by };
    open.act(user(who), act).await.unwrap()
}

async fn refusal(open: &Opened, who: &str, act: Act) -> RejectCode {
    refused(open.act(user(who), act).await)
}

async fn waiting(open: &Opened, asker: &str) -> Vec<String> {
    let page = open.join_requests(user(asker), chat(CREW), None, 100).await.unwrap();
    page.items.into_iter().map(|JoinRequest { user, .. }| user.to_string()).collect()
}

/// How many ask to come in, as a member is told.
async fn told_of(open: &Opened, who: &str) -> u32 {
    open.chat(user(who), device("phone"), chat(CREW)).await.unwrap().join_requests
}

fn news(open: &Opened) -> Vec<(Vec<String>, String, JoinState)> {
    let told = open.effects().into_iter().filter_map(|effect| match effect {
        Effect::Joining { to, news: JoinNews { user, state, .. } } => {
            let to = to.iter().map(ToString::to_string).collect();
            Some((to, user.to_string(), state.unwrap()))
        }
        _ => None,
    });
    told.collect()
}

pub(crate) async fn who_has_a_link_comes_in_and_nobody_else(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    let link = invitation(1);
    assert_eq!(joins(&open, "eve", Some(proof(&link, "eve"))).await, Some(RejectCode::NoSuchChat));
    open.act(user("ann"), invite(&link)).await.unwrap();
    open.act(user("ann"), invite(&link)).await.unwrap();
    let others = proof(&link, "dan");
    for by in [None, Some(others), Some(proof(&invitation(2), "eve"))] {
        assert_eq!(joins(&open, "eve", by).await, Some(RejectCode::NoSuchChat));
        let card = open.card(user("eve"), chat(CREW), by).await;
        assert_eq!(refused(card), RejectCode::NoSuchChat);
        let ask = Act::AskToJoin { chat: chat(CREW), proof: by };
        assert_eq!(refusal(&open, "eve", ask).await, RejectCode::NoSuchChat);
    }
    let own = Some(proof(&link, "eve"));
    let card = open.card(user("eve"), chat(CREW), own).await.unwrap();
    assert_eq!((card.members, card.way), (2, Some(JoinWay::Join)));
    open.effects();
    assert_eq!(joins(&open, "eve", own).await, None);
    let effects = open.effects();
    assert!(matches!(&effects[0], Effect::Joined { users: come, .. } if *come == users(&["eve"])));
    assert_eq!(joins(&open, "eve", own).await, Some(RejectCode::MemberMismatch));
    let members = open.members(user("eve"), chat(CREW), None, 9).await.unwrap().items;
    assert_eq!(members.len(), 3);
    let view = open.chat(user("eve"), device("phone"), chat(CREW)).await.unwrap();
    assert_eq!((view.head, view.delivered), (2, 1), "and has the log from there on");
    let card = open.card(user("eve"), chat(CREW), None).await.unwrap();
    assert_eq!(card.way, Some(JoinWay::Member));
}

pub(crate) async fn a_link_ends_with_its_time_its_uses_or_by_hand(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    let short = Invitation { expires_ms: 2_000, ..invitation(1) };
    let single = Invitation { uses: 1, ..invitation(2) };
    for link in [&short, &single] {
        open.act(user("ann"), invite(link)).await.unwrap();
    }
    assert_eq!(joins(&open, "bob", Some(proof(&short, "bob"))).await, None);
    assert_eq!(joins(&open, "cid", Some(proof(&single, "cid"))).await, None);
    let listed = open.invitations(user("ann"), chat(CREW)).await.unwrap();
    assert_eq!(listed.len(), 1, "what is used up is not listed");
    // No answer came, so it is asked for again.
    open.act(user("ann"), invite(&single)).await.unwrap();
    let late = joins(&open, "dan", Some(proof(&single, "dan"))).await;
    assert_eq!(late, Some(RejectCode::InviteOver), "it is used up, once and for all");
    open.clock.store(2_000, Ordering::SeqCst);
    let late = joins(&open, "dan", Some(proof(&short, "dan"))).await;
    assert_eq!(late, Some(RejectCode::InviteOver));
    assert_eq!(refusal(&open, "ann", invite(&short)).await, RejectCode::Invalid);
    let longer = Invitation { expires_ms: 0, ..short };
    open.act(user("ann"), invite(&longer)).await.unwrap();
    assert_eq!(joins(&open, "dan", Some(proof(&longer, "dan"))).await, None);
    for _ in 0..2 {
        let back = Act::Uninvite { chat: chat(CREW), id: longer.key.id };
        assert_eq!(open.act(user("ann"), back).await, Ok(Acted::Done));
    }
    let gone = joins(&open, "eve", Some(proof(&longer, "eve"))).await;
    assert_eq!(gone, Some(RejectCode::NoSuchChat));
}

pub(crate) async fn a_link_is_its_makers_and_the_admins(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob", "cid"]).await;
    let link = invitation(1);
    assert_eq!(refusal(&open, "bob", invite(&link)).await, RejectCode::NotAllowed);
    assert_eq!(refused(open.invitations(user("bob"), chat(CREW)).await), RejectCode::NotAllowed);
    assert_eq!(refusal(&open, "eve", invite(&link)).await, RejectCode::NoSuchChat);
    assert_eq!(refused(open.invitations(user("eve"), chat(CREW)).await), RejectCode::NoSuchChat);
    let rules = GroupRules { members_add: true, ..GroupRules::default() };
    open.must("ann", CREW, GroupChange::RulesSet(rules)).await;
    open.act(user("bob"), invite(&link)).await.unwrap();
    assert_eq!(refusal(&open, "cid", invite(&link)).await, RejectCode::NotAllowed);
    let back = || Act::Uninvite { chat: chat(CREW), id: link.key.id };
    assert_eq!(refusal(&open, "cid", back()).await, RejectCode::NotAllowed);
    let fewer = Invitation { uses: 7, ..link.clone() };
    open.act(user("ann"), invite(&fewer)).await.unwrap();
    let listed = open.invitations(user("cid"), chat(CREW)).await.unwrap();
    assert_eq!(listed, [Invitation { made_by: Some(user("bob")), ..fewer }]);
    let put_out = GroupChange::Removed(users(&["bob"]));
    open.must("ann", CREW, put_out).await;
    let late = joins(&open, "eve", Some(proof(&link, "eve"))).await;
    assert_eq!(late, Some(RejectCode::InviteOver), "bob may be eve");
    open.must("ann", CREW, added(&["bob"])).await;
    assert_eq!(joins(&open, "eve", Some(proof(&link, "eve"))).await, None);
    open.act(user("ann"), back()).await.unwrap();
    assert_eq!(open.invitations(user("ann"), chat(CREW)).await, Ok(Vec::new()));
}

pub(crate) async fn who_asks_is_let_in_or_refused(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    let admin = GroupChange::RolesGiven { users: users(&["bob"]), role: Role::Admin };
    open.must("ann", CREW, admin).await;
    let link = Invitation { asks: true, ..invitation(1) };
    open.act(user("bob"), invite(&link)).await.unwrap();
    let by = Some(proof(&link, "eve"));
    assert_eq!(joins(&open, "eve", by).await, Some(RejectCode::InviteOver));
    let card = open.card(user("eve"), chat(CREW), by).await.unwrap();
    assert_eq!(card.way, Some(JoinWay::Ask));
    news(&open);
    for _ in 0..2 {
        assert_eq!(asks(&open, "eve", by).await, Acted::Asked(JoinState::Waiting));
    }
    let told = (vec!["ann".to_owned(), "bob".to_owned()], "eve".to_owned(), JoinState::Waiting);
    assert_eq!(news(&open), [told], "the owner and the maker, once");
    asks(&open, "dan", Some(proof(&link, "dan"))).await;
    assert_eq!(waiting(&open, "ann").await, ["dan", "eve"]);
    assert_eq!(told_of(&open, "bob").await, 2);
    open.must("ann", CREW, added(&["dan", "cid"])).await;
    assert_eq!(waiting(&open, "bob").await, ["eve"]);
    assert_eq!((told_of(&open, "ann").await, told_of(&open, "cid").await), (1, 0));
    let listed = open.join_requests(user("cid"), chat(CREW), None, 9).await;
    assert_eq!(refused(listed), RejectCode::NotAllowed);
    news(&open);
    let refuse = || Act::RefuseJoin { chat: chat(CREW), users: users(&["eve", "zoe", "dan"]) };
    assert_eq!(refusal(&open, "cid", refuse()).await, RejectCode::NotAllowed);
    for _ in 0..2 {
        open.act(user("bob"), refuse()).await.unwrap();
    }
    assert_eq!(news(&open), [(vec!["eve".to_owned()], "eve".to_owned(), JoinState::Refused)]);
    assert_eq!(asks(&open, "eve", by).await, Acted::Asked(JoinState::Refused));
    assert_eq!(told_of(&open, "ann").await, 0);
    open.clock.store(1_000 + WEEK_MS, Ordering::SeqCst);
    assert_eq!(asks(&open, "eve", by).await, Acted::Asked(JoinState::Waiting));
    open.must("ann", CREW, added(&["eve"])).await;
    assert_eq!(asks(&open, "eve", by).await, Acted::Asked(JoinState::Member));
    assert_eq!(told_of(&open, "ann").await, 0);
}

pub(crate) async fn who_was_refused_long_ago_makes_room_for_who_asks(bed: impl Bed) {
    const ASKINGS: u64 = 1_000;
    let open = bed.open();
    open.crew("ann", &[]).await;
    open.must("ann", CREW, ruled(JoinRule::Ask)).await;
    let names: Vec<String> = (0..ASKINGS).map(|number| format!("u{number}")).collect();
    for some in names.chunks(100) {
        for name in some {
            assert_eq!(asks(&open, name, None).await, Acted::Asked(JoinState::Waiting));
        }
        let refused: Vec<&str> = some.iter().map(String::as_str).collect();
        let act = Act::RefuseJoin { chat: chat(CREW), users: users(&refused) };
        open.act(user("ann"), act).await.unwrap();
        open.clock.fetch_add(1, Ordering::SeqCst);
    }
    let ask = || Act::AskToJoin { chat: chat(CREW), proof: None };
    assert_eq!(refusal(&open, "eve", ask()).await, RejectCode::LimitReached);
    // The first hundred were refused a week ago.
    open.clock.store(1_000 + WEEK_MS, Ordering::SeqCst);
    for number in 0..100 {
        let asked = asks(&open, &format!("new{number}"), None).await;
        assert_eq!(asked, Acted::Asked(JoinState::Waiting), "{number}");
    }
    assert_eq!(refusal(&open, "eve", ask()).await, RejectCode::LimitReached);
    assert_eq!(asks(&open, "u999", None).await, Acted::Asked(JoinState::Refused));
    assert_eq!(told_of(&open, "ann").await, 100);
    open.close().await;
}

pub(crate) async fn an_open_group_takes_anyone_but_who_was_put_out(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    open.must("ann", CREW, ruled(JoinRule::Ask)).await;
    assert_eq!(joins(&open, "eve", None).await, Some(RejectCode::InviteOver));
    assert_eq!(asks(&open, "eve", None).await, Acted::Asked(JoinState::Waiting));
    open.must("ann", CREW, ruled(JoinRule::Anyone)).await;
    let card = open.card(user("eve"), chat(CREW), None).await.unwrap();
    assert_eq!(card.way, Some(JoinWay::Join));
    assert_eq!(joins(&open, "eve", None).await, None);
    assert!(waiting(&open, "ann").await.is_empty(), "who is in asks no more");
    let left = || GroupChange::Left { new_owner: None };
    open.must("eve", CREW, left()).await;
    assert_eq!(joins(&open, "eve", None).await, None, "who left comes back");
    open.must("ann", CREW, GroupChange::Removed(users(&["eve"]))).await;
    assert_eq!(joins(&open, "eve", None).await, Some(RejectCode::NotAllowed));
    open.must("ann", CREW, added(&["eve"])).await;
    open.must("eve", CREW, left()).await;
    assert_eq!(joins(&open, "eve", None).await, None, "to be added makes good");
    open.must("ann", CREW, GroupChange::Dissolved).await;
    assert_eq!(joins(&open, "dan", None).await, Some(RejectCode::NoSuchChat));
    let ask = Act::AskToJoin { chat: chat(CREW), proof: None };
    assert_eq!(refusal(&open, "dan", ask).await, RejectCode::NoSuchChat);
}

pub(crate) async fn there_are_so_many_links_and_no_more(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    for number in 0..100 {
        let expires_ms = if number < 3 { 2_000 } else { 0 };
        let link = Invitation { expires_ms, ..invitation(number) };
        open.act(user("ann"), invite(&link)).await.unwrap();
    }
    let one_more = invite(&invitation(100));
    assert_eq!(refusal(&open, "ann", one_more.clone()).await, RejectCode::LimitReached);
    open.act(user("ann"), invite(&invitation(50))).await.unwrap();
    open.clock.store(2_000, Ordering::SeqCst);
    open.act(user("ann"), one_more).await.unwrap();
    let left = open.invitations(user("ann"), chat(CREW)).await.unwrap();
    assert_eq!(left.len(), 98, "those that have run out make room");
}

pub(crate) async fn links_and_wishes_outlive_a_restart(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &[]).await;
    let link = Invitation { uses: 2, ..invitation(1) };
    open.act(user("ann"), invite(&link)).await.unwrap();
    let joined = open.change("bob", CREW, GroupChange::Joined(Some(proof(&link, "bob")))).await;
    assert!(matches!(joined, Outcome::Stored { seq: 2, .. }));
    open.must("ann", CREW, ruled(JoinRule::Ask)).await;
    asks(&open, "eve", None).await;
    open.close().await;
    drop(open);
    let open = bed.open();
    let listed = open.invitations(user("ann"), chat(CREW)).await.unwrap();
    assert_eq!(listed, [Invitation { uses: 1, made_by: Some(user("ann")), ..link }]);
    assert_eq!(waiting(&open, "ann").await, ["eve"]);
    assert_eq!(asks(&open, "eve", None).await, Acted::Asked(JoinState::Waiting));
}
