//! Who comes into a group by itself, or asks to (SPEC.md section 5.6). Must never reuse a group of
//! another check.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, GroupRules, JoinProof, JoinRule};
use packetboat_proto::id::{ChatId, InviteId, UserId};
use packetboat_proto::limits::{INVITE_ID_BYTES, INVITE_SECRET_BYTES, INVITES_MAX};
use packetboat_proto::packet::{
    Answer, Invitation, InviteKey, JoinState, JoinWay, Joined, Joining, Notice, Operation, Packet,
    join_note,
};
use ring::hmac;

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "joining", Bed;
    Must by_link ["J-3", "J-4"] "a MemberJoined with a proof brings its sender in";
    Must wrong_proof ["J-4"] "a proof of another user, or of no invitation, is NO_SUCH_CHAT";
    Must by_rule ["J-4"] "where anyone may, a MemberJoined without a proof brings its sender in";
    Must put_out ["J-4"] "who was put out does not come in again by itself";
    Must uses ["J-5"] "an invitation brings in as many as it has uses";
    Must changed ["J-2"] "an invitation is replaced, listed with its maker, and taken back";
    Must so_many ["J-2"] "more than 100 invitations are LIMIT_REACHED";
    Must who_invites ["J-1"] "who may not add members makes, lists and takes back none";
    Must asks ["J-6", "J-7"] "who asks waits, and is let in by being added";
    Must refused ["J-6", "J-7"] "who asks is refused, and told so";
    Must card ["J-8"] "a card is shown to who may come in or ask, and to nobody else";
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    bytes
}

fn invitation() -> Invitation {
    let id = InviteId::from(random::<INVITE_ID_BYTES>());
    let key = InviteKey { id, secret: random::<INVITE_SECRET_BYTES>() };
    Invitation { key, expires_ms: 0, uses: 0, asks: false, made_by: None }
}

fn proof(invitation: &Invitation, group: &ChatId, user: &UserId) -> JoinProof {
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &invitation.key.secret);
    let tag = hmac::sign(&signing, &join_note(group, user));
    let proof = tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
    JoinProof { invite: invitation.key.id, proof }
}

fn ruled(join_rule: JoinRule) -> GroupChange {
    GroupChange::RulesSet(GroupRules { join_rule, ..GroupRules::default() })
}

async fn ask(peer: &mut Peer, joining: Joining) -> Checked<Joined> {
    match peer.ask(Operation::Joining(joining)).await? {
        Ok(Answer::Joining(joined)) => Ok(joined),
        other => fail("an answer about coming in", format_args!("{other:?}")),
    }
}

async fn refusal(peer: &mut Peer, joining: Joining, code: RejectCode) -> Checked {
    peer.ask_refused(Operation::Joining(joining), code).await
}

async fn invite(peer: &mut Peer, group: &ChatId, invitation: &Invitation) -> Checked {
    let (chat, invitation) = (group.clone(), invitation.clone());
    same("Invite", Joined::Invite, ask(peer, Joining::Invite { chat, invitation }).await?)
}

async fn by_link(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let link = invitation();
    invite(&mut owner, &group, &link).await?;
    let mut comer = Peer::login(bed, &bob).await?;
    let by = Some(proof(&link, &group, &bob));
    let seq = comer.change(bed, &group, GroupChange::Joined(by)).await?.seq;
    same("the entry that says so", seq, owner.take(&group).await?.seq)?;
    let joined = GroupChange::Joined(by);
    comer.unchanged(bed, &group, joined, RejectCode::MemberMismatch).await?;
    comer.text(bed, &group, "hello").await.map(drop)
}

