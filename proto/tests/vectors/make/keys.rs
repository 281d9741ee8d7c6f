//! What is asked, answered and told about keys.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ClaimId, DeviceId};
use packetboat_proto::packet::{
    Answer, AskKeys, DeviceKeys, KeyBundle, Keys, KeysNews, KeysState, Kind, Notice, OneTimeKey,
    Operation, Packet, PublishKeys, Response, Verdict,
};

use super::packet::{request, response, user};
use super::{Message, Theme};
use crate::line::Vector;

const STATE: KeysState = KeysState { left: 7, highest: 300 };

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    questions(&mut theme);
    answers(&mut theme);
    for (name, state) in [("changed", None), ("low", Some(STATE))] {
        let news = KeysNews { user: user("bob"), device: device(state) };
        theme.canonical(&format!("notice.keys_{name}"), &Packet::Notice(Notice::Keys(news)));
    }
    let nobody = Message::new().bytes(1, "bob");
    let body = Message::new().message(8, nobody);
    theme.bad("notice.keys_without_device", Kind::Notice, &body, "it is needed");
    limits(&mut theme);
    theme.vectors
}

fn one(id: u64, bytes: usize) -> OneTimeKey {
    OneTimeKey { id, key: vec![5; bytes].into() }
}

fn phone() -> DeviceId {
    DeviceId::new("phone").expect("a good id")
}

fn device(state: Option<KeysState>) -> DeviceKeys {
    DeviceKeys { device: phone(), identity: "identity".into(), proof: "proof".into(), state }
}

fn published(one_time: Vec<OneTimeKey>) -> PublishKeys {
    PublishKeys { identity: "identity".into(), proof: "".into(), prekey: "prekey".into(), one_time }
}

fn questions(theme: &mut Theme) {
    let claim = |number| ClaimId::from([number; 16]);
    let asked = [
        ("publish_keys", AskKeys::Publish(published(vec![one(1, 3), one(300, 2)]))),
        ("publish_keys_plain", AskKeys::Publish(published(Vec::new()))),
        (
            "publish_keys_with_proof",
            AskKeys::Publish(PublishKeys { proof: "proof".into(), ..published(Vec::new()) }),
        ),
        ("publish_no_keys", AskKeys::Publish(PublishKeys::default())),
        ("claim_key", AskKeys::Claim { claim: claim(9), user: user("bob"), device: phone() }),
        ("keys", AskKeys::Devices { user: user("bob"), after: None, limit: 0 }),
        ("keys_after", AskKeys::Devices { user: user("bob"), after: Some(phone()), limit: 9 }),
    ];
    for (name, asked) in asked {
        theme.canonical(&format!("request.{name}"), &request(Operation::Keys(asked)));
    }
    let numberless = Message::new().message(4, Message::new().bytes(2, "key"));
    let body = Message::new().int(1, 1).message(70, numberless);
    theme.bad("request.publish_keys_without_id", Kind::Request, &body, "ids begin with 1");
}

fn answers(theme: &mut Theme) {
    let bundle = |one_time| {
        let (identity, prekey) = ("identity".into(), "prekey".into());
        Keys::Claimed(KeyBundle { identity, prekey, one_time })
    };
    let devices = |devices, more| Keys::Devices { devices, more };
    let answered = [
        ("publish_keys", Keys::Published(STATE)),
        ("publish_keys_none", Keys::Published(KeysState::default())),
        ("claim_key", bundle(Some(one(300, 3)))),
        ("claim_key_none_left", bundle(None)),
        ("keys", devices(vec![device(None)], true)),
        ("keys_own", devices(vec![device(Some(STATE))], false)),
        ("keys_own_none_left", devices(vec![device(Some(KeysState::default()))], false)),
        ("keys_none", devices(Vec::new(), false)),
    ];
    for (name, keys) in answered {
        theme.canonical(&format!("response.{name}"), &response(Answer::Keys(keys)));
    }
    let answer = Err(Verdict::reject(RejectCode::NoKeys, "no such device with keys", 0));
    theme.canonical("response.no_keys", &Packet::Response(Response { id: 7, answer }));
}

fn limits(theme: &mut Theme) {
    let packet = |keys: PublishKeys| request(Operation::Keys(AskKeys::Publish(keys)));
    let bytes = |count: usize| vec![5; count].into();
    let plain = || published(Vec::new());
    for (name, field, max, keys) in [
        ("key_identity_bytes_max", 1, 256, PublishKeys { identity: bytes(256), ..plain() }),
        ("key_proof_bytes_max", 2, 512, PublishKeys { proof: bytes(512), ..plain() }),
        ("prekey_bytes_max", 3, 2_048, PublishKeys { prekey: bytes(2_048), ..plain() }),
    ] {
        theme.canonical(&format!("limit.{name}.at"), &packet(keys));
        let body = Message::new().bytes(field, vec![5; max + 1]);
        let body = Message::new().int(1, 1).message(70, body);
        let why = format!("{} bytes, at most {max}", max + 1);
        theme.bad(&format!("limit.{name}.over"), Kind::Request, &body, &why);
    }
    let name = "limit.one_time_key_bytes_max";
    theme.canonical(&format!("{name}.at"), &packet(published(vec![one(1, 2_048)])));
    let long = Message::new().int(1, 1).bytes(2, vec![5; 2_049]);
    let body = Message::new().int(1, 1).message(70, Message::new().message(4, long));
    theme.bad(&format!("{name}.over"), Kind::Request, &body, "2049 bytes, at most 2048");
    let name = "limit.one_time_keys_per_publish_max";
    let most = (1..=100).map(|id| one(id, 1)).collect();
    theme.canonical(&format!("{name}.at"), &packet(published(most)));
    let many = Message::new().repeated(4, 101, |_| b"\x08\x01".to_vec());
    let body = Message::new().int(1, 1).message(70, many);
    theme.bad(&format!("{name}.over"), Kind::Request, &body, "more than 100 keys");
    let name = "limit.claim_id_bytes";
    let claim = AskKeys::Claim { claim: ClaimId::from([9; 16]), user: user("b"), device: phone() };
    theme.canonical(&format!("{name}.at"), &request(Operation::Keys(claim)));
    for (end, bytes) in [("over", 17), ("under", 15)] {
        let claim = Message::new().bytes(1, vec![9; bytes]).bytes(2, "b").bytes(3, "phone");
        let body = Message::new().int(1, 1).message(72, claim);
        theme.bad(&format!("{name}.{end}"), Kind::Request, &body, "a claim's id has 16 bytes");
    }
    let list = Message::new().repeated(1, 201, |_| b"\x0a\x01a".to_vec());
    let body = Message::new().int(1, 1).message(75, list);
    theme.bad("limit.page_items_max.keys.over", Kind::Response, &body, "more than 200 devices");
}
