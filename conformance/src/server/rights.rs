//! What members may do in a group: roles, rules, the mute, the end (SPEC.md section 6, E-7, E-8,
//! E-12, E-16 to E-18). Must never reuse a group of another check.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, GroupRules};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Answer, ChatState, Edge, Operation, Role};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "rights", Bed;
    Must an_admin ["E-7"] "an admin changes members and name, and gives no roles";
    Must admins_apart ["E-8"] "an admin may not put out, nor make mute, the owner or an admin";
    Must oneself ["E-8"] "naming oneself, or the owner in a role, is INVALID";
    Must members_add ["E-7"] "with members_add every member adds members";
    Must handed_over ["E-16"] "OwnerChanged makes another the owner, and its sender an admin";
    Must comes_back ["E-16"] "who comes back is a plain member, and as mute as before";
    Must mute ["E-17"] "a mute member is MUTED until it is mute no more";
    Must only_admins ["E-17"] "with only_admins_write others are MUTED, until the next RulesSet";
    Must described ["E-7"] "a description changes what it names, and leaves the rest";
    Must history_for_all ["E-12"] "a newcomer may ask for what was before, and is not delivered it";
    Must dissolved ["E-18", "Q-7"] "a dissolved group is read, and nothing else";
}

fn given(user: &UserId, role: Role) -> GroupChange {
    GroupChange::RolesGiven { users: vec![user.clone()], role }
}

fn added(user: &UserId) -> GroupChange {
    GroupChange::Added(vec![user.clone()])
}

fn removed(user: &UserId) -> GroupChange {
    GroupChange::Removed(vec![user.clone()])
}

fn muted(user: &UserId, until_ms: u64) -> GroupChange {
    GroupChange::Muted { users: vec![user.clone()], until_ms }
}

fn renamed() -> GroupChange {
    GroupChange::Renamed("ours".into())
}

async fn state(peer: &mut Peer, group: &ChatId) -> Checked<ChatState> {
    match peer.ask(Operation::Chat { chat: group.clone() }).await? {
        Ok(Answer::Chat(state)) => Ok(*state),
        other => fail("a chat", format_args!("{other:?}")),
    }
}

async fn an_admin(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut admin = Peer::login(bed, &bob).await?;
    admin.unchanged(bed, &group, renamed(), RejectCode::NotAllowed).await?;
    owner.change(bed, &group, given(&bob, Role::Admin)).await?;
    same("the role", Some(Role::Admin), state(&mut admin, &group).await?.role)?;
    for change in [added(&eve), renamed(), muted(&eve, 0), removed(&eve)] {
        admin.change(bed, &group, change).await?;
    }
    let owners = [given(&bob, Role::Member), GroupChange::OwnerChanged(bob.clone())];
    for change in owners.into_iter().chain([GroupChange::Dissolved]) {
        admin.unchanged(bed, &group, change, RejectCode::NotAllowed).await?;
    }
    owner.change(bed, &group, given(&bob, Role::Member)).await?;
    admin.unchanged(bed, &group, renamed(), RejectCode::NotAllowed).await
}

async fn admins_apart(bed: &Bed) -> Checked {
    let [ada, bob, cyd] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob, &cyd]).await?;
    let both = GroupChange::RolesGiven { users: vec![bob.clone(), cyd.clone()], role: Role::Admin };
    owner.change(bed, &group, both).await?;
    let mut admin = Peer::login(bed, &bob).await?;
    for change in [removed(&ada), removed(&cyd), muted(&ada, u64::MAX), muted(&cyd, u64::MAX)] {
        admin.unchanged(bed, &group, change, RejectCode::NotAllowed).await?;
    }
    owner.change(bed, &group, muted(&cyd, u64::MAX)).await?;
    owner.change(bed, &group, removed(&cyd)).await.map(drop)
}

async fn oneself(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let own = [muted(&ada, 9), given(&ada, Role::Admin), GroupChange::OwnerChanged(ada.clone())];
    for change in own {
        owner.unchanged(bed, &group, change, RejectCode::Invalid).await?;
    }
    Ok(())
}

async fn members_add(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut member = Peer::login(bed, &bob).await?;
    member.unchanged(bed, &group, added(&eve), RejectCode::NotAllowed).await?;
    let rules = GroupRules { members_add: true, ..GroupRules::default() };
    member.unchanged(bed, &group, GroupChange::RulesSet(rules), RejectCode::NotAllowed).await?;
    owner.change(bed, &group, GroupChange::RulesSet(rules)).await?;
    member.change(bed, &group, added(&eve)).await?;
    member.unchanged(bed, &group, removed(&eve), RejectCode::NotAllowed).await
}

