//! Entries that refer to others and change them (SPEC.md section 6.1). Must never reuse a group or
//! pair of another check.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Erasure, Forwarded, GroupChange, Origin, Role,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Answer, Edge, Operation};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "changes", Bed;
    Must what_is_seen ["A-1"] "an entry names one before it that its sender sees, or is INVALID";
    Must text_or_data ["A-1"] "only a text or data that was not recalled is changed";
    Must edited ["A-2", "A-3"] "only its sender edits an entry, which stays as it was sent";
    Must so_many_edits ["A-2"] "64 edits are taken, and the next is LIMIT_REACHED";
    Must recalled ["A-5"] "a recall leaves the place, and nothing of content and edits";
    Must recalled_by_admins ["A-4"] "admins recall what members say, and nobody else's";
    Must recalled_while_mute ["A-4", "A-8"] "who is mute recalls, and neither edits nor reacts";
    Must sent_again ["A-6"] "a recalled message sent again is accepted, with any content";
    Must reacted ["A-8"] "a member reacts in several ways, and takes it back";
    Must pinned ["A-9", "Q-11"] "owner and admins pin, again too, and pins tells what is pinned";
    Must so_many_pins ["A-9"] "50 entries are pinned, and the next is LIMIT_REACHED";
    Must origin ["A-10"] "an origin that is not so is INVALID";
    Must unread ["A-11"] "what only changes others is delivered, and is not unread";
    Must mentions_all ["A-12"] "mentions_all in a direct chat is INVALID";
    Must in_thread ["Q-11"] "thread gives the entries of a thread, in pages";
}

fn altering(alteration: Alteration) -> Bytes {
    Content::Entry(alteration).encode()
}

fn edit(seq: u64, text: &str) -> Bytes {
    altering(Alteration::Edited { seq, new: Body::Text(text.into()) })
}

fn recall(seq: u64) -> Bytes {
    altering(Alteration::Recalled { seq })
}

fn react(seq: u64, taken_back: bool) -> Bytes {
    altering(Alteration::Reacted { seq, reaction: "+1".into(), taken_back })
}

fn pin(seq: u64, unpinned: bool) -> Bytes {
    altering(Alteration::Pinned { seq, unpinned })
}

fn within(context: &Context) -> Bytes {
    Content::text("hi").encode_in(context)
}

fn reply(reply_to: u64) -> Bytes {
    within(&Context { reply_to, ..Context::default() })
}

fn threaded(thread: u64) -> Bytes {
    within(&Context { thread, ..Context::default() })
}

/// Two users and their chat.
async fn pair(bed: &Bed) -> Checked<(ChatId, Peer, Peer, [UserId; 2])> {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    Ok((chat, Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?, [ada, bob]))
}

async fn post(peer: &mut Peer, bed: &Bed, chat: &ChatId, content: Bytes) -> Checked<u64> {
    Ok(peer.post(chat, bed.message(), content).await?.seq)
}

async fn log(peer: &mut Peer, chat: &ChatId) -> Checked<Vec<Entry>> {
    let asked = Operation::History { chat: chat.clone(), edge: Edge::After(0), limit: 0 };
    match peer.ask(asked).await? {
        Ok(Answer::History { entries, .. }) => decoded(entries),
        other => fail("a page of history", format_args!("{other:?}")),
    }
}

fn decoded(entries: Vec<Bytes>) -> Checked<Vec<Entry>> {
    let decoded: Result<Vec<Entry>, _> = entries.into_iter().map(Entry::decode).collect();
    decoded.or_else(|error| fail("entries", error))
}

async fn pins(peer: &mut Peer, chat: &ChatId) -> Checked<Vec<u64>> {
    match peer.ask(Operation::Pins { chat: chat.clone() }).await? {
        Ok(Answer::Pins(seqs)) => Ok(seqs),
        other => fail("pins", format_args!("{other:?}")),
    }
}

async fn what_is_seen(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let early = owner.text(bed, &group, "early").await?.seq;
    owner.change(bed, &group, GroupChange::Added(vec![eve.clone()])).await?;
    let late = owner.text(bed, &group, "late").await?.seq;
    let mut newcomer = Peer::login(bed, &eve).await?;
    for content in [reply(early), threaded(early), react(early, false)] {
        newcomer.rejected(bed, &group, content, RejectCode::Invalid).await?;
    }
    for content in [reply(late + 9), threaded(late + 1), react(u64::MAX, false)] {
        newcomer.rejected(bed, &group, content, RejectCode::Invalid).await?;
    }
    for content in [reply(late), threaded(late), react(late, false)] {
        post(&mut newcomer, bed, &group, content).await?;
    }
    Ok(())
}

