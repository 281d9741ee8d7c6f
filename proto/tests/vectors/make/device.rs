//! What is asked of a user's own devices, answered, and said by a device of itself.

use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{
    Answer, DeviceAnswer, DeviceOperation, DeviceState, Hello, Kind, Operation, Packet,
};

use super::packet::{hello, request, response};
use super::{Message, Theme};
use crate::line::Vector;

const AT_MS: u64 = 1_760_000_000_000;

fn device(id: &str) -> DeviceId {
    DeviceId::new(id).expect("the vectors name devices by ids")
}

fn state() -> DeviceState {
    DeviceState {
        device: device("phone"),
        name: "Ada's phone".into(),
        platform: "android".into(),
        client: "example 1.0".into(),
        first_seen_ms: AT_MS,
        last_seen_ms: AT_MS + 1,
        address: "2001:db8::1".into(),
        online: true,
    }
}

fn plain() -> DeviceState {
    let empty = String::new;
    DeviceState {
        device: device("d"),
        name: empty(),
        platform: empty(),
        client: empty(),
        first_seen_ms: 0,
        last_seen_ms: 0,
        address: empty(),
        online: false,
    }
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    for (name, asked) in [
        ("devices", DeviceOperation::List { after: None, limit: 0 }),
        ("devices_after", DeviceOperation::List { after: Some(device("phone")), limit: 9 }),
        ("log_out", DeviceOperation::LogOut { device: device("phone") }),
        ("log_out_others", DeviceOperation::LogOutOthers),
    ] {
        theme.canonical(&format!("request.{name}"), &request(Operation::Device(asked)));
    }
    for (name, answer) in [
        ("devices", DeviceAnswer::List { devices: vec![plain(), state()], more: true }),
        ("devices_none", DeviceAnswer::List { devices: Vec::new(), more: false }),
        ("log_out", DeviceAnswer::LogOut),
        ("log_out_others", DeviceAnswer::LogOutOthers),
    ] {
        theme.canonical(&format!("response.{name}"), &response(Answer::Device(answer)));
    }
    let (name, platform) = ("Ada's phone".to_owned(), "android".to_owned());
    let labelled = Hello { device_name: name, platform, ..hello() };
    theme.canonical("hello.labelled", &Packet::Hello(labelled));
    limits(&mut theme);
    let nobody = Message::new().int(1, 1).message(42, Message::new());
    theme.bad("request.log_out_of_none", Kind::Request, &nobody, "a device is needed");
    theme.vectors
}

fn limits(theme: &mut Theme) {
    let greeted = |field, bytes| {
        let credential = Message::new().message(1, Message::new());
        let greeted = Message::new().bytes(1, "a").bytes(2, "d").message(3, credential);
        greeted.bytes(field, "c".repeat(bytes))
    };
    let listed = |field, bytes: usize| {
        let state = Message::new().bytes(1, "d").bytes(field, "c".repeat(bytes));
        Message::new().int(1, 1).message(41, Message::new().message(1, state))
    };
    let longest = Hello { device_name: "c".repeat(64), ..hello() };
    theme.canonical("limit.device_name_bytes_max.hello.at", &Packet::Hello(longest));
    let longest = Hello { platform: "c".repeat(32), ..hello() };
    theme.canonical("limit.platform_bytes_max.hello.at", &Packet::Hello(longest));
    for (name, field, bytes) in [("device_name_bytes_max", 7, 65), ("platform_bytes_max", 8, 33)] {
        let name = format!("limit.{name}.hello.over");
        theme.bad(&name, Kind::Hello, &greeted(field, bytes), "one over the limit");
    }
    let longest = DeviceState {
        name: "c".repeat(64),
        platform: "c".repeat(32),
        client: "c".repeat(64),
        address: "c".repeat(64),
        ..plain()
    };
    let page = |devices| response(Answer::Device(DeviceAnswer::List { devices, more: false }));
    theme.canonical("limit.address_bytes_max.devices.at", &page(vec![longest]));
    for (name, field, bytes) in [
        ("device_name_bytes_max", 2, 65),
        ("platform_bytes_max", 3, 33),
        ("software_bytes_max", 4, 65),
        ("address_bytes_max", 7, 65),
    ] {
        let name = format!("limit.{name}.devices.over");
        theme.bad(&name, Kind::Response, &listed(field, bytes), "one over the limit");
    }
    let most = page(vec![plain(); 200]);
    theme.canonical("limit.page_items_max.devices.at", &most);
    let list = Message::new().repeated(1, 201, |_| b"\x0a\x01d".to_vec());
    let body = Message::new().int(1, 1).message(41, list);
    let name = "limit.page_items_max.devices.over";
    theme.bad(name, Kind::Response, &body, "more than 200 devices");
}
