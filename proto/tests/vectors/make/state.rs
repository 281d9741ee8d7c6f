//! A packet of every kind, in every state of both sides.

use bytes::Bytes;
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::limits::{BODY_BYTES_DEFAULT, HANDSHAKE_BODY_BYTES_MAX};
use packetboat_proto::packet::{Answer, Cursor, Edge, Kind, Notice, Packet, SignalKind, Verdict};

use super::packet::{
    CHAT, accepted, chat, entry, hello, history, rejected, response, send, signal, welcome,
};
use super::{Theme, encoded, framed};
use crate::line::Vector;
use crate::meaning::of_packet;

/// The states, each with the limit in force and the kinds that may come in it.
const STATES: [(&str, u32, &[Kind]); 4] = [
    ("server.await_hello", HANDSHAKE_BODY_BYTES_MAX, &[Kind::Hello, Kind::Goodbye]),
    (
        "server.open",
        BODY_BYTES_DEFAULT,
        &[
            Kind::Goodbye,
            Kind::Ping,
            Kind::Pong,
            Kind::Send,
            Kind::Ack,
            Kind::Signal,
            Kind::Request,
        ],
    ),
    ("client.hello_sent", HANDSHAKE_BODY_BYTES_MAX, &[Kind::Welcome, Kind::Goodbye]),
    (
        "client.open",
        BODY_BYTES_DEFAULT,
        &[
            Kind::Goodbye,
            Kind::Ping,
            Kind::Pong,
            Kind::Accepted,
            Kind::Rejected,
            Kind::Deliver,
            Kind::Signal,
            Kind::Notice,
            Kind::Response,
        ],
    ),
];

fn example(kind: Kind) -> Packet {
    match kind {
        Kind::Hello => Packet::Hello(hello()),
        Kind::Welcome => Packet::Welcome(welcome()),
        Kind::Goodbye => Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)),
        Kind::Ping => Packet::Ping(1),
        Kind::Pong => Packet::Pong(1),
        Kind::Send => send(Bytes::from_static(b"\x0a\x04\x0a\x02hi")),
        Kind::Accepted => Packet::Accepted(accepted()),
        Kind::Rejected => rejected(Verdict::reject(RejectCode::Invalid, "", 0)),
        Kind::Deliver => Packet::Deliver(entry()),
        Kind::Ack => Packet::Ack(vec![Cursor { chat: chat(CHAT), delivered: 1, read: 0 }]),
        Kind::Signal => Packet::Signal(signal(SignalKind::Typing)),
        Kind::Notice => Packet::Notice(Notice::Missed),
        Kind::Request => history(Edge::Before(0), 0),
        Kind::Response => response(Answer::Presence(Vec::new())),
    }
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    for (state, limit, allowed) in STATES {
        for kind in Kind::ALL {
            let packet = example(*kind);
            let name = format!("state.{state}.{}", format!("{kind:?}").to_lowercase());
            let verdict = if allowed.contains(kind) { "ok" } else { "close WRONG_STATE" };
            let meaning = of_packet(&packet).to_string();
            theme.add(&name, state, limit, verdict, &encoded(&packet), &meaning);
        }
        let mut add = |what: &str, verdict: &str, bytes: &[u8], why: &str| {
            theme.add(&format!("state.{state}.{what}"), state, limit, verdict, bytes, why);
        };
        add("skipped", "skip", &framed(0x80, b"later"), "a kind of a later version");
        let later = framed(Kind::Notice as u8, b"\x7a\x00");
        add("notice_later", "skip", &later, "a notice of a later version");
        let stranger = if state.starts_with("server") { Kind::Welcome } else { Kind::Hello };
        let broken = framed(stranger as u8, b"\x0a");
        add("bad_body", "close BAD_BODY", &broken, "out of turn, but its body is bad before that");
        let unknown = framed(0x7f, b"");
        add("unknown", "close UNKNOWN_KIND", &unknown, "kind 0x7f is unknown and below 0x80");
        let length = (limit + 1).to_be_bytes();
        add("too_large", "close FRAME_TOO_LARGE", &length, "one byte over the limit in force");
    }
    theme.vectors
}