async fn text_or_data(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    for content in [edit(1, "x"), recall(1), react(1, false), pin(1, false)] {
        owner.rejected(bed, &group, content, RejectCode::Invalid).await?;
    }
    let seq = owner.text(bed, &group, "hi").await?.seq;
    post(&mut owner, bed, &group, recall(seq)).await?;
    for content in [edit(seq, "x"), recall(seq), react(seq, false), pin(seq, false)] {
        owner.rejected(bed, &group, content, RejectCode::Invalid).await?;
    }
    owner
        .rejected(
            bed,
            &group,
            Content::Erased(Erasure::Recalled { by: 3 }).encode(),
            RejectCode::Invalid,
        )
        .await
}

async fn edited(bed: &Bed) -> Checked {
    let (chat, mut one, mut other, _) = pair(bed).await?;
    let seq = one.text(bed, &chat, "one").await?.seq;
    other.rejected(bed, &chat, edit(seq, "two"), RejectCode::NotAllowed).await?;
    let at = post(&mut one, bed, &chat, edit(seq, "two")).await?;
    let log = log(&mut other, &chat).await?;
    same("the entries", vec![seq, at], log.iter().map(|entry| entry.seq).collect())?;
    same("the first", Content::text("one").encode(), log[0].content.clone())?;
    same("the edit", edit(seq, "two"), log[1].content.clone())?;
    let long = edit(seq, &"x".repeat(16_385));
    if long.len() <= one.limits.max_content as usize {
        one.rejected(bed, &chat, long, RejectCode::TooLarge).await?;
    }
    Ok(())
}

async fn so_many_edits(bed: &Bed) -> Checked {
    let (chat, mut one, ..) = pair(bed).await?;
    let seq = one.text(bed, &chat, "one").await?.seq;
    for round in 0..64 {
        post(&mut one, bed, &chat, edit(seq, &round.to_string())).await?;
    }
    one.rejected(bed, &chat, edit(seq, "64"), RejectCode::LimitReached).await
}

async fn recalled(bed: &Bed) -> Checked {
    let (chat, mut one, mut other, [ada, _]) = pair(bed).await?;
    let id = bed.message();
    let said = one.post(&chat, id, Content::text("secret").encode()).await?;
    let edit_at = post(&mut one, bed, &chat, edit(said.seq, "more secret")).await?;
    post(&mut other, bed, &chat, pin(said.seq, false)).await?;
    let by = post(&mut one, bed, &chat, recall(said.seq)).await?;
    let log = log(&mut other, &chat).await?;
    let left = Content::Erased(Erasure::Recalled { by }).encode();
    let wanted = Entry {
        chat: chat.clone(),
        seq: said.seq,
        sender: ada,
        id,
        at_ms: said.at_ms,
        content: left.clone(),
    };
    same("what is left", Some(&wanted), log.first())?;
    let of_edit = log.iter().find(|entry| entry.seq == edit_at);
    same("the edit", Some(&left), of_edit.map(|entry| &entry.content))?;
    same("the pins", Vec::new(), pins(&mut other, &chat).await?)
}

async fn recalled_by_admins(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob, &eve]).await?;
    let (mut admin, mut member) = (Peer::login(bed, &bob).await?, Peer::login(bed, &eve).await?);
    let role = GroupChange::RolesGiven { users: vec![bob.clone()], role: Role::Admin };
    owner.change(bed, &group, role).await?;
    let owners = owner.text(bed, &group, "of the owner").await?.seq;
    let admins = admin.text(bed, &group, "of the admin").await?.seq;
    let members = member.text(bed, &group, "of the member").await?.seq;
    member.rejected(bed, &group, recall(admins), RejectCode::NotAllowed).await?;
    admin.rejected(bed, &group, recall(owners), RejectCode::NotAllowed).await?;
    post(&mut admin, bed, &group, recall(members)).await?;
    post(&mut owner, bed, &group, recall(admins)).await.map(drop)
}

async fn recalled_while_mute(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut member = Peer::login(bed, &bob).await?;
    let seq = member.text(bed, &group, "hi").await?.seq;
    let mute = GroupChange::Muted { users: vec![bob.clone()], until_ms: u64::MAX };
    owner.change(bed, &group, mute).await?;
    member.rejected(bed, &group, edit(seq, "x"), RejectCode::Muted).await?;
    member.rejected(bed, &group, react(seq, false), RejectCode::Muted).await?;
    post(&mut member, bed, &group, recall(seq)).await.map(drop)
}

async fn sent_again(bed: &Bed) -> Checked {
    let (chat, mut one, ..) = pair(bed).await?;
    let id = bed.message();
    let seq = one.post(&chat, id, Content::text("secret").encode()).await?.seq;
    post(&mut one, bed, &chat, recall(seq)).await?;
    for words in ["secret", "something else"] {
        let again = one.post(&chat, id, Content::text(words).encode()).await?;
        same("seq and duplicate", (seq, true), (again.seq, again.duplicate))?;
    }
    Ok(())
}

