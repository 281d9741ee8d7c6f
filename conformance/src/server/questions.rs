//! Requests and their answers (SPEC.md section 5.5). Must never ask faster than a server has to
//! read.

use bytes::BytesMut;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, REQUESTS_MAX};
use packetboat_proto::packet::{Answer, ChatState, Edge, Operation, Packet, Request, Role, Send};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};
use crate::wire;

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "questions", Bed;
    Must each_answered ["Q-1", "Q-2"]
        "each Request is answered once and in order, also more than may be unanswered";
    Must named_like_the_operation ["Q-3"] "a result has the name of its operation";
    Must unknown_operation ["Q-4", "V-5"] "an unknown operation is refused with UNSUPPORTED";
    Must limits ["Q-5"] "limit 0 is 50, over 200 is 200, and more tells whether there is more";
    Must large_entries ["Q-5"] "a page of large entries fits a body, and has at least one";
    Must edges ["Q-6"] "history goes both ways from its edge, and no edge is the end";
    Must not_the_users ["Q-7"] "a chat that is not the user's is NO_SUCH_CHAT";
    Must who_was_a_member ["Q-7"] "who was a member may still ask for what it may see";
    Must own_entries ["Q-8"] "history has every entry, own ones included";
    Must nothing_written_yet ["Q-10"] "a direct chat is there before anything is written to it";
    Must states_and_order ["Q-3", "D-9"] "chats come in order of id, with heads and cursors";
    Must presence ["Q-3"] "presence tells who is online, in the order asked for";
}

fn history(chat: &ChatId, edge: Edge, limit: u32) -> Operation {
    Operation::History { chat: chat.clone(), edge, limit }
}

async fn page(peer: &mut Peer, chat: &ChatId, edge: Edge, limit: u32) -> Checked<(Vec<u64>, bool)> {
    let Answer::History { entries, more } = answered(peer, history(chat, edge, limit)).await?
    else {
        return fail("a history", "another result");
    };
    let mut seqs = Vec::new();
    for bytes in entries {
        match Entry::decode(bytes) {
            Ok(entry) => seqs.push(entry.seq),
            Err(error) => return fail("encoded entries", error),
        }
    }
    ensure(seqs.is_sorted(), "ascending seqs", format_args!("{seqs:?}"))?;
    Ok((seqs, more))
}

async fn answered(peer: &mut Peer, operation: Operation) -> Checked<Answer> {
    match peer.ask(operation).await? {
        Ok(answer) => Ok(answer),
        Err(verdict) => fail("an answer", format_args!("refused: {}", verdict.reason)),
    }
}

async fn chat_state(peer: &mut Peer, chat: &ChatId) -> Checked<ChatState> {
    match answered(peer, Operation::Chat { chat: chat.clone() }).await? {
        Answer::Chat(state) => Ok(*state),
        other => fail("a state", format_args!("{other:?}")),
    }
}

/// A group of the peer's alone, with so many entries.
async fn group(bed: &Bed, peer: &mut Peer, entries: u32) -> Checked<ChatId> {
    let group = bed.group();
    let made = GroupChange::Created { name: "pages".into(), members: Vec::new() };
    peer.change(bed, &group, made).await?;
    let rest = entries - 1;
    let mut burst = BytesMut::new();
    for _ in 0..rest {
        let (chat, id) = (group.clone(), bed.message());
        Packet::Send(Send { chat, id, content: text("hi") }).put(&mut burst);
    }
    peer.raw(&burst).await?;
    for _ in 0..rest {
        let accepted = |packet: &Packet| matches!(packet, Packet::Accepted(_)).then_some(());
        peer.find("Accepted", accepted).await?;
    }
    Ok(group)
}

async fn each_answered(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let count = REQUESTS_MAX as u64 + 8;
    let mut burst = BytesMut::new();
    for id in 1..=count {
        let operation = Some(Operation::Chat { chat: chat.clone() });
        Packet::Request(Request { id, operation }).put(&mut burst);
    }
    peer.raw(&burst).await?;
    for id in 1..=count {
        let found = peer.find("a Response", |packet| match packet {
            Packet::Response(response) => Some(response.id),
            _ => None,
        });
        same("the id", id, found.await?)?;
    }
    let rest = peer.sync().await?;
    ensure(rest.is_empty(), "one Response each", format_args!("{rest:?}"))
}

async fn named_like_the_operation(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let history = answered(&mut peer, history(&chat, Edge::Before(0), 1)).await?;
    let chats = answered(&mut peer, Operation::Chats { after: None, limit: 1 }).await?;
    let state = answered(&mut peer, Operation::Chat { chat: chat.clone() }).await?;
    let members = Operation::Members { chat, after: None, limit: 0 };
    let members = answered(&mut peer, members).await?;
    let presence = answered(&mut peer, Operation::Presence { users: vec![ada] }).await?;
    let right = matches!(history, Answer::History { .. })
        && matches!(chats, Answer::Chats { .. })
        && matches!(state, Answer::Chat(_))
        && matches!(members, Answer::Members { .. })
        && matches!(presence, Answer::Presence(_));
    ensure(right, "results named like their operations", "others")
}

