//! Messages that are sent later, as JSON.

use packetboat_client::proto::content::Content;
use packetboat_client::{ScheduledMessage, Verdict};
use serde_json::{Value, json};

use super::{Object, change, code, hex};

/// One that is to be sent: `chat`, `id`, `at_ms`, what it says as in an entry, `expires_after_ms`
/// (0: it stays), `failed` (null: it waits) with `code` and `reason`.
pub(crate) fn message(message: &ScheduledMessage) -> Object {
    let said = match Content::decode_whole(&message.content, usize::MAX) {
        Ok((said, context)) => {
            let mut said = change::message(said, &context);
            said["expires_after_ms"] = json!(context.expires_after_ms);
            said
        }
        Err(_) => json!({ "kind": "unknown", "hex": hex(&message.content) }),
    };
    let mut object = Object::new("scheduled", said);
    object.extend(json!({
        "chat": message.name.chat.as_str(),
        "id": message.name.id.to_string(),
        "at_ms": message.at_ms,
        "failed": message.failed.as_ref().map(failure),
    }));
    object
}

fn failure(verdict: &Verdict) -> Value {
    json!({ "code": code(verdict), "reason": verdict.reason })
}

#[cfg(test)]
mod tests {
    use packetboat_client::proto::code::RejectCode;
    use packetboat_client::{MessageId, ScheduledName};

    use super::*;

    #[test]
    fn a_scheduled_message_has_its_fields() {
        let name =
            ScheduledName { chat: "dm:a:b".parse().unwrap(), id: MessageId::from([0xab; 16]) };
        let content = Content::text("hi").encode();
        let verdict = Verdict::reject(RejectCode::Muted, "not now", 0);
        let waits = ScheduledMessage { name, content, at_ms: 7, failed: None };
        let expected = json!({
            "type": "scheduled", "chat": "dm:a:b", "id": "ab".repeat(16), "at_ms": 7,
            "kind": "text", "text": "hi", "expires_after_ms": 0, "failed": null,
        });
        assert_eq!(Value::from(message(&waits)), expected);
        let failed = message(&ScheduledMessage { failed: Some(verdict), ..waits });
        assert_eq!(failed["failed"], json!({ "code": "MUTED", "reason": "not now" }));
    }
}
