//! A user's own state (SPEC.md section 5.10). Must never rely on what another check has set: each
//! has users of its own.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, GroupChange};
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{
    Answer, ChatDraft, ChatState, Edge, Item, Marks, Notice, Operation, Own, OwnAnswer, OwnItem,
    OwnPage, Packet, Recent, SetMarks,
};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "own", Bed;
    Must set ["B-1", "B-2"] "what is set has a revision, and set again it keeps it";
    Must marks ["B-1", "B-6"] "a mark that is not named stays, and comes with the chat";
    Must pages ["B-3"] "pages go on behind the last revision, up to the newest";
    Must notice ["B-4"] "every session of the user is told of the newest revision, and no other";
    Must own_chats ["B-5"] "items of another's chat are NO_SUCH_CHAT; a left group's are kept";
    Must hide ["B-7", "B-8"] "a hidden entry counts no more for one user, and is there for all";
    Must recent ["B-9"] "chats come by their newest entries, page by page";
    Must mentions ["B-10"] "unread entries of others that mention the user are counted";
    Must last ["B-11"] "the last entry comes along that is not hidden, silent or too long";
}

async fn ask(peer: &mut Peer, own: Own) -> Checked<OwnAnswer> {
    match peer.ask(Operation::Own(own)).await? {
        Ok(Answer::Own(answer)) => Ok(answer),
        other => fail("an answer about own state", format_args!("{other:?}")),
    }
}

async fn changes(peer: &mut Peer, after: u64, limit: u32) -> Checked<OwnPage> {
    match ask(peer, Own::Changes { after, limit }).await? {
        OwnAnswer::Changes(page) => Ok(page),
        other => fail("a page of items", format_args!("{other:?}")),
    }
}

async fn states(peer: &mut Peer, recent: Recent) -> Checked<(Vec<ChatState>, bool)> {
    match peer.ask(Operation::Recent(recent)).await? {
        Ok(Answer::Recent { chats, more }) => Ok((chats, more)),
        other => fail("a page of chats", format_args!("{other:?}")),
    }
}

async fn state(peer: &mut Peer, chat: &ChatId) -> Checked<ChatState> {
    match peer.ask(Operation::Chat { chat: chat.clone() }).await? {
        Ok(Answer::Chat(state)) => Ok(*state),
        other => fail("a chat", format_args!("{other:?}")),
    }
}

fn drafted(chat: &ChatId, text: &str) -> ChatDraft {
    ChatDraft { chat: chat.clone(), text: text.to_owned(), reply_to: 0 }
}

fn pinned(chat: &ChatId, place: u32) -> Own {
    Own::SetMarks(SetMarks { pinned: Some(place), ..SetMarks::of(chat.clone()) })
}

fn hiding(chat: &ChatId, first: u64, last: u64) -> Own {
    Own::Hide { chat: chat.clone(), ranges: SeqRange::new(first, last).into_iter().collect() }
}

/// The newest revision of a user, of whom earlier checks may have set something.
async fn newest(peer: &mut Peer) -> Checked<u64> {
    Ok(changes(peer, 0, 1).await?.revision)
}

async fn set(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut peer) = Peer::crew(bed, &ada, &[&bob]).await?;
    let before = newest(&mut peer).await?;
    let draft = |text| Own::SetDraft(drafted(&group, text));
    same("nothing to remove", OwnAnswer::Set(0), ask(&mut peer, draft("")).await?)?;
    for expected in [1, 1] {
        let set = ask(&mut peer, draft("Dear")).await?;
        same("the revision of a draft", OwnAnswer::Set(before + expected), set)?;
    }
    let set = ask(&mut peer, pinned(&group, 1)).await?;
    same("the next one", OwnAnswer::Set(before + 2), set)?;
    let set = ask(&mut peer, draft("")).await?;
    same("that of a removal", OwnAnswer::Set(before + 3), set)?;
    let page = changes(&mut peer, before, 0).await?;
    let marks = Marks { pinned: 1, ..Marks::default() };
    let items = vec![
        OwnItem { revision: before + 2, item: Some(Item::Marks { chat: group.clone(), marks }) },
        OwnItem { revision: before + 3, item: Some(Item::Draft(drafted(&group, ""))) },
    ];
    same("the items", &items, &page.items)?;
    same("the newest revision", (before + 3, false), (page.revision, page.more))
}

