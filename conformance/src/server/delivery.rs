//! Deliveries (SPEC.md section 5.3): to whom, in which order, how many, how often. Must never
//! acknowledge what a check wants to see again.

use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Hello, Limits, Packet};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::{Bed, MARGIN};
use super::peer::{Peer, told};

checks! {
    "delivery", Bed;
    Must to_all_devices ["D-1"] "an entry goes to every other device of every member";
    Should not_to_the_session ["D-1"] "an entry is not delivered to the session that sent it";
    Must ascending ["D-2", "D-3"] "entries of a chat come in order, each once, own ones or not";
    Must own_ones_may_come_again ["D-4"]
        "after a reconnect what was not acknowledged comes in order, own entries or not";
    Must window ["D-5"] "no more than the window is unacknowledged, and acks make room";
    Must again_and_given_up ["D-6"]
        "what is not acknowledged is sent again, later each time, and in the end ACK_TIMEOUT";
    Must on_its_way ["D-12"] "an ack of what is on its way is no fault";
}

async fn to_all_devices(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut writer = Peer::login(bed, &ada).await?;
    let mut readers = Vec::new();
    for user in [&ada, &bob, &bob] {
        readers.push(Peer::login(bed, user).await?);
    }
    let seq = writer.text(bed, &chat, "to all").await?.seq;
    for reader in &mut readers {
        let entry = reader.take(&chat).await?;
        same("seq and sender", (seq, &ada), (entry.seq, &entry.sender))?;
    }
    Ok(())
}

async fn not_to_the_session(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    // Once the chat is live here, nothing of it has to be read from the log.
    other.text(bed, &chat, "are you there?").await?;
    one.take(&chat).await?;
    let id = bed.message();
    let own = one.post(&chat, id, super::peer::text("yes")).await?.seq;
    let came = one.passed.iter().any(|entry| entry.id == id);
    ensure(!came, "no Deliver of its own entry", "one before its Accepted")?;
    let next = other.text(bed, &chat, "good").await?.seq;
    // Entries come in order: its own would come before this.
    let found = one
        .find("the next entry", |packet| match packet {
            Packet::Deliver(entry) if entry.seq >= own => Some(entry.seq),
            _ => None,
        })
        .await?;
    same("the next entry", next, found)
}

async fn ascending(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let mut due = Vec::new();
    for number in 0..6 {
        if number % 3 == 0 {
            other.text(bed, &chat, "own").await?;
        } else {
            due.push(one.text(bed, &chat, "other's").await?.seq);
        }
    }
    for seq in due {
        same("the next seq", seq, other.take(&chat).await?.seq)?;
    }
    // Own ones are passed over: they may come, to who sent them too (D-1).
    other.no_entry(&chat, "no entry of another twice").await
}

async fn own_ones_may_come_again(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&ada);
    let (mut first, _) = Peer::greet(bed, hello.clone()).await?;
    let own = first.text(bed, &chat, "own").await?.seq;
    let others = Peer::login(bed, &bob).await?.text(bed, &chat, "other's").await?.seq;
    drop(first);
    let (mut second, _) = Peer::greet(bed, hello).await?;
    let next = second.entry(&chat).await?.seq;
    if next == own {
        return same("the next seq", others, second.entry(&chat).await?.seq);
    }
    same("the next seq", others, next)
}

async fn window(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let wanted = Limits { window: 4, ..Limits::default() };
    let (mut reader, _) = Peer::greet(bed, Hello { wanted, ..bed.hello(&bob) }).await?;
    let mut writer = Peer::login(bed, &ada).await?;
    let mut first = 0;
    for number in 0..10 {
        let seq = writer.text(bed, &chat, "hi").await?.seq;
        first = if number == 0 { seq } else { first };
    }
    for seq in first..first + 4 {
        same("the next seq", seq, reader.entry(&chat).await?.seq)?;
    }
    reader.no_entry(&chat, "no more than 4 unacknowledged").await?;
    reader.ack(&chat, first + 3, 0).await?;
    for seq in first + 4..first + 8 {
        same("the next seq", seq, reader.entry(&chat).await?.seq)?;
    }
    reader.no_entry(&chat, "no more than 4 unacknowledged").await?;
    reader.ack(&chat, first + 7, 0).await?;
    for seq in first + 8..first + 10 {
        same("the next seq", seq, reader.take(&chat).await?.seq)?;
    }
    Ok(())
}

async fn again_and_given_up(bed: &Bed) -> Checked {
    let operator = bed.operator;
    let longest = operator.retry * (1 << (operator.retries + 1));
    bed.worth(longest)?;
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut reader = Peer::login(bed, &bob).await?;
    reader.stream.set_patience(longest + MARGIN);
    let mut sender = Peer::login(bed, &ada).await?;
    // It is delivered behind this, whenever that is heard of.
    let begun = tokio::time::Instant::now();
    let seq = sender.text(bed, &chat, "anybody?").await?.seq;
    same("the entry", seq, reader.entry(&chat).await?.seq)?;
    let mut tries = Vec::new();
    let heartbeat = Duration::from_millis(u64::from(reader.limits.heartbeat_ms));
    loop {
        // Something is said, so that it is not silence that ends the session.
        let next = tokio::time::timeout(heartbeat / 2, reader.next("the entry again")).await;
        let Ok(packet) = next else {
            reader.say(Packet::Pong(0)).await?;
            continue;
        };
        match packet? {
            Packet::Deliver(entry) if entry.chat == chat => {
                same("the entry again", seq, entry.seq)?;
                tries.push(begun.elapsed());
            }
            Packet::Goodbye(verdict) => {
                crate::stream::check_goodbye(&verdict, CloseCode::AckTimeout)?;
                break;
            }
            Packet::Deliver(_) | Packet::Notice(_) => {}
            other => return fail("the entry again", told(&other)),
        }
    }
    same("tries", operator.retries as usize, tries.len())?;
    // Not before its time: a busy machine may only make it later.
    let early =
        tries.iter().zip(1..).find(|(at, number)| **at < operator.retry * ((1 << number) - 1) / 2);
    ensure(early.is_none(), "each try after twice the time", format_args!("{tries:?}"))
}

async fn on_its_way(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut reader = Peer::login(bed, &bob).await?;
    let mut writer = Peer::login(bed, &ada).await?;
    for _ in 0..5 {
        let seq = writer.text(bed, &chat, "hi").await?.seq;
        reader.ack(&chat, seq, 0).await?;
    }
    reader.sync().await.map(drop)
}
