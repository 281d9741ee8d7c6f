//! How a session begins and ends: the claim that a hello makes, the welcome, and what a person is
//! told about a close that needs no detail. Must never decide whether to.

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::SessionId;
use packetboat_proto::packet::{self, Hello, Limits, Welcome};

use crate::store::device::DeviceLabel;
use crate::store::{Claim, Start};

use super::port::{Guest, Rules, Ticket};

/// The limits that a client is told, unless it has asked for less.
pub(super) fn limits(rules: &Rules) -> Limits {
    Limits {
        max_body: rules.max_body,
        window: rules.window,
        heartbeat_ms: u32::try_from(rules.heartbeat.as_millis()).unwrap_or(u32::MAX),
        max_content: rules.max_content,
        sends: rules.sends,
    }
}

/// What opens a session.
pub(super) fn welcome(
    session: SessionId,
    limits: Limits,
    ticket: Ticket,
    now_ms: u64,
    new_device: bool,
) -> Welcome {
    let (ticket, ticket_expires_ms) = ticket.unwrap_or_default();
    let server = concat!("packetboat ", env!("CARGO_PKG_VERSION")).to_owned();
    Welcome { session, limits, ticket, ticket_expires_ms, now_ms, server, new_device }
}

/// What a hello asks the store for.
pub(super) fn claim(hello: &Hello, session: SessionId, guest: &Guest) -> Claim {
    let start = match hello.start {
        None => Start::Undelivered,
        Some(packet::Start::Everything) => Start::Everything,
        Some(packet::Start::Last(count)) => Start::Last(count),
        Some(packet::Start::Newest) => Start::Newest,
    };
    let label = DeviceLabel {
        name: hello.device_name.clone(),
        platform: hello.platform.clone(),
        client: hello.client.clone(),
        address: guest.address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let by_ticket = guest.admitted.device();
    let claim = Claim::new(hello.user.clone(), hello.device.clone(), session, start);
    Claim { label, by_ticket, ..claim }
}

/// What a person is told about a close that needs no detail.
pub(super) fn reason_of(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Replaced => "a newer session of this device took its place",
        CloseCode::AnotherDevice => {
            "another device of yours is connected, and no more may be here at a time"
        }
        CloseCode::LoggedOut => "this device was logged out by another of yours, or by itself",
        CloseCode::Displaced => {
            "another device of yours has connected, and no more may be here at a time"
        }
        CloseCode::ShuttingDown => "the server stops, and will be back",
        CloseCode::HandshakeTimeout => "no session was opened in time",
        CloseCode::HeartbeatTimeout => "nothing was heard for one and a half intervals",
        CloseCode::AckTimeout => "deliveries were not acknowledged",
        _ => "",
    }
}