async fn handed_over(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let to = |user: &UserId| GroupChange::OwnerChanged(user.clone());
    owner.unchanged(bed, &group, to(&eve), RejectCode::MemberMismatch).await?;
    owner.change(bed, &group, to(&bob)).await?;
    let mut heir = Peer::login(bed, &bob).await?;
    same("the heir", Some(Role::Owner), state(&mut heir, &group).await?.role)?;
    same("who had it", Some(Role::Admin), state(&mut owner, &group).await?.role)?;
    owner.unchanged(bed, &group, to(&ada), RejectCode::NotAllowed).await?;
    owner.change(bed, &group, GroupChange::Left { new_owner: None }).await.map(drop)
}

async fn comes_back(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let changes = [given(&bob, Role::Admin), muted(&bob, u64::MAX), removed(&bob), added(&bob)];
    for change in changes {
        owner.change(bed, &group, change).await?;
    }
    let mut member = Peer::login(bed, &bob).await?;
    let found = state(&mut member, &group).await?;
    same("role and mute", (Some(Role::Member), u64::MAX), (found.role, found.muted_until_ms))?;
    member.rejected(bed, &group, text("hello"), RejectCode::Muted).await
}

async fn mute(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut member = Peer::login(bed, &bob).await?;
    member.text(bed, &group, "may").await?;
    owner.change(bed, &group, muted(&bob, u64::MAX)).await?;
    member.rejected(bed, &group, text("may not"), RejectCode::Muted).await?;
    // In the last century.
    owner.change(bed, &group, muted(&bob, 1)).await?;
    member.text(bed, &group, "may again").await?;
    owner.change(bed, &group, muted(&bob, u64::MAX)).await?;
    owner.change(bed, &group, muted(&bob, 0)).await?;
    member.text(bed, &group, "may still").await.map(drop)
}

async fn only_admins(bed: &Bed) -> Checked {
    let [ada, bob, cyd] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob, &cyd]).await?;
    owner.change(bed, &group, given(&cyd, Role::Admin)).await?;
    let rules = GroupRules { only_admins_write: true, ..GroupRules::default() };
    owner.change(bed, &group, GroupChange::RulesSet(rules)).await?;
    let (mut member, mut admin) = (Peer::login(bed, &bob).await?, Peer::login(bed, &cyd).await?);
    same("the rules", rules, state(&mut member, &group).await?.rules)?;
    member.rejected(bed, &group, text("may not"), RejectCode::Muted).await?;
    admin.text(bed, &group, "may").await?;
    owner.text(bed, &group, "may").await?;
    let rules = GroupRules { members_add: true, ..GroupRules::default() };
    admin.change(bed, &group, GroupChange::RulesSet(rules)).await?;
    member.text(bed, &group, "may now").await.map(drop)
}

async fn described(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let of = |topic: Option<&str>, avatar: Option<&str>| GroupChange::Described {
        topic: topic.map(str::to_owned),
        avatar: avatar.map(str::to_owned),
    };
    owner.change(bed, &group, of(Some("sails"), Some("pictures/7"))).await?;
    owner.change(bed, &group, of(None, Some(""))).await?;
    let found = state(&mut owner, &group).await?;
    same("topic and avatar", ("sails", ""), (&*found.topic, &*found.avatar))
}

async fn history_for_all(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut member = Peer::login(bed, &bob).await?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    owner.text(bed, &group, "before").await?;
    let rules = GroupRules { history_for_all: true, ..GroupRules::default() };
    owner.change(bed, &group, GroupChange::RulesSet(rules)).await?;
    owner.change(bed, &group, added(&bob)).await?;
    same("the first delivery", 4, member.take(&group).await?.seq)?;
    let found = state(&mut member, &group).await?;
    same("head, unread", (4, 1), (found.head, found.unread))?;
    let edge = Edge::After(0);
    match member.ask(Operation::History { chat: group.clone(), edge, limit: 0 }).await? {
        Ok(Answer::History { entries, more: false }) => same("entries", 4, entries.len()),
        other => fail("a history", format_args!("{other:?}")),
    }
}

async fn dissolved(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut member = Peer::login(bed, &bob).await?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let seq = owner.change(bed, &group, GroupChange::Dissolved).await?.seq;
    same("the first entry", 1, member.take(&group).await?.seq)?;
    same("the last entry", seq, member.take(&group).await?.seq)?;
    for peer in [&mut owner, &mut member] {
        peer.rejected(bed, &group, text("hello?"), RejectCode::NoSuchChat).await?;
        peer.unchanged(bed, &group, renamed(), RejectCode::NoSuchChat).await?;
        same("the role", None, state(peer, &group).await?.role)?;
        let members = Operation::Members { chat: group.clone(), after: None, limit: 0 };
        peer.ask_refused(members, RejectCode::NotAllowed).await?;
    }
    Ok(())
}
