//! Messages that expire (SPEC.md section 6.2). Must never wait for much longer than one of
//! them stays.

use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Body, Content, Context, Erasure, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::EXPIRES_MS_LOWEST;
use packetboat_proto::packet::{Answer, Edge, Operation};
use tokio::time::sleep;

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

/// How long a message stays: so long that it can be changed and read before, on a busy machine,
/// too.
const STAYS_MS: u64 = 4 * EXPIRES_MS_LOWEST;
/// Longer than that.
const STAY: Duration = Duration::from_millis(STAYS_MS + 200);

checks! {
    "expiring", Bed;
    Must gone ["EX-1", "EX-2", "EX-3"] "what has expired says nothing, nor do its edits";
    Must changed_no_more ["EX-4"] "what has expired is not changed, and its id is a duplicate";
    Must in_a_room ["EX-1"] "a message that expires is UNSUPPORTED in a room";
}

fn expiring(text: &str) -> Bytes {
    let context = Context { expires_after_ms: STAYS_MS, ..Context::default() };
    Content::text(text).encode_in(&context)
}

fn edit(seq: u64) -> Bytes {
    Content::Entry(Alteration::Edited { seq, new: Body::Text("more secret".into()) }).encode()
}

async fn log(peer: &mut Peer, chat: &ChatId) -> Checked<Vec<Entry>> {
    let asked = Operation::History { chat: chat.clone(), edge: Edge::After(0), limit: 0 };
    match peer.ask(asked).await? {
        Ok(Answer::History { entries, .. }) => {
            let decoded: Result<Vec<Entry>, _> = entries.into_iter().map(Entry::decode).collect();
            decoded.or_else(|error| fail("entries", error))
        }
        other => fail("a page of history", format_args!("{other:?}")),
    }
}

async fn gone(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let id = bed.message();
    let said = one.post(&chat, id, expiring("secret")).await?;
    one.post(&chat, bed.message(), edit(said.seq)).await?;
    one.text(bed, &chat, "stays").await?;
    let before = log(&mut other, &chat).await?;
    same(
        "what it says before",
        Some(expiring("secret")),
        before.first().map(|it| it.content.clone()),
    )?;
    sleep(STAY).await;
    let after = log(&mut other, &chat).await?;
    let left = Content::Erased(Erasure::Expired { of: said.seq }).encode();
    let mut wanted = before;
    for entry in wanted.iter_mut().take(2) {
        entry.content = left.clone();
    }
    same("the log after", wanted, after)
}

async fn changed_no_more(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut one = Peer::login(bed, &ada).await?;
    let id = bed.message();
    let said = one.post(&chat, id, expiring("secret")).await?;
    sleep(STAY).await;
    let seq = said.seq;
    let reaction = "+1".to_owned();
    for content in [
        edit(seq),
        Content::Entry(Alteration::Recalled { seq }).encode(),
        Content::Entry(Alteration::Reacted { seq, reaction, taken_back: false }).encode(),
        Content::Entry(Alteration::Pinned { seq, unpinned: false }).encode(),
    ] {
        one.rejected(bed, &chat, content, RejectCode::Invalid).await?;
    }
    let again = one.post(&chat, id, expiring("secret")).await?;
    same("the message sent again", (seq, true), (again.seq, again.duplicate))
}

async fn in_a_room(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut owner = Peer::login(bed, &ada).await?;
    let room = ChatId::room(&bed.name()).expect("a name of a run names a room");
    let (name, topic) = ("Lobby".to_owned(), String::new());
    let opened = Content::Room(RoomChange::Opened { name, topic, keep: 0, slow_ms: 0 });
    owner.post(&room, bed.message(), opened.encode()).await?;
    owner.ask(Operation::RoomJoin { room: room.clone() }).await?.ok();
    owner.rejected(bed, &room, expiring("hi"), RejectCode::Unsupported).await
}
