//! Bodies as protobuf lets them be written, and as it does not (SPEC.md section 5). Must never
//! send the vectors of a Hello that names another user than this run's.

use bytes::BytesMut;
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Operation, Packet, Request};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};
use crate::vectors::{self, Vector};
use crate::wire::{bytes, frame, group, number, unknown_fields};

use super::bed::{Accounts, Bed};
use super::peer::{Peer, text, told};

/// 2020 and 2100, in milliseconds of Unix time.
const TIMES: std::ops::Range<u64> = 1_577_836_800_000..4_102_444_800_000;

checks! {
    "bodies", Bed;
    Must defaults ["P-1"] "fields that are absent have their defaults";
    Should canonical ["P-2", "G-1"] "fields are written in order, and none with its default";
    Must any_order ["P-3"] "fields are taken in any order";
    Must last_counts ["P-4"] "of a field that comes twice the last counts, and messages merge";
    Must unknown_fields_are_ignored ["P-5", "V-3"] "fields of unknown number are ignored";
    Must broken ["P-6"] "what protobuf does not allow is refused with BAD_BODY";
    Must no_groups ["P-7"] "groups are never sent, and one that comes is refused or ignored";
    Must large_varints ["P-8"] "a varint too large for a uint32 counts with its low 32 bits";
    Must unknown_enums ["P-9"] "unknown values of an enum are UNSPECIFIED, and no fault";
    Must times ["P-10"] "times are milliseconds of Unix time, by one clock";
    Must counts ["P-11", "F-6"] "bounds count every element, and each bound is kept";
    Must taken ["F-6", "P-3", "P-5"] "what the vectors call valid closes no session";
}

/// The body of the packet.
fn body_of(packet: &Packet) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    bytes[10..].to_vec()
}

async fn defaults(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let credential = Packet::Hello(bed.hello(&ada));
    // Of a Hello, what is needed and nothing else.
    let mut hello = body_of(&credential);
    if let Accounts::Open = bed.accounts {
        let (user, device) = (ada.as_str().as_bytes(), bed.name());
        let open = bytes(3, &bytes(1, &[]));
        hello = [bytes(1, user), bytes(2, device.as_bytes()), open].concat();
    }
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(0x01, &hello)).await?;
    peer.welcome().await?;
    peer.raw(&frame(0x04, &[])).await?;
    let pong = |packet: &Packet| (*packet == Packet::Pong(0)).then_some(());
    peer.find("a Pong of token 0", pong).await?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let send = [bytes(1, chat.as_str().as_bytes()), bytes(2, id.as_bytes())].concat();
    peer.raw(&frame(0x10, &send)).await?;
    match peer.answer(id).await? {
        Err(rejected) if rejected.verdict.reject_code() == Some(RejectCode::Empty) => {}
        other => return fail("Rejected EMPTY", format_args!("{other:?}")),
    }
    peer.raw(&frame(0x14, &bytes(1, &bytes(1, chat.as_str().as_bytes())))).await?;
    peer.sync().await.map(drop)
}

async fn canonical(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut reader = Peer::open(bed).await?;
    reader.say(Packet::Hello(bed.hello(&bob))).await?;
    let mut writer = Peer::login(bed, &ada).await?;
    let mut kinds = Vec::new();
    let check = |frame: Option<packetboat_proto::frame::Frame>, kinds: &mut Vec<u8>| {
        let Some(frame) = frame else { return fail("a frame", "the end of the stream") };
        let Ok(Some(packet)) = Packet::decode(&frame) else { return fail("a packet", "none") };
        kinds.push(frame.kind);
        let same_bytes = body_of(&packet)[..] == frame.body[..];
        ensure(
            same_bytes,
            "its canonical bytes",
            format_args!("{}: {:02x?}", told(&packet), frame.body),
        )
    };
    check(reader.stream.frame().await?, &mut kinds)?;
    writer.text(bed, &chat, "hi").await?;
    check(reader.stream.frame().await?, &mut kinds)?;
    reader.send(&chat, bed.message(), text("")).await?;
    reader.send(&chat, bed.message(), text("yes?")).await?;
    reader.say(Packet::Ping(0)).await?;
    let operation = Some(Operation::Chat { chat });
    reader.say(Packet::Request(Request { id: 1, operation })).await?;
    while !(kinds.contains(&0x05) && kinds.contains(&0x11) && kinds.contains(&0x21)) {
        check(reader.stream.frame().await?, &mut kinds)?;
    }
    Ok(())
}

