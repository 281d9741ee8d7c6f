//! Prefaces and heads, whole and cut, right and wrong.

use bytes::Bytes;
use packetboat_proto::code::CloseCode;
use packetboat_proto::content::Content;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::limits::{
    BODY_BYTES_DEFAULT, BODY_BYTES_HIGHEST, BODY_BYTES_LOWEST, HANDSHAKE_BODY_BYTES_MAX,
};
use packetboat_proto::packet::{Cursor, Edge, Packet};
use serde_json::Value;

use super::packet::{CHAT, chat, hello, history, send};
use super::{Theme, encoded, framed};
use crate::line::Vector;
use crate::meaning::of_packet;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    streams(&mut theme);
    cuts(&mut theme);
    prefaces(&mut theme);
    kinds(&mut theme);
    heads(&mut theme);
    lengths(&mut theme);
    theme.vectors
}

fn stream(theme: &mut Theme, name: &str, verdict: &str, bytes: &[u8], meaning: &str) {
    theme.add(name, "stream", HANDSHAKE_BODY_BYTES_MAX, verdict, bytes, meaning);
}

fn opened(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE.to_vec(), frames.concat()].concat()
}

fn streams(theme: &mut Theme) {
    let packets = [
        Packet::Hello(hello()),
        send(Content::text("hi").encode()),
        Packet::Ack(vec![Cursor { chat: chat(CHAT), delivered: 3, read: 2 }]),
        history(Edge::Before(0), 0),
        Packet::Ping(1),
    ];
    let frames: Vec<Vec<u8>> = packets.iter().map(encoded).collect();
    let meaning = |packets: &[Packet]| {
        Value::Array(packets.iter().map(of_packet).collect::<Vec<Value>>()).to_string()
    };
    let one = meaning(&packets[..1]);
    stream(theme, "stream.hello", "canonical", &opened(&frames[..1]), &one);
    let all = meaning(&packets);
    stream(theme, "stream.pipelined", "canonical", &opened(&frames), &all);
    let later = framed(0x90, b"later");
    let skipped =
        [std::slice::from_ref(&later), &frames[..], std::slice::from_ref(&later)].concat();
    stream(theme, "stream.skipped_between", "ok", &opened(&skipped), &all);

    let mut broken = frames.clone();
    broken[2][9] ^= 1;
    let why = "the checksum of the third frame is wrong";
    stream(theme, "stream.later_fault", "close BAD_CHECKSUM", &opened(&broken), why);
    let large = [&frames[..1], &[4097u32.to_be_bytes().to_vec()]].concat();
    let why = "the second frame is over the limit of the handshake";
    stream(theme, "stream.later_too_large", "close FRAME_TOO_LARGE", &opened(&large), why);
    let cut = opened(&frames);
    let cut = &cut[..cut.len() - 1];
    stream(theme, "stream.later_cut", "more", cut, "the last frame lacks its last byte");
}

fn cuts(theme: &mut Theme) {
    let whole = opened(&[encoded(&Packet::Hello(hello()))]);
    for cut in 0..whole.len() {
        let name = format!("cut.stream.{cut:02}");
        let why = format!("{cut} of {} bytes", whole.len());
        stream(theme, &name, "more", &whole[..cut], &why);
    }
    let whole = encoded(&Packet::Ping(42));
    for cut in 0..whole.len() {
        let name = format!("cut.frame.{cut:02}");
        let why = format!("{cut} of {} bytes", whole.len());
        theme.add(&name, "frame", HANDSHAKE_BODY_BYTES_MAX, "more", &whole[..cut], &why);
    }
}

