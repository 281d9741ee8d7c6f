//! Frames (SPEC.md section 4): each fault, and in which order they are looked for. Must never
//! write a frame with two faults where the order is not what is tested.

use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::limits::HANDSHAKE_BODY_BYTES_MAX;
use packetboat_proto::packet::Packet;

use crate::check::checks;
use crate::outcome::{Checked, ensure};
use crate::wire::{bytes, damaged, flagged, frame, number, opened};

use super::bed::Bed;
use super::peer::Peer;

/// How long a server is listened to that should say nothing.
const QUIET: Duration = Duration::from_millis(150);
const PING: u8 = 0x04;
const UNKNOWN: u8 = 0x7f;
const LATER: u8 = 0x80;

checks! {
    "frames", Bed;
    Must length_first ["F-1"] "a length over the limit is refused by its four bytes alone";
    Must length_before_all ["F-1"] "a length over the limit is refused whatever else is wrong";
    Must checksum ["F-2"] "a wrong checksum is refused: of the body, the kind, the flags";
    Must checksum_before_flags ["F-2"] "a wrong checksum counts before flags and kind";
    Must flags ["F-3"] "flags other than 0 are refused with BAD_FRAME";
    Must flags_before_kind ["F-3"] "flags count before an unknown kind";
    Must unknown_kind ["F-4"] "an unknown kind below 0x80 is refused with UNKNOWN_KIND";
    Must later_kind ["F-5", "V-2"] "kinds from 0x80 on are skipped, before the Hello and after";
    Must later_kind_is_checked ["F-5"] "length, checksum and flags hold for skipped kinds too";
    Must body_before_state ["F-6"] "a bad body is BAD_BODY, also of a packet out of turn";
    Must limit_of_the_handshake ["F-7", "H-2"] "before the Welcome a body has 4,096 bytes at most";
    Must limit_after_the_welcome ["F-7"] "after the Welcome a body has max_body bytes at most";
    Must any_cut ["F-8"] "a frame may come byte by byte, and half of one is waited for";
}

/// What an open session gets for those bytes.
async fn said(bed: &Bed, bytes: &[u8], code: CloseCode) -> Checked {
    let [ada] = bed.users()?;
    Peer::login(bed, &ada).await?.closes_for(bytes, code).await
}

/// What a connection gets that opens with a preface and those bytes.
async fn begun(bed: &Bed, bytes: &[u8], code: CloseCode) -> Checked {
    Peer::connect(bed).await?.closes_for(&opened(bytes), code).await
}

async fn length_first(bed: &Bed) -> Checked {
    for length in [HANDSHAKE_BODY_BYTES_MAX + 1, u32::MAX] {
        begun(bed, &length.to_be_bytes(), CloseCode::FrameTooLarge).await?;
    }
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let over = peer.limits.max_body + 1;
    peer.closes_for(&over.to_be_bytes(), CloseCode::FrameTooLarge).await?;
    said(bed, &[0xff; 4], CloseCode::FrameTooLarge).await
}

async fn length_before_all(bed: &Bed) -> Checked {
    said(bed, &[0xff; 10], CloseCode::FrameTooLarge).await
}

async fn checksum(bed: &Bed) -> Checked {
    let right = frame(PING, &number(1, 300));
    // Kind, flags, the checksum itself, the body's first and last byte.
    for at in [4, 5, 6, 9, 10, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        said(bed, &wrong, CloseCode::BadChecksum).await?;
    }
    begun(bed, &damaged(0x01, &[]), CloseCode::BadChecksum).await
}

async fn checksum_before_flags(bed: &Bed) -> Checked {
    let mut bytes = flagged(UNKNOWN, 1, b"x");
    bytes[9] ^= 1;
    said(bed, &bytes, CloseCode::BadChecksum).await
}

async fn flags(bed: &Bed) -> Checked {
    for flags in [1, 0x80, 0xff] {
        said(bed, &flagged(PING, flags, &[]), CloseCode::BadFrame).await?;
    }
    begun(bed, &flagged(0x01, 1, &[]), CloseCode::BadFrame).await
}

