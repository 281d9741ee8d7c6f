//! Codes (SPEC.md section 8). Must never keep a table of its own: what `packetboat-proto` has is
//! compared with SPEC.md by its tests.

use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::Packet;

use crate::check::checks;
use crate::outcome::Checked;
use crate::wire;

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "codes", Bed;
    Must as_in_the_tables ["R-3"]
        "fault and retry of a Goodbye and of a Rejected are those of the tables";
    Must refused_messages_are_free ["R-5"]
        "a message that was rejected was not stored: sent again, it is judged again";
}

async fn as_in_the_tables(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    // Whatever is read of either kind is compared with its table where it is read.
    let faults = [
        (wire::frame(0x7f, &[]), CloseCode::UnknownKind),
        (wire::flagged(0x04, 1, &[]), CloseCode::BadFrame),
        (wire::damaged(0x04, &[]), CloseCode::BadChecksum),
        (wire::frame(0x04, &[0x0a]), CloseCode::BadBody),
        (vec![0xff; 4], CloseCode::FrameTooLarge),
        (wire::frame(0x16, &wire::bytes(2, &[])), CloseCode::WrongState),
    ];
    for (bytes, code) in faults {
        Peer::login(bed, &ada).await?.closes_for(&bytes, code).await?;
    }
    let mut peer = Peer::login(bed, &ada).await?;
    peer.rejected(bed, &bed.group(), text("hi"), RejectCode::NoSuchChat).await?;
    peer.rejected(bed, &bed.group(), text(""), RejectCode::Empty).await?;
    peer.say(Packet::Ack(Vec::new())).await
}

async fn refused_messages_are_free(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut peer = Peer::login(bed, &ada).await?;
    for _ in 0..2 {
        peer.rejected_as(&chat, id, text(""), RejectCode::Empty).await?;
    }
    let accepted = peer.post(&chat, id, text("of another content")).await?;
    crate::outcome::same("duplicate", false, accepted.duplicate)
}
