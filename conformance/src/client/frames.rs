//! Frames (SPEC.md section 4), as a client reads them. Must never reuse a client that has said
//! goodbye: each fault has one of its own.

use packetboat_proto::code::CloseCode;
use packetboat_proto::limits::HANDSHAKE_BODY_BYTES_MAX;
use packetboat_proto::packet::Packet;

use crate::check::checks;
use crate::outcome::Checked;
use crate::wire::{damaged, flagged, frame, number};

use super::guest::{bytes_of, entry_of};
use super::harbor::Harbor;

const PING: u8 = 0x04;
const UNKNOWN: u8 = 0x7f;
const LATER: u8 = 0x80;

checks! {
    "frames", Harbor;
    Must length_first ["F-1", "F-7"] "a length over the limit in force is refused at once";
    Must checksum ["F-2"] "a wrong checksum is refused with BAD_CHECKSUM";
    Must flags ["F-3"] "flags other than 0 are refused with BAD_FRAME";
    Must unknown_kind ["F-4"] "an unknown kind below 0x80 is refused with UNKNOWN_KIND";
    Must order ["F-1", "F-2", "F-3", "F-4"] "of several faults the first in the order counts";
    Must later_kind ["F-5", "V-2"] "kinds from 0x80 on are skipped, before the Welcome and after";
    Must bad_body ["F-6"] "a body that is none is refused with BAD_BODY";
    Must full_body ["F-7"] "the limit of the Welcome holds from the frame behind it";
    Must any_cut ["F-8"] "frames may come byte by byte";
}

/// What the client does about those bytes in an open session.
async fn said(harbor: &Harbor, bytes: &[u8], code: CloseCode) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.be_of_use(&stage.chat(), &stage.peer).await?;
    guest.closes_for(bytes, code).await
}

/// What the client does about those bytes before its session is open.
async fn said_early(harbor: &Harbor, bytes: &[u8], code: CloseCode) -> Checked {
    harbor.stage().await?.hello().await?.closes_for(bytes, code).await
}

async fn length_first(harbor: &Harbor) -> Checked {
    let over = (HANDSHAKE_BODY_BYTES_MAX + 1).to_be_bytes();
    said_early(harbor, &over, CloseCode::FrameTooLarge).await?;
    said(harbor, &65_537_u32.to_be_bytes(), CloseCode::FrameTooLarge).await?;
    said(harbor, &[0xff; 4], CloseCode::FrameTooLarge).await
}

async fn checksum(harbor: &Harbor) -> Checked {
    said_early(harbor, &damaged(0x02, &[]), CloseCode::BadChecksum).await?;
    let right = frame(PING, &number(1, 300));
    for at in [4, 6, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        said(harbor, &wrong, CloseCode::BadChecksum).await?;
    }
    Ok(())
}

async fn flags(harbor: &Harbor) -> Checked {
    said(harbor, &flagged(PING, 1, &[]), CloseCode::BadFrame).await?;
    said(harbor, &flagged(LATER, 0x80, &[]), CloseCode::BadFrame).await
}

async fn unknown_kind(harbor: &Harbor) -> Checked {
    said_early(harbor, &frame(UNKNOWN, &[]), CloseCode::UnknownKind).await?;
    for kind in [0x00, 0x22] {
        said(harbor, &frame(kind, b"?"), CloseCode::UnknownKind).await?;
    }
    Ok(())
}

async fn order(harbor: &Harbor) -> Checked {
    said(harbor, &[0xff; 10], CloseCode::FrameTooLarge).await?;
    let mut wrong = flagged(UNKNOWN, 1, b"x");
    said(harbor, &wrong, CloseCode::BadFrame).await?;
    wrong[9] ^= 1;
    said(harbor, &wrong, CloseCode::BadChecksum).await
}

async fn later_kind(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.hello().await?;
    guest.raw(&frame(LATER, b"\xff\xff")).await?;
    guest.welcome(|_| {}).await?;
    for kind in [LATER, 0xff] {
        guest.raw(&frame(kind, b"\xff\xff no message at all")).await?;
        guest.sync().await?;
    }
    Ok(())
}

async fn bad_body(harbor: &Harbor) -> Checked {
    said_early(harbor, &frame(0x02, &[0x0a]), CloseCode::BadBody).await?;
    for kind in [0x03, 0x04, 0x11, 0x13, 0x21] {
        said(harbor, &frame(kind, &[0x0a]), CloseCode::BadBody).await?;
    }
    Ok(())
}

async fn full_body(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session_with(|welcome| welcome.limits.max_body = 16_384).await?;
    // Right behind the Welcome, so that it may come in one piece with it.
    guest.raw(&frame(LATER, &vec![0; 16_384])).await?;
    guest.sync().await?;
    guest.closes_for(&frame(LATER, &vec![0; 16_385]), CloseCode::FrameTooLarge).await
}

async fn any_cut(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    let entry = entry_of(&stage.chat(), 1, &stage.peer, "in bytes");
    guest.told_of(&entry.chat, 1);
    for byte in bytes_of(&Packet::Deliver(entry)) {
        guest.raw(&[byte]).await?;
    }
    stage.heard("in bytes").await?;
    guest.acked(&stage.chat(), 1).await
}