async fn marks(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut peer) = Peer::crew(bed, &ada, &[&bob]).await?;
    let of = || SetMarks::of(group.clone());
    for marks in [
        SetMarks { quiet_until_ms: Some(9), unread: Some(true), ..of() },
        SetMarks { archived: Some(true), pinned: Some(2), ..of() },
        SetMarks { unread: Some(false), ..of() },
    ] {
        ask(&mut peer, Own::SetMarks(marks)).await?;
    }
    let marks = Marks { quiet_until_ms: 9, pinned: 2, archived: true, unread: false };
    same("the marks", marks, state(&mut peer, &group).await?.marks)?;
    let mut other = Peer::login(bed, &bob).await?;
    same("the other's", Marks::default(), state(&mut other, &group).await?.marks)
}

async fn pages(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let before = newest(&mut peer).await?;
    for place in 1..=3 {
        let (group, _) = Peer::crew(bed, &ada, &[&bob]).await?;
        ask(&mut peer, pinned(&group, place)).await?;
    }
    let revisions =
        |page: &OwnPage| -> Vec<u64> { page.items.iter().map(|item| item.revision).collect() };
    let first = changes(&mut peer, before, 2).await?;
    let expected = (vec![before + 1, before + 2], true);
    same("the first page", expected, (revisions(&first), first.more))?;
    let second = changes(&mut peer, before + 2, 2).await?;
    same("the second page", (vec![before + 3], false), (revisions(&second), second.more))?;
    same("the newest", before + 3, second.revision)?;
    let since = changes(&mut peer, second.revision, 2).await?;
    same("what has changed since", Vec::<u64>::new(), revisions(&since))
}

async fn notice(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut phone) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut desk = Peer::login(bed, &ada).await?;
    let mut other = Peer::login(bed, &bob).await?;
    let OwnAnswer::Set(revision) = ask(&mut phone, pinned(&group, 1)).await? else {
        return fail("the revision of a mark", "something else");
    };
    let told = |packet: &Packet| match packet {
        Packet::Notice(Notice::Own(told)) if *told >= revision => Some(*told),
        _ => None,
    };
    same("what the other session is told", revision, desk.find("a notice", told).await?)?;
    let own = |packet: &Packet| matches!(packet, Packet::Notice(Notice::Own(_)));
    let told = other.sync().await?;
    ensure(!told.iter().any(own), "nothing told to another user", format_args!("{told:?}"))
}

async fn own_chats(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, _) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut stranger = Peer::login(bed, &eve).await?;
    for chat in [&group, &ChatId::direct(&ada, &bob), &bed.group()] {
        for own in [pinned(chat, 1), Own::SetDraft(drafted(chat, "x")), hiding(chat, 1, 1)] {
            stranger.ask_refused(Operation::Own(own), RejectCode::NoSuchChat).await?;
        }
    }
    let mut leaver = Peer::login(bed, &bob).await?;
    leaver.change(bed, &group, GroupChange::Left { new_owner: None }).await?;
    ask(&mut leaver, pinned(&group, 1)).await?;
    same("a mark of a left group", 1, state(&mut leaver, &group).await?.marks.pinned)
}

