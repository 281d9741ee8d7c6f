//! What a client may rely on (SPEC.md section 1). Must never look at how a server does it.

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Hello, Packet, Signal, SignalKind, Start};

use crate::check::checks;
use crate::outcome::{Checked, ensure, same};
use crate::wire;

use super::bed::{Bed, user};
use super::peer::{Peer, text};

checks! {
    "promises", Bed;
    Must again_on_another_connection ["O-2"]
        "the same message on another connection has the same seq";
    Must one_order ["O-3"]
        "seqs have no gaps, and every member sees the entries in their order";
    Must until_acknowledged ["O-4"]
        "an entry reaches every device, at once or when it connects, until it is acknowledged";
    Must stamped ["O-5"]
        "the sender of an entry and of a signal is the session's user, whatever the wire says";
}

async fn again_on_another_connection(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let first = Peer::login(bed, &ada).await?.post(&chat, id, text("once")).await?;
    let again = Peer::login(bed, &ada).await?.post(&chat, id, text("once")).await?;
    same("the seq", first.seq, again.seq)?;
    ensure(!first.duplicate && again.duplicate, "a duplicate the second time", "none, or two")
}

async fn one_order(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut ada, mut bob) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let mut seqs = Vec::new();
    for _ in 0..3 {
        seqs.push(ada.text(bed, &chat, "from the one").await?.seq);
        seqs.push(bob.text(bed, &chat, "from the other").await?.seq);
    }
    let first = seqs[0];
    same("the seqs in a row", (first..first + 6).collect(), seqs)?;
    for (peer, own) in [(&mut ada, 0), (&mut bob, 1)] {
        for at in (0..6).filter(|at| at % 2 != own) {
            same("the next entry of the other's", first + at, peer.take(&chat).await?.seq)?;
        }
    }
    Ok(())
}

async fn until_acknowledged(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (here, away) = (bed.hello(&bob), bed.hello(&bob));
    let (mut online, _) = Peer::greet(bed, here).await?;
    drop(Peer::greet(bed, away.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    let seq = writer.text(bed, &chat, "for all devices").await?.seq;
    same("at once", seq, online.take(&chat).await?.seq)?;
    for _ in 0..2 {
        let (mut late, _) = Peer::greet(bed, away.clone()).await?;
        same("when it connects, as it was not acknowledged", seq, late.entry(&chat).await?.seq)?;
    }
    let (mut late, _) = Peer::greet(bed, away.clone()).await?;
    late.take(&chat).await?;
    late.sync().await?;
    drop(late);
    let (mut late, _) = Peer::greet(bed, away).await?;
    // Entries come in order: what comes first is the first that is due.
    let next = writer.text(bed, &chat, "the next one").await?.seq;
    same("only what is new, as the other was acknowledged", next, late.entry(&chat).await?.seq)
}

async fn stamped(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let start = Some(Start::Newest);
    let (mut ada_peer, _) = Peer::greet(bed, Hello { start, ..bed.hello(&ada) }).await?;
    let mut bob_peer = Peer::login(bed, &bob).await?;
    let id = bed.message();
    // A sender where an Entry has it, and one where no field is.
    let body = [
        wire::bytes(1, chat.as_str().as_bytes()),
        wire::bytes(2, id.as_bytes()),
        wire::bytes(3, &text("who wrote this?")),
        wire::bytes(4, eve.as_str().as_bytes()),
        wire::bytes(99, eve.as_str().as_bytes()),
    ];
    ada_peer.raw(&wire::frame(0x10, &body.concat())).await?;
    ensure(ada_peer.answer(id).await?.is_ok(), "Accepted", "Rejected")?;
    same("the sender of the entry", ada.clone(), bob_peer.take(&chat).await?.sender)?;
    let sender = Some(user(eve.as_str()));
    let signal = Signal { chat, kind: SignalKind::Typing, data: Vec::new().into(), sender };
    ada_peer.say(Packet::Signal(signal)).await?;
    let sender = bob_peer.find("a Signal", |packet| match packet {
        Packet::Signal(signal) => Some(signal.sender.clone()),
        _ => None,
    });
    same("the sender of the signal", Some(ada), sender.await?)
}