fn prefaces(theme: &mut Theme) {
    let mut bad = |name: &str, bytes: &[u8], why: &str| {
        let (name, verdict) = (format!("preface.{name}"), "close BAD_PREFACE");
        stream(theme, &name, verdict, bytes, why);
    };
    for at in 0..PREFACE.len() {
        let mut bytes = PREFACE[..=at].to_vec();
        bytes[at] ^= 0x20;
        bad(&format!("wrong_byte_{at}"), &bytes, &format!("byte {at} differs"));
    }
    bad("version_0", b"PKTBOAT\x00", "version 0");
    bad("version_2", b"PKTBOAT\x02", "version 2");
    bad("version_in_ascii", b"PKTBOAT1", "the digit 1 is not the byte 1");
    bad("lower_case", b"pktboat\x01", "lower case");
    bad("http_get", b"GET / HTTP/1.1\r\nHost: example\r\n\r\n", "HTTP");
    bad("http_post", b"POST / HTTP/1.1\r\n", "HTTP; the first byte is right");
    bad("http_2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2; the first byte is right");
    bad("tls_client_hello", &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01], "TLS on the plain port");
    bad("ssh", b"SSH-2.0-OpenSSH_9.9\r\n", "SSH");
    bad("line_feed", b"\n", "a line feed");
    bad("byte_order_mark", b"\xef\xbb\xbfPKTBOAT\x01", "a byte order mark");
    bad("late", b" PKTBOAT\x01", "a byte before it");
    bad("none", &encoded(&Packet::Hello(hello())), "a frame without preface");
    let twice = [PREFACE, PREFACE].concat();
    let why = "a second preface reads as a length of 0x504b5442";
    stream(theme, "preface.twice", "close FRAME_TOO_LARGE", &twice, why);
    let why = "the preface is whole, the first frame is to come";
    stream(theme, "limit.preface_bytes.at", "more", &PREFACE, why);
    let why = "one byte after it, which may begin a length";
    stream(theme, "limit.preface_bytes.over", "more", b"PKTBOAT\x01\x00", why);
}

fn kinds(theme: &mut Theme) {
    for kind in [0x00, 0x06, 0x0f, 0x17, 0x1f, 0x22, 0x50, 0x7e] {
        let why = format!("kind {kind:#04x} is unknown and below 0x80");
        let frame = framed(kind, b"");
        theme.close(&format!("kind.{kind:02x}"), &frame, CloseCode::UnknownKind, &why);
    }
    for kind in [0x81, 0x84, 0xa0, 0xff] {
        theme.skip(&format!("kind.{kind:02x}"), kind, b"", "a kind of a later version");
    }
    theme.skip("kind.body_not_looked_at", 0xc0, &[0xff; 9], "its body is no protobuf message");
    let limit = "limit.kind_critical_highest";
    let frame = framed(0x7f, b"");
    let why = "kind 0x7f is unknown and below 0x80";
    theme.close(&format!("{limit}.at"), &frame, CloseCode::UnknownKind, why);
    theme.skip(&format!("{limit}.over"), 0x80, b"", "a kind of a later version");

    let mut frame = framed(0x80, b"later");
    frame[9] ^= 1;
    let why = "skipped frames have their checksum too";
    theme.close("kind.skipped_wrong_checksum", &frame, CloseCode::BadChecksum, why);
    let frame = with_flags(0x80, 0x01, b"later");
    let why = "skipped frames have no flags either";
    theme.close("kind.skipped_flags", &frame, CloseCode::BadFrame, why);
    let frame = 65_537u32.to_be_bytes();
    let why = "the length comes before the kind";
    theme.close("kind.skipped_too_large", &frame, CloseCode::FrameTooLarge, why);
}

/// A frame with flags set, and its checksum right.
fn with_flags(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = framed(kind, body);
    frame[5] = flags;
    let covered = [&frame[..6], body].concat();
    frame[6..10].copy_from_slice(&crc32fast::hash(&covered).to_be_bytes());
    frame
}