async fn unknown_operation(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let later = [wire::number(1, 77), wire::bytes(15, b"later")].concat();
    for body in [later, wire::number(1, 77)] {
        peer.raw(&wire::frame(0x20, &body)).await?;
        let refused = peer.find("a Response", |packet| match packet {
            Packet::Response(response) if response.id == 77 => Some(response.answer.clone()),
            _ => None,
        });
        let code = refused.await?.err().and_then(|verdict| verdict.reject_code());
        same("refused with", Some(RejectCode::Unsupported), code)?;
    }
    peer.sync().await.map(drop)
}

async fn limits(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let most = PAGE_ITEMS_MAX;
    let group = group(bed, &mut peer, most + 5).await?;
    for (limit, count) in [(0, PAGE_ITEMS_DEFAULT), (3, 3), (most, most), (most + 1, most)] {
        let (seqs, more) = page(&mut peer, &group, Edge::After(0), limit).await?;
        let expected: Vec<u64> = (1..=u64::from(count)).collect();
        same(&format!("for limit {limit}"), (expected, true), (seqs, more))?;
    }
    let rest = page(&mut peer, &group, Edge::After(u64::from(most)), 0).await?;
    same("the rest", 5, rest.0.len())?;
    same("more behind the rest", false, rest.1)
}

async fn large_entries(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = group(bed, &mut peer, 1).await?;
    let long = "x".repeat(peer.limits.max_content as usize - 20);
    for _ in 0..3 {
        peer.text(bed, &group, &long).await?;
    }
    let mut all = Vec::new();
    loop {
        let after = all.last().copied().unwrap_or(0);
        let (seqs, more) = page(&mut peer, &group, Edge::After(after), 0).await?;
        ensure(!seqs.is_empty(), "at least one entry", "an empty page")?;
        all.extend(seqs);
        if !more {
            return same("all pages", vec![1, 2, 3, 4], all);
        }
    }
}

async fn edges(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = group(bed, &mut peer, 10).await?;
    for (edge, limit, expected) in [
        (Edge::After(0), 3, (vec![1, 2, 3], true)),
        (Edge::After(8), 3, (vec![9, 10], false)),
        (Edge::After(99), 3, (vec![], false)),
        (Edge::Before(0), 3, (vec![8, 9, 10], true)),
        (Edge::Before(3), 5, (vec![1, 2], false)),
        (Edge::Before(1), 5, (vec![], false)),
    ] {
        let found = page(&mut peer, &group, edge, limit).await?;
        same(&format!("for {edge:?}"), expected, found)?;
    }
    let name = wire::bytes(1, group.as_str().as_bytes());
    let edgeless = [wire::number(1, 6), wire::bytes(2, &[name, wire::number(4, 2)].concat())];
    peer.raw(&wire::frame(0x20, &edgeless.concat())).await?;
    let found = peer.find("a Response", |packet| match packet {
        Packet::Response(response) => Some(response.answer.clone()),
        _ => None,
    });
    let Ok(Answer::History { entries, more: true }) = found.await? else {
        return fail("a page with more before it", "something else");
    };
    let seqs = entries.into_iter().map(|bytes| Entry::decode(bytes).map(|entry| entry.seq));
    same("without an edge", Ok(vec![9, 10]), seqs.collect())
}

async fn not_the_users(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let direct = ChatId::direct(&ada, &bob);
    let mut member = Peer::login(bed, &ada).await?;
    let group = group(bed, &mut member, 1).await?;
    member.text(bed, &direct, "not for eve").await?;
    let mut outsider = Peer::login(bed, &eve).await?;
    for chat in [direct, group, bed.group()] {
        for operation in [
            history(&chat, Edge::After(0), 0),
            Operation::Chat { chat: chat.clone() },
            Operation::Members { chat: chat.clone(), after: None, limit: 0 },
        ] {
            outsider.ask_refused(operation, RejectCode::NoSuchChat).await?;
        }
    }
    Ok(())
}

