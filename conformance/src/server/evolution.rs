//! Evolution (SPEC.md section 12), as far as it binds version 1. Must never fail a server for what
//! a client of version 1 skips or ignores.

use packetboat_proto::id::ChatId;
use packetboat_proto::limits::KIND_CRITICAL_HIGHEST;
use packetboat_proto::packet::{Kind, Operation, Packet, Request};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "evolution", Bed;
    Must nothing_unasked ["V-6"]
        "to a client that names nothing new, nothing is said that it would close on";
}

async fn nothing_unasked(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut reader = Peer::login(bed, &bob).await?;
    let mut writer = Peer::login(bed, &ada).await?;
    let seq = writer.text(bed, &chat, "hi").await?.seq;
    reader.send(&chat, bed.message(), text("")).await?;
    reader.send(&chat, bed.message(), text("yes?")).await?;
    let operation = Some(Operation::Chats { after: None, limit: 0 });
    reader.say(Packet::Request(Request { id: 1, operation })).await?;
    reader.ack(&chat, seq, seq).await?;
    // Flags are looked at where frames are read.
    let mut kinds = Vec::new();
    while !(kinds.contains(&(Kind::Accepted as u8)) && kinds.contains(&(Kind::Response as u8))) {
        let Some(frame) = reader.stream.frame().await? else {
            return fail("frames", "the end of the stream");
        };
        let known = Kind::from_number(frame.kind).is_some_and(Kind::sent_by_server);
        let allowed = known || frame.kind > KIND_CRITICAL_HIGHEST;
        ensure(allowed, "a kind of version 1", format_args!("kind {:#04x}", frame.kind))?;
        kinds.push(frame.kind);
    }
    Ok(())
}
