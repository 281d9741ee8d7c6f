//! Messages that are sent later, as JSON.

use packetboat_client::proto::code::RejectCode;
use packetboat_client::proto::content::Content;
use packetboat_client::{ScheduledMessage, Verdict};
use serde_json::{Value, json};

use super::{change, hex};

/// One that is to be sent: `chat`, `id`, `at_ms`, what it says as in an entry, `expires_after_ms`
/// (0: it stays), `failed` (null: it waits) with `code` and `reason`.
pub(crate) fn message(message: &ScheduledMessage) -> Value {
    let mut object = match Content::decode_whole(&message.content, usize::MAX) {
        Ok((said, context)) => {
            let mut said = change::message(said, &context);
            said["expires_after_ms"] = json!(context.expires_after_ms);
            said
        }
        Err(_) => json!({ "kind": "unknown", "hex": hex(&message.content) }),
    };
    object["type"] = json!("scheduled");
    object["chat"] = json!(message.name.chat.as_str());
    object["id"] = json!(message.name.id.to_string());
    object["at_ms"] = json!(message.at_ms);
    object["failed"] = message.failed.as_ref().map_or(Value::Null, failure);
    object
}

fn failure(verdict: &Verdict) -> Value {
    let code = verdict.reject_code();
    json!({
        "code": code.map_or_else(|| verdict.code.to_string(), RejectCode::name),
        "reason": verdict.reason,
    })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(message(&waits), expected);
        let failed = message(&ScheduledMessage { failed: Some(verdict), ..waits });
        assert_eq!(failed["failed"], json!({ "code": "MUTED", "reason": "not now" }));
    }
}
