//! Servers that are wrong on purpose: ours, with something before it that breaks one rule. Must
//! never break two at once.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::CloseCode;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::frame::Frame;
use packetboat_proto::packet::{ContactOperation, DeviceOperation, Operation, Packet, Verdict};

use crate::tampering::{Raw, Tamper, Way, tamper};

/// A server that breaks one rule.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What is run on it.
    pub(crate) chapters: &'static [&'static str],
    /// What of that must fail, and nothing else.
    pub(crate) fails: &'static [&'static str],
    pub(crate) make: fn() -> Tamper,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "nothing is wrong with it",
        chapters: &["promises", "frames", "messages", "hints", "acks", "codes"],
        fails: &[],
        make: || tamper(|_, _| true),
    },
    Kind {
        name: "it does not look at checksums",
        chapters: &["frames", "codes", "connection"],
        fails: &[
            "frames.checksum",
            "frames.checksum_before_flags",
            "frames.later_kind_is_checked",
            "codes.as_in_the_tables",
        ],
        make: || {
            tamper(|way, raw| {
                raw.is_mended = way == Way::ToServer;
                true
            })
        },
    },
    Kind {
        name: "it closes with another code for flags",
        chapters: &["frames", "codes", "connection"],
        fails: &[
            "frames.flags",
            "frames.flags_before_kind",
            "frames.later_kind_is_checked",
            "codes.as_in_the_tables",
        ],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Goodbye(verdict) = packet
                    && verdict.close_code() == Some(CloseCode::BadFrame)
                {
                    verdict.code = CloseCode::BadBody.number();
                }
            })
        },
    },
    Kind {
        name: "it says that a wrong checksum is not to be tried again",
        chapters: &["frames.checksum", "frames.flags", "codes"],
        fails: &["frames.checksum", "codes.as_in_the_tables"],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Goodbye(verdict) = packet {
                    verdict.retry = verdict.close_code().map(|_| CloseCode::BadBody.retry());
                }
            })
        },
    },
    Kind {
        name: "it passes the sender on that a signal names",
        chapters: &["promises", "hints"],
        fails: &["promises.stamped", "hints.to_others", "hints.sender_is_ignored"],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Signal(signal) = packet {
                    signal.sender = Some("somebody-else".parse().unwrap());
                }
            })
        },
    },
    Kind {
        name: "it encodes a content again",
        chapters: &["promises", "messages", "delivery.window"],
        fails: &["messages.byte_for_byte"],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Deliver(entry) = packet
                    && let Ok(content) = Content::decode(&entry.content, usize::MAX)
                {
                    entry.content = content.encode();
                }
            })
        },
    },
    Kind {
        name: "it does not say what is a duplicate",
        chapters: &["promises", "messages"],
        fails: &[
            "promises.again_on_another_connection",
            "messages.duplicate",
            "messages.duplicate_of_who_left",
        ],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Accepted(accepted) = packet {
                    accepted.duplicate = false;
                }
            })
        },
    },
    Kind {
        name: "it delivers entries to the session that sent them",
        chapters: &["delivery", "promises.one_order", "messages"],
        fails: &["delivery.not_to_the_session"],
        make: own_ones_too,
    },
    Kind {
        name: "it finds a fault behind a Hello before it has checked the Hello",
        chapters: &["handshake.not_read_while_checking", "handshake.pipelined"],
        fails: &["handshake.not_read_while_checking"],
        make: || {
            changed(Way::ToClient, |packet| {
                if let Packet::Goodbye(verdict) = packet
                    && verdict.close_code() == Some(CloseCode::BadTicket)
                {
                    *verdict = Verdict::close(CloseCode::BadChecksum, "", 0);
                }
            })
        },
    },
    Kind {
        name: "it sends no pings of its own",
        chapters: &["timers.silence", "timers.ping_of_its_own"],
        fails: &["timers.ping_of_its_own"],
        make: || tamper(|way, raw| way == Way::ToServer || raw.kind != 0x04),
    },
    Kind {
        name: "it blocks nobody",
        chapters: &["contacts", "presence"],
        fails: &[
            "contacts.blocked",
            "contacts.brought",
            "contacts.hints",
            "contacts.keys",
            "contacts.recalled",
            "contacts.own_block",
            "contacts.again",
        ],
        make: || {
            changed(Way::ToServer, |packet| {
                if let Some(Operation::Contact(ContactOperation::Block(block))) = asked(packet) {
                    block.blocked = false;
                }
            })
        },
    },
    Kind {
        name: "it asks nobody to be a contact",
        chapters: &["contacts"],
        fails: &[
            "contacts.wishes",
            "contacts.told",
            "contacts.names",
            "contacts.brought",
            "contacts.own_block",
        ],
        make: || {
            changed(Way::ToServer, |packet| {
                if let Some(Operation::Contact(ContactOperation::Set(set))) = asked(packet) {
                    set.wanted = None;
                }
            })
        },
    },
    Kind {
        name: "it logs nobody out",
        chapters: &["devices"],
        fails: &["devices.logged_out", "devices.forgotten", "devices.itself"],
        make: || {
            changed(Way::ToServer, |packet| {
                let asked = asked(packet);
                if let Some(Operation::Device(DeviceOperation::LogOut { device })) = asked {
                    *device = "nobody".parse().unwrap();
                }
            })
        },
    },
    Kind {
        name: "it forgets acknowledgements",
        chapters: &["acks", "messages", "promises"],
        fails: &[
            "promises.until_acknowledged",
            "acks.cumulative",
            "acks.only_forward",
            "acks.of_device_and_user",
            "acks.many_chats",
            "acks.read_in_order",
            "acks.pipelined",
        ],
        make: || tamper(|_, raw| raw.kind != 0x14),
    },
];

/// A Deliver goes right behind each Accepted, as D-1 allows it.
fn own_ones_too() -> Tamper {
    let mut contents = HashMap::new();
    tamper(move |_, raw| {
        match packet_of(raw) {
            Some(Packet::Send(send)) => {
                contents.insert((send.chat, send.id), send.content);
            }
            Some(Packet::Accepted(accepted)) if !accepted.duplicate => {
                let (chat, id) = (accepted.chat, accepted.id);
                let content = contents.get(&(chat.clone(), id)).unwrap().clone();
                let (seq, at_ms) = (accepted.seq, accepted.at_ms);
                // Whoever of the two it was: a check knows its own by their ids.
                let sender = chat.as_str().split(':').nth(1).unwrap().parse().unwrap();
                let mut bytes = BytesMut::new();
                let own = Entry { chat, seq, sender, id, at_ms, content };
                Packet::Deliver(own).put(&mut bytes);
                raw.behind = bytes.to_vec();
            }
            _ => {}
        }
        true
    })
}

fn asked(packet: &mut Packet) -> Option<&mut Operation> {
    match packet {
        Packet::Request(request) => request.operation.as_mut(),
        _ => None,
    }
}

/// Changes the packets of one way.
fn changed(on: Way, change: impl Fn(&mut Packet) + Send + 'static) -> Tamper {
    tamper(move |way, raw| {
        let Some(mut packet) = packet_of(raw).filter(|_| way == on) else { return true };
        let before = packet.clone();
        change(&mut packet);
        if packet != before {
            let mut bytes = BytesMut::new();
            packet.put(&mut bytes);
            raw.body = bytes[10..].to_vec();
        }
        true
    })
}

fn packet_of(raw: &Raw) -> Option<Packet> {
    let body = Bytes::copy_from_slice(&raw.body);
    Packet::decode(&Frame { kind: raw.kind, body }).ok().flatten()
}
