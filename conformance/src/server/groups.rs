//! Groups, which change only by entries of their logs (SPEC.md section 6, E-6 to E-12). Must never
//! reuse a group of another check.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Answer, Member, Operation, Role};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "groups", Bed;
    Must uuid_as_id ["I-4"] "the group has the id that its maker chose, a UUID or one of 64 bytes";
    Must made ["E-6"] "GroupCreated makes a group, whose owner is its sender";
    Must made_once ["E-6"] "a group that is there, or was, is ALREADY_EXISTS";
    Must maker_among_members ["E-6"] "naming its sender among the members is MEMBER_MISMATCH";
    Must only_the_owner ["E-7"] "a plain member adds, removes and renames nothing";
    Must whole_changes ["E-8"] "a change that does not fit the members does nothing at all";
    Must owner_removes_itself ["E-8"] "the owner naming itself in MembersRemoved is INVALID";
    Must owner_leaves ["E-10"] "an owner who leaves others names one of them";
    Must member_leaves ["E-10"] "a member leaves without naming anybody";
    Must no_member ["E-11"] "who is no member may send nothing: NO_SUCH_CHAT";
    Must spans ["E-12", "D-3"] "a member sees what lies in its spans, and nothing else";
}

fn of(name: &str, members: &[&UserId]) -> GroupChange {
    let members = members.iter().map(|user| (*user).clone()).collect();
    GroupChange::Created { name: name.to_owned(), members }
}

fn added(user: &UserId) -> GroupChange {
    GroupChange::Added(vec![user.clone()])
}

fn removed(user: &UserId) -> GroupChange {
    GroupChange::Removed(vec![user.clone()])
}

fn left(new_owner: Option<&UserId>) -> GroupChange {
    GroupChange::Left { new_owner: new_owner.cloned() }
}

async fn members(peer: &mut Peer, group: &ChatId) -> Checked<Vec<(UserId, Option<Role>)>> {
    let operation = Operation::Members { chat: group.clone(), after: None, limit: 0 };
    match peer.ask(operation).await? {
        Ok(Answer::Members { members, .. }) => {
            let role = |member: Member| (member.user, member.role);
            Ok(members.into_iter().map(role).collect())
        }
        other => fail("members", format_args!("{other:?}")),
    }
}

async fn uuid_as_id(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut owner = Peer::login(bed, &ada).await?;
    let digits = bed.message().to_string();
    let uuid = format!("{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..]);
    let longest = format!("{uuid:x<64}");
    for id in [uuid, longest] {
        let group = ChatId::group(&id).expect("hex and dashes are in the alphabet");
        owner.change(bed, &group, of("crew", &[])).await?;
    }
    Ok(())
}

async fn made(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let change = of("crew", &[&bob]);
    same("the first seq", 1, owner.change(bed, &group, change.clone()).await?.seq)?;
    let entry = member.take(&group).await?;
    same("the entry", (1, &ada), (entry.seq, &entry.sender))?;
    same("its content", Content::Group(change).encode(), entry.content)?;
    let mut expected = vec![(ada, Some(Role::Owner)), (bob, Some(Role::Member))];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    same("the members", expected, members(&mut owner, &group).await?)?;
    same("the next seq", 2, member.text(bed, &group, "hello").await?.seq)?;
    same("to the owner", 2, owner.take(&group).await?.seq)
}

async fn made_once(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    one.change(bed, &group, of("crew", &[])).await?;
    for peer in [&mut one, &mut other] {
        peer.unchanged(bed, &group, of("again", &[]), RejectCode::AlreadyExists).await?;
    }
    one.change(bed, &group, left(None)).await?;
    other.unchanged(bed, &group, of("again", &[]), RejectCode::AlreadyExists).await
}

async fn maker_among_members(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = bed.group();
    peer.unchanged(bed, &group, of("crew", &[&ada]), RejectCode::MemberMismatch).await
}

async fn only_the_owner(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    for change in [added(&eve), removed(&ada), GroupChange::Renamed("mine".into())] {
        member.unchanged(bed, &group, change, RejectCode::NotAllowed).await?;
    }
    owner.change(bed, &group, added(&eve)).await?;
    owner.change(bed, &group, GroupChange::Renamed("ours".into())).await?;
    owner.change(bed, &group, removed(&eve)).await.map(drop)
}

async fn whole_changes(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let group = bed.group();
    let mut owner = Peer::login(bed, &ada).await?;
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    let before = members(&mut owner, &group).await?;
    for change in [
        GroupChange::Added(vec![eve.clone(), bob.clone()]),
        GroupChange::Removed(vec![bob.clone(), eve.clone()]),
    ] {
        owner.unchanged(bed, &group, change, RejectCode::MemberMismatch).await?;
    }
    same("the members", before, members(&mut owner, &group).await?)
}

async fn owner_removes_itself(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let mut owner = Peer::login(bed, &ada).await?;
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    owner.unchanged(bed, &group, removed(&ada), RejectCode::Invalid).await
}

async fn owner_leaves(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    for nobody in [None, Some(&eve), Some(&ada)] {
        owner.unchanged(bed, &group, left(nobody), RejectCode::OwnerNeeded).await?;
    }
    owner.change(bed, &group, left(Some(&bob))).await?;
    let expected = vec![(bob, Some(Role::Owner))];
    same("the members", expected, members(&mut member, &group).await?)?;
    member.change(bed, &group, GroupChange::Renamed("mine".into())).await?;
    member.change(bed, &group, left(None)).await.map(drop)
}

async fn member_leaves(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    member.unchanged(bed, &group, left(Some(&ada)), RejectCode::Invalid).await?;
    let seq = member.change(bed, &group, left(None)).await?.seq;
    same("the entry that says so", seq, owner.take(&group).await?.seq)?;
    same("members", 1, members(&mut owner, &group).await?.len())
}

async fn no_member(bed: &Bed) -> Checked {
    let [ada, eve] = bed.users()?;
    let group = bed.group();
    Peer::login(bed, &ada).await?.change(bed, &group, of("crew", &[])).await?;
    let mut outsider = Peer::login(bed, &eve).await?;
    outsider.rejected(bed, &group, text("let me in"), RejectCode::NoSuchChat).await?;
    for change in [added(&eve), left(None), GroupChange::Renamed("x".into())] {
        outsider.unchanged(bed, &group, change, RejectCode::NoSuchChat).await?;
    }
    Ok(())
}

async fn spans(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut owner = Peer::login(bed, &ada).await?;
    owner.change(bed, &group, of("crew", &[&bob])).await?;
    owner.text(bed, &group, "seen").await?;
    owner.change(bed, &group, removed(&bob)).await?;
    owner.text(bed, &group, "not seen").await?;
    owner.change(bed, &group, added(&bob)).await?;
    let (mut member, _) = Peer::greet(bed, hello).await?;
    for seq in [1, 2, 3, 5] {
        same("the next seq", seq, member.take(&group).await?.seq)?;
    }
    member.no_entry(&group, "nothing else").await
}