async fn wrong_proof(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let link = invitation();
    invite(&mut owner, &group, &link).await?;
    let mut comer = Peer::login(bed, &eve).await?;
    let wrong = [proof(&link, &group, &bob), proof(&invitation(), &group, &eve)];
    for by in wrong.map(Some).into_iter().chain([None]) {
        comer.unchanged(bed, &group, GroupChange::Joined(by), RejectCode::NoSuchChat).await?;
        let asked = Joining::Ask { chat: group.clone(), proof: by };
        refusal(&mut comer, asked, RejectCode::NoSuchChat).await?;
    }
    let joined = GroupChange::Joined(Some(proof(&link, &bed.group(), &eve)));
    comer.unchanged(bed, &bed.group(), joined, RejectCode::NoSuchChat).await
}

async fn by_rule(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    owner.change(bed, &group, ruled(JoinRule::Ask)).await?;
    let mut comer = Peer::login(bed, &bob).await?;
    comer.unchanged(bed, &group, GroupChange::Joined(None), RejectCode::InviteOver).await?;
    owner.change(bed, &group, ruled(JoinRule::Anyone)).await?;
    comer.change(bed, &group, GroupChange::Joined(None)).await.map(drop)
}

async fn put_out(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    owner.change(bed, &group, ruled(JoinRule::Anyone)).await?;
    let mut comer = Peer::login(bed, &bob).await?;
    comer.change(bed, &group, GroupChange::Joined(None)).await?;
    owner.change(bed, &group, GroupChange::Removed(vec![bob.clone()])).await?;
    comer.unchanged(bed, &group, GroupChange::Joined(None), RejectCode::NotAllowed).await?;
    owner.change(bed, &group, GroupChange::Added(vec![bob])).await?;
    comer.change(bed, &group, GroupChange::Left { new_owner: None }).await?;
    comer.change(bed, &group, GroupChange::Joined(None)).await.map(drop)
}

async fn uses(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let link = Invitation { uses: 1, ..invitation() };
    invite(&mut owner, &group, &link).await?;
    let by = |user| GroupChange::Joined(Some(proof(&link, &group, user)));
    Peer::login(bed, &bob).await?.change(bed, &group, by(&bob)).await?;
    let mut late = Peer::login(bed, &eve).await?;
    late.unchanged(bed, &group, by(&eve), RejectCode::InviteOver).await?;
    invite(&mut owner, &group, &link).await?;
    late.unchanged(bed, &group, by(&eve), RejectCode::InviteOver).await
}

async fn changed(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let link = invitation();
    invite(&mut owner, &group, &link).await?;
    let link = Invitation { uses: 9, ..link };
    invite(&mut owner, &group, &link).await?;
    let listed = Joined::Invites(vec![Invitation { made_by: Some(ada), ..link.clone() }]);
    let invites = || Joining::Invites { chat: group.clone() };
    same("the invitations", listed, ask(&mut owner, invites()).await?)?;
    for _ in 0..2 {
        let back = Joining::Uninvite { chat: group.clone(), id: link.key.id };
        same("Uninvite", Joined::Uninvite, ask(&mut owner, back).await?)?;
    }
    same("no invitations", Joined::Invites(Vec::new()), ask(&mut owner, invites()).await?)?;
    let over = Joining::Invite { chat: group, invitation: Invitation { expires_ms: 1, ..link } };
    refusal(&mut owner, over, RejectCode::Invalid).await
}

async fn so_many(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    for _ in 0..INVITES_MAX {
        invite(&mut owner, &group, &invitation()).await?;
    }
    let more = Joining::Invite { chat: group, invitation: invitation() };
    refusal(&mut owner, more, RejectCode::LimitReached).await
}

async fn who_invites(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    owner.change(bed, &group, GroupChange::Added(vec![bob.clone()])).await?;
    let link = invitation();
    invite(&mut owner, &group, &link).await?;
    for (user, code) in [(bob, RejectCode::NotAllowed), (eve, RejectCode::NoSuchChat)] {
        let mut peer = Peer::login(bed, &user).await?;
        let chat = || group.clone();
        let all = [
            Joining::Invite { chat: chat(), invitation: invitation() },
            Joining::Uninvite { chat: chat(), id: link.key.id },
            Joining::Invites { chat: chat() },
            Joining::Requests { chat: chat(), after: None, limit: 0 },
            Joining::Refuse { chat: chat(), users: vec![ada.clone()] },
        ];
        for joining in all {
            refusal(&mut peer, joining, code).await?;
        }
    }
    Ok(())
}

