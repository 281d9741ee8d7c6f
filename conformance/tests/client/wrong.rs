//! Clients that are wrong on purpose: ours, with something between it and the server that breaks
//! one rule. Must never break two at once.

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::BytesMut;
use packetboat_proto::code::Retry;
use packetboat_proto::frame::Frame;
use packetboat_proto::id::MessageId;
use packetboat_proto::packet::Packet;

use crate::tampering::{Raw, Tamper, Way, before, tamper};

/// A client that breaks one rule.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What is run on it.
    pub(crate) chapters: &'static [&'static str],
    /// What of that must fail, and nothing else.
    pub(crate) fails: &'static [&'static str],
    make: fn() -> Tamper,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "it does not look at checksums",
        chapters: &["frames", "states"],
        fails: &["frames.checksum", "frames.order"],
        make: || {
            tamper(|way, raw| {
                raw.is_mended = way == Way::ToClient;
                true
            })
        },
    },
    Kind {
        name: "it gives a message another id when it sends it again",
        chapters: &["connection.cut", "sending"],
        fails: &[
            "connection.cut",
            "sending.outbox_again",
            "sending.any_order_of_answers",
            "sending.rejected_for_good",
            "sending.rejected_for_now",
            "sending.one_content_for_an_id",
            "sending.unknown_verdict",
            "sending.nothing_overtakes",
        ],
        make: other_ids,
    },
    Kind {
        name: "it comes back whatever the goodbye says",
        chapters: &["handshake.replaced", "handshake.ping", "returning"],
        fails: &["handshake.replaced", "returning.never", "returning.one_device"],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Goodbye(verdict) = packet {
                    verdict.retry = verdict.retry.map(|retry| match retry {
                        Retry::Never => Retry::AtOnce,
                        other => other,
                    });
                }
            })
        },
    },
    Kind {
        name: "it sends its fourth message under the id of its first",
        chapters: &["sending.one_content_for_an_id", "sending.new_ids", "sending.outbox_again"],
        fails: &["sending.outbox_again", "sending.one_content_for_an_id"],
        make: old_id,
    },
    Kind {
        name: "it takes the first refusal for the last",
        chapters: &["sending.refused_before_the_last", "sending.rejected_for_good"],
        fails: &["sending.refused_before_the_last"],
        make: || {
            tamper(|way, raw| {
                if way == Way::ToClient
                    && let Some(packet @ Packet::Rejected(_)) = packet_of(raw)
                {
                    let mut bytes = BytesMut::new();
                    packet.put(&mut bytes);
                    raw.behind = bytes.to_vec();
                }
                true
            })
        },
    },
    Kind {
        name: "it does not wait before it sends again",
        chapters: &["sending"],
        fails: &[
            "sending.rejected_for_now",
            "sending.unknown_verdict",
            "sending.nothing_overtakes",
        ],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Rejected(rejected) = packet {
                    rejected.verdict.retry_after_ms = 0;
                }
            })
        },
    },
    Kind {
        name: "it acknowledges what it has not had",
        chapters: &[
            "receiving.handed_over",
            "receiving.gaps",
            "receiving.own_other_device",
            "sending.new_ids",
        ],
        fails: &["receiving.handed_over", "receiving.gaps", "receiving.own_other_device"],
        make: || {
            changed(Way::ToServer, |packet| {
                if let Packet::Ack(cursors) = packet {
                    for cursor in cursors {
                        cursor.delivered += 1;
                    }
                }
            })
        },
    },
];

/// Where the wrong client of that name goes instead of to the server.
pub(crate) async fn instead(name: &str, server: SocketAddr) -> SocketAddr {
    let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
    before(server, (kind.make)()).await
}

fn packet_of(raw: &Raw) -> Option<Packet> {
    Packet::decode(&Frame { kind: raw.kind, body: raw.body.clone().into() }).ok().flatten()
}

fn set(raw: &mut Raw, packet: &Packet) {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    raw.body = bytes[10..].to_vec();
}

/// Changes the packets of one way.
fn changed(on: Way, change: impl Fn(&mut Packet) + Send + 'static) -> Tamper {
    tamper(move |way, raw| {
        if way == on
            && let Some(mut packet) = packet_of(raw)
        {
            let before = packet.clone();
            change(&mut packet);
            if packet != before {
                set(raw, &packet);
            }
        }
        true
    })
}

/// The fourth message of a client has the id of the first.
fn old_id() -> Tamper {
    let mut ids: Vec<MessageId> = Vec::new();
    tamper(move |_, raw| {
        if let Some(Packet::Send(mut send)) = packet_of(raw) {
            if !ids.contains(&send.id) {
                ids.push(send.id);
            }
            if ids.get(3) == Some(&send.id) {
                send.id = ids[0];
                set(raw, &Packet::Send(send));
            }
        }
        true
    })
}

/// The first time a message goes as it is; from then on under other ids, which are known again
/// when they are answered.
fn other_ids() -> Tamper {
    let mut counts: HashMap<MessageId, u8> = HashMap::new();
    let mut real: HashMap<MessageId, MessageId> = HashMap::new();
    tamper(move |_, raw| {
        match packet_of(raw) {
            Some(Packet::Send(mut send)) => {
                let times = counts.entry(send.id).or_default();
                *times += 1;
                if *times > 1 {
                    let mut bytes = *send.id.as_bytes();
                    bytes[0] ^= *times;
                    real.insert(MessageId::from(bytes), send.id);
                    send.id = MessageId::from(bytes);
                    set(raw, &Packet::Send(send));
                }
            }
            Some(Packet::Accepted(mut accepted)) => {
                accepted.id = *real.get(&accepted.id).unwrap_or(&accepted.id);
                set(raw, &Packet::Accepted(accepted));
            }
            _ => {}
        }
        true
    })
}