async fn reacted(bed: &Bed) -> Checked {
    let (chat, mut one, mut other, _) = pair(bed).await?;
    let seq = one.text(bed, &chat, "hi").await?.seq;
    for content in [react(seq, false), react(seq, false), react(seq, true), react(seq, true)] {
        post(&mut other, bed, &chat, content).await?;
    }
    let own = altering(Alteration::Reacted { seq, reaction: "⚓".into(), taken_back: false });
    post(&mut one, bed, &chat, own).await.map(drop)
}

async fn pinned(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut member = Peer::login(bed, &bob).await?;
    let first = member.text(bed, &group, "one").await?.seq;
    let second = member.text(bed, &group, "two").await?.seq;
    member.rejected(bed, &group, pin(first, false), RejectCode::NotAllowed).await?;
    for content in [pin(second, false), pin(first, false), pin(first, false)] {
        post(&mut owner, bed, &group, content).await?;
    }
    same("what is pinned", vec![first, second], pins(&mut member, &group).await?)?;
    for content in [pin(first, true), pin(first, true)] {
        post(&mut owner, bed, &group, content).await?;
    }
    same("what is pinned still", vec![second], pins(&mut member, &group).await?)?;
    let none = Operation::Pins { chat: bed.group() };
    member.ask_refused(none, RejectCode::NoSuchChat).await
}

async fn so_many_pins(bed: &Bed) -> Checked {
    let (chat, mut one, ..) = pair(bed).await?;
    let mut last = 0;
    for _ in 0..51 {
        last = one.text(bed, &chat, "hi").await?.seq;
    }
    for seq in last - 50..last {
        post(&mut one, bed, &chat, pin(seq, false)).await?;
    }
    one.rejected(bed, &chat, pin(last, false), RejectCode::LimitReached).await
}

async fn origin(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let seq = owner.text(bed, &group, "hi").await?.seq;
    let told = |chat: &ChatId, seq, sender: &UserId| {
        let origin = Origin { chat: chat.clone(), seq, sender: sender.clone() };
        let forwarded = Some(Forwarded::From(origin));
        within(&Context { forwarded, ..Context::default() })
    };
    let elsewhere = ChatId::direct(&bob, &eve);
    let mut member = Peer::login(bed, &bob).await?;
    post(&mut member, bed, &elsewhere, told(&group, seq, &ada)).await?;
    for content in [told(&group, seq, &bob), told(&group, 1, &ada), told(&group, seq + 9, &ada)] {
        member.rejected(bed, &elsewhere, content, RejectCode::Invalid).await?;
    }
    let mut stranger = Peer::login(bed, &eve).await?;
    stranger.rejected(bed, &elsewhere, told(&group, seq, &ada), RejectCode::Invalid).await?;
    let forwarded = Some(Forwarded::Somewhere);
    let untold = within(&Context { forwarded, ..Context::default() });
    post(&mut stranger, bed, &elsewhere, untold).await.map(drop)
}

async fn unread(bed: &Bed) -> Checked {
    let (chat, mut one, mut other, _) = pair(bed).await?;
    let seq = one.text(bed, &chat, "hi").await?.seq;
    for content in [edit(seq, "ho"), react(seq, false), pin(seq, false)] {
        post(&mut one, bed, &chat, content).await?;
    }
    for at in seq..seq + 4 {
        same("the seq that is delivered", at, other.entry(&chat).await?.seq)?;
    }
    match other.ask(Operation::Chat { chat: chat.clone() }).await? {
        Ok(Answer::Chat(state)) => same("unread", 1, state.unread),
        answer => fail("a chat", format_args!("{answer:?}")),
    }
}

async fn mentions_all(bed: &Bed) -> Checked {
    let (chat, mut one, ..) = pair(bed).await?;
    let all = within(&Context { mentions_all: true, ..Context::default() });
    one.rejected(bed, &chat, all, RejectCode::Invalid).await
}

async fn in_thread(bed: &Bed) -> Checked {
    let (chat, mut one, mut other, _) = pair(bed).await?;
    let of = one.text(bed, &chat, "topic").await?.seq;
    let mut seqs = Vec::new();
    for _ in 0..3 {
        other.text(bed, &chat, "beside").await?;
        seqs.push(post(&mut one, bed, &chat, threaded(of)).await?);
    }
    let mut after = 0;
    for (at, seq) in seqs.iter().enumerate() {
        let asked = Operation::Thread { chat: chat.clone(), seq: of, after, limit: 1 };
        let Ok(Answer::Thread { entries, more }) = other.ask(asked).await? else {
            return fail("a page of a thread", "something else");
        };
        let found = decoded(entries)?.iter().map(|entry| entry.seq).collect();
        same("the page", vec![*seq], found)?;
        same("more", at + 1 < seqs.len(), more)?;
        after = *seq;
    }
    let none = Operation::Thread { chat: bed.group(), seq: 1, after: 0, limit: 0 };
    other.ask_refused(none, RejectCode::NoSuchChat).await
}