async fn hide(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut sender) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut reader = Peer::login(bed, &bob).await?;
    for text in ["two", "three", "four"] {
        sender.text(bed, &group, text).await?;
    }
    let beyond = Operation::Own(hiding(&group, 4, 5));
    reader.ask_refused(beyond, RejectCode::Invalid).await?;
    let before = newest(&mut reader).await?;
    for revision in [1, 1] {
        let hidden = ask(&mut reader, hiding(&group, 3, 3)).await?;
        same("the revision", OwnAnswer::Hide(before + revision), hidden)?;
    }
    ask(&mut reader, hiding(&group, 2, 2)).await?;
    let mut seqs = SeqSet::default();
    seqs.insert(SeqRange::new(2, 3).expect("it goes forward"));
    let item = Some(Item::Hidden { chat: group.clone(), seqs });
    let expected = vec![OwnItem { revision: before + 2, item }];
    same("what is hidden", expected, changes(&mut reader, before, 0).await?.items)?;
    same("unread entries", 2, state(&mut reader, &group).await?.unread)?;
    let history =
        |chat: &ChatId| Operation::History { chat: chat.clone(), edge: Edge::After(0), limit: 0 };
    match reader.ask(history(&group)).await? {
        Ok(Answer::History { entries, .. }) => same("entries in the log", 4, entries.len())?,
        other => return fail("a page of the log", format_args!("{other:?}")),
    }
    for seq in 2..=4 {
        same("what is delivered", seq, reader.take(&group).await?.seq)?;
    }
    Ok(())
}

async fn recent(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    for _ in 0..3 {
        let (group, _) = Peer::crew(bed, &ada, &[&bob]).await?;
        peer.text(bed, &group, "hello").await?;
    }
    let (mut behind, mut listed) = (None, Vec::new());
    loop {
        let (page, more) = states(&mut peer, Recent { behind, limit: 2, last_bytes: 0 }).await?;
        ensure(page.len() <= 2, "two chats at most", page.len())?;
        behind = page.last().map(|state| (state.last_at_ms, state.chat.clone()));
        listed.extend(page.into_iter().map(|state| (state.last_at_ms, state.chat)));
        if !more {
            break;
        }
    }
    ensure(listed.len() >= 3, "all of the chats", format_args!("{listed:?}"))?;
    let ordered = listed.windows(2).all(|pair| {
        let [(newer, low), (older, high)] = pair else { return false };
        newer > older || (newer == older && low < high)
    });
    ensure(ordered, "the newest first, those of the same time by id", format_args!("{listed:?}"))
}

async fn mentions(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut owner) = Peer::crew(bed, &ada, &[&bob]).await?;
    let all = Context { mentions_all: true, ..Context::default() };
    let named = Context { mentions: vec![bob.clone()], ..Context::default() };
    for context in [all, named, Context::default()] {
        let said = Content::text("hey").encode_in(&context);
        owner.post(&group, bed.message(), said).await?;
    }
    let mut member = Peer::login(bed, &bob).await?;
    same("mentions of the member", 2, state(&mut member, &group).await?.mentions)?;
    same("mentions of the sender", 0, state(&mut owner, &group).await?.mentions)?;
    let recalled = Content::Entry(Alteration::Recalled { seq: 3 }).encode();
    owner.post(&group, bed.message(), recalled).await?;
    same("mentions after a recall", 1, state(&mut member, &group).await?.mentions)?;
    member.entry(&group).await?;
    member.ack(&group, 5, 5).await?;
    // The ack was read, and what is accepted behind it is stored behind it.
    member.sync().await?;
    member.text(bed, &group, "I have read it").await?;
    same("mentions once they are read", 0, state(&mut member, &group).await?.mentions)
}

/// The seq of the last entry of the chat that was written to last.
async fn last_seq(peer: &mut Peer, last_bytes: u32) -> Checked<Option<u64>> {
    let recent = Recent { behind: None, limit: 1, last_bytes };
    let (chats, _) = states(peer, recent).await?;
    Ok(chats.first().and_then(|state| state.last.as_ref()).map(|last| last.seq))
}

async fn last(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut peer) = Peer::crew(bed, &ada, &[&bob]).await?;
    for text in ["two", "three"] {
        peer.text(bed, &group, text).await?;
    }
    let pin = Content::Entry(Alteration::Pinned { seq: 2, unpinned: false }).encode();
    peer.post(&group, bed.message(), pin).await?;
    for (last_bytes, expected) in [(0, None), (10, None), (u32::MAX, Some(3))] {
        same("the last entry", expected, last_seq(&mut peer, last_bytes).await?)?;
    }
    ask(&mut peer, hiding(&group, 3, 3)).await?;
    same("the last that is not hidden", Some(2), last_seq(&mut peer, u32::MAX).await?)
}
