//! What a session says first, and what it is answered, as JSON. Must never leave a field out.

use packetboat_proto::packet::{Credential, Hello, Limits, Start, Welcome};
use serde_json::{Value, json};

use crate::line::hex;

pub(super) fn of_hello(hello: &Hello) -> Value {
    json!({
        "user": hello.user.as_str(),
        "device": hello.device.as_str(),
        "credential": match &hello.credential {
            Credential::Open => json!({ "open": {} }),
            Credential::Password(password) => json!({ "password": password }),
            Credential::Token(token) => json!({ "token": token }),
            Credential::Ticket(ticket) => json!({ "ticket": hex(ticket) }),
        },
        "client": hello.client,
        "wanted": of_limits(&hello.wanted),
        "start": hello.start.map(|start| match start {
            Start::Everything => json!({ "everything": {} }),
            Start::Last(count) => json!({ "last": count }),
            Start::Newest => json!({ "newest": {} }),
        }),
        "device_name": hello.device_name,
        "platform": hello.platform,
    })
}

fn of_limits(limits: &Limits) -> Value {
    json!({
        "max_body": limits.max_body,
        "window": limits.window,
        "heartbeat_ms": limits.heartbeat_ms,
        "max_content": limits.max_content,
        "sends": limits.sends,
    })
}

pub(super) fn of_welcome(welcome: &Welcome) -> Value {
    json!({
        "session": welcome.session.to_string(),
        "limits": of_limits(&welcome.limits),
        "ticket": hex(&welcome.ticket),
        "ticket_expires_ms": welcome.ticket_expires_ms,
        "now_ms": welcome.now_ms,
        "server": welcome.server,
        "new_device": welcome.new_device,
    })
}
