//! Acknowledgements and cursors (SPEC.md section 5.3). Must never take an ack for stored before a
//! later packet was answered.

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, ChatState, Cursor, Hello, Notice, Operation, Packet};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "acks", Bed;
    Must cumulative ["D-7"] "an ack of n acknowledges all up to n";
    Must only_forward ["D-8"] "cursors move forward only, up to the end, in own chats only";
    Must of_device_and_user ["D-9"] "delivered is the device's cursor, read is the user's";
    Must many_chats ["D-10"] "an ack may name many chats or none, and is not answered";
    Must read_in_order ["X-20"] "a Pong behind an ack says that the ack was read";
    Must pipelined ["X-11"] "acks that are pipelined spare what was had before";
}

/// A network may bring an `Ack` long after the `Hello` that it was sent with, but hardly each time.
const TRIES: usize = 5;

/// The state of a chat for whom asks, once its cursors are stored.
async fn state(peer: &mut Peer, chat: &ChatId) -> Checked<ChatState> {
    match peer.ask(Operation::Chat { chat: chat.clone() }).await? {
        Ok(Answer::Chat(state)) => Ok(*state),
        other => fail("the state of the chat", format_args!("{other:?}")),
    }
}

/// Entries of the one's, some of them, in their chat; the seq of the first.
async fn entries(bed: &Bed, from: &mut Peer, chat: &ChatId, count: u64) -> Checked<u64> {
    let first = from.text(bed, chat, "hi").await?.seq;
    for _ in 1..count {
        from.text(bed, chat, "hi").await?;
    }
    Ok(first)
}

async fn cumulative(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    let first = entries(bed, &mut writer, &chat, 5).await?;
    let (mut reader, _) = Peer::greet(bed, hello.clone()).await?;
    for seq in first..first + 5 {
        same("the next seq", seq, reader.entry(&chat).await?.seq)?;
    }
    reader.ack(&chat, first + 2, 0).await?;
    reader.sync().await?;
    drop(reader);
    let (mut reader, _) = Peer::greet(bed, hello).await?;
    same("the first unacknowledged", first + 3, reader.entry(&chat).await?.seq)
}

async fn only_forward(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    let first = entries(bed, &mut writer, &chat, 3).await?;
    let (mut reader, _) = Peer::greet(bed, hello.clone()).await?;
    reader.ack(&chat, first + 1_000, 0).await?;
    reader.ack(&chat, first, 0).await?;
    reader.ack(&chat, 0, 0).await?;
    reader.ack(&ChatId::direct(&ada, &eve), 5, 5).await?;
    reader.ack(&bed.group(), 5, 5).await?;
    reader.sync().await?;
    drop(reader);
    let seq = writer.text(bed, &chat, "the next one").await?.seq;
    let (mut reader, _) = Peer::greet(bed, hello).await?;
    same("what came behind the end", seq, reader.take(&chat).await?.seq)
}

async fn of_device_and_user(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut phone, mut laptop) = (Peer::login(bed, &bob).await?, Peer::login(bed, &bob).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    let first = entries(bed, &mut writer, &chat, 3).await?;
    for seq in first..first + 3 {
        same("the next seq", seq, phone.entry(&chat).await?.seq)?;
    }
    phone.ack(&chat, first + 2, first + 1).await?;
    // Cursors are stored in their own time: the notice says when.
    laptop
        .find("a notice of the other device's cursors", |packet| match packet {
            Packet::Notice(Notice::Cursor(moved)) => (moved.read == first + 1).then_some(()),
            _ => None,
        })
        .await?;
    let (of_phone, of_laptop) = (state(&mut phone, &chat).await?, state(&mut laptop, &chat).await?);
    same("read, on both", (first + 1, first + 1), (of_phone.read, of_laptop.read))?;
    same("delivered, of the phone", first + 2, of_phone.delivered)?;
    let others = of_laptop.delivered < first;
    crate::outcome::ensure(
        others,
        "delivered of the other device where it was",
        of_laptop.delivered,
    )
}

async fn many_chats(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut cursors = Vec::new();
    for other in [&ada, &eve] {
        let chat = ChatId::direct(other, &bob);
        let mut writer = Peer::login(bed, other).await?;
        let delivered = entries(bed, &mut writer, &chat, 2).await? + 1;
        cursors.push(Cursor { chat, delivered, read: 0 });
    }
    let chats: Vec<ChatId> = cursors.iter().map(|cursor| cursor.chat.clone()).collect();
    let (mut reader, _) = Peer::greet(bed, hello.clone()).await?;
    reader.say(Packet::Ack(Vec::new())).await?;
    reader.say(Packet::Ack(cursors)).await?;
    for packet in reader.sync().await? {
        let is_answer = !matches!(packet, Packet::Deliver(_) | Packet::Notice(_));
        crate::outcome::ensure(!is_answer, "no answer to an Ack", super::peer::told(&packet))?;
    }
    drop(reader);
    let (mut reader, _) = Peer::greet(bed, hello).await?;
    // Entries come in order: what comes first is the first that is due.
    for (other, chat) in [&ada, &eve].into_iter().zip(chats) {
        let next = Peer::login(bed, other).await?.text(bed, &chat, "the next one").await?.seq;
        same("what was not acknowledged", next, reader.entry(&chat).await?.seq)?;
    }
    Ok(())
}

async fn read_in_order(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    for _ in 0..5 {
        let seq = writer.text(bed, &chat, "hi").await?.seq;
        let (mut reader, _) = Peer::greet(bed, hello.clone()).await?;
        same("the one entry that is new", seq, reader.entry(&chat).await?.seq)?;
        reader.ack(&chat, seq, 0).await?;
        reader.sync().await?;
    }
    Ok(())
}

async fn pipelined(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello: Hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    let mut found = Ok(());
    for _ in 0..TRIES {
        let last = entries(bed, &mut writer, &chat, 3).await? + 2;
        let mut bytes = bytes::BytesMut::from(&packetboat_proto::frame::PREFACE[..]);
        Packet::Hello(hello.clone()).put(&mut bytes);
        let cursor = Cursor { chat: chat.clone(), delivered: last - 1, read: 0 };
        Packet::Ack(vec![cursor]).put(&mut bytes);
        let mut reader = Peer::connect(bed).await?;
        reader.raw(&bytes).await?;
        reader.welcome().await?;
        found = same("the first unacknowledged", last, reader.entry(&chat).await?.seq);
        if found.is_ok() {
            break;
        }
    }
    found
}