async fn any_order(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let whole = body_of(&Packet::Hello(bed.hello(&ada)));
    // The user comes first in canonical bytes: here it comes last.
    let user = bytes(1, ada.as_str().as_bytes());
    let Some(rest) = whole.strip_prefix(&user[..]) else { return fail("field 1 first", "not") };
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(0x01, &[rest, &user].concat())).await?;
    peer.welcome().await?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let send =
        [bytes(3, &text("backwards")), bytes(2, id.as_bytes()), bytes(1, chat.as_str().as_bytes())];
    peer.raw(&frame(0x10, &send.concat())).await?;
    ensure(peer.answer(id).await?.is_ok(), "Accepted", "Rejected")
}

async fn last_counts(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let whole = body_of(&Packet::Hello(bed.hello(&ada)));
    // Two messages `wanted`, which are merged: a window, then a heartbeat and another window.
    let (first, second) = (number(2, 9), [number(3, 700), number(2, 5)].concat());
    let other = bytes(4, b"the one before");
    let hello = [whole, bytes(5, &first), bytes(5, &second), other, bytes(4, b"last")].concat();
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(0x01, &hello)).await?;
    let limits = peer.welcome().await?.limits;
    same("window and heartbeat_ms", (5, 700), (limits.window, limits.heartbeat_ms))?;
    peer.raw(&frame(0x04, &[number(1, 1), number(1, 2)].concat())).await?;
    let pong = peer.find("a Pong", |packet| match packet {
        Packet::Pong(token) => Some(*token),
        _ => None,
    });
    same("the token", 2, pong.await?)?;
    // Of a oneof the last member counts: an operation that is there, then another.
    let chats = bytes(3, &number(2, 1));
    let presence = bytes(6, &bytes(1, ada.as_str().as_bytes()));
    peer.raw(&frame(0x20, &[number(1, 8), chats, presence].concat())).await?;
    peer.find("a Response of presence", |packet| match packet {
        Packet::Response(found) => Some(found.answer.clone()),
        _ => None,
    })
    .await
    .and_then(|answer| {
        let is_presence = matches!(answer, Ok(packetboat_proto::packet::Answer::Presence(_)));
        ensure(is_presence, "a Response of presence", format_args!("{answer:?}"))
    })
}

async fn unknown_fields_are_ignored(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let whole = body_of(&Packet::Hello(bed.hello(&ada)));
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(0x01, &[unknown_fields(), whole, unknown_fields()].concat())).await?;
    peer.welcome().await?;
    peer.raw(&frame(0x04, &[unknown_fields(), number(1, 6)].concat())).await?;
    peer.find("a Pong", |packet| (*packet == Packet::Pong(6)).then_some(())).await?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let name = bytes(1, chat.as_str().as_bytes());
    let content = bytes(3, &text("with more"));
    let send = [unknown_fields(), name.clone(), bytes(2, id.as_bytes()), content].concat();
    peer.raw(&frame(0x10, &send)).await?;
    ensure(peer.answer(id).await?.is_ok(), "Accepted", "Rejected")?;
    let cursor = [name, number(2, 0), unknown_fields()].concat();
    peer.raw(&frame(0x14, &[bytes(1, &cursor), unknown_fields()].concat())).await?;
    peer.sync().await.map(drop)
}

/// Frames of the vectors with that verdict, whose name begins with one of those words.
fn frames_of(verdict: &'static str, names: &'static [&str]) -> impl Iterator<Item = Vector> {
    vectors::all().filter(move |vector| {
        let is_named = names.iter().any(|name| vector.name.starts_with(name));
        vector.reads == "frame" && vector.verdict == verdict && is_named
    })
}

