//! How a session begins and ends: the claim that a hello makes, and what a person is told about a
//! close that needs no detail. Must never decide whether to.

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::SessionId;
use packetboat_proto::packet::{self, Hello};

use crate::store::{Claim, Start};

/// What a hello asks the store for.
pub(super) fn claim(hello: &Hello, session: SessionId) -> Claim {
    let start = match hello.start {
        None => Start::Undelivered,
        Some(packet::Start::Everything) => Start::Everything,
        Some(packet::Start::Last(count)) => Start::Last(count),
        Some(packet::Start::Newest) => Start::Newest,
    };
    Claim { user: hello.user.clone(), device: hello.device.clone(), session, start }
}

/// What a person is told about a close that needs no detail.
pub(super) fn reason_of(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Replaced => "a newer session of this device took its place",
        CloseCode::ShuttingDown => "the server stops, and will be back",
        CloseCode::HandshakeTimeout => "no session was opened in time",
        CloseCode::HeartbeatTimeout => "nothing was heard for one and a half intervals",
        CloseCode::AckTimeout => "deliveries were not acknowledged",
        _ => "",
    }
}