async fn who_was_a_member(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let mut owner = Peer::login(bed, &ada).await?;
    let made = GroupChange::Created { name: "crew".into(), members: vec![bob.clone()] };
    owner.change(bed, &group, made).await?;
    owner.change(bed, &group, GroupChange::Removed(vec![bob.clone()])).await?;
    owner.text(bed, &group, "among us").await?;
    let mut former = Peer::login(bed, &bob).await?;
    let seen = page(&mut former, &group, Edge::After(0), 0).await?;
    same("what it may see", (vec![1, 2], false), seen)?;
    let state = chat_state(&mut former, &group).await?;
    same("head and role", (2, None), (state.head, state.role))?;
    let members = Operation::Members { chat: group.clone(), after: None, limit: 0 };
    former.ask_refused(members, RejectCode::NotAllowed).await?;
    let listed = all_chats(&mut former).await?.iter().any(|state| state.chat == group);
    ensure(!listed, "a list of chats without it", "it is listed")
}

async fn all_chats(peer: &mut Peer) -> Checked<Vec<ChatState>> {
    let mut all: Vec<ChatState> = Vec::new();
    loop {
        let after = all.last().map(|state| state.chat.clone());
        let Answer::Chats { chats, more } =
            answered(peer, Operation::Chats { after, limit: 200 }).await?
        else {
            return fail("chats", "another result");
        };
        ensure(!(chats.is_empty() && more), "at least one chat", "an empty page")?;
        all.extend(chats);
        if !more {
            return Ok(all);
        }
    }
}

async fn own_entries(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let first = one.text(bed, &chat, "mine").await?.seq;
    other.text(bed, &chat, "yours").await?;
    let expected: Vec<u64> = vec![first, first + 1];
    for peer in [&mut one, &mut other] {
        let (seqs, _) = page(peer, &chat, Edge::After(first - 1), 0).await?;
        same("the entries", &expected, &seqs)?;
    }
    Ok(())
}

async fn nothing_written_yet(bed: &Bed) -> Checked {
    let [ada, bob] = bed.strangers()?;
    let mut peer = Peer::login(bed, &ada).await?;
    for (other, count) in [(&bob, 2), (&ada, 1)] {
        let chat = ChatId::direct(&ada, other);
        let state = chat_state(&mut peer, &chat).await?;
        let numbers = [state.head, state.delivered, state.read, state.unread];
        same("zeros and a member", ([0; 4], Some(Role::Member)), (numbers, state.role))?;
        let empty = page(&mut peer, &chat, Edge::Before(0), 0).await?;
        same("an empty page", (vec![], false), empty)?;
        let operation = Operation::Members { chat: chat.clone(), after: None, limit: 0 };
        let Answer::Members { members, more } = answered(&mut peer, operation).await? else {
            return fail("members", "another result");
        };
        let all = members.iter().all(|member| {
            (member.role, member.delivered, member.read) == (Some(Role::Member), 0, 0)
        });
        ensure(all, "members with zeros", format_args!("{members:?}"))?;
        same("members, and more", (count, false), (members.len(), more))?;
    }
    same("chats that are listed", 0, all_chats(&mut peer).await?.len())
}

async fn states_and_order(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.strangers()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = group(bed, &mut peer, 3).await?;
    for other in [&eve, &bob] {
        peer.text(bed, &ChatId::direct(&ada, other), "hi").await?;
    }
    let chats = all_chats(&mut peer).await?;
    let ids: Vec<&str> = chats.iter().map(|state| state.chat.as_str()).collect();
    ensure(ids.is_sorted(), "bytewise order", format_args!("{ids:?}"))?;
    same("chats", 3, chats.len())?;
    let Some(of_group) = chats.iter().find(|state| state.chat == group) else {
        return fail("the group among them", "it is not");
    };
    same(
        "head, unread, role",
        (3, 0, Some(Role::Owner)),
        (of_group.head, of_group.unread, of_group.role),
    )?;
    same("name and members", ("pages", 1), (of_group.name.as_str(), of_group.members))?;
    let mut other = Peer::login(bed, &bob).await?;
    let state = chat_state(&mut other, &ChatId::direct(&ada, &bob)).await?;
    same("head and unread of the other", (1, 1), (state.head, state.unread))?;
    ensure(state.last_at_ms > 0, "the time of the last entry", 0)
}

async fn presence(bed: &Bed) -> Checked {
    let [ada, bob] = bed.strangers()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let there = Peer::login(bed, &bob).await?;
    let never = UserId::new(&bed.name()).expect("a name of a run is a user id");
    let users = vec![never.clone(), bob.clone(), ada.clone()];
    let Answer::Presence(found) = answered(&mut peer, Operation::Presence { users }).await? else {
        return fail("presence", "another result");
    };
    let told: Vec<_> = found.iter().map(|presence| (&presence.user, presence.online)).collect();
    same("who is online", vec![(&never, false), (&bob, true), (&ada, true)], told)?;
    same("last seen of who was never there", 0, found[0].last_seen_ms)?;
    drop(there);
    let nobody = Operation::Presence { users: Vec::new() };
    ensure(
        matches!(answered(&mut peer, nobody).await?, Answer::Presence(none) if none.is_empty()),
        "nobody",
        "somebody",
    )
}