async fn refused(bed: &Bed, vectors: impl Iterator<Item = Vector>) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let mut count = 0;
    for vector in vectors {
        let (mut peer, _) = Peer::greet(bed, hello.clone()).await?;
        if vector.bytes.len() > peer.limits.max_body as usize {
            continue;
        }
        count += 1;
        let closed = peer.closes_for(&vector.bytes, CloseCode::BadBody).await;
        if let Err(crate::outcome::Stop::Fail { expected, got }) = closed {
            return fail(expected, format_args!("{got}, for the vector {}", vector.name));
        }
    }
    ensure(count > 0, "vectors to try", "none")
}

async fn broken(bed: &Bed) -> Checked {
    refused(bed, frames_of("close BAD_BODY", &["broken.", "wire_type."])).await
}

async fn counts(bed: &Bed) -> Checked {
    refused(bed, frames_of("close BAD_BODY", &["limit.", "missing.", "bad_id.", "value."])).await
}

async fn taken(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    for vector in vectors::all() {
        let valid = matches!(vector.verdict, "canonical" | "ok" | "skip");
        let kind = vector.bytes.get(4).copied().unwrap_or_default();
        let in_session = matches!(kind, 0x04 | 0x05 | 0x10 | 0x14 | 0x15 | 0x20);
        let mut peer = match (vector.reads, valid && in_session) {
            ("frame", true) => Peer::greet(bed, hello.clone()).await?.0,
            _ => continue,
        };
        if vector.bytes.len() > peer.limits.max_body as usize {
            continue;
        }
        peer.raw(&vector.bytes).await?;
        if let Err(crate::outcome::Stop::Fail { got, .. }) = peer.sync().await {
            let expected = format!("a session that takes the vector {}", vector.name);
            return fail(expected, got);
        }
    }
    Ok(())
}

async fn no_groups(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    peer.stream.raw_unless_closed(&frame(0x04, &[group(9), number(1, 6)].concat())).await;
    // What the server writes is looked through for groups wherever it is read.
    match peer.next("a Pong, or Goodbye BAD_BODY").await? {
        Packet::Pong(6) => Ok(()),
        Packet::Goodbye(verdict) if verdict.close_code() == Some(CloseCode::BadBody) => Ok(()),
        other => fail("a Pong, or Goodbye BAD_BODY", told(&other)),
    }
}

async fn large_varints(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let whole = body_of(&Packet::Hello(bed.hello(&ada)));
    let wanted = bytes(5, &number(2, (1 << 32) + 7));
    let mut peer = Peer::open(bed).await?;
    peer.raw(&frame(0x01, &[whole, wanted].concat())).await?;
    same("the window", 7, peer.welcome().await?.limits.window)
}

async fn unknown_enums(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let verdict = [number(1, 64), number(3, 77), number(4, u64::MAX)].concat();
    peer.raw(&frame(0x03, &verdict)).await?;
    peer.stream.end().await
}

async fn times(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut peer, before) = Peer::greet(bed, bed.hello(&ada)).await?;
    let mut reader = Peer::login(bed, &bob).await?;
    let accepted = peer.text(bed, &chat, "when?").await?;
    let (_, after) = Peer::greet(bed, bed.hello(&ada)).await?;
    for time in [before.now_ms, accepted.at_ms, after.now_ms] {
        ensure(TIMES.contains(&time), "milliseconds of Unix time", time)?;
    }
    let in_between = before.now_ms..=after.now_ms;
    let expected = format!("a time within {in_between:?}");
    ensure(in_between.contains(&accepted.at_ms), expected, accepted.at_ms)?;
    same("at_ms of the Deliver", accepted.at_ms, reader.take(&chat).await?.at_ms)?;
    let ends = before.ticket_expires_ms;
    ensure(ends == 0 || ends > before.now_ms, "a ticket that ends later than now", ends)
}