fn heads(theme: &mut Theme) {
    for flags in [0x01, 0x80, 0xff] {
        let name = format!("flags.{flags:02x}");
        let frame = with_flags(0x04, flags, &[0x08, 0x2a]);
        theme.close(&name, &frame, CloseCode::BadFrame, "version 1 has no flags");
    }
    let why = "the flags come before the kind";
    theme.close("flags.unknown_kind", &with_flags(0x7f, 1, b""), CloseCode::BadFrame, why);
    let why = "the flags come before the body";
    theme.close("flags.bad_body", &with_flags(0x04, 1, b"\xff"), CloseCode::BadFrame, why);

    let ping = framed(0x04, &[0x08, 0x2a]);
    let mut bad = |name: &str, frame: &[u8], why: &str| {
        theme.close(&format!("checksum.{name}"), frame, CloseCode::BadChecksum, why);
    };
    for (name, at) in [("kind", 4), ("flags", 5), ("itself", 6), ("body", 10)] {
        let mut frame = ping.clone();
        frame[at] ^= 1;
        bad(&format!("bit_of_{name}"), &frame, "one bit differs");
    }
    let with = |checksum: [u8; 4]| [&ping[..6], &checksum, &ping[10..]].concat();
    bad("zero", &with([0; 4]), "it is left out");
    let turned = [ping[9], ping[8], ping[7], ping[6]];
    bad("little_endian", &with(turned), "its bytes are in the wrong order");
    let body_only = crc32fast::hash(&ping[10..]).to_be_bytes();
    bad("of_body_only", &with(body_only), "it does not cover the head");
    let mut longer = ping.clone();
    longer[3] = 1;
    bad("length_too_short", &longer, "the length leaves out the last byte");
    let mut unknown = framed(0x7f, b"");
    unknown[9] ^= 1;
    bad("unknown_kind", &unknown, "the checksum comes before the kind");
}

fn lengths(theme: &mut Theme) {
    let mut large = |name: &str, limit: u32, bytes: &[u8], why: &str| {
        theme.add(name, "frame", limit, "close FRAME_TOO_LARGE", bytes, why);
    };
    large("length.largest", 65_536, &[0xff; 4], "4 GiB, known by 4 bytes");
    large("length.sign_bit", 65_536, &[0x80, 0, 0, 0], "2 GiB; a length has no sign");
    let endian = [0x02, 0, 0, 0, 0x04, 0];
    large("length.little_endian", 65_536, &endian, "its bytes are in the wrong order");
    large("length.http_answer", 4096, b"HTTP/1.1 400 Bad Request\r\n", "an HTTP server answers");
    large("length.tls_alert", 4096, &[0x15, 3, 3, 0, 2, 2, 0x28], "a TLS server answers");
    let whole = framed(0x80, &[0; 4097]);
    large("length.whole_frame", 4096, &whole, "the frame is whole, and still too large");

    let limits = [
        ("handshake_body_bytes_max", HANDSHAKE_BODY_BYTES_MAX),
        ("body_bytes_lowest", BODY_BYTES_LOWEST),
        ("body_bytes_default", BODY_BYTES_DEFAULT),
        ("body_bytes_highest", BODY_BYTES_HIGHEST),
    ];
    for (name, limit) in limits {
        let named = |end: &str| format!("limit.{name}.{end}");
        let why = "a length at the limit is waited for";
        theme.add(&named("at"), "frame", limit, "more", &limit.to_be_bytes(), why);
        let (over, why) = ((limit + 1).to_be_bytes(), "known by 4 bytes");
        theme.add(&named("over"), "frame", limit, "close FRAME_TOO_LARGE", &over, why);
    }
    let skipped = framed(0x80, &[0; 4096]);
    let why = "a whole body at the limit of the handshake";
    theme.add("length.whole_at_limit", "frame", 4096, "skip", &skipped, why);
    let ping = Packet::Ping(0);
    let (bytes, meaning) = (encoded(&ping), of_packet(&ping).to_string());
    theme.add("limit.head_bytes.at", "frame", 4096, "canonical", &bytes, &meaning);
    theme.add("limit.head_bytes.under", "frame", 4096, "more", &bytes[..9], "a head of 9 bytes");
    let content = send(Bytes::new());
    let (bytes, meaning) = (encoded(&content), of_packet(&content).to_string());
    theme.add("length.exact_limit", "frame", 30, "canonical", &bytes, &meaning);
}