async fn flags_before_kind(bed: &Bed) -> Checked {
    said(bed, &flagged(UNKNOWN, 1, b"x"), CloseCode::BadFrame).await
}

async fn unknown_kind(bed: &Bed) -> Checked {
    for kind in [0x00, 0x06, 0x0f, 0x17, 0x1f, 0x22, UNKNOWN] {
        said(bed, &frame(kind, b"?"), CloseCode::UnknownKind).await?;
    }
    begun(bed, &frame(UNKNOWN, &[]), CloseCode::UnknownKind).await
}

async fn later_kind(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(LATER, b"\xff\xff")).await?;
    peer.say(Packet::Hello(bed.hello(&ada))).await?;
    peer.welcome().await?;
    for kind in [LATER, 0x90, 0xff] {
        peer.raw(&frame(kind, b"\xff\xff no message at all")).await?;
        let said = peer.sync().await?;
        ensure(said.is_empty(), "no answer to a skipped frame", format_args!("{said:?}"))?;
    }
    Ok(())
}

async fn later_kind_is_checked(bed: &Bed) -> Checked {
    said(bed, &damaged(LATER, b"x"), CloseCode::BadChecksum).await?;
    said(bed, &flagged(LATER, 1, b"x"), CloseCode::BadFrame).await?;
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let head = [&(peer.limits.max_body + 1).to_be_bytes()[..], &[LATER]].concat();
    peer.closes_for(&head, CloseCode::FrameTooLarge).await
}

async fn body_before_state(bed: &Bed) -> Checked {
    // A field that is cut short, in every kind.
    for kind in [1, 2, 3, 4, 5, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x20, 0x21] {
        said(bed, &frame(kind, &[0x0a]), CloseCode::BadBody).await?;
    }
    begun(bed, &frame(0x10, &[0x0a]), CloseCode::BadBody).await
}

/// A hello whose body has so many bytes, by a field that nobody knows.
fn padded(bed: &Bed, length: usize) -> Checked<Vec<u8>> {
    let [ada] = bed.users()?;
    let mut hello = BytesMut::new();
    Packet::Hello(bed.hello(&ada)).put(&mut hello);
    let body = &hello[10..];
    // Three bytes of key and two of length for what is left.
    let rest = length - body.len() - 5;
    Ok([body, &bytes(20_000, &vec![b'x'; rest])].concat())
}

async fn limit_of_the_handshake(bed: &Bed) -> Checked {
    let most = HANDSHAKE_BODY_BYTES_MAX as usize;
    let body = padded(bed, most)?;
    ensure(body.len() == most, "a body of 4,096 bytes to try with", body.len())?;
    let mut peer = Peer::connect(bed).await?;
    peer.raw(&opened(&frame(0x01, &body))).await?;
    peer.welcome().await?;
    let over = frame(0x01, &padded(bed, most + 1)?);
    begun(bed, &over, CloseCode::FrameTooLarge).await
}

async fn limit_after_the_welcome(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let most = peer.limits.max_body as usize;
    peer.raw(&frame(LATER, &vec![0; most])).await?;
    peer.sync().await?;
    peer.closes_for(&frame(LATER, &vec![0; most + 1]), CloseCode::FrameTooLarge).await
}

async fn any_cut(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut hello = BytesMut::new();
    Packet::Hello(bed.hello(&ada)).put(&mut hello);
    let mut peer = Peer::connect(bed).await?;
    for byte in opened(&hello) {
        peer.raw(&[byte]).await?;
    }
    peer.welcome().await?;
    let ping = frame(PING, &number(1, 300));
    for cut in [1, 4, 9, 10, ping.len() - 1] {
        peer.raw(&ping[..cut]).await?;
        let said = peer.within(QUIET).await?;
        ensure(said.is_empty(), "no word to half a frame", format_args!("{said:?}"))?;
        peer.raw(&ping[cut..]).await?;
        let answer = |packet: &Packet| (*packet == Packet::Pong(300)).then_some(());
        peer.find("a Pong once the frame is whole", answer).await?;
    }
    Ok(())
}