async fn news(peer: &mut Peer, about: &UserId) -> Checked<Option<JoinState>> {
    let told = |packet: &Packet| match packet {
        Packet::Notice(Notice::Join(news)) if news.user == *about => Some(news.state),
        _ => None,
    };
    peer.find("a notice about who asks", told).await
}

async fn asks(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    let link = Invitation { asks: true, ..invitation() };
    invite(&mut owner, &group, &link).await?;
    let mut asker = Peer::login(bed, &bob).await?;
    let by = Some(proof(&link, &group, &bob));
    asker.unchanged(bed, &group, GroupChange::Joined(by), RejectCode::InviteOver).await?;
    let asked = || Joining::Ask { chat: group.clone(), proof: by };
    for _ in 0..2 {
        let waits = Joined::Ask(Some(JoinState::Waiting));
        same("how it stands", waits, ask(&mut asker, asked()).await?)?;
    }
    same("what the owner is told", Some(JoinState::Waiting), news(&mut owner, &bob).await?)?;
    let listed = Joining::Requests { chat: group.clone(), after: None, limit: 0 };
    match ask(&mut owner, listed).await? {
        Joined::Requests { requests, more: false } if requests.len() == 1 => {
            same("who asks", &bob, &requests[0].user)?;
        }
        other => return fail("one who asks", format_args!("{other:?}")),
    }
    let seq = owner.change(bed, &group, GroupChange::Added(vec![bob])).await?.seq;
    same("the entry that lets it in", seq, asker.take(&group).await?.seq)?;
    let member = Joined::Ask(Some(JoinState::Member));
    same("how it stands", member, ask(&mut asker, asked()).await?)
}

async fn refused(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    owner.change(bed, &group, ruled(JoinRule::Ask)).await?;
    let mut asker = Peer::login(bed, &bob).await?;
    let asked = || Joining::Ask { chat: group.clone(), proof: None };
    ask(&mut asker, asked()).await?;
    let refuse = Joining::Refuse { chat: group.clone(), users: vec![bob.clone()] };
    same("Refuse", Joined::Refuse, ask(&mut owner, refuse).await?)?;
    same("what the asker is told", Some(JoinState::Refused), news(&mut asker, &bob).await?)?;
    let refused = Joined::Ask(Some(JoinState::Refused));
    same("how it stands", refused, ask(&mut asker, asked()).await?)
}

async fn way(peer: &mut Peer, group: &ChatId, by: Option<JoinProof>) -> Checked<Option<JoinWay>> {
    match ask(peer, Joining::Card { chat: group.clone(), proof: by }).await? {
        Joined::Card(card) => {
            same("the name", "crew", &card.name)?;
            Ok(card.way)
        }
        other => fail("a card", format_args!("{other:?}")),
    }
}

async fn card(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[]).await?;
    same("of a member", Some(JoinWay::Member), way(&mut owner, &group, None).await?)?;
    let mut comer = Peer::login(bed, &bob).await?;
    let none = Joining::Card { chat: group.clone(), proof: None };
    refusal(&mut comer, none, RejectCode::NoSuchChat).await?;
    let link = invitation();
    invite(&mut owner, &group, &link).await?;
    let by = Some(proof(&link, &group, &bob));
    same("by a link", Some(JoinWay::Join), way(&mut comer, &group, by).await?)?;
    owner.change(bed, &group, ruled(JoinRule::Ask)).await?;
    same("by the rule", Some(JoinWay::Ask), way(&mut comer, &group, None).await?)
}
